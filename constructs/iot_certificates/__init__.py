"""CDK constructs for AWS IoT Core certificates."""
