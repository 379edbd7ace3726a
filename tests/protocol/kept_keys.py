"""What can happen to a key that is made in the function and kept in a secret: sequences, like ``scenarios``.

``Timeline`` notes, at every call, which certificate a reader of the secret finds, and whether that can be used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from protocol import material
from protocol.function import Fault
from protocol.invariants import require
from protocol.referee import DEVICE, Declared, Stack

if TYPE_CHECKING:
    from collections.abc import Callable

    from fakes.aws import Call
    from protocol.function import Cloud
    from protocol.scenarios import Kind

X = "Subject"
BROKEN = Declared(DEVICE, {"CertificatePem": "not a PEM"}, after=(X,))


def secret_of(kind: Kind) -> str:
    return material.kept_secret("ca" if kind.is_ca else "device")


def versions(cloud: Cloud, kind: Kind) -> list[dict[str, str]]:
    """Return what the secret has ever held, oldest first."""
    return [json.loads(text) for text in cloud.aws.secrets.versions[secret_of(kind)].values()]


def current(cloud: Cloud, kind: Kind) -> str:
    """Return the id of the certificate that a reader of the secret finds."""
    return str(json.loads(str(cloud.aws.secrets.values[secret_of(kind)]))["certificateId"])


@dataclass
class Timeline:
    """What a reader of the secret has found from one call to the next."""

    cloud: Cloud
    kind: Kind
    found: list[tuple[str, str, str]] = field(default_factory=list)
    """After which call; the certificate in AWSCURRENT, and its status."""

    def watch(self) -> None:
        """Look after every call from now on."""
        after = self.cloud.aws.after

        def look(call: Call) -> None:
            after(call)
            self.note(call.name)

        self.cloud.aws.after = look

    def note(self, call: str) -> None:
        certificate_id = current(self.cloud, self.kind)
        records: dict[str, Any] = {**self.cloud.iot.cas, **self.cloud.iot.certificates}
        record = records.get(certificate_id)
        self.found.append((call, certificate_id, "gone" if record is None else record.status))

    def check(self) -> None:
        for call, certificate_id, status in self.found:
            require(status == "ACTIVE", "I4", f"after {call} the secret's certificate {certificate_id[:8]} is {status}")


def _made(stack: Stack, kind: Kind) -> str:
    require(stack.create({X: kind()}) == "COMPLETE", "", "the stack was to be created")
    return stack.live[X].physical_id


def rotation(cloud: Cloud, kind: Kind) -> None:
    """At any moment a reader finds a certificate that is ACTIVE, in the end the new one; the old one is AWSPREVIOUS."""
    stack = Stack(cloud)
    first = _made(stack, kind)
    timeline = Timeline(cloud, kind)
    timeline.watch()
    require(stack.update({X: kind(1)}) == "COMPLETE", "", "the rotation")
    timeline.check()
    second = stack.live[X].physical_id
    require(current(cloud, kind) == second != first, "I4", "the secret was not moved")
    labels = cloud.aws.secrets.labels[secret_of(kind)]
    previous = json.loads(cloud.aws.secrets.versions[secret_of(kind)][labels["AWSPREVIOUS"]])
    require(previous["certificateId"] == first, "I4", "AWSPREVIOUS is not the old one")
    require(kind.registered(cloud) == {second}, "I2", "the old certificate is left")
    cloud.aws.after = cloud._after
    require(stack.delete() == "COMPLETE" and not kind.registered(cloud), "I2", "the stack was to go")


def rotation_rolled_back(cloud: Cloud, kind: Kind) -> None:
    """The old key is AWSCURRENT again, and no third one is made."""
    stack = Stack(cloud)
    first = _made(stack, kind)
    timeline = Timeline(cloud, kind)
    timeline.watch()
    require(stack.update({X: kind(1), "Broken": BROKEN}) == "ROLLED_BACK", "I4", "no rollback")
    timeline.check()
    require(stack.live[X].physical_id == current(cloud, kind) == first, "I4", "not the old certificate")
    require(len(versions(cloud, kind)) == 2, "I4", f"{len(versions(cloud, kind))} keys were made")
    require(kind.registered(cloud) == {first}, "I2", "the new certificate is left")


def back_to_the_generation_before(cloud: Cloud, kind: Kind) -> None:
    """It is a rotation like any other: what was given up does not come back."""
    stack = Stack(cloud)
    first = _made(stack, kind)
    require(stack.update({X: kind(1)}) == "COMPLETE", "", "the rotation")
    require(stack.update({X: kind()}) == "COMPLETE", "", "and the next")
    require(stack.live[X].physical_id not in {first, ""}, "I4", "a key that was given up is used again")
    require(len({each["privateKey"] for each in versions(cloud, kind)}) == 3, "I4", "not three keys")


def dies_between_key_and_registration(cloud: Cloud, kind: Kind) -> None:
    """The next delivery goes on with the same key; without one nothing is left, and the next Create makes another."""
    stack = Stack(cloud)
    cloud.arm(Fault("die", "secretsmanager.PutSecretValue"))
    first = _made(stack, kind)
    require([each["certificateId"] for each in versions(cloud, kind)] == [first], "I2", "not one key")
    require(stack.delete() == "COMPLETE", "", "the stack was to go")
    cloud.arm(Fault("die", "secretsmanager.PutSecretValue"), Fault("die", 0, "before", times=2, invocation=1))
    second = Stack(cloud, "again")
    require(second.create({X: kind()}) == "ROLLED_BACK", "", "no answer was to come")
    require(not kind.registered(cloud), "I2", "something is left")
    cloud.arm()
    third = Stack(cloud, "once-more")
    made = _made(third, kind)
    require([each["certificateId"] for each in versions(cloud, kind)][-1] == made, "I2", "a half-made key was used")


def readers_never_find_what_failed(cloud: Cloud, kind: Kind) -> None:
    """Registering the new certificate fails: the secret stays with the old one."""
    stack = Stack(cloud)
    first = _made(stack, kind)
    timeline = Timeline(cloud, kind)
    timeline.watch()
    cloud.arm(Fault("deny", kind.registration, "before", times=999))
    require(stack.update({X: kind(1)}) == "ROLLED_BACK", "I4", "no rollback")
    timeline.check()
    require(current(cloud, kind) == first, "I4", "the secret was moved")


def moved_without_an_answer(cloud: Cloud, kind: Kind) -> None:
    """AWSCURRENT is moved, the answer is lost, and the SDK's next attempt is refused: it is done all the same."""
    stack = Stack(cloud)
    _made(stack, kind)
    cloud.arm(Fault("fail", "secretsmanager.UpdateSecretVersionStage", "after"))
    require(stack.update({X: kind(1)}) == "COMPLETE", "I4", "the rotation was to succeed")
    require(current(cloud, kind) == stack.live[X].physical_id, "I4", "the secret was not moved")


def secret_that_is_not_there(cloud: Cloud, kind: Kind) -> None:
    """The Create fails by the property's name, and the Delete that follows it does not get stuck on the same."""
    name = "PrivateKeySecretArn" if kind.is_ca else "CredentialsSecretArn"
    secrets = cloud.aws.secrets
    for stack, gone in ((Stack(cloud), False), (Stack(cloud, "another"), True)):
        if gone:
            del secrets.values[secret_of(kind)]
        else:
            secrets.scheduled_for_deletion.add(secret_of(kind))
        require(stack.create({X: kind()}) == "ROLLED_BACK", "I1", "the Create was to fail, and the Delete to succeed")
        said = [answer.body["Reason"] for each in cloud.invocations for answer in each.answers]
        require(any(reason.startswith(f"{name}: the secret") for reason in said), "I1", f"not by its name: {said}")
        secrets.scheduled_for_deletion.clear()


def another_secret(cloud: Cloud, kind: Kind) -> None:
    """It is a rotation; that the role may not look into the other secret any more keeps neither it nor its rollback."""
    name, other = "PrivateKeySecretArn" if kind.is_ca else "CredentialsSecretArn", material.kept_secret("other")
    cloud.add_empty_secret(other)
    stack = Stack(cloud)
    first = _made(stack, kind)
    moved = {X: kind(0, **{name: other}), "Broken": BROKEN}
    require(stack.update(moved) == "ROLLED_BACK", "I4", "no rollback")
    require(stack.live[X].physical_id == current(cloud, kind) == first, "I4", "not the old certificate")
    require(stack.update({X: moved[X]}) == "COMPLETE", "I4", "the rotation")
    require(kind.registered(cloud) == {stack.live[X].physical_id}, "I2", "the old certificate is left")


def key_that_was_removed_from_its_secret(cloud: Cloud, kind: Kind) -> None:
    """To change the status is no rotation, also where the secret has not got the key any more."""
    stack = Stack(cloud)
    first = _made(stack, kind)
    cloud.add_empty_secret(secret_of(kind))
    cloud.keys.replaced_outside(secret_of(kind))
    require(stack.update({X: kind(Status="INACTIVE")}) == "COMPLETE", "I4", "in place")
    require(stack.live[X].physical_id == first and kind.registered(cloud) == {first}, "I4", "it was replaced")
    require(stack.delete() == "COMPLETE" and not kind.registered(cloud), "I2", "the stack was to go")


def secret_that_a_user_wrote_to(cloud: Cloud, kind: Kind) -> None:
    """What is in it stays its current value: the Create is refused."""
    cloud.aws.secrets.PutSecretValue(secret_of(kind), "0" * 32, "a random password", ["AWSCURRENT"])
    require(Stack(cloud).create({X: kind()}) == "ROLLED_BACK", "I4", "a user's secret was written to")
    require(
        cloud.aws.secrets.values[secret_of(kind)] == "a random password", "I4", "the user's value has lost its label"
    )
    require(not kind.registered(cloud), "I2", "something is left")


def abandoned_while_the_answer_is_lost(cloud: Cloud, kind: Kind) -> None:
    """A sibling fails, the Delete comes and goes, and only then is the certificate registered, without an answer."""
    stack = Stack(cloud)
    cloud.arm(Fault("fail", kind.registration, "after"))
    result = stack.create({X: kind(), "Broken": replace(BROKEN, after=())})
    require(result == "ROLLED_BACK", "", "a sibling was to fail")
    require(not kind.registered(cloud), "I2", "what nobody waits for is left registered")


ALL: tuple[Callable[[Cloud, Kind], None], ...] = (
    rotation,
    rotation_rolled_back,
    back_to_the_generation_before,
    dies_between_key_and_registration,
    readers_never_find_what_failed,
    moved_without_an_answer,
    secret_that_is_not_there,
    another_secret,
    key_that_was_removed_from_its_secret,
    secret_that_a_user_wrote_to,
    abandoned_while_the_answer_is_lost,
)
