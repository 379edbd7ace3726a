"""The IAM policy that a run needs, which is also enforced on the embedded AWS whenever it is played there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "permissions.json"


def policy_for(prefix: str, account: str, region: str, partition: str) -> dict[str, Any]:
    """Return ``permissions.json`` with its placeholders filled in: PREFIX, ACCOUNT, REGION, PARTITION."""
    text = FILE.read_text(encoding="utf-8")
    values = {
        "PREFIX": prefix,
        "ACCOUNT": account,
        "REGION": region,
        "PARTITION": partition,
    }
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    policy: dict[str, Any] = json.loads(text)
    return policy
