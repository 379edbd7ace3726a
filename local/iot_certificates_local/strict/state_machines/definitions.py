"""State machines that MiniStack would run otherwise than AWS: their definitions are refused, not run.

MiniStack ignores these fields without a word, so that a test passes for a machine that AWS runs in another way. Each
names the page of the Step Functions developer guide that says what AWS does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Fields = dict[str, Any]

_MAP = "Using Map state in Distributed mode"
_ERRORS = "Handling errors in Step Functions workflows"
_TASK = "Task workflow state"
_STRUCTURE = "State machine structure in Amazon States Language"


@dataclass(frozen=True)
class Ignored:
    """``what`` is ignored where ``found`` is true; ``source``: the page of the developer guide that has it."""

    what: str
    source: str
    found: Callable[[Fields], bool]


def _has(name: str, source: str) -> Ignored:
    return Ignored(name, source, lambda fields: name in fields)


OF_MACHINES = (_has("TimeoutSeconds", _STRUCTURE),)
OF_TASKS = (_has("HeartbeatSeconds", _TASK), _has("HeartbeatSecondsPath", _TASK), _has("TimeoutSecondsPath", _TASK))
OF_RETRIERS = (
    _has("MaxDelaySeconds", _ERRORS),
    Ignored("JitterStrategy FULL", _ERRORS, lambda retrier: retrier.get("JitterStrategy", "NONE") != "NONE"),
)
OF_MAPS = (_has("MaxConcurrencyPath", _MAP),)
OF_DISTRIBUTED_MAPS = (
    _has("ItemBatcher", "ItemBatcher (Map)"),
    _has("ResultWriter", "ResultWriter (Map)"),
    _has("ToleratedFailureCountPath", _MAP),
    _has("ToleratedFailurePercentagePath", _MAP),
    Ignored(
        "InputType MANIFEST",
        "ItemReader (Map)",
        lambda fields: fields.get("ItemReader", {}).get("ReaderConfig", {}).get("InputType") == "MANIFEST",
    ),
)
JSONATA = "QueryLanguage JSONata of a Distributed Map"


def ignored_in(definition: str) -> list[str]:
    """Return what MiniStack would ignore, each as a sentence; nothing for a text that is no definition at all."""
    try:
        machine = json.loads(definition)
    except ValueError:
        return []
    if not isinstance(machine, dict):
        return []
    return [*_sentences("The state machine", OF_MACHINES, machine), *_in_states(machine, machine)]


def refusal(definition: str) -> str | None:
    """Return why the embedded AWS does not take a definition; None where it does."""
    sentences = ignored_in(definition)
    if not sentences:
        return None
    fix = "The embedded AWS would ignore this, and AWS would not. Remove it, or try this machine on AWS."
    return f"{' '.join(sentences)} {fix}"


def _in_states(branch: Fields, machine: Fields) -> Iterator[str]:
    for name, state in branch.get("States", {}).items():
        yield from _in_state(f"State '{name}'", state, machine)
        processor = state.get("ItemProcessor") or state.get("Iterator") or {}
        for inner in [processor, *state.get("Branches", [])]:
            yield from _in_states(inner, machine)


def _in_state(where: str, state: Fields, machine: Fields) -> Iterator[str]:
    if state.get("Type") == "Task":
        yield from _sentences(where, OF_TASKS, state)
    for retrier in state.get("Retry", []):
        yield from _sentences(where, OF_RETRIERS, retrier)
    if state.get("Type") != "Map":
        return
    yield from _sentences(where, OF_MAPS, state)
    if is_distributed(state):
        yield from _sentences(where, OF_DISTRIBUTED_MAPS, state)
        if "JSONata" in (state.get("QueryLanguage"), machine.get("QueryLanguage")):
            yield f"{where} has {JSONATA} (developer guide, '{_MAP}')."


def is_distributed(state: Fields) -> bool:
    """Return whether a Map state runs each item as an execution of its own."""
    processor = state.get("ItemProcessor") or state.get("Iterator") or {}
    return bool((processor.get("ProcessorConfig") or {}).get("Mode") == "DISTRIBUTED")


def _sentences(where: str, rules: tuple[Ignored, ...], fields: Fields) -> Iterator[str]:
    for rule in rules:
        if rule.found(fields):
            yield f"{where} has {rule.what} (developer guide, '{rule.source}')."
