"""What can happen to a stack, one function a sequence. Each takes an account, plays, and raises on what is wrong.

``test_sequences`` runs them as they are, and ``test_planted_defects`` with defects in the provider.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import issuing
from fakes.iot import CertificateRecord
from fakes.refusal import Refusal
from protocol import material, referee
from protocol.function import REGISTRATIONS, Fault
from protocol.invariants import check, require
from protocol.referee import CA, DEVICE, Declared, Stack, Template, last_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud, When

X = "Subject"


@dataclass(frozen=True)
class Kind:
    """A way to declare a certificate, and how it reaches AWS IoT."""

    name: str
    declare: Callable[..., Declared]
    registration: str
    deletion: str

    def __call__(self, generation: int = 0, **properties: Any) -> Declared:
        return self.declare(generation=generation, **properties)

    def __str__(self) -> str:
        return self.name

    @property
    def is_ca(self) -> bool:
        return self.deletion == "iot.DeleteCACertificate"

    @property
    def is_made_anew(self) -> bool:
        """Whether each Create of it makes a certificate of its own, with an id that nobody knows beforehand."""
        return self.name in ("csr", *MADE_HERE)

    def registered(self, cloud: Cloud) -> set[str]:
        """Return what is registered of this kind that was not there before."""
        return {*cloud.iot.cas, *cloud.iot.certificates} - set(cloud.foreign)


MADE_HERE = ("self-signed", "issued", "by-request")
KINDS = {
    "ca": Kind("ca", material.ca, "iot.RegisterCACertificate", "iot.DeleteCACertificate"),
    "kms": Kind("kms", material.ca_in_kms, "iot.RegisterCACertificate", "iot.DeleteCACertificate"),
    "private-ca": Kind("private-ca", material.private_ca, "iot.RegisterCACertificate", "iot.DeleteCACertificate"),
    "device": Kind("device", material.device, "iot.RegisterCertificate", "iot.DeleteCertificate"),
    "csr": Kind("csr", material.issued, "iot.CreateCertificateFromCsr", "iot.DeleteCertificate"),
    "self-signed": Kind("self-signed", material.self_signed_ca, "iot.RegisterCACertificate", "iot.DeleteCACertificate"),
    "issued": Kind("issued", material.issued_here, "iot.RegisterCertificate", "iot.DeleteCertificate"),
    "by-request": Kind("by-request", material.issued_by_request, "iot.RegisterCertificate", "iot.DeleteCertificate"),
}
BROKEN = Declared(DEVICE, {"CertificatePem": "not a PEM"}, after=(X,))


def _made(stack: Stack, template: Template) -> str:
    require(stack.create(template) == "COMPLETE", "", "the stack was to be created")
    return stack.live[X].physical_id


def _gone(stack: Stack) -> None:
    stack.cloud.arm()
    require(stack.delete() == "COMPLETE", "", f"the stack was to be deleted: {_reason(stack)}")


def _reason(stack: Stack) -> str:
    answers = [answer for invocation in stack.cloud.invocations for answer in invocation.answers]
    return str(answers[-1].body["Reason"]) if answers else ""


def _failing(kind: Kind) -> Fault:
    """Refuse the last thing that a Create or an Update of this kind does."""
    return Fault("deny", "cloudformation.DescribeStackResource" if kind.is_ca else "iot.AttachPolicy", "before")


# The life of a resource


def create_update_delete(cloud: Cloud, kind: Kind) -> None:
    """In place, then a replacement whose old certificate goes in the cleanup."""
    stack = Stack(cloud)
    first = _made(stack, {X: kind()})
    require(stack.update({X: kind(Status="INACTIVE")}) == "COMPLETE", "", "in place")
    require(stack.live[X].physical_id == first, "I4", "the identity changed")
    require(stack.update({X: kind(1)}) == "COMPLETE", "", "replacement")
    second = stack.live[X].physical_id
    require(second != first, "I4", "the identity did not change")
    require(kind.registered(cloud) == {second}, "I2", "the replaced certificate is left")
    _gone(stack)


def retained(cloud: Cloud, kind: Kind) -> None:
    stack = Stack(cloud)
    first = _made(stack, {X: referee.retained(kind())})
    _gone(stack)
    require(kind.registered(cloud) == {first}, "I2", "RETAIN was asked for")


# Create


def failed_create(cloud: Cloud, kind: Kind) -> None:
    """Create FAILED: Delete comes with the id of that answer."""
    stack = Stack(cloud)
    cloud.arm(_failing(kind))
    require(stack.create({X: kind(**_policies(kind))}) == "ROLLED_BACK", "", "the Create was to fail")
    require(last_event(stack, X)["RequestType"] == "Delete", "", "no Delete followed")


def failed_create_that_cannot_be_undone(cloud: Cloud, kind: Kind) -> None:
    """Its answer has the real id, so that the Delete finds what is left."""
    stack = Stack(cloud)
    cloud.arm(_failing(kind), Fault("deny", kind.deletion, "before"))
    require(stack.create({X: kind(**_policies(kind))}) == "ROLLED_BACK", "", "the Create was to fail")
    require(last_event(stack, X)["PhysicalResourceId"] in cloud.made, "I2", "the answer did not name the certificate")


def failed_create_by_lost_answers(cloud: Cloud, kind: Kind) -> None:
    """AWS IoT registers, and fails each time that it should say so."""
    stack = Stack(cloud)
    cloud.arm(Fault("fail", kind.registration, "after", times=9))
    stack.create({X: kind()})
    _gone(stack)


def failed_create_that_registered_unseen(cloud: Cloud, kind: Kind) -> None:
    """The first attempt registers and its answer is lost, and all further attempts fail: it cannot know."""
    stack = Stack(cloud)

    def fail_from_now_on() -> None:
        cloud.arm(Fault("fail", kind.registration, "after"), Fault("fail", kind.registration, "before", times=3))

    cloud.during.append((kind.registration, "after", fail_from_now_on))
    stack.create({X: kind()})
    _gone(stack)


def failed_create_that_registers_late(cloud: Cloud, kind: Kind) -> None:
    """AWS IoT fails each time that it is asked, and registers seconds later all the same."""
    cloud.arm(Fault("fail", kind.registration, "before", times=4))
    _fail_and_land(cloud, kind)


def failed_create_that_registers_again_late(cloud: Cloud, kind: Kind) -> None:
    """The first attempt registers and its answer is lost; the last takes effect when the Delete may have been there."""
    if kind.name == "csr":
        return  # it is asked for once
    cloud.arm(Fault("fail", kind.registration, "after"), Fault("fail", kind.registration, "before", times=3))
    _fail_and_land(cloud, kind)


def _fail_and_land(cloud: Cloud, kind: Kind) -> None:
    stack = Stack(cloud)

    def land() -> None:
        sent = next(call for call in cloud.aws.calls if call.name == kind.registration)
        with suppress(Refusal):  # it is there already
            getattr(cloud.iot, kind.registration.removeprefix("iot."))(**sent.parameters)
        for certificate_id in kind.registered(cloud):
            cloud.made[certificate_id] = (stack.ledger.stack_id, X)

    # One attempt, or four with seven seconds of pauses between: in both cases after the Delete has looked once.
    cloud.clock.later(5.0 if kind.name == "csr" else 12.0, land)
    require(stack.create({X: kind()}) == "ROLLED_BACK", "", "the Create was to fail")
    cloud.clock.sleep(30)
    require(bool(cloud.made), "", "the registration was to take effect")
    check(stack)


def redelivered_create(cloud: Cloud, kind: Kind) -> None:
    """The function dies after registering; the same event a minute later finds the certificate."""
    stack = Stack(cloud)
    cloud.arm(Fault("die", kind.registration))
    first = _made(stack, {X: kind()})
    require(kind.registered(cloud) == {first}, "I2", "there is not exactly one certificate")
    _gone(stack)


def redelivered_create_that_fails(cloud: Cloud, kind: Kind) -> None:
    """The function dies after registering; the same event a minute later is refused before it finds anything."""
    stack = Stack(cloud)
    cloud.arm(Fault("die", kind.registration), Fault("deny", 0, "before", times=1, invocation=1))
    stack.create({X: kind()})
    _gone(stack)


def create_that_dies_before_registering(cloud: Cloud, kind: Kind) -> None:
    stack = Stack(cloud)
    cloud.arm(Fault("die", kind.registration, "before", times=3))
    require(stack.create({X: kind()}) == "ROLLED_BACK", "", "no answer was to come")


def create_that_never_answers(cloud: Cloud, kind: Kind) -> None:
    """All three deliveries die after registering; Delete comes with an invented id."""
    stack = Stack(cloud)
    at = "cloudformation.DescribeStackResource"
    cloud.arm(Fault("die", at, "after", times=3))
    require(stack.create({X: kind()}) == "ROLLED_BACK", "", "no answer was to come")
    require(last_event(stack, X)["PhysicalResourceId"].startswith("factory-"), "", "the id was to be invented")


def create_that_hangs(cloud: Cloud, kind: Kind) -> None:
    """crhelper's timer answers, the function is ended, and Lambda delivers the event again after the rollback."""
    for when in ("before", "after"):
        stack = Stack(cloud, f"hanging-{when}") if cloud.stacks else Stack(cloud)
        cloud.arm(Fault("hang", kind.registration, "before" if when == "before" else "after"))
        require(stack.create({X: kind()}) == "ROLLED_BACK", "", "the Create was to fail")


def create_that_hangs_and_then_dies(cloud: Cloud, kind: Kind) -> None:
    """The late delivery registers and dies; the last one, later still, has to find what it registered."""
    stack = Stack(cloud)
    cloud.arm(Fault("hang", kind.registration, "before"), Fault("die", kind.registration, "after"))
    require(stack.create({X: kind()}) == "ROLLED_BACK", "", "the Create was to fail")


def create_whose_answer_is_not_taken(cloud: Cloud, kind: Kind) -> None:
    """The PUT fails: Lambda delivers the event again, and that answer has the same id."""
    stack = Stack(cloud)
    cloud.arm(Fault("mute"))
    first = _made(stack, {X: kind()})
    require(kind.registered(cloud) == {first}, "I2", "there is not exactly one certificate")
    _gone(stack)


def delete_while_create_runs(cloud: Cloud, kind: Kind) -> None:
    """A sibling failed: Delete with an invented id comes and goes in the middle of the Create."""
    moments: tuple[tuple[str, When], ...] = (
        (kind.registration, "before"),
        (kind.registration, "after"),
        ("cloudformation.DescribeStackResource", "before"),
    )
    for number, (operation, when) in enumerate(moments):
        stack = Stack(cloud, f"factory{number}" if number else "factory")

        def give_up(stack: Stack = stack) -> None:
            stack.give_up(X)
            cloud.clock.sleep(30)

        cloud.during.append((operation, when, give_up))
        require(stack.create({X: kind()}) == "ROLLED_BACK", "", "the Create was given up")


def delete_while_create_runs_and_dies(cloud: Cloud, kind: Kind) -> None:
    """The Delete comes and goes before the Create registers, and dies: the late delivery has to clean up."""
    if not kind.is_ca:
        return  # no tags tell it from one that somebody registered by hand in the same minute: it stays
    stack = Stack(cloud)

    def give_up() -> None:
        stack.give_up(X)
        cloud.clock.sleep(30)

    cloud.during.append((kind.registration, "before", give_up))
    cloud.arm(Fault("die", kind.registration))
    require(stack.create({X: kind()}) == "ROLLED_BACK", "", "the Create was given up")
    require(not kind.registered(cloud), "I2", "the certificate is left")


def sibling_fails(cloud: Cloud, kind: Kind) -> None:
    """Many are created at once and one fails: the others are given up wherever they are."""
    for number in range(12):
        stack = Stack(cloud, f"factory{number}" if number else "factory")
        seconds = iter([0.01 * number, *[0.05] * 999])
        cloud.call_seconds = seconds.__next__
        template = {
            X: kind(**_policies(kind)),
            "Second": material.device("second"),
            "Third": material.device("foreign"),
        }
        require(stack.create(template) == "ROLLED_BACK", "", "the third was to fail")


def failed_once_then_created_and_replaced(cloud: Cloud, kind: Kind) -> None:
    """An Update of the stack adds the resource, fails and rolls back; a later one succeeds, and moves on."""
    stack = Stack(cloud)
    require(stack.create({"Other": material.device("other")}) == "COMPLETE", "", "the stack was to be created")
    template = {"Other": material.device("other"), X: kind(**_policies(kind))}
    cloud.arm(_failing(kind))
    require(stack.update(template) == "ROLLED_BACK", "I4", "the Create was to fail")
    require(stack.update(template) == "COMPLETE", "", f"the Create was to succeed: {_reason(stack)}")
    require(stack.update({**template, X: kind(1)}) == "COMPLETE", "", f"the Update was to succeed: {_reason(stack)}")
    _gone(stack)


# Update


def failed_update(cloud: Cloud, kind: Kind) -> None:
    """Update FAILED: Update comes with the properties swapped, and the id of that answer."""
    stack = Stack(cloud)
    first = _made(stack, {X: kind()})
    change = "iot.UpdateCACertificate" if kind.is_ca else "iot.UpdateCertificate"
    for properties, operation in ((kind(Status="INACTIVE"), change), (kind(1), kind.registration)):
        cloud.arm(Fault("deny", operation, "before"))
        require(stack.update({X: properties}) == "ROLLED_BACK", "I4", "the update was to fail, and to roll back")
        require(last_event(stack, X)["PhysicalResourceId"] == first, "I4", "the old id was not adopted")
        require(kind.registered(cloud) == {first}, "I4", "the new certificate is left")
    _gone(stack)


def failed_update_after_registering(cloud: Cloud, kind: Kind) -> None:
    """A replacement that fails once its certificate is registered undoes that; one that cannot, in the rollback."""
    if kind.is_ca:
        return  # registering is the last thing that it does
    for number, more in enumerate(((), (Fault("deny", "iot.DeleteCertificate", "before"),))):
        stack = Stack(cloud, f"factory{number}" if number else "factory")
        first = _made(stack, {X: kind()})
        cloud.arm(Fault("deny", "iot.AttachPolicy", "before", times=2), *more)
        require(stack.update({X: kind(1, PolicyNames=["publish"])}) == "ROLLED_BACK", "I4", "no rollback")
        require(kind.registered(cloud) == {first}, "I4", "the new certificate is left")
        _gone(stack)


def update_killed_after_registering(cloud: Cloud, kind: Kind) -> None:
    """It never answers: the swapped Update names the new certificate in OldResourceProperties only."""
    stack = Stack(cloud)
    first = _made(stack, {X: kind()})
    cloud.arm(*_killed(kind))
    require(stack.update({X: kind(1)}) == "ROLLED_BACK", "I4", "no rollback")
    require(kind.registered(cloud) == {first}, "I4", "the new certificate is left")
    _gone(stack)


def update_that_hangs(cloud: Cloud, kind: Kind) -> None:
    """crhelper's timer answers FAILED, the rollback follows, and then Lambda delivers the Update once more."""
    stack = Stack(cloud)
    first = _made(stack, {X: kind()})
    cloud.arm(Fault("hang", kind.registration, "before"))
    require(stack.update({X: kind(1)}) == "ROLLED_BACK", "I4", "no rollback")
    require(kind.registered(cloud) == {first}, "I2", "the late Update registered")
    _gone(stack)


def redelivered_update(cloud: Cloud, kind: Kind) -> None:
    """An Update that dies after registering comes again, and finds the new certificate."""
    stack = Stack(cloud)
    _made(stack, {X: kind()})
    cloud.arm(Fault("die", kind.registration))
    require(stack.update({X: kind(1)}) == "COMPLETE", "I4", f"the update was to succeed: {_reason(stack)}")
    require(kind.registered(cloud) == {stack.live[X].physical_id}, "I2", "there is not exactly one certificate")
    _gone(stack)


def rollback_to_a_certificate_that_still_exists(cloud: Cloud, kind: Kind) -> None:
    """The Update succeeded with a new id, then another resource failed: Update new→old, Delete of the new id."""
    stack = Stack(cloud)
    first = _made(stack, {X: kind(**_policies(kind))})
    require(stack.update({X: kind(1), "Broken": BROKEN}) == "ROLLED_BACK", "I4", "no rollback")
    require(kind.registered(cloud) == {first}, "I4", "the new certificate is left")
    _gone(stack)


def rollback_of_changes_in_place(cloud: Cloud, kind: Kind) -> None:
    stack = Stack(cloud)
    first = _made(stack, {X: kind(**_policies(kind))})
    require(stack.update({X: kind(Status="INACTIVE"), "Broken": BROKEN}) == "ROLLED_BACK", "I4", "no rollback")
    require(stack.live[X].physical_id == first, "I4", "another identity")
    _gone(stack)


def rollback_that_meets_revoked(cloud: Cloud, kind: Kind) -> None:
    """REVOKED cannot be taken back: the rollback succeeds, leaves it and says so."""
    if kind.is_ca:
        return
    stack = Stack(cloud)
    first = _made(stack, {X: kind()})
    require(stack.update({X: kind(Status="REVOKED"), "Broken": BROKEN}) == "ROLLED_BACK", "I4", "no rollback")
    require(cloud.iot.certificates[first].status == "REVOKED", "", "the fake was to keep it REVOKED")
    _gone(stack)


def rollback_that_meets_revoked_from_outside(cloud: Cloud, kind: Kind) -> None:
    """Somebody revoked the certificate; an Update of its status fails, and the rollback has to end well."""
    if kind.is_ca:
        return
    stack = Stack(cloud)
    first = _made(stack, {X: kind()})
    cloud.iot.certificates[first].status = "REVOKED"
    require(stack.update({X: kind(Status="INACTIVE")}) == "ROLLED_BACK", "I4", f"no rollback: {_reason(stack)}")
    _gone(stack)


# Delete


def failed_delete(cloud: Cloud, kind: Kind) -> None:
    """Delete FAILED blocks the stack; the certificate has its status back, and the next Delete succeeds."""
    stack = Stack(cloud)
    first = _made(stack, {X: kind()})
    cloud.arm(Fault("deny", kind.deletion, "before", times=9))
    require(stack.delete() == "DELETE_FAILED", "", "the Delete was to fail")
    if not kind.is_ca:
        require(cloud.iot.certificates[first].status == "ACTIVE", "I4", "the status was not put back")
    _gone(stack)


def abandoned_in_cleanup(cloud: Cloud, kind: Kind) -> None:
    """Delete FAILED during an update's cleanup: the old certificate is abandoned, and nothing else is harmed."""
    stack = Stack(cloud)
    first = _made(stack, {X: kind()})
    cloud.arm(Fault("deny", kind.deletion, "before", times=9))
    require(stack.update({X: kind(1)}) == "COMPLETE", "", "a cleanup that fails is no failure of the update")
    _gone(stack)
    require(kind.registered(cloud) == {first}, "", "only what was abandoned is left")


def delete_that_dies(cloud: Cloud, kind: Kind) -> None:
    """Whatever it did before it died, the same event again finishes it."""
    for number, when in enumerate(("before", "after")):
        stack = Stack(cloud, f"factory{number}" if number else "factory")
        _made(stack, {X: kind(**_policies(kind))})
        cloud.arm(Fault("die", kind.deletion, "before" if when == "before" else "after"))
        require(stack.delete() == "COMPLETE", "I2", "the stack was to be deleted")


# Duplicates


def duplicates_after_success(cloud: Cloud, kind: Kind) -> None:
    """Any event may come twice, also after success: the answer is the same, and nothing changes."""
    stack = Stack(cloud)
    _made(stack, {X: kind()})
    _again(stack)
    require(stack.update({X: kind(Status="INACTIVE")}) == "COMPLETE", "", "in place")
    _again(stack)
    require(stack.update({X: kind(1)}) == "COMPLETE", "", "replacement")
    stack.sent = [event for event in stack.sent if event["RequestType"] != "Delete"]
    _again(stack)
    _gone(stack)
    _again(stack)


def _again(stack: Stack) -> None:
    event = last_event(stack, X)
    first = next(i for i in stack.cloud.invocations if i.event["RequestId"] == event["RequestId"]).answers[0]
    stack.cloud.clock.sleep(50)
    second = stack.duplicate(event)
    kind = event["RequestType"]
    require(second is not None and second.body["Status"] == "SUCCESS", "I1", f"a duplicate {kind} failed")
    same = second is not None and second.body["PhysicalResourceId"] == first.body["PhysicalResourceId"]
    check(stack)
    require(same, "I1", f"a duplicate {kind} was answered with another id")


# Whose is it?


def two_logical_ids_one_after_the_other(cloud: Cloud, kind: Kind) -> None:
    """The second fails, names the certificate, and leaves it alone."""
    if kind.is_made_anew:
        return  # a request issues another certificate each time
    stack = Stack(cloud)
    first = _made(stack, {X: kind()})
    require(stack.update({X: kind(), "Second": kind()}) == "ROLLED_BACK", "I3", "the second was to fail")
    require(kind.registered(cloud) == {first}, "I3", "the first one's certificate")
    _gone(stack)


def two_logical_ids_at_the_same_instant(cloud: Cloud, kind: Kind) -> None:
    """One of them can win, and the stack rolls back without harm."""
    stack = Stack(cloud)
    result = stack.create({X: kind(), "Second": kind()})
    # Two that keep their keys in one secret: the second is refused.
    both = kind.is_made_anew and kind.name not in ("self-signed", "issued")
    require(result == ("COMPLETE" if both else "ROLLED_BACK"), "I3", "both hold one certificate")


def two_stacks_one_after_the_other(cloud: Cloud, kind: Kind) -> None:
    if kind.is_made_anew:
        return
    factory, other = Stack(cloud), Stack(cloud, "warehouse")
    first = _made(factory, {X: kind()})
    require(other.create({X: kind()}) == "ROLLED_BACK", "I3", "the second was to fail")
    require(kind.registered(cloud) == {first}, "I3", "the first one's certificate")
    _gone(factory)


def two_stacks_at_the_same_instant(cloud: Cloud, kind: Kind) -> None:
    factory, other = Stack(cloud), Stack(cloud, "warehouse")
    results = []
    cloud.clock.together(
        lambda: results.append(factory.create({X: kind()}, parallel=False)),
        lambda: results.append(other.create({X: kind()}, parallel=False)),
    )
    winners = 2 if kind.is_made_anew and kind.name not in ("self-signed", "issued") else 1
    require(results.count("COMPLETE") == winners, "I3", f"one certificate, two stacks: {results}")
    for stack in (factory, other):
        if stack.live:
            _gone(stack)


def deleted_unnoticed_and_registered_by_another(cloud: Cloud, kind: Kind) -> None:
    """A Delete's answer is lost in a function that hangs, and takes effect later: then another stack registers it."""
    if kind.is_made_anew:
        return
    factory, other = Stack(cloud), Stack(cloud, "warehouse")
    _made(factory, {X: kind()})
    cloud.arm(Fault("hang", kind.deletion, "after"))
    require(factory.delete() == "DELETE_FAILED", "", "no answer but the timer's was to come")
    cloud.arm()
    second = _made(other, {X: kind()})
    _gone(factory)
    require(kind.registered(cloud) == {second}, "I3", "the other stack's certificate was deleted")
    _gone(other)


def deleted_unnoticed_and_created_twice_by_another(cloud: Cloud, kind: Kind) -> None:
    """As before, and the other stack's Create is delivered again: what the first stack had is not what there is now."""
    if kind.is_made_anew:
        return
    factory, other = Stack(cloud), Stack(cloud, "warehouse")
    _made(factory, {X: kind()})
    cloud.arm(Fault("hang", kind.deletion, "after"))
    require(factory.delete() == "DELETE_FAILED", "", "no answer but the timer's was to come")
    cloud.arm(Fault("die", "cloudformation.DescribeStackResource"))
    second = _made(other, {X: kind()})
    require(kind.registered(cloud) == {second}, "I2", "there is not exactly one certificate")
    _gone(other)
    require(not kind.registered(cloud), "I2", "the other stack's certificate is left")
    _gone(factory)


def somebody_elses(cloud: Cloud, kind: Kind) -> None:
    """What was there before is not taken: not by Create, not by Update, not by the Deletes that follow."""
    foreign = material.device("foreign")
    if kind.is_ca:
        foreign = Declared(CA, {"CACertificatePem": material.foreign_ca().pem, "CertificateMode": "SNI_ONLY"})
    stack = Stack(cloud)
    require(stack.create({X: foreign}) == "ROLLED_BACK", "I3", "the Create was to fail")
    cloud.arm(Fault("die", 0, "before", times=3))
    require(stack.create({X: foreign}) == "ROLLED_BACK", "I3", "no answer was to come")
    cloud.arm()
    first = _made(stack, {X: kind()})
    require(stack.update({X: foreign}) == "ROLLED_BACK", "I3", "the Update was to fail")
    require(stack.live[X].physical_id == first, "I4", "another id")
    _gone(stack)


def disappears(cloud: Cloud, kind: Kind) -> None:
    """Deleted outside the stack, then replaced, then deleted."""
    stack = Stack(cloud)
    _vanish(cloud, _made(stack, {X: kind()}))
    require(stack.update({X: kind(1)}) == "COMPLETE", "", f"a replacement needs nothing of the old: {_reason(stack)}")
    _vanish(cloud, stack.live[X].physical_id)
    _gone(stack)


def disappears_and_is_registered_again(cloud: Cloud, kind: Kind) -> None:
    """An Update in place registers it again; the answer to that is lost, and the SDK asks once more."""
    if kind.name in ("csr", "by-request"):
        return  # for which another certificate is issued
    stack = Stack(cloud)
    first = _made(stack, {X: kind()})
    _vanish(cloud, first)
    cloud.arm(Fault("fail", kind.registration, "after"))
    require(stack.update({X: kind(Status="INACTIVE")}) == "COMPLETE", "I4", f"it was to be there: {_reason(stack)}")
    require(kind.registered(cloud) == {first}, "I4", "it is not registered")
    _gone(stack)


def disappears_and_is_issued_again(cloud: Cloud, kind: Kind) -> None:
    """The function dies after it has had another one issued: the next delivery goes on with that."""
    if kind.name not in ("csr", "by-request"):
        return
    stack = Stack(cloud)
    _vanish(cloud, _made(stack, {X: kind()}))
    cloud.arm(Fault("die", kind.registration))
    require(stack.update({X: kind(Status="INACTIVE")}) == "COMPLETE", "I4", f"it was to be there: {_reason(stack)}")
    require(len(kind.registered(cloud)) == 1, "I2", "there is not exactly one certificate")
    _gone(stack)


def rollback_that_leaves_what_others_attached(cloud: Cloud, kind: Kind) -> None:
    """The Update declared, for another certificate, the policy that somebody has attached to this one."""
    if kind.name != "device":
        return
    stack = Stack(cloud)
    first = _made(stack, {X: kind()})
    arn = cloud.iot.certificates[first].arn
    cloud.iot.AttachPolicy(policyName="publish", target=arn)
    cloud.arm(Fault("deny", kind.registration, "before"))
    require(stack.update({X: kind(1, PolicyNames=["publish"])}) == "ROLLED_BACK", "I4", "no rollback")
    require(arn in cloud.iot.policies["publish"], "I3", "what somebody else attached was detached")
    _gone(stack)


def disappears_and_is_updated_in_place(cloud: Cloud, kind: Kind) -> None:
    """The Update cannot succeed; it rolls back, and the stack can be deleted."""
    stack = Stack(cloud)
    _vanish(cloud, _made(stack, {X: kind()}))
    result = stack.update({X: kind(Status="INACTIVE")})
    require(result in ("ROLLED_BACK", "COMPLETE"), "I4", f"the rollback does not converge: {_reason(stack)}")
    _gone(stack)


def _vanish(cloud: Cloud, certificate_id: str) -> None:
    cloud.excuses.deleted_outside.add(certificate_id)
    cloud.iot.cas.pop(certificate_id, None)
    cloud.iot.certificates.pop(certificate_id, None)


def replaced_ca_whose_devices_stay(cloud: Cloud, kind: Kind) -> None:
    """The old CA goes in the cleanup, and sweeps none of the devices, though the CA says DELETE."""
    if not kind.is_ca or kind.is_made_anew:
        return
    what: dict[str, Any] = {"DeviceCertificatesOnDelete": "DELETE"}
    stack = Stack(cloud)
    _made(stack, {X: kind(**what), "Device": material.device_under(X)})
    device = stack.live["Device"].physical_id
    stray = issuing.make_device(material.ca_certificate(), "stray", serial=9).pem
    cloud.iot.RegisterCertificate(certificatePem=stray, caCertificatePem=material.ca_certificate().pem)
    template = {X: kind(1, **what), "Device": material.device_under(X)}
    require(stack.update(template) == "COMPLETE", "", f"the CA was to be replaced: {_reason(stack)}")
    require(device in cloud.iot.certificates, "I3", "a declared device was swept")
    _gone(stack)


def sweep_before_the_ca_goes(cloud: Cloud, kind: Kind) -> None:
    """A device that connects during the sweep must not come back: auto-registration is off before."""
    if not kind.is_ca:
        return
    stack = Stack(cloud)
    ca_id = _made(stack, {X: kind(DeviceCertificatesOnDelete="DELETE", AutoRegistrationStatus="ENABLE")})
    pem = issuing.make_device(material.ca_certificate(), "jit", serial=7).pem
    cloud.iot.bring_in_just_in_time(pem, ca_id)

    def connect() -> None:
        ca = cloud.iot.cas[ca_id]
        if (ca.status, ca.auto_registration) == ("ACTIVE", "ENABLE"):
            cloud.iot.bring_in_just_in_time(pem, ca_id)
        cloud.during.append(("iot.DeleteCertificate", "after", connect))

    cloud.during.append(("iot.DeleteCertificate", "after", connect))
    _gone(stack)
    require(not kind.registered(cloud), "I2", "swept devices came back")


SLOW_SECONDS = 6.0
"""A call that takes so long has a sweep of hundreds, several at a time, not fit into one invocation."""


def _many_devices(cloud: Cloud, ca_id: str, count: int) -> None:
    """Register devices that connected just in time, without the trouble of making a certificate for each."""
    cloud.iot.page = 250
    for number in range(count):
        certificate_id = f"{number:064x}"
        record = CertificateRecord(certificate_id, "", "ACTIVE", "DEFAULT", ca_id, cloud.clock.now)
        cloud.iot.certificates[certificate_id] = record


def sweep_that_takes_several_invocations(cloud: Cloud, kind: Kind) -> None:
    """What does not fit into one is handed on with the same event, and the last one answers."""
    if kind.name != "ca":
        return
    stack = Stack(cloud)
    ca_id = _made(stack, {X: kind(DeviceCertificatesOnDelete="DELETE")})
    _many_devices(cloud, ca_id, 800)
    cloud.call_seconds = lambda: SLOW_SECONDS
    before = len(cloud.invocations)
    _gone(stack)
    deliveries = cloud.invocations[before:]
    require(len(deliveries) >= 3, "I1", f"{len(deliveries)} invocations cannot have done it all")
    require(all(each.event == deliveries[0].event for each in deliveries), "I1", "the event was changed on its way")
    require([len(each.answers) for each in deliveries] == [0] * (len(deliveries) - 1) + [1], "I1", "not one answer")
    require(not kind.registered(cloud), "I2", "not everything was swept")


def sweep_that_never_fits(cloud: Cloud, kind: Kind) -> None:
    """It fails in time, says how many are left, and the next Delete goes on."""
    if kind.name != "ca":
        return
    stack = Stack(cloud)
    ca_id = _made(stack, {X: kind(DeviceCertificatesOnDelete="DELETE", ServiceTimeout="600")})
    _many_devices(cloud, ca_id, 800)
    cloud.call_seconds = lambda: SLOW_SECONDS
    require(stack.delete() == "DELETE_FAILED", "I1", "it cannot have fitted")
    left = sum(record.ca_id == ca_id for record in cloud.iot.certificates.values())
    said = f"Out of time: {left} device certificates of the CA are left"
    require(_reason(stack).startswith(said), "I1", f"{_reason(stack)!r}, and {left} are left")
    _gone(stack)
    require(not kind.registered(cloud), "I2", "not everything was swept")


def sweep_whose_functions_die(cloud: Cloud, kind: Kind) -> None:
    """The function dies before and after it handed the rest on: Lambda delivers the event again."""
    if kind.name != "ca":
        return
    for number, when in enumerate(("before", "after")):
        stack = Stack(cloud, f"factory{number}" if number else "factory")
        ca_id = _made(stack, {X: kind(DeviceCertificatesOnDelete="DELETE")})
        _many_devices(cloud, ca_id, 400)
        cloud.call_seconds = lambda: SLOW_SECONDS
        cloud.arm(Fault("die", "lambda.Invoke", "before" if when == "before" else "after"))
        require(stack.delete() == "COMPLETE", "I2", f"it was to go: {_reason(stack)}")
        require(not kind.registered(cloud), "I2", "not everything was swept")


# A private CA that is renewed, or ends, while nobody looks


def renewed(cloud: Cloud, kind: Kind) -> None:
    """The next Update of the resource registers the new certificate, and the old one goes in the cleanup."""
    if kind.name != "private-ca":
        return
    stack = Stack(cloud)
    first = _made(stack, {X: kind()})
    material.renew(cloud)
    require(stack.update({X: kind(Status="INACTIVE")}) == "COMPLETE", "", f"it was to be replaced: {_reason(stack)}")
    require(stack.live[X].physical_id != first, "I4", "the identity did not change")
    require(kind.registered(cloud) == {stack.live[X].physical_id}, "I2", "the replaced certificate is left")
    _gone(stack)


def renewed_and_rolled_back(cloud: Cloud, kind: Kind) -> None:
    """The private CA has one certificate, and the rollback needs the other; even if the CA is gone."""
    if kind.name != "private-ca":
        return
    for number, faults in enumerate(((), _killed(kind), (Fault("deny", kind.registration, "before"),))):
        stack = Stack(cloud, f"factory{number}" if number else "factory")
        first = _made(stack, {X: kind()})
        material.renew(cloud)
        cloud.arm(*faults)
        if not number:
            cloud.during.append((kind.registration, "after", cloud.aws.acm_pca.cas.clear))
        require(stack.update({X: kind(Status="INACTIVE"), "Broken": BROKEN}) == "ROLLED_BACK", "I4", "no rollback")
        require(stack.live[X].physical_id == first, "I4", "another identity")
        require(kind.registered(cloud) == {first}, "I4", "the new certificate is left")
        _gone(stack)
        material.furnish_private_cas(cloud)


def renewed_between_two_deliveries(cloud: Cloud, kind: Kind) -> None:
    """The function dies after registering, and the CA is renewed before the event comes again."""
    if kind.name != "private-ca":
        return
    stack = Stack(cloud)
    cloud.arm(Fault("die", kind.registration))
    cloud.during.append((kind.registration, "after", lambda: material.renew(cloud)))
    first = _made(stack, {X: kind()})
    require(kind.registered(cloud) == {first}, "I2", "there is not exactly one certificate")
    _gone(stack)


def private_ca_that_ends(cloud: Cloud, kind: Kind) -> None:
    """Disabled or gone, it keeps neither an Update in place nor a Delete from succeeding; whatever its id."""
    if kind.name != "private-ca":
        return
    stack = Stack(cloud)
    _made(stack, {X: kind()})
    cloud.aws.acm_pca.cas.clear()
    require(stack.update({X: kind(Status="INACTIVE")}) == "COMPLETE", "", f"in place: {_reason(stack)}")
    _gone(stack)
    material.furnish_private_cas(cloud)
    cloud.during.append((kind.registration, "after", cloud.aws.acm_pca.cas.clear))
    cloud.arm(Fault("die", kind.registration, times=3), Fault("die", 0, "before", times=2, invocation=1))
    require(stack.create({X: kind()}) == "ROLLED_BACK", "", "no answer was to come")
    require(not kind.registered(cloud), "I2", "the certificate is left")


def _killed(kind: Kind) -> tuple[Fault, ...]:
    """Let the first delivery register and die, and the others die before they do anything."""
    return Fault("die", kind.registration), Fault("die", 0, "before", times=2, invocation=1)


def sweep_whose_detaching_is_not_answered(cloud: Cloud, kind: Kind) -> None:
    """It took effect, and only the attachment named the thing, which is to be deleted too."""
    if kind.name != "ca":
        return
    stack = Stack(cloud)
    _made(stack, {X: kind(DeviceCertificatesOnDelete="DELETE_WITH_THINGS")})
    ca = material.ca_certificate()
    stray = issuing.make_device(ca, "stray", serial=9).pem
    arn = cloud.iot.RegisterCertificate(certificatePem=stray, caCertificatePem=ca.pem)["certificateArn"]
    cloud.iot.CreateThing(thingName="stray")
    cloud.iot.AttachThingPrincipal(thingName="stray", principal=arn)
    detach = "iot.DetachThingPrincipal"
    cloud.arm(Fault("fail", detach, "after"), Fault("fail", detach, "before", times=3))
    require(stack.delete() == "DELETE_FAILED", "", "the Delete was to fail")
    _gone(stack)
    require("stray" not in cloud.iot.things, "I2", "the thing is left")


# Limits


def answer_that_is_too_large(cloud: Cloud, kind: Kind) -> None:
    """More than 4,096 bytes would never arrive: the Create fails and says so."""
    if kind.is_made_anew:
        return
    from cryptography import x509  # noqa: PLC0415
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    units = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"{number:064}") for number in range(60)]
    if kind.is_ca:
        pem = issuing.make_ca("large", subject=x509.Name(units)).pem
        declared = Declared(CA, {"CACertificatePem": pem, "CertificateMode": "SNI_ONLY"})
    else:
        pem = issuing.make_device(material.foreign_ca(), "large", subject=x509.Name(units)).pem
        declared = Declared(DEVICE, {"CertificatePem": pem})
    stack = Stack(cloud)
    require(stack.create({X: declared}) == "ROLLED_BACK", "I1", "it was to fail")
    require(not kind.registered(cloud), "I2", "it was registered")


def throttled_and_failing_for_a_while(cloud: Cloud, kind: Kind) -> None:
    """What the SDK tries again does no harm."""
    stack = Stack(cloud)
    for operation in (*REGISTRATIONS, kind.deletion):
        cloud.arm(Fault("throttle", operation, "before", times=2))
        _made(stack, {X: kind()})
        require(stack.delete() == "COMPLETE", "I2", "the stack was to be deleted")


def _policies(kind: Kind) -> dict[str, Any]:
    return {} if kind.is_ca else {"PolicyNames": ["publish", "shadow"], "ThingNames": ["thermostat"]}


ALL: tuple[Callable[[Cloud, Kind], None], ...] = (
    create_update_delete,
    retained,
    failed_create,
    failed_create_that_cannot_be_undone,
    failed_create_by_lost_answers,
    failed_create_that_registered_unseen,
    failed_create_that_registers_late,
    failed_create_that_registers_again_late,
    redelivered_create,
    redelivered_create_that_fails,
    create_that_dies_before_registering,
    create_that_never_answers,
    create_that_hangs,
    create_that_hangs_and_then_dies,
    create_whose_answer_is_not_taken,
    delete_while_create_runs,
    delete_while_create_runs_and_dies,
    sibling_fails,
    failed_once_then_created_and_replaced,
    failed_update,
    failed_update_after_registering,
    update_killed_after_registering,
    update_that_hangs,
    redelivered_update,
    rollback_to_a_certificate_that_still_exists,
    rollback_of_changes_in_place,
    rollback_that_meets_revoked,
    rollback_that_meets_revoked_from_outside,
    failed_delete,
    abandoned_in_cleanup,
    delete_that_dies,
    duplicates_after_success,
    two_logical_ids_one_after_the_other,
    two_logical_ids_at_the_same_instant,
    two_stacks_one_after_the_other,
    two_stacks_at_the_same_instant,
    deleted_unnoticed_and_registered_by_another,
    deleted_unnoticed_and_created_twice_by_another,
    somebody_elses,
    disappears,
    disappears_and_is_registered_again,
    disappears_and_is_issued_again,
    rollback_that_leaves_what_others_attached,
    disappears_and_is_updated_in_place,
    replaced_ca_whose_devices_stay,
    sweep_before_the_ca_goes,
    sweep_whose_detaching_is_not_answered,
    sweep_that_takes_several_invocations,
    sweep_that_never_fits,
    sweep_whose_functions_die,
    renewed,
    renewed_and_rolled_back,
    renewed_between_two_deliveries,
    private_ca_that_ends,
    answer_that_is_too_large,
    throttled_and_failing_for_a_while,
)
