"""What two manifests, or one, come to: counts only, whatever their size."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iot_certificates_cli.fleet.difference import Effective, Kind
from iot_certificates_cli.fleet.estimate import Work

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iot_certificates_cli.fleet.difference import Different
    from iot_certificates_cli.fleet.stored import StoredManifest


@dataclass(frozen=True)
class DifferenceTally:
    """The work of an update; ``unchanged``: certificates that stay as they are. ``shards``: those of the new one."""

    work: Work
    unchanged: int
    shards: int


def of_difference(differences: Iterable[Different], old: StoredManifest, new: StoredManifest) -> DifferenceTally:
    """Count the differences of two manifests."""
    kinds: Counter[Kind] = Counter()
    shards: set[str] = set()
    policies = things = 0
    for each in differences:
        kinds[each.kind] += 1
        if each.kind is Kind.UNCHANGED:
            continue
        shards.add(each.partition)
        effective = Effective.of(each.line, (old if each.kind is Kind.REMOVE else new).manifest.defaults)
        policies += len(effective.policy_names)
        things += effective.thing_name is not None
    register, change = kinds[Kind.REGISTER], kinds[Kind.CHANGE]
    has_other_shards = old.manifest.bits != new.manifest.bits or old.manifest.defaults != new.manifest.defaults
    # Where they are cut in another way, or have other defaults, the run looks at each of them.
    worked_on = max(len(shards), len(new.manifest.partitions)) if has_other_shards else len(shards)
    work = Work(register, change, kinds[Kind.REMOVE], worked_on, policies, things)
    return DifferenceTally(work, new.manifest.count - register - change, len(new.manifest.partitions))


def of_manifest(new: StoredManifest) -> DifferenceTally:
    """Count the lines of a manifest, all of which are to be registered."""
    policies = things = 0
    for line in new.all_lines():
        effective = Effective.of(line, new.manifest.defaults)
        policies += len(effective.policy_names)
        things += effective.thing_name is not None
    shards = len(new.manifest.partitions)
    return DifferenceTally(Work(new.manifest.count, 0, 0, shards, policies, things), 0, shards)
