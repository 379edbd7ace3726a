"""The inventory's page in Chromium: at a desk and on a telephone, in the light and in the dark scheme."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from cli.test_html_page import HOSTILE, PLACE, make_tally
from iot_certificates_cli.html_page import page_of
from scale.chromium import Chromium, find_chromium

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCREENS = [(width, scheme) for width in (1200, 390) for scheme in ("light", "dark")]
# WCAG 2.2, success criterion 1.4.3.
LEAST_CONTRAST = 4.5
CONTRASTS = """
(() => {
  const channel = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = colour => {
    const [red, green, blue] = colour.match(/[0-9.]+/g).map(Number).map(channel);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = element => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return getComputedStyle(document.documentElement).backgroundColor;
  };
  return [...document.querySelectorAll("h1, h2, p, li, th, td, svg text")].filter(e => e.textContent).map(element => {
    const style = getComputedStyle(element);
    const colours = [light(element.tagName === "text" ? style.fill : style.color), light(behind(element))];
    return (Math.max(...colours) + 0.05) / (Math.min(...colours) + 0.05);
  });
})()
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium is installed here: apt-get install chromium")
    with Chromium(program) as browser:
        yield browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text(page_of(make_tally(), PLACE), encoding="utf-8")
    return file


@pytest.fixture(params=SCREENS, ids=lambda screen: "-".join(map(str, screen)))
def shown(request: pytest.FixtureRequest, browser: Chromium, page: Path) -> Chromium:
    width, scheme = request.param
    browser.open(page, width=width, scheme=scheme)
    return browser


def test_asks_for_nothing_and_complains_of_nothing(shown: Chromium, page: Path) -> None:
    assert shown.requests == [page.as_uri()]
    assert shown.complaints == []


def test_scrolls_downwards_only(shown: Chromium) -> None:
    width = shown.width  # not innerWidth: a telephone zooms out for what is too wide
    assert shown.evaluate("innerWidth") == width
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    rights = shown.evaluate(
        "[...document.querySelectorAll('td, li, svg, h1')].map(e => e.getBoundingClientRect().right)"
    )
    assert max(rights) <= width


def test_can_be_read(shown: Chromium) -> None:
    contrasts = shown.evaluate(CONTRASTS)
    assert len(contrasts) > 50
    assert min(contrasts) >= LEAST_CONTRAST


def test_names_are_shown_as_they_are(shown: Chromium) -> None:
    names = shown.evaluate("[...document.querySelectorAll('#cas td[data-label=CA]')].map(e => e.textContent)")
    assert HOSTILE in names
    assert shown.evaluate("document.scripts.length") == 0


def test_the_charts_are_drawn(shown: Chromium) -> None:
    """Their widths are shares of the screen's, their heights of the highest bar."""
    boxes = (
        "[...document.querySelectorAll('{} rect')].map(e => e.getBoundingClientRect()).map(r => [r.width, r.height])"
    )
    bars = shown.evaluate(boxes.format("#expiry"))
    assert sorted(round(height) for _, height in bars) == [63, 63, 190]
    assert all(width > 8 for width, _ in bars)
    assert len(shown.evaluate(boxes.format("#cas .bar"))) == 4
    texts = shown.evaluate(
        "[...document.querySelectorAll('#expiry text')].map(e => e.getBoundingClientRect().toJSON())"
    )
    labels = [each for each in texts if each["top"] > texts[0]["top"] + 50]
    assert all(left["right"] <= right["left"] for left, right in pairwise(labels))


def test_short_words_are_in_one_line(shown: Chromium) -> None:
    """A date, a status or a number is not broken, whatever room the names want."""
    lines = shown.evaluate(
        """[...document.querySelectorAll("td:not(.name):not(.bar)")].filter(e => e.textContent).map(element => {
          const range = document.createRange();
          range.selectNodeContents(element);
          return range.getClientRects().length;
        })"""
    )
    assert len(lines) > 20
    assert {*lines} == {1}


@pytest.mark.parametrize("width", [1200, 390])
def test_each_scheme_has_colours_of_its_own(browser: Chromium, page: Path, width: int) -> None:
    backgrounds = {}
    for scheme in ("light", "dark"):
        browser.open(page, width=width, scheme=scheme)
        backgrounds[scheme] = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert backgrounds == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}


def test_a_telephone_names_each_cell(browser: Chromium, page: Path) -> None:
    browser.open(page, width=390, scheme="light")
    # Chromium leaves attr() as it is written; the head of the table itself is out of sight.
    before = browser.evaluate("getComputedStyle(document.querySelector('#next td'), '::before').content")
    assert before in {'attr(data-label) ": "', '"expires" ": "', '"expires: "'}
    assert browser.evaluate("document.querySelector('#next thead').getBoundingClientRect().height") == 0
