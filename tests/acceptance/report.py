"""What a run shows: a line while it plays, and the table at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from acceptance.step import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acceptance.runner import Outcome
    from acceptance.state import State
    from acceptance.step import Step

_COLOURS = {Kind.HOLDS: "green", Kind.DIFFERS: "bold red", Kind.NOT_TRIED: "dim"}
_WIDTH = 160


def console() -> Console:
    """Return the console; where there is no terminal to measure, wide enough for the table."""
    # Of an ARN ":secret:" would be an emoji.
    found = Console(highlight=False, emoji=False)
    return found if found.is_terminal else Console(highlight=False, emoji=False, width=_WIDTH)


def table(steps: Sequence[Step], state: State) -> Table:
    """Return the table: step, assumption, verdict, seconds."""
    found = Table(title="Acceptance")
    for name, style in (("step", ""), ("assumption", ""), ("verdict", ""), ("seconds", "")):
        found.add_column(name, style=style, justify="right" if name == "seconds" else "left")
    for step in steps:
        finished = state.finished.get(step.name)
        if finished is None:
            found.add_row(step.name, step.assumption, "[dim]not reached[/dim]", "")
            continue
        said = escape("; ".join(finished.verdict.said))
        verdict = f"[{_COLOURS[finished.verdict.kind]}]{finished.verdict.kind}[/]" + (f": {said}" if said else "")
        found.add_row(step.name, step.assumption, verdict, f"{finished.seconds:.1f}")
    return found


def advice(steps: Sequence[Step], state: State) -> list[str]:
    """Return, for each assumption that is false, what relies on it and what to change."""
    lines = []
    for step in steps:
        finished = state.finished.get(step.name)
        if finished is None or finished.verdict.kind is not Kind.DIFFERS:
            continue
        lines.append(f"Step {step.name} differs: {'; '.join(finished.verdict.said)}")
        lines += [f"  {each.place} relies on it: {each.why}" for each in step.relies_on]
        lines.append(f"  {step.if_false}")
    return lines


def ending(outcome: Outcome, command: str) -> list[str]:
    """Return what is to be said after the table."""
    lines = []
    if outcome.ended_by:
        lines.append(f"{outcome.ended_by}. Continue, and remove what is left, with: {command}")
    if outcome.left:
        lines.append(f"Not removed: {'; '.join(outcome.left)}. Try again with: {command}")
    lines += [f"Not settled, {text}" for text in outcome.broken]
    if outcome.unlike:
        lines.append(f"{len(outcome.unlike)} answers are not the recorded ones:")
        lines += outcome.unlike
    return lines
