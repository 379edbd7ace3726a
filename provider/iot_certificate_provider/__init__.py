"""The Lambda function behind the ``Custom::Iot…`` resource types: CloudFormation in, AWS IoT out."""
