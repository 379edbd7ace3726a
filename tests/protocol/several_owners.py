"""Several stacks, and hands from outside, that want one certificate: sequences, like ``scenarios``.

Each docstring says what the users do. However it is answered, everybody keeps what CloudFormation said they have (I5),
and at the end nothing is left that nobody has (I2).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import issuing
from iot_certificate_provider.physical_id import is_adopted
from protocol import material, native
from protocol.function import CALL_SECONDS, Fault
from protocol.invariants import require
from protocol.referee import DEVICE, Declared, Live, Stack, retained

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud
    from protocol.referee import Template
    from protocol.scenarios import Kind

X, RENAMED = "Subject", "Renamed"
BROKEN = Declared(DEVICE, {"CertificatePem": "not a PEM"}, after=(X,))
THINGS = tuple(f"thing-{number}" for number in range(60))
SLOW_CALL_SECONDS = 0.5
"""With 60 things to attach, a Create answers half a minute after it registered."""
NEW_ID_SHOWS_AFTER = 20.0

ADOPT: dict[str, Any] = {"ExistingCertificate": "ADOPT"}
SWEEPING: dict[str, Any] = {"DeviceCertificatesOnDelete": "DELETE_WITH_THINGS"}
PUBLISH: dict[str, Any] = {"PolicyNames": ["publish"]}


def _created(stack: Stack, template: Template) -> str:
    require(stack.create(template) == "COMPLETE", "", f"{stack.name} was to be created: {reasons(stack.cloud)}")
    return stack.live[X].physical_id


def _deleted(stack: Stack) -> None:
    if stack.live:
        require(stack.delete() == "COMPLETE", "", f"{stack.name} was to be deleted: {reasons(stack.cloud)}")
    stack.cloud.possessions.check()


def _all_deleted(kind: Kind, *stacks: Stack) -> None:
    """Delete the stacks one after the other: each takes only what is its own, and the last one leaves nothing."""
    for stack in stacks:
        _deleted(stack)
    require(not kind.registered(stacks[0].cloud), "I2", "a certificate is left, and no stack has it")


def reasons(cloud: Cloud) -> str:
    """Return the reasons of all answers, newest first."""
    answers = [answer for invocation in reversed(cloud.invocations) for answer in reversed(invocation.answers)]
    return "; ".join(answer.body["Reason"] for answer in answers if answer.body["Reason"])


def delete_outside(cloud: Cloud, certificate_id: str) -> None:
    """Delete a certificate by hand: whoever had it has it no longer."""
    native.delete(cloud, certificate_id)
    cloud.excuses.deleted_outside.add(certificate_id)
    cloud.made.pop(certificate_id, None)
    cloud.possessions.deleted_outside(certificate_id)


def _things(cloud: Cloud) -> tuple[str, ...]:
    for name in THINGS:
        cloud.iot.CreateThing(thingName=name)
    return THINGS


def _together(cloud: Cloud, *works: Callable[[], object]) -> None:
    cloud.clock.together(*works)
    cloud.possessions.check()


def _later(seconds: float, stack: Stack, template: Template) -> None:
    stack.cloud.clock.sleep(seconds)
    stack.create(template, parallel=False)


# Renaming


def renamed_with_adopt(cloud: Cloud, kind: Kind) -> None:
    """A user renames a construct and adds ADOPT to it, as the refusal advises: the same certificate, once more."""
    stack = Stack(cloud)
    certificate_id = _created(stack, {X: kind()})
    stack.update({RENAMED: kind(**ADOPT)})
    cloud.possessions.check()
    require(kind.registered(cloud) == {certificate_id}, "I5", "the certificate went with its old name")
    _deleted(stack)


def renamed_ca_with_adopt(cloud: Cloud, kind: Kind) -> None:
    """A user does so with a CA that has DELETE_WITH_THINGS: three field devices and their things are at stake."""
    stack, what = Stack(cloud), {**SWEEPING}
    ca_id = _created(stack, {X: kind(**what)})
    devices = [_field_device(cloud, f"field {number}") for number in range(3)]
    stack.update({RENAMED: kind(**what, **ADOPT)})
    cloud.possessions.check()
    require(ca_id in cloud.iot.cas, "I5", "the CA went with its old name")
    require(set(devices) <= set(cloud.iot.certificates), "I5", "field devices went with the CA's old name")
    require({f"field {n}" for n in range(3)} <= set(cloud.iot.things), "I5", "their things went with the CA's old name")


def _field_device(cloud: Cloud, name: str) -> str:
    ca = material.ca_certificate()
    pem = issuing.make_device(ca, name, serial=7000 + len(cloud.iot.certificates)).pem
    answer = cloud.iot.RegisterCertificate(certificatePem=pem, caCertificatePem=ca.pem, status="ACTIVE")
    cloud.iot.CreateThing(thingName=name)
    cloud.iot.AttachThingPrincipal(thingName=name, principal=answer["certificateArn"])
    return str(answer["certificateId"])


def renamed_with_adopt_and_rolled_back(cloud: Cloud, kind: Kind) -> None:
    """The same deployment fails at another resource: everything is as it was."""
    stack = Stack(cloud)
    certificate_id = _created(stack, {X: kind()})
    require(stack.update({RENAMED: kind(**ADOPT), "Broken": BROKEN}) == "ROLLED_BACK", "I4", "no rollback")
    cloud.possessions.check()
    require(stack.live[X].physical_id == certificate_id, "I4", "another id")
    _all_deleted(kind, stack)


# Adopting


def adopted_from_a_stack_that_is_deleted(cloud: Cloud, kind: Kind) -> None:
    """Stack B adopts what stack A owns; then A is deleted."""
    owner, user = Stack(cloud, "warehouse"), Stack(cloud, "office")
    _created(owner, {X: kind()})
    user.create({X: kind(**ADOPT)})
    cloud.possessions.check()
    _deleted(owner)
    _deleted(user)


def adoption_refused_while_another_stack_holds(cloud: Cloud, kind: Kind) -> None:
    """Stack B adopts what stack A owns, without Retain there: refused, naming A's resource; nothing happens to A's."""
    owner, user = Stack(cloud, "warehouse"), Stack(cloud, "office")
    _created(owner, {X: kind()})
    require(user.create({X: kind(**ADOPT)}) == "ROLLED_BACK", "I5", "what another stack would delete was adopted")
    require("warehouse" in reasons(cloud), "I1", f"the refusal does not name the holder: {reasons(cloud)}")
    _all_deleted(kind, owner)


def adoption_refused_while_half_retained(cloud: Cloud, kind: Kind) -> None:
    """A has DeletionPolicy Retain only: a replacement would delete the certificate under B."""
    owner, user = Stack(cloud, "warehouse"), Stack(cloud, "office")
    _created(owner, {X: replace(kind(), deletion_policy="Retain")})
    require(user.create({X: kind(**ADOPT)}) == "ROLLED_BACK", "I5", "what a replacement would delete was adopted")
    require(owner.update({X: kind()}) == "COMPLETE", "", "without Retain again")
    _all_deleted(kind, owner)


def adoption_refused_while_a_native_resource_holds(cloud: Cloud, kind: Kind) -> None:
    """A holds it as AWS::IoT::Certificate, without Retain; B adopts it, and A is deleted."""
    owner, user = Stack(cloud, "warehouse"), Stack(cloud, "office")
    _created(owner, {X: native_twin(kind)})
    require(user.create({X: kind(**ADOPT)}) == "ROLLED_BACK", "I5", "what a native resource would delete was adopted")
    _all_deleted(kind, owner)


def adoption_refused_while_a_native_holder_is_new(cloud: Cloud, kind: Kind) -> None:
    """As before, right after A was created: CloudFormation does not find a resource by an id that is so new."""
    hide_new_ids(cloud, NEW_ID_SHOWS_AFTER)
    owner, user = Stack(cloud, "warehouse"), Stack(cloud, "office")
    _created(owner, {X: native_twin(kind)})
    require(user.create({X: kind(**ADOPT)}) == "ROLLED_BACK", "I5", "what a native resource would delete was adopted")
    _all_deleted(kind, owner)


def hide_new_ids(cloud: Cloud, seconds: float) -> None:
    """Have CloudFormation not find any stack by a new physical id for so long."""
    first = cloud.aws.cloudformation
    for each in (first, *first.others.values()):
        each.clock, each.lag = (lambda: cloud.clock.now), timedelta(seconds=seconds)


def native_twin(kind: Kind, which: int = 0) -> Declared:
    """Declare a certificate of a kind with CloudFormation's own type."""
    name, type_name = (
        ("CACertificatePem", native.CA_CERTIFICATE) if kind.is_ca else ("CertificatePem", native.CERTIFICATE)
    )
    return Declared(type_name, {name: kind(which).properties[name]})


def moved_from_a_native_resource(cloud: Cloud, kind: Kind) -> None:
    """Retain at the native resource, deploy; ADOPT here, deploy; remove it there, deploy; drop ADOPT, deploy."""
    _move(cloud, kind, native_twin(kind))


def native_replacement_rolled_back(cloud: Cloud, kind: Kind) -> None:
    """The certificate of a native resource is replaced, and a sibling fails: the native resource has the old one."""
    stack = Stack(cloud)
    certificate_id = _created(stack, {X: native_twin(kind)})
    require(stack.update({X: native_twin(kind, 1), "Broken": BROKEN}) == "ROLLED_BACK", "I4", reasons(cloud))
    require(kind.registered(cloud) == {certificate_id}, "I4", "the old one is gone, or the new one is left")
    _all_deleted(kind, stack)


def moved_from_another_stack(cloud: Cloud, kind: Kind) -> None:
    """The steps of the refusal: Retain there, deploy; ADOPT here, deploy; remove it there, deploy; drop ADOPT."""
    _move(cloud, kind, kind())


def _move(cloud: Cloud, kind: Kind, there: Declared) -> None:
    owner, user = Stack(cloud, "warehouse"), Stack(cloud, "office")
    certificate_id = _created(owner, {X: there})
    require(owner.update({X: retained(there)}) == "COMPLETE", "", "Retain there")
    require(user.create({X: kind(**ADOPT)}) == "COMPLETE", "", f"ADOPT here: {reasons(cloud)}")
    require(is_adopted(user.live[X].physical_id), "I5", "the id does not say that it is adopted")
    _deleted(owner)
    require(user.update({X: kind()}) == "COMPLETE", "", f"drop ADOPT: {reasons(cloud)}")
    cloud.possessions.check()
    require(kind.registered(cloud) == {certificate_id}, "I5", "the certificate did not survive the move")
    require(user.live[X].physical_id == certificate_id, "I5", "ownership was not taken")
    _all_deleted(kind, user)


def moved_within_a_stack(cloud: Cloud, kind: Kind) -> None:
    """Retain at the old logical id, deploy; the new one with ADOPT in its place, deploy; drop ADOPT, deploy."""
    stack = Stack(cloud)
    certificate_id = _created(stack, {X: kind()})
    require(stack.update({X: retained(kind())}) == "COMPLETE", "", "Retain")
    require(stack.update({X: retained(kind()), RENAMED: kind(**ADOPT)}) == "COMPLETE", "", f"ADOPT: {reasons(cloud)}")
    require(stack.update({RENAMED: kind(**ADOPT)}) == "COMPLETE", "", f"without the old name: {reasons(cloud)}")
    require(stack.update({RENAMED: kind()}) == "COMPLETE", "", f"drop ADOPT: {reasons(cloud)}")
    cloud.possessions.check()
    require(stack.live[RENAMED].physical_id == certificate_id, "I5", "ownership was not taken")
    _all_deleted(kind, stack)


def moved_to_another_provider(cloud: Cloud, kind: Kind) -> None:
    """The steps of docs/moving-to-another-provider.md; ADOPT in the place of the old resource is refused before."""
    stack = Stack(cloud)
    another: dict[str, Any] = {"ServiceToken": "arn of another"}
    certificate_id = _created(stack, {X: kind()})
    require(stack.update({X: kind(**another)}) == "ROLLED_BACK", "", "another ServiceToken was taken")
    old, adopting = {X: retained(kind())}, {RENAMED: kind(**ADOPT, **another)}
    require(stack.update(old) == "COMPLETE", "", "1. Retain")
    require(stack.update(adopting) == "ROLLED_BACK", "I5", "adopted, and nothing shows that the holder leaves it")
    require("Subject of this stack owns" in reasons(cloud), "I1", f"the refusal names no holder: {reasons(cloud)}")
    require(stack.update({**old, **adopting}) == "COMPLETE", "", f"2. Adopt: {reasons(cloud)}")
    require(stack.update(adopting) == "COMPLETE", "", f"3. Remove: {reasons(cloud)}")
    require(stack.update({RENAMED: kind(**another)}) == "COMPLETE", "", f"4. Own: {reasons(cloud)}")
    cloud.possessions.check()
    require(stack.live[RENAMED].physical_id == certificate_id, "I5", "ownership was not taken")
    _all_deleted(kind, stack)


def retain_dropped_after_the_adoption(cloud: Cloud, kind: Kind) -> None:
    """A had Retain, so B adopted; then A drops Retain, and is deleted: its Delete finds that B uses the certificate."""
    owner, user = Stack(cloud, "warehouse"), Stack(cloud, "office")
    certificate_id = _created(owner, {X: retained(kind())})
    require(user.create({X: kind(**ADOPT)}) == "COMPLETE", "", f"ADOPT here: {reasons(cloud)}")
    require(owner.update({X: kind()}) == "COMPLETE", "", "without Retain")
    _deleted(owner)
    require(certificate_id in kind.registered(cloud), "I5", "what B uses was deleted")
    require("office" in reasons(cloud), "I2", f"the reason does not say who holds it: {reasons(cloud)}")
    _deleted(user)


def detached_only_what_nobody_else_declares(cloud: Cloud, kind: Kind) -> None:
    """B adopts and attaches a policy; A, that owns the certificate, declares the same one later; B is deleted."""
    owner, user = Stack(cloud, "warehouse"), Stack(cloud, "office")
    _created(owner, {X: retained(kind())})
    require(user.create({X: kind(**ADOPT, **PUBLISH)}) == "COMPLETE", "", f"ADOPT here: {reasons(cloud)}")
    require(owner.update({X: retained(kind(**PUBLISH))}) == "COMPLETE", "", "the same policy there")
    _deleted(user)
    require(owner.update({X: kind(**PUBLISH)}) == "COMPLETE", "", "without Retain")
    _all_deleted(kind, owner)


def rollback_that_leaves_what_another_attached(cloud: Cloud, kind: Kind) -> None:
    """B adopts and attaches a policy; an Update of A's declares the same one, and fails: its rollback leaves it."""
    owner, user = Stack(cloud, "warehouse"), Stack(cloud, "office")
    _created(owner, {X: retained(kind())})
    require(user.create({X: kind(**ADOPT, **PUBLISH)}) == "COMPLETE", "", f"ADOPT here: {reasons(cloud)}")
    result = owner.update({X: retained(kind(**PUBLISH)), "Broken": BROKEN})
    require(result == "ROLLED_BACK", "I4", f"no rollback: {reasons(cloud)}")
    cloud.possessions.check()


def adopted_while_its_owner_deletes_it(cloud: Cloud, kind: Kind) -> None:
    """A is being deleted, which takes longer, as B adopts the certificate of A."""
    owner, user = Stack(cloud, "warehouse"), Stack(cloud, "office")
    _created(owner, {X: kind()})
    cloud.clock.sleep(7200)

    def seconds() -> float:
        invocation = cloud._running()
        is_owners = invocation is not None and invocation.owner[0] == owner.ledger.stack_id
        return SLOW_CALL_SECONDS * (4 if is_owners else 1)

    cloud.call_seconds = seconds
    adopting = {X: kind(**ADOPT)}
    _together(cloud, owner.delete, lambda: user.create(adopting, parallel=False))
    _all_deleted(kind, user)


def retain_dropped_while_another_adopts(cloud: Cloud, kind: Kind) -> None:
    """B finds Retain in A's template, and answers seconds later; meanwhile A drops Retain, and is deleted."""
    owner, user = Stack(cloud, "warehouse"), Stack(cloud, "office")
    _created(owner, {X: retained(kind())})
    cloud.clock.sleep(120)
    _slow(cloud, user, 8.0)
    adopting = {X: kind(**ADOPT)}
    _together(
        cloud,
        lambda: user.create(adopting, parallel=False),
        lambda: _drop_retain_and_delete(41.0, owner, kind),
    )
    require(bool(user.live) == bool(kind.registered(cloud)), "I5", "what was adopted is gone")


def retain_dropped_right_after_an_adoption(cloud: Cloud, kind: Kind) -> None:
    """A drops Retain and is deleted the moment after B adopted: CloudFormation does not find B by the id yet."""
    hide_new_ids(cloud, 2.0)
    owner, user = Stack(cloud, "warehouse"), Stack(cloud, "office")
    _created(owner, {X: retained(kind())})
    cloud.clock.sleep(120)
    require(user.create({X: kind(**ADOPT)}) == "COMPLETE", "", f"ADOPT here: {reasons(cloud)}")
    _drop_retain_and_delete(0.0, owner, kind)
    require(bool(kind.registered(cloud)), "I5", "what B uses was deleted")
    _deleted(user)


def _drop_retain_and_delete(seconds: float, owner: Stack, kind: Kind) -> None:
    owner.cloud.clock.sleep(seconds)
    require(owner.update({X: kind()}) == "COMPLETE", "", "without Retain")
    require(owner.delete() == "COMPLETE", "", f"it was to be deleted: {reasons(owner.cloud)}")


def _slow(cloud: Cloud, stack: Stack, seconds: float = 5.0) -> None:
    """Have each call of one stack take long."""

    def each_call() -> float:
        invocation = cloud._running()
        return seconds if invocation is not None and invocation.owner[0] == stack.ledger.stack_id else CALL_SECONDS

    cloud.call_seconds = each_call


def adopted_while_its_create_is_undone(cloud: Cloud, kind: Kind) -> None:
    """A's Create is given up, and takes a minute to undo what it has registered; meanwhile B adopts that."""
    given_up, user = Stack(cloud, "given-up"), Stack(cloud, "office")
    _slow(cloud, given_up, 6.0)
    declared = kind() if kind.is_ca else kind(PolicyNames=["publish"])
    cloud.during.append((kind.registration, "after", lambda: given_up.give_up(X)))
    _together(
        cloud,
        lambda: given_up.create({X: declared}, parallel=False),
        lambda: _later(20.0, user, {X: kind(**ADOPT)}),
    )
    require(bool(user.live) == bool(kind.registered(cloud)), "I5", "what was adopted is gone")


def adoption_refused_while_a_sibling_among_many_holds(cloud: Cloud, kind: Kind) -> None:
    """The holder is a resource of the same stack, which has more than the hundred that one answer names."""
    stack = Stack(cloud)
    certificate_id = _created(stack, {X: kind()})
    for number in range(120):
        stack.ledger.log(f"Other{number}", f"other-{number}", "CREATE_COMPLETE", cloud.clock.now)
    require(stack.update({X: kind(), RENAMED: kind(**ADOPT)}) == "ROLLED_BACK", "I5", "a sibling's was adopted")
    require(X in reasons(cloud), "I1", f"the refusal does not name the sibling: {reasons(cloud)}")
    require(kind.registered(cloud) == {certificate_id}, "I5", "the sibling's certificate is gone")
    _all_deleted(kind, stack)


# Creating at the same time


def two_stacks_while_one_attaches(cloud: Cloud, kind: Kind) -> None:
    """Two stacks create one certificate; one of them attaches 60 things, and so answers late. Then both are deleted."""
    slow, quick = Stack(cloud, "slow"), Stack(cloud, "quick")
    cloud.call_seconds, things = lambda: SLOW_CALL_SECONDS, list(_things(cloud))
    _together(
        cloud,
        lambda: slow.create({X: kind(ThingNames=things)}, parallel=False),
        lambda: quick.create({X: kind()}, parallel=False),
    )
    require(sum(bool(stack.live) for stack in (slow, quick)) <= 1, "I5", "both stacks have one certificate")
    _all_deleted(kind, quick, slow)


def two_siblings_while_one_attaches(cloud: Cloud, kind: Kind) -> None:
    """Two resources of one stack declare one certificate; one of them attaches 60 things."""
    stack, things = Stack(cloud), list(_things(cloud))
    cloud.call_seconds = lambda: SLOW_CALL_SECONDS
    stack.create({X: kind(ThingNames=things), "Second": kind()})
    cloud.possessions.check()
    require(len(stack.live) <= 1, "I5", "both resources have one certificate")
    _all_deleted(kind, stack)


def orphan_that_is_anothers(cloud: Cloud, kind: Kind) -> None:
    """A sibling fails, so A's Create is given up and a Delete of an invented id comes, while B's Create still runs."""
    given_up, other = Stack(cloud, "given-up"), Stack(cloud, "other")
    cloud.call_seconds, things = lambda: SLOW_CALL_SECONDS, list(_things(cloud))

    def give_up() -> None:
        cloud.clock.sleep(10.0)
        given_up.give_up(X)
        cloud.clock.sleep(120.0)

    cloud.during.append((kind.registration, "before", give_up))
    results = []
    _together(
        cloud,
        lambda: given_up.create({X: kind()}, parallel=False),
        lambda: results.append(other.create({X: kind(ThingNames=things)}, parallel=False)),
    )
    require(results == ["COMPLETE"], "I5", f"the other stack's Create was disturbed: {reasons(cloud)}")
    require(bool(kind.registered(cloud)), "I5", "the other stack's certificate was taken for an orphan")
    _all_deleted(kind, other)


def orphan_of_another_that_has_just_answered(cloud: Cloud, kind: Kind) -> None:
    """As before, and CloudFormation does not find B's resource by its id in the first seconds after its answer."""
    hide_new_ids(cloud, 5.0)
    orphan_that_is_anothers(cloud, kind)


def registered_by_another_in_a_pause(cloud: Cloud, kind: Kind) -> None:
    """AWS IoT fails A's first attempt; in the pause before the second one, B registers. "Already exists" is B's."""
    unlucky, other = Stack(cloud, "unlucky"), Stack(cloud, "other")
    cloud.call_seconds, things = lambda: SLOW_CALL_SECONDS, list(_things(cloud))
    cloud.jitter = lambda: 1.0
    cloud.arm(Fault("fail", kind.registration, "before", times=3))
    _together(
        cloud,
        lambda: unlucky.create({X: kind()}, parallel=False),
        lambda: _later(1.0, other, {X: kind(ThingNames=things)}),
    )
    require(sum(bool(stack.live) for stack in (unlucky, other)) <= 1, "I5", "both stacks have one certificate")
    _all_deleted(kind, unlucky, other)


def two_stacks_of_one_signing_request(cloud: Cloud, kind: Kind) -> None:
    """Two stacks have certificates issued for one CSR; one dies before it asks, and comes again a minute later."""
    slow, unlucky = Stack(cloud, "slow"), Stack(cloud, "unlucky")
    cloud.call_seconds, things = lambda: SLOW_CALL_SECONDS, list(_things(cloud))

    cloud.arm(Fault("die", kind.registration, "before"))
    _together(
        cloud,
        lambda: unlucky.create({X: kind()}, parallel=False),
        lambda: _later(45.0, slow, {X: kind(ThingNames=things)}),
    )
    require(slow.live[X].physical_id != unlucky.live[X].physical_id, "I5", "both stacks have one certificate")
    _all_deleted(kind, unlucky, slow)


def given_up_while_it_attaches(cloud: Cloud, kind: Kind) -> None:
    """A sibling fails while a Create attaches 60 things: within ten seconds or so it notices that nobody wants it."""
    stack, things = Stack(cloud), list(_things(cloud))
    cloud.call_seconds = lambda: SLOW_CALL_SECONDS
    cloud.during.append(("iot.AttachThingPrincipal", "after", lambda: stack.give_up(X)))
    require(stack.create({X: kind(ThingNames=things)}) == "ROLLED_BACK", "", "it was given up")
    attached = sum(call.name == "iot.AttachThingPrincipal" for call in cloud.aws.calls)
    require(attached * SLOW_CALL_SECONDS < 15.0, "I4", f"it attached {attached} things that nobody wants any more")
    require(not kind.registered(cloud), "I2", "the certificate is left")


def undone_after_another_registered(cloud: Cloud, kind: Kind) -> None:
    """As a Create has attached, somebody deletes its certificate and registers it by hand; then the Create fails."""
    stack = Stack(cloud)
    cloud.arm(Fault("deny", "cloudformation.DescribeStackResource", times=9))

    def change_hands() -> None:
        (certificate_id,) = kind.registered(cloud)
        delete_outside(cloud, certificate_id)
        cloud.clock.sleep(60)
        native.register(cloud, native_twin(kind).properties)

    cloud.during.append(("iot.AttachPolicy", "after", change_hands))
    require(stack.create({X: kind(PolicyNames=["publish"])}) == "ROLLED_BACK", "", "it was to fail")
    require(bool(kind.registered(cloud)), "I3", "what was registered by hand was taken for one's own, and undone")


# Hands from outside


def updated_after_another_registered(cloud: Cloud, kind: Kind) -> None:
    """The certificate is deleted by hand, another stack registers it, and the first stack changes its status.

    Then what the refusal advises: the first one uses the other's certificate, which stays.
    """
    first, second = _registered_by_another(cloud, kind)
    first.update({X: kind(Status="INACTIVE")})
    cloud.possessions.check()
    said = f"Registered already by {X} of stack second. Remove this resource"
    require(said in reasons(cloud), "I4", f"it does not say so: {reasons(cloud)}")
    require(first.update({}) == "COMPLETE", "I4", f"it was to be removed: {reasons(cloud)}")
    require(second.update({X: retained(kind())}) == "COMPLETE", "I4", f"it was to be retained: {reasons(cloud)}")
    require(first.update({X: kind(**ADOPT)}) == "COMPLETE", "I4", f"it was to be adopted: {reasons(cloud)}")
    cloud.possessions.check()
    _deleted(first)
    cloud.possessions.check()
    require(second.update({X: kind()}) == "COMPLETE", "I4", f"Retain was to go: {reasons(cloud)}")
    _all_deleted(kind, second)


def deleted_after_another_registered(cloud: Cloud, kind: Kind) -> None:
    """The certificate is deleted by hand, another stack registers it, and the first stack is deleted."""
    first, second = _registered_by_another(cloud, kind)
    _deleted(first)
    _all_deleted(kind, second)


def deleted_while_a_void_holder_stays(cloud: Cloud, kind: Kind) -> None:
    """As before, and the second stack goes first: that the first one still names the certificate means nothing."""
    first, second = _registered_by_another(cloud, kind)
    _name_the_other(cloud, first, second)
    _deleted(second)
    require(not kind.registered(cloud), "I2", "it was left to a resource whose own is gone")
    _deleted(first)


def replaced_after_another_registered(cloud: Cloud, kind: Kind) -> None:
    """As before, and the first stack has its certificate replaced: the old id is deleted in the clean-up."""
    first, second = _registered_by_another(cloud, kind)
    require(first.update({X: kind(1)}) == "COMPLETE", "", f"it was to be replaced: {reasons(cloud)}")
    cloud.possessions.check()
    _deleted(first)
    _all_deleted(kind, second)


def rolled_back_after_another_registered(cloud: Cloud, kind: Kind) -> None:
    """As before, and an Update of the first stack fails at another resource: the rollback never refuses."""
    first, second = _registered_by_another(cloud, kind)
    result = first.update({X: kind(1), "Broken": BROKEN})
    require(result == "ROLLED_BACK", "I4", f"the rollback is stuck: {reasons(cloud)}")
    cloud.possessions.check()
    _deleted(first)
    _all_deleted(kind, second)


def renamed_while_another_registers(cloud: Cloud, kind: Kind) -> None:
    """The certificate is deleted by hand; another stack registers it as the first renames its construct, and dies.

    The one stack that CloudFormation finds by the id is the first one, whose own is gone: that hides the other's.
    """
    first, second = Stack(cloud, "first"), Stack(cloud, "second")
    delete_outside(cloud, _created(first, {X: kind()}))
    cloud.clock.sleep(120)
    cloud.call_seconds = lambda: SLOW_CALL_SECONDS
    cloud.arm(Fault("die", "cloudformation.DescribeStackResources", invocation=1))

    def rename() -> None:
        cloud.clock.sleep(0.2)
        first.update({RENAMED: kind()})

    _together(cloud, lambda: second.create({X: kind()}, parallel=False), rename)
    require(first.live[X].physical_id == second.live[X].physical_id, "I5", "both stacks have one certificate")
    _deleted(first)
    _all_deleted(kind, second)


def adopted_by_a_sibling_after_another_registered(cloud: Cloud, kind: Kind) -> None:
    """As before, and the first stack's new construct has ADOPT: the other stack would delete what it adopts."""
    first, second = _registered_by_another(cloud, kind)
    result = first.update({X: kind(), RENAMED: kind(**ADOPT)})
    require(result == "ROLLED_BACK", "I5", "what another stack would delete was adopted")
    require("second" in reasons(cloud), "I1", f"the refusal does not name the holder: {reasons(cloud)}")
    _deleted(first)
    _all_deleted(kind, second)


def _registered_by_another(cloud: Cloud, kind: Kind) -> tuple[Stack, Stack]:
    first, second = Stack(cloud, "first"), Stack(cloud, "second")
    delete_outside(cloud, _created(first, {X: kind()}))
    cloud.clock.sleep(120)
    _created(second, {X: kind()})
    cloud.clock.sleep(120)
    return first, second


def registered_again_by_hand(cloud: Cloud, kind: Kind) -> None:
    """Somebody deletes a stack's certificate and registers it again by hand: from then on it is theirs."""
    stack = Stack(cloud)
    certificate_id = _created(stack, {X: kind()})
    delete_outside(cloud, certificate_id)
    cloud.clock.sleep(120)
    native.register(cloud, native_twin(kind).properties)
    cloud.clock.sleep(120)
    _deleted(stack)
    require(certificate_id in kind.registered(cloud), "I3", "what was registered by hand was deleted")


# A CA and the devices that other stacks declare


def ca_deleted_under_anothers_devices(cloud: Cloud, kind: Kind) -> None:
    """A CA with DELETE goes with its stack; another stack declares a device certificate of it."""
    _sweep_under_another(cloud, kind, "DELETE")


def ca_deactivating_anothers_devices(cloud: Cloud, kind: Kind) -> None:
    """A CA with DEACTIVATE goes with its stack; another stack declares a device certificate of it."""
    _sweep_under_another(cloud, kind, "DEACTIVATE")


def ca_deleted_while_anothers_device_is_created(cloud: Cloud, kind: Kind) -> None:
    """A CA with DELETE goes with its stack, when another stack's Create has just registered a device certificate."""
    authority, devices = Stack(cloud, "authority"), Stack(cloud, "devices")
    _created(authority, {X: kind(DeviceCertificatesOnDelete="DELETE")})
    _slow(cloud, devices, 6.0)

    def delete_later() -> None:
        cloud.clock.sleep(10.0)
        _deleted(authority)

    _together(cloud, lambda: _created(devices, {X: replace(material.device_under(X), after=())}), delete_later)
    _deleted(devices)
    require(cloud.iot.certificates.keys() <= cloud.foreign.keys(), "I2", "the device is left")


def _sweep_under_another(cloud: Cloud, kind: Kind, what: str) -> None:
    authority, devices = Stack(cloud, "authority"), Stack(cloud, "devices")
    _created(authority, {X: kind(DeviceCertificatesOnDelete=what)})
    field_device = _field_device(cloud, "field")
    _created(devices, {X: replace(material.device_under(X, PolicyNames=["connect"]), after=())})
    _deleted(authority)
    swept = cloud.iot.certificates.get(field_device)
    require(swept is None or swept.status == "INACTIVE", "I2", "a device that no stack declares was not swept")
    _deleted(devices)
    require(devices.cloud.iot.certificates.keys() <= {*cloud.foreign, field_device}, "I2", "the device is left")


# What an earlier release has let happen


def two_holders_deleted_together(cloud: Cloud, kind: Kind) -> None:
    """Two stacks have one certificate, from the time when that was possible; both are deleted at the same time."""
    one, other = _two_holders(cloud, kind)
    _name_the_other(cloud, one, other)
    _together(cloud, one.delete, other.delete)
    require(not kind.registered(cloud), "I2", "each stack left the certificate to the other")


def two_holders_deleted_one_after_the_other(cloud: Cloud, kind: Kind) -> None:
    """As before; the first Delete leaves it, if CloudFormation names the other stack. (Else it cannot know.)"""
    one, other = _two_holders(cloud, kind)
    cloud.aws.cloudformation.asker = lambda: other.ledger.stack_id
    _deleted(one)
    _all_deleted(kind, other)


def _name_the_other(cloud: Cloud, one: Stack, other: Stack) -> None:
    """Have CloudFormation answer each stack with the other one, of several that hold a physical id."""
    asking, ids = cloud.aws.cloudformation.asker, (one.ledger.stack_id, other.ledger.stack_id)
    cloud.aws.cloudformation.asker = lambda: next((each for each in ids if each != asking()), None)


def _two_holders(cloud: Cloud, kind: Kind) -> tuple[Stack, Stack]:
    one, other = Stack(cloud, "one"), Stack(cloud, "other")
    certificate_id = _created(one, {X: kind()})
    other.template, other.live = {X: kind()}, {X: Live(certificate_id, kind())}
    for status in ("CREATE_IN_PROGRESS", "CREATE_COMPLETE"):
        other.ledger.log(X, certificate_id, status, cloud.clock.now)
    other.ledger.types[X], other.ledger.status = kind().type, "CREATE_COMPLETE"
    cloud.excuses.shared_by_an_earlier_release.add((certificate_id, (other.ledger.stack_id, X)))
    cloud.possessions.completed((other.ledger.stack_id, X), certificate_id, kind())
    cloud.clock.sleep(60)
    return one, other


BOTH, CA_ONLY, DEVICE_ONLY, CSR_ONLY = ("ca", "device"), ("ca",), ("device",), ("csr",)
ALL: dict[Callable[[Cloud, Kind], None], tuple[str, ...]] = {
    renamed_with_adopt: BOTH,
    renamed_ca_with_adopt: CA_ONLY,
    renamed_with_adopt_and_rolled_back: BOTH,
    adopted_from_a_stack_that_is_deleted: BOTH,
    adoption_refused_while_another_stack_holds: BOTH,
    adoption_refused_while_half_retained: BOTH,
    adoption_refused_while_a_native_resource_holds: BOTH,
    adoption_refused_while_a_native_holder_is_new: BOTH,
    moved_from_a_native_resource: DEVICE_ONLY,
    native_replacement_rolled_back: BOTH,
    moved_from_another_stack: BOTH,
    moved_within_a_stack: BOTH,
    moved_to_another_provider: BOTH,
    retain_dropped_after_the_adoption: BOTH,
    detached_only_what_nobody_else_declares: DEVICE_ONLY,
    rollback_that_leaves_what_another_attached: DEVICE_ONLY,
    adopted_while_its_owner_deletes_it: BOTH,
    retain_dropped_while_another_adopts: BOTH,
    retain_dropped_right_after_an_adoption: BOTH,
    adopted_while_its_create_is_undone: BOTH,
    adoption_refused_while_a_sibling_among_many_holds: BOTH,
    two_stacks_while_one_attaches: DEVICE_ONLY,
    two_siblings_while_one_attaches: DEVICE_ONLY,
    orphan_that_is_anothers: DEVICE_ONLY,
    orphan_of_another_that_has_just_answered: DEVICE_ONLY,
    registered_by_another_in_a_pause: DEVICE_ONLY,
    two_stacks_of_one_signing_request: CSR_ONLY,
    given_up_while_it_attaches: DEVICE_ONLY,
    undone_after_another_registered: DEVICE_ONLY,
    updated_after_another_registered: BOTH,
    deleted_after_another_registered: BOTH,
    deleted_while_a_void_holder_stays: BOTH,
    replaced_after_another_registered: BOTH,
    rolled_back_after_another_registered: BOTH,
    renamed_while_another_registers: DEVICE_ONLY,
    adopted_by_a_sibling_after_another_registered: BOTH,
    registered_again_by_hand: BOTH,
    ca_deleted_under_anothers_devices: CA_ONLY,
    ca_deactivating_anothers_devices: CA_ONLY,
    ca_deleted_while_anothers_device_is_created: CA_ONLY,
    two_holders_deleted_together: BOTH,
    two_holders_deleted_one_after_the_other: BOTH,
}
