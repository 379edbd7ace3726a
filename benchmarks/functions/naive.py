"""A function as crhelper's README shows it: its defaults, clients made while the module is imported, no checks."""

from __future__ import annotations

import logging
from typing import Any

import boto3
from crhelper import CfnResource

logger = logging.getLogger(__name__)
helper = CfnResource(json_logging=False, log_level="DEBUG", boto_level="CRITICAL", sleep_on_delete=120, ssl_verify=None)

try:
    iot = boto3.client("iot")
except Exception as error:  # noqa: BLE001 - as the README has it
    helper.init_failure(error)


@helper.create
def create(event: dict[str, Any], _: object) -> str:
    """Register the certificate; its id is the physical id."""
    properties = event["ResourceProperties"]
    answer = iot.register_certificate(
        certificatePem=properties["CertificatePem"], caCertificatePem=properties["CACertificatePem"], status="ACTIVE"
    )
    helper.Data["Arn"] = answer["certificateArn"]
    return str(answer["certificateId"])


def handler(event: dict[str, Any], context: object) -> None:
    """Hand the event to crhelper."""
    helper(event, context)
