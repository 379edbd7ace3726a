"""The installer's environment: of its own settings only those that say from where, and through which proxy."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# The settings that name an index, its credentials, a proxy, a certificate, a cache, or how patient to be. Any other
# could change what is installed, or where to, or whether hashes are checked.
_PASS = re.compile(
    r"UV_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|INDEX_STRATEGY|INDEX_\w+_(USERNAME|PASSWORD)"
    r"|KEYRING_PROVIDER|INSECURE_HOST|HTTP_TIMEOUT|REQUEST_TIMEOUT|HTTP_RETRIES|OFFLINE|SYSTEM_CERTS|NATIVE_TLS"
    r"|CACHE_DIR|NO_CACHE)"
    r"|PIP_(INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|TRUSTED_HOST|KEYRING_PROVIDER|PROXY|CERT|CLIENT_CERT"
    r"|DEFAULT_TIMEOUT|TIMEOUT|RETRIES|CACHE_DIR|NO_CACHE_DIR)"
)
_INSTALLERS_OWN = re.compile(r"(UV|PIP)_")
# What would run code of the user's inside pip, or make it see other packages.
_PYTHONS_OWN = re.compile(r"PYTHON(PATH|HOME|STARTUP|USERBASE|PLATLIBDIR|WARNINGS)|VIRTUAL_ENV|__PYVENV_LAUNCHER__")
_PATHS = re.compile(r"SSL_CERT_(FILE|DIR)|SSL_CLIENT_CERT|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(UV|PIP)_\w+|NETRC")


def installer_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for uv and pip: ``environment`` (ours by default) without what changes the result.

    Paths in it are absolute: the installer runs in a folder where there is nothing.
    """
    given = os.environ if environment is None else environment
    kept = {name: _absolute(name, value) for name, value in given.items() if _passes(name)}
    # A company's proxy has a certificate that the machine trusts and uv by itself does not. pip reads no file: a
    # section [install] of the machine's could say dry-run, or another target.
    return {"UV_SYSTEM_CERTS": "1", **kept, "UV_NO_CONFIG": "1", "PIP_CONFIG_FILE": os.devnull}


def _passes(name: str) -> bool:
    if _INSTALLERS_OWN.match(name):
        return _PASS.fullmatch(name) is not None
    return _PYTHONS_OWN.fullmatch(name) is None


def _absolute(name: str, value: str) -> str:
    if not value or _PATHS.fullmatch(name) is None:
        return value
    # A number is a number also where a file has that name.
    return str(Path(value).absolute()) if not value.isdigit() and Path(value).exists() else value
