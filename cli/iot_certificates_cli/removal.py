"""Deleting one device certificate: detach all, deactivate by its live status, delete."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import DeviceCertificateStatus
from iot_certificate_provider.errors import ConflictError, InUseError, NotFoundError, ProviderError

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_certificate_provider.aws.iot import IotGateway
    from iot_certificate_provider.aws.iot_descriptions import DeviceCertificateEntry
    from iot_certificates_cli.inventory import Entry

_OFF = (DeviceCertificateStatus.INACTIVE, DeviceCertificateStatus.REVOKED)
# AWS IoT API, DetachThingPrincipal: "This call is asynchronous. It might take several seconds to propagate." A
# deactivation is late too: CloudFormation's own handler waits 3 s between it and the deletion.
_PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)


def remove(iot: IotGateway, entry: Entry, sleep: Callable[[float], None] = time.sleep) -> None:
    """Delete a certificate that was shown; one that is gone meanwhile counts as deleted.

    ConflictError, and nothing is changed, when its status is another one by now: a device may have come to life.
    A status is put back before a failure is reported.
    """
    with suppress(NotFoundError):
        live = iot.describe_certificate(entry.id)
        if live.status != entry.status:
            raise ConflictError(f"it was {entry.status} when it was looked at, and is {live.status} now")
        _detach_all(iot, live.arn)
        if live.status not in _OFF:
            iot.update_certificate(live.id, DeviceCertificateStatus.INACTIVE)
        try:
            _delete(iot, live, sleep)
        except ProviderError:
            if live.status == DeviceCertificateStatus.ACTIVE:
                with suppress(ProviderError):
                    iot.update_certificate(live.id, DeviceCertificateStatus.ACTIVE)
            raise


def _delete(iot: IotGateway, live: DeviceCertificateEntry, sleep: Callable[[float], None]) -> None:
    passing = (InUseError,) if live.status in _OFF else (InUseError, ConflictError)
    refusal: ProviderError | None = None
    for pause in _PAUSES:
        sleep(pause)
        if isinstance(refusal, InUseError):
            _detach_all(iot, live.arn)
        try:
            iot.delete_certificate(live.id)
        except passing as error:
            refusal = error
        else:
            return
    if refusal is not None:
        raise refusal


def _detach_all(iot: IotGateway, arn: str) -> None:
    for policy_name in list(iot.attached_policies(arn)):
        iot.detach_policy(policy_name, arn)
    for thing_name in list(iot.attached_things(arn)):
        iot.detach_thing(thing_name, arn)
