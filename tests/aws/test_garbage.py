"""What calls by the hundred leave behind is let go of: a sweep's memory does not grow with its certificates."""

from __future__ import annotations

import gc
import importlib
from typing import TYPE_CHECKING

import boto3
import pytest

from iot_certificate_provider import cold_start
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.concurrency import Several

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _usual_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    monkeypatch.undo()
    importlib.reload(cold_start)


def _start_in_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "provider")
    importlib.reload(cold_start)


def test_garbage_is_looked_for_once_several_things_are_acted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = gc.get_threshold()
    _start_in_lambda(monkeypatch)
    assert gc.get_threshold()[0] > usual[0]
    AwsClients().act_on(Several([1], lambda one: None, apart=()))
    assert gc.get_threshold() == usual


def test_another_process_that_imports_the_function_keeps_its_habits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    importlib.reload(cold_start)
    gc.set_threshold(5_000, 5, 5)
    AwsClients().act_on(Several([1], lambda one: None, apart=()))
    assert gc.get_threshold() == (5_000, 5, 5)


def test_a_paginator_is_made_once() -> None:
    """Its class is made with it: objects in circles, of several KB, at each call otherwise."""
    iot = AwsClients(boto3.Session("a", "b", region_name="eu-central-1")).client("iot")
    assert iot.get_paginator("list_attached_policies") is iot.get_paginator("list_attached_policies")
