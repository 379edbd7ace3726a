"""What the deletion of a CA does to the device certificates registered under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.contract import DeviceCertificatesOnDelete
from iot_certificate_provider.errors import (
    ConflictError,
    DeadlineError,
    NotFoundError,
    ProviderError,
    ThrottledError,
    UnfinishedError,
)
from iot_certificate_provider.resources.device.removal import OFF
from iot_certificate_provider.resources.lifecycle.redelivery import wait_for_late_effects

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from iot_certificate_provider.aws.iot import DeviceCertificateEntry, IotGateway
    from iot_certificate_provider.deadline import Deadline
    from iot_certificate_provider.resources.device.removal import DeviceCertificateRemoval


class DeviceCertificateSweep:
    """Deactivates or deletes all certificates of a CA, those that devices brought in just in time among them."""

    def __init__(self, iot: IotGateway, removal: DeviceCertificateRemoval) -> None:
        self._iot = iot
        self._removal = removal

    def run(
        self, ca_certificate_id: str, what: DeviceCertificatesOnDelete, held: Collection[str], deadline: Deadline
    ) -> None:
        """Do ``what`` to the certificates of the CA, until a listing names none but those in ``held``.

        ``held`` are physical ids of the stack's resources: certificates by their id, things by their name. One whose
        state refuses (a pending transfer, say) does not keep the others: ConflictError comes at the end. Out of time,
        UnfinishedError says how many are left: another run goes on with them.
        """
        act = self._action(what, held, deadline)
        entries: list[DeviceCertificateEntry] = []
        for _ in deadline.attempts():
            entries = self._left(ca_certificate_id, what, held)
            if not entries:
                return
            self._act_on_each(entries, act)
        raise _unfinished(len(entries))

    def wait_until_released(self, held: Collection[str], deadline: Deadline) -> None:
        """Wait, at most five minutes, until the policies that the stack holds can be deleted after a ``run``."""
        self._removal.wait_until_own_are_released(held, deadline)

    def _act_on_each(
        self, entries: list[DeviceCertificateEntry], act: Callable[[DeviceCertificateEntry], None]
    ) -> None:
        refused: ConflictError | None = None
        for done, entry in enumerate(entries):
            try:
                act(entry)
            except NotFoundError:
                continue  # somebody else was faster: that is what was wanted
            except ConflictError as error:
                refused = error
            except (DeadlineError, ThrottledError) as error:
                raise _unfinished(len(entries) - done) from error
        if refused is not None:
            raise refused

    def _left(
        self, ca_certificate_id: str, what: DeviceCertificatesOnDelete, held: Collection[str]
    ) -> list[DeviceCertificateEntry]:
        try:
            entries = [entry for entry in self._iot.certificates_of_ca(ca_certificate_id) if entry.id not in held]
        except (DeadlineError, ThrottledError) as error:
            raise _unfinished(None) from error
        if what is DeviceCertificatesOnDelete.DEACTIVATE:
            return [entry for entry in entries if entry.status not in OFF]
        return entries

    def _action(
        self, what: DeviceCertificatesOnDelete, held: Collection[str], deadline: Deadline
    ) -> Callable[[DeviceCertificateEntry], None]:
        if what is DeviceCertificatesOnDelete.DEACTIVATE:
            return self._removal.deactivate
        if what is DeviceCertificatesOnDelete.DELETE:
            return lambda entry: self._removal.remove_live(entry, deadline)
        return lambda entry: self._remove_with_things(entry, held, deadline)

    def _remove_with_things(self, entry: DeviceCertificateEntry, held: Collection[str], deadline: Deadline) -> None:
        def remove_thing(thing_name: str, arn: str) -> None:
            try:
                self._iot.detach_thing(thing_name, arn)
                if thing_name not in held and not self._iot.has_principals(thing_name):
                    self._iot.delete_thing(thing_name)
            except ProviderError as error:
                # Only its attachment names the thing: the next try has to find it again.
                with deadline.undoing():
                    wait_for_late_effects(error, deadline)
                    self._iot.attach_thing(thing_name, arn)
                raise

        self._removal.remove_live(entry, deadline, remove_thing)


def _unfinished(count: int | None) -> UnfinishedError:
    left = "device certificates of the CA may be" if count is None else f"{count} device certificates of the CA are"
    return UnfinishedError(f"Out of time: {left} left, and the CA is INACTIVE. Delete the stack again to go on")
