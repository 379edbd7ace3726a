"""However a run ends, what it made is removed: by it, or by the next one, which continues."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from acceptance import places
from acceptance.__main__ import _answer, exit_status
from acceptance.clean_up import CleanUp
from acceptance.holdings import TAG
from acceptance.precautions import RefusedError, Signs, check_prefix, check_signs, check_whose, signs_of_production
from acceptance.report import console
from acceptance.runner import Outcome, Runner
from acceptance.state import Finished, State
from acceptance.step import Kind, NotTriedError, Step, Verdict
from acceptance.steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from acceptance.places import Place
    from acceptance.stage import Stage
    from iot_certificates_local import EmbeddedAws

PREFIX = "runner-1a2b"
(LAST,) = (each for each in STEPS if each.always)


class PowerCutError(BaseException):
    """The process ends here, as when it is killed: nothing is cleaned up."""


@pytest.fixture
def place(guarded_aws: EmbeddedAws, tmp_path: Path) -> Iterator[Place]:
    with places.embedded(PREFIX, guarded_aws) as found:
        here = replace(found, state_file=tmp_path / "state.json", folder=tmp_path)
        yield here
        assert CleanUp(here, State.load(here.state_file)).remove_all() == []


def make_things(stage: Stage) -> None:
    stage.client("iot").create_thing(thingName=stage.name("thing"))
    stage.client("secretsmanager").create_secret(Name=stage.name("secret"), SecretString="text")
    stage.ask("iot", "RegisterCertificateWithoutCA", certificatePem=stage.material["alone:1"], status="ACTIVE")
    stage.check(True, "")


def step(number: int, then: Callable[[Stage], None] = lambda _stage: None, **more: Any) -> Step:
    """Return a step that makes things, and then does something."""

    def play(stage: Stage) -> None:
        make_things(stage)
        then(stage)

    return Step(number, "", "", (), "", play, **{"minutes": 0.0, **more})


def light(number: int, then: Callable[[Stage], None] = lambda _stage: None, **more: Any) -> Step:
    """Return a step that makes nothing, and whose checks hold: where the verdict is what counts."""

    def play(stage: Stage) -> None:
        stage.check(True, "")
        then(stage)

    return Step(number, "", "", (), "", play, **{"minutes": 0.0, **more})


def raising(error: BaseException) -> Callable[[Stage], None]:
    def play(_stage: Stage) -> None:
        raise error

    return play


def run(place: Place, *steps: Step) -> tuple[Outcome, State]:
    state = State.load(place.state_file)
    outcome = Runner(place, state, folder=place.folder / "recorded", record=True).run([*steps, LAST])
    return outcome, State.load(place.state_file)


def left(place: Place) -> set[str]:
    return {each.kind for each in CleanUp(place, State.load(place.state_file)).ours()}


def test_what_ctrl_c_interrupts_is_cleaned_up_and_the_next_run_continues(place: Place) -> None:
    outcome, state = run(place, light(41), step(42, raising(KeyboardInterrupt())), light(43))
    assert outcome.ended_by == "Interrupted"
    assert left(place) == set()
    assert state.finished["41"].verdict.kind is Kind.HOLDS
    assert "42" not in state.finished
    played: list[str] = []
    noting = [light(number, lambda stage: played.append(stage.step.name)) for number in (41, 42, 43)]
    outcome, state = run(place, *noting)
    assert outcome.is_complete
    assert played == ["42", "43"]
    assert left(place) == set()


def test_what_is_asked_to_end_cleans_up(place: Place) -> None:
    outcome, _ = run(place, step(41, lambda _stage: os.kill(os.getpid(), signal.SIGTERM)))
    assert outcome.ended_by == "Asked to end"
    assert left(place) == set()


def test_what_a_killed_run_leaves_the_next_one_finds_and_removes(place: Place) -> None:
    with pytest.raises(PowerCutError):
        run(place, step(41, raising(PowerCutError())))
    assert left(place) == {"thing", "secret", "device certificate"}
    found: set[str] = set()

    def look_first(stage: Stage) -> None:
        found.update(left(place))
        make_things(stage)

    outcome, _ = run(place, replace(step(42), play=look_first))
    assert found == {"thing"}  # the marker
    assert outcome.is_complete
    assert left(place) == set()


def test_a_key_whose_run_was_killed_before_it_had_a_name_is_found_by_its_tag(place: Place) -> None:
    def be_killed(stage: Stage) -> None:
        tags = [{"TagKey": TAG, "TagValue": PREFIX}]
        stage.client("kms").create_key(Tags=tags)
        raise PowerCutError

    with pytest.raises(PowerCutError):
        run(place, light(41, be_killed))
    (key,) = (each for each in CleanUp(place, State.load(place.state_file)).ours() if each.kind == "KMS key")
    outcome, _ = run(place, light(42))
    assert outcome.is_complete
    described = place.session.client("kms").describe_key(KeyId=key.key)
    assert described["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_a_region_without_private_cas_has_none(place: Place) -> None:
    nowhere = replace(place, private_cas="http://127.0.0.1:9")  # the port that discards
    found = CleanUp(nowhere, State.load(place.state_file)).holdings.of_kinds({"private CA", "thing"})
    assert {each.kind for each in found} <= {"thing"}


@pytest.mark.parametrize("raised", ["ours", "botocore's"])
def test_expired_credentials_end_it_and_the_next_run_removes_what_is_left(place: Place, raised: str) -> None:
    from acceptance.answers import CredentialsExpiredError  # noqa: PLC0415

    details: Any = {"Error": {"Code": "ExpiredToken", "Message": "The security token included has expired"}}
    error = CredentialsExpiredError("expired") if raised == "ours" else ClientError(details, "CreateThing")
    outcome, state = run(place, step(41, raising(error)))
    assert outcome.ended_by.startswith("The credentials are not accepted any more")
    assert state.running == "41"
    assert left(place) == {"thing", "secret", "device certificate"}
    outcome, state = run(place, light(41))
    assert outcome.is_complete
    assert state.finished["41"].verdict.kind is Kind.HOLDS
    assert left(place) == set()


def test_a_step_that_takes_too_long_is_abandoned_and_the_others_are_played(place: Place) -> None:
    slow = step(41, lambda _stage: time.sleep(60), timeout_minutes=0.02)
    outcome, state = run(place, slow, light(42))
    assert outcome.broken == ["step 41: it was abandoned after 0.02 minutes"]
    assert state.finished["41"].verdict.kind is Kind.NOT_TRIED
    assert "abandoned" in state.finished["41"].verdict.said[0]
    assert state.finished["42"].verdict.kind is Kind.HOLDS
    assert left(place) == set()


def test_verdicts_are_holds_differs_and_not_tried(place: Place) -> None:
    def differ(stage: Stage) -> None:
        stage.check(False, "AWS answered otherwise")

    wrong = light(43, raising(ValueError("a mistake in the step")))
    outcome, state = run(place, light(41, differ), light(42, raising(NotTriedError("it rains"))), wrong)
    assert outcome.broken == ["step 43: it ended with ValueError: a mistake in the step"]
    assert state.finished["41"].verdict.said == ("AWS answered otherwise",)
    assert state.finished["41"].verdict.kind is Kind.DIFFERS
    assert state.finished["42"].verdict.said == ("it rains",)
    assert (place.folder / "recorded" / "41.json").exists()
    assert not (place.folder / "recorded" / "42.json").exists()


def test_a_recording_of_aws_is_never_replaced_by_a_stand_in(place: Place) -> None:
    _, _ = run(place, light(41))
    file = place.folder / "recorded" / "41.json"
    of_aws = file.read_text().replace(place.origin, "AWS")
    file.write_text(of_aws)
    place.state_file.unlink()
    run(place, light(41))
    assert file.read_text() == of_aws


def test_answers_that_are_not_the_recorded_ones_are_shown_with_them(place: Place) -> None:
    recorded = place.folder / "recorded"
    Runner(place, State.load(place.state_file), folder=recorded, record=True).run([step(41)])
    place.state_file.unlink()
    file = recorded / "41.json"
    file.write_text(file.read_text().replace('"status": 200', '"status": 201').replace(place.origin, "AWS"))
    outcome = Runner(place, State.load(place.state_file), folder=recorded).run([step(41)])
    (text,) = outcome.unlike
    assert text.startswith("step 41, question 1, iot:RegisterCertificateWithoutCA:")
    assert '"status": 201' in text
    assert '"status": 200' in text


def test_a_step_that_was_recorded_and_is_not_tried_any_more_is_shown(place: Place) -> None:
    run(place, light(41))
    place.state_file.unlink()
    steps = [light(41, raising(NotTriedError("it rains"))), light(42)]
    outcome = Runner(place, State.load(place.state_file), folder=place.folder / "recorded").run(steps)
    assert outcome.unlike == [
        "step 41: it was recorded, and is not tried now",
        "step 42: it is not recorded yet. Record it: make acceptance STEP=42 MORE=--record",
    ]


@pytest.mark.parametrize(
    ("outcome", "kind", "status"),
    [
        (Outcome(), Kind.HOLDS, 0),
        (Outcome(), Kind.NOT_TRIED, 0),
        (Outcome(), Kind.DIFFERS, 1),
        (Outcome(left=["thing x"]), Kind.HOLDS, 1),
        (Outcome(unlike=["step 01: …"]), Kind.HOLDS, 1),
        (Outcome(broken=["step 01: …"]), Kind.NOT_TRIED, 1),
        (Outcome(ended_by="Interrupted"), Kind.HOLDS, 130),
    ],
)
def test_continuous_integration_fails_for_all_that_is_not_settled(
    outcome: Outcome, kind: Kind, status: int, tmp_path: Path
) -> None:
    state = State(tmp_path / "state.json", {"01": Finished(Verdict(kind), 0.0)})
    assert exit_status(outcome, state) == status


def test_without_a_terminal_nothing_is_begun(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", Mock(side_effect=EOFError))
    with pytest.raises(RefusedError, match="there is no terminal for the question"):
        _answer(place, console())


def test_a_prefix_that_nobody_has_claimed_is_refused(place: Place) -> None:
    iot = place.session.client("iot")
    iot.create_thing(thingName=f"{PREFIX}-of-somebody")
    clean_up = CleanUp(place, State.load(place.state_file))
    with pytest.raises(RefusedError, match=r"no acceptance run has claimed it: thing runner-1a2b-of-somebody"):
        check_whose(PREFIX, clean_up, clean_up.ours())
    assert [each.name for each in clean_up.ours()] == [f"{PREFIX}-of-somebody"]


@pytest.mark.parametrize(
    "prefix", ["", "prod", "factory", "live", "Live-1a2b", "live_1a2b", "a-1", "live-1a2b-", "x" * 17]
)
def test_a_prefix_that_other_names_may_have_is_refused(prefix: str) -> None:
    with pytest.raises(RefusedError, match="PREFIX"):
        check_prefix(prefix)


def test_a_used_account_is_refused_unless_that_is_said_to_be_right(place: Place) -> None:
    clean_up = CleanUp(place, State.load(place.state_file))
    signs = signs_of_production(place, clean_up.holdings.all())
    assert "it is the management account of an organization" in signs.alarming
    with pytest.raises(RefusedError, match="seems to be in use"):
        check_signs(signs, in_a_used_account=False)
    check_signs(signs, in_a_used_account=True)
    check_signs(Signs((), ()), in_a_used_account=False)
