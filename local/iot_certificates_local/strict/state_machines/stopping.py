"""An execution that was stopped stays so, with its children: see ``map_runs``."""

from __future__ import annotations

from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any

from iot_certificates_local.strict.state_machines.map_runs import RUNNING, MapRuns, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = Callable[..., Any]
    Fields = dict[str, Any]


class Stopping:
    """MiniStack's functions, each with what it lacks."""

    def __init__(self, runs: MapRuns) -> None:
        self._runs = runs

    def stopping(self, stop: Function) -> Function:
        """Return a StopExecution that stops the children as well."""

        @wraps(stop)
        def _stop_execution(data: Fields) -> Any:
            answer = stop(data)
            self._runs.stop_children(data.get("executionArn", ""))
            return answer

        return _stop_execution

    def failing(self, fail: Function) -> Function:
        """Return the end of a failed execution, for one that was not stopped before."""

        @wraps(fail)
        def _fail_execution(execution: Fields, error: str, cause: str) -> None:
            # A stopped execution stays stopped, whatever the result of its running task.
            if execution["status"] == RUNNING:
                fail(execution, error, cause)

        return _fail_execution

    def noting(self, add: Function) -> Function:
        """Return the entry into an execution's history, which a task of a stopped execution does not get."""

        @wraps(add)
        def _add_event(execution: Fields, event_type: str, details: Fields | None = None) -> Any:
            if event_type == "TaskScheduled":
                self._runs.check(execution)
            return add(execution, event_type, details)

        return _add_event

    def running(self, run: Function) -> Function:
        """Return the run of an execution, which ends quietly when that is stopped."""

        @wraps(run)
        def _run_execution(exec_arn: str) -> None:
            with suppress(Stopped):
                run(exec_arn)

        return _run_execution

    def beginning(self, run: Function) -> Function:
        """Return the run of a child, or of a branch, which is nothing once the execution has been stopped."""

        @wraps(run)
        def _run_sub_machine(states: Fields, start_at: str, input_data: Any, execution: Fields, ctx: Fields) -> Any:
            self._runs.check(execution)
            try:
                return run(states, start_at, input_data, execution, ctx)
            finally:
                # Neither a result nor a failure is one, when the execution has been stopped since.
                self._runs.check(execution)

        return _run_sub_machine

    def mapping(self, run: Function) -> Function:
        """Return the run of a Distributed Map, which says at its end what became of its children."""

        @wraps(run)
        def _run_distributed_map(  # noqa: PLR0917 - MiniStack's parameters
            state_def: Fields, raw_input: Any, effective: Any, iterator: Fields, execution: Fields, ctx: Fields
        ) -> Any:
            try:
                return run(state_def, raw_input, effective, iterator, execution, ctx)
            finally:
                self._runs.settle(execution)

        return _run_distributed_map
