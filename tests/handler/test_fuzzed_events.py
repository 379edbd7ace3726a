"""Every event that can be answered is answered, whatever stands at any place of it; with a true reason."""

from __future__ import annotations

import copy
import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from handler.played import Played, event_of, places_in, put
from samples import SAMPLES, Samples

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = ("Create", "Update", "Delete")
ECHOED = ("StackId", "RequestId", "LogicalResourceId")


def nested_lists(levels: int) -> Any:
    value: Any = "deep"
    for _ in range(levels):
        value = [value]
    return value


def nested_maps(levels: int) -> Any:
    value: Any = "deep"
    for _ in range(levels):
        value = {"Key": value}
    return value


HOSTILE: dict[str, Any] = {
    "lists": nested_lists(5000),
    "maps": nested_maps(5000),
    "a few lists": nested_lists(30),
    "a list of deep lists": [nested_lists(900), nested_maps(900)],
    "a huge number": 10**4200,
    "a number of too many digits": 10**5000,
    "a negative number": -1,
    "a fraction": 0.5,
    "not a number": math.nan,
    "infinity": math.inf,
    "true": True,
    "null": None,
    "nothing": "",
    "a blank": " ",
    "an empty list": [],
    "an empty map": {},
    "a list of null": [None],
    "a map of null": {"Key": None},
    "digits": "9" * 5000,
    "a long text": "x" * 20_000,
    "half a character": "\ud800",
    "a null character": "a\0b",
    "escapes": "\x1b[2J\x07\u202eabc\u2028",
    "deep JSON": "[" * 5000,
}


# What differs in how a property is read; the rest differs in the envelope alone.
IN_PROPERTIES = (
    "lists",
    "a list of deep lists",
    "a huge number",
    "not a number",
    "true",
    "null",
    "an empty map",
    "a list of null",
    "a long text",
    "half a character",
    "escapes",
    "deep JSON",
)


@pytest.fixture
def played() -> Played:
    return Played()


def check(answers: list[bytes], event: dict[str, Any]) -> dict[str, Any]:
    assert len(answers) == 1
    answer: dict[str, Any] = json.loads(answers[0])
    assert all(answer[name] == event[name] for name in ECHOED)
    assert answer["Status"] in ("SUCCESS", "FAILED")
    assert isinstance(answer["PhysicalResourceId"], str)
    assert 1 <= len(answer["PhysicalResourceId"]) <= 1024
    assert len(answer["Reason"]) <= 240
    if answer["Status"] == "FAILED":
        assert answer["Reason"]
        assert "Unexpected" not in answer["Reason"], answer["Reason"]
        assert "eport it" not in answer["Reason"]
    if all(len(event[name]) < 500 for name in ECHOED):
        assert len(answers[0]) <= 4096
    return answer


def is_usable(event: dict[str, Any]) -> bool:
    return all(isinstance(event.get(name), str) and event[name] for name in (*ECHOED, "ResponseURL"))


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_a_member_of_the_event_is(kind: str, value: Any, played: Played) -> None:
    for sample in (SAMPLES[1], SAMPLES[4]):
        whole = event_of(kind, sample, sample.accepted[0])
        for name in [*whole, "PhysicalResourceId", "OldResourceProperties", "Unheard"]:
            event = {**whole, name: value}
            answers = played.answers_to(event)
            if is_usable(event):
                check(answers, event)
            else:
                assert answers == []


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.type.removeprefix("Custom::Iot"))
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_stands_at_a_place_of_the_properties(kind: str, sample: Samples, played: Played) -> None:
    # A Delete reads few properties: every third value has to do.
    values = [HOSTILE[name] for name in IN_PROPERTIES[:: 3 if kind == "Delete" else 1]]
    for accepted in sample.accepted:
        whole = event_of(kind, sample, accepted)
        for member in {"ResourceProperties", "OldResourceProperties"} & whole.keys():
            for place in [*places_in(whole[member]), ("Unheard",)]:
                for value in values:
                    event = copy.deepcopy(whole)
                    put(event[member], place, value)
                    check(played.answers_to(event), event)


@pytest.mark.parametrize("event", [None, [], "event", 7, {}, nested_lists(5000), nested_maps(5000)], ids=lambda _: "")
def test_what_is_no_event_is_ignored(event: object, played: Played) -> None:
    assert played.answers_to(event) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"RequestType": "DELETE"},
            "RequestType: 'DELETE' is not one of CloudFormation's request types. Did you mean Delete?",
        ),
        (
            {"RequestType": "delete"},
            "RequestType: 'delete' is not one of CloudFormation's request types. Did you mean Delete?",
        ),
        (
            {"RequestType": "Created"},
            "RequestType: 'Created' is not one of CloudFormation's request types. Did you mean Create?",
        ),
        (
            {"RequestType": "Read"},
            "RequestType: 'Read' is not one of CloudFormation's request types. Send Create, Update or Delete",
        ),
        ({"RequestType": None}, "RequestType: is missing. Send Create, Update or Delete"),
        ({"RequestType": ["Delete"]}, "RequestType: is a list, not a text. Send Create, Update or Delete"),
        ({"ResourceType": None}, "ResourceType: is missing. Send the resource's type"),
        ({"ResourceType": {}}, "ResourceType: is a map, not a text. Send the resource's type"),
        ({"PhysicalResourceId": None}, "PhysicalResourceId: is missing. Every Update has the id"),
        ({"PhysicalResourceId": 7}, "PhysicalResourceId: is a number, not a text. Every Update has the id"),
        ({"PhysicalResourceId": "x" * 1025}, "PhysicalResourceId: has 1,025 characters, above CloudFormation's limit"),
        ({"ResourceProperties": None}, "ResourceProperties: is missing. Send a map of the properties"),
        ({"ResourceProperties": True}, "ResourceProperties: is a boolean, not a map. Send a map of the properties"),
        ({"OldResourceProperties": []}, "OldResourceProperties: is a list, not a map. Send a map of the properties"),
        (
            {"ResourceProperties": {"Tags": nested_lists(21)}},
            "Tags: has lists or maps that are nested more than 20 levels deep. See the documentation of the property",
        ),
        ({"LogicalResourceId": "x" * 3000}, "LogicalResourceId: has 3,000 characters, too many for the answer"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_the_reason_names_the_member_and_what_to_send(change: dict[str, Any], reason: str, played: Played) -> None:
    event = {**event_of("Update", SAMPLES[1], SAMPLES[1].accepted[0]), **change}
    assert check(played.answers_to(event), event)["Reason"].startswith(reason)


@pytest.mark.parametrize("of", [nested_lists, nested_maps])
def test_twenty_levels_are_read(of: Callable[[int], Any], played: Played) -> None:
    event = event_of("Create", SAMPLES[1], {**SAMPLES[1].accepted[0], "Status": of(20)})
    assert "Status: is a" in check(played.answers_to(event), event)["Reason"]


def test_the_delete_after_a_create_with_deep_properties_succeeds(played: Played) -> None:
    event = event_of("Delete", SAMPLES[0], SAMPLES[0].accepted[0])
    event["ResourceProperties"]["Tags"] = nested_maps(5000)
    assert check(played.answers_to(event), event)["Status"] == "SUCCESS"


def test_an_update_back_from_deep_properties_takes_them_for_invalid_ones(played: Played) -> None:
    sample, properties = SAMPLES[4], {"OnDelete": "DELETE"}
    event = event_of("Update", sample, properties)
    event["PhysicalResourceId"] = "registration-code"
    event["OldResourceProperties"]["OnDelete"] = nested_maps(5000)
    assert check(played.answers_to(event), event)["Status"] == "SUCCESS"
