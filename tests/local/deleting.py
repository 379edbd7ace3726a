"""Deleting what a test has registered: AWS IoT, and its emulation, may take a while to see what was changed before."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_iot import IoTClient

SECONDS = 20


def delete_certificate(iot: IoTClient, certificate_id: str) -> None:
    """Deactivate a device certificate and delete it, whatever its status."""
    described = iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]
    if described["status"] == "ACTIVE":
        iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")
    until_accepted(iot.delete_certificate, certificateId=certificate_id, forceDelete=True)


def delete_ca_certificate(iot: IoTClient, certificate_id: str) -> None:
    """Deactivate a CA certificate and delete it."""
    iot.update_ca_certificate(certificateId=certificate_id, newStatus="INACTIVE")
    until_accepted(iot.delete_ca_certificate, certificateId=certificate_id)


def until_accepted(call: Callable[..., Any], **arguments: Any) -> None:
    """Repeat a call until AWS IoT accepts it."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            call(**arguments)
        except ClientError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return
