"""The generation of a stack's certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.properties.certificate_generation import is_later
from iot_certificate_provider.protocol.request import RequestType

if TYPE_CHECKING:
    from iot_certificate_provider.protocol.response import Outcome
    from resources.stage import Stage


def requested(value: str) -> dict[str, str]:
    return {"Requested": value}


def created(stage: Stage, value: str) -> Outcome:
    return stage.create(stage.resource(ResourceType.CERTIFICATE_GENERATION), requested(value))


def updated(stage: Stage, physical_id: str, old: str, new: str) -> Outcome:
    resource = stage.resource(ResourceType.CERTIFICATE_GENERATION)
    return stage.update(resource, physical_id, requested(old), requested(new))


def test_it_has_its_value_in_its_id(stage: Stage) -> None:
    outcome = created(stage, "2027-09-24")
    assert outcome.physical_id == "generation/2027-09-24"
    assert outcome.attributes == {"Generation": "2027-09-24"}
    assert stage.aws.names() == []


def test_a_greater_one_takes_its_place(stage: Stage) -> None:
    outcome = updated(stage, created(stage, "9").physical_id, "9", "10")
    assert (outcome.physical_id, outcome.attributes["Generation"], outcome.note) == ("generation/10", "10", "")


@pytest.mark.parametrize("smaller", ["0", "2026-12-01", "2027-9-24"])
def test_it_never_goes_back(stage: Stage, smaller: str) -> None:
    """Also in an update after that: what counts is the id, not the old properties."""
    first = created(stage, "0")
    second = updated(stage, first.physical_id, "0", "2027-09-24")
    third = updated(stage, second.physical_id, "2027-09-24", smaller)
    assert (third.physical_id, third.attributes) == (second.physical_id, second.attributes)
    assert third.note == f"Generation 2027-09-24 is kept: it never goes back to {smaller}"
    assert updated(stage, third.physical_id, smaller, "2027-09-23").physical_id == second.physical_id


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_rollback_returns_the_id_from_before(stage: Stage, forgotten: bool) -> None:
    """Not what is requested again: a tool may have reset that long before. CloudFormation forgets after 90 days."""
    first = created(stage, "5")
    second = updated(stage, first.physical_id, "5", "0")
    if forgotten:
        stage.aws.cloudformation.events.clear()
    third = updated(stage, second.physical_id, "0", "6")
    assert third.physical_id == "generation/6"
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert updated(stage, third.physical_id, "6", "0").physical_id == first.physical_id


def test_a_rollback_of_an_update_that_failed_keeps_what_there_is(stage: Stage) -> None:
    first = created(stage, "5")
    stage.aws.cloudformation.events.clear()
    stage.aws.cloudformation.begin_update()
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert updated(stage, first.physical_id, "x", "0").physical_id == first.physical_id


def test_a_rollback_of_which_the_log_says_nothing_keeps_what_there_is(stage: Stage) -> None:
    resource = stage.resource(ResourceType.CERTIFICATE_GENERATION)
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    request = stage.request(RequestType.UPDATE, requested("0"), "generation/5", requested("6"))
    assert resource.update(request).physical_id == "generation/5"


def test_there_is_nothing_to_delete(stage: Stage) -> None:
    resource = stage.resource(ResourceType.CERTIFICATE_GENERATION)
    assert stage.delete(resource, "generation/5", {}).note == "Nothing to delete: a generation is only a value"
    assert stage.aws.names() == []


@pytest.mark.parametrize("value", ["", " ", "a/b", "a b", "-1", "x" * 65])
def test_what_is_none_is_refused(stage: Stage, value: str) -> None:
    with pytest.raises(InvalidPropertyError, match=r"^Requested"):
        created(stage, value)


@pytest.mark.parametrize(
    ("later", "than"),
    [("10", "9"), ("2027-01-01", "2026-12-31"), ("2027-01-01.2", "2027-01-01"), ("a", "9"), ("a10", "a9"), ("1", "")],
)
def test_the_order(later: str, than: str) -> None:
    assert is_later(later, than)
    assert not is_later(than, later)


def test_the_same_number_written_otherwise_is_no_later_one() -> None:
    assert not is_later("07", "7")
    assert not is_later("7", "07")
