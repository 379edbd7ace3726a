"""State machines on the embedded AWS: makes them, runs them, and waits for their end."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boto3 import Session

Fields = dict[str, Any]

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
PASS = {"Type": "Pass", "End": True}
_NUMBERS = count()


def machine_of(**states: Fields) -> Fields:
    """Return a definition that begins with the first state."""
    return {"StartAt": next(iter(states)), "States": states}


def distributed(processor: Fields | None = None, **fields: Any) -> Fields:
    """Return a Distributed Map state: by default over the input, with children that do nothing."""
    config = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    return {"Type": "Map", "End": True, "ItemProcessor": config | (processor or machine_of(Item=PASS)), **fields}


@dataclass
class MachineStage:
    """``session``: of the root user of an account."""

    session: Session

    def __post_init__(self) -> None:
        self.states: Any = self.session.client("stepfunctions")
        self.iam: Any = self.session.client("iam")

    def role(self, *statements: Fields, trust: Fields | None = None) -> str:
        """Make a role with these statements; return its ARN."""
        name = f"machine-{next(_NUMBERS)}"
        made = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust or TRUST))
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        if statements:
            self.iam.put_role_policy(RoleName=name, PolicyName="only", PolicyDocument=json.dumps(policy))
        return str(made["Role"]["Arn"])

    def create(self, definition: Fields, role: str | None = None, name: str | None = None) -> str:
        """Make a state machine, by default with a role that may do nothing; return its ARN."""
        return str(
            self.states.create_state_machine(
                name=name or f"machine-{next(_NUMBERS)}",
                definition=json.dumps(definition),
                roleArn=role or self.role(),
            )["stateMachineArn"]
        )

    def start(self, arn: str, given: Any = None) -> str:
        """Start an execution; return its ARN."""
        text = json.dumps({} if given is None else given)
        return str(self.states.start_execution(stateMachineArn=arn, input=text)["executionArn"])

    def end(self, arn: str, seconds: float = 30) -> Fields:
        """Wait for the end of an execution; return what DescribeExecution says then."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found: Fields = self.states.describe_execution(executionArn=arn)
            if found["status"] != "RUNNING":
                return found
            time.sleep(0.05)
        raise TimeoutError(arn)

    def run(self, definition: Fields, given: Any = None, role: str | None = None) -> Fields:
        """Make a machine and run it."""
        return self.end(self.start(self.create(definition, role), given))

    def map_run(self, execution: str) -> Fields:
        """Return what DescribeMapRun says of an execution's only Map Run."""
        (run,) = self.states.list_map_runs(executionArn=execution)["mapRuns"]
        described: Fields = self.states.describe_map_run(mapRunArn=run["mapRunArn"])
        return described

    def children(self, execution: str) -> list[Fields]:
        """Return the children of an execution's only Map Run."""
        run = self.map_run(execution)["mapRunArn"]
        found: list[Fields] = self.states.list_executions(mapRunArn=run)["executions"]
        return found
