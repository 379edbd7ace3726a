"""The metric Failures: one value for each answer, on standard output, as CloudWatch's embedded metric format has it."""

from __future__ import annotations

import errno
import io
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from embedded_metrics import metrics_in
from iot_certificate_provider import handler

if TYPE_CHECKING:
    from collections.abc import Callable

    import issuing
    from fakes.aws import Call
    from handler.stage import Stage


def published(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return metrics_in(capfd.readouterr().out.splitlines())


def test_it_is_0_for_a_success_and_1_for_a_failure(
    stage: Stage, device: issuing.Issued, capfd: pytest.CaptureFixture[str]
) -> None:
    stage.invoke(stage.event("Create", {"CertificatePem": device.pem}))
    stage.invoke(stage.event("Create", {"CertificatePem": "no certificate"}))
    metrics = published(capfd)
    assert [(metric["FunctionName"], metric["Failures"]) for metric in metrics] == [("provider", 0), ("provider", 1)]


def test_it_is_of_the_moment(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    before = time.time()
    stage.invoke(stage.event("Delete"))
    (metric,) = published(capfd)
    assert before * 1000 - 1 <= metric["_aws"]["Timestamp"] <= time.time() * 1000 + 1


def test_it_is_published_once_when_the_timer_answers(
    stage: Stage, device: issuing.Issued, capfd: pytest.CaptureFixture[str]
) -> None:
    def fire(_: Call) -> None:
        stage.fire_timer()

    stage.aws.after = fire
    stage.invoke(stage.event("Create", {"CertificatePem": device.pem}))
    assert [metric["Failures"] for metric in published(capfd)] == [1]


def test_it_counts_an_answer_that_would_have_been_too_large(
    stage: Stage, device: issuing.Issued, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "MAX_RESPONSE_BYTES", 500)
    stage.invoke(stage.event("Create", {"CertificatePem": device.pem}))
    assert [metric["Failures"] for metric in published(capfd)] == [1]


def test_it_is_written_before_the_function_can_be_frozen(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written))
    stage.invoke(stage.event("Delete"))
    assert len(metrics_in(written.getvalue().decode().splitlines())) == 1


class Full(io.StringIO):
    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def closed() -> io.StringIO:
    output = io.StringIO()
    output.close()
    return output


@pytest.mark.parametrize("output", [Full, closed])
def test_without_it_there_is_an_answer_all_the_same(
    output: Callable[[], io.StringIO], stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", output())
    assert stage.invoke(stage.event("Delete"))["Status"] == "SUCCESS"
