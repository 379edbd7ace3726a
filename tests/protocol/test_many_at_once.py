"""Hundreds of certificates in one stack, against AWS IoT's quotas of requests a second: in virtual time."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from protocol import material
from protocol.function import Cloud, sdk_sleeping_on
from protocol.quotas import Quotas
from protocol.referee import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEVICES = 300
REGISTRATIONS_PER_SECOND = 10
IDEAL_SECONDS = DEVICES / REGISTRATIONS_PER_SECOND


@pytest.fixture
def crowded_cloud() -> Iterator[Cloud]:
    """Give an account of its own: hundreds of function instances are not to be kept."""
    cloud = Cloud()
    with sdk_sleeping_on(cloud):
        material.furnish(cloud)
        yield cloud


def test_hundreds_of_certificates_are_registered_at_once(
    crowded_cloud: Cloud, record_property: Callable[[str, object], None]
) -> None:
    """All succeed, in hardly more time than the quota of RegisterCertificate takes at least."""
    cloud = crowded_cloud
    quotas = Quotas(cloud)
    cloud.admit = quotas.admit
    cloud.jitter = random.Random(1).random  # noqa: S311 - the same pauses each time
    stack, started = Stack(cloud), cloud.clock.now
    template = {f"Device{n}": material.device(f"device {n}", PolicyNames=["connect"]) for n in range(DEVICES)}
    # The referee looks at every answer: I1, none comes after the function's deadline or the ServiceTimeout.
    assert stack.create(template) == "COMPLETE"
    assert len(cloud.invocations) == DEVICES, "no delivery died, and none was needed twice"
    took = max(answer.at - started for invocation in cloud.invocations for answer in invocation.answers).total_seconds()
    record_property("virtual seconds", took)
    record_property("refused", quotas.refused)
    assert quotas.refused > DEVICES, "the quota was to be in the way"
    assert took * 0.9 <= IDEAL_SECONDS, f"{took:.1f} s, though {IDEAL_SECONDS:.0f} s are enough"
