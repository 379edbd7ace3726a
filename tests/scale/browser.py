"""``make browser``: the inventory's page of a few hundred certificates in a real browser, as pictures to look at."""

from __future__ import annotations

import sys
from pathlib import Path

from scale.chromium import Chromium, find_chromium
from scale.measuring import run_inventory
from scale.population import populate, unhurried_aws

FOLDER = Path(".browser")
PICTURE = Path("docs", "images", "inventory.png")
"""The README's: as at a desk, in the light scheme."""
CERTIFICATES = 400


def main() -> None:
    """Write the page and its pictures, as a desk and a telephone show them, into a folder that git ignores."""
    program = find_chromium()
    if program is None:
        sys.exit("No Chromium was found. On Debian and Ubuntu: apt-get install chromium")
    FOLDER.mkdir(exist_ok=True)
    page = FOLDER.resolve() / "inventory.html"
    with unhurried_aws() as aws:
        populate(aws.session().client("iot"), CERTIFICATES)
        environment = {**aws.environment(), "XDG_CACHE_HOME": str(aws.folder / "cache")}
        run_inventory(environment, aws.folder, "--html", str(page))
    print(page)
    with Chromium(program) as browser:
        for width in (1200, 390):
            for scheme in ("light", "dark"):
                browser.open(page, width=width, scheme=scheme)
                picture = page.with_name(f"inventory-{width}-{scheme}.png")
                picture.write_bytes(browser.picture())
                print(picture)
    PICTURE.write_bytes((FOLDER / "inventory-1200-light.png").read_bytes())


if __name__ == "__main__":
    main()
