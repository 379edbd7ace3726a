"""The answer to one request: its shape, and its limits, which are known before anything is registered."""

from __future__ import annotations

import json
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import MAX_REASON_CHARACTERS, MAX_RESPONSE_BYTES
from iot_certificate_provider.errors import InvalidPropertyError, one_line
from iot_certificate_provider.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iot_certificate_provider.protocol.request import Request


@dataclass(frozen=True)
class Outcome:
    """The result of a request: the physical id, and the attributes that templates can read. Never a secret."""

    physical_id: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    note: str = field(default="", compare=False)
    """The note in CloudFormation's event of a request that succeeded."""
    answered_by: Callable[[], None] | None = field(default=None, compare=False)
    """Starts what is to answer in the place of this invocation; None where this one does."""


def body(request: Mapping[str, str], outcome: Outcome, *, failure: str | None = None) -> dict[str, Any]:
    """Return the body of a response; ``request`` gives StackId, RequestId and LogicalResourceId, echoed verbatim.

    Source: CloudFormation User Guide, "Custom resource response objects".
    """
    return {
        "Status": "SUCCESS" if failure is None else "FAILED",
        "Reason": (outcome.note and reason(outcome.note)) if failure is None else reason(failure),
        "PhysicalResourceId": outcome.physical_id,
        "StackId": request["StackId"],
        "RequestId": request["RequestId"],
        "LogicalResourceId": request["LogicalResourceId"],
        "NoEcho": False,
        "Data": dict(outcome.attributes),
    }


def reason(text: str) -> str:
    """Return a text in one line, cut from its end, where the least important words are; never an empty one."""
    line = one_line(text) or "The request failed, and nothing says why"
    return line if len(line) <= MAX_REASON_CHARACTERS else line[: MAX_REASON_CHARACTERS - 1] + "…"


def encode(response: Mapping[str, Any]) -> bytes:
    """Encode a response as it goes over the wire."""
    return json.dumps(response).encode("utf-8")


def noted(outcome: Outcome, *notes: str) -> Outcome:
    """Add to the note in CloudFormation's event."""
    return replace(outcome, note=". ".join(note for note in (outcome.note, *notes) if note))


def ensure_fits(request: Request, outcome: Outcome) -> None:
    """Refuse what could not be answered in 4,096 bytes: CloudFormation would never hear of what was registered."""
    size = _size(request, outcome)
    if size > MAX_RESPONSE_BYTES:
        raise too_large(size, outcome.attributes)


def with_attribute_that_fits(request: Request, outcome: Outcome, name: str, value: str) -> Outcome:
    """Add an attribute; an empty one where the answer would be too large with it."""
    full = replace(outcome, attributes={**outcome.attributes, name: value})
    if _size(request, full) <= MAX_RESPONSE_BYTES:
        return full
    return replace(outcome, attributes={**outcome.attributes, name: ""})


def _size(request: Request, outcome: Outcome) -> int:
    envelope = {
        "StackId": request.stack_id,
        "RequestId": request.request_id,
        "LogicalResourceId": request.logical_id,
    }
    return len(encode(body(envelope, outcome)))


def too_large(size: int, attributes: Mapping[str, str]) -> InvalidPropertyError:
    """Name the attribute that makes the answer too large."""
    name = max(attributes, key=lambda key: len(encode({key: attributes[key]})), default="Data")
    return InvalidPropertyError(
        f"Attribute {name}",
        f"the answer to CloudFormation would have {size:,} bytes, above the limit of {MAX_RESPONSE_BYTES:,}",
        "Use a certificate with shorter names",
    )
