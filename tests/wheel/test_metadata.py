"""What a package index shows of the wheel, and what installers read."""

from __future__ import annotations

import re
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from email.message import Message

    from wheel.conftest import Distributions

REPOSITORY = Path(__file__).parents[2]
VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
CLASSIFIERS = {"Framework :: AWS CDK :: 2", "Topic :: Security :: Cryptography", "Typing :: Typed"}
EXTRA = re.compile(r"""extra == ["'](\w+)["']""")
SECTION = re.compile(r"^## (.+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def metadata(distributions: Distributions) -> Message:
    wheel = zipfile.ZipFile(distributions.wheel)
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return message_from_bytes(wheel.read(name))


def test_the_version_is_semantic(metadata: Message) -> None:
    assert metadata["Version"] == VERSION
    assert re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", VERSION)


def test_the_licence_is_an_expression_and_no_classifier(metadata: Message) -> None:
    """PEP 639: a licence's classifier beside its expression is refused by package indexes."""
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE"]
    classifiers = set(metadata.get_all("Classifier", []))
    assert classifiers >= CLASSIFIERS
    assert not [each for each in classifiers if each.startswith("License ::")]


def test_it_requires_little(metadata: Message) -> None:
    assert metadata["Requires-Python"] == ">=3.11"
    required = metadata.get_all("Requires-Dist", [])
    always = {re.split(r"[<>=]", each)[0] for each in required if not EXTRA.search(each)}
    assert always == {"aws-cdk-lib", "constructs", "cryptography", "platformdirs", "pyasn1"}
    assert {found[1] for each in required if (found := EXTRA.search(each))} == {"cli", "local"}


def test_the_version_has_its_changes() -> None:
    """Released ones in a section with its date; before the release, in that of what is unreleased."""
    changelog = (REPOSITORY / "CHANGELOG.md").read_text()
    first, *released = SECTION.findall(changelog)
    assert first == "Unreleased"
    assert [each for each in released if not re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", each)] == []
    unreleased = SECTION.split(changelog)[2]
    assert VERSION in [each.split()[0] for each in released] or unreleased.strip()
