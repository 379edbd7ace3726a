"""The steps themselves: what relies on them exists, and each has a check that can fail."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from acceptance import places
from acceptance.permissions import FILE, policy_for
from acceptance.runner import Runner
from acceptance.state import State
from acceptance.step import ROOT, Kind
from acceptance.steps import STEPS, step_of
from iot_certificates_local import EmbeddedAws

if TYPE_CHECKING:
    from acceptance.step import Step

CHEAP = (0, 1, 3, 5, 7, 9, 16, 99)
"""Those that need no function: the others are played by `make acceptance`."""

FAIL_WITHOUT_THE_STRICT_LAYER = {"01", "09", "16"}
"""Of the cheap ones, those whose assumptions MiniStack alone does not fulfil."""


def test_every_step_of_the_plan_is_there_and_the_last_is_played_always() -> None:
    assert [step.number for step in STEPS] == [*range(19), 99]
    assert [step.number for step in STEPS if step.always] == [99]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_says_what_relies_on_it_and_what_to_change(step: Step) -> None:
    assert step.assumption
    assert step.if_false.endswith(".")
    assert step.relies_on
    for reliance in step.relies_on:
        file, _, line = reliance.place.partition(":")
        name = reliance.symbol.rpartition(":")[2].rpartition(".")[2]
        defined = (ROOT / file).read_text(encoding="utf-8").splitlines()[int(line) - 1 : int(line) + 2]
        assert any(name in text for text in defined), f"{reliance.symbol} is not at {reliance.place}"


def test_the_cheap_steps_hold_on_the_embedded_aws() -> None:
    with EmbeddedAws(enforce_iam=True) as aws:  # its own: step 0 lists what other tests have registered
        verdicts, unlike = play_cheap(aws, "cheap-1a2b")
    assert {name: verdict for name, verdict in verdicts.items() if verdict[0] is not Kind.HOLDS} == {}
    assert unlike == []


def test_they_differ_on_an_aws_that_refuses_nothing() -> None:
    with EmbeddedAws(enforce_iam=True, strict=False) as lax:
        verdicts, _ = play_cheap(lax, "laxer-1a2b", (1, 7, 9, 16))
    differing = {name for name, (kind, _) in verdicts.items() if kind is not Kind.HOLDS}
    assert differing >= FAIL_WITHOUT_THE_STRICT_LAYER


def play_cheap(aws: EmbeddedAws, prefix: str, numbers: tuple[int, ...] = CHEAP) -> tuple[dict[str, Any], list[str]]:
    steps = [step for number in numbers if (step := step_of(number))]
    with places.embedded(prefix, aws) as place:
        state = State(place.state_file)
        outcome = Runner(place, state).run(steps)
    return {name: (each.verdict.kind, each.verdict.said) for name, each in state.finished.items()}, outcome.unlike


def test_the_policy_allows_nothing_that_could_be_somebody_elses_by_name() -> None:
    policy = policy_for("live-1a2b", "123456789012", "eu-central-1", "aws")
    named = [each for each in policy["Statement"] if each["Resource"] != "*"]
    resources = [resource for each in named for resource in _listed(each["Resource"])]
    others = [each for each in resources if "live-1a2b-" not in each]
    # AWS KMS and CloudFormation name these themselves; machines are made and deleted through the run's stacks alone.
    assert others == [
        "arn:aws:kms:eu-central-1:123456789012:key/*",
        "arn:aws:states:eu-central-1:123456789012:stateMachine:*",
    ]
    (machines,) = (each for each in named if each["Sid"] == "MachinesOfStacks")
    assert machines["Condition"] == {"ForAnyValue:StringEquals": {"aws:CalledVia": ["cloudformation.amazonaws.com"]}}
    actions = [action for each in policy["Statement"] for action in _listed(each["Action"])]
    assert not [action for action in actions if "*" in action]
    assert "iot:DeleteRegistrationCode" not in actions


def test_the_registration_code_is_never_deleted() -> None:
    for file in Path(__file__).parent.rglob("*.py"):
        if file.name.startswith("test_"):
            continue
        names = {node.attr for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Attribute)}
        texts = {node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant)}
        assert "delete_registration_code" not in names, file
        assert "DeleteRegistrationCode" not in texts, file


def test_the_policy_is_valid_json_with_placeholders_only() -> None:
    assert json.loads(FILE.read_text())["Version"] == "2012-10-17"
    assert "${" not in json.dumps(policy_for("live-1a2b", "123456789012", "eu-central-1", "aws"))


def test_the_policy_fits_into_a_managed_policy() -> None:
    """IAM quotas: 6,144 characters, white space not counted."""
    policy = policy_for("live-1a2b-123456", "123456789012", "ap-southeast-1", "aws-us-gov")
    assert len(json.dumps(policy, separators=(",", ":"))) <= 6_144


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
