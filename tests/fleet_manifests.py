"""Manifests of fleets in folders, of certificates that need not be any."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from iot_certificate_provider.fleet.cut import bits_for, key_of
from iot_certificate_provider.fleet.manifest import Defaults, Line, Manifest, Partition

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def line_of(pem: str, certificate_id: str | None = None, thing_name: str | None = None) -> Line:
    """Return a line; without an id that of the text."""
    return Line(certificate_id or hashlib.sha256(pem.encode()).hexdigest(), pem, thing_name=thing_name)


def write_manifest(
    folder: Path, lines: Iterable[Line], defaults: Defaults | None = None, bits: int | None = None
) -> Manifest:
    """Write a manifest and its shards, by as many bits as it would have, or ``bits``."""
    ordered = sorted(lines, key=lambda line: line.certificate_id)
    bits = bits_for(len(ordered)) if bits is None else bits
    shards: dict[str, list[Line]] = {}
    for line in ordered:
        shards.setdefault(key_of(line.certificate_id, bits), []).append(line)
    (folder / "shards").mkdir(parents=True, exist_ok=True)
    partitions = []
    for key, members in shards.items():
        content = b"".join(line.to_json() for line in members)
        partition = Partition(key, len(members), hashlib.sha256(content).hexdigest())
        (folder / partition.file).write_bytes(content)
        partitions.append(partition)
    manifest = Manifest(len(ordered), tuple(partitions), defaults or Defaults())
    (folder / "manifest.json").write_bytes(manifest.to_json())
    return manifest
