"""The least that a function in Python can do for a certificate: boto3, a client, the call."""

from __future__ import annotations

from typing import Any

import boto3

iot = boto3.client("iot")


def handler(event: dict[str, Any], _: object) -> None:
    """Register the certificate."""
    properties = event["ResourceProperties"]
    iot.register_certificate(
        certificatePem=properties["CertificatePem"], caCertificatePem=properties["CACertificatePem"], status="ACTIVE"
    )
