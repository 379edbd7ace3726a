"""No page and no example names a secret whose partial ARN Secrets Manager takes for a complete one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [
    ROOT / "README.md",
    ROOT / "app.py",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(path for kind in ("*.py", "*.md", "*.yaml") for path in (ROOT / "examples").rglob(kind)),
    *sorted((ROOT / "local" / "iot_certificates_local" / "demo").rglob("*.py")),
]
_NAME = r"([\w/+=.@-]+)"
NAMED = [
    re.compile(rf":secret:{_NAME}"),
    re.compile(rf"create-secret --name {_NAME}"),
    re.compile(rf"--secret-id {_NAME}"),
    re.compile(rf"ca_key_secret={_NAME}"),
    re.compile(rf'ca_key_secret"\) or "{_NAME}"'),
    re.compile(rf'from_secret_name_v2\([^)]*"{_NAME}"\)'),
    re.compile(rf'create_secret\(Name=["\']{_NAME}["\']'),
    re.compile(rf'SECRET = "{_NAME}"'),
]
LIKE_A_SUFFIX = re.compile(r"-.{6}$")
COMPLETE = "-AbCdEf"
"""The end of complete ARNs in examples."""


def names(text: str) -> set[str]:
    return {name.removesuffix(COMPLETE) for pattern in NAMED for name in pattern.findall(text)}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:factory-ca-key", "factory-ca-key"),
        ("aws secretsmanager create-secret --name factory-ca-key", "factory-ca-key"),
        ('Secret.from_secret_name_v2(self, "CaKey", "factory-signer")', "factory-signer"),
        ("secrets.create_secret(Name='factory-ca-key', SecretString=key)", "factory-ca-key"),
    ],
)
def test_a_name_is_found(text: str, name: str) -> None:
    assert names(text) == {name}
    assert LIKE_A_SUFFIX.search(name)


def test_no_secret_has_such_a_name() -> None:
    named = {str(path.relative_to(ROOT)): names(path.read_text(encoding="utf-8")) for path in FILES}
    assert set().union(*named.values()) >= {"factory/ca-key", "factory-ca-passphrase"}
    assert {(path, name) for path, found in named.items() for name in found if LIKE_A_SUFFIX.search(name)} == set()
