"""Reading an event: its limits, each at the last value that is taken and at the first that is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handler.stage import EVENTS, LambdaContext
from iot_certificate_provider.deadline import Deadline
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.protocol import envelope
from iot_certificate_provider.protocol.request import AwsEnvironment, Progress, Request, RequestType

MOST_ECHOED = 2048
"""Characters as JSON writes them, quotation marks among them: half of an answer."""


def read(kind: str, **changes: Any) -> Request:
    event: dict[str, Any] = {**json.loads((EVENTS / f"{kind.lower()}.json").read_text()), **changes}
    return envelope.read(event, LambdaContext(), Deadline(lambda: 280.0), Progress())


@pytest.mark.parametrize("name", ["StackId", "RequestId", "LogicalResourceId"])
@pytest.mark.parametrize(("letter", "written"), [("x", 1), ("é", 4)], ids=["ASCII", "escaped"])
def test_what_is_echoed_is_at_most_half_an_answer(name: str, letter: str, written: int) -> None:
    longest = letter * ((MOST_ECHOED - 2) // written)
    more = "x" * (MOST_ECHOED - 2 - len(longest) * written)
    read("Create", **{name: longest + more})
    with pytest.raises(InvalidPropertyError, match=rf"^{name}: has .* characters, too many for the answer\. "):
        read("Create", **{name: longest + more + "x"})


@pytest.mark.parametrize("kind", ["Update", "Delete"])
def test_a_physical_id_is_as_long_as_cloudformations_may_be(kind: str) -> None:
    assert read(kind, PhysicalResourceId="x" * 1024).existing_id == "x" * 1024
    with pytest.raises(InvalidPropertyError, match="has 1,025 characters, above CloudFormation's limit of 1,024"):
        read(kind, PhysicalResourceId="x" * 1025)


@pytest.mark.parametrize(
    ("given", "known"),
    [("", None), ("x", "x"), ("x" * 1024, "x" * 1024), ("x" * 1025, None), (7, None), (None, None)],
    ids=["empty", "short", "longest", "too long", "number", "missing"],
)
def test_an_id_that_cloudformation_cannot_have_sent_is_none(given: object, known: str | None) -> None:
    assert envelope.physical_id({"PhysicalResourceId": given}) == known


def test_lists_and_maps_are_nested_twenty_levels_deep_at_most() -> None:
    value: Any = "x"
    for level in range(20):
        value = [value] if level % 2 else {"In": value}
    assert read("Create", ResourceProperties={"Deep": value}).properties == {"Deep": value}
    with pytest.raises(InvalidPropertyError, match="Deep: has lists or maps that are nested more than 20"):
        read("Create", ResourceProperties={"Deep": [value]})


def test_a_create_has_no_id_to_ask_for() -> None:
    with pytest.raises(ValueError, match="a Create has no physical id"):
        _ = read("Create").existing_id


def test_each_request_has_a_progress_of_its_own() -> None:
    first, second = (
        Request(
            type=RequestType.CREATE,
            resource_type="Custom::IotDeviceCertificate",
            request_id="request",
            stack_id="stack",
            logical_id="Certificate",
            physical_id=None,
            properties={},
            old_properties={},
            home=AwsEnvironment.of_function_arn(LambdaContext.invoked_function_arn),
            deadline=Deadline(lambda: 280.0),
        )
        for _ in range(2)
    )
    first.progress.registered = "ab" * 32
    assert second.progress == Progress()
