"""The steps themselves: what relies on them exists, and each has a check that can fail."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from acceptance import places
from acceptance.permissions import FILE, policy_for
from acceptance.runner import Runner
from acceptance.stack_permissions import allows, listed
from acceptance.state import State
from acceptance.step import ROOT, Kind
from acceptance.steps import STEPS, step_of
from iot_certificates_local import EmbeddedAws

if TYPE_CHECKING:
    from acceptance.step import Step

FAIL_WITHOUT_THE_STRICT_LAYER = {"01", "09", "16"}
"""Of those that need no function, the steps whose assumptions MiniStack alone does not fulfil."""


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


def test_they_differ_on_an_aws_that_refuses_nothing() -> None:
    with EmbeddedAws(enforce_iam=True, strict=False) as lax, places.embedded("laxer-1a2b", lax) as limited:
        # MiniStack alone evaluates policies on other resources than AWS does.
        place = replace(limited, session=lax.session())
        state = State(place.state_file)
        Runner(place, state).run([step for number in (1, 9, 16) if (step := step_of(number))])
    differing = {name for name, each in state.finished.items() if each.verdict.kind is not Kind.HOLDS}
    assert differing == FAIL_WITHOUT_THE_STRICT_LAYER


UNNAMED = {
    "*cert/*": "a certificate's id is a digest: the clean-up takes those whose common name has the prefix",
    "cert/*": "the ARN of a transfer has the account that it goes to",
    "key/*": "AWS KMS gives out the id: deleting takes the run's tag, using goes through Secrets Manager",
    "certificate-authority/*": "AWS Private CA gives out the id: every action takes the run's tag",
    "stateMachine:*": "CloudFormation gives the name: made and deleted through the run's stacks alone",
}
"""Resources that a policy cannot name by the prefix, by the ends of their ARNs, with what limits them."""

LIMITED = {
    "kms:ScheduleKeyDeletion": {"StringEquals": {"aws:ResourceTag/acceptance-run": "live-1a2b"}},
    "acm-pca:DeleteCertificateAuthority": {"StringEquals": {"aws:ResourceTag/acceptance-run": "live-1a2b"}},
    "acm-pca:CreateCertificateAuthority": {"StringEquals": {"aws:RequestTag/acceptance-run": "live-1a2b"}},
    "kms:CreateKey": {"StringEquals": {"aws:RequestTag/acceptance-run": "live-1a2b"}},
    "kms:Decrypt": {"StringEquals": {"kms:ViaService": "secretsmanager.eu-central-1.amazonaws.com"}},
    "states:DeleteStateMachine": {
        "ForAnyValue:StringEquals": {"aws:CalledVia": ["cloudformation.amazonaws.com"]},
    },
}

WITHOUT_A_RESOURCE = {
    "acm-pca:CreateCertificateAuthority",
    "acm-pca:TagCertificateAuthority",
    "iot:CreateCertificateFromCsr",
    "iot:RegisterCACertificate",
    "iot:RegisterCertificate",
    "iot:RegisterCertificateWithoutCA",
    "kms:CreateKey",
    "kms:TagResource",
}
"""Actions beside those that read for which AWS knows no resource, or none before it exists."""


def test_the_policy_allows_nothing_that_could_be_somebody_elses_by_name() -> None:
    statements = policy_for("live-1a2b", "123456789012", "eu-central-1", "aws")["Statement"]
    resources = [each for statement in statements for each in listed(statement["Resource"])]
    unnamed = {each for each in resources if "live-1a2b-" not in each and each != "*"}
    assert {each.rpartition(":123456789012:")[2].rpartition(":*:")[2] for each in unnamed} == {*UNNAMED}
    of_action = {action: each for each in statements for action in listed(each["Action"])}
    assert {action: of_action[action].get("Condition") for action in LIMITED} == LIMITED
    anywhere = {action for action, each in of_action.items() if each["Resource"] == "*"}
    reading = {each for each in anywhere if each.partition(":")[2].startswith(("Describe", "List", "Get"))}
    assert anywhere - reading == WITHOUT_A_RESOURCE
    # Of the wildcards one is for the settings of the run's buckets, the others read.
    assert {action for action in of_action if "*" in action} - reading == {"s3:PutBucket*"}
    assert "iot:DeleteRegistrationCode" not in of_action


def test_a_secret_that_cloudformation_has_named_is_refused() -> None:
    policy = policy_for("live-1a2b", "123456789012", "eu-central-1", "aws")
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
    assert allows(policy, "secretsmanager:CreateSecret", f"{arn}live-1a2b-10-device-a1b2c3")
    assert not allows(policy, "secretsmanager:CreateSecret", f"{arn}TestCa-vdHtS43BP1i1-a1b2c3")


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


@pytest.mark.parametrize(
    ("partition", "region"), [("aws", "ap-southeast-1"), ("aws-us-gov", "us-gov-west-1"), ("aws-cn", "cn-northwest-1")]
)
def test_the_policy_fits_into_a_managed_policy(partition: str, region: str) -> None:
    """IAM quotas: 6,144 characters, white space not counted. With the longest prefix, and Regions with long names."""
    policy = policy_for("live-1a2b-123456", "123456789012", region, partition)
    assert len(json.dumps(policy, separators=(",", ":"))) <= 6_144
