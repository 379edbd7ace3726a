"""parliament on every policy of the function's role: actions, resources and conditions that fit together."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from policy.assemblies import policy_documents
from synthesised import written_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policy.assemblies import Assembly

_OF_TODAY = (
    "parliament's table is older and has no resource for it; cfn-lint's, which AWS's service reference of today is in, "
    "has certificates or things"
)
_INTERFACES = "Lambda makes the network interfaces: they have no ARN before"
ACKNOWLEDGED = {
    ("RESOURCE_MISMATCH", "iot:AttachThingPrincipal"): _OF_TODAY,
    ("RESOURCE_MISMATCH", "iot:DetachThingPrincipal"): _OF_TODAY,
    ("RESOURCE_MISMATCH", "iot:ListPrincipalThings"): _OF_TODAY,
    ("RESOURCE_MISMATCH", "iot:ListThingPrincipals"): _OF_TODAY,
    ("RESOURCE_MISMATCH", "states:DescribeExecution"): "of STANDARD or of EXPRESS machines, and parliament wants both",
    ("RESOURCE_STAR", "cloudformation:DescribeStackResources"): "asked by a physical id it names no stack",
    ("RESOURCE_STAR", "ec2:AssignPrivateIpAddresses"): _INTERFACES,
    ("RESOURCE_STAR", "ec2:CreateNetworkInterface"): _INTERFACES,
    ("RESOURCE_STAR", "ec2:DeleteNetworkInterface"): _INTERFACES,
    ("RESOURCE_STAR", "ec2:UnassignPrivateIpAddresses"): _INTERFACES,
    (
        "MISMATCHED_TYPE_BUT_USABLE",
        "Type mismatch: StringLike requires a value of type String but given Arn",
    ): "acm-pca:TemplateArn is compared as AWS's own examples do, and a wildcard stands for the partition",
}
"""What is found and meant to be so, with the reason."""

_WHAT = {
    "acm-pca": "certificate-authority/0f6e3a54-0000-4000-8000-0f6e3a540f6e",
    "cloudformation": "stack/name/0f6e3a54-0000-4000-8000-0f6e3a540f6e",
    "iam": "role/name",
    "kms": "key/0f6e3a54-0000-4000-8000-0f6e3a540f6e",
    "lambda": "function:name",
    "logs": "log-group:name:log-stream:name",
    "secretsmanager": "secret:name-AbCdEf",
    "states": "stateMachine:name",
}
"""What a reference to another resource stands for, by the service of the actions on it."""

_PSEUDO_PARAMETERS = {"Partition": "aws", "Region": "eu-west-1", "AccountId": "123456789012"}


@pytest.fixture(scope="module")
def find(policy_tools: Path) -> Any:
    """Return parliament's findings in policies, a list for each."""
    program = Path(__file__).with_name("parliament_findings.py")

    def run(documents: list[Any]) -> list[set[tuple[str, str]]]:
        # It imports pkg_resources, which warns of its end.
        command = [str(policy_tools / "python"), "-W", "ignore", str(program)]
        done = subprocess.run(command, input=json.dumps(documents), capture_output=True, text=True, check=True)
        return [{each for issue, detail in found for each in _each(issue, detail)} for found in json.loads(done.stdout)]

    return run


def test_the_policies_hold_nothing_else(find: Any, assemblies: dict[str, Assembly]) -> None:
    documents = {
        f"{name} {policy}": document
        for name, assembly in assemblies.items()
        for template in assembly.templates
        for policy, document in policy_documents(template)
    }
    found = dict(zip(documents, find([_as_deployed(each) for each in documents.values()]), strict=True))
    assert {name: new for name, findings in found.items() if (new := findings - set(ACKNOWLEDGED))} == {}
    assert set(ACKNOWLEDGED) - set().union(*found.values()) == set()


def test_a_policy_that_does_not_fit_is_found(find: Any) -> None:
    statement = {"Effect": "Allow", "Action": "iot:RegisterCertificates", "Resource": "*"}
    (found,) = find([{"Version": "2012-10-17", "Statement": [statement]}])
    assert {issue for issue, _ in found} == {"UNKNOWN_ACTION"}


def _each(issue: str, detail: Any) -> Iterator[tuple[str, str]]:
    """Yield a finding for each of the actions that it is about."""
    for each in detail if isinstance(detail, list) else [detail]:
        yield issue, str(each["action"] if isinstance(each, dict) else each)


def _as_deployed(document: dict[str, Any]) -> dict[str, Any]:
    statements = [
        {**each, "Resource": [_arn(resource, each["Action"]) for resource in _listed(each["Resource"])]}
        for each in written_out(document["Statement"])
    ]
    return {**document, "Statement": statements}


def _arn(resource: str, actions: Any) -> str:
    for name, value in _PSEUDO_PARAMETERS.items():
        resource = resource.replace(f"${{AWS::{name}}}", value)
    if not resource.startswith("${"):
        return resource
    service = _listed(actions)[0].partition(":")[0]
    if service == "s3":
        below = resource.partition("}")[2] or ("/north/*" if _listed(actions) == ["s3:GetObject"] else "")
        return f"arn:aws:s3:::name{below}"
    return f"arn:aws:{service}:{'' if service == 'iam' else 'eu-west-1'}:123456789012:{_WHAT[service]}"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
