"""Events that CloudFormation never sends: answered where they say, or nowhere; never at the URL of another request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificate_provider.handler import ResponseNotDeliveredError

if TYPE_CHECKING:
    import issuing
    from handler.stage import Stage


@pytest.fixture(autouse=True)
def previous(stage: Stage, device: issuing.Issued) -> str:
    """Serve a request first, so that there is a previous URL to answer at by mistake."""
    event = stage.event("Create", {"CertificatePem": device.pem})
    event["ResponseURL"] += "&previous"
    stage.invoke(event)
    stage.endpoint.received.clear()
    return str(event["ResponseURL"])


@pytest.mark.parametrize("name", ["StackId", "RequestId", "LogicalResourceId", "ResponseURL"])
@pytest.mark.parametrize("value", [None, "", 7, ["https://127.0.0.1/"]], ids=["missing", "empty", "number", "list"])
@pytest.mark.parametrize("kind", ["Create", "Delete"])
def test_without_a_usable_envelope_nothing_is_answered_and_nothing_done(
    stage: Stage, kind: str, name: str, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    changes: dict[str, Any] = {name: value}
    event = stage.event(kind, **changes)
    assert stage.invoke_for_all(event) == []
    assert stage.aws.names() == []
    (line,) = [record for record in caplog.records if record.name == "iot_certificate_provider"]
    assert json.loads(line.getMessage())["outcome"] == "IGNORED"


@pytest.mark.parametrize("date", ["", "&X-Amz-Date=today", "&X-Amz-Date=20261131T000000Z"])
def test_a_url_that_does_not_say_when_it_was_signed_is_answered_like_any_other(stage: Stage, date: str) -> None:
    url = stage.event("Delete")["ResponseURL"].partition("?")[0]
    assert stage.invoke(stage.event("Delete", ResponseURL=f"{url}?X-Amz-Signature=0{date}"))["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    "changes",
    [
        {"RequestType": None},
        {"RequestType": "Read"},
        {"RequestType": "create"},
        {"RequestType": ["Create"]},
        {"RequestType": ""},
        {"ResourceType": None},
        {"ResourceProperties": None},
        {"ResourceProperties": ["CertificatePem"]},
        {"ResourceProperties": "CertificatePem"},
    ],
    ids=str,
)
def test_a_create_that_cannot_be_read_fails_at_its_own_url(stage: Stage, changes: dict[str, Any]) -> None:
    answer = stage.invoke(stage.event("Create", **changes))
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith(f"{next(iter(changes))}: ")
    assert answer["PhysicalResourceId"] == f"create-failed/{answer['RequestId']}"
    assert "previous" not in stage.endpoint.received[0].target
    assert stage.aws.names() == []


@pytest.mark.parametrize("kind", ["Update", "Delete"])
@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
def test_an_update_or_delete_without_an_id_fails_at_its_own_url(
    stage: Stage, kind: str, value: object, device: issuing.Issued
) -> None:
    event = stage.event(kind, {"CertificatePem": device.pem}, PhysicalResourceId=value)
    answer = stage.invoke(event)
    assert answer["Status"] == "FAILED"
    assert answer["PhysicalResourceId"]
    assert "PhysicalResourceId" in answer["Reason"]
    assert "previous" not in stage.endpoint.received[0].target
    assert stage.aws.names() == []


def test_a_delete_with_properties_that_are_no_map_succeeds(stage: Stage, device: issuing.Issued) -> None:
    (certificate_id,) = stage.iot.certificates
    answer = stage.invoke(stage.event("Delete", PhysicalResourceId=certificate_id, ResourceProperties="nonsense"))
    assert answer["Status"] == "SUCCESS"
    assert stage.iot.certificates == {}


def test_an_update_without_old_properties_brings_everything_to_the_new_ones(
    stage: Stage, device: issuing.Issued
) -> None:
    (certificate_id,) = stage.iot.certificates
    properties = {"CertificatePem": device.pem, "Status": "INACTIVE"}
    event = stage.event("Update", properties, PhysicalResourceId=certificate_id, OldResourceProperties=None)
    assert stage.invoke(event)["Status"] == "SUCCESS"
    assert stage.iot.certificates[certificate_id].status == "INACTIVE"


@pytest.mark.parametrize(
    "url", ["nonsense", "https://", "https://[", "http://127.0.0.1:port/", "https://127.0.0.1:1/é"]
)
def test_a_url_that_leads_nowhere_is_reported_to_lambda(stage: Stage, url: str) -> None:
    with pytest.raises(ResponseNotDeliveredError):
        stage.invoke(stage.event("Delete", ResponseURL=url))
    assert stage.endpoint.received == []


def test_a_poll_that_crhelper_would_take_for_its_own_is_served_as_the_request_it_is(
    stage: Stage, device: issuing.Issued
) -> None:
    (certificate_id,) = stage.iot.certificates
    event = stage.event("Delete", PhysicalResourceId=certificate_id, CrHelperPoll=True, CrHelperData={"Left": "over"})
    answer = stage.invoke(event)
    assert answer["PhysicalResourceId"] == certificate_id
    assert answer["Data"] == {}
    assert stage.iot.certificates == {}
