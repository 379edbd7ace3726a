"""cfn-lint on all templates; on those of the other tests it runs where they are synthesised (``synthesised.py``)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from linting import lint_findings

if TYPE_CHECKING:
    from policy.assemblies import Assembly


def test_nothing_is_found(assemblies: dict[str, Assembly]) -> None:
    templates = [template for assembly in assemblies.values() for template in assembly.templates]
    assert len(templates) > len(assemblies)
    found = {str(each): lint_findings(json.loads(each.read_text())) for each in templates}
    assert {name: findings for name, findings in found.items() if findings} == {}


def test_it_looks_at_what_a_policy_allows() -> None:
    """And so at actions that there are not, and at ARNs that are none."""
    statement = {"Effect": "Allow", "Action": ["iot:RegisterCertificates"], "Resource": "iot:cert/*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    properties = {"PolicyName": "Policy", "PolicyDocument": document, "Roles": ["role"]}
    found = lint_findings({"Resources": {"Policy": {"Type": "AWS::IAM::Policy", "Properties": properties}}})
    assert sorted(each.partition(" ")[0] for each in found) == ["E3510", "W3037"]
