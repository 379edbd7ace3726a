"""The page of the inventory, read as a browser does: what its tables and charts say, and that it needs nothing else."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificates_cli.html_page import page_of
from iot_certificates_cli.inventory import CA, DEVICE, Entry
from iot_certificates_cli.known_certificates import Said
from iot_certificates_cli.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.conftest import Account, Ran

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOSTILE = "CN=</script><script>alert(1)</script><b>&amp;"


class Page(HTMLParser):
    """The elements of a page: tables by id as rows of cells, texts by id, scripts, and whatever it would load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.scripts: list[str] = []
        self.text: dict[str, str] = {}
        self.rows: list[list[str]] = []
        self.tags: list[str] = []
        self._open: list[str] = []
        self._id = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.loaded += [str(given[name]) for name in ("src", "href") if name in given]
        self._id = given.get("id") or self._id
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "script":
            self.scripts.append("")
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        if inside == "script":
            self.scripts[-1] += data
        elif inside in ("td", "th"):
            self.rows[-1][-1] += data
        else:
            self.text[self._id] = self.text.get(self._id, "") + data

    def chart(self, name: str) -> list[dict[str, Any]]:
        """Return the traces that a chart is drawn from."""
        (script,) = (each for each in self.scripts if re.search(rf'Plotly\.newPlot\(\s*"{name}"', each))
        start = script.index("[", script.index(f'"{name}"', script.index("newPlot")))
        traces: list[dict[str, Any]] = json.JSONDecoder().raw_decode(script[start:])[0]
        return traces


def _entry(kind: str, id: str, subject: str, expires: datetime, **more: object) -> Entry:  # noqa: A002
    said = Said(subject, NOW - timedelta(days=400), expires)
    status = more.pop("status", "ACTIVE")
    return Entry(kind, id, f"arn:{id}", status, NOW, said, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def page() -> Page:
    tally = Tally(NOW)
    tally.count(_entry(CA, "a1", "CN=Factory CA", datetime(2030, 1, 2, tzinfo=UTC), stacks=("factory",)))
    tally.count(_entry(CA, "b2", HOSTILE, datetime(2026, 7, 1, tzinfo=UTC)))
    for day, status in ((3, "ACTIVE"), (28, "ACTIVE"), (30, "PENDING_ACTIVATION")):
        device = _entry(DEVICE, f"d{day}", "CN=pump", datetime(2026, 6, day, tzinfo=UTC), status=status)
        tally.count(Entry(**{**vars(device), "ca_certificate_id": "a1"}))
    tally.count(Entry(**{**vars(_entry(DEVICE, "e", "CN=x", NOW - timedelta(days=1))), "ca_certificate_id": "b2"}))
    tally.count(_entry(DEVICE, "f", "CN=alone", datetime(2027, 1, 1, tzinfo=UTC), status="REVOKED"))
    return Page(page_of(tally, "eu-central-1"))


def test_needs_nothing_else(page: Page) -> None:
    assert page.loaded == []
    assert not {"link", "img", "iframe"} & {*page.tags}
    assert any("plotly.js v" in script for script in page.scripts)


def test_counts(page: Page) -> None:
    facts = {name: page.text[name].split()[0] for name in ("cas", "devices", "expired", "soon", "no-stack")}
    assert facts == {"cas": "2", "devices": "5", "expired": "1", "soon": "4", "no-stack": "6"}


def test_the_table_has_the_counts_of_each_ca(page: Page) -> None:
    assert page.rows == [
        ["CA", "status", "expires", "stacks", "ACTIVE", "PENDING_ACTIVATION", "REVOKED", "all"],
        ["CN=Factory CA", "ACTIVE", "2030-01-02", "factory", "2", "1", "0", "3"],
        [HOSTILE, "ACTIVE", "2026-07-01", "", "1", "0", "0", "1"],
        ["no CA", "", "", "", "0", "0", "1", "1"],
    ]


def test_the_timeline_has_the_months_of_each_ca(page: Page) -> None:
    drawn = {trace["name"]: (trace["x"], trace["y"]) for trace in page.chart("expiry")}
    assert drawn["CN=Factory CA"] == (["2026-06-01"], [3])
    assert drawn["no CA"] == (["2027-01-01"], [1])
    assert [trace["name"] for trace in page.chart("by-ca")] == ["ACTIVE", "PENDING_ACTIVATION", "REVOKED"]
    assert page.chart("by-ca")[0]["x"] == [2, 1, 0]


def test_a_name_is_text_and_never_markup(page: Page) -> None:
    # The library, and a script for each of the two charts, which plotly puts into a pair of elements.
    assert not any(script.lstrip().startswith("alert") for script in page.scripts)
    assert "alert(1)" not in page.text.values()
    hostile = page.chart("expiry")[1]["name"]
    assert hostile == "CN=&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;b&gt;&amp;amp;"


@pytest.mark.emulator
@pytest.mark.xdist_group("emulator")
def test_the_command_writes_it(account: Account, run: Callable[..., Ran], tmp_path: Path) -> None:
    account.register_ca("Factory CA")
    account.register("pump", "Factory CA")
    file = tmp_path / "page.html"
    assert run("inventory", "--html", str(file)).status == 0
    assert Page(file.read_text()).rows[1] == ["CN=Factory CA", "ACTIVE", "2120-01-01", "", "1", "1"]
    ran = run("inventory", "--html", str(tmp_path / "no-folder" / "page.html"))
    assert (ran.status, "page.html could not be written: No such file or directory" in ran.err) == (1, True)


def test_an_empty_account_has_a_page_too() -> None:
    assert len(Page(page_of(Tally(NOW), "eu-central-1")).rows) == 1
