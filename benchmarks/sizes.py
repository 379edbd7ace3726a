"""What is downloaded and what is uploaded: wheels, and the assets of functions, zipped as the CDK CLI uploads them."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import Section, counted
from iot_certificates.bundling import MAX_BYTES, bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TITLE = "Sizes"
ASSET_LIMIT = 1.0

_DISTRIBUTIONS = (
    "cdk_iot_certificates",
    "cdk_iot_core_certificates_v3",
    "cdklabs.cdk_aws_iot_thing_certificate_policy",
)
_REPOSITORY = Path(__file__).parents[1]
_APPS = Path(__file__).with_name("apps")
_REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_REMARKS = (
    (
        "Bytes of a file divided by bytes of another; counted, so without noise. The asset is that of the default "
        "target; it holds cryptography, whose compiled half is nine tenths of it, and which the others do without, "
        "since they neither read certificates nor sign any."
    ),
    (
        "cdklabs.cdk-aws-iot-thing-certificate-policy has only its wheel here: it bundles its function with Docker, "
        "which this command does not need."
    ),
)


def run(say: Callable[[str], None]) -> Section:
    """Measure. Downloads the other two wheels, with pip, by their hashes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say("building the wheel, downloading the others")
        wheels = _wheels(folder)
        say("synthesising an app with each")
        asset = bundle().path.stat().st_size
        custom_resource = _assets(folder, "aws_custom_resource")
        thing_with_cert = _assets(folder, "thing_with_cert", wheels[_DISTRIBUTIONS[1]])
        ours, v3, labs = (wheels[distribution].stat().st_size for distribution in _DISTRIBUTIONS)
    return Section(
        TITLE,
        (
            counted("wheel / cdk-iot-core-certificates-v3's", ours / v3),
            counted("wheel / cdklabs.cdk-aws-iot-thing-certificate-policy's", ours / labs),
            counted(f"asset / {MAX_BYTES / 1e6:g} MB", asset / MAX_BYTES, ASSET_LIMIT),
            counted("asset / cdk-iot-core-certificates-v3's three", asset / thing_with_cert),
            counted("asset / AwsCustomResource's", asset / custom_resource),
        ),
        (
            *_REMARKS,
            (
                f"The wheel has {ours / 1e6:.2f} MB, the others {v3 / 1e6:.1f} and {labs / 1e6:.2f}; the asset has "
                f"{asset / 1e6:.2f} MB, the others' {thing_with_cert / 1e6:.3f} and {custom_resource / 1e6:.3f}."
            ),
        ),
    )


def _wheels(folder: Path) -> Mapping[str, Path]:
    """Return this project's wheel and the others, by the names of their distributions."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    _run(build, cwd=_REPOSITORY)
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    _run([sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), "-r", str(_REQUIREMENTS)])
    return {wheel.name.split("-")[0]: wheel for wheel in folder.glob("*.whl")}


def _assets(folder: Path, app: str, wheel: Path | None = None) -> int:
    """Return the bytes of all assets of an app, zipped; ``wheel`` is unpacked and put on its path."""
    output, packages = folder / f"{app}-out", folder / f"{app}-packages"
    if wheel is not None:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(packages)
    command = [sys.executable, str(_APPS / f"{app}.py"), str(output)]
    _run(command, env={**os.environ, "PYTHONPATH": str(packages)})
    return sum(_zipped(asset) for asset in output.glob("asset.*"))


def _zipped(asset: Path) -> int:
    if asset.is_file():
        return asset.stat().st_size
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(asset.rglob("*")):
            archive.write(file, file.relative_to(asset))
    return len(packed.getvalue())


def _run(command: list[str], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} …: {done.stderr[-2000:]}")
