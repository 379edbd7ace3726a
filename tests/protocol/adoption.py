"""What can happen to a certificate that somebody else registered and a stack uses: sequences, like ``scenarios``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iot_certificate_provider.physical_id import adopted_id, certificate_id_in, is_adopted
from iot_certificate_provider.pki import Certificate
from protocol import material
from protocol.function import Fault
from protocol.invariants import nothing_foreign_touched, require
from protocol.referee import CA, DEVICE, Declared, Stack, retained
from protocol.several_owners import delete_outside

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud
    from protocol.scenarios import Kind

X = "Subject"
BROKEN = Declared(DEVICE, {"CertificatePem": "not a PEM"}, after=(X,))
PUBLISH = {"PolicyNames": ["publish"], "ThingNames": ["thermostat"]}


def foreign_id(kind: Kind) -> str:
    """Return the id of what somebody else registered."""
    made = material.foreign_ca() if kind.name == "ca" else material.device_certificate("foreign")
    return Certificate.from_pem(made.pem).id


def using(kind: Kind, existing: str | None = "ADOPT", **changes: Any) -> Declared:
    """Declare what somebody else registered, a device's certificate with attachments of the stack's own."""
    properties: dict[str, Any] = {"ExistingCertificate": existing} if existing else {}
    if kind.name == "ca":
        pem = material.foreign_ca().pem
        properties |= {"CACertificatePem": pem, "VerificationKey": {"SecretArn": material.KEY_SECRET}}
        return Declared(CA, properties | changes)
    return Declared(
        DEVICE, properties | {"CertificatePem": material.device_certificate("foreign").pem, **PUBLISH} | changes
    )


def _adopted(cloud: Cloud, kind: Kind, **changes: Any) -> Stack:
    stack = Stack(cloud)
    require(stack.create({X: using(kind, **changes)}) == "COMPLETE", "", f"it was to be adopted: {_reason(cloud)}")
    require(stack.live[X].physical_id == adopted_id(foreign_id(kind)), "I3", "the id does not say that it is adopted")
    return stack


def _left(stack: Stack) -> None:
    """The stack goes, and what it used is as it was."""
    require(stack.delete() == "COMPLETE", "", f"the stack was to be deleted: {_reason(stack.cloud)}")
    nothing_foreign_touched(stack.cloud)


def _reason(cloud: Cloud) -> str:
    answers = [answer for invocation in cloud.invocations for answer in invocation.answers]
    return str(answers[-1].body["Reason"]) if answers else ""


def adopted_and_left(cloud: Cloud, kind: Kind) -> None:
    stack = _adopted(cloud, kind)
    if kind.name == "device":
        arn = cloud.iot.certificates[foreign_id(kind)].arn
        require(arn in cloud.iot.policies["publish"], "I4", "the policy is not attached")
    _left(stack)


def adopting_changes_nothing(cloud: Cloud, kind: Kind) -> None:
    """What is declared has to be what is registered, and the error says what is not."""
    stack = Stack(cloud)
    require(stack.create({X: using(kind, Status="INACTIVE")}) == "ROLLED_BACK", "I3", "the difference was passed over")
    failed = next(a for i in cloud.invocations for a in i.answers if a.body["Status"] == "FAILED")
    require(failed.body["Reason"].startswith("Status: INACTIVE is declared"), "I1", failed.body["Reason"])
    nothing_foreign_touched(cloud)


def adoption_that_finds_nothing(cloud: Cloud, kind: Kind) -> None:
    """It registers, and the certificate is the stack's own."""
    stack = Stack(cloud)
    declared = kind(ExistingCertificate="ADOPT")
    require(stack.create({X: declared}) == "COMPLETE", "", f"it was to be registered: {_reason(cloud)}")
    require(stack.live[X].physical_id in cloud.made, "I2", "the id is not that of the stack's own certificate")
    require(stack.update({X: kind(Status="INACTIVE", ExistingCertificate="ADOPT")}) == "COMPLETE", "", "in place")
    require(stack.delete() == "COMPLETE" and not kind.registered(cloud), "I2", "its own certificate is left")


def adopted_and_changed(cloud: Cloud, kind: Kind) -> None:
    """What the template changes later is changed: it says so."""
    stack = _adopted(cloud, kind)
    require(stack.update({X: using(kind, Status="INACTIVE")}) == "COMPLETE", "", "in place")
    require(is_adopted(stack.live[X].physical_id), "I3", "it is adopted still")
    require(stack.update({X: using(kind)}) == "COMPLETE", "", "and back")
    _left(stack)


def adoption_of_what_others_attached_refused(cloud: Cloud, kind: Kind) -> None:
    """What is declared and was attached already is refused: a Delete could not tell whose it is."""
    if kind.name == "ca":
        return
    stack = Stack(cloud)
    both: dict[str, Any] = {"PolicyNames": ["connect", "publish"], "ThingNames": ["thermostat"]}
    require(stack.create({X: using(kind, **both)}) == "ROLLED_BACK", "I3", "what others attached was declared")
    failed = next(a for i in cloud.invocations for a in i.answers if a.body["Status"] == "FAILED")
    require(failed.body["Reason"].startswith("PolicyNames: connect is attached"), "I1", failed.body["Reason"])
    nothing_foreign_touched(cloud)


def updated_with_what_others_attached(cloud: Cloud, kind: Kind) -> None:
    """It is theirs: an Update that declares it is refused, and neither its rollback nor the Delete detaches it."""
    if kind.name == "ca":
        return
    stack = _adopted(cloud, kind)
    adopted, arn = stack.live[X].physical_id, cloud.iot.certificates[foreign_id(kind)].arn
    both = ["connect", "publish"]
    for declared in (
        {X: using(kind, PolicyNames=both)},
        {X: using(kind, PolicyNames=[*both, "missing"])},
        {X: using(kind, PolicyNames=["publish", "missing"])},
    ):
        require(stack.update(declared) == "ROLLED_BACK", "I4", f"no rollback: {_reason(cloud)}")
        require(stack.live[X].physical_id == adopted, "I4", "another id after the rollback")
        require(arn in cloud.iot.policies["connect"], "I3", "the rollback detached what others attached")
        require(arn in cloud.iot.policies["publish"], "I4", "the rollback detached what is declared")
    _left(stack)


def refused_and_left(cloud: Cloud, kind: Kind) -> None:
    """Refused adoptions detach nothing, also of what the stack has had for long and others attached by hand."""
    if kind.name == "ca":
        return
    stack = Stack(cloud)
    stack.ledger.log("Policy", "connect", "CREATE_COMPLETE", cloud.clock.now)
    require(stack.create({"Other": kind()}) == "COMPLETE", "", "what the stack has")
    refused = using(kind, PolicyNames=["connect"], Status="INACTIVE")
    require(stack.update({"Other": kind(), X: refused}) == "ROLLED_BACK", "I3", "the difference was passed over")
    nothing_foreign_touched(cloud)
    require(stack.update({"Other": refused}) == "ROLLED_BACK", "I3", "the difference was passed over")
    nothing_foreign_touched(cloud)


def rollback_of_an_adoption(cloud: Cloud, kind: Kind) -> None:
    if kind.name == "ca":
        return
    stack = Stack(cloud)
    declared = {X: using(kind), "Broken": BROKEN}
    require(stack.create(declared) == "ROLLED_BACK", "I4", f"no rollback: {_reason(cloud)}")
    nothing_foreign_touched(cloud)


def ownership_taken(cloud: Cloud, kind: Kind) -> None:
    """ADOPT is left out: the plain id, and the Delete of the marked one does nothing. Then it goes with the stack."""
    stack = _adopted(cloud, kind)
    del cloud.foreign[foreign_id(kind)]
    require(stack.update({X: using(kind, None)}) == "COMPLETE", "", f"it was to be taken: {_reason(cloud)}")
    require(stack.live[X].physical_id == foreign_id(kind), "I4", "the id is not the plain one")
    cloud.made[foreign_id(kind)] = (stack.ledger.stack_id, X)
    if kind.name == "device":
        arn = cloud.iot.certificates[foreign_id(kind)].arn
        require(arn in cloud.iot.policies["publish"], "I4", "the clean-up detached the policy")
    require(stack.delete() == "COMPLETE", "", f"the stack was to be deleted: {_reason(cloud)}")
    gone = {*cloud.iot.cas, *cloud.iot.certificates}
    require(foreign_id(kind) not in gone, "I2", "it was the stack's own")


def ownership_taken_and_rolled_back(cloud: Cloud, kind: Kind) -> None:
    """Back to the marked id, and the Delete of the plain one does nothing."""
    stack = _adopted(cloud, kind)
    result = stack.update({X: using(kind, None), "Broken": BROKEN})
    require(result == "ROLLED_BACK", "I4", f"no rollback: {_reason(cloud)}")
    require(is_adopted(stack.live[X].physical_id), "I3", "it is the stack's own after the rollback")
    _left(stack)


def ownership_of_what_another_holds(cloud: Cloud, kind: Kind) -> None:
    """A stack cannot take what another one holds; adopting it is no harm, where that one would leave it."""
    owner, stack = Stack(cloud), Stack(cloud, "warehouse")
    require(owner.create({X: retained(kind())}) == "COMPLETE", "", "the owner")
    require(stack.create({X: kind(ExistingCertificate="ADOPT")}) == "COMPLETE", "", f"adopted: {_reason(cloud)}")
    require(is_adopted(stack.live[X].physical_id), "I3", "it is the owner's")
    require(stack.update({X: kind()}) == "ROLLED_BACK", "I3", "it was taken from its owner")
    require(stack.delete() == "COMPLETE", "", "the second stack")
    require(kind.registered(cloud) == {owner.live[X].physical_id}, "I3", "the owner lost it")
    require(owner.update({X: kind()}) == "COMPLETE", "", "without Retain")
    require(owner.delete() == "COMPLETE" and not kind.registered(cloud), "I2", "the owner")


def replaced_by_an_own_one(cloud: Cloud, kind: Kind) -> None:
    """The stack's attachments go from the one that it used, and back with the rollback of a later update."""
    stack = _adopted(cloud, kind)
    require(stack.update({X: kind(), "Broken": BROKEN}) == "ROLLED_BACK", "I4", f"no rollback: {_reason(cloud)}")
    require(is_adopted(stack.live[X].physical_id), "I4", "another id after the rollback")
    require(not kind.registered(cloud), "I2", "the new certificate is left")
    require(stack.update({X: kind()}) == "COMPLETE", "", f"replacement: {_reason(cloud)}")
    nothing_foreign_touched(cloud)
    require(stack.update({X: using(kind)}) == "COMPLETE", "", f"and back: {_reason(cloud)}")
    require(not kind.registered(cloud), "I2", "the stack's own certificate is left")
    _left(stack)


def rollback_to_what_was_changed_outside(cloud: Cloud, kind: Kind) -> None:
    """A rollback does not ask for the status that was declared: there is no other certificate to go back to."""
    stack = _adopted(cloud, kind)
    record: Any = cloud.iot.cas.get(foreign_id(kind)) or cloud.iot.certificates[foreign_id(kind)]
    original, record.status = record.status, "INACTIVE"
    if kind.name == "ca":
        return  # while the foreign CA is INACTIVE, nothing else can be registered here
    require(stack.update({X: kind(1), "Broken": BROKEN}) == "ROLLED_BACK", "I4", f"stuck: {_reason(cloud)}")
    record.status = original
    _left(stack)


def renamed(cloud: Cloud, kind: Kind) -> None:
    """RETAIN on the old logical id; then ADOPT on the new one: in its place it is refused, beside it it is not.

    While an update runs GetTemplate answers with the new template, which does not show that the old one is retained.
    """
    stack, old = Stack(cloud), {X: retained(kind())}
    require(stack.create(old) == "COMPLETE", "", "the old logical id")
    first = stack.live[X].physical_id
    adopting = {"Renamed": kind(ExistingCertificate="ADOPT")}
    require(stack.update(adopting) == "ROLLED_BACK", "I3", "adopted, and nothing shows that the holder leaves it")
    require(stack.update({**old, **adopting}) == "COMPLETE", "", f"the new one: {_reason(cloud)}")
    require(stack.update(adopting) == "COMPLETE", "", f"without the old one: {_reason(cloud)}")
    require(kind.registered(cloud) == {first}, "I3", "the certificate did not survive")
    require(stack.live["Renamed"].physical_id == adopted_id(first), "I3", "the id does not say that it is adopted")
    require(stack.delete() == "COMPLETE" and kind.registered(cloud) == {first}, "I3", "RETAIN was asked for")


def killed_while_adopting(cloud: Cloud, kind: Kind) -> None:
    """What the stack holds itself, and a delivery that died had attached, is detached in the end."""
    stack = Stack(cloud)
    for name in (*PUBLISH["PolicyNames"], *PUBLISH["ThingNames"]):
        stack.ledger.log(name, name, "CREATE_COMPLETE", cloud.clock.now)
    cloud.arm(Fault("die", "iot.AttachPolicy" if kind.name == "device" else "iot.DescribeCACertificate"))
    require(stack.create({X: using(kind)}) == "COMPLETE", "", f"it was to be adopted: {_reason(cloud)}")
    require(stack.live[X].physical_id == adopted_id(foreign_id(kind)), "I3", "what it attached counts as others'")
    _left(stack)


def failed_while_adopting(cloud: Cloud, kind: Kind) -> None:
    """What was attached is detached again."""
    stack = Stack(cloud)
    cloud.arm(Fault("deny", "iot.DescribeCACertificate" if kind.name == "ca" else "iot.AttachThingPrincipal"))
    require(stack.create({X: using(kind)}) == "ROLLED_BACK", "", "the adoption was to fail")
    nothing_foreign_touched(cloud)


def failed_while_adopting_and_attached_late(cloud: Cloud, kind: Kind) -> None:
    """AWS IoT answers no attempt to attach, and one takes effect seconds later: after what it would have undone."""
    if kind.name == "ca":
        return
    stack = Stack(cloud)
    arn = cloud.iot.certificates[foreign_id(kind)].arn
    cloud.arm(Fault("fail", "iot.AttachThingPrincipal", "before", times=4))
    cloud.clock.later(8.0, lambda: cloud.iot.AttachThingPrincipal(thingName="thermostat", principal=arn))
    require(stack.create({X: using(kind)}) == "ROLLED_BACK", "", "the adoption was to fail")
    cloud.clock.sleep(30)
    nothing_foreign_touched(cloud)


def adopted_and_deleted_outside(cloud: Cloud, kind: Kind) -> None:
    """It is registered again by the next change, and is the stack's own from then on."""
    owner, stack = Stack(cloud), Stack(cloud, "warehouse")
    require(owner.create({X: retained(kind())}) == "COMPLETE", "", "the owner")
    require(stack.create({X: kind(ExistingCertificate="ADOPT")}) == "COMPLETE", "", f"adopted: {_reason(cloud)}")
    require(owner.delete() == "COMPLETE", "", "the owner goes, and leaves the certificate")
    delete_outside(cloud, certificate_id_in(stack.live[X].physical_id))
    changed = kind(ExistingCertificate="ADOPT", Status="INACTIVE")
    require(stack.update({X: changed}) == "COMPLETE", "", f"registered again: {_reason(cloud)}")
    require(stack.live[X].physical_id in kind.registered(cloud), "I4", "it is not registered")
    require(stack.delete() == "COMPLETE" and not kind.registered(cloud), "I2", "its own certificate is left")


ALL: tuple[Callable[[Cloud, Kind], None], ...] = (
    adopted_and_left,
    adopting_changes_nothing,
    adoption_that_finds_nothing,
    adopted_and_changed,
    adoption_of_what_others_attached_refused,
    updated_with_what_others_attached,
    refused_and_left,
    rollback_of_an_adoption,
    ownership_taken,
    ownership_taken_and_rolled_back,
    ownership_of_what_another_holds,
    replaced_by_an_own_one,
    rollback_to_what_was_changed_outside,
    renamed,
    killed_while_adopting,
    failed_while_adopting,
    failed_while_adopting_and_attached_late,
    adopted_and_deleted_outside,
)
