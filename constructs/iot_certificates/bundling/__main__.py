"""``python -m iot_certificates.bundling``: build the function's asset, and print its path and size."""

from __future__ import annotations

import argparse
import sys

from iot_certificates.bundling import DEFAULT_TARGET, BundlingError, Target, bundle


def main() -> int:
    """Build the asset for the runtime and the processor that the command line names; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m iot_certificates.bundling", description=__doc__)
    parser.add_argument("--runtime", default=DEFAULT_TARGET.runtime, help="runtime, as Lambda names it (%(default)s)")
    parser.add_argument("--architecture", default=DEFAULT_TARGET.architecture, help="arm64 or x86_64 (%(default)s)")
    parser.add_argument("--here", action="store_true", help="build for this machine, as the embedded AWS runs it")
    arguments = parser.parse_args()
    try:
        target = Target.here() if arguments.here else Target(arguments.runtime, arguments.architecture)
        built = bundle(target)
    except (BundlingError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    size = built.path.stat().st_size
    sys.stdout.write(f"{built.path}\n{size / 1e6:.2f} MB ({size:,} bytes) for {target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
