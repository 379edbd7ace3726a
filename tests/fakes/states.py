"""AWS Step Functions, as far as executions of one machine are started, stopped and described by name."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from fakes.refusal import Refusal

# ruff: noqa: N802, N803 - operations and parameters have AWS's names


@dataclass
class Execution:
    name: str
    input: str
    status: str = "RUNNING"


@dataclass
class FakeStates:
    """Starts nothing: ``executions`` has what a test is to run."""

    executions: dict[str, Execution] = field(default_factory=dict)

    def StartExecution(self, stateMachineArn: str, name: str, input: str) -> dict[str, Any]:  # noqa: A002
        json.loads(input)
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name)
        if len(input.encode()) > 262_144:
            raise Refusal("InvalidExecutionInput", "The input is larger than 256 KiB")
        arn = f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"
        there = self.executions.get(arn)
        if there is not None and (there.status != "RUNNING" or there.input != input):
            # API reference, StartExecution: idempotent for a running execution of the same input.
            raise Refusal("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        if there is None:
            self.executions[arn] = Execution(name, input)
        return {"executionArn": arn}

    def StopExecution(self, executionArn: str, error: str = "", cause: str = "") -> dict[str, Any]:
        execution = self._execution(executionArn)
        if execution.status == "RUNNING":
            execution.status = "ABORTED"
        return {}

    def DescribeExecution(self, executionArn: str) -> dict[str, Any]:
        execution = self._execution(executionArn)
        return {"executionArn": executionArn, "status": execution.status, "input": execution.input}

    def _execution(self, arn: str) -> Execution:
        if arn not in self.executions:
            raise Refusal("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return self.executions[arn]
