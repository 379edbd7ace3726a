"""The console script ``iot-certificates``; ``python -m iot_certificates_cli`` is the same."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    try:
        from iot_certificates_cli.application import main as run  # noqa: PLC0415 - the extra may not be installed
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("iot_certificate"):
            raise
        sys.exit(
            f"Error: the command needs the extra 'cli' ({error}). Install with [cli] what was installed: "
            "pip install '<path of the wheel or the clone, or cdk-iot-certificates>[cli]'"
        )
    run()


if __name__ == "__main__":
    main()
