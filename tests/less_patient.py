"""The bundled function, with less patience: it waits seconds for a permission that never comes, not a minute."""

from __future__ import annotations

import io
import platform
import re
import sys
import zipfile
from functools import cache
from typing import TYPE_CHECKING

from iot_certificates.bundling import Target, bundle

if TYPE_CHECKING:
    from collections.abc import Mapping

PROPAGATION = "iot_certificate_provider/aws/propagation.py"
HISTORY = "iot_certificate_provider/resources/lifecycle/history.py"
PERMISSION_SECONDS = 7.0
"""For which the function waits for a permission: the embedded AWS takes one, and the longest pause is of five."""


@cache
def bundled(clocks_differ: int | None = None) -> tuple[str, bytes]:
    """Build the bundle for the interpreter that MiniStack runs it with; return that runtime and the archive.

    ``clocks_differ``: by how many seconds the function takes two clocks to differ; here all programs have one.
    """
    processor = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    runtime = f"python3.{sys.version_info.minor}"
    constants = {PROPAGATION: ("PERMISSION_SECONDS", str(PERMISSION_SECONDS))}
    if clocks_differ is not None:
        constants[HISTORY] = ("CLOCKS_DIFFER", f"timedelta(seconds={clocks_differ})")
    return runtime, _less_patient(bundle(Target(runtime, processor)).path.read_bytes(), constants)


def _less_patient(asset: bytes, constants: Mapping[str, tuple[str, str]]) -> bytes:
    """Return the real bundle but for these constants: of a file, its name and value."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(asset)) as real, zipfile.ZipFile(changed, "w") as less:
        for item in real.infolist():
            content = real.read(item)
            if item.filename in constants:
                name, value = constants[item.filename]
                content, count = re.subn(rf"(?m)^{name} = .*$".encode(), f"{name} = {value}".encode(), content)
                assert count == 1
            less.writestr(item, content, zipfile.ZIP_DEFLATED, compresslevel=1)
        assert {*less.namelist()} >= {*constants}
    return changed.getvalue()
