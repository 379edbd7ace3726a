"""The ledger: the certificates that a fleet has registered, and so may change and remove; one file a partition.

A line has what the certificate was brought to, and since when it may have been registered. AWS IoT puts no tags on
device certificates: what is ours is known by the date of its creation, which lies in an attempt of ours.
"""

from __future__ import annotations

import json
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.fleet.manifest import canonical
from iot_certificate_provider.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from iot_certificate_provider.fleet.manifest import Defaults, Line

INVOCATION_SECONDS = 900
"""Lambda's longest timeout: what an attempt registers, it registers before that is over."""


@dataclass(frozen=True)
class Declared:
    """What is declared of a certificate: its line, with the manifest's defaults."""

    status: str
    policy_names: tuple[str, ...] = ()
    thing_name: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, line: Line, defaults: Defaults) -> Declared:
        """Return what a line declares, and for what it leaves out the default."""
        return cls(
            line.status or defaults.status,
            defaults.policy_names if line.policy_names is None else line.policy_names,
            line.thing_name,
            defaults.attributes if line.attributes is None else line.attributes,
        )


@dataclass(frozen=True)
class Entry:
    """A certificate of the fleet.

    * ``since``: when attempts of ours to register it began, by AWS IoT's clock, in seconds of the epoch. It is ours if
      it was created within 900 s of one of these.
    * ``is_proven``: whether it is known to have been registered. ``is_settled``: whether it is exactly as declared;
      else it may be attached to what is declared, or not.
    * ``created_things``: those that were created for it, and are deleted with it.
    """

    certificate_id: str
    declared: Declared
    since: tuple[int, ...]
    is_proven: bool = True
    is_settled: bool = True
    created_things: tuple[str, ...] = ()

    def is_ours(self, created: datetime) -> bool:
        """Whether a certificate that was created then is the fleet's."""
        return any(each <= created.timestamp() <= each + INVOCATION_SECONDS for each in self.since)

    def joined(self, other: Entry) -> Entry:
        """Return what is known of a certificate after two attempts, of which ``self`` is the later."""
        since = tuple(sorted({*self.since, *other.since}))
        things = tuple(dict.fromkeys((*self.created_things, *other.created_things)))
        return replace(self, since=since, created_things=things)

    def on_its_way_to(self, declared: Declared) -> Entry:
        """Return the entry while it is changed: it may be attached to what was declared, and to what is."""
        names = dict.fromkeys((*self.declared.policy_names, *declared.policy_names))
        thing = self.declared.thing_name
        between = replace(self.declared, policy_names=tuple(names), thing_name=thing or declared.thing_name)
        return replace(self, declared=between, is_settled=False)

    def as_json(self) -> dict[str, Any]:
        """Return the members of its line."""
        members: dict[str, Any] = {
            "certificateId": self.certificate_id,
            "status": self.declared.status,
            "policyNames": list(self.declared.policy_names),
            "thingName": self.declared.thing_name,
            "attributes": dict(self.declared.attributes),
            "since": list(self.since),
            "proven": self.is_proven,
            "settled": self.is_settled,
            "createdThings": list(self.created_things),
        }
        return {name: value for name, value in members.items() if value not in (None, [], {}, True)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Entry:
        """Return the entry that ``as_json`` wrote."""
        declared = Declared(
            raw["status"], tuple(raw.get("policyNames", ())), raw.get("thingName"), raw.get("attributes", {})
        )
        return cls(
            raw["certificateId"],
            declared,
            tuple(raw.get("since", ())),
            raw.get("proven", True),
            raw.get("settled", True),
            tuple(raw.get("createdThings", ())),
        )


Change = tuple[str, Entry | None]
"""A certificate's id, and its entry from now on; None where it has none any more."""


def written(entries: Iterable[Entry], run: str = "") -> Iterator[bytes]:
    """Yield the lines of a ledger's file: a header with the run that finished it, then the entries."""
    yield canonical({"run": run})
    for each in entries:
        yield canonical(each.as_json())


def read(lines: Iterable[bytes]) -> Iterator[Entry]:
    """Yield the entries of a ledger's file."""
    yield from (Entry.from_json(json.loads(line)) for number, line in enumerate(lines) if number)


def overlaid(entries: Iterable[Entry], changes: Iterable[Change]) -> Iterator[Entry]:
    """Yield the entries with the changes applied; both ascend by id, each once."""
    changing = iter(changes)
    change = next(changing, None)
    for entry in entries:
        while change is not None and change[0] < entry.certificate_id:
            if change[1] is not None:
                yield change[1]
            change = next(changing, None)
        if change is not None and change[0] == entry.certificate_id:
            if change[1] is not None:
                yield change[1]
            change = next(changing, None)
        else:
            yield entry
    while change is not None:
        if change[1] is not None:
            yield change[1]
        change = next(changing, None)
