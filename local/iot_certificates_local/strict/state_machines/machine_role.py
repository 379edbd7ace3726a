"""A state machine may do what its role may: MiniStack evaluates the policies of the caller, and never this role's.

* lambda:InvokeFunction: developer guide, "IAM policies for integrated services", AWS Lambda; states:StartExecution of
  another machine: the same, AWS Step Functions. The permissions of other tasks are not known here.
* states:StartExecution on the machine itself, states:DescribeExecution and states:StopExecution on its executions:
  "IAM policies for using Distributed Map states".
* s3:ListBucket or s3:GetObject: the same page, "IAM policy recommendations for reading data from Amazon S3 datasets".
* states.amazonaws.com assumes the role: "Creating an IAM role for your state machine".

An error is that of the integration: ``Lambda.AWSLambdaException``, ``States.ItemReaderFailed``, ``States.Permissions``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Fields = dict[str, Any]

_INVOKE = ":states:::lambda:invoke"
_START = ":states:::states:startExecution"
_FUNCTION = ":function:"


@dataclass(frozen=True)
class Needed:
    """An action on a resource; ``keys``: condition keys of the request."""

    action: str
    resource: str
    keys: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Machine:
    """``arn`` of the state machine, and the ARN of its ``role``."""

    arn: str
    role: str

    @property
    def place(self) -> tuple[str, str]:
        """Account and Region."""
        _, _, _, region, account, *_ = self.arn.split(":")
        return account, region

    @property
    def name(self) -> str:
        """The machine's name."""
        return self.arn.split(":")[6]


def of_task(machine: Machine, resource: str, parameters: Any) -> Needed | None:
    """Return what a Task needs: None for a task whose permission is not known here."""
    given = parameters if isinstance(parameters, dict) else {}
    if _INVOKE in resource:
        return Needed("lambda:InvokeFunction", _function_arn(machine, str(given.get("FunctionName", ""))))
    if _FUNCTION in resource:
        return Needed("lambda:InvokeFunction", resource)
    if _START in resource:
        return Needed("states:StartExecution", str(given.get("StateMachineArn", "")))
    return None


def of_reader(resource: str, parameters: Fields) -> Needed:
    """Return what an ItemReader needs."""
    bucket = f"arn:aws:s3:::{parameters.get('Bucket')}"
    if resource.endswith("s3:listObjectsV2"):
        return Needed("s3:ListBucket", bucket, (("s3:prefix", str(parameters.get("Prefix", ""))),))
    return Needed("s3:GetObject", f"{bucket}/{parameters.get('Key')}")


def of_distributed_map(machine: Machine) -> Iterator[Needed]:
    """Yield what the children of a Distributed Map need."""
    yield Needed("states:StartExecution", machine.arn)
    executions = machine.arn.replace(":stateMachine:", ":execution:") + ":*"
    yield Needed("states:DescribeExecution", executions)
    yield Needed("states:StopExecution", executions)


def denied(machine: Machine, needed: Needed, allows: Callable[[Machine, Needed], bool]) -> str | None:
    """Return AWS's words where the role may not do what is needed."""
    if allows(machine, needed):
        return None
    account, _ = machine.place
    role = machine.role.rpartition("/")[2]
    user = f"arn:aws:sts::{account}:assumed-role/{role}/{machine.name}"
    return f"User: {user} is not authorized to perform: {needed.action} on resource: {needed.resource}"


def trusts_step_functions(trust: Any) -> bool:
    """Return whether a role's trust policy lets Step Functions assume it."""
    statements = trust.get("Statement", []) if isinstance(trust, dict) else []
    for statement in [statements] if isinstance(statements, dict) else statements:
        services = (statement.get("Principal") or {}).get("Service", [])
        if statement.get("Effect") == "Allow" and "states.amazonaws.com" in _texts(services):
            return True
    return False


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _function_arn(machine: Machine, function: str) -> str:
    """Return the ARN that IAM evaluates, from a name or a partial ARN."""
    if function.startswith("arn:"):
        return function
    account, region = machine.place
    return f"arn:aws:lambda:{region}:{account}:function:{function.rpartition(_FUNCTION)[2]}"
