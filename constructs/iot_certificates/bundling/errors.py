"""Errors of an asset that cannot be built: the cause, and the fix for that cause."""

from __future__ import annotations

import errno
import re

_INSTEAD = "or pass a prebuilt asset to IotCertificateProvider(code=…)"
_FULL = "The disk is full. Free some space there, or set XDG_CACHE_HOME and TMPDIR to folders with room"
_SPACE_ERRORS = (errno.ENOSPC, errno.EDQUOT)

# In this order: a full disk breaks connections too, and an index that is denied is not one that cannot be reached.
_CAUSES = {
    r"No space left on device|Disk quota exceeded": _FULL,
    r"Hash mismatch|DO NOT MATCH THE HASHES": (
        "The package index has other files than the lock pins; none of them was used. Use an index that mirrors PyPI "
        "unchanged"
    ),
    r"invalid peer certificate|UnknownIssuer|CERTIFICATE_VERIFY_FAILED|certificate verify failed": (
        "The package index's TLS certificate is not trusted on this machine. Add your company's root certificate to "
        "the machine's, or set SSL_CERT_FILE (for pip: PIP_CERT) to a file with it"
    ),
    r"\b(401|403|407)\b (Client Error|Unauthorized|Forbidden|Proxy)|authentication (failed|required)": (
        "The package index, or the proxy before it, denies access. Check the credentials in UV_DEFAULT_INDEX or "
        "PIP_INDEX_URL, and in HTTPS_PROXY"
    ),
    r"Permission denied|Read-only file system|Operation not permitted|Not a directory": (
        "The installer may not write to a folder that it needs. Set XDG_CACHE_HOME and TMPDIR to folders that can be "
        "written"
    ),
    (
        r"Failed to fetch|error sending request|dns error|[Cc]onnection (refused|reset|broken|aborted)|timed out"
        r"|Timeout|Temporary failure in name resolution|Network is unreachable|No route to host|from versions: none"
    ): (
        "The package index cannot be reached. Check the network and HTTPS_PROXY; an index of your own is named by "
        "UV_DEFAULT_INDEX or PIP_INDEX_URL, not by a configuration file"
    ),
    r"[Nn]o (matching distribution|solution found)|no wheels? with": (
        "The package index has no wheel of a pinned version for this runtime and processor, or was not asked because "
        "of UV_OFFLINE or PIP_NO_INDEX. Unset these, or use another runtime or architecture"
    ),
}
_UNKNOWN = "Mend what the installer names"


class BundlingError(RuntimeError):
    """The function's asset cannot be built; ``str()`` is a sentence that names the cause and the fix."""


def not_installed(why: str, fix: str = _UNKNOWN) -> BundlingError:
    """Return the error about dependencies that cannot be installed."""
    return BundlingError(f"The function's dependencies could not be installed: {why}. {fix}, {_INSTEAD}")


def installer_failed(name: str, printed: str) -> BundlingError:
    """Return the error about an installer that failed, by what it has printed."""
    fix = next((fix for pattern, fix in _CAUSES.items() if re.search(pattern, printed)), _UNKNOWN)
    return not_installed(f"'{name}' says: {_last_words(printed)}", fix)


def not_written(folder: object, error: OSError) -> BundlingError:
    """Return the error about an asset that cannot be written to ``folder``."""
    fix = _FULL if error.errno in _SPACE_ERRORS else "Set XDG_CACHE_HOME to a folder that can be written"
    why = f"The function's asset could not be written to {folder}: {error.strerror or error}"
    return BundlingError(f"{why}. {fix}, {_INSTEAD}")


def _last_words(text: str) -> str:
    """Return the installer's last lines: without hashes, of which it lists all that would fit, and credentials."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    told = [line for line in lines if line and not re.search(r"sha256|^(Expected|Computed|Got)\b", line)]
    words = re.sub(r"://[^/\s@]*@", "://****@", " ".join(told[-3:]))
    return words[-400:].rstrip(".: ") or "nothing"
