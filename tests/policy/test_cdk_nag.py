"""cdk-nag 3, its packs AwsSolutions and Serverless: all that they find is acknowledged in the constructs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnResource, Stack
from constructs import Construct

import iot_certificates
from iot_certificates import accepted_findings
from policy.assemblies import EXAMPLES, Assembly, CheckedApp, synthesise_everything

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from aws_cdk import App


ACKNOWLEDGED_IN_EXAMPLES = {
    (
        "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSIoTThingsRegistration]",
        "JustInTimeProvisioning/ProvisioningRole/Resource",
    ): "what AWS IoT's documentation gives the role of a provisioning template, and AWS keeps up to date",
    (
        "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:iot:<AWS::Region>:<AWS::AccountId>:cert/*]",
        "JustInTimeRegistration/ActivateRole/DefaultPolicy/Resource",
    ): "which certificates devices will register, nobody knows",
    (
        "Serverless-LambdaDLQ",
        "JustInTimeRegistration/Activate/Resource",
    ): "Lambda tries twice more, and what is left PENDING_ACTIVATION is in the registry: a queue is for the app to add",
    ("Serverless-LambdaTracing", "JustInTimeRegistration/Activate/Resource"): "traces are for the app to ask for",
}
"""What is found and meant to be so, with the reason, where an app is an example and not ours."""


def test_nothing_is_found_that_is_not_acknowledged(assemblies: dict[str, Assembly]) -> None:
    assert len(assemblies) == 1 + len(EXAMPLES)
    assert assemblies["everything"].nag_findings() == set()
    found = {finding for each in assemblies.values() for finding in each.nag_findings()}
    assert found == set(ACKNOWLEDGED_IN_EXAMPLES)


def test_the_cdks_own_validation_is_among_the_checks(tmp_path: Path) -> None:
    """The other tests synthesise without it (tests/conftest.py)."""
    app = CheckedApp(tmp_path)
    CfnResource(Stack(app, "Stack"), "Thing", type="AWS::IoT::Thing", properties={"ThingNam": "misspelt"})
    app.synth()
    assert Assembly(tmp_path).nag_findings() == {("F3002", "Stack/Thing")}


def test_everything_has_each_construct_of_the_package(everything: tuple[Assembly, App]) -> None:
    _, app = everything
    public = {value for value in vars(iot_certificates).values() if isinstance(value, type)}
    constructs = {each for each in public if issubclass(each, Construct)}
    assert len(constructs) > 1
    assert constructs - {type(node) for node in app.node.find_all()} == set()


def test_each_acknowledgement_answers_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written where cdk-nag does not look, the acknowledgements hide nothing: it finds just what they name."""
    aside = "acknowledged-aside"
    monkeypatch.setattr(accepted_findings, "_acknowledged_rules", lambda: aside)
    assembly, app = synthesise_everything(tmp_path)
    acknowledged = {
        (rule, node.node.path)
        for node in app.node.find_all()
        for entry in node.node.metadata
        if entry.type == aside
        for rule in entry.data
    }
    found = assembly.nag_findings()
    assert len({rule for rule, _ in found}) > 10
    stale = {
        (rule, path)
        for rule, path in acknowledged
        if not any(rule == other and where.startswith(f"{path}/") for other, where in found)
    }
    assert stale == set()
