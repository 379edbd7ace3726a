"""What is in the wheel and in the source distribution: the four packages, and nothing of how they are made."""

from __future__ import annotations

import re
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wheel.conftest import Distributions

REPOSITORY = Path(__file__).parents[2]
PACKAGES = {
    "iot_certificate_provider": "provider",
    "iot_certificates": "constructs",
    "iot_certificates_cli": "cli",
    "iot_certificates_local": "local",
}
MAY_BE = re.compile(
    rf"({'|'.join(PACKAGES)})/([a-z0-9_/]+\.py|py\.typed)"
    r"|iot_certificates/lambda-requirements\.txt|iot_certificates_cli/page\.css"
    r"|cdk_iot_certificates-[^/]+\.dist-info/(METADATA|RECORD|WHEEL|entry_points\.txt|licenses/LICENSE)"
)
OF_TESTS = re.compile(r"(^|/)(tests?|test_\w+\.py|conftest\.py)(/|$)")
MAY_BE_SOURCE = {
    *PACKAGES.values(),
    *("docs", "examples"),
    *("CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "PKG-INFO", ".gitignore"),
}


def test_the_wheel_is_the_packages_and_nothing_else(distributions: Distributions) -> None:
    names = set(zipfile.ZipFile(distributions.wheel).namelist())
    assert [name for name in sorted(names) if not MAY_BE.fullmatch(name) or OF_TESTS.search(name)] == []
    sources = {
        file.relative_to(REPOSITORY / root).as_posix()
        for package, root in PACKAGES.items()
        for file in (REPOSITORY / root / package).rglob("*.py")
    }
    marked = {f"{package}/py.typed" for package in PACKAGES}
    assert sources | marked | {"iot_certificates/lambda-requirements.txt", "iot_certificates_cli/page.css"} <= names
    assert [name for name in names if name.endswith(".dist-info/licenses/LICENSE")]


def test_the_source_distribution_builds_the_same_wheel(distributions: Distributions, tmp_path: Path) -> None:
    again = distributions.wheel_of_source(tmp_path)
    assert again.name == distributions.wheel.name
    assert again.read_bytes() == distributions.wheel.read_bytes()


def test_the_source_distribution_has_no_more_than_it_needs_and_the_documents(distributions: Distributions) -> None:
    with tarfile.open(distributions.source) as archive:
        assert {name.split("/")[1] for name in archive.getnames()} <= MAY_BE_SOURCE
