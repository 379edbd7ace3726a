"""An embedded AWS with many certificates: registered by its API, as fast as it takes them."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import issuing
from iot_certificates_local import EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMES = ("Factory CA", "Second factory CA", "Test CA", "CA of the first prototypes")
# Most of a fleet is the newest CA's.
_SHARES = (0.55, 0.3, 0.1, 0.05)
_STATUSES = ("ACTIVE",) * 8 + ("INACTIVE", "REVOKED")
_YEARS = 12
_START = datetime(2026, 1, 1, tzinfo=UTC)


def unhurried_aws() -> EmbeddedAws:
    """Return an AWS that throttles nobody: what is measured is the command, and not AWS's quotas."""
    return EmbeddedAws(requests_per_second=math.inf)


def populate(iot: Any, certificates: int) -> None:
    """Register four CAs and this many device certificates of theirs, which expire in the course of twelve years."""
    cas = [issuing.make_ca(name) for name in NAMES]
    for ca in cas:
        iot.register_ca_certificate(caCertificate=ca.pem, certificateMode="SNI_ONLY", setAsActive=True)
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda number: _register(iot, cas, number, certificates), range(certificates)):
            pass


def attach_some(iot: Any, arns: Iterable[str]) -> None:
    """Attach certificates to a policy and a thing each."""
    iot.create_policy(policyName="telemetry", policyDocument='{"Version": "2012-10-17", "Statement": []}')
    for number, arn in enumerate(arns):
        iot.create_thing(thingName=f"thing-{number}")
        iot.attach_policy(policyName="telemetry", target=arn)
        iot.attach_thing_principal(thingName=f"thing-{number}", principal=arn)


def _register(iot: Any, cas: list[issuing.Issued], number: int, certificates: int) -> None:
    ca = cas[_ca_of(number, certificates)]
    # Spread unevenly over the years, and the same in every run.
    after = timedelta(days=1 + (number * 7919 % (365 * _YEARS)) * (number % 10) // 9)
    device = issuing.make_device(ca, f"device-{number}", valid_to=_START + timedelta(days=370) + after)
    iot.register_certificate(
        certificatePem=device.pem, caCertificatePem=ca.pem, status=_STATUSES[number % len(_STATUSES)]
    )


def _ca_of(number: int, certificates: int) -> int:
    place, upto = number / certificates, 0.0
    for index, share in enumerate(_SHARES):
        upto += share
        if place < upto:
            return index
    return len(_SHARES) - 1
