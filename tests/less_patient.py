"""The bundled function, which waits seconds for a permission that never comes, not a minute."""

from __future__ import annotations

import io
import platform
import re
import sys
import zipfile

from iot_certificates.bundling import Target, bundle

PROPAGATION = "iot_certificate_provider/aws/propagation.py"
PERMISSION_SECONDS = 7.0
"""For which the function waits for a permission: the embedded AWS takes one, and the longest pause is of five."""


def bundled() -> tuple[str, bytes]:
    """Build the bundle for the interpreter that MiniStack runs it with; return that runtime and the archive."""
    processor = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    runtime = f"python3.{sys.version_info.minor}"
    return runtime, _less_patient(bundle(Target(runtime, processor)).path.read_bytes())


def _less_patient(asset: bytes) -> bytes:
    """Return the real bundle but for one constant, so that a permission that never comes does not take a minute."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(asset)) as real, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as less:
        for item in real.infolist():
            content = real.read(item)
            if item.filename == PROPAGATION:
                shorter = f"PERMISSION_SECONDS = {PERMISSION_SECONDS}".encode()
                content, count = re.subn(rb"(?m)^PERMISSION_SECONDS = .*$", shorter, content)
                assert count == 1
            less.writestr(item, content)
        assert PROPAGATION in less.namelist()
    return changed.getvalue()
