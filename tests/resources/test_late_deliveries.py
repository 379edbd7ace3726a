"""Requests that come again, or so late that CloudFormation has gone on without them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from iot_certificate_provider.errors import ConflictError
from iot_certificate_provider.pki import Certificate
from iot_certificate_provider.protocol.request import Request, RequestType
from resources.stage import LOGICAL_ID

if TYPE_CHECKING:
    from fakes.aws import Call
    from iot_certificate_provider.resources.resource import Resource
    from resources.stage import Stage

LATER = timedelta(minutes=2)


@pytest.fixture(params=["ca", "device"])
def resource(request: pytest.FixtureRequest, stage: Stage) -> Resource:
    resources: dict[str, Resource] = {"ca": stage.ca, "device": stage.device}
    return resources[request.param]


def properties_for(stage: Stage, resource: Resource, name: str = "Factory CA 2") -> dict[str, Any]:
    """Return properties of a certificate that is not registered yet."""
    pem = issuing.make_ca(name).pem
    return {"CACertificatePem" if resource is stage.ca else "CertificatePem": pem, "CertificateMode": "SNI_ONLY"}


def delivered_again(request: Request) -> Request:
    """Return the request as Lambda delivers it after a function that died: two minutes after it was sent."""
    assert request.sent is not None
    return replace(request, sent=request.sent - LATER)


class TestAfterCloudFormationHasGoneOn:
    def test_a_create_that_was_rolled_back_registers_nothing(self, stage: Stage, resource: Resource) -> None:
        request = delivered_again(stage.request(RequestType.CREATE, properties_for(stage, resource)))
        stage.log("", "CREATE_IN_PROGRESS", ago=120)
        stage.log("", "CREATE_FAILED", ago=90)
        stage.log("", "DELETE_IN_PROGRESS", ago=80)
        with pytest.raises(ConflictError, match="no longer waits for this Create"):
            resource.create(request)
        assert stage.aws.writes() == []

    def test_an_update_that_was_rolled_back_changes_nothing(self, stage: Stage, resource: Resource) -> None:
        old = properties_for(stage, resource)
        created = stage.create(resource, old)
        new = {**old, "Status": "INACTIVE"}
        request = delivered_again(stage.request(RequestType.UPDATE, new, created.physical_id, old))
        stage.log(created.physical_id, "UPDATE_IN_PROGRESS", ago=120)
        stage.log(created.physical_id, "UPDATE_FAILED", ago=90)
        with pytest.raises(ConflictError, match="no longer waits for this Update"):
            resource.update(request)
        assert stage.aws.writes() == []

    def test_an_update_is_told_from_the_next_one(self, stage: Stage, resource: Resource) -> None:
        old = properties_for(stage, resource)
        created = stage.create(resource, old)
        new = {**old, "Status": "INACTIVE"}
        request = delivered_again(stage.request(RequestType.UPDATE, new, created.physical_id, old))
        stage.log(created.physical_id, "UPDATE_COMPLETE", ago=60)
        stage.log(created.physical_id, "UPDATE_IN_PROGRESS", ago=30)
        with pytest.raises(ConflictError, match="no longer waits for this Update"):
            resource.update(request)
        assert stage.aws.writes() == []

    def test_a_request_that_is_still_awaited_is_served(self, stage: Stage, resource: Resource) -> None:
        request = delivered_again(stage.request(RequestType.CREATE, properties_for(stage, resource)))
        stage.log("", "CREATE_IN_PROGRESS", ago=121)
        assert resource.create(request).physical_id in {*stage.iot.cas, *stage.iot.certificates}

    def test_so_is_one_in_an_update_of_the_stack_that_adds_the_resource(self, stage: Stage, resource: Resource) -> None:
        request = delivered_again(stage.request(RequestType.CREATE, properties_for(stage, resource)))
        stage.log("", "UPDATE_IN_PROGRESS", ago=121)
        assert resource.create(request).physical_id in {*stage.iot.cas, *stage.iot.certificates}


class TestACreateThatComesAgainAfterItDied:
    def begin(self, stage: Stage, resource: Resource) -> tuple[Request, str]:
        """Register, and die before anybody hears of it; return the second delivery, and the certificate's id."""
        properties = properties_for(stage, resource)
        stage.log("", "CREATE_IN_PROGRESS")
        outcome = resource.create(stage.request(RequestType.CREATE, properties))
        return stage.request(RequestType.CREATE, properties, age=60), outcome.physical_id

    def test_is_undone_when_cloudformation_gives_it_up_meanwhile(self, stage: Stage, resource: Resource) -> None:
        again, _ = self.begin(stage, resource)

        def give_up(call: Call) -> None:
            if call.name.startswith("iot.Update"):
                stage.aws.cloudformation.resources[LOGICAL_ID] = ("", "DELETE_IN_PROGRESS")

        stage.aws.before = give_up
        with pytest.raises(ConflictError, match="cancelled the resource"):
            resource.create(again)
        assert not {*stage.iot.cas, *stage.iot.certificates}
        assert again.progress.registered is None

    def test_answers_with_the_certificate_when_it_fails_and_takes_it_away_only_then(
        self, stage: Stage, resource: Resource
    ) -> None:
        again, certificate_id = self.begin(stage, resource)

        def fail(call: Call) -> None:
            if call.name.startswith("iot.Update"):
                raise ConflictError("planned")

        stage.aws.before = fail
        with pytest.raises(ConflictError, match="planned"):
            resource.create(again)
        assert again.progress.registered == certificate_id
        assert certificate_id in {*stage.iot.cas, *stage.iot.certificates}


def test_a_create_that_was_answered_has_no_certificate_issued_in_place_of_one_that_was_deleted(stage: Stage) -> None:
    properties = {"CertificateSigningRequest": issuing.make_csr("thermostat").pem}
    stage.create(stage.device, properties)
    stage.iot.certificates.clear()
    with pytest.raises(ConflictError, match="answered before"):
        stage.device.create(stage.request(RequestType.CREATE, properties))
    assert stage.iot.certificates == {}


def test_an_update_that_was_answered_has_none_issued_either(stage: Stage) -> None:
    properties = {"CertificateSigningRequest": issuing.make_csr("thermostat").pem}
    created = stage.create(stage.device, properties)
    stage.log(created.physical_id, "UPDATE_IN_PROGRESS", ago=120)
    stage.log(created.physical_id, "UPDATE_COMPLETE", ago=60)
    stage.iot.certificates.clear()
    request = stage.request(RequestType.UPDATE, {**properties, "Status": "INACTIVE"}, created.physical_id, properties)
    with pytest.raises(ConflictError, match="This Update was answered before"):
        stage.device.update(delivered_again(request))
    assert stage.iot.certificates == {}
    # Of the first delivery, the log may not say yet that it has begun.
    assert stage.device.update(request).physical_id in stage.iot.certificates


OTHER = "ab" * 32
AWAITED = {
    "a Create that runs": ("Create", [("", "CREATE_IN_PROGRESS", 121)]),
    "a Create that has ended well": ("Create", [("", "CREATE_IN_PROGRESS", 121), ("id", "CREATE_COMPLETE", 60)]),
    "a Create in an update of the stack": ("Create", [("", "UPDATE_IN_PROGRESS", 121)]),
    "an Update that runs": ("Update", [("id", "CREATE_COMPLETE", 500), ("id", "UPDATE_IN_PROGRESS", 121)]),
    "an Update that has ended well": ("Update", [("id", "UPDATE_IN_PROGRESS", 121), ("id", "UPDATE_COMPLETE", 60)]),
    "an Update whose old certificate is being cleaned up": (
        "Update",
        [
            ("id", "UPDATE_IN_PROGRESS", 121),
            ("id", "UPDATE_COMPLETE", 60),
            (OTHER, "DELETE_IN_PROGRESS", 50),
            (OTHER, "DELETE_COMPLETE", 40),
        ],
    ),
}
NOT_AWAITED = {
    "a Create that failed": ("Create", [("", "CREATE_IN_PROGRESS", 121), ("", "CREATE_FAILED", 60)]),
    "a Create whose certificate is being deleted": (
        "Create",
        [("", "CREATE_IN_PROGRESS", 121), ("id", "CREATE_COMPLETE", 60), ("id", "DELETE_IN_PROGRESS", 30)],
    ),
    "a Create of which only the deletion is known": ("Create", [("id", "DELETE_COMPLETE", 30)]),
    "a Create that was followed by an Update": (
        "Create",
        [("id", "CREATE_COMPLETE", 110), ("id", "UPDATE_IN_PROGRESS", 30)],
    ),
    "an Update that failed": ("Update", [("id", "UPDATE_IN_PROGRESS", 121), ("id", "UPDATE_FAILED", 60)]),
    "an Update whose certificate was deleted": (
        "Update",
        [("id", "UPDATE_IN_PROGRESS", 121), ("id", "UPDATE_COMPLETE", 60), ("id", "DELETE_COMPLETE", 30)],
    ),
    "an Update that the next one follows": (
        "Update",
        [("id", "CREATE_COMPLETE", 500), ("id", "UPDATE_COMPLETE", 110), ("id", "UPDATE_IN_PROGRESS", 30)],
    ),
    "an Update that the next one has followed": (
        "Update",
        [("id", "CREATE_COMPLETE", 500), ("id", "UPDATE_IN_PROGRESS", 90), ("id", "UPDATE_COMPLETE", 30)],
    ),
}


def is_awaited(stage: Stage, kind: str, rows: list[tuple[str, str, int]], *, dated: bool = True) -> bool:
    """Deliver a request, two minutes late, into a stack with this log; say whether anything was done."""
    moment = stage.now()
    stage.now = lambda: moment
    properties = properties_for(stage, stage.device)
    certificate = Certificate.from_pem(properties["CertificatePem"])
    physical_id = None if kind == "Create" else certificate.id
    for row_id, status, ago in rows:
        stage.log(certificate.id if row_id == "id" else row_id, status, ago)
    if kind == "Update":
        stage.iot.RegisterCertificateWithoutCA(certificatePem=certificate.pem, status="INACTIVE")
        stage.iot.certificates[certificate.id].created -= timedelta(seconds=600)
    old = {**properties, "Status": "INACTIVE"}
    request = delivered_again(stage.request(RequestType(kind), properties, physical_id, old))
    request = request if dated else replace(request, sent=None)
    try:
        (stage.device.create if kind == "Create" else stage.device.update)(request)
    except ConflictError:
        assert stage.aws.writes() == []
        return False
    return True


@pytest.mark.parametrize("case", AWAITED.values(), ids=AWAITED)
def test_a_late_delivery_is_served_of(stage: Stage, case: tuple[str, list[tuple[str, str, int]]]) -> None:
    assert is_awaited(stage, *case)


@pytest.mark.parametrize("case", NOT_AWAITED.values(), ids=NOT_AWAITED)
def test_a_late_delivery_changes_nothing_of(stage: Stage, case: tuple[str, list[tuple[str, str, int]]]) -> None:
    assert not is_awaited(stage, *case)


@pytest.mark.parametrize(("newest", "awaited"), [("UPDATE_IN_PROGRESS", True), ("UPDATE_COMPLETE", False)])
def test_an_update_that_does_not_say_when_it_was_sent_is_served_only_while_it_runs(
    stage: Stage, newest: str, awaited: bool
) -> None:
    rows = [("id", "CREATE_COMPLETE", 500), ("id", "UPDATE_IN_PROGRESS", 121), ("id", newest, 30)]
    assert is_awaited(stage, "Update", rows, dated=False) is awaited


def test_the_log_may_be_two_seconds_ahead_of_the_requests_date(stage: Stage) -> None:
    assert is_awaited(stage, "Update", [("id", "UPDATE_IN_PROGRESS", 118)])
