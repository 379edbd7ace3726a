"""Activates a device certificate that AWS IoT has just registered: the place for a check of your own."""

import os
from typing import Any

import boto3

iot = boto3.client("iot")


def handler(event: dict[str, Any], _context: object) -> str:
    """Take the message of $aws/events/certificates/registered, which comes at each connection until it is activated."""
    found = iot.describe_certificate(certificateId=event["certificateId"])["certificateDescription"]
    # One that was turned off since stays off.
    if found["status"] != "PENDING_ACTIVATION" or found["caCertificateId"] != os.environ["CA_CERTIFICATE_ID"]:
        return f"left {found['status']}"
    iot.attach_policy(policyName=os.environ["POLICY_NAME"], target=found["certificateArn"])
    iot.update_certificate(certificateId=event["certificateId"], newStatus="ACTIVE")
    return "activated"
