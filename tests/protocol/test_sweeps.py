"""Hundreds of random sweeps, each with its own interleaving of threads; a failing one is told.

``PROTOCOL_RUNS`` says how many are played, and then they are others every time; ``PROTOCOL_SEED`` plays one again.
"""

from __future__ import annotations

import json
import os
import secrets
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificate_provider.aws import clients
from iot_certificate_provider.aws.pace import Pace
from iot_certificate_provider.deadline import Deadline
from iot_certificate_provider.pki import Certificate
from iot_certificate_provider.resources.ca import device_certificate_sweep
from protocol import material
from protocol.function import Fault
from protocol.lives import RUNS
from protocol.neighbours import Deploy, Destroy, Neighbourhood, Wish, properties_of
from protocol.sweeps import Play, Sweep, drawn

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud

COUNT = max(1, RUNS // 20) if "PROTOCOL_RUNS" in os.environ else 120
"""One is as long as many lives of a few certificates."""

SEED = os.environ.get("PROTOCOL_SEED")


def seeds() -> list[str]:
    if SEED is not None:
        return [SEED]
    drawn_now = secrets.token_hex(4) if "PROTOCOL_RUNS" in os.environ else "the same each time"
    return [f"{drawn_now} {number}" for number in range(COUNT)]


def play(cloud: Cloud, seed: str) -> AssertionError | None:
    """Play a sweep; return what it breaks."""
    return play_drawn(cloud, drawn(seed))


def play_drawn(cloud: Cloud, sweep: Sweep) -> AssertionError | None:
    cloud.reset()
    material.furnish(cloud)
    try:
        Play(cloud, sweep).play()
    except AssertionError as error:
        error.add_note(f"PROTOCOL_SEED='{sweep.seed}': {sweep}\n{cloud.story()}")
        return error
    return None


@pytest.mark.timeout(300 + 2 * COUNT)
def test_any_sweep(cloud: Cloud) -> None:
    struck, handed_on = Counter[str](), 0
    for seed in seeds():
        error = play(cloud, seed)
        if error is not None:
            raise error
        struck.update({kind: count for (kind, _, _), count in cloud.struck.items()})
        handed_on += sum(each.handed_on is not None for each in cloud.invocations)
    print(json.dumps({"sweeps": COUNT, "handed on": handed_on, "faults": dict(struck)}))  # noqa: T201
    if SEED is None and "PROTOCOL_RUNS" not in os.environ:
        assert handed_on, "no sweep met the deadline"
        assert len(struck) >= 5, "few kinds of faults were met"


HANGING = Sweep("hanging", 200, "DELETE", (9.0,), faults=(Fault("hang", "iot.DeleteCertificate", "before"),))
"""One thread hangs until crhelper's timer answers, while the others have work for longer than that."""


def test_no_thread_calls_after_the_answer(cloud: Cloud) -> None:
    assert play_drawn(cloud, HANGING) is None
    assert cloud.struck["hang", "iot.DeleteCertificate", "before"]


def test_threads_that_look_at_no_time_call_after_the_answer(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Deadline, "check", lambda _: None)
    monkeypatch.setattr(Deadline, "pause", lambda deadline, seconds: deadline._sleep(seconds))
    monkeypatch.setattr(device_certificate_sweep, "BEGIN_SECONDS", float("-inf"))
    error = play_drawn(cloud, HANGING)
    assert error is not None
    assert "after the answer was sent" in str(error)


SLOW = Sweep("b97feda3 159", 180, "DELETE_WITH_THINGS", (2.0, 5.0, 9.0), neighbour=5.0)
"""Calls of seconds: whatever is half done at the end is undone late, and another invocation is to be asked by then."""


def test_a_sweep_with_slow_calls_is_continued_by_another_invocation(cloud: Cloud) -> None:
    assert play_drawn(cloud, SLOW) is None
    answers = [answer.body["Status"] for each in cloud.invocations for answer in each.answers]
    assert any(each.handed_on is not None for each in cloud.invocations)
    assert "FAILED" not in answers


MANY = Sweep("many", 200, "DELETE", (0.05,))


def test_a_sweep_of_many_keeps_its_pace(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    assert play_drawn(cloud, MANY) is None
    monkeypatch.setattr(Pace, "turn", lambda *_: 0.0)
    assert "in ten seconds" in str(play_drawn(cloud, MANY))


def test_a_sweep_leaves_what_a_stack_has_retained_that_was_deleted_before(cloud: Cloud) -> None:
    """The template of a device under the CA has DeletionPolicy Retain; its stack is deleted, then that of the CA."""
    account = Neighbourhood(cloud)
    device = Certificate.from_pem(properties_of("under")["CertificatePem"]).id
    retained = (("DeviceA", Wish("under", retain="Retain")),)
    account.play([Deploy(1, (("CaA", Wish("ca", sweep="DELETE")),)), Deploy(0, retained), Destroy(0), Destroy(1)])
    assert device in cloud.iot.certificates


def stops_at_the_first_refusal_and_says_done(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(device_certificate_sweep, "_check_finished", lambda _: None)
    patch.setattr(device_certificate_sweep.DeviceCertificateSweep, "_left", _once())


def spares_nobodys(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(device_certificate_sweep.Held, "holder", lambda *_: None)


def _once() -> Callable[..., Any]:
    """List the certificates, and believe after the first pass that none is left."""
    left = device_certificate_sweep.DeviceCertificateSweep._left
    listed: list[Any] = []

    def list_once(sweep: Any, *given: Any) -> Any:
        if sweep in listed:
            return []
        listed.append(sweep)
        return left(sweep, *given)

    return list_once


DEFECTS = (
    stops_at_the_first_refusal_and_says_done,
    spares_nobodys,
)


@pytest.mark.parametrize("plant", DEFECTS, ids=lambda plant: plant.__name__)
def test_a_planted_defect_is_found(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, plant: Any) -> None:
    plant(monkeypatch)
    assert clients.THREADS > 1
    assert any(play(cloud, f"planted {number}") is not None for number in range(60))
