"""``make docs``: build the site into ``.site/html``; a link that leads nowhere, and a page without a place, fail it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from documentation_site.staging import stage

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / ".site"
CONFIGURATION = Path(__file__).with_name("mkdocs.yml")


def main() -> int:
    """Stage the pages and build them in strict mode; return MkDocs' exit status."""
    pages = stage(REPOSITORY, FOLDER / "pages")
    mkdocs = [str(REPOSITORY / ".venv/docs/bin/python"), "-m", "mkdocs", "build", "--strict", "--quiet"]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    status = subprocess.run([*mkdocs, "--config-file", str(CONFIGURATION)], env=environment, check=False).returncode
    if status == 0:
        print(f"{len(pages)} pages. Open {FOLDER / 'html' / 'index.html'}")  # noqa: T201
    return status


if __name__ == "__main__":
    sys.exit(main())
