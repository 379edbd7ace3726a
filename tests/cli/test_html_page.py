"""The page of the inventory, read as a browser does: what its tables and charts say, and that it needs nothing else."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from iot_certificates_cli.html_page import page_of
from iot_certificates_cli.inventory import CA, DEVICE, Entry
from iot_certificates_cli.known_certificates import Said
from iot_certificates_cli.tally import NEXT, Tally
from iot_certificates_cli.timeline import bars_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.conftest import Account, Ran

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PLACE = "account 123456789012, Region eu-central-1"
HOSTILE = "CN=</script><script>alert(1)</script><b>&amp;"


class Page(HTMLParser):
    """The elements of a page: tables by id as rows of cells, texts by id, attributes, and whatever it would load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.text: dict[str, str] = {}
        self.tables: dict[str, list[list[str]]] = {}
        self.tags: list[str] = []
        self.given: list[dict[str, str | None]] = []
        self._open: list[str] = []
        self._id = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.given.append(given)
        self.loaded += [str(given[name]) for name in ("src", "href", "xlink:href") if name in given]
        self._id = given.get("id") or self._id
        if tag == "table":
            self.rows = self.tables.setdefault(self._id, [])
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in ("meta", "rect", "line", "wbr"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        if inside in ("td", "th"):
            self.rows[-1][-1] += data
        else:
            self.text[self._id] = self.text.get(self._id, "") + data

    def bars(self) -> dict[str, int]:
        """Return the bars of the timeline by their labels."""
        (words,) = (given["aria-label"] for given in self.given if given.get("id") == "expiry")
        return {label: int(number) for label, number in re.findall(r"([\w-]+): (\d+)", words or "")}


def _entry(kind: str, id: str, subject: str, expires: datetime, **more: object) -> Entry:  # noqa: A002
    said = Said(subject, NOW - timedelta(days=400), expires)
    status = more.pop("status", "ACTIVE")
    return Entry(kind, id, f"arn:{id}", status, NOW, said, **more)  # type: ignore[arg-type]


def make_tally() -> Tally:
    """Return the counts of two CAs, one with a hostile name, and of seven device certificates."""
    tally = Tally(NOW)
    tally.count(_entry(CA, "a1", "CN=Factory CA", datetime(2030, 1, 2, tzinfo=UTC), stacks=("factory",)))
    tally.count(_entry(CA, "b2", HOSTILE, datetime(2026, 7, 1, tzinfo=UTC)))
    for day, status in ((3, "ACTIVE"), (28, "ACTIVE"), (30, "PENDING_ACTIVATION")):
        device = _entry(DEVICE, f"d{day}", "CN=pump", datetime(2026, 6, day, tzinfo=UTC), status=status)
        tally.count(Entry(**{**vars(device), "ca_certificate_id": "a1"}))
    tally.count(Entry(**{**vars(_entry(DEVICE, "e", "CN=x", NOW - timedelta(days=1))), "ca_certificate_id": "b2"}))
    tally.count(_entry(DEVICE, "f", "CN=alone", datetime(2027, 1, 1, tzinfo=UTC), status="REVOKED"))
    return tally


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(page_of(make_tally(), PLACE))


def test_needs_nothing_else(page: Page) -> None:
    assert page.loaded == []
    assert not {"link", "img", "iframe", "script", "object"} & {*page.tags}
    assert len(page_of(make_tally(), PLACE)) < 20_000


def test_is_of_an_account_and_fits_the_screen(page: Page) -> None:
    metas = {given.get("name") or given.get("http-equiv"): given.get("content") for given in page.given}
    assert metas["viewport"] == "width=device-width, initial-scale=1"
    assert metas["color-scheme"] == "light dark"
    assert metas["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert PLACE in page.text[""]


def test_counts(page: Page) -> None:
    facts = {name: page.text[name].split()[0] for name in ("cas", "devices", "expired", "soon", "no-stack")}
    assert facts == {"cas": "2", "devices": "5", "expired": "1", "soon": "4", "no-stack": "6"}


def test_tells_what_expires_next_and_cas_among_it(page: Page) -> None:
    assert page.tables["next"] == [
        ["expires", "in days", "kind", "certificate", "CA", "status", "stacks"],
        ["2026-06-03", "2", "device", "CN=pump", "CN=Factory CA", "ACTIVE", ""],
        ["2026-06-28", "27", "device", "CN=pump", "CN=Factory CA", "ACTIVE", ""],
        ["2026-06-30", "29", "device", "CN=pump", "CN=Factory CA", "PENDING_ACTIVATION", ""],
        ["2026-07-01", "30", "CA", HOSTILE, "", "ACTIVE", ""],
        ["2030-01-02", "1,311", "CA", "CN=Factory CA", "", "ACTIVE", "factory"],
    ]


def test_keeps_no_more_than_the_first_that_expire() -> None:
    tally = Tally(NOW)
    for day in range(200, 0, -1):
        tally.count(_entry(DEVICE, f"d{day}", "CN=pump", NOW + timedelta(days=day)))
    assert [(expires - NOW).days for expires, _ in tally.next] == [*range(1, NEXT + 1)]


def test_the_table_has_the_counts_of_each_ca(page: Page) -> None:
    assert page.tables["cas"] == [
        ["CA", "status", "expires", "stacks", "ACTIVE", "PENDING_ACTIVATION", "REVOKED", "all", ""],
        ["CN=Factory CA", "ACTIVE", "2030-01-02", "factory", "2", "1", "0", "3", ""],
        [HOSTILE, "ACTIVE", "2026-07-01", "", "1", "0", "0", "1", ""],
        ["no CA", "", "", "", "0", "0", "1", "1", ""],
    ]


def test_the_timeline_has_the_months(page: Page) -> None:
    assert page.bars() == {"2026-05": 1, "2026-06": 3, "2027-01": 1}


@pytest.mark.parametrize(
    ("expires", "bars"),
    [
        ([NOW], {"2026-06": 1}),
        ([datetime(2029, 4, 1, tzinfo=UTC)], {"2029-04": 1}),
        ([datetime(2029, 6, 1, tzinfo=UTC)], {"2029": 1}),
        ([datetime(9999, 12, 31, tzinfo=UTC), datetime(2056, 1, 1, tzinfo=UTC)], {"2056": 1, "later": 1}),
        ([datetime(1990, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)], {"earlier": 1, "2021": 1}),
    ],
)
def test_the_timeline_has_years_where_months_are_too_many(expires: list[datetime], bars: dict[str, int]) -> None:
    tally = Tally(NOW)
    for number, date in enumerate(expires):
        tally.count(_entry(DEVICE, f"d{number}", "CN=pump", date))
    found = bars_of(tally)
    assert {bar.label: bar.total for bar in found if bar.total} == bars
    assert len(found) <= 38
    assert sum(bar.holds_today for bar in found) == 1


def test_a_name_is_text_and_never_markup(page: Page) -> None:
    assert "b" in page.tags  # of the facts
    assert "alert(1)" not in page.text.values()
    # Escaped once: a reader of HTML has the name as it is.
    assert [row[0] for row in page.tables["cas"]].count(HOSTILE) == 1
    assert HOSTILE in page.text["expiry"]


@pytest.mark.emulator
def test_the_command_writes_it(account: Account, run: Callable[..., Ran], tmp_path: Path) -> None:
    account.register_ca("Factory CA")
    account.register("pump", "Factory CA")
    file = tmp_path / "page.html"
    assert run("inventory", "--html", str(file)).status == 0
    page = Page(file.read_text())
    assert page.tables["cas"][1] == ["CN=Factory CA", "ACTIVE", "2120-01-01", "", "1", "1", ""]
    assert f"account {account.id}, Region eu-central-1" in page.text[""]
    ran = run("inventory", "--html", str(tmp_path / "no-folder" / "page.html"))
    assert (ran.status, "page.html could not be written: No such file or directory" in ran.err) == (1, True)


def test_an_empty_account_has_a_page_too() -> None:
    page = Page(page_of(Tally(NOW), PLACE))
    assert len(page.tables["cas"]) == 1
    assert "next" in page.text
