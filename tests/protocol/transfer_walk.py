"""Scripts of steps for a stack that hands certificates over and decides on those that come; and how to play one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fakes.transfers import PENDING
from protocol import invariants, transfers
from protocol.invariants import require
from protocol.transfers import BROKEN
from protocol.walk import Again, Destroy, Walk

if TYPE_CHECKING:
    from fakes.iot import CertificateRecord
    from protocol.function import Cloud, Fault
    from protocol.referee import Stack, Template


@dataclass(frozen=True)
class Handing:
    """A transfer of a template: which certificate, to which account, with which message."""

    which: int = 0
    account: int = 0
    message: str = ""
    detach: bool = True


@dataclass(frozen=True)
class Deciding:
    """A decision of a template; ACTIVE and DELETE are for what is accepted."""

    which: int = 0
    decision: str = "ACCEPT"
    status: str = "INACTIVE"
    on_delete: str = "RETAIN"


@dataclass(frozen=True)
class HandOver:
    """Create the stack, or update it; a broken one has a sibling that fails after the others."""

    handing: Handing | None
    deciding: Deciding | None
    faults: tuple[Fault, ...] = ()
    broken: bool = False
    parallel: bool = False


@dataclass(frozen=True)
class OtherSide:
    """Somebody accepts, rejects or cancels what leaves; or sends what comes once more, or calls it back."""

    what: str
    which: int = 0


TransferStep = HandOver | Destroy | OtherSide | Again


def template(step: HandOver, certificates: transfers.Certificates) -> Template:
    """Write a template."""
    declared: Template = {}
    if step.handing is not None:
        each = step.handing
        more = {"TransferMessage": each.message} if each.message else {}
        more |= {"DetachOnTransfer": "true"} if each.detach else {}
        account = (transfers.TARGET, transfers.THIRD)[each.account]
        declared["Transfer"] = transfers.to(certificates.leaving[each.which], account, **more)
    if step.deciding is not None:
        decision = step.deciding
        accepts = {"Status": decision.status, "OnDelete": decision.on_delete}
        certificate_id = certificates.coming[decision.which]
        more = accepts if decision.decision == "ACCEPT" else {"RejectReason": "not ours"}
        declared["Decision"] = transfers.decide(certificate_id, decision.decision, **more)
    if step.broken or not declared:
        declared["Broken"] = replace(BROKEN, after=("Transfer", "Decision"))
    return declared


class TransferWalk(Walk):
    """One script being played on one account, between two others."""

    def __init__(self, cloud: Cloud) -> None:
        self.certificates = transfers.furnish(cloud)
        super().__init__(cloud)

    @property
    def stack(self) -> Stack:
        """The one stack of the script."""
        return self.stacks[0]

    def play_transfers(self, steps: list[TransferStep]) -> None:
        """Play a script to its end; after it nothing may be on its way that was not before."""
        for step in steps:
            if isinstance(step, HandOver):
                self._hand_over(step)
            elif isinstance(step, OtherSide):
                self._act_on_the_other_side(step)
                self.recent = (self.stack, [])
            else:
                self._play(step)
            self.cloud.clock.sleep(5)
            self._look()
        self._end()
        pending = {each.id: each.transfer for each in self.cloud.iot.certificates.values() if each.status == PENDING}
        named = self.cloud.excuses.left_pending
        left = {each for each, made in pending.items() if named.get(each) is not made}
        left -= self.cloud.excuses.handled_outside
        require(not left, "I2", "a certificate is still on its way, though its stack is gone")

    def _hand_over(self, step: HandOver) -> None:
        if self.stack.ledger.status in ("DELETE_FAILED", "ROLLBACK_FAILED"):
            return
        if not self.stack.live and self.stack.sent:
            self.stacks[0] = self._new_stack()
        before = len(self.stack.sent)
        self._hand_over_with(step)
        self.recent = (self.stack, self.stack.sent[before:])

    def _hand_over_with(self, step: HandOver) -> None:
        declared = template(step, self.certificates)
        self.cloud.arm(*step.faults)
        update = bool(self.stack.live)
        result = self.stack.update(declared) if update else self.stack.create(declared, parallel=step.parallel)
        self.cloud.arm()
        for _ in range(4):
            if not (result == "ROLLBACK_FAILED" and self.stack.ledger.status.startswith("UPDATE")):
                return
            result = self.stack.continue_rollback()
        # A rollback may be unable to bring back what the other side has taken or returned meanwhile.
        require(
            self.cloud.excuses.handled_outside, "I4", "the rollback of an update does not converge, without a fault"
        )
        while result == "ROLLBACK_FAILED":
            result = self.stack.continue_rollback(skip=True)

    def _act_on_the_other_side(self, step: OtherSide) -> None:
        """Do what is possible; from now on the certificate is not the stack's alone."""
        if step.what in ("accept", "reject", "cancel"):
            certificate_id = self.certificates.leaving[step.which % len(self.certificates.leaving)]
            record = self.cloud.iot.certificates.get(certificate_id)
            if record is not None and record.status == PENDING:
                self.cloud.excuses.handled_outside.add(certificate_id)
                self._end_transfer(step.what, record)
            return
        certificate_id = self.certificates.coming[step.which % len(self.certificates.coming)]
        coming = self.cloud.other.certificates.get(certificate_id)
        if coming is not None and coming.status == "INACTIVE" and step.what == "send":
            self.cloud.other.TransferCertificate(certificate_id, self.cloud.iot.account)
        elif coming is not None and coming.status == PENDING and step.what == "call back":
            self.cloud.other.CancelCertificateTransfer(certificate_id)

    def _end_transfer(self, what: str, record: CertificateRecord) -> None:
        assert record.transfer is not None
        target = self.cloud.iot.neighbours[record.transfer.account]
        if what == "accept":
            target.AcceptCertificateTransfer(record.id)
        elif what == "reject":
            target.RejectCertificateTransfer(record.id)
        else:
            self.cloud.iot.CancelCertificateTransfer(record.id)

    def _look(self) -> None:
        invariants.nothing_foreign_touched(self.cloud)
        if self.stack.ledger.status.endswith("_COMPLETE"):
            invariants.nothing_left_behind(self.stack)
            invariants.everything_is_there(self.stack)
