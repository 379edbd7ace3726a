"""What is installed is exactly the lock: whatever the shell exports, the folder holds, or the installer does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from iot_certificates.bundling import BundlingError, installed, settings, wheels
from iot_certificates.bundling.asset import _LOCK

PYTHON, MACHINE = "3.14", "arm64"


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder into which the real installer has put the lock."""
    folder = tmp_path_factory.mktemp("genuine") / "wheels"
    wheels.install_wheels(_LOCK, folder, PYTHON, MACHINE)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """Give the files that reach the asset."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.suffix in {".py", ".so"})
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def hostile_shell(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Export what changed the function, or broke its making; work in a folder whose files did."""
    exclude, override, constraint = folder / "exclude.txt", folder / "override.txt", folder / "constraint.txt"
    exclude.write_text("crhelper\n")
    override.write_text("crhelper==2.0.10\n")
    constraint.write_text("cryptography<40\n")
    (folder / "uv.toml").write_text('[pip]\nonly-binary = ["nothing"]\nno-deps = "not even valid"\n')
    (folder / "pyproject.toml").write_text('[tool.uv]\noverride-dependencies = ["crhelper==2.0.10"]\n')
    (folder / "pip.conf").write_text("[install]\ndry-run = true\n")
    (folder / "pip.py").write_text("raise SystemExit(0)\n")
    for kind in ("user", "machine"):
        for name, file in (("uv", "uv.toml"), ("pip", "pip.conf")):
            (folder / kind / name).mkdir(parents=True)
            shutil.copy(folder / file, folder / kind / name / file)
    exported = {
        "XDG_CONFIG_HOME": folder / "user",
        "XDG_CONFIG_DIRS": folder / "machine",
        "UV_EXCLUDE": exclude,
        "UV_OVERRIDE": override,
        "UV_CONSTRAINT": constraint,
        "UV_CONFIG_FILE": folder / "uv.toml",
        "UV_DRY_RUN": 1,
        "UV_NO_VERIFY_HASHES": 1,
        "UV_PRERELEASE": "allow",
        "UV_PYTHON_PLATFORM": "windows",
        "PIP_DRY_RUN": 1,
        "PIP_ROOT": folder / "root",
        "PIP_USER": 1,
        "PIP_CONSTRAINT": constraint,
        "PIP_CONFIG_FILE": folder / "pip.conf",
        "PYTHONPATH": folder,
    }
    for name, value in exported.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.chdir(folder)


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_the_shell_and_the_folder_change_nothing(
    installer: str, genuine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "app"
    here.mkdir()
    hostile_shell(here, monkeypatch)
    if installer == "pip":
        monkeypatch.setattr(wheels, "_find_uv", lambda: None)
    wheels.install_wheels(_LOCK, tmp_path / "wheels", PYTHON, MACHINE)
    assert content(tmp_path / "wheels") == content(genuine)


def test_pip_knows_no_setting_but_those_that_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with its option --isolated, which would leave out the index and the proxy as well.

    pip's own list of what it has read of files and of the environment is the judge.
    """
    hostile_shell(tmp_path, monkeypatch)
    monkeypatch.setenv("PIP_INDEX_URL", "https://pypi.example.com/simple")
    monkeypatch.setenv("PIP_PROXY", "http://proxy.example.com")
    # It would have pip list the user's file alone.
    monkeypatch.delenv("PIP_USER")
    monkeypatch.setattr(wheels, "_find_uv", lambda: None)
    command = wheels._command(_LOCK, tmp_path, PYTHON, "aarch64")
    asked = [*command[: command.index("install")], "config", "list"]
    (tmp_path / "neutral").mkdir()

    def settings_of(environment: dict[str, str]) -> set[str]:
        neutral = tmp_path / "neutral"
        done = subprocess.run(asked, cwd=neutral, env=environment, capture_output=True, text=True, check=True)
        return set(re.findall(r"^(\S+?)=", done.stdout, re.MULTILINE))

    assert {"install.dry-run", ":env:.dry-run", ":env:.root"} <= settings_of(dict(os.environ))
    passing = settings_of(settings.installer_environment())
    assert {":env:.index-url", ":env:.proxy"} <= passing
    variables = {name.removeprefix(":env:.").replace("-", "_").upper() for name in passing}
    assert {name for name in variables if not settings._PASS.fullmatch(f"PIP_{name}")} == {"CONFIG_FILE"}


def test_only_settings_of_index_proxy_certificate_and_cache_pass() -> None:
    passing = {
        "UV_DEFAULT_INDEX": "https://pypi.example.com/simple",
        "UV_INDEX_COMPANY_PASSWORD": "test",
        "UV_CACHE_DIR": "/cache",
        "PIP_INDEX_URL": "https://pypi.example.com/simple",
        "PIP_CERT": "/root.pem",
        "PIP_PROXY": "http://proxy.example.com",
        "HTTPS_PROXY": "http://proxy.example.com",
        "SSL_CERT_FILE": "/root.pem",
        "PATH": "/bin",
    }
    stopped = dict.fromkeys(("UV_TARGET", "UV_REINSTALL", "PIP_TARGET", "PIP_NO_DEPS", "PIP_REQUIRE_HASHES"), "1")
    own = {"UV_SYSTEM_CERTS": "1", "UV_NO_CONFIG": "1", "PIP_CONFIG_FILE": os.devnull}
    assert settings.installer_environment(passing | stopped) == passing | own


def test_relative_paths_of_the_shell_still_lead_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "root.pem").touch()
    (tmp_path / "15").touch()
    monkeypatch.chdir(tmp_path)
    given = {"SSL_CERT_FILE": "root.pem", "PIP_RETRIES": "15", "PIP_FIND_LINKS": "https://example.com/", "PATH": "bin"}
    passed = settings.installer_environment(given)
    assert passed["SSL_CERT_FILE"] == str(tmp_path / "root.pem")
    assert {name: passed[name] for name in given if name != "SSL_CERT_FILE"} == {
        "PIP_RETRIES": "15",
        "PIP_FIND_LINKS": "https://example.com/",
        "PATH": "bin",
    }


def fake_installer(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program in uv's place; ``target`` in it is the folder to install into."""
    program = folder / "uv"
    head = f"#!{sys.executable}\nimport pathlib, shutil, sys\n"
    head += 'target = pathlib.Path(sys.argv[sys.argv.index("--target") + 1])\n'
    program.write_text(head + textwrap.dedent(script))
    program.chmod(0o755)
    monkeypatch.setattr(wheels, "_find_uv", lambda: str(program))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("shutil.rmtree(target)", "there is no cffi where the lock has "),
        ('[shutil.rmtree(f) for f in target.glob("crhelper*")]', "there is no crhelper where the lock has "),
        (
            '[f.rename(target / "crhelper-9.9.dist-info") for f in target.glob("crhelper-*")]',
            r"there is crhelper 9\.9 where the lock has ",
        ),
        ('(target / "evil-1.0.dist-info").mkdir()', r"there is evil 1\.0 where the lock has none"),
        ('(target / "crhelper/utils.py").write_text("")', "crhelper/utils.py has another hash than its package"),
        ('(target / "crhelper/utils.py").unlink()', "crhelper/utils.py is missing"),
        ('(target / "sitecustomize.py").touch()', "sitecustomize.py belongs to no pinned package"),
        ('[f.unlink() for f in target.glob("crhelper-*/RECORD")]', "RECORD is missing"),
        (
            '[f.write_text(f.read_text() + "evil.py,,\\n") for f in target.glob("crhelper-*/RECORD")]',
            r"evil\.py was recorded without its hash",
        ),
        (
            '[f.write_text("Tag: cp311-abi3-manylinux_2_17_x86_64\\n") for f in target.glob("cryptography-*/WHEEL")]',
            r"cryptography-[\d.]+ is not for aarch64",
        ),
    ],
)
def test_an_installer_that_ends_well_with_something_else_is_found_out(
    damage: str, reason: str, genuine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_installer(tmp_path, monkeypatch, f"shutil.copytree({str(genuine)!r}, target)\n{damage}\n")
    with pytest.raises(BundlingError, match=f"what was installed is not what the lock pins: .*{reason}"):
        wheels.install_wheels(_LOCK, tmp_path / "wheels", PYTHON, MACHINE)


@pytest.mark.parametrize(
    ("printed", "fix"),
    [
        ("error: Failed to copy\n  cause: No space left on device (os error 28)", "The disk is full. Free some space"),
        ("OSError(28, 'No space left on device')", "The disk is full"),
        ("error: Failed to initialize cache at `/x`\n  cause: Permission denied (os error 13)", "may not write to"),
        (
            "cause: Failed to fetch: https://pypi.org/simple/\n  cause: tcp connect error",
            "The package index cannot be reach",
        ),
        (
            "ERROR: Could not find a version that satisfies the requirement cffi (from versions: none)",
            "cannot be reached",
        ),
        ("Failed to fetch: `https://x`\n invalid peer certificate: UnknownIssuer", "TLS certificate is not trusted"),
        ("Failed to fetch: `https://x`\n HTTP status client error (401 Unauthorized)", "denies access"),
        ("Hash mismatch for `cffi==2.1.1`\n\nExpected:\n  sha256:00", "has other files than the lock pins"),
        ("error: something new", "Mend what the installer names, or pass a prebuilt asset"),
    ],
)
def test_an_installer_that_fails_is_quoted_and_the_fix_is_that_of_its_cause(
    printed: str, fix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_installer(tmp_path, monkeypatch, f"sys.stderr.write({printed!r})\nsys.exit(2)\n")
    with pytest.raises(BundlingError, match=re.escape(fix)) as caught:
        wheels.install_wheels(_LOCK, tmp_path / "wheels", PYTHON, MACHINE)
    assert str(caught.value).startswith("The function's dependencies could not be installed: 'uv' says: ")
    assert "\n" not in str(caught.value)
    assert "sha256" not in str(caught.value)


def test_an_app_that_is_started_by_a_relative_path_finds_its_installer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", os.path.relpath(sys.executable))
    command = wheels._command(_LOCK, tmp_path, PYTHON, MACHINE)
    assert Path(command[0]).is_absolute()
    assert Path(command[command.index("--python") + 1]).is_absolute()


def test_credentials_of_an_index_are_not_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = "Failed to fetch https://user:hunter2@pypi.example.com/simple/"
    fake_installer(tmp_path, monkeypatch, f"sys.exit({printed!r})\n")
    with pytest.raises(BundlingError, match=r"https://\*\*\*\*@pypi\.example\.com/simple/") as caught:
        wheels.install_wheels(_LOCK, tmp_path / "wheels", PYTHON, MACHINE)
    assert "hunter2" not in str(caught.value)


def test_without_a_network_that_is_the_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    # Port 9, discard: nothing listens.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(BundlingError, match="The package index cannot be reached"):
        wheels.install_wheels(_LOCK, tmp_path / "wheels", PYTHON, MACHINE)


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_both_installers_take_wheels_alone_by_their_hashes(
    installer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if installer == "pip":
        monkeypatch.setattr(wheels, "_find_uv", lambda: None)
    command = " ".join(wheels._command(_LOCK, tmp_path, PYTHON, MACHINE))
    assert f" --only-binary :all: --require-hashes --no-deps --requirement {_LOCK}" in command


def test_the_installer_works_in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_installer(tmp_path, monkeypatch, "sys.exit(str(list(pathlib.Path.cwd().iterdir())))\n")
    with pytest.raises(BundlingError, match=r"'uv' says: \[\]\."):
        wheels.install_wheels(_LOCK, tmp_path / "wheels", PYTHON, MACHINE)


def test_every_pin_of_the_lock_is_for_lambdas_python() -> None:
    """installed.py takes each pin for wanted: a marker may exclude what is not CPython, nothing else."""
    markers = re.findall(r"^[^\s#]\S* ; (.*?) *\\$", _LOCK.read_text(), re.MULTILINE)
    assert {word for marker in markers for word in re.findall(r"\w+(?= !=)", marker)} <= {
        "implementation_name",
        "platform_python_implementation",
    }
    assert not [marker for marker in markers if re.search(r"==|<|>| or | in ", marker)]
    assert set(installed.locked(_LOCK)) == {"cffi", "crhelper", "cryptography", "pyasn1", "pycparser"}


def test_a_copy_of_the_genuine_passes(genuine: Path, tmp_path: Path) -> None:
    shutil.copytree(genuine, tmp_path / "copy")
    installed.check_installed(tmp_path / "copy", _LOCK, "aarch64")
