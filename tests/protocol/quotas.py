"""AWS IoT's quotas of requests a second, for the account in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fakes.refusal import Refusal
from iot_certificates_local.strict.operations import OPERATIONS
from iot_certificates_local.strict.throttling import TokenBucket

if TYPE_CHECKING:
    from fakes.aws import Call
    from protocol.function import Cloud


class Quotas:
    """AWS IoT Core endpoints and quotas, "API throttling": so many transactions a second, by operation."""

    def __init__(self, cloud: Cloud) -> None:
        rates = {f"iot.{each.name}": each.rate for each in OPERATIONS if each.rate is not None}
        self._buckets = {name: TokenBucket(rate, lambda: _seconds(cloud)) for name, rate in rates.items()}
        self.refused = 0

    def admit(self, call: Call) -> None:
        if call.name in self._buckets and not self._buckets[call.name].takes_a_token():
            self.refused += 1
            raise Refusal("ThrottlingException", "Rate exceeded", 400)


def _seconds(cloud: Cloud) -> float:
    return cloud.clock.now.timestamp()
