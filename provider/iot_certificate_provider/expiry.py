"""The Lambda entry point of the expiry schedule: the days to expiry of each certificate of a stack.

A separate function, with a read-only role. It reads the registered certificates, not the template: a certificate that
was deleted outside the stack has no days, an adopted one has.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.cloudformation import StackGateway
from iot_certificate_provider.aws.iot import IotGateway
from iot_certificate_provider.contract import (
    EXPIRY_STACK_ID,
    DeviceCertificateStatus,
    MetricDimension,
    MetricName,
    ResourceType,
)
from iot_certificate_provider.deadline import Deadline
from iot_certificate_provider.embedded_metrics import publish_metric
from iot_certificate_provider.errors import NotFoundError, ProviderError
from iot_certificate_provider.physical_id import certificate_id_in, is_certificate_id
from iot_certificate_provider.pki import Certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iot_certificate_provider.aws.cloudformation import StackResource

PAUSE_SECONDS = 0.2
"""Between two certificates: half of what AWS IoT allows an account, ten descriptions a second, is left to others."""

WITH_CA_CERTIFICATE = (ResourceType.CA_CERTIFICATE, ResourceType.SELF_SIGNED_CA_CERTIFICATE)
WITH_DEVICE_CERTIFICATE = (
    ResourceType.DEVICE_CERTIFICATE,
    ResourceType.ISSUED_DEVICE_CERTIFICATE,
    ResourceType.CERTIFICATE_TRANSFER_DECISION,
)
WITHOUT_CERTIFICATE = (
    ResourceType.REGISTRATION_CODE,
    ResourceType.CERTIFICATE_TRANSFER,
    ResourceType.CERTIFICATE_GENERATION,
    ResourceType.DEVICE_CERTIFICATE_FLEET,
)
"""A transfer to another account has no certificate of its own: it transfers the one of another resource. Those of a
fleet are too many to be described one by one."""

logger = logging.getLogger("iot_certificate_provider")
clients = AwsClients()


class ExpiryUnknownError(Exception):
    """Of some certificates the expiry could not be read. Raised out of the function, so that Lambda tries again."""


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Publish DaysToExpiry of the certificates in the stack whose id the event has as ``StackId``.

    Raises ExpiryUnknownError, when all others are published, and ProviderError when the stack cannot be read.
    """
    deadline = Deadline(lambda: context.get_remaining_time_in_millis() / 1000)
    clients.begin(deadline)
    ExpiryPublication(StackGateway(clients), IotGateway(clients), _now).run(event[EXPIRY_STACK_ID], deadline)


class ExpiryPublication:
    """Publishes the days to expiry of a stack's certificates, each for itself and all of them for the stack."""

    def __init__(self, stacks: StackGateway, iot: IotGateway, now: Callable[[], datetime]) -> None:
        self._stacks = stacks
        self._iot = iot
        self._now = now

    def run(self, stack_id: str, deadline: Deadline) -> None:
        """Publish what can be found out; then raise ExpiryUnknownError if that was not all."""
        unknown = 0
        for resource in filter(_has_certificate, self._stacks.resources(stack_id)):
            try:
                deadline.pause(PAUSE_SECONDS)
                self._publish(resource)
            except NotFoundError:
                continue  # it was deleted outside the stack
            except ProviderError as error:
                unknown += 1
                # Its kind alone: what AWS says may have more in it than a log should.
                line = {"logical_id": resource.logical_id, "error": type(error).__name__}
                logger.error(json.dumps(line))  # noqa: TRY400 - the traceback would have its text
        if unknown:
            raise ExpiryUnknownError(f"The expiry of {unknown} certificates could not be read: see the lines above")

    def _publish(self, resource: StackResource) -> None:
        pem = self._pem(resource)
        if pem is None:
            return
        now = self._now()
        dimensions = {
            MetricDimension.STACK_NAME: resource.stack_name,
            MetricDimension.LOGICAL_ID: resource.logical_id,
        }
        # Whole days, rounded down: 0 on the last one, negative once it has expired.
        days = (Certificate.from_pem(pem).not_after - now).days
        publish_metric(MetricName.DAYS_TO_EXPIRY, days, dimensions, [[*dimensions], [MetricDimension.STACK_NAME]], now)

    def _pem(self, resource: StackResource) -> str | None:
        """Return the certificate; None for one that was revoked, which is of no use already."""
        certificate_id = certificate_id_in(resource.physical_id)
        if resource.type in WITH_CA_CERTIFICATE:
            return self._iot.describe_ca_certificate(certificate_id).pem
        found = self._iot.describe_certificate(certificate_id)
        return None if found.status == DeviceCertificateStatus.REVOKED else found.pem


def _has_certificate(resource: StackResource) -> bool:
    """Whether it holds a certificate: the physical id of what failed, or was rejected, is of another kind."""
    is_certificate = is_certificate_id(certificate_id_in(resource.physical_id))
    return (
        resource.type in (*WITH_CA_CERTIFICATE, *WITH_DEVICE_CERTIFICATE) and is_certificate and not resource.is_going
    )


def _now() -> datetime:
    return datetime.now(UTC)
