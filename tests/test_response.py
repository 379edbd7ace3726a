"""The shape of a response, and its limits."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iot_certificate_provider.deadline import Deadline
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.printable import printable
from iot_certificate_provider.protocol import response
from iot_certificate_provider.protocol.request import AwsEnvironment, Request, RequestType
from iot_certificate_provider.protocol.response import Outcome
from visible import assert_printable

ECHOED = {"StackId": "stack", "RequestId": "request", "LogicalResourceId": "Certificate"}


def request() -> Request:
    return Request(
        type=RequestType.CREATE,
        resource_type="Custom::IotDeviceCertificate",
        request_id=ECHOED["RequestId"],
        stack_id=ECHOED["StackId"],
        logical_id=ECHOED["LogicalResourceId"],
        physical_id=None,
        properties={},
        old_properties={},
        home=AwsEnvironment("aws", "eu-west-1", "123456789012"),
        deadline=Deadline(lambda: 280.0),
    )


def test_a_success_has_the_attributes_and_no_reason() -> None:
    assert response.body(ECHOED, Outcome("id", {"Arn": "x"})) == {
        **ECHOED,
        "Status": "SUCCESS",
        "Reason": "",
        "PhysicalResourceId": "id",
        "NoEcho": False,
        "Data": {"Arn": "x"},
    }


def test_a_failure_always_has_a_reason() -> None:
    for nothing in ("", " \n "):
        answer = response.body(ECHOED, Outcome("id"), failure=nothing)
        assert answer["Status"] == "FAILED"
        assert answer["Reason"].strip()


@given(text=st.text(max_size=600))
@settings(max_examples=200, deadline=None)
def test_a_reason_is_one_line_of_at_most_240_characters_that_keeps_its_beginning(text: str) -> None:
    reason = response.reason(text)
    line = printable(" ".join(text.split()))
    assert 0 < len(reason) <= 240
    assert len(reason.splitlines()) == 1
    assert_printable(reason)
    if line:
        assert line.startswith(reason.removesuffix("…") if len(line) > 240 else reason)


@pytest.mark.parametrize("length", [1, 239, 240])
def test_a_reason_that_fits_is_whole(length: int) -> None:
    assert response.reason("x" * length) == "x" * length


def test_of_a_reason_that_is_too_long_as_much_is_kept_as_fits() -> None:
    assert response.reason("x" * 241) == "x" * 239 + "…"


@given(text=st.text(alphabet=st.characters(), max_size=600))
@settings(max_examples=100, deadline=None)
def test_a_failure_fits_whatever_its_reason_says(text: str) -> None:
    encoded = response.encode(response.body(ECHOED, Outcome("i" * 64), failure=text))
    assert len(encoded) <= 4096
    assert json.loads(encoded)["Status"] == "FAILED"


def test_what_fits_exactly_is_let_through_and_one_byte_more_is_not() -> None:
    empty = len(response.encode(response.body(ECHOED, Outcome("id", {"Subject": ""}))))
    response.ensure_fits(request(), Outcome("id", {"Subject": "x" * (4096 - empty)}))
    with pytest.raises(InvalidPropertyError, match=r"^Attribute Subject: .* 4,097 bytes, above the limit of 4,096"):
        response.ensure_fits(request(), Outcome("id", {"Subject": "x" * (4097 - empty)}))


def test_what_is_measured_is_what_goes_over_the_wire() -> None:
    # JSON writes a character outside ASCII as six bytes, and a line end as two.
    with pytest.raises(InvalidPropertyError, match="Attribute Subject"):
        response.ensure_fits(request(), Outcome("id", {"Arn": "x" * 900, "Subject": "é" * 700}))
    with pytest.raises(InvalidPropertyError, match="Attribute CertificatePem"):
        response.ensure_fits(request(), Outcome("id", {"Arn": "x" * 900, "CertificatePem": "\n" * 2000}))


def test_what_is_too_large_without_any_attribute_is_the_data() -> None:
    assert str(response.too_large(5000, {})).startswith("Attribute Data: the answer to CloudFormation would have 5,000")


@pytest.mark.parametrize(("more", "given"), [(0, True), (1, False)], ids=["fits exactly", "one byte more"])
def test_an_attribute_that_does_not_fit_is_empty_and_the_others_are_kept(more: int, *, given: bool) -> None:
    outcome = Outcome("id", {"Arn": "arn"}, note="a note")
    empty = response.with_attribute_that_fits(request(), outcome, "CertificatePem", "")
    value = "x" * (4096 - len(response.encode(response.body(ECHOED, empty))) + more)
    answer = response.with_attribute_that_fits(request(), outcome, "CertificatePem", value)
    assert answer.attributes == {"Arn": "arn", "CertificatePem": value if given else ""}
    assert answer.note == "a note"


def test_two_outcomes_with_the_same_id_and_attributes_are_equal_however_they_are_told() -> None:
    told = response.noted(Outcome("id", {"Arn": "x"}, answered_by=lambda: None), "why")
    assert (told, told.note) == (Outcome("id", {"Arn": "x"}), "why")
