"""The site is staged so that each link works, and is readable in Chromium at a desk and on a telephone."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from documentation.pages import ROOT
from documentation_site.staging import linked, stage
from scale.chromium import Chromium, find_chromium

BUILT = ROOT / ".site" / "html"
NAVIGATION = (ROOT / "scripts" / "documentation_site" / "mkdocs.yml").read_text(encoding="utf-8")
SCREENS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]


def test_every_page_has_a_place_in_the_navigation(tmp_path: Path) -> None:
    missing = [page.as_posix() for page in stage(ROOT, tmp_path / "pages") if page.as_posix() not in NAVIGATION]
    assert missing == []


def test_what_a_page_links_to_is_brought_along(tmp_path: Path) -> None:
    stage(ROOT, tmp_path / "pages")
    assert (tmp_path / "pages" / "app.py").is_file()
    assert "IotCaCertificate.schema.json" in (tmp_path / "pages" / "docs" / "schema" / "README.md").read_text("utf-8")


def test_links_within_a_block_are_not_links() -> None:
    text = "[a](b.md#c) and\n```md\n[x](y.md)\n```\n[d](../e.py) [f](https://example.com/g) [h](#i)"
    assert linked(Path("docs/page.md"), text) == {PurePosixPath("docs/b.md"), PurePosixPath("e.py")}


def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    for name in ("docs", "examples", "benchmarks"):
        (repository / name).mkdir(parents=True)
    for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"):
        (repository / name).write_text("[gone](docs/gone.md)\n", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match=r"docs/gone\.md"):
        stage(repository, tmp_path / "pages")


@pytest.mark.skipif(find_chromium() is None, reason="no Chromium is installed here: apt-get install chromium")
@pytest.mark.skipif(not BUILT.is_dir(), reason="the site is not built: make docs")
@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_the_site_fits_the_screen_and_asks_no_other_host(width: int, scheme: str) -> None:
    program = find_chromium()
    assert program is not None
    with Chromium(program) as browser:
        for page in ("index.html", "docs/messages.html", "docs/resources/ca-certificate.html"):
            browser.open(BUILT / page, width=width, scheme=scheme)
            assert browser.evaluate("document.scrollingElement.scrollWidth") <= width
            assert [url for url in browser.requests if not url.startswith(("file:", "data:"))] == []
