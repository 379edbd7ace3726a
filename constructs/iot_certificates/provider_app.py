"""The app of the provider stack, for the CDK CLI: ``cdk deploy --app "python3 -m iot_certificates.provider_app"``.

Context: ``iot-certificates:code``, ``s3://<bucket>/<key>``, says where an asset is that ``iot_certificates.bundling``
has built, in the Region of the stack: the template then needs no ``cdk bootstrap``, nor the CDK CLI to be deployed.
``iot-certificates:runtime`` and ``iot-certificates:architecture`` are as for IotCertificateProvider.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from aws_cdk import App, DefaultStackSynthesizer
from aws_cdk import aws_s3 as s3

from iot_certificates.provider_stack import IotCertificateProviderStack

CODE_CONTEXT = "iot-certificates:code"

_S3_OBJECT = re.compile(r"s3://([^/]+)/(.+)")


def main() -> None:
    """Synthesise the stack into the folder that the CDK CLI names."""
    app = App(analytics_reporting=False)
    IotCertificateProviderStack(app, "IotCertificateProvider", **uploaded_code(app))
    app.synth()


def uploaded_code(app: App) -> dict[str, Any]:
    """Return the properties of a stack whose code is in a bucket already; none where it is an asset of the app's."""
    address = app.node.try_get_context(CODE_CONTEXT)
    if address is None:
        return {}
    found = _S3_OBJECT.fullmatch(str(address))
    if found is None:
        sys.exit(f"The context {CODE_CONTEXT} is no object in Amazon S3: '{address}'. Give s3://<bucket>/<key>")
    bucket_name, object_key = found.groups()
    return {
        "code_location": s3.Location(bucket_name=bucket_name, object_key=object_key),
        "synthesizer": DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
    }


if __name__ == "__main__":
    main()
