"""Removing a device certificate: detach all, deactivate, delete; for a Delete, a sweep, and the undoing of a Create."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.propagation import POLICY_SECONDS, THING_SECONDS
from iot_certificate_provider.contract import DeviceCertificateStatus
from iot_certificate_provider.errors import InUseError, NotFoundError, ProviderError
from iot_certificate_provider.resources.removal.attachments import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot import DeviceCertificateEntry
    from iot_certificate_provider.deadline import Deadline
    from iot_certificate_provider.resources.removal.attachments import Attachments

OFF = (DeviceCertificateStatus.INACTIVE, DeviceCertificateStatus.REVOKED)
"""The statuses in which no device connects, and which a removal leaves as they are."""


DetachThing = Callable[[str, str], None]
"""Takes a thing's name and a certificate's ARN."""


class DeviceCertificateRemoval:
    """Removes device certificates with whatever is attached to them, also from outside the stack."""

    def __init__(self, aws: Gateways) -> None:
        self._iot = aws.iot
        self._detached: dict[str, set[str]] = {}
        """Policies, with the ARNs that they were detached from by this request."""
        self._detached_things: dict[str, set[str]] = {}
        """Things likewise."""

    def remove(self, certificate_id: str, deadline: Deadline) -> None:
        """Remove a certificate by its id; one that is not registered counts as removed."""
        with suppress(NotFoundError):
            self.remove_live(self._iot.describe_certificate(certificate_id), deadline)

    def undo(self, certificate_id: str, deadline: Deadline) -> None:
        """Remove what was just registered, in the time that is kept for it; where that fails, leave it INACTIVE."""
        with deadline.undoing(), suppress(NotFoundError):
            live = self._iot.describe_certificate(certificate_id)
            self.detach_all(live.arn)
            self.deactivate(live)
            self._delete(live, deadline, self._iot.detach_thing)

    def remove_live(
        self,
        live: DeviceCertificateEntry,
        deadline: Deadline,
        *,
        detach_thing: DetachThing | None = None,
        seconds: float = float("inf"),
    ) -> None:
        """Remove a certificate whose live status is known; ``detach_thing`` may do more to a thing than detach it.

        It is deactivated by that status, never by a declared one, and one that is REVOKED stays so. While AWS still
        sees attachments, they are looked for and removed again, for so many ``seconds``. A status is put back before a
        failure is reported.
        """
        detach_thing = detach_thing or self._iot.detach_thing
        self.detach_all(live.arn, detach_thing)
        self.deactivate(live)
        try:
            self._delete(live, deadline, detach_thing, seconds)
        except ProviderError:
            if live.status == DeviceCertificateStatus.ACTIVE:
                with suppress(ProviderError), deadline.undoing():
                    self._iot.update_certificate(live.id, DeviceCertificateStatus.ACTIVE)
            raise

    def detach_all(self, arn: str, detach_thing: DetachThing | None = None) -> None:
        """Detach a certificate from every policy and thing that lists it, whoever attached it."""
        detach_thing = detach_thing or self._iot.detach_thing
        for policy_name in list(self._iot.attached_policies(arn)):
            self._iot.detach_policy(policy_name, arn)
            self._detached.setdefault(policy_name, set()).add(arn)
        for thing_name in list(self._iot.attached_things(arn)):
            detach_thing(thing_name, arn)
            self._detached_things.setdefault(thing_name, set()).add(arn)

    def deactivate(self, live: DeviceCertificateEntry) -> None:
        """Set a certificate INACTIVE unless it is off already."""
        if live.status not in OFF:
            self._iot.update_certificate(live.id, DeviceCertificateStatus.INACTIVE)

    def wait_until_released(self, detached: Attachments, arn: str, deadline: Deadline) -> None:
        """Wait until neither things (a minute at most) nor policies (five) list the certificate any more.

        So that the stack can delete them right after. The certificate is detached by now, and so nothing that goes
        wrong here is a failure: should one of them still be in use, its own deletion says so.
        """
        self.wait_until_things_are_released(detached.names(Kind.THING), arn, deadline)
        self._wait_until_policies_are_released({name: {arn} for name in detached.names(Kind.POLICY)}, deadline)

    def wait_until_own_are_released(self, own: Collection[str], deadline: Deadline) -> None:
        """Wait likewise for those of ``own`` policies and things that were detached here."""
        things = {name: arns for name, arns in self._detached_things.items() if name in own}
        _wait(deadline, THING_SECONDS, things, lambda name: not things[name].isdisjoint(self._iot.principals(name)))
        mine = {name: arns for name, arns in self._detached.items() if name in own}
        self._wait_until_policies_are_released(mine, deadline)

    def wait_until_things_are_released(self, thing_names: Iterable[str], arn: str, deadline: Deadline) -> None:
        """Wait, a minute at most, until the things no longer list the certificate."""
        _wait(deadline, THING_SECONDS, thing_names, lambda name: arn in self._iot.principals(name))

    def _wait_until_policies_are_released(self, targets: Mapping[str, Collection[str]], deadline: Deadline) -> None:
        def is_listed(name: str) -> bool:
            return not set(targets[name]).isdisjoint(self._iot.policy_targets(name))

        _wait(deadline, POLICY_SECONDS, targets, is_listed)

    def _delete(
        self,
        live: DeviceCertificateEntry,
        deadline: Deadline,
        detach_thing: DetachThing,
        seconds: float = float("inf"),
    ) -> None:
        conflict: InUseError | None = None
        for attempt in deadline.attempts(seconds):
            if attempt:
                self.detach_all(live.arn, detach_thing)
            try:
                self._iot.delete_certificate(live.id)
            except NotFoundError:
                return
            except InUseError as error:
                conflict = error
            else:
                return
        if conflict is not None:
            raise conflict


def _wait(deadline: Deadline, seconds: float, names: Iterable[str], is_listed: Callable[[str], bool]) -> None:
    """Look at each name until it is not listed any more, or the seconds or the time are over."""
    waiting = list(names)
    if not waiting:
        return
    with suppress(ProviderError):
        for _ in deadline.attempts(seconds):
            waiting = [name for name in waiting if is_listed(name)]
            if not waiting:
                return
