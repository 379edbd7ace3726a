"""Every link within the repository leads somewhere. Links to elsewhere are not followed."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from documentation.pages import ROOT, anchors, links, pages

PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]


def problem(page: Path, link: str) -> str | None:
    """Say what is wrong with a link, if anything is."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None if parts.scheme == "https" else "leads elsewhere, and not over HTTPS"
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_relative_to(ROOT):
        return "leads out of the repository"
    if not target.exists():
        return "leads to nothing"
    if parts.fragment and (target.suffix != ".md" or parts.fragment not in anchors(target)):
        return "leads to no heading"
    return None


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: Path) -> None:
    wrong = {link: found for link in links(page) if (found := problem(page, link))}
    assert wrong == {}


@pytest.mark.parametrize(
    ("link", "says"),
    [
        ("nowhere.md", "leads to nothing"),
        ("../..", "leads out of the repository"),
        ("README.md#no-such-heading", "leads to no heading"),
        ("LICENSE#license", "leads to no heading"),
        ("http://example.com", "leads elsewhere, and not over HTTPS"),
        ("README.md#try-it", None),
        ("#try-it", None),
        ("docs/", None),
        ("https://example.com/#anything", None),
    ],
)
def test_what_is_wrong_is_noticed(link: str, says: str | None) -> None:
    assert problem(ROOT / "README.md", link) == says


def test_headings_of_one_name_are_told_apart(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# `Code`, and *more*\n\n## Twice\n\n## Twice\n", encoding="utf-8")
    assert anchors(page) == {"code-and-more", "twice", "twice-1"}


@pytest.mark.parametrize("folder", ["docs", "examples", "benchmarks"])
def test_every_page_can_be_reached(folder: str) -> None:
    """From the README or CONTRIBUTING, in a few clicks."""
    reached, new = set[Path](), {ROOT / "README.md", ROOT / "CONTRIBUTING.md"}
    while new:
        reached |= new
        new = {target for page in new for link in links(page) if (target := _page(page, link))} - reached
    assert {page for page in pages() if ROOT / folder in page.parents} <= reached


def _page(page: Path, link: str) -> Path | None:
    parts = urlsplit(link)
    target = (page.parent / unquote(parts.path)).resolve()
    return target if not parts.scheme and target.suffix == ".md" and target.is_file() else None
