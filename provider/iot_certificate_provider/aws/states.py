"""AWS Step Functions: the executions of a fleet's machine, by their names."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from iot_certificate_provider.aws.error_mapping import mapping_errors
from iot_certificate_provider.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iot_certificate_provider.aws.clients import AwsClients


class StatesGateway:
    """Starts, stops and describes executions of STANDARD machines."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    @property
    def _states(self) -> Any:
        return self._clients.client("stepfunctions")

    def start(self, machine_arn: str, name: str, given: Mapping[str, str]) -> None:
        """StartExecution: one of the name that runs, or has run in the last 90 days, is not started again.

        API reference, StartExecution: with the name and the input of a running execution it succeeds; of one that has
        ended it is refused with ExecutionAlreadyExists.
        """
        with mapping_errors("the fleet's state machine"):
            try:
                self._states.start_execution(
                    stateMachineArn=machine_arn, name=name, input=json.dumps(given, sort_keys=True)
                )
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") != "ExecutionAlreadyExists":
                    raise

    def stop(self, machine_arn: str, name: str, cause: str) -> None:
        """StopExecution, and with it its children; one that has ended, or never began, counts as stopped."""
        with suppress(NotFoundError), mapping_errors("the execution"):
            self._states.stop_execution(executionArn=execution_arn(machine_arn, name), error="Cancelled", cause=cause)

    def status(self, machine_arn: str, name: str) -> str | None:
        """DescribeExecution: RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED …; None where there is none."""
        with suppress(NotFoundError), mapping_errors("the execution"):
            return str(self._states.describe_execution(executionArn=execution_arn(machine_arn, name))["status"])
        return None


def execution_arn(machine_arn: str, name: str) -> str:
    """Return the ARN of a STANDARD machine's execution: ``arn:…:execution:<machine>:<name>``."""
    head, _, machine = machine_arn.rpartition(":stateMachine:")
    return f"{head}:execution:{machine}:{name}"
