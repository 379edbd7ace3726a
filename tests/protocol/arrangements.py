"""I5 of what is no certificate of the account's: transfers that resources have made, decisions, and the code they read.

What a resource was told that it has, only that resource may end; or the other account, or a hand from outside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fakes.transfers import PENDING
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.physical_id import certificate_id_in
from protocol.invariants import require

if TYPE_CHECKING:
    from collections.abc import Container

    from protocol.function import Cloud, Owner
    from protocol.referee import Declared


@dataclass
class Arrangements:
    """By stack id and logical id: the transfer, the accepted certificate, and the code that the last event has led to.

    ``by_hand``: certificates that a hand from outside transfers, by the transfer. ``reported``: each transfer that was
    a resource's own at a completed event, also when that resource is deleted by now.
    """

    cloud: Cloud
    transfers: dict[Owner, tuple[str, Any]] = field(default_factory=dict)
    accepted: dict[Owner, str] = field(default_factory=dict)
    codes: dict[Owner, str] = field(default_factory=dict)
    by_hand: dict[str, Any] = field(default_factory=dict)
    reported: list[tuple[Owner, Any]] = field(default_factory=list)

    def completed(self, owner: Owner, physical_id: str, now: Declared, *, is_new: bool = False) -> bool:
        """Note a CREATE_COMPLETE (``is_new``) or UPDATE_COMPLETE; return whether it is of one of these types."""
        if now.type == ResourceType.CERTIFICATE_TRANSFER:
            certificate_id = certificate_id_in(physical_id.partition("/")[0])
            is_anothers = self.is_transferred_by_another(owner, certificate_id)
            # An Update that changes nothing of the transfer leaves what a rollback has named before.
            self.cloud.excuses.overtaken -= set() if is_anothers else {owner}
            # An Update may change nothing of the transfer, and does not look at it then. A Create has made one.
            require(not (is_new and is_anothers), "I3", f"the transfer of {_named(owner)} is another owner's")
            made = None if is_anothers else self._pending(certificate_id)
            self.transfers[owner] = certificate_id, made
            self.reported += [] if made is None else [(owner, made)]
        elif now.type == ResourceType.CERTIFICATE_TRANSFER_DECISION:
            self.accepted.pop(owner, None)
            certificate_id, _, what = physical_id.partition("/")
            record = self.cloud.iot.certificates.get(certificate_id)
            # Not what a hand had deleted before: a rollback leaves that as it is, and says so.
            is_anothers = not is_new and not what and self._is_registered_again(owner, certificate_id)
            if what != "rejected" and record is not None and not is_anothers:
                self.accepted[owner] = certificate_id
        elif now.type == ResourceType.REGISTRATION_CODE:
            self.codes[owner] = self.cloud.iot.registration_code
        else:
            return False
        return True

    def _is_registered_again(self, owner: Owner, certificate_id: str) -> bool:
        """Whether another resource, or a hand, has registered what a decision had accepted."""
        record, maker = self.cloud.iot.certificates.get(certificate_id), self.cloud.made.get(certificate_id)
        return record is not None and (maker not in (None, owner) or record.previous_owner is None)

    def made_again(self, owner: Owner) -> None:
        """Note that a cancelled Update has undone itself at last: where it has, its transfer is the resource's."""
        certificate_id, _ = self.transfers.get(owner, ("", None))
        pending = self._pending(certificate_id)
        if pending is not None and self.cloud.transfer_maker(certificate_id) == owner:
            self.transfers[owner] = certificate_id, pending
            self.reported.append((owner, pending))

    def gives_up(self, owner: Owner) -> None:
        """Note that a resource is deleted, skipped or abandoned."""
        for noted in (self.transfers, self.accepted, self.codes):
            noted.pop(owner, None)

    def transferred_by_hand(self, certificate_id: str) -> None:
        """Note that a hand from outside has made a transfer."""
        self.by_hand[certificate_id] = self._pending(certificate_id)

    def ended(self, certificate_id: str) -> None:
        """Note that the other account, or a hand, has ended a transfer, or deleted an accepted certificate."""
        self.by_hand.pop(certificate_id, None)
        for owner, (each, _) in list(self.transfers.items()):
            if each == certificate_id:
                del self.transfers[owner]
        for owner, each in list(self.accepted.items()):
            if each == certificate_id:
                del self.accepted[owner]

    def code_deleted(self) -> None:
        """Note that a hand from outside has deleted the registration code."""
        self.codes.clear()

    def check(self, unsettled: Container[Owner]) -> None:
        """Require that everybody has what is theirs; while no operation runs."""
        for owner, (certificate_id, made) in self.transfers.items():
            is_there = made is None or self._pending(certificate_id) is made
            require(is_there or owner in unsettled, "I5", f"the transfer of {_named(owner)} is not pending any more")
        for certificate_id, made in self.by_hand.items():
            require(
                self._pending(certificate_id) is made, "I5", "a transfer that a hand has made is not pending any more"
            )
        for owner, certificate_id in self.accepted.items():
            is_there = certificate_id in self.cloud.iot.certificates or owner in unsettled
            require(is_there, "I5", f"what {_named(owner)} has accepted is not registered any more")
        for owner, code in self.codes.items():
            same = self.cloud.iot.has_registration_code and code == self.cloud.iot.registration_code
            require(same, "I5", f"the registration code that {_named(owner)} has read is dead")

    def has(self, owner: Owner, certificate_id: str) -> bool:
        """Whether the pending transfer of a certificate is what the resource's last completed event has led to."""
        pending, (which, made) = self._pending(certificate_id), self.transfers.get(owner, ("", None))
        return pending is not None and which == certificate_id and made is pending

    def is_transferred_by_another(self, owner: Owner, certificate_id: str) -> bool:
        """Whether a transfer is pending that another resource or a hand has made.

        Another resource has it also before its Create ends, and while its Delete runs: only its own event says so.
        What a Create without answer has left has nobody, and may become this resource's.
        """
        pending = self._pending(certificate_id)
        reported = [made for who, made in self.reported if who != owner]
        if pending is None or any(pending is made for made in (*reported, *self.by_hand.values())):
            return pending is not None
        maker = self.cloud.transfer_maker(certificate_id)
        return maker not in (None, owner) and not self.cloud.has_given_up(maker)

    def _pending(self, certificate_id: str) -> Any:
        record = self.cloud.iot.certificates.get(certificate_id)
        return record.transfer if record is not None and record.status == PENDING else None


def _named(owner: Owner) -> str:
    return f"{owner[1]} of stack {owner[0].split('/')[1]}"
