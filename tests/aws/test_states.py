"""Executions by name: started once, stopped whatever they are, described where there is one."""

from __future__ import annotations

import pytest

from fakes.aws import FakeAws
from fakes.refusal import Refusal
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.gateways import Gateways
from iot_certificate_provider.aws.states import execution_arn
from iot_certificate_provider.errors import NotFoundError

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:fleet"


def test_a_name_is_started_once_whether_it_runs_or_has_ended() -> None:
    aws = FakeAws()
    states = Gateways(AwsClients(aws.session())).states
    states.start(MACHINE, "run-1", {"run": "x"})
    states.start(MACHINE, "run-1", {"run": "x"})
    (execution,) = aws.states.executions.values()
    execution.status = "FAILED"
    states.start(MACHINE, "run-1", {"run": "x"})
    assert states.status(MACHINE, "run-1") == "FAILED"
    assert len(aws.states.executions) == 1


def test_one_that_runs_is_stopped_and_one_that_never_began_counts_as_stopped() -> None:
    aws = FakeAws()
    states = Gateways(AwsClients(aws.session())).states
    states.start(MACHINE, "run-1", {"run": "x"})
    for name in ("run-1", "run-2"):
        states.stop(MACHINE, name, "another request")
    assert states.status(MACHINE, "run-1") == "ABORTED"
    assert states.status(MACHINE, "run-2") is None


def test_an_error_of_the_start_is_one_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = FakeAws()

    def refuse(**_: object) -> None:
        raise Refusal("StateMachineDoesNotExist", "State Machine Does Not Exist")

    monkeypatch.setattr(aws.states, "StartExecution", refuse)
    with pytest.raises(NotFoundError):
        Gateways(AwsClients(aws.session())).states.start(MACHINE, "run-1", {})


def test_the_arn_of_an_execution() -> None:
    assert execution_arn(MACHINE, "r") == "arn:aws:states:eu-west-1:123456789012:execution:fleet:r"
