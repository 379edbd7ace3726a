"""What was recorded is asked again, of the strict layer and of the fakes: the same question has the same answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from acceptance.answers import client_of
from acceptance.recording import Call, Recording, recordings
from acceptance.replay import Replay
from fakes.aws import FakeAws
from fakes.iot import ACCOUNT, REGION, FakeIot

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_certificates_local import EmbeddedAws

STRICT = "the strict layer"
FAKES = "the fakes"
NEIGHBOUR = "210987654321"
_ACCOUNTS = iter(range(500000000001, 600000000000))

BY_PLAYING = "its stacks are served by the function: `make acceptance` plays it again and compares"
NOT_REPLAYED = {
    "00": "",
    "01": "",
    "02": BY_PLAYING,
    "03": BY_PLAYING,
    "04": BY_PLAYING,
    "05": "it asks about stacks, which its step makes: `make acceptance` plays it again and compares",
    "06": BY_PLAYING,
    "08": BY_PLAYING,
    "09": "its role is made by the step: `make acceptance` plays it again and compares",
    "10": BY_PLAYING,
    "11": BY_PLAYING,
    "12": BY_PLAYING,
    "13": BY_PLAYING,
    "15": BY_PLAYING,
    "17": BY_PLAYING,
    "18": BY_PLAYING,
    "99": "",
}
"""Recordings whose questions alone are not enough to be answered, with the reason; empty for those that are."""

OPEN = {"odd:trailing-bytes": "the fakes hash bytes behind a certificate, too: nobody may send them"}
"""Disagreements between the stand-ins, by what they are about; a recording of AWS decides them."""


def replayed() -> list[Recording]:
    return [recording for recording in recordings() if not NOT_REPLAYED.get(recording.step)]


def fakes(recording: Recording) -> Callable[[str, bool], Any]:
    neighbour = FakeIot(account=NEIGHBOUR)
    aws, other = FakeAws(iot=FakeIot(neighbours={NEIGHBOUR: neighbour})), FakeAws(iot=neighbour)
    neighbour.neighbours[ACCOUNT] = aws.iot
    neighbour.registration_code = "0ther" * 12 + "0123"
    sessions = {False: aws.session(), True: other.session()}
    return lambda service, is_other: client_of(sessions[is_other], service)


@pytest.mark.parametrize("recording", replayed(), ids=lambda recording: recording.step)
def test_the_strict_layer_answers_as_recorded(recording: Recording, embedded_aws: EmbeddedAws) -> None:
    account, other = str(next(_ACCOUNTS)), str(next(_ACCOUNTS))
    sessions = {False: embedded_aws.session(account=account), True: embedded_aws.session(account=other)}
    known = {"this account": account, "other account": other, "region": embedded_aws.region}
    replay = Replay(recording, lambda service, is_other: client_of(sessions[is_other], service), known, STRICT)
    assert replay.differences() == []


@pytest.mark.parametrize("recording", replayed(), ids=lambda recording: recording.step)
def test_the_fakes_answer_as_recorded(recording: Recording) -> None:
    known = {"this account": ACCOUNT, "other account": NEIGHBOUR, "region": REGION}
    found = Replay(recording, fakes(recording), known, FAKES).differences()
    assert [text for text in found if not any(about in text for about in OPEN)] == []


def test_what_is_open_is_a_difference_still() -> None:
    known = {"this account": ACCOUNT, "other account": NEIGHBOUR, "region": REGION}
    found = "\n".join(text for each in replayed() for text in Replay(each, fakes(each), known, FAKES).differences())
    assert [about for about in OPEN if about not in found] == []


def test_a_difference_shows_both_answers() -> None:
    (recording,) = (each for each in recordings() if each.step == "01")
    first, *rest = recording.calls
    refused = {"status": 400, "code": "CertificateValidationException", "message": "No.", "members": {}}
    changed = replace(recording, calls=[Call(first.asked, [refused], "at once"), *rest], origin="AWS")
    known = {"this account": ACCOUNT, "other account": NEIGHBOUR, "region": REGION}
    found = Replay(changed, fakes(changed), known, FAKES).differences()[0]
    assert found.startswith("step 01, question 1, iot:RegisterCACertificate:")
    assert 'AWS: {"code": "CertificateValidationException"' in found
    assert 'the fakes: {"members": {"certificateArn":' in found


def test_no_recording_has_what_identifies_an_account() -> None:
    for recording in recordings():
        text = repr(recording.calls) + repr(recording.observed)
        for secret in ("-----BEGIN", "123456789012", NEIGHBOUR, "AKIA", "eu-central-1"):
            assert secret not in text, f"{recording.step} has {secret}"


def test_a_recording_says_who_answered() -> None:
    for recording in recordings():
        assert recording.origin == "AWS" or recording.origin.endswith("NOT AWS")
