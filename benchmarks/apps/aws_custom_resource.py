"""An app with one AwsCustomResource, whose singleton function is the CDK's own: ``python … OUTPUT``."""

from __future__ import annotations

import sys

from aws_cdk import App, Stack
from aws_cdk import custom_resources as resources

app = App(outdir=sys.argv[1])
stack = Stack(app, "Stack")
register = resources.AwsSdkCall(
    service="IoT",
    action="registerCertificateWithoutCA",
    parameters={"certificatePem": "…", "status": "ACTIVE"},
    physical_resource_id=resources.PhysicalResourceId.from_response("certificateId"),
)
resources.AwsCustomResource(
    stack,
    "Certificate",
    on_create=register,
    policy=resources.AwsCustomResourcePolicy.from_sdk_calls(resources=["*"]),
)
app.synth()
