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
    mkdocs = [str(REPOSITORY / ".venv/publishing/bin/python"), "-m", "mkdocs", "build", "--strict"]
    command = [*mkdocs, "--config-file", str(CONFIGURATION)]
    # Not --quiet, with which MkDocs counts no warning, so that nothing is strict.
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    status = built.returncode
    if status != 0:
        sys.stderr.write(built.stdout + built.stderr)
    if status == 0:
        # A page in a folder cannot search: browsers let no file read another one.
        print(f"{len(pages)} pages in {FOLDER / 'html'}. Read and search them at http://127.0.0.1:8000 after:")  # noqa: T201
        print(f"  python3 -m http.server --bind 127.0.0.1 --directory {FOLDER / 'html'}")  # noqa: T201
    return status


if __name__ == "__main__":
    sys.exit(main())
