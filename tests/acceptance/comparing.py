"""Whether two answers to one question are the same, as far as the code can see; where not, both are shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from acceptance.disguise import PLACEHOLDER
from iot_certificate_provider.aws.error_mapping import map_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from acceptance.recording import Asked, Call, Recording

NOT_SHOWN: Mapping[str, str] = {
    "certificateDescription.validity": "MiniStack has none, and nothing reads it",
    "certificateDescription.customerVersion": "nothing reads it",
    "certificateDescription.generationId": "nothing reads it",
    "certificateDescription.ownedBy": "MiniStack has none for a CA certificate, and nothing reads it there",
}
"""Members that an answer may lack, with the reason."""


def differences(recorded: Recording, fresh: Recording) -> list[str]:
    """Return how a step's fresh answers differ from the recorded ones, each with both side by side.

    Where a stand-in plays a part of what AWS was asked, that part is compared.
    """
    found = []
    is_part = recorded.is_of_aws and not fresh.is_of_aws and fresh.is_in_part
    if is_part:
        pairs = list(_recorded_for(fresh.calls, recorded.calls))
    else:
        pairs = list(zip(recorded.calls, fresh.calls, strict=False))
        counts = len(recorded.calls), len(fresh.calls)
        if counts[0] != counts[1]:
            found.append(f"step {fresh.step}: {counts[0]} questions were recorded, {counts[1]} are asked")
    for number, (one, other) in enumerate(pairs, 1):
        found += [
            f"step {fresh.step}, question {number}, {text}"
            for text in difference_of_calls(one, other, recorded.origin, fresh.origin)
        ]
    for what in sorted(fresh.observed.keys() if is_part else recorded.observed.keys() | fresh.observed.keys()):
        then, now = recorded.observed.get(what), fresh.observed.get(what)
        if then != now:
            found.append(f"step {fresh.step}, {what}:{side_by_side(then, now, recorded.origin, fresh.origin)}")
    return found


def _recorded_for(fresh: Sequence[Call], recorded: Sequence[Call]) -> Iterator[tuple[Call, Call]]:
    """Yield each fresh call with the next recorded one of the same question; where none is left, with the last one."""
    at = 0
    for call in fresh:
        same_question = (n for n in range(at, len(recorded)) if _is_same_question(recorded[n].asked, call.asked))
        found = next(same_question, None)
        yield recorded[-1 if found is None else found], call
        at = at if found is None else found + 1


def _is_same_question(one: Asked, other: Asked) -> bool:
    names = (one.service, one.operation, one.other) == (other.service, other.operation, other.other)
    both_ways = [*_missing(one.parameters, other.parameters), *_missing(other.parameters, one.parameters)]
    return names and not both_ways


def difference_of_calls(one: Call, other: Call, origin: str, other_origin: str) -> Iterator[str]:
    """Yield how the answers to one question differ."""
    asked = f"{one.asked.service}:{one.asked.operation}"
    if (one.asked.service, one.asked.operation) != (other.asked.service, other.asked.operation):
        yield f"{asked}: now {other.asked.service}:{other.asked.operation} is asked"
    elif not same(one.answers[-1], other.answers[-1], one.asked.operation):
        yield f"{asked}:{side_by_side(one.answers[-1], other.answers[-1], origin, other_origin)}"


def same(recorded: Mapping[str, Any], fresh: Mapping[str, Any], operation: str) -> bool:
    """Whether two answers are the same: status, code, the error that it is to the function, and every member."""
    if recorded["status"] != fresh["status"] or recorded.get("code") != fresh.get("code"):
        return False
    if recorded.get("code") and _ours(recorded, operation) is not _ours(fresh, operation):
        return False
    return not [*_missing(recorded["members"], fresh["members"])]


def side_by_side(one: Any, other: Any, origin: str, other_origin: str) -> str:
    """Show both answers, one below the other."""
    return f"\n  {origin}: {_text(one)}\n  {other_origin}: {_text(other)}"


def _ours(answer: Mapping[str, Any], operation: str) -> type:
    """Return the error that the function takes an answer for."""
    details = {"Code": answer["code"], "Message": answer.get("message", "")}
    response: Any = {"Error": details, **answer["members"]}
    return type(map_error(ClientError(response, operation), "it"))


def _missing(recorded: Any, fresh: Any, path: str = "") -> Iterator[str]:
    """Yield the members that a fresh answer lacks, or has otherwise; what is a placeholder may be another one."""
    if isinstance(recorded, dict) and isinstance(fresh, dict):
        for name, value in recorded.items():
            inner = f"{path}.{name}" if path else name
            if inner in NOT_SHOWN or (name not in fresh and value in ({}, [], "", None)):
                continue
            yield from [inner] if name not in fresh else _missing(value, fresh[name], inner)
    elif isinstance(recorded, list) and isinstance(fresh, list):
        if len(recorded) != len(fresh):
            yield path
        for one, other in zip(recorded, fresh, strict=False):
            yield from _missing(one, other, path)
    elif _form(recorded) != _form(fresh) and not path.endswith(("message", "Message")):
        yield path


def _form(value: Any) -> Any:
    """Return a value without the numbers of its placeholders, which depend on what came before."""
    if not isinstance(value, str):
        return value
    return PLACEHOLDER.sub(
        lambda found: found[0].rstrip("0123456789> ") if found[0][1:-1].split()[0] in _COUNTED else found[0], value
    )


_COUNTED = frozenset({"uuid", "hex", "pem", "account"})


def _text(answer: Any) -> str:
    return json.dumps(answer, ensure_ascii=False, sort_keys=True)
