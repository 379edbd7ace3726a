"""The compiled modules of a bundle that this machine's Python cannot load."""

from __future__ import annotations

import io
import platform
import sys
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES

import pytest

from iot_certificates_local.compiled_modules import unloadable
from iot_certificates_local.function_start import check_bundle

MACHINES = {"x86_64": 0x3E, "arm64": 0xB7}
HERE = "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"
ELSEWHERE = "x86_64" if HERE == "arm64" else "arm64"
OF_THIS_PYTHON = EXTENSION_SUFFIXES[0]
OF_ANOTHER_PYTHON = ".cpython-399-x86_64-linux-gnu.so"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="bundles are for Linux")


def bundle(*files: tuple[str, str]) -> bytes:
    """Return a zipped bundle with these files, each for a processor."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("iot_certificate_provider/handler.py", "")
        for name, machine in files:
            zipped.writestr(name, b"\x7fELF\x02\x01\x01" + bytes(11) + MACHINES[machine].to_bytes(2, "little"))
    return archive.getvalue()


@pytest.mark.parametrize(
    ("file", "machine", "expected"),
    [
        ("cryptography/hazmat/_rust.abi3.so", HERE, []),
        ("cryptography/hazmat/_rust.abi3.so", ELSEWHERE, ["cryptography.hazmat._rust"]),
        (f"package/_module{OF_THIS_PYTHON}", HERE, []),
        (f"package/_module{OF_ANOTHER_PYTHON}", HERE, ["package._module"]),
        (f"_in_no_other_place{OF_ANOTHER_PYTHON}", HERE, ["_in_no_other_place"]),
        # Python goes on looking on its path.
        (f"_cffi_backend{OF_ANOTHER_PYTHON}", HERE, []),
    ],
)
def test_a_module_is_for_a_python_and_a_processor(file: str, machine: str, expected: list[str]) -> None:
    assert unloadable(bundle((file, machine))) == expected


def test_one_file_of_a_module_that_loads_is_enough() -> None:
    files = [(f"package/_module{suffix}", HERE) for suffix in (OF_ANOTHER_PYTHON, OF_THIS_PYTHON)]
    assert unloadable(bundle(*files)) == []


def test_a_bundle_of_another_function_is_not_refused_for_modules_that_it_may_not_need() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr(f"package/_accelerator{OF_ANOTHER_PYTHON}", b"")
    check_bundle(archive.getvalue())
    with pytest.raises(ImportError, match=r"^its bundle is for another Python or processor, without package\._module"):
        check_bundle(bundle((f"package/_module{OF_ANOTHER_PYTHON}", HERE)))
