"""What can happen to a certificate that is kept after a rotation: sequences, like ``scenarios``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iot_certificate_provider.physical_id import without_kept
from protocol import material
from protocol.function import Fault
from protocol.invariants import require
from protocol.kept_keys import secret_of
from protocol.referee import DEVICE, Declared, Stack, last_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud
    from protocol.scenarios import Kind

X = "Subject"
BROKEN = Declared(DEVICE, {"CertificatePem": "not a PEM"}, after=(X,))


def keeping(kind: Kind, generation: int = 0, **properties: Any) -> Declared:
    attached = {} if kind.is_ca else {"PolicyNames": ["connect"], "ThingNames": ["boiler"]}
    return kind(generation, **{"PreviousCertificate": "KEEP", **attached, **properties})


def named(stack: Stack) -> list[str]:
    """Return the certificates that the resource's physical id names: its own, and the one that it keeps."""
    return [each for each in without_kept(stack.live[X].physical_id) if each]


def status(stack: Stack, certificate_id: str) -> str:
    iot = stack.cloud.iot
    record = iot.cas.get(certificate_id) or iot.certificates.get(certificate_id)
    return "gone" if record is None else record.status


def attached(stack: Stack, certificate_id: str) -> set[str]:
    iot = stack.cloud.iot
    arn = iot.certificates[certificate_id].arn
    return {name for kind in (iot.policies, iot.things) for name, arns in kind.items() if arn in arns}


def registered_are_named(stack: Stack, kind: Kind) -> None:
    require(kind.registered(stack.cloud) == set(named(stack)), "I2", f"{kind.registered(stack.cloud)} are registered")


def rotated(cloud: Cloud, kind: Kind, rotations: int = 1) -> Stack:
    """Make a stack, and rotate its certificate."""
    stack = Stack(cloud)
    require(stack.create({X: keeping(kind)}) == "COMPLETE", "", "the stack was to be created")
    for generation in range(1, rotations + 1):
        before = named(stack)[0]
        require(stack.update({X: keeping(kind, generation)}) == "COMPLETE", "I4", "the rotation")
        require(named(stack)[1:] == [before], "I4", "the certificate before the rotation is not kept")
        registered_are_named(stack, kind)
    return stack


def gone(stack: Stack, kind: Kind) -> None:
    require(stack.delete() == "COMPLETE", "I4", f"not deleted: {stack.cloud.invocations[-1].answers[-1].body}")
    require(not kind.registered(stack.cloud), "I2", "something is left")


def one_before_is_kept(cloud: Cloud, kind: Kind) -> None:
    """Until the next rotation: never are there more than two, and none at the end."""
    stack = rotated(cloud, kind, 3)
    for each in named(stack):
        require(status(stack, each) == "ACTIVE", "I4", f"{each[:8]} is {status(stack, each)}")
        require(kind.is_ca or attached(stack, each) == {"connect", "boiler"}, "I4", f"{each[:8]} is detached")
    gone(stack, kind)


def rollback_returns_the_same_id(cloud: Cloud, kind: Kind) -> None:
    """Of the first rotation, and of one that would have removed the kept one."""
    stack = Stack(cloud)
    require(stack.create({X: keeping(kind)}) == "COMPLETE", "", "the stack was to be created")
    for generation in (1, 2):
        before = stack.live[X].physical_id
        require(stack.update({X: keeping(kind, generation), "Broken": BROKEN}) == "ROLLED_BACK", "I4", "no rollback")
        require(stack.live[X].physical_id == before, "I4", "another id")
        registered_are_named(stack, kind)
        require(stack.update({X: keeping(kind, generation)}) == "COMPLETE", "I4", "the rotation")
    gone(stack, kind)


def rollback_that_only_describes(cloud: Cloud, kind: Kind) -> None:
    """A policy that was deleted outside keeps no rollback of a rotation: nothing was done to the certificate."""
    if kind.is_ca:
        return
    stack = rotated(cloud, kind)
    require(stack.update({X: keeping(kind, 1, PolicyNames=["publish"])}) == "COMPLETE", "I4", "the change")
    for each in named(stack):
        cloud.iot.DetachPolicy(policyName="publish", target=cloud.iot.certificates[each].arn)
        cloud.possessions.detached_outside(each)
    del cloud.iot.policies["publish"]
    require(stack.update({X: keeping(kind, 2, PolicyNames=[]), "Broken": BROKEN}) == "ROLLED_BACK", "I4", "stuck")


def delete_again_removes_the_kept_one(cloud: Cloud, kind: Kind) -> None:
    """DELETE instead of KEEP, in place: the answer to a compromise. Its rollback has both again."""
    stack = rotated(cloud, kind)
    now, _ = named(stack)
    without = keeping(kind, 1, PreviousCertificate="DELETE")
    require(stack.update({X: without, "Broken": BROKEN}) == "ROLLED_BACK", "I4", "no rollback")
    registered_are_named(stack, kind)
    require(len(named(stack)) == 2, "I4", "it is not kept any more")
    require(stack.update({X: without}) == "COMPLETE", "I4", "the update")
    require(named(stack) == [now], "I4", "not the one that it had")
    registered_are_named(stack, kind)
    require(stack.update({X: keeping(kind, 1)}) == "COMPLETE", "I4", "KEEP again")
    require(named(stack) == [now], "I4", "something else is kept")
    gone(stack, kind)


def rotation_with_delete_removes_both(cloud: Cloud, kind: Kind) -> None:
    stack = rotated(cloud, kind)
    compromised = keeping(kind, 2, PreviousCertificate="DELETE")
    require(stack.update({X: compromised, "Broken": BROKEN}) == "ROLLED_BACK", "I4", "no rollback")
    registered_are_named(stack, kind)
    require(stack.update({X: compromised}) == "COMPLETE", "I4", "the rotation")
    require(len(named(stack)) == 1, "I4", "one is kept")
    registered_are_named(stack, kind)
    gone(stack, kind)


def changes_apply_to_both(cloud: Cloud, kind: Kind) -> None:
    """In place: status, policies and things; and back again in a rollback."""
    stack = rotated(cloud, kind)
    other = {} if kind.is_ca else {"PolicyNames": ["publish"]}
    off = keeping(kind, 1, Status="INACTIVE", **other)
    require(stack.update({X: off, "Broken": BROKEN}) == "ROLLED_BACK", "I4", "no rollback")
    require({status(stack, each) for each in named(stack)} == {"ACTIVE"}, "I4", "one is off after the rollback")
    require(stack.update({X: off}) == "COMPLETE", "I4", "the change")
    require(len(named(stack)) == 2, "I4", "it is not kept any more")
    require({status(stack, each) for each in named(stack)} == {"INACTIVE"}, "I4", "one of them is on")
    if not kind.is_ca:
        require(all(attached(stack, each) == {"publish", "boiler"} for each in named(stack)), "I4", "attachments")
    gone(stack, kind)


def never_back_to_the_kept_one(cloud: Cloud, kind: Kind) -> None:
    """The properties of the generation before make a third certificate."""
    stack = rotated(cloud, kind)
    now, before = named(stack)
    require(stack.update({X: keeping(kind, 0), "Broken": BROKEN}) == "ROLLED_BACK", "I4", "no rollback")
    require(named(stack) == [now, before], "I4", "not as before")
    require(stack.update({X: keeping(kind, 0)}) == "COMPLETE", "I4", "the rotation")
    require(named(stack)[1] == now and named(stack)[0] not in {now, before}, "I4", "it came back to the kept one")
    registered_are_named(stack, kind)


def late_delete_of_an_older_id(cloud: Cloud, kind: Kind) -> None:
    """Removes nothing that the resource has by now, whichever id it names."""
    stack = rotated(cloud, kind)
    first = last_event(stack, X)
    require(stack.update({X: keeping(kind, 2)}) == "COMPLETE", "I4", "the rotation")
    second = last_event(stack, X)
    for event in (first, second):
        cloud.clock.sleep(120)
        stack.duplicate(event)
        registered_are_named(stack, kind)
    require(stack.update({X: keeping(kind, 2, PreviousCertificate="DELETE")}) == "COMPLETE", "I4", "the update")
    third = last_event(stack, X)
    cloud.clock.sleep(120)
    stack.duplicate(third)
    registered_are_named(stack, kind)
    gone(stack, kind)


def clean_up_that_dies(cloud: Cloud, kind: Kind) -> None:
    """The next delivery goes on."""
    stack = rotated(cloud, kind)
    cloud.arm(Fault("die", kind.deletion, "before"))
    require(stack.update({X: keeping(kind, 2)}) == "COMPLETE", "I4", "the rotation")
    cloud.arm()
    registered_are_named(stack, kind)
    cloud.arm(Fault("die", kind.deletion, "after"))
    gone(stack, kind)


def kept_one_that_was_deleted_outside(cloud: Cloud, kind: Kind) -> None:
    """Neither an update nor the deletion gets stuck on it."""
    stack = rotated(cloud, kind)
    _, kept = named(stack)
    cloud.excuses.deleted_outside.add(kept)
    (cloud.iot.cas if kind.is_ca else cloud.iot.certificates).pop(kept)
    require(stack.update({X: keeping(kind, 1, Status="INACTIVE")}) == "COMPLETE", "I4", "the change")
    require(stack.update({X: keeping(kind, 2)}) == "COMPLETE", "I4", "the rotation")
    registered_are_named(stack, kind)
    gone(stack, kind)


def value_that_a_user_wrote(cloud: Cloud, kind: Kind) -> None:
    """A rotation to another secret leaves it, though the older version's certificate is registered still."""
    if kind.name == "by-request":
        return
    first, other = secret_of(kind), material.kept_secret("other")
    cloud.add_empty_secret(other)
    stack = Stack(cloud)
    require(stack.create({X: keeping(kind)}) == "COMPLETE", "", "the stack was to be created")
    cloud.aws.secrets.PutSecretValue(first, "0" * 32, "a password", ["AWSCURRENT"])
    cloud.keys.replaced_outside(first)
    moved: dict[str, Any] = {"PrivateKeySecretArn" if kind.is_ca else "CredentialsSecretArn": other}
    require(stack.update({X: keeping(kind, **moved)}) == "COMPLETE", "I4", "the rotation")
    require(cloud.aws.secrets.values[first] == "a password", "I4", "the user's value has lost its label")


ALL: tuple[Callable[[Cloud, Kind], None], ...] = (
    one_before_is_kept,
    rollback_returns_the_same_id,
    rollback_that_only_describes,
    delete_again_removes_the_kept_one,
    rotation_with_delete_removes_both,
    changes_apply_to_both,
    never_back_to_the_kept_one,
    late_delete_of_an_older_id,
    clean_up_that_dies,
    kept_one_that_was_deleted_outside,
    value_that_a_user_wrote,
)
