"""What the deletion of a CA does to the device certificates registered under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.contract import DeviceCertificatesOnDelete, DeviceCertificateStatus
from iot_certificate_provider.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from iot_certificate_provider.aws.iot import DeviceCertificateEntry, IotGateway
    from iot_certificate_provider.deadline import Deadline
    from iot_certificate_provider.resources.device_certificate_removal import DeviceCertificateRemoval

_OFF = (DeviceCertificateStatus.INACTIVE, DeviceCertificateStatus.REVOKED)


class DeviceCertificateSweep:
    """Deactivates or deletes all certificates of a CA, those that devices brought in just in time among them."""

    def __init__(self, iot: IotGateway, removal: DeviceCertificateRemoval) -> None:
        self._iot = iot
        self._removal = removal

    def run(
        self, ca_certificate_id: str, what: DeviceCertificatesOnDelete, held: Collection[str], deadline: Deadline
    ) -> None:
        """Do ``what`` to each certificate of the CA but those in ``held``, until a listing names none that is left."""
        act = self._action(what, deadline)
        while entries := self._left(ca_certificate_id, what, held):
            for entry in entries:
                try:
                    act(entry)
                except NotFoundError:
                    continue  # somebody else was faster: that is what was wanted

    def _left(
        self, ca_certificate_id: str, what: DeviceCertificatesOnDelete, held: Collection[str]
    ) -> list[DeviceCertificateEntry]:
        entries = (e for e in self._iot.certificates_of_ca(ca_certificate_id) if e.id not in held)
        if what is DeviceCertificatesOnDelete.DEACTIVATE:
            return [entry for entry in entries if entry.status not in _OFF]
        return list(entries)

    def _action(
        self, what: DeviceCertificatesOnDelete, deadline: Deadline
    ) -> Callable[[DeviceCertificateEntry], object]:
        if what is DeviceCertificatesOnDelete.DEACTIVATE:
            return self._removal.deactivate
        if what is DeviceCertificatesOnDelete.DELETE:
            return lambda entry: self._removal.remove_live(entry, deadline)
        return lambda entry: self._remove_with_things(entry, deadline)

    def _remove_with_things(self, entry: DeviceCertificateEntry, deadline: Deadline) -> None:
        for thing_name in self._removal.remove_live(entry, deadline):
            if not self._iot.has_principals(thing_name):
                self._iot.delete_thing(thing_name)
