"""``make bench``: measure, write the table, and fail when a limit does not hold."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from benchmarks import (
    cold_start,
    fleet,
    growth,
    inventory,
    many_creates,
    report,
    sizes,
    synthesis,
    teardown,
    warm_calls,
)
from benchmarks.machine import busy, described

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

BENCHMARKS = (cold_start, warm_calls, teardown, inventory, sizes, synthesis, many_creates, growth, fleet)
"""In the order of the table."""

_BUSY = 0.5


def main(arguments: Sequence[str]) -> int:
    """Run all benchmarks, or those that are named; return the exit status."""
    names = {_name(module): module for module in BENCHMARKS}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", choices=[*names, []], help="by default all")
    chosen = parser.parse_args(arguments).only or list(names)
    if busy() > _BUSY:
        _say("This machine is busy: the table will be noisy, and limits may not hold that hold on an idle one.")
    titles = [module.TITLE for module in BENCHMARKS]
    sections = []
    for name in chosen:
        section = _measured(names[name])
        sections.append(section)
        report.write({section.title: section.written(described())}, titles)
    return _summed_up(sections)


def _measured(module: ModuleType) -> report.Section:
    started = time.monotonic()
    name = _name(module)
    section: report.Section = module.run(lambda told: _say(f"{name}: {told}"))
    _say(f"{name}: done in {time.monotonic() - started:.0f} s")
    return section


def _summed_up(sections: Sequence[report.Section]) -> int:
    rows = [(section.title, row) for section in sections for row in section.rows]
    broken = [f"{title}: {row.what}" for title, row in rows if not row.holds]
    _say(f"Written to {report.RESULTS}.")
    for line in broken:
        _say(f"Above its limit: {line}")
    return 1 if broken else 0


def _name(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
