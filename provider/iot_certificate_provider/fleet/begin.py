"""``Custom::IotDeviceCertificateFleet``: check a request, store it, and start the state machine that answers it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.embedded_metrics import publish_metric
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.fleet.arithmetic import RATE_OF_A_CHILD, children, fitting, rate_needed, seconds
from iot_certificate_provider.fleet.layout import FleetKeys, fleet_name
from iot_certificate_provider.fleet.plan import read_manifest
from iot_certificate_provider.fleet.store import Store
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.handler import Function
from iot_certificate_provider.physical_id import fleet_id
from iot_certificate_provider.properties.fleet import MAX_REGISTRATIONS_PER_SECOND, DeviceCertificateFleetProperties
from iot_certificate_provider.protocol.delivery import Delivery
from iot_certificate_provider.protocol.response import Outcome
from iot_certificate_provider.resources.lifecycle.redelivery import check_awaited

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.fleet.layout import RunKeys
    from iot_certificate_provider.protocol.request import Request


@dataclass(frozen=True)
class Settings:
    """The environment of the function: the fleet's bucket, its prefix there, and its machine.

    ``max_concurrency``: how many shards the machine works on at a time.
    """

    bucket: str
    prefix: str
    machine_arn: str
    max_concurrency: int


class DeviceCertificateFleetResource:
    """Start a run for each request. ``event`` returns the event of the current request."""

    def __init__(
        self, aws: Gateways, now: Callable[[], datetime], settings: Settings, event: Callable[[], Mapping[str, Any]]
    ) -> None:
        self._aws, self._now, self._settings, self._event = aws, now, settings, event
        self._store = Store(aws.s3, settings.bucket)

    def create(self, request: Request) -> Outcome:
        """Register the manifest; refuse it here if that takes longer than CloudFormation waits."""
        request.progress.registered = _id(request)
        properties = self._checked(request)
        if properties.waits:
            desired, _ = read_manifest(self._aws.s3, properties)
            _check_fits(desired.count, properties)
        return self._begun(request)

    def update(self, request: Request) -> Outcome:
        """Apply the difference between the manifest and the ledger, also in a rollback."""
        properties = self._checked(request)
        read_manifest(self._aws.s3, properties)
        return self._begun(request)

    def delete(self, request: Request) -> Outcome:
        """Remove the certificates that the fleet registered; succeed if there are none."""
        keys = self._keys(request)
        if next(iter(self._store.keys(f"{keys.prefix}/")), None) is None:
            return Outcome(request.existing_id, note="Nothing to delete: the fleet has registered nothing")
        return self._begun(request)

    def _checked(self, request: Request) -> DeviceCertificateFleetProperties:
        check_awaited(request, self._aws.stacks, self._now())
        properties = DeviceCertificateFleetProperties.read(request.properties)
        self._check_rate(properties.rate)
        return properties

    def _check_rate(self, rate: float) -> None:
        most = RATE_OF_A_CHILD * self._settings.max_concurrency
        if rate > most:
            raise InvalidPropertyError(
                MAX_REGISTRATIONS_PER_SECOND.name,
                f"is {rate:g}, and the fleet's state machine reaches {most:g}, 25 for each shard at a time",
                f"Give at most {most:g}, or deploy the stack of the ServiceToken with MaxConcurrency={children(rate)}",
            )

    def _keys(self, request: Request) -> FleetKeys:
        return FleetKeys.of(self._settings.prefix, request.stack_id, request.logical_id)

    def _begun(self, request: Request) -> Outcome:
        run = self._keys(request).run(request.request_id)
        return Outcome(request.physical_id or _id(request), answered_by=partial(self._begin, run))

    def _begin(self, run: RunKeys) -> None:
        """Keep the event, end the runs before, and start the machine. The same event again starts nothing new."""
        children = self._settings.max_concurrency
        kept = {"event": dict(self._event()), "received": self._now().isoformat(), "children": children}
        if not self._store.put_new_json(run.event, kept):
            kept = self._store.json(run.event) or kept
        if self._store.is_cancelled(run):
            return  # a delivery that comes after the next request: the run is over, or about to be
        for each in self._store.runs(run.fleet):
            if each != run and not self._store.exists(each.folded) and self._is_before(each, kept):
                self._store.put_new_json(each.cancel, {"byRun": run.name})
                self._aws.states.stop(self._settings.machine_arn, each.name, "Another request of the same resource")
        given = {"bucket": self._settings.bucket, "run": run.prefix}
        self._aws.states.start(self._settings.machine_arn, run.name, given)

    def _is_before(self, run: RunKeys, kept: Mapping[str, Any]) -> bool:
        other = self._store.json(run.event)
        return other is None or str(other["received"]) <= str(kept["received"])


def _id(request: Request) -> str:
    return fleet_id(fleet_name(request.stack_id, request.logical_id))


def _check_fits(count: int, properties: DeviceCertificateFleetProperties) -> None:
    if count <= fitting(properties.rate):
        return
    hours = seconds(count, properties.rate) / 3600
    raise InvalidPropertyError(
        MAX_REGISTRATIONS_PER_SECOND.name,
        f"{count:,} certificates take {hours:.1f} h at {properties.rate:g} a second, and CloudFormation waits one",
        f"Raise it and AWS IoT's quotas to {rate_needed(count)}, divide the manifest, or set WaitForCompletion: false",
    )


class _Begin:
    """The function ``begin``: the provider's own, with the one resource type that it serves."""

    def __init__(self, settings: Settings) -> None:
        self._event: Mapping[str, Any] = {}
        make = partial(DeviceCertificateFleetResource, settings=settings, event=lambda: self._event)
        resources = {ResourceType.DEVICE_CERTIFICATE_FLEET: make}
        self._function = Function(
            AwsClients(), lambda: datetime.now(UTC), Delivery(), publish_metric, resources=resources
        )

    def __call__(self, event: dict[str, Any], context: Any) -> None:
        self._event = event
        self._function(event, context)


@cache
def _begin() -> _Begin:
    environment = os.environ
    bucket, prefix = environment["FLEET_BUCKET"], environment.get("FLEET_PREFIX", "")
    most = int(environment["FLEET_MAX_CONCURRENCY"])
    return _Begin(Settings(bucket, prefix, environment["STATE_MACHINE_ARN"], most))


def begin(event: dict[str, Any], context: Any) -> None:
    """Serve one request from CloudFormation."""
    _begin()(event, context)
