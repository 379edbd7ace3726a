"""The inventory as one page that needs nothing else: no script, no server, no network, no other file."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from iot_certificates_cli.inventory import CA
from iot_certificates_cli.selection import STATUSES
from iot_certificates_cli.tally import NO_CA
from iot_certificates_cli.timeline import bars_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from iot_certificates_cli.inventory import Entry
    from iot_certificates_cli.tally import Tally
    from iot_certificates_cli.timeline import Bar

# No script at all, whatever a name says.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_CA_CLASSES = ("c0", "c1", "c2", "c3", "c4", "c5")
_STATUS_CLASSES = {
    "ACTIVE": "s0",
    "INACTIVE": "s1",
    "PENDING_ACTIVATION": "s2",
    "PENDING_TRANSFER": "s3",
    "REVOKED": "s4",
}
_OTHER_CAS = "other CAs"
_CHART_HEIGHT = 240
_PLOT_TOP, _PLOT_BOTTOM = 20, 210
# As many as fit side by side on a telephone.
_LABELS = 5


def page_of(tally: Tally, place: str) -> str:
    """Return the page, as HTML; ``place`` names its account and Region."""
    title = f"AWS IoT certificates of {escape(place)}"
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{title}</title><style>{style}</style></head><body><main>"
        f'<h1>{title}</h1><p class="quiet">As of {tally.now:%Y-%m-%d %H:%M} UTC</p>{_facts(tally)}'
        f"<h2>Certificates that expire next</h2>{_next(tally)}"
        f"<h2>When the device certificates expire</h2>{_timeline(tally)}"
        f"<h2>Device certificates of each CA</h2>{_by_ca(tally)}</main></body></html>\n"
    )


def _facts(tally: Tally) -> str:
    facts = (
        ("cas", len(tally.cas), "CA certificates"),
        ("devices", tally.devices, "device certificates"),
        ("expired", tally.expired, "expired"),
        ("soon", tally.expiring_soon, "expire within 90 days"),
        ("no-stack", tally.without_stack, "in no known stack"),
    )
    items = "".join(f'<li id="{name}"><b>{count:,}</b> {words}</li>' for name, count, words in facts)
    return f'<ul class="facts">{items}</ul>'


def _next(tally: Tally) -> str:
    if not tally.next:
        return '<p id="next">No certificate that is not revoked will expire.</p>'
    rows = "".join(
        _next_row(tally, entry, (expires - tally.now).days, f"{expires:%Y-%m-%d}") for expires, entry in tally.next
    )
    heads = _heads(
        ("expires", ""),
        ("in days", "number"),
        ("kind", ""),
        ("certificate", ""),
        ("CA", ""),
        ("status", ""),
        ("stacks", ""),
    )
    return f'<table id="next"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _next_row(tally: Tally, entry: Entry, days: int, expires: str) -> str:
    kind = "CA" if entry.kind == CA else "device"
    ca = tally.name_of(entry.ca_certificate_id) if entry.ca_certificate_id else ""
    return (
        f"<tr>{_cell('expires', expires)}{_cell('in days', f'{days:,}', 'number')}{_cell('kind', kind)}"
        f"{_cell('certificate', entry.subject or entry.id, 'name certificate')}{_cell('CA', ca, 'name')}"
        f"{_cell('status', entry.status)}{_cell('stacks', ', '.join(entry.stacks), 'name')}</tr>"
    )


def _timeline(tally: Tally) -> str:
    bars, classes = bars_of(tally), _classes_of(_cas(tally))
    highest = max((bar.total for bar in bars), default=0)
    if not highest:
        return '<p id="expiry">No dates of expiry are known.</p>'
    width = 100 / len(bars)
    drawn = "".join(_bar(bar, number * width, width, highest, classes) for number, bar in enumerate(bars))
    labels = "".join(_label(bars, number, width) for number in range(0, len(bars), -(-len(bars) // _LABELS)))
    words = ", ".join(f"{bar.label}: {bar.total:,}" for bar in bars if bar.total)
    seen = (ca for ca in classes if any(bar.counts[ca] for bar in bars))
    legend = _legend((_OTHER_CAS if classes[ca] == "rest" else tally.name_of(ca), classes[ca]) for ca in seen)
    return (
        f'<svg id="expiry" role="img" width="100%" height="{_CHART_HEIGHT}" aria-label="{words}">'
        f'<line class="line" x1="0" x2="100%" y1="{_PLOT_BOTTOM}" y2="{_PLOT_BOTTOM}"/>'
        f'<text x="0" y="12">{highest:,} at most, in one bar</text>{drawn}{labels}</svg>{legend}'
    )


def _bar(bar: Bar, left: float, width: float, highest: int, classes: Mapping[str, str]) -> str:
    """Return one stack; its place across is in per cent, so that it is as wide as the screen allows."""
    parts, bottom = [], float(_PLOT_BOTTOM)
    for ca, name in classes.items():
        height = bar.counts[ca] / highest * (_PLOT_BOTTOM - _PLOT_TOP)
        bottom -= height
        if height:
            place = f'x="{left + width * 0.08:.3f}%" width="{width * 0.84:.3f}%" y="{bottom:.2f}" height="{height:.2f}"'
            parts.append(f'<rect class="{name}" {place}/>')
    today = f'<line class="today" x1="{left:.3f}%" x2="{left:.3f}%" y1="{_PLOT_TOP}" y2="{_PLOT_BOTTOM}"/>'
    return f"<g><title>{bar.label}: {bar.total:,}</title>{''.join(parts)}</g>{today if bar.holds_today else ''}"


def _label(bars: list[Bar], number: int, width: float) -> str:
    middle = (number + 0.5) * width
    anchor = "start" if middle < 10 else "end" if middle > 90 else "middle"
    return f'<text x="{middle:.3f}%" y="{_PLOT_BOTTOM + 18}" text-anchor="{anchor}">{bars[number].label}</text>'


def _by_ca(tally: Tally) -> str:
    statuses, cas = _seen_statuses(tally), _cas(tally)
    most = max((_total(tally, ca) for ca in cas), default=0)
    heads = _heads(
        ("CA", ""), ("status", ""), ("expires", ""), ("stacks", ""), *((status, "number") for status in statuses),
        ("all", "number"), ("", ""),
    )  # fmt: skip
    rows = "".join(_row(tally, ca, statuses, most) for ca in cas)
    legend = _legend((status, _STATUS_CLASSES.get(status, "s5")) for status in statuses)
    return f'{legend}<table id="cas"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _row(tally: Tally, ca: str, statuses: list[str], most: int) -> str:
    entry = tally.cas.get(ca)
    status, stacks = (entry.status, ", ".join(entry.stacks)) if entry is not None else ("", "")
    expires = f"{entry.expires:%Y-%m-%d}" if entry is not None and entry.expires is not None else ""
    numbers = "".join(_cell(each, f"{tally.statuses[ca, each]:,}", "number") for each in statuses)
    return (
        f'<tr id="ca-{escape(ca)}">{_cell("CA", tally.name_of(ca), "name certificate")}{_cell("status", status)}'
        f"{_cell('expires', expires)}{_cell('stacks', stacks, 'name')}{numbers}"
        f"{_cell('all', f'{_total(tally, ca):,}', 'number')}"
        f'<td class="bar">{_shares(tally, ca, statuses, most)}</td></tr>'
    )


def _shares(tally: Tally, ca: str, statuses: list[str], most: int) -> str:
    parts, left = [], 0.0
    for status in statuses:
        width = tally.statuses[ca, status] / most * 100 if most else 0
        name = _STATUS_CLASSES.get(status, "s5")
        if width:
            parts.append(f'<rect class="{name}" x="{left:.3f}%" width="{width:.3f}%" height="100%"/>')
        left += width
    return f'<svg aria-hidden="true" width="100%" height="16">{"".join(parts)}</svg>'


def _heads(*heads: tuple[str, str]) -> str:
    # PENDING_ACTIVATION may be broken where it has its line.
    texts = ((escape(text).replace("_", "_<wbr>"), name) for text, name in heads)
    return "".join(f'<th scope="col" class="{name}">{text}</th>' for text, name in texts)


def _cell(label: str, text: str, name: str = "") -> str:
    """Return a cell; on a narrow screen, where there are no heads, its label stands before it."""
    return f'<td class="{name}" data-label="{escape(label)}">{escape(text)}</td>'


def _legend(names: Iterable[tuple[str, str]]) -> str:
    """Return what each colour means; what shares a colour is named once."""
    box = '<svg aria-hidden="true"><rect class="{}" width="100%" height="100%"/></svg>'
    items = (f"<li>{box.format(name)}{escape(text)}</li>" for text, name in dict.fromkeys(names))
    return f'<ul class="legend">{"".join(items)}</ul>'


def _classes_of(cas: Iterable[str]) -> dict[str, str]:
    """Return a colour for each CA; those with the fewest certificates share one."""
    return {ca: _CA_CLASSES[number] if number < len(_CA_CLASSES) else "rest" for number, ca in enumerate(cas)}


def _total(tally: Tally, ca: str) -> int:
    return sum(count for (under, _), count in tally.statuses.items() if under == ca)


def _cas(tally: Tally) -> list[str]:
    """Return the ids of the CAs, those with the most certificates first, and NO_CA if anything is counted there."""
    counts = dict.fromkeys(tally.cas, 0)
    for (under, _), count in tally.statuses.items():
        counts[under] = counts.get(under, 0) + count
    return sorted(counts, key=lambda ca: (ca == NO_CA, -counts[ca], ca))


def _seen_statuses(tally: Tally) -> list[str]:
    seen = {status for _, status in tally.statuses}
    return [*(status for status in STATUSES if status in seen), *sorted(seen.difference(STATUSES))]
