"""Removing a device certificate: detach all, deactivate, delete; for a Delete, a sweep, and the undoing of a Create."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import DeviceCertificateStatus
from iot_certificate_provider.errors import InUseError, NotFoundError, ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iot_certificate_provider.aws.iot import DeviceCertificateEntry, IotGateway
    from iot_certificate_provider.deadline import Deadline

POLICY_RELEASE_SECONDS = 300.0
"""AWS IoT developer guide: a policy that was just detached may refuse its deletion for up to five minutes."""

_OFF = (DeviceCertificateStatus.INACTIVE, DeviceCertificateStatus.REVOKED)


class DeviceCertificateRemoval:
    """Removes device certificates with whatever is attached to them, also from outside the stack."""

    def __init__(self, iot: IotGateway) -> None:
        self._iot = iot

    def remove(self, certificate_id: str, deadline: Deadline) -> str | None:
        """Remove a certificate by its id and return its ARN; None when it is not registered, which is success."""
        try:
            live = self._iot.describe_certificate(certificate_id)
            self.remove_live(live, deadline)
        except NotFoundError:
            return None
        return live.arn

    def remove_live(self, live: DeviceCertificateEntry, deadline: Deadline) -> list[str]:
        """Remove a certificate whose live status is known; return the names of the things it was attached to.

        It is deactivated by that status, never by a declared one, and one that is REVOKED stays so. While AWS still
        sees attachments, they are looked for and removed again. A status is put back before a failure is reported.
        """
        things = self.detach_all(live.arn)
        deactivated = self.deactivate(live)
        try:
            self._delete(live, deadline)
        except ProviderError:
            if deactivated and live.status == DeviceCertificateStatus.ACTIVE:
                with suppress(ProviderError), deadline.undoing():
                    self._iot.update_certificate(live.id, DeviceCertificateStatus.ACTIVE)
            raise
        return things

    def detach_all(self, arn: str) -> list[str]:
        """Detach every policy and every thing; return the things' names."""
        for policy_name in list(self._iot.attached_policies(arn)):
            self._iot.detach_policy(policy_name, arn)
        thing_names = list(self._iot.attached_things(arn))
        for thing_name in thing_names:
            self._iot.detach_thing(thing_name, arn)
        return thing_names

    def deactivate(self, live: DeviceCertificateEntry) -> bool:
        """Set a certificate INACTIVE unless it is off already; say whether that was needed."""
        if live.status in _OFF:
            return False
        self._iot.update_certificate(live.id, DeviceCertificateStatus.INACTIVE)
        return True

    def wait_until_released(self, policy_names: Iterable[str], arn: str, deadline: Deadline) -> None:
        """Wait, at most five minutes, until the policies no longer name the certificate as a target.

        So that the stack can delete a policy of its own right after. The certificate is gone by now, and so nothing
        that goes wrong here is a failure: should the policy still be in use, its own deletion says so.
        """
        waiting = list(policy_names)
        with suppress(ProviderError):
            for _ in deadline.attempts(POLICY_RELEASE_SECONDS):
                waiting = [name for name in waiting if arn in self._iot.policy_targets(name)]
                if not waiting:
                    return

    def _delete(self, live: DeviceCertificateEntry, deadline: Deadline) -> None:
        conflict: InUseError | None = None
        for attempt in deadline.attempts():
            if attempt:
                self.detach_all(live.arn)
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
