"""The function's asset: small, the same bytes each time, built once, and able to run."""

from __future__ import annotations

import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from iot_certificates import bundling
from iot_certificates.bundling import DEFAULT_TARGET, MAX_BYTES, Bundle, BundlingError, Target, asset, wheels

HERE = Target(
    f"python{sys.version_info.major}.{sys.version_info.minor}",
    {"aarch64": "arm64"}.get(platform.machine(), platform.machine()),
)
# boto3 comes with Lambda's runtime. crhelper imports it, and needs it only for what is never used.
SMOKE_TEST = """
import sys, types
sys.path.insert(0, sys.argv[1])
sys.modules["boto3"] = types.ModuleType("boto3")
import crhelper
from cryptography import x509
from iot_certificate_provider import pki
for module in (crhelper, x509, pki):
    assert module.__file__.startswith(sys.argv[1]), module.__file__
with open(sys.argv[2]) as file:
    print(pki.Certificate.from_pem(file.read()).subject)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundling.bundle(DEFAULT_TARGET, tmp_path_factory.mktemp("cache"))


def test_it_is_reproducible(built: Bundle, tmp_path: Path) -> None:
    again = bundling.bundle(DEFAULT_TARGET, tmp_path)
    assert again.key == built.key
    assert again.path.read_bytes() == built.path.read_bytes()


def test_pip_builds_the_same_bytes(built: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "_find_uv", lambda: None)
    assert bundling.bundle(DEFAULT_TARGET, tmp_path).path.read_bytes() == built.path.read_bytes()


def test_it_is_small(built: Bundle) -> None:
    assert built.path.stat().st_size <= MAX_BYTES


def test_nothing_is_built_twice(built: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asset, "install_wheels", None)
    assert bundling.bundle(DEFAULT_TARGET, built.path.parent) == built


def test_it_is_the_only_thing_left_in_the_cache(built: Bundle) -> None:
    assert list(built.path.parent.iterdir()) == [built.path]


def test_other_targets_are_other_assets(built: Bundle) -> None:
    keys = {
        asset._key(Target(runtime, processor))
        for runtime in ("python3.13", "python3.14")
        for processor in ("arm64", "x86_64")
    }
    assert len(keys) == 4
    assert built.key in keys


def test_what_is_in_it(built: Bundle) -> None:
    with zipfile.ZipFile(built.path) as archive:
        names = archive.namelist()
        entries = archive.infolist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {
        "_cffi_backend.cpython-314-aarch64-linux-gnu.so",
        "crhelper",
        "cryptography",
        "iot_certificate_provider",
    }
    assert "iot_certificate_provider/handler.py" in names
    assert names == sorted(names)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert any(name.endswith("licenses/LICENSE.APACHE") for name in names)
    unwanted = (".pyi", ".pyc", "/RECORD", "/INSTALLER", "/direct_url.json")
    assert not [name for name in names if name.endswith(unwanted)]


@pytest.mark.skipif(sys.platform != "linux", reason="the asset is for Linux")
def test_it_runs_by_itself(tmp_path: Path) -> None:
    built = bundling.bundle(HERE, tmp_path / "cache")
    with zipfile.ZipFile(built.path) as archive:
        archive.extractall(tmp_path / "asset")
    sample = Path(__file__).parents[2] / "examples" / "certificates" / "thermostat-1.pem"
    command = [sys.executable, "-S", "-I", "-c", SMOKE_TEST, str(tmp_path / "asset"), str(sample)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "CN=thermostat-1,O=Example Thermostats\n"


def test_without_an_installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "_find_uv", lambda: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BundlingError, match=r"there is neither uv nor pip here\. Install one of them\. .*\(code=…\)$"):
        bundling.bundle(DEFAULT_TARGET, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_installer_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asset, "_LOCK", tmp_path / "no-such-lock.txt")
    monkeypatch.setattr(asset, "_key", lambda target: "key")
    with pytest.raises(BundlingError) as caught:
        bundling.bundle(DEFAULT_TARGET, tmp_path / "cache")
    assert str(caught.value).startswith("The function's dependencies could not be installed: 'uv' says: ")
    assert "\n" not in str(caught.value)


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BundlingError, match=r"could not be written to .*: Not a directory\. Set XDG_CACHE_HOME"):
        bundling.bundle(DEFAULT_TARGET, tmp_path / "file" / "cache")
