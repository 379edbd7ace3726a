"""cfn-lint: what it finds in a template, but for what is not ours to mend."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from cfnlint.api import lint
from cfnlint.config import ManualArgs
from cfnlint.core import get_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlint.rules import RulesCollection

NOT_OURS = {
    "W3005": "the CDK writes DependsOn beside the reference that says the same (aws_lambda.Function and its role)",
    "W3010": "the CDK gives a VPC of a stack that knows no Region made-up Availability Zones",
}
"""Rules that are left out, with the reason."""


def lint_findings(template: Mapping[str, Any]) -> list[str]:
    """Return the errors and warnings about a template, as sentences with the rule."""
    found = lint(json.dumps(template), rules=_rules(), config=ManualArgs(regions=["us-east-1"]))
    return [f"{match.rule.id} at {'/'.join(map(str, match.path or []))}: {match.message}" for match in found]


@cache
def _rules() -> RulesCollection:
    return get_rules([], list(NOT_OURS), [], {}, False)
