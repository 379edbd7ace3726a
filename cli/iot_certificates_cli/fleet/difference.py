"""The difference between two manifests of a fleet: shard against shard, in constant memory."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from heapq import merge
from itertools import groupby
from typing import TYPE_CHECKING

from iot_certificate_provider.fleet.cut import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iot_certificate_provider.fleet.manifest import Defaults, Line
    from iot_certificates_cli.fleet.stored import StoredManifest


class Kind(StrEnum):
    """The change of one certificate, by the sign that ``fleet diff`` shows."""

    REGISTER = "+"
    REMOVE = "-"
    CHANGE = "~"
    UNCHANGED = "="


@dataclass(frozen=True)
class Different:
    """A certificate with what becomes of it, as the new manifest has it (the old one, where it is removed)."""

    kind: Kind
    line: Line
    partition: str


@dataclass(frozen=True)
class Effective:
    """What is declared of a certificate, defaults included."""

    status: str
    ca_certificate_pem: str | None
    thing_name: str | None
    policy_names: frozenset[str]
    attributes: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, line: Line, defaults: Defaults) -> Effective:
        """Resolve a line; attributes are of the thing, and nothing without one."""
        attributes = (defaults.attributes if line.attributes is None else line.attributes) if line.thing_name else {}
        return cls(
            line.status or defaults.status,
            defaults.ca_certificate_pem,
            line.thing_name,
            frozenset(defaults.policy_names if line.policy_names is None else line.policy_names),
            tuple(sorted(attributes.items())),
        )


def differences(old: StoredManifest, new: StoredManifest) -> Iterator[Different]:
    """Yield each certificate of both manifests, ascending by id; those of shards that are equal are passed over."""
    before, after = old.manifest, new.manifest
    if before.bits != after.bits and before.partitions and after.partitions:
        yield from _merged(old.all_lines(), new.all_lines(), old, new)
        return
    olds = {each.key: each for each in before.partitions}
    news = {each.key: each for each in after.partitions}
    for key in sorted(olds.keys() | news.keys()):
        one, other = olds.get(key), news.get(key)
        if one is not None and one == other and before.defaults == after.defaults:
            continue
        yield from _merged(
            iter(()) if one is None else old.lines(one), iter(()) if other is None else new.lines(other), old, new
        )


def _merged(
    olds: Iterator[Line], news: Iterator[Line], old: StoredManifest, new: StoredManifest
) -> Iterator[Different]:
    bits = new.manifest.bits or old.manifest.bits
    defaults = {_OLD: old.manifest.defaults, _NEW: new.manifest.defaults}
    sides = merge(((_OLD, line) for line in olds), ((_NEW, line) for line in news), key=_id_of)
    for certificate_id, found in groupby(sides, key=_id_of):
        lines = dict(found)
        effective = {Effective.of(line, defaults[side]) for side, line in lines.items()}
        if len(lines) == 1:
            kind = Kind.REGISTER if _NEW in lines else Kind.REMOVE
        else:
            kind = Kind.UNCHANGED if len(effective) == 1 else Kind.CHANGE
        yield Different(kind, lines.get(_NEW) or lines[_OLD], key_of(certificate_id, bits))


_OLD, _NEW = "old", "new"


def _id_of(side: tuple[str, Line]) -> str:
    return side[1].certificate_id
