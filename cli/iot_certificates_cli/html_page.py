"""The inventory as one page that needs nothing else: no server, no network, no other file."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from iot_certificates_cli.formats import STATUS_COLOURS
from iot_certificates_cli.selection import STATUSES
from iot_certificates_cli.tally import NO_CA

if TYPE_CHECKING:
    from iot_certificates_cli.tally import Tally

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 1100px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .3rem .8rem .3rem 0 }
th { border-bottom: 2px solid #cbd2d9 } td { border-bottom: 1px solid #e4e7eb }
td.number, th.number { text-align: right } td.name { overflow-wrap: anywhere }
ul.facts { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .8rem }
ul.facts li { background: #f0f4f8; border-radius: .5rem; padding: .5rem 1rem }
ul.facts b { font-size: 1.4rem; display: block }
"""
_COLOURS = {"green": "#2f855a", "yellow": "#d69e2e", "cyan": "#3182ce", "red": "#c53030"}
_GREY = "#829ab1"
_LONGEST_NAME = 60


def page_of(tally: Tally, place: str) -> str:
    """Return the page, as HTML; ``place`` says what it is about."""
    shown = {name: _shown(name, chart) for name, chart in (("expiry", _timeline(tally)), ("by-ca", _by_ca(tally)))}
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>AWS IoT certificates of {escape(place)}</title><style>{_STYLE}</style>"
        f"<script>{get_plotlyjs()}</script></head><body>"
        f"<h1>AWS IoT certificates of {escape(place)}</h1>"
        f"<p>As of {tally.now:%Y-%m-%d %H:%M} UTC</p>{_facts(tally)}"
        f"<h2>When the device certificates expire</h2>{shown['expiry']}"
        f"<h2>Device certificates of each CA</h2>{shown['by-ca']}{_table(tally)}</body></html>\n"
    )


def _shown(name: str, chart: go.Figure) -> str:
    # The library is in the page once. Without its bar of buttons, which would lie over the charts and link elsewhere.
    return str(chart.to_html(full_html=False, include_plotlyjs=False, div_id=name, config={"displayModeBar": False}))


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


def _timeline(tally: Tally) -> go.Figure:
    figure = go.Figure()
    for ca in _cas(tally):
        months = sorted((month, count) for (under, month), count in tally.months.items() if under == ca)
        figure.add_bar(name=_label(tally, ca), x=[f"{month}-01" for month, _ in months], y=[n for _, n in months])
    figure.update_layout(barmode="stack", template="plotly_white", height=420, bargap=0.1, showlegend=True)
    figure.update_layout(
        legend={"orientation": "h", "y": -0.2, "traceorder": "normal"}, margin={"t": 30, "l": 60, "r": 20}
    )
    figure.update_xaxes(type="date", title="month of expiry")
    figure.update_yaxes(title="certificates", rangemode="tozero")
    # A line and its label of their own: plotly's add_vline cannot place a label on an axis of dates.
    today = f"{tally.now:%Y-%m-%d}"
    figure.add_shape(type="line", x0=today, x1=today, y0=0, y1=1, yref="paper", line={"dash": "dot", "color": _GREY})
    figure.add_annotation(x=today, y=1, yref="paper", text="today", showarrow=False, yanchor="bottom")
    return figure


def _by_ca(tally: Tally) -> go.Figure:
    cas = _cas(tally)
    figure = go.Figure()
    for status in _seen_statuses(tally):
        colour = _COLOURS.get(STATUS_COLOURS.get(status, ""), _GREY)
        counts = [tally.statuses[ca, status] for ca in cas]
        # By position: two CAs of one name would be one bar.
        figure.add_bar(name=status, orientation="h", y=list(range(len(cas))), x=counts, marker_color=colour)
    height = 140 + 34 * max(len(cas), 1)
    figure.update_layout(barmode="stack", template="plotly_white", height=height, margin={"t": 20, "l": 60, "r": 20})
    figure.update_layout(legend={"orientation": "h", "traceorder": "normal"}, showlegend=True)
    names = [_label(tally, ca) for ca in cas]
    figure.update_yaxes(tickvals=list(range(len(cas))), ticktext=names, autorange="reversed", automargin=True)
    figure.update_xaxes(title="certificates", rangemode="tozero")
    return figure


def _table(tally: Tally) -> str:
    statuses = _seen_statuses(tally)
    heads = "".join(f'<th class="number">{status}</th>' for status in statuses)
    rows = "".join(_row(tally, ca, statuses) for ca in _cas(tally))
    return (
        '<table id="cas"><thead><tr><th>CA</th><th>status</th><th>expires</th><th>stacks</th>'
        f'{heads}<th class="number">all</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _row(tally: Tally, ca: str, statuses: list[str]) -> str:
    entry = tally.cas.get(ca)
    counts = [tally.statuses[ca, status] for status in statuses]
    numbers = "".join(f'<td class="number">{count:,}</td>' for count in [*counts, sum(counts)])
    status, stacks = (entry.status, ", ".join(entry.stacks)) if entry is not None else ("", "")
    expires = f"{entry.expires:%Y-%m-%d}" if entry is not None and entry.expires is not None else ""
    return (
        f'<tr id="ca-{escape(ca)}"><td class="name">{escape(tally.name_of(ca))}</td><td>{escape(status)}</td>'
        f"<td>{expires}</td><td>{escape(stacks)}</td>{numbers}</tr>"
    )


def _cas(tally: Tally) -> list[str]:
    """Return the ids of the CAs, those with the most certificates first, and NO_CA if anything is counted there."""
    counts = dict.fromkeys(tally.cas, 0)
    for (under, _), count in tally.statuses.items():
        counts[under] = counts.get(under, 0) + count
    return sorted(counts, key=lambda ca: (ca == NO_CA, -counts[ca], ca))


def _seen_statuses(tally: Tally) -> list[str]:
    seen = {status for _, status in tally.statuses}
    return [*(status for status in STATUSES if status in seen), *sorted(seen.difference(STATUSES))]


def _label(tally: Tally, ca: str) -> str:
    """Return a CA's name for plotly, which takes some markup in texts for what it means."""
    name = tally.name_of(ca)
    return escape(name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…")
