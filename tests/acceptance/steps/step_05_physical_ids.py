"""Step 5: DescribeStackResources by a physical id that one stack has, that none has, that two have, that one had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acceptance.stacks import PlayedStack, policy, thing
from acceptance.step import Reliance, Step

if TYPE_CHECKING:
    from acceptance.answers import Answer
    from acceptance.stage import Stage

_INDEX_SECONDS = 60.0


def play(stage: Stage) -> None:
    """Ask for names of things; a policy of the same name in another stack makes an id that two stacks have."""
    held, twice = stage.name("held"), stage.name("twice")
    one = PlayedStack(stage, "one")
    one.create({"Held": thing(held), "Twice": thing(twice)})
    known, took = _ask(stage, held, lambda answer: answer.is_success)
    stage.check(_stacks(known) == {one.name}, f"the stack that has a physical id: {known}")
    stage.check(took < _INDEX_SECONDS, f"a new physical id is found after {took:.0f} s")
    names = {row["LogicalResourceId"] for row in known.members.get("StackResources", [])}
    stage.check(names == {"Held", "Twice"}, f"it answers with other resources than the stack's: {names}")
    unknown = stage.ask("cloudformation", "DescribeStackResources", PhysicalResourceId=stage.name("nobody"))
    _is_unknown(stage, "an id that no stack has", unknown)
    other = PlayedStack(stage, "other")
    other.create({"Twice": policy(twice)})
    both, _ = _ask(stage, twice, lambda answer: answer.is_success)
    stage.check(len(_stacks(both)) == 1, f"an id that two stacks have is answered with {sorted(_stacks(both))}")
    one.delete()
    gone, _ = _ask(stage, held, lambda answer: bool(answer.code))
    _is_unknown(stage, "an id that a deleted stack had", gone)
    left, _ = _ask(stage, twice, lambda answer: _stacks(answer) == {other.name})
    stage.check(_stacks(left) == {other.name}, f"the stack that is left of two: {left}")
    other.delete()


def _ask(stage: Stage, physical_id: str, good: object) -> tuple[Answer, float]:
    return stage.ask_until(
        good,  # type: ignore[arg-type]
        _INDEX_SECONDS,
        "cloudformation",
        "DescribeStackResources",
        PhysicalResourceId=physical_id,
    )


def _stacks(answer: Answer) -> set[str]:
    return {row["StackName"] for row in answer.members.get("StackResources", [])}


def _is_unknown(stage: Stage, what: str, answer: Answer) -> None:
    stage.check(answer.code == "ValidationError" and "does not exist" in answer.message, f"{what}: {answer}")


STEP = Step(
    number=5,
    settles="who holds a physical id",
    assumption=(
        "DescribeStackResources by a physical id answers with one stack, soon, and says 'does not exist' where "
        "none has it"
    ),
    relies_on=(
        Reliance("iot_certificate_provider.aws.cloudformation:StackGateway", "asks who holds a certificate's id"),
        Reliance("iot_certificate_provider.resources.lifecycle.holders:Holders.standing", "decides by the answer"),
    ),
    if_false="Change how the gateway reads the answer; docs/design/0021 says what is decided by it.",
    play=play,
    minutes=3,
)
