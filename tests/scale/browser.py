"""``make browser``: the inventory's page of a few hundred certificates in a real browser, as a picture to look at."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scale.measuring import run_inventory
from scale.population import populate, unhurried_aws

FOLDER = Path(".browser")
CERTIFICATES = 400
_NAMES = ("chromium", "chromium-browser", "google-chrome")
# Nothing but the page: no profile, and no calls home.
_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip


def main() -> None:
    """Write the page and its picture into a folder that git ignores."""
    browser = next(filter(None, map(shutil.which, _NAMES)), None)
    if browser is None:
        sys.exit("No Chromium was found. On Debian and Ubuntu: apt-get install chromium")
    FOLDER.mkdir(exist_ok=True)
    page, picture = (FOLDER.resolve() / name for name in ("inventory.html", "inventory.png"))
    with unhurried_aws() as aws:
        populate(aws.session().client("iot"), CERTIFICATES)
        environment = {**aws.environment(), "XDG_CACHE_HOME": str(aws.folder / "cache")}
        run_inventory(environment, aws.folder, "--html", str(page))
    picture.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        options = [f"--user-data-dir={profile}", "--window-size=1200,1600", "--virtual-time-budget=5000"]
        command = [browser, *_QUIET, *options, f"--screenshot={picture}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    if not picture.exists():
        sys.exit("Chromium made no picture of the page")
    print(f"{page}\n{picture}")


if __name__ == "__main__":
    main()
