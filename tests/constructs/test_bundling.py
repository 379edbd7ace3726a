"""The function's asset: small, the same bytes each time, built once, and able to run."""

from __future__ import annotations

import ast
import errno
import hashlib
import importlib.util
import io
import itertools
import json
import subprocess
import sys
import tokenize
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import crhelper
import cryptography
import pyasn1
import pytest

import iot_certificate_provider
from iot_certificates import bundling
from iot_certificates.bundling import (
    DEFAULT_TARGET,
    MAX_BYTES,
    Bundle,
    BundlingError,
    Target,
    archive,
    asset,
    bytecode,
    cold_start,
    sources,
    type_hints,
    wheels,
)

if TYPE_CHECKING:
    from types import ModuleType

HERE = Target.here()
UNCHECKED_HASH = 0b01
"""PEP 552: the flags of bytecode that is taken as it is."""

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

# What a cold start imports: the function, and what its first request for a device certificate reads with.
IMPORTS = """
import json, sys
sys.path[:] = [sys.argv[1], *sys.path, *json.loads(sys.argv[2])]
import iot_certificate_provider.handler
from iot_certificate_provider import pki
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.resources.registry import RESOURCES
RESOURCES[ResourceType.DEVICE_CERTIFICATE](iot_certificate_provider.handler.function.aws, None)
with open(sys.argv[3]) as file:
    pki.Certificate.from_pem(file.read())
found = [(module.__dict__.get("__file__"), module.__dict__.get("__cached__")) for module in list(sys.modules.values())]
print(json.dumps([(file, cached) for file, cached in found if file and file.endswith(".py")]))
"""
SAMPLE = Path(__file__).parents[2] / "examples" / "certificates" / "thermostat-1.pem"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundling.bundle(DEFAULT_TARGET, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def built_here(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Build it for this machine's Python, which compiles a part of it."""
    return bundling.bundle(HERE, tmp_path_factory.mktemp("cache-here"))


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


def test_a_cached_asset_that_does_not_verify_is_built_again(built: Bundle, tmp_path: Path) -> None:
    original = built.path.read_bytes()
    other = io.BytesIO()
    # Named by its own digest, as an installer that leaves out crhelper had one built before: the lock tells.
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("iot_certificate_provider/handler.py", "")
    for another_function_or_no_zip in (other.getvalue(), b""):
        digest = hashlib.sha256(another_function_or_no_zip).hexdigest()
        (tmp_path / f"{built.key}-{digest}.zip").write_bytes(another_function_or_no_zip)
    (tmp_path / built.path.name).write_bytes(original[:1000])
    assert len(list(tmp_path.iterdir())) == 3
    assert bundling.bundle(DEFAULT_TARGET, tmp_path).path.read_bytes() == original
    assert [file.name for file in tmp_path.iterdir()] == [built.path.name]


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
        "pyasn1",
    }
    assert "iot_certificate_provider/handler.py" in names
    assert names == sorted(names)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert any(name.endswith("licenses/LICENSE.APACHE") for name in names)
    assert any(name.endswith("sboms/sbom.json") for name in names), "scanners find OpenSSL's version in it"
    unwanted = (".pyi", "/RECORD", "/INSTALLER", "/direct_url.json", "-rust.cyclonedx.json")
    assert not [name for name in names if name.endswith(unwanted)]
    compiled = [name for name in names if name.endswith(".pyc")]
    assert bool(compiled) is (bytecode.find_compiler("3.14") is not None)
    assert {name.split("/")[0] for name in compiled} <= {"crhelper", "cryptography", "iot_certificate_provider"}
    missing = [name for name in compiled if f"{name.replace('__pycache__/', '').split('.')[0]}.py" not in names]
    assert missing == [], "bytecode without its source: the asset must show the code that runs"


def test_cryptography_has_its_bytecode_where_a_python_of_the_version_is_at_hand(built_here: Bundle) -> None:
    tag = sys.implementation.cache_tag
    with zipfile.ZipFile(built_here.path) as archive:
        code = archive.read(f"cryptography/x509/__pycache__/extensions.{tag}.pyc")
        names = archive.namelist()
    assert code[:4] == importlib.util.MAGIC_NUMBER
    assert int.from_bytes(code[4:8], "little") == UNCHECKED_HASH, "an asset's files have no times of their own"
    assert b"/var/task/cryptography/x509/extensions.py" in code
    assert str(built_here.path.parent).encode() not in code
    assert "cryptography/x509/extensions.py" in names, "whatever happens to the bytecode, there is the source"
    assert built_here.path.stat().st_size <= MAX_BYTES


@pytest.mark.skipif(sys.platform != "linux", reason="the asset is for Linux")
def test_what_a_cold_start_imports_has_its_bytecode(built_here: Bundle, tmp_path: Path) -> None:
    """All that others wrote has, and what saves the most time of ours."""
    task = tmp_path / "asset"
    with zipfile.ZipFile(built_here.path) as archive:
        archive.extractall(task)
    runtime = [path for path in sys.path if path.endswith("site-packages")]
    command = [sys.executable, "-I", "-B", "-c", IMPORTS, str(task), json.dumps(runtime), str(SAMPLE)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"AWS_DEFAULT_REGION": "eu-west-1"})
    found = {
        str(Path(file).relative_to(task)): code for file, code in json.loads(done.stdout) if file.startswith(str(task))
    }
    assert set(cold_start.OURS) <= set(found), "a cold start imports it no more, or it has another name"
    imported = {file: code for file, code in found.items() if file.startswith("cr")}
    assert len(imported) > 50, "crhelper and cryptography"
    assert [file for file, code in imported.items() if not Path(code).is_file()] == []
    ours = [file for file in cold_start.OURS if Path(found[file]).is_file()]
    assert len(ours) > 5


def test_bytecode_is_chosen_by_the_time_that_it_saves(tmp_path: Path) -> None:
    def code(name: str, content: bytes) -> PurePosixPath:
        (tmp_path / name).write_bytes(content)
        return PurePosixPath("iot_certificate_provider", name)

    dense, sparse, large = code("dense", b"ab" * 400), code("sparse", b"ab"), code("large", bytes(range(256)) * 8)
    other = PurePosixPath("cryptography/other")
    files = {name: tmp_path / name.name for name in (sparse, large, dense)} | {other: tmp_path / "sparse"}
    sizes = {name: archive.zipped_bytes(name, file.read_bytes()) for name, file in files.items()}
    assert set(cold_start.fitting(files, sum(sizes.values()))) == set(files)
    assert set(cold_start.fitting(files, sum(sizes.values()) - 1)) == {other, dense, large}
    assert set(cold_start.fitting(files, sizes[other] + sizes[sparse])) == {other, sparse}
    assert cold_start.fitting(files, 0) == {}


def test_the_bytes_that_a_file_adds_to_an_archive_are_known_before(tmp_path: Path) -> None:
    files = {PurePosixPath("é/a.py"): Path(__file__), PurePosixPath("b.py"): SAMPLE}
    sizes = []
    for content in ({}, files):
        archive.write_archive(tmp_path / "archive.zip", content)
        sizes.append((tmp_path / "archive.zip").stat().st_size)
    added = sum(archive.zipped_bytes(name, file.read_bytes()) for name, file in files.items())
    assert sizes[1] - sizes[0] == added


@pytest.mark.parametrize("package", [iot_certificate_provider, pyasn1, cryptography, crhelper])
def test_without_comments_a_module_does_the_same_on_the_same_lines(package: ModuleType) -> None:
    """So they are in the asset."""
    for file in Path(str(package.__file__)).parent.rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        shortened = sources.without_comments(source)
        assert _code(shortened) == _code(source), file
        tokens = list(tokenize.generate_tokens(io.StringIO(shortened).readline))
        kinds = [token.type for token in tokens if token.type != tokenize.NL]
        assert tokenize.COMMENT not in list(itertools.dropwhile(tokenize.COMMENT.__eq__, kinds)), file


def _code(source: str, *, typed: bool = True) -> tuple[str, list[int]]:
    """Return a module's syntax without the words of docstrings, and the line on which each part of it begins."""
    tree = ast.parse(source)
    if not typed:
        _remove_types(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            node.value.value = ""
    return ast.dump(tree), [node.lineno for node in ast.walk(tree) if hasattr(node, "lineno")]


def _remove_types(tree: ast.Module) -> None:
    tree.body = [node for node in tree.body if not (isinstance(node, ast.If) and _is_for_type_checkers(node))]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None


def _is_for_type_checkers(node: ast.If) -> bool:
    return ast.unparse(node.test) == "TYPE_CHECKING" and not node.orelse


@pytest.mark.parametrize(
    ("source", "shortened"),
    [
        ('"""A module\n\nof two."""  # why\nx = 1\n', '"."\n\n\nx = 1\n'),
        ('def f():\n    # why\n    """Told."""\n', 'def f():\n\n    "."\n'),
        ('x = "# no comment"  # one\n"""About x\n"""\n', 'x = "# no comment"\n"."\n\n'),
        ('f(\n    # why\n    """kept\n    """\n)\n', 'f(\n\n    """kept\n    """\n)\n'),
        ('x = f"{y}#"\n"a" "b"\n', 'x = f"{y}#"\n"a" "b"\n'),
        ("# Copyright\n#\n\nimport x  # why\n", "# Copyright\n#\n\nimport x\n"),
        ('"é"; x = "é"  # é\n', '"é"; x = "é"\n'),
    ],
)
def test_what_is_no_more_than_words_is_left_out(source: str, shortened: str) -> None:
    assert sources.without_comments(source) == shortened


@pytest.mark.parametrize("package", [iot_certificate_provider, pyasn1, cryptography, crhelper])
def test_without_annotations_a_module_does_the_same_on_the_same_lines(package: ModuleType) -> None:
    for file in Path(str(package.__file__)).parent.rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        shortened = type_hints.without_annotations(source)
        assert _code(shortened, typed=False) == _code(source, typed=False), file
        assert shortened.count("\n") == source.count("\n")


@pytest.mark.parametrize(
    ("source", "shortened"),
    [
        ("def f(a: int, *b: str, c: int = 1, **d: X) -> None: ...\n", "def f(a, *b, c = 1, **d): ...\n"),
        ("async def f(\n    a: dict[\n        str, int\n    ],\n) -> int:\n", "async def f(\n    a\n\n,\n):\n"),
        ("def f() -> dict[\n    str, int\n]:\n", "def f() -> dict[\n    str, int\n]:\n"),
        ("def f(a: (int)) -> (int):\n", "def f(a: (int)) -> (int):\n"),
        ("def f(é: 'é', b: int) -> 'é':\n", "def f(é, b):\n"),
        ("class A:\n    a: int\n    b: int = 1\n", "class A:\n    a: int\n    b: int = 1\n"),
        ("if TYPE_CHECKING:\n    import a\n    import b\nx = 1\n", "\n\n\nx = 1\n"),
        ("if TYPE_CHECKING:\n    a = 1\nelse:\n    a = 2\n", "if TYPE_CHECKING:\n    a = 1\nelse:\n    a = 2\n"),
        ("def f():\n    if TYPE_CHECKING:\n        a = 1\n", "def f():\n    if TYPE_CHECKING:\n        a = 1\n"),
    ],
)
def test_what_only_type_checkers_read_is_left_out(source: str, shortened: str) -> None:
    source, shortened = (f"{text}    pass\n" if text.endswith(":\n") else text for text in (source, shortened))
    assert type_hints.without_annotations(source) == shortened


def test_pyasn1_keeps_its_notice_and_loses_its_documentation(built: Bundle) -> None:
    with zipfile.ZipFile(built.path) as archive:
        source = archive.read("pyasn1/type/univ.py").decode()
        assert archive.read(next(name for name in archive.namelist() if "pyasn1" in name and "LICENSE" in name))
    assert "# Copyright (c) 2005-2020, Ilya Etingof" in source
    assert "Keyword Args" not in source


def test_with_bytecode_it_is_reproducible_too(built_here: Bundle, tmp_path: Path) -> None:
    assert bundling.bundle(HERE, tmp_path).path.read_bytes() == built_here.path.read_bytes()


def test_without_a_python_of_the_version_it_has_no_bytecode_and_the_same_key(
    built_here: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asset, "find_compiler", lambda version: None)
    without = bundling.bundle(HERE, tmp_path)
    with zipfile.ZipFile(without.path) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".pyc")]
    assert without.key == built_here.key


@pytest.mark.parametrize("script", ["", "#!/bin/sh\nexec sleep 60\n"], ids=["does not run", "hangs"])
def test_a_compiler_that_fails_leaves_the_sources_as_they_are(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bytecode, "_SECONDS", 0.2)
    source, compiler = tmp_path / "module.py", tmp_path / "python"
    source.write_text("")
    if script:
        compiler.write_text(script)
        compiler.chmod(0o755)
    assert bytecode.compiled({PurePosixPath("module.py"): source}, tmp_path / "compiled", str(compiler)) == {}


def test_a_compiler_is_a_cpython_of_the_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bytecode.find_compiler(f"{sys.version_info.major}.{sys.version_info.minor}") == sys.executable
    assert bytecode.find_compiler("3.99") is None
    # Version managers have a program for each version that they know of, whether it is installed or not.
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    assert bytecode.find_compiler("3.99") is None
    shim.write_text("#!/bin/sh\necho cpython-399\n")
    assert bytecode.find_compiler("3.99") == str(shim)


@pytest.mark.skipif(sys.platform != "linux", reason="the asset is for Linux")
def test_it_runs_by_itself(built_here: Bundle, tmp_path: Path) -> None:
    with zipfile.ZipFile(built_here.path) as archive:
        archive.extractall(tmp_path / "asset")
    command = [sys.executable, "-S", "-I", "-c", SMOKE_TEST, str(tmp_path / "asset"), str(SAMPLE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "CN=thermostat-1,O=Example Thermostats\n"


def test_without_an_installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "_find_uv", lambda: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        BundlingError, match=r"there is neither uv nor pip here\. Install one of them, or .*\(code=…\)$"
    ):
        bundling.bundle(DEFAULT_TARGET, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_installer_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asset, "_LOCK", tmp_path / "no-such-lock.txt")
    monkeypatch.setattr(asset, "_key", lambda target: "key")
    with pytest.raises(BundlingError) as caught:
        bundling.bundle(DEFAULT_TARGET, tmp_path / "cache")
    assert str(caught.value).startswith("The function's dependencies could not be installed: 'uv' says: ")
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_reported_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(asset, "install_wheels", full)
    with pytest.raises(
        BundlingError, match=r"could not be written to .*: No space left on device\. The disk is full\. "
    ):
        bundling.bundle(DEFAULT_TARGET, tmp_path)


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BundlingError, match=r"could not be written to .*: Not a directory\. Set XDG_CACHE_HOME"):
        bundling.bundle(DEFAULT_TARGET, tmp_path / "file" / "cache")
