"""``make release``: fill ``dist`` with the files of a release, each of them checked."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from iot_certificates.bundling import Target, bundle

REPOSITORY = Path(__file__).parents[2]
DIST = REPOSITORY / "dist"
TOOLS = REPOSITORY / ".venv" / "publishing" / "bin"
LOCK = REPOSITORY / "constructs" / "iot_certificates" / "lambda-requirements.txt"
RUNTIMES = ("python3.11", "python3.12", "python3.13", "python3.14")
ARCHITECTURES = ("arm64", "x86_64")


class NotReleasableError(Exception):
    """What a release must not have; ``str()`` says which file, and why."""


def main() -> int:
    """Build all files; return 1, with the reason on stderr, where one is not fit to be released."""
    try:
        version = check_version()
        shutil.rmtree(DIST, ignore_errors=True)
        packages = build_twice(DIST)
        _run(TOOLS / "twine", "check", "--strict", *packages)
        assets = [_asset(Target(runtime, each)) for runtime in RUNTIMES for each in ARCHITECTURES]
        files = [*packages, *assets, sbom(DIST / f"cdk-iot-certificates-function-{version}.cdx.json")]
        checksums(files, DIST / "SHA256SUMS")
    except (NotReleasableError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"Not releasable: {error}\n")
        return 1
    sys.stdout.write("".join(f"{path.stat().st_size:>12,}  {path.name}\n" for path in files))
    sys.stdout.write("Next: docs/releasing.md\n")
    return 0


def check_version() -> str:
    """Return the version; raise NotReleasableError unless the CHANGELOG has a section for it and nothing unreleased."""
    version = str(tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]["version"])
    changes = (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
    if f"\n## {version}" not in changes:
        raise NotReleasableError(f"CHANGELOG.md has no section ## {version}. Rename Unreleased, or raise the version")
    return version


def build_twice(folder: Path) -> list[Path]:
    """Build the wheel and the source distribution; raise NotReleasableError where a second build has other bytes."""
    with tempfile.TemporaryDirectory() as again:
        for each in (folder, Path(again)):
            _run(REPOSITORY / ".venv" / "bin" / "hatchling", "build", "--directory", each)
        first, second = ({path.name: _sha256(path) for path in each.iterdir()} for each in (folder, Path(again)))
    if first != second:
        differing = sorted(name for name in first if first[name] != second.get(name))
        raise NotReleasableError(f"two builds differ: {', '.join(differing)}")
    return sorted(folder / name for name in first)


def sbom(file: Path) -> Path:
    """Write what the asset contains of others, with versions and hashes, as CycloneDX; return the file."""
    _run(TOOLS / "cyclonedx-py", "requirements", "--output-reproducible", "--of", "JSON", "-o", file, LOCK)
    components = json.loads(file.read_text("utf-8")).get("components", [])
    if not components:
        raise NotReleasableError(f"{file.name} names no component")
    return file


def checksums(files: list[Path], file: Path) -> None:
    """Write the SHA-256 of each file, as ``sha256sum --check`` reads them."""
    file.write_text("".join(f"{_sha256(path)}  {path.name}\n" for path in files), encoding="utf-8")


def _asset(target: Target) -> Path:
    name = f"cdk-iot-certificates-function-{target.runtime}-{target.architecture}.zip"
    return Path(shutil.copyfile(bundle(target).path, DIST / name))


def _run(program: Path, *arguments: str | Path) -> None:
    subprocess.run([program, *arguments], cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
