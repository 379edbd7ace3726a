"""The compiled modules of a function's bundle that this machine's Python cannot load.

A compiled module's file name has the Python that it is for (PEP 3149: ``_cffi_backend.cpython-314-…-linux-gnu.so``),
unless it is for every Python 3 (PEP 384: ``_rust.abi3.so``). Its header has the processor (ELF, ``e_machine``).
"""

from __future__ import annotations

import io
import platform
import sys
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec

_SUFFIX = ".so"
_ELF = b"\x7fELF"
_MACHINE = slice(18, 20)
_MACHINES = {"x86_64": 0x3E, "amd64": 0x3E, "aarch64": 0xB7, "arm64": 0xB7}
"""``e_machine`` by what ``platform.machine()`` returns, in lowercase letters."""


def unloadable(bundle: bytes) -> list[str]:
    """Return the names of the compiled modules in a zipped bundle that an import does not find or cannot load here.

    A module at the top that this Python has elsewhere on its path is found there.
    """
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        files = [name for name in archive.namelist() if name.endswith(_SUFFIX)]
        loadable = {_module(name) for name in files if _is_loadable(name, archive)}
    missing = dict.fromkeys(_module(name) for name in files if _module(name) not in loadable)
    return [name for name in missing if "." in name or find_spec(name) is None]


def _is_loadable(name: str, archive: zipfile.ZipFile) -> bool:
    file = name.rpartition("/")[2]
    if file[file.index(".") :] not in EXTENSION_SUFFIXES:
        return False
    with archive.open(name) as opened:
        header = opened.read(_MACHINE.stop)
    if not header.startswith(_ELF):
        return True
    machine = _MACHINES.get(platform.machine().lower())
    return sys.platform == "linux" and machine in {None, int.from_bytes(header[_MACHINE], "little")}


def _module(name: str) -> str:
    folder, _, file = name.rpartition("/")
    return ".".join([*filter(None, folder.split("/")), file.partition(".")[0]])
