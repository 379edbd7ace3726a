"""CloudFormation's custom resource protocol: requests, responses, and how both travel."""
