"""Certificates that go from account to account, with the rules that AWS enforces; what is assumed says so."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fakes.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fakes.iot import CertificateRecord, FakeIot

PENDING = "PENDING_TRANSFER"
PAGE = 2

# ruff: noqa: N802, N803 - operations and parameters have AWS's names


@dataclass
class Transfer:
    """``data``: TransferData, as CertificateDescription has it."""

    account: str
    data: dict[str, Any]


class Transfers:
    """The transfer's operations of FakeIot."""

    account: str
    certificates: dict[str, CertificateRecord]
    neighbours: dict[str, FakeIot]
    things: dict[str, set[str]]
    policies: dict[str, set[str]]
    clock: Callable[[], datetime]
    slow_conflict: int = 0
    """How many transfers are refused though nothing is attached: "a detach can take minutes to be seen"."""

    def TransferCertificate(
        self, certificateId: str, targetAwsAccount: str, transferMessage: str | None = None
    ) -> dict[str, Any]:
        record = self._own(certificateId)
        if targetAwsAccount == self.account or targetAwsAccount not in self.neighbours:
            # Assumed: no error that the API reference declares for it says more.
            raise Refusal("InvalidRequestException", f"Invalid target account {targetAwsAccount}")
        if record.status != "INACTIVE":
            # API reference: "The certificate being transferred must not be in the ACTIVE state." That one that is
            # REVOKED, or on its way, is not transferred either, is assumed.
            raise Refusal("CertificateStateException", f"The certificate is {record.status}", 406)
        if any(record.arn in targets for targets in (*self.policies.values(), *self.things.values())):
            # API reference, TransferConflictException: "… because authorization policies are still attached." Developer
            # guide, "Transfer a certificate to another account": nor may things be.
            raise Refusal("TransferConflictException", "Policies or things are attached", 409)
        if self.slow_conflict:
            self.slow_conflict -= 1
            raise Refusal("TransferConflictException", "Policies or things are attached", 409)
        data = {"transferDate": self.clock(), "transferMessage": transferMessage}
        record.status, record.modified = PENDING, self.clock()
        record.transfer = Transfer(targetAwsAccount, {name: value for name, value in data.items() if value})
        return {"transferredCertificateArn": record.arn.replace(self.account, targetAwsAccount)}

    def CancelCertificateTransfer(self, certificateId: str) -> dict[str, Any]:
        if any(self._accepted_from_here(each, certificateId) for each in self.neighbours.values()):
            # "After the destination account has accepted the transfer, the transfer cannot be cancelled."
            raise _completed()
        record = self._own(certificateId)
        if record.status != PENDING:
            raise _completed()
        # "… the status of the certificate changes from PENDING_TRANSFER to INACTIVE."
        record.status, record.modified = "INACTIVE", self.clock()
        return {}

    def AcceptCertificateTransfer(self, certificateId: str, setAsActive: bool = False) -> dict[str, Any]:
        record = self._arrived(certificateId)
        assert record.transfer is not None
        source = self.neighbours[record.account]
        del source.certificates[certificateId]
        record.previous_owner, record.account = record.account, self.account
        record.transfer.data["acceptDate"] = self.clock()
        # "The default state of the certificate is INACTIVE."
        record.status, record.modified = "ACTIVE" if setAsActive else "INACTIVE", self.clock()
        self.certificates[certificateId] = record
        return {}

    def RejectCertificateTransfer(self, certificateId: str, rejectReason: str | None = None) -> dict[str, Any]:
        record = self._arrived(certificateId)
        assert record.transfer is not None
        # "… the certificate will be returned to the source's account in the INACTIVE state."
        record.transfer.data["rejectDate"] = self.clock()
        if rejectReason:
            record.transfer.data["rejectReason"] = rejectReason
        record.status, record.modified = "INACTIVE", self.clock()
        return {}

    def ListOutgoingCertificates(
        self, pageSize: int = PAGE, marker: str | None = None, ascendingOrder: bool = False
    ) -> dict[str, Any]:
        entries = [
            {
                "certificateId": record.id,
                "transferredTo": record.transfer.account,
                "creationDate": record.created,
                **{name: value for name, value in record.transfer.data.items() if name.startswith("transfer")},
            }
            for record in self.certificates.values()
            if record.status == PENDING and record.transfer is not None
        ]
        start = int(base64.b64decode(marker)) if marker else 0
        more = {"nextMarker": base64.b64encode(str(start + PAGE).encode()).decode()}
        return {"outgoingCertificates": entries[start : start + PAGE], **(more if start + PAGE < len(entries) else {})}

    # Looking things up

    def _arrived(self, certificate_id: str) -> CertificateRecord:
        own = self.certificates.get(certificate_id)
        if own is not None and own.status == PENDING:
            # "This operation can only be called by the transfer destination."
            raise Refusal("InvalidRequestException", "The certificate is being transferred from this account")
        if own is not None:
            raise _completed()
        incoming = self._incoming().get(certificate_id)
        if incoming is None:
            raise Refusal("ResourceNotFoundException", f"The certificate {certificate_id} does not exist", 404)
        return incoming

    def _incoming(self) -> dict[str, CertificateRecord]:
        records = [record for each in self.neighbours.values() for record in each.certificates.values()]
        return {r.id: r for r in records if r.status == PENDING and r.transfer and r.transfer.account == self.account}

    def _certificate_or_incoming(self, certificate_id: str) -> CertificateRecord:
        return self._incoming().get(certificate_id) or self._own(certificate_id)

    def _own(self, certificate_id: str) -> CertificateRecord:
        if certificate_id not in self.certificates:
            raise Refusal("ResourceNotFoundException", f"The certificate {certificate_id} does not exist", 404)
        return self.certificates[certificate_id]

    def _accepted_from_here(self, neighbour: FakeIot, certificate_id: str) -> bool:
        record = neighbour.certificates.get(certificate_id)
        return record is not None and record.previous_owner == self.account

    def _refuse_on_its_way(self, record: CertificateRecord) -> None:
        # Assumed: CertificateStateException, "The certificate operation is not allowed."
        if record.status == PENDING:
            raise Refusal("CertificateStateException", "The certificate is being transferred", 406)


def _completed() -> Refusal:
    # API reference, TransferAlreadyCompletedException: "You can't revert the certificate transfer because the transfer
    # is already complete."
    return Refusal("TransferAlreadyCompletedException", "The transfer is already complete", 410)


def connect(*accounts: FakeIot) -> None:
    """Let the accounts know of each other."""
    for one in accounts:
        one.neighbours = {other.account: other for other in accounts if other is not one}
