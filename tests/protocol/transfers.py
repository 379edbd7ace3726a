"""What can happen to a certificate between two accounts: sequences, like ``scenarios``, for either side.

The function and its stack are on one side; on the other somebody does by hand what the scenario says.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import issuing
from protocol import invariants
from protocol.function import ACCOUNTS, DECISION, TRANSFER, Fault
from protocol.invariants import check, require
from protocol.referee import DEVICE, Declared, Stack, last_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from fakes.iot import CertificateRecord
    from protocol.function import Cloud, When

X = "Subject"
BROKEN = Declared(DEVICE, {"CertificatePem": "not a PEM"}, after=(X,))
TARGET, THIRD = ACCOUNTS
DETACH = {"DetachOnTransfer": "true"}
LEAVING = (("ACTIVE", True), ("ACTIVE", False), ("INACTIVE", False))
"""The certificates of this account: their status, and whether something is attached."""
COMING = 2
PEMS = [issuing.make_device(issuing.make_ca("Transfers"), f"device-{number}").pem for number in range(len(LEAVING) + 2)]


@dataclass
class Certificates:
    """The ids of what may leave, and of what is on its way to this account."""

    leaving: list[str] = field(default_factory=list)
    coming: list[str] = field(default_factory=list)


def furnish(cloud: Cloud) -> Certificates:
    """Register what may leave in this account, and send what is coming; all of it is somebody else's."""
    certificates = Certificates()
    for number, (status, attached) in enumerate(LEAVING):
        registered = cloud.iot.RegisterCertificateWithoutCA(PEMS[number], status)
        certificates.leaving.append(registered["certificateId"])
        if attached:
            cloud.iot.AttachPolicy("publish", registered["certificateArn"])
            cloud.iot.AttachThingPrincipal("thermostat", registered["certificateArn"])
    for pem in PEMS[len(LEAVING) :]:
        registered = cloud.other.RegisterCertificateWithoutCA(pem)
        certificates.coming.append(registered["certificateId"])
        cloud.other.TransferCertificate(registered["certificateId"], cloud.iot.account)
    cloud.clock.sleep(3600)
    invariants.remember_foreign(cloud)
    return certificates


def to(certificate_id: str, account: str = TARGET, **more: Any) -> Declared:
    return Declared(TRANSFER, {"CertificateId": certificate_id, "TargetAwsAccount": account, **more})


def decide(certificate_id: str, decision: str = "ACCEPT", **more: Any) -> Declared:
    return Declared(DECISION, {"CertificateId": certificate_id, "Decision": decision, **more})


def outgoing(cloud: Cloud, certificate_id: str) -> str | None:
    """Return the account that a certificate is on its way to."""
    record = cloud.iot.certificates.get(certificate_id)
    return record.transfer.account if record and record.transfer and record.status == "PENDING_TRANSFER" else None


def _made(stack: Stack, declared: Declared) -> str:
    require(stack.create({X: declared}) == "COMPLETE", "", f"the stack was to be created: {_reason(stack)}")
    return stack.live[X].physical_id


def _gone(stack: Stack) -> None:
    stack.cloud.arm()
    require(stack.delete() == "COMPLETE", "", f"the stack was to be deleted: {_reason(stack)}")


def _reason(stack: Stack) -> str:
    answers = [answer for invocation in stack.cloud.invocations for answer in invocation.answers]
    return str(answers[-1].body["Reason"]) if answers else ""


def _record(cloud: Cloud, certificate_id: str) -> CertificateRecord:
    return cloud.iot.certificates[certificate_id]


def _outside(cloud: Cloud, certificate_id: str) -> None:
    cloud.excuses.handled_outside.add(certificate_id)


def _again(stack: Stack, logical_id: str = X) -> None:
    """Deliver the last event once more: it is answered the same, and changes nothing."""
    event = last_event(stack, logical_id)
    first = next(i for i in stack.cloud.invocations if i.event["RequestId"] == event["RequestId"]).answers[0]
    stack.cloud.clock.sleep(50)
    second = stack.duplicate(event)
    require(second is not None and second.body["Status"] == "SUCCESS", "I1", f"a duplicate failed: {_reason(stack)}")
    same = second is not None and second.body["PhysicalResourceId"] == first.body["PhysicalResourceId"]
    require(same, "I1", "a duplicate was answered with another id")
    check(stack)


# The source's side


def transferred_and_taken_back(cloud: Cloud, certificates: Certificates) -> None:
    """Whatever the certificate was before, it is after the stack has gone."""
    for number, certificate_id in enumerate(certificates.leaving):
        stack = Stack(cloud, f"source{number}")
        before = _record(cloud, certificate_id).status
        _made(stack, to(certificate_id, **DETACH))
        require(outgoing(cloud, certificate_id) == TARGET, "I4", "it is not on its way")
        require(stack.delete() == "COMPLETE", "", f"it was to be deleted: {_reason(stack)}")
        require(_record(cloud, certificate_id).status == before, "I3", f"it was {before} before")


def attached_ones_are_named(cloud: Cloud, certificates: Certificates) -> None:
    stack = Stack(cloud)
    require(stack.create({X: to(certificates.leaving[0])}) == "ROLLED_BACK", "I3", "what is attached was passed over")
    failed = next(a for i in cloud.invocations for a in i.answers if a.body["Status"] == "FAILED")
    require("policy publish, thing thermostat" in failed.body["Reason"], "I1", failed.body["Reason"])


def accepted_meanwhile(cloud: Cloud, certificates: Certificates) -> None:
    """The stack goes, and touches nothing in the other account."""
    stack, certificate_id = Stack(cloud), certificates.leaving[1]
    _made(stack, to(certificate_id))
    cloud.other.AcceptCertificateTransfer(certificate_id, setAsActive=True)
    _outside(cloud, certificate_id)
    _again(stack)
    require(stack.update({X: to(certificate_id, THIRD)}) == "ROLLED_BACK", "I4", "nothing was left to change")
    _gone(stack)
    require(cloud.other.certificates[certificate_id].status == "ACTIVE", "I3", "the other account's was changed")


def rejected_meanwhile(cloud: Cloud, certificates: Certificates) -> None:
    stack, certificate_id = Stack(cloud), certificates.leaving[1]
    _made(stack, to(certificate_id))
    cloud.other.RejectCertificateTransfer(certificate_id, "not ours")
    _outside(cloud, certificate_id)
    _again(stack)
    _gone(stack)
    require(_record(cloud, certificate_id).status == "ACTIVE", "I3", "the status was not put back")


def redirected(cloud: Cloud, certificates: Certificates) -> None:
    """Another account, then another message; both rolled back, and both for good."""
    stack, certificate_id = Stack(cloud), certificates.leaving[1]
    _made(stack, to(certificate_id))
    for changed in (to(certificate_id, THIRD), to(certificate_id, TransferMessage="again")):
        require(stack.update({X: changed, "Broken": BROKEN}) == "ROLLED_BACK", "I4", f"no rollback: {_reason(stack)}")
        require(outgoing(cloud, certificate_id) == TARGET, "I4", "it goes elsewhere after the rollback")
        require(stack.update({X: changed}) == "COMPLETE", "", f"the update was to succeed: {_reason(stack)}")
        _again(stack)
        require(stack.update({X: to(certificate_id)}) == "COMPLETE", "", f"and back: {_reason(stack)}")
    _gone(stack)


def redirected_to_nowhere(cloud: Cloud, certificates: Certificates) -> None:
    """An account that does not exist: the old transfer is there again after the rollback."""
    stack, certificate_id = Stack(cloud), certificates.leaving[1]
    _made(stack, to(certificate_id))
    require(stack.update({X: to(certificate_id, "444444444444")}) == "ROLLED_BACK", "I4", "it was to fail")
    require(outgoing(cloud, certificate_id) == TARGET, "I4", "the old transfer is not there again")
    _gone(stack)


def another_certificate(cloud: Cloud, certificates: Certificates) -> None:
    stack, (_, first, second) = Stack(cloud), certificates.leaving
    _made(stack, to(first))
    require(stack.update({X: to(second), "Broken": BROKEN}) == "ROLLED_BACK", "I4", f"no rollback: {_reason(stack)}")
    require((outgoing(cloud, first), outgoing(cloud, second)) == (TARGET, None), "I4", "after the rollback")
    require(stack.update({X: to(second)}) == "COMPLETE", "", f"it was to be replaced: {_reason(stack)}")
    require((outgoing(cloud, first), outgoing(cloud, second)) == (None, TARGET), "I4", "after the clean-up")
    _gone(stack)


def killed_at_every_call(cloud: Cloud, certificates: Certificates) -> None:
    """Whatever the function does, it dies before or after; the same event again ends it well."""
    calls = ("DescribeCertificate", "ListAttachedPolicies", "UpdateCertificate", "DetachPolicy", "TransferCertificate")
    moments: list[tuple[str, When]] = [(f"iot.{each}", when) for each in calls for when in ("before", "after")]
    for number, (operation, when) in enumerate(moments):
        stack = Stack(cloud, f"killed{number}")
        cloud.arm(Fault("die", operation, when))
        _made(stack, to(certificates.leaving[0], **DETACH))
        require(outgoing(cloud, certificates.leaving[0]) == TARGET, "I4", "it is not on its way")
        _gone(stack)
        attach_again(cloud, certificates.leaving[0])


def attach_again(cloud: Cloud, certificate_id: str) -> None:
    record = _record(cloud, certificate_id)
    record.status = "ACTIVE"
    cloud.iot.policies["publish"].add(record.arn)
    cloud.iot.things["thermostat"].add(record.arn)


def killed_for_good(cloud: Cloud, certificates: Certificates) -> None:
    """No delivery answers: the Delete comes with an invented id, and cancels what is this resource's."""
    for number, operation in enumerate(("iot.UpdateCertificate", "iot.TransferCertificate")):
        stack, certificate_id = Stack(cloud, f"gone{number}"), certificates.leaving[1]
        cloud.arm(Fault("die", operation), Fault("die", 0, "before", times=2, invocation=1))
        require(stack.create({X: to(certificate_id)}) == "ROLLED_BACK", "", "no answer was to come")
        require(outgoing(cloud, certificate_id) is None, "I2", "it is still on its way")
        expected = "ACTIVE" if number == 0 else "INACTIVE"
        require(_record(cloud, certificate_id).status == expected, "I3", f"it was to be {expected}")
        _record(cloud, certificate_id).status = "ACTIVE"


def refused_at_every_call(cloud: Cloud, certificates: Certificates) -> None:
    """A Create that fails puts everything back, attachments too."""
    calls = ("DescribeCertificate", "ListAttachedPolicies", "ListPrincipalThings", "UpdateCertificate")
    for number, call in enumerate((*calls, "DetachPolicy", "DetachThingPrincipal", "TransferCertificate")):
        stack = Stack(cloud, f"refused{number}")
        cloud.arm(Fault("deny", f"iot.{call}", "before", times=30))
        result = stack.create({X: to(certificates.leaving[0], **DETACH)})
        require(result == "ROLLED_BACK", "", f"the Create was to fail at {call}")
        arn = _record(cloud, certificates.leaving[0]).arn
        attached = arn in cloud.iot.policies["publish"] and arn in cloud.iot.things["thermostat"]
        require(attached, "I3", f"what it had detached is not attached again, after {call}")


def answers_that_are_lost(cloud: Cloud, certificates: Certificates) -> None:
    """AWS IoT transfers, and fails each time that it should say so."""
    stack = Stack(cloud)
    cloud.arm(Fault("fail", "iot.TransferCertificate", "after", times=9))
    _made(stack, to(certificates.leaving[1]))
    cloud.arm(Fault("fail", "iot.CancelCertificateTransfer", "after"))
    require(stack.delete() == "COMPLETE", "", f"it was to be deleted: {_reason(stack)}")


def given_up_while_it_runs(cloud: Cloud, certificates: Certificates) -> None:
    """A sibling failed: Delete with an invented id comes and goes in the middle of the Create."""
    for number, when in enumerate(("before", "after")):
        stack = Stack(cloud, f"givenup{number}")

        def give_up(stack: Stack = stack) -> None:
            stack.give_up(X)
            cloud.clock.sleep(30)

        cloud.during.append(("iot.TransferCertificate", "before" if when == "before" else "after", give_up))
        require(stack.create({X: to(certificates.leaving[1])}) == "ROLLED_BACK", "", "the Create was given up")
        require(outgoing(cloud, certificates.leaving[1]) is None, "I2", "it is still on its way")


def delete_that_dies(cloud: Cloud, certificates: Certificates) -> None:
    """Whatever it did before it died, the same event again finishes it."""
    for number, operation in enumerate(("CancelCertificateTransfer", "UpdateCertificate")):
        for when in ("before", "after"):
            stack = Stack(cloud, f"deleted{number}{when}")
            _made(stack, to(certificates.leaving[1]))
            cloud.arm(Fault("die", f"iot.{operation}", "before" if when == "before" else "after"))
            require(stack.delete() == "COMPLETE", "", f"it was to be deleted: {_reason(stack)}")
            require(_record(cloud, certificates.leaving[1]).status == "ACTIVE", "I3", "the status was not put back")


def delete_that_fails_half_way(cloud: Cloud, certificates: Certificates) -> None:
    """Cancelled, but not ACTIVE yet: the next Delete knows."""
    stack, certificate_id = Stack(cloud), certificates.leaving[1]
    _made(stack, to(certificate_id))
    cloud.arm(Fault("deny", "iot.UpdateCertificate", "before", times=999))
    require(stack.delete() == "DELETE_FAILED", "", "the Delete was to fail")
    _gone(stack)
    require(_record(cloud, certificate_id).status == "ACTIVE", "I3", "the status was not put back")


def inactive_whatever_is_lost(cloud: Cloud, certificates: Certificates) -> None:
    """Answers are lost, of the Create and of the Delete: what was INACTIVE never becomes ACTIVE."""
    stack, certificate_id = Stack(cloud), certificates.leaving[2]
    cloud.arm(Fault("die", 0, "before"), Fault("mute", times=3))
    require(stack.create({X: to(certificate_id)}) == "ROLLED_BACK", "", "no answer was to come")
    require(_record(cloud, certificate_id).status == "INACTIVE", "I3", "it was INACTIVE before")


def update_killed_half_way(cloud: Cloud, certificates: Certificates) -> None:
    """It never answers; the swapped Update puts the old transfer back."""
    stack, (_, first, second) = Stack(cloud), certificates.leaving
    _made(stack, to(first))
    for operation, changed in (
        ("iot.CancelCertificateTransfer", to(first, THIRD)),
        ("iot.TransferCertificate", to(first, THIRD)),
        ("iot.TransferCertificate", to(second)),
    ):
        cloud.arm(Fault("die", operation), Fault("die", 0, "before", times=2, invocation=1))
        require(stack.update({X: changed}) == "ROLLED_BACK", "I4", f"no rollback: {_reason(stack)}")
        require((outgoing(cloud, first), outgoing(cloud, second)) == (TARGET, None), "I4", "after the rollback")
    _gone(stack)


def somebody_elses_transfer(cloud: Cloud, certificates: Certificates) -> None:
    """It is not taken, not cancelled, and named with its date."""
    stack, certificate_id = Stack(cloud), certificates.leaving[2]
    cloud.iot.TransferCertificate(certificate_id, TARGET)
    cloud.clock.sleep(60)
    invariants.remember_foreign(cloud)
    require(stack.create({X: to(certificate_id)}) == "ROLLED_BACK", "I3", "it was taken")
    cloud.arm(Fault("die", 0, "before", times=3))
    require(stack.create({X: to(certificate_id)}) == "ROLLED_BACK", "I3", "no answer was to come")
    require(outgoing(cloud, certificate_id) == TARGET, "I3", "somebody else's transfer was cancelled")


def two_of_one_certificate(cloud: Cloud, certificates: Certificates) -> None:
    stack, certificate_id = Stack(cloud), certificates.leaving[1]
    _made(stack, to(certificate_id))
    template = {X: to(certificate_id), "Second": to(certificate_id)}
    require(stack.update(template) == "ROLLED_BACK", "I3", "the second was to fail")
    require(outgoing(cloud, certificate_id) == TARGET, "I3", "the first one's transfer was cancelled")
    _gone(stack)


def transferred_by_a_faster_stack(cloud: Cloud, certificates: Certificates) -> None:
    """One stack's function hangs before it transfers, and another stack does: the Delete of the first leaves that."""
    slow, faster, certificate_id = Stack(cloud, "slow"), Stack(cloud, "faster"), certificates.leaving[0]
    cloud.arm(Fault("hang", "iot.DetachPolicy", "after", invocation=0))

    def be_faster() -> None:
        cloud.clock.sleep(5)
        faster.create({X: to(certificate_id, **DETACH)}, parallel=False)

    cloud.clock.together(lambda: slow.create({X: to(certificate_id, **DETACH)}, parallel=False), be_faster)
    require(bool(faster.live) and not slow.live, "", f"the first was to fail: {_reason(slow)}")
    require(outgoing(cloud, certificate_id) == TARGET, "I5", "the other stack's transfer was cancelled")
    _gone(faster)


# The target's side


def accepted_and_retained(cloud: Cloud, certificates: Certificates) -> None:
    stack, certificate_id = Stack(cloud), certificates.coming[0]
    require(_made(stack, decide(certificate_id, Status="ACTIVE")) == certificate_id, "I4", "the id")
    _again(stack)
    require(stack.update({X: decide(certificate_id)}) == "COMPLETE", "", "in place")
    _again(stack)
    _gone(stack)
    require(_record(cloud, certificate_id).status == "INACTIVE", "I3", "it was to be left")


def accepted_and_deleted(cloud: Cloud, certificates: Certificates) -> None:
    stack, certificate_id = Stack(cloud), certificates.coming[0]
    _made(stack, decide(certificate_id, Status="ACTIVE", OnDelete="DELETE"))
    record = _record(cloud, certificate_id)
    cloud.iot.policies["publish"].add(record.arn)
    _gone(stack)
    require(certificate_id not in cloud.iot.certificates, "I2", "it was to be deleted")


def rejected_by_us(cloud: Cloud, certificates: Certificates) -> None:
    stack, certificate_id = Stack(cloud), certificates.coming[0]
    _made(stack, decide(certificate_id, "REJECT", RejectReason="not ours"))
    require(cloud.other.certificates[certificate_id].status == "INACTIVE", "I4", "it was to return")
    _again(stack)
    cloud.other.TransferCertificate(certificate_id, cloud.iot.account)
    require(stack.update({X: decide(certificate_id)}) == "ROLLED_BACK", "I4", "a decision is final")
    require(certificate_id not in cloud.iot.certificates, "I3", "it was accepted")
    _gone(stack)


def waits_for_it(cloud: Cloud, certificates: Certificates) -> None:
    """The transfer comes two minutes later."""
    stack, certificate_id = Stack(cloud), certificates.coming[0]
    cloud.other.CancelCertificateTransfer(certificate_id)
    cloud.clock.later(120, lambda: cloud.other.TransferCertificate(certificate_id, cloud.iot.account))
    _made(stack, decide(certificate_id))
    _gone(stack)


def waits_in_vain(cloud: Cloud, certificates: Certificates) -> None:
    stack, certificate_id = Stack(cloud), certificates.coming[0]
    cloud.other.CancelCertificateTransfer(certificate_id)
    require(stack.create({X: decide(certificate_id)}) == "ROLLED_BACK", "", "it was to fail")
    failed = next(a for i in cloud.invocations for a in i.answers if a.body["Status"] == "FAILED")
    require("aws iot transfer-certificate --certificate-id" in failed.body["Reason"], "I1", failed.body["Reason"])


def given_up_while_it_waits(cloud: Cloud, certificates: Certificates) -> None:
    """The transfer comes when CloudFormation has long deleted the resource: it is not accepted any more."""
    stack, certificate_id = Stack(cloud), certificates.coming[0]
    cloud.other.CancelCertificateTransfer(certificate_id)

    def give_up() -> None:
        stack.give_up(X)
        cloud.clock.sleep(30)
        cloud.other.TransferCertificate(certificate_id, cloud.iot.account)

    cloud.during.append(("iot.AcceptCertificateTransfer", "before", give_up))
    declared = decide(certificate_id, OnDelete="DELETE")
    require(stack.create({X: declared}) == "ROLLED_BACK", "", "the Create was given up")
    require(certificate_id not in cloud.iot.certificates, "I2", "it was accepted, and left")


def killed_while_deciding(cloud: Cloud, certificates: Certificates) -> None:
    """The same event again finds what it accepted, or rejected."""
    first, second = certificates.coming
    for number, (certificate_id, decision) in enumerate(((first, "ACCEPT"), (second, "REJECT"))):
        operation = f"iot.{decision.title()}CertificateTransfer"
        for when in ("before", "after"):
            stack = Stack(cloud, f"target{number}{when}")
            declared = decide(certificate_id, decision, **({"OnDelete": "DELETE"} if number == 0 else {}))
            cloud.arm(Fault("die", operation, "before" if when == "before" else "after"))
            _made(stack, declared)
            _gone(stack)
            _send_again(cloud, certificate_id)


def _send_again(cloud: Cloud, certificate_id: str) -> None:
    if certificate_id not in cloud.other.certificates:
        pem = next(pem for pem in PEMS if issuing_id(pem) == certificate_id)
        cloud.other.RegisterCertificateWithoutCA(pem)
    if cloud.other.certificates[certificate_id].status == "INACTIVE":
        cloud.other.TransferCertificate(certificate_id, cloud.iot.account)


def issuing_id(pem: str) -> str:
    from iot_certificate_provider.pki import Certificate  # noqa: PLC0415

    return Certificate.from_pem(pem).id


def killed_for_good_after_accepting(cloud: Cloud, certificates: Certificates) -> None:
    """No delivery answers; the Delete with an invented id removes what it may, and leaves what it is to retain."""
    for certificate_id, on_delete in zip(certificates.coming, ("DELETE", "RETAIN"), strict=True):
        stack = Stack(cloud, f"gone{on_delete}")
        at = Fault("die", "iot.AcceptCertificateTransfer")
        cloud.arm(at, Fault("die", 0, "before", times=2, invocation=1))
        require(stack.create({X: decide(certificate_id, OnDelete=on_delete)}) == "ROLLED_BACK", "", "no answer")
        left = certificate_id in cloud.iot.certificates
        require(left is (on_delete == "RETAIN"), "I2", f"{on_delete}, and it is {'left' if left else 'gone'}")


def lost_answers_of_decisions(cloud: Cloud, certificates: Certificates) -> None:
    """Of one attempt, and of all of them."""
    for number, decision in enumerate(("ACCEPT", "REJECT")):
        for times in (1, 9):
            stack, certificate_id = Stack(cloud, f"lost{number}{times}"), certificates.coming[number]
            cloud.arm(Fault("fail", f"iot.{decision.title()}CertificateTransfer", "after", times=times))
            _made(stack, decide(certificate_id, decision, **({"OnDelete": "DELETE"} if number == 0 else {})))
            _gone(stack)
            _send_again(cloud, certificate_id)


def accepted_by_somebody_else(cloud: Cloud, certificates: Certificates) -> None:
    """It is as declared, and is left whatever OnDelete says."""
    stack, certificate_id = Stack(cloud), certificates.coming[0]
    cloud.iot.AcceptCertificateTransfer(certificate_id)
    cloud.clock.sleep(3600)
    invariants.remember_foreign(cloud)
    _made(stack, decide(certificate_id, OnDelete="DELETE"))
    require(stack.live[X].physical_id == f"{certificate_id}/adopted", "I3", "the id does not say that it is foreign")
    _gone(stack)
    require(stack.create({X: decide(certificate_id, Status="ACTIVE")}) == "ROLLED_BACK", "I3", "it was changed")
    require(stack.create({X: decide(certificate_id, "REJECT")}) == "ROLLED_BACK", "I3", "it was rejected")


def deployed_again_after_a_rollback(cloud: Cloud, certificates: Certificates) -> None:
    """A sibling failed; the certificate stays accepted, and the next deployment of the same template succeeds."""
    first, second = Stack(cloud), Stack(cloud, "second")
    declared = decide(certificates.coming[0])
    require(first.create({X: declared, "Broken": BROKEN}) == "ROLLED_BACK", "", "the sibling was to fail")
    require(second.create({X: declared}) == "COMPLETE", "", f"it was to succeed: {_reason(second)}")
    _gone(second)


def another_decision(cloud: Cloud, certificates: Certificates) -> None:
    """Update to another certificate: rolled back, killed, and for good."""
    stack, (first, second) = Stack(cloud), certificates.coming
    declared, other = decide(first, OnDelete="DELETE"), decide(second, OnDelete="DELETE")
    _made(stack, declared)
    require(stack.update({X: other, "Broken": BROKEN}) == "ROLLED_BACK", "I4", f"no rollback: {_reason(stack)}")
    _send_again(cloud, second)
    cloud.arm(Fault("die", "iot.AcceptCertificateTransfer"), Fault("die", 0, "before", times=2, invocation=1))
    require(stack.update({X: other}) == "ROLLED_BACK", "I4", f"no rollback: {_reason(stack)}")
    require(set(cloud.made) & set(cloud.iot.certificates) == {first}, "I2", "what it accepted is left")
    _send_again(cloud, second)
    require(stack.update({X: other}) == "COMPLETE", "", f"it was to be replaced: {_reason(stack)}")
    require(set(cloud.made) & set(cloud.iot.certificates) == {second}, "I2", "the old one is left")
    _gone(stack)


def one_certificate_there_and_back(cloud: Cloud, certificates: Certificates) -> None:
    """Both types in one stack: what is accepted is handed on."""
    stack, certificate_id = Stack(cloud), certificates.coming[0]
    handed_on = replace(to(certificate_id, THIRD), after=(X,))
    cloud.excuses.handled_outside.add(certificate_id)
    result = stack.create({X: decide(certificate_id), "On": handed_on})
    require(result == "COMPLETE", "", f"it was to be handed on: {_reason(stack)}")
    require(outgoing(cloud, certificate_id) == THIRD, "I4", "it is not on its way")
    _gone(stack)
    require(_record(cloud, certificate_id).status == "INACTIVE", "I3", "it was to be left as it was accepted")


SOURCE: tuple[Callable[[Cloud, Certificates], None], ...] = (
    transferred_and_taken_back,
    attached_ones_are_named,
    accepted_meanwhile,
    rejected_meanwhile,
    redirected,
    redirected_to_nowhere,
    another_certificate,
    killed_at_every_call,
    killed_for_good,
    refused_at_every_call,
    answers_that_are_lost,
    given_up_while_it_runs,
    delete_that_dies,
    delete_that_fails_half_way,
    inactive_whatever_is_lost,
    update_killed_half_way,
    somebody_elses_transfer,
    two_of_one_certificate,
    transferred_by_a_faster_stack,
)
TARGETS: tuple[Callable[[Cloud, Certificates], None], ...] = (
    accepted_and_retained,
    accepted_and_deleted,
    rejected_by_us,
    waits_for_it,
    waits_in_vain,
    given_up_while_it_waits,
    killed_while_deciding,
    killed_for_good_after_accepting,
    lost_answers_of_decisions,
    accepted_by_somebody_else,
    deployed_again_after_a_rollback,
    another_decision,
    one_certificate_there_and_back,
)
