"""docs/policy-checks.md says what the constructs acknowledge, in the same words."""

from __future__ import annotations

from pathlib import Path

from iot_certificates import accepted_findings
from iot_certificates.accepted_findings import AcceptedFinding

PAGE = Path(__file__).parents[2] / "docs" / "policy-checks.md"


def test_it_has_each_finding_with_its_reason() -> None:
    named = [each if isinstance(each, tuple) else (each,) for each in vars(accepted_findings).values()]
    findings = [each for some in named for each in some if isinstance(each, AcceptedFinding)]
    assert findings
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.read_text().splitlines()]
    said = {(row[0], row[2]) for row in rows if len(row) == 3}
    assert {(", ".join((*each.nag, *each.checkov)), each.reason) for each in findings} - said == set()
