"""The content of the asset, and whether a cached one is still valid."""

from __future__ import annotations

import contextlib
import hashlib
import platform
import re
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

import iot_certificate_provider
from iot_certificates.bundling.archive import write_archive
from iot_certificates.bundling.bytecode import compiled, find_compiler
from iot_certificates.bundling.cold_start import fitting, to_compile
from iot_certificates.bundling.errors import not_written
from iot_certificates.bundling.installed import distributions, locked
from iot_certificates.bundling.sources import shortened
from iot_certificates.bundling.wheels import install_wheels

if TYPE_CHECKING:
    from collections.abc import Iterator

PROVIDER_SOURCE = Path(iot_certificate_provider.__file__).parent
"""The package that the function runs."""

MAX_BYTES = 5_200_000
"""What the zipped asset may be at most: every deployment uploads it and every cold start loads it."""

_LOCK = Path(__file__).parents[1] / "lambda-requirements.txt"
_RUNTIME = re.compile(r"python3\.(\d+)")
_OLDEST_MINOR = 11
_ARCHITECTURES = ("arm64", "x86_64")

# cryptography needs cffi's compiled half, the module _cffi_backend; not its Python half, nor the parser of that.
_NEVER_RUN_PACKAGES = ("pycparser",)
_NEVER_RUN_FOLDERS = ("bin", "cffi", "pycparser", "pycparser-*.dist-info")
_NEVER_RUN_FILES = ("*.pyi", "*.pyc", "py.typed")
# Of pyasn1 the function reads BER, and writes none; of cryptography it never opens PKCS #7, PKCS #12, OCSP, one-time
# passwords or Fernet, and it encrypts nothing by its Python half.
_NEVER_RUN_MODULES = (
    "pyasn1/codec/ber/encoder.py",
    "pyasn1/codec/cer/*",
    "pyasn1/codec/der/*",
    "pyasn1/codec/native/*",
    "cryptography/cobblestone.py",
    "cryptography/fernet.py",
    "cryptography/hazmat/asn1/*",
    "cryptography/hazmat/primitives/ciphers/aead.py",
    "cryptography/hazmat/primitives/cmac.py",
    "cryptography/hazmat/primitives/hpke.py",
    "cryptography/hazmat/primitives/kdf/*",
    "cryptography/hazmat/primitives/keywrap.py",
    "cryptography/hazmat/primitives/poly1305.py",
    "cryptography/hazmat/primitives/serialization/pkcs*.py",
    "cryptography/hazmat/primitives/twofactor/*",
    "cryptography/x509/ocsp.py",
)
# Without comments, docstrings and annotations: ours, and those of others. Nobody reads them in a function.
_SHORTENED = (PROVIDER_SOURCE.name, "crhelper", "cryptography", "pyasn1")
# What installers write about themselves, and what only they read. Licences and METADATA, which scanners read, stay.
_INSTALLERS_OWN = (
    ".lock",
    "RECORD",
    "INSTALLER",
    "REQUESTED",
    "direct_url.json",
    "entry_points.txt",
    "top_level.txt",
    "zip-safe",
)
# The crates, most of them build tools, that cryptography's compiled half was made with. The sbom.json beside it, which
# names OpenSSL's version, stays.
_ONLY_OF_THE_BUILD = ("*.dist-info/sboms/*-rust.cyclonedx.json",)


@dataclass(frozen=True)
class Target:
    """The target of an asset: the name of a Lambda runtime and of an architecture (``arm64`` or ``x86_64``)."""

    runtime: str
    architecture: str

    def __post_init__(self) -> None:
        match = _RUNTIME.fullmatch(self.runtime)
        if match is None or int(match.group(1)) < _OLDEST_MINOR:
            raise ValueError(f"The function does not run on {self.runtime}: use python3.{_OLDEST_MINOR} or newer")
        if self.architecture not in _ARCHITECTURES:
            raise ValueError(f"Lambda has no architecture {self.architecture}: use {' or '.join(_ARCHITECTURES)}")

    def __str__(self) -> str:
        return f"{self.runtime} on {self.architecture}"

    @classmethod
    def here(cls) -> Target:
        """Return this machine's Python and processor: an emulator runs functions with them."""
        machine = platform.machine().lower()
        architecture = "arm64" if machine in {"arm64", "aarch64"} else "x86_64"
        return cls(f"python{sys.version_info.major}.{sys.version_info.minor}", architecture)


DEFAULT_TARGET = Target("python3.14", "arm64")


@dataclass(frozen=True)
class Bundle:
    """A built asset. ``key`` is a hash of all that went in: equal keys, equal function."""

    path: Path
    key: str


def bundle(target: Target = DEFAULT_TARGET, cache: Path | None = None) -> Bundle:
    """Return the asset for ``target``; build it unless ``cache`` (the user's cache folder by default) has it.

    An asset of the cache that is damaged, or has not what the lock pins, is built again. Raises BundlingError, whose
    sentence names the cause and the fix, when the dependencies cannot be installed or the cache cannot be written.
    """
    folder = cache or user_cache_path("cdk-iot-certificates")
    key = _key(target)
    try:
        path = _cached(folder, key)
        if path is None:
            folder.mkdir(parents=True, exist_ok=True)
            # On the file system of the cache, so that the finished asset appears there whole or not at all.
            with tempfile.TemporaryDirectory(dir=folder, prefix="build-") as work:
                path = _build(target, Path(work), folder / key)
    except OSError as error:
        raise not_written(folder, error) from error
    return Bundle(path, key)


def _cached(folder: Path, key: str) -> Path | None:
    """Return the asset that was built before; remove any that does not verify."""
    for path in sorted(folder.glob(f"{key}-*.zip")):
        if _verifies(path):
            return path
        with contextlib.suppress(OSError):
            path.unlink()
    return None


def _verifies(path: Path) -> bool:
    """Compare the bytes with the digest in the name, and the packages with the lock."""
    if _digest(path) != path.stem.rpartition("-")[2]:
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.split("/")[0] for name in archive.namelist()}
    except zipfile.BadZipFile:
        return False
    expected = {name: version for name, version in locked(_LOCK).items() if name not in _NEVER_RUN_PACKAGES}
    return distributions(names) == expected and PROVIDER_SOURCE.name in names


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _build(target: Target, work: Path, prefix: Path) -> Path:
    wheels, archive = work / "wheels", work / "asset.zip"
    version = target.runtime.removeprefix("python")
    install_wheels(_LOCK, wheels, version, target.architecture)
    files = {name: file for name, file in _files(wheels) if _is_needed(name)}
    files |= {PurePosixPath(PROVIDER_SOURCE.name) / name: file for name, file in _provider_files()}
    files |= shortened({name: file for name, file in files.items() if _is_shortened(name)}, work / "sources")
    write_archive(archive, files)
    compiler = find_compiler(version)
    if compiler is not None:
        bytecode = compiled(to_compile(files), work / "bytecode", compiler)
        write_archive(archive, files | fitting(bytecode, MAX_BYTES - archive.stat().st_size))
    return archive.replace(prefix.with_name(f"{prefix.name}-{_digest(archive)}.zip"))


def _is_shortened(name: PurePosixPath) -> bool:
    return name.parts[0] in _SHORTENED and name.suffix == ".py"


def _provider_files() -> Iterator[tuple[PurePosixPath, Path]]:
    return ((name, file) for name, file in _files(PROVIDER_SOURCE) if name.suffix == ".py")


def _files(folder: Path) -> Iterator[tuple[PurePosixPath, Path]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield PurePosixPath(file.relative_to(folder).as_posix()), file


def _is_needed(name: PurePosixPath) -> bool:
    top = PurePosixPath(name.parts[0])
    if any(top.match(pattern) for pattern in _NEVER_RUN_FOLDERS):
        return False
    if name.name in _INSTALLERS_OWN:
        return False
    return not any(name.match(pattern) for pattern in (*_NEVER_RUN_FILES, *_NEVER_RUN_MODULES, *_ONLY_OF_THE_BUILD))


def _key(target: Target) -> str:
    digest = hashlib.sha256(str(target).encode())
    inputs = [("lock", _LOCK)]
    inputs += [(f"provider/{name}", file) for name, file in _provider_files()]
    inputs += [(f"bundling/{name}", file) for name, file in _files(Path(__file__).parent) if name.suffix == ".py"]
    for name, file in inputs:
        content = file.read_bytes()
        digest.update(f"\n{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
