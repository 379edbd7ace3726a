"""What all policy checks look at, synthesised once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policy.assemblies import EXAMPLES, ROOT, Assembly, synthesise_everything, synthesise_example

if TYPE_CHECKING:
    from aws_cdk import App

HERE = f"{Path(__file__).parent}/"


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests in one process, which synthesises once."""
    for item in items:
        if str(item.path).startswith(HERE):
            item.add_marker(pytest.mark.xdist_group("policy"))


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[Assembly, App]:
    """All that the package declares."""
    return synthesise_everything(tmp_path_factory.mktemp("everything"))


@pytest.fixture(scope="session")
def assemblies(everything: tuple[Assembly, App], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Assembly]:
    """That and the example apps, by the names of their files."""
    found = {"everything": everything[0]}
    for file in EXAMPLES:
        name = str(file.relative_to(ROOT).with_suffix(""))
        found[name] = synthesise_example(file, tmp_path_factory.mktemp(file.stem))
    return found


@pytest.fixture(scope="session")
def policy_tools() -> Path:
    """The folder of the programs of requirements/policy-checks.txt, which `make test` installs."""
    folder = Path(sys.prefix) / "policy-checks" / "bin"
    if not folder.is_dir():
        pytest.fail("parliament and checkov are not installed: run `make policy-checks`")
    return folder
