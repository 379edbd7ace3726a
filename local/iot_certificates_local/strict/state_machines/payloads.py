"""256 KiB: what goes into and comes out of executions, states and tasks is no larger on AWS.

Developer guide, "Step Functions service quotas": "Maximum input or result data size for a task, state, or execution:
256 KiB of data as a UTF-8 encoded string". "Handling errors": ``States.DataLimitExceeded`` is a terminal error, which
``States.ALL`` does not catch. API reference, StartExecution: ``input`` has at most 262,144 characters.
"""

from __future__ import annotations

import json
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Function = Callable[..., Any]
    Fields = dict[str, Any]

LARGEST = 256 * 1024
"""Bytes."""

EXCEEDED = "States.DataLimitExceeded"


def is_too_large(value: Any) -> bool:
    """Return whether a value, as Step Functions writes it in JSON, is larger than it passes on."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "surrogatepass")) > LARGEST


def too_large(what: str) -> tuple[str, str]:
    """Return the error and its cause."""
    cause = f"The {what} returned a result with a size exceeding the maximum number of bytes service limit."
    return EXCEEDED, cause


def matching(matches: Callable[[Sequence[str], str], bool]) -> Callable[[Sequence[str], str], bool]:
    """Return MiniStack's comparison of an error with ``ErrorEquals``, in which only its own name catches this one."""

    def _error_matches(error_equals: Sequence[str], error: str) -> bool:
        if error == EXCEEDED:
            return error in error_equals
        return matches(error_equals, error)

    return _error_matches


class PayloadLimits:
    """MiniStack's functions, each with the limit. ``error``: its exception; ``refuse``: makes an API's error."""

    def __init__(self, error: type[Exception], refuse: Function) -> None:
        self._error = error
        self._refuse = refuse

    def starting(self, start: Function) -> Function:
        """Return a StartExecution that takes no larger input."""

        @wraps(start)
        def _start_execution(data: Fields) -> Any:
            if len(data.get("input", "")) > LARGEST:
                problem = f"Member must have length less than or equal to {LARGEST}"
                message = f"1 validation error detected: Value at 'input' failed to satisfy constraint: {problem}"
                return self._refuse("ValidationException", message, 400)
            return start(data)

        return _start_execution

    def invoking(self, invoke: Function) -> Function:
        """Return the invocation of a task, which fails with a larger result."""

        @wraps(invoke)
        def _invoke_resource(resource: str, input_data: Any) -> Any:
            result = invoke(resource, input_data)
            self._check(f"state/task '{resource}'", result)
            return result

        return _invoke_resource

    def within(self, kind: str) -> Callable[[Function], Function]:
        """Return what limits a state of a kind, by its input and its output."""
        limit = partial(self._check, f"{kind} state")

        def limiting(execute: Function) -> Function:
            @wraps(execute)
            def limited(state_def: Any, raw_input: Any, *more: Any) -> Any:
                limit(raw_input)
                output, following = execute(state_def, raw_input, *more)
                limit(output)
                return output, following

            return limited

        return limiting

    def _check(self, what: str, value: Any) -> None:
        if is_too_large(value):
            raise self._error(*too_large(what))
