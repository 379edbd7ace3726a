"""What is published, built as it is published."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tarfile
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
HERE = f"{Path(__file__).parent}/"


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests in one process, which builds and installs once; the one that takes longest is beside them."""
    for item in items:
        if str(item.path).startswith(HERE) and item.path.stem != "test_extra_local":
            item.add_marker(pytest.mark.xdist_group("wheel"))


@dataclass(frozen=True)
class Distributions:
    """The files that are published, and the wheel that the source distribution builds."""

    wheel: Path
    source: Path

    def wheel_of_source(self, folder: Path) -> Path:
        """Build the wheel again, from the unpacked source distribution."""
        with tarfile.open(self.source) as archive:
            archive.extractall(folder, filter="data")
        (unpacked,) = folder.iterdir()
        return _build("wheel", unpacked, folder / "dist")


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    folder = tmp_path_factory.mktemp("dist")
    return Distributions(_build("wheel", REPOSITORY, folder), _build("sdist", REPOSITORY, folder))


@pytest.fixture(scope="session")
def empty_environment(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an empty environment, with what it requires as the lock has it; return its Python.

    The packages come from the cache that the set-up has filled.
    """
    python = _new_environment(tmp_path_factory.mktemp("empty"))
    _install(python, str(distributions.wheel), "--constraint", str(REPOSITORY / "requirements" / "dev.txt"))
    _lend_bytecode("aws_cdk", _packages_of(python))
    return python


@pytest.fixture(scope="session")
def environment_with_extras(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel where the packages of this environment are those of its extras; return its Python.

    A line in a .pth file adds a folder without reading the .pth files there: this repository is not importable.
    """
    python = _new_environment(tmp_path_factory.mktemp("extras"))
    (_packages_of(python) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    _install(python, str(distributions.wheel), "--no-deps")
    return python


def _build(target: str, source: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = folder.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return built


def _new_environment(folder: Path) -> Path:
    venv.create(folder, symlinks=True)
    return folder / "bin" / "python"


def _install(python: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python), *arguments]
    subprocess.run(command, check=True, capture_output=True)


def _packages_of(python: Path) -> Path:
    return Path(sysconfig.get_path("purelib", vars={"base": str(python.parents[1])}))


def _lend_bytecode(package: str, packages: Path) -> None:
    """Link what this environment has compiled of a package: to compile the CDK again takes ten seconds.

    Python takes bytecode of a file with the same time and size only, and compiles any other.
    """
    ours = Path(sysconfig.get_path("purelib"))
    for file in (ours / package).rglob("*.pyc"):
        theirs = packages / file.relative_to(ours)
        theirs.parent.mkdir(parents=True, exist_ok=True)
        theirs.symlink_to(file)
