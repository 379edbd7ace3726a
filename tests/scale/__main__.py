"""``make scale``: the inventory of many certificates, beside the bare listing of them, and its page."""

from __future__ import annotations

import sys
import time

from scale.measuring import Measured, run_inventory, time_of_bare_listing
from scale.population import populate, unhurried_aws

RUNS = (
    ("lists alone (--no-expiry --no-attachments)", ("--no-expiry", "--no-attachments")),
    ("expiry, nothing known yet (--no-attachments)", ("--no-attachments",)),
    ("expiry, all known (--no-attachments)", ("--no-attachments",)),
    ("everything, all known", ()),
)


def main(certificates: int) -> None:
    """Register, measure, and print a table."""
    with unhurried_aws() as aws:
        session, folder = aws.session(), aws.folder
        environment = {**aws.environment(), "XDG_CACHE_HOME": str(folder / "cache")}
        empty = run_inventory(environment, folder, "--region", "eu-west-3")
        started = time.monotonic()
        populate(session.client("iot"), certificates)
        print(f"Registered {certificates:,} certificates in {time.monotonic() - started:.0f} s.\n")
        bare = time_of_bare_listing(session.client("iot"))
        print(f"{'':48}{'calls':>8}{'per cert.':>11}{'seconds':>9}{'bare listing x':>16}{'peak MiB':>10}")
        _print("an empty account", empty, 0, bare)
        for what, arguments in RUNS:
            _print(what, run_inventory(environment, folder, *arguments), certificates, bare)
        print(f"\nThe bare listing took {bare:.2f} s; memory is that of the whole process, its libraries included.")


def _print(what: str, run: Measured, certificates: int, bare: float) -> None:
    each = f"{run.calls / certificates:.3f}" if certificates else ""
    print(f"{what:48}{run.calls:>8,}{each:>11}{run.seconds:>9.1f}{run.seconds / bare:>16.1f}{run.mebibytes:>10.1f}")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
