"""The modules that have bytecode in the asset: what a cold start imports, as far as ``MAX_BYTES`` has room for it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from iot_certificates.bundling.archive import zipped_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path, PurePosixPath

_OF_OTHERS = ("crhelper/*.py", "cryptography/*.py")
# Every cold start imports these of ours: the handler's, and a device certificate's, the type with the most requests.
OURS = (
    "iot_certificate_provider/aws/clients.py",
    "iot_certificate_provider/aws/cloudformation.py",
    "iot_certificate_provider/aws/concurrency.py",
    "iot_certificate_provider/aws/error_mapping.py",
    "iot_certificate_provider/aws/iot.py",
    "iot_certificate_provider/contract.py",
    "iot_certificate_provider/deadline.py",
    "iot_certificate_provider/errors.py",
    "iot_certificate_provider/handler.py",
    "iot_certificate_provider/physical_id.py",
    "iot_certificate_provider/pki/certificate.py",
    "iot_certificate_provider/pki/distinguished_name.py",
    "iot_certificate_provider/pki/pem.py",
    "iot_certificate_provider/properties/reader.py",
    "iot_certificate_provider/properties/shapes.py",
    "iot_certificate_provider/protocol/crhelper_once.py",
    "iot_certificate_provider/protocol/delivery.py",
    "iot_certificate_provider/protocol/envelope.py",
    "iot_certificate_provider/resources/device/device_certificate.py",
    "iot_certificate_provider/resources/device/registration.py",
    "iot_certificate_provider/resources/lifecycle/adoption.py",
    "iot_certificate_provider/resources/lifecycle/cancellation.py",
    "iot_certificate_provider/resources/lifecycle/history.py",
    "iot_certificate_provider/resources/lifecycle/holders.py",
    "iot_certificate_provider/resources/lifecycle/inquiry.py",
    "iot_certificate_provider/resources/lifecycle/ownership.py",
    "iot_certificate_provider/resources/lifecycle/redelivery.py",
    "iot_certificate_provider/resources/removal/attachments.py",
    "iot_certificate_provider/resources/removal/device_certificate.py",
)
# cryptography imports these only when they are asked for, and the function never does.
_NEVER_IMPORTED = ("*/primitives/hmac.py", "*/primitives/padding.py")


def to_compile(files: Mapping[PurePosixPath, Path]) -> dict[PurePosixPath, Path]:
    """Return those of ``files`` that a cold start imports; the others stay sources alone."""
    return {
        name: file
        for name, file in files.items()
        if _matches(name, (*_OF_OTHERS, *OURS)) and not _matches(name, _NEVER_IMPORTED)
    }


def fitting(bytecode: Mapping[PurePosixPath, Path], room: int) -> dict[PurePosixPath, Path]:
    """Return as much of ``bytecode`` as adds at most ``room`` bytes to an archive.

    That of others comes first, then the modules that save the most time for each byte: how long one is in memory, which
    is nearly proportional to the time that it takes to compile, against its bytes in the archive.
    """
    content = {name: file.read_bytes() for name, file in bytecode.items()}
    zipped = {name: zipped_bytes(name, code) for name, code in content.items()}
    chosen: dict[PurePosixPath, Path] = {}
    for name in sorted(bytecode, key=lambda name: (_is_ours(name), -len(content[name]) / zipped[name], str(name))):
        if zipped[name] <= room:
            chosen[name] = bytecode[name]
            room -= zipped[name]
    return chosen


def _is_ours(name: PurePosixPath) -> bool:
    return name.parts[0] == "iot_certificate_provider"


def _matches(name: PurePosixPath, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(str(name), pattern) for pattern in patterns)
