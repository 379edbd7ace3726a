"""A device chooses its subject, and others choose names: no answer and no log line carries what moves a cursor."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.printable import printable
from visible import AS_SHOWN, HOSTILE, NAME, assert_printable

if TYPE_CHECKING:
    from fakes.aws import Call
    from handler.listening import Everything
    from handler.stage import Stage

SUBJECT = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])


def assert_all_printable(answer: dict[str, Any], log: Everything) -> None:
    data = {name: value for name, value in answer["Data"].items() if name != "CertificatePem"}
    for text in (answer["Reason"], answer["PhysicalResourceId"], *data.values()):
        assert_printable(text)
    for line in log.lines():
        assert_printable(json.dumps(line))
        for value in line.values():
            assert_printable(str(value))


def test_the_attributes_show_them_escaped_as_names_have_it(
    stage: Stage, registered_ca: issuing.Issued, log: Everything
) -> None:
    device = issuing.make_device(registered_ca, subject=SUBJECT)
    answer = stage.invoke(stage.event("Create", {"CertificatePem": device.pem}))
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"]["Subject"] == f"CN={AS_SHOWN}"
    assert_all_printable(answer, log)


def test_so_do_those_of_a_certificate_whose_issuer_has_such_a_name(stage: Stage, log: Everything) -> None:
    ca = issuing.make_ca(subject=SUBJECT)
    proof = issuing.make_verification_certificate(ca, stage.iot.registration_code)
    stage.iot.RegisterCACertificate(caCertificate=ca.pem, verificationCertificate=proof.pem, setAsActive=True)
    answer = stage.invoke(stage.event("Create", {"CertificatePem": issuing.make_device(ca).pem}))
    assert answer["Data"]["Issuer"] == f"CN={AS_SHOWN}"
    assert_all_printable(answer, log)


def test_so_does_the_subject_of_a_signing_request(stage: Stage, log: Everything) -> None:
    request = issuing.make_csr(subject=SUBJECT)
    answer = stage.invoke(stage.event("Create", {"CertificateSigningRequest": request.pem}))
    assert answer["Data"]["Subject"] == f"CN={AS_SHOWN}"
    assert_all_printable(answer, log)


def test_a_reason_that_quotes_names(stage: Stage, registered_ca: issuing.Issued, log: Everything) -> None:
    device = issuing.make_device(issuing.make_ca(subject=SUBJECT))
    properties = {"CertificatePem": device.pem, "CACertificatePem": registered_ca.pem}
    answer = stage.invoke(stage.event("Create", properties))
    assert r"its issuer is 'CN=dev\1B[2J\07" in answer["Reason"]
    assert_all_printable(answer, log)


@pytest.mark.parametrize("name", ["Status", "PolicyNames", "Unheard\x1b[2J"])
def test_a_reason_about_a_value(stage: Stage, device: issuing.Issued, name: str, log: Everything) -> None:
    value = [NAME] if name == "PolicyNames" else NAME
    answer = stage.invoke(stage.event("Create", {"CertificatePem": device.pem, name: value}))
    assert answer["Status"] == "FAILED"
    assert_all_printable(answer, log)


def test_a_reason_that_has_words_of_aws(stage: Stage, device: issuing.Issued, log: Everything) -> None:
    def refuse(call: Call) -> None:
        if call.name == "iot.RegisterCertificate":
            raise Refusal("InvalidRequestException", f"No: {NAME}")

    stage.aws.before = refuse
    answer = stage.invoke(stage.event("Create", {"CertificatePem": device.pem}))
    assert r"AWS: No: dev\1B[2J\07" in answer["Reason"]
    assert_all_printable(answer, log)


@pytest.mark.parametrize("member", ["LogicalResourceId", "RequestType", "ResourceType", "PhysicalResourceId"])
def test_the_log_line_of_an_event_with_such_a_member(stage: Stage, member: str, log: Everything) -> None:
    stage.invoke(stage.event("Delete", **{member: NAME}))
    (line,) = log.lines()
    for value in line.values():
        assert_printable(str(value))


@pytest.mark.parametrize("text", ["", "Werk & Söhne", "工場", "🔧", "a\u00a0b", r"CN=a\,b"])
def test_other_texts_are_left_as_they_are(text: str) -> None:
    assert printable(text) == text


def test_every_character_that_may_do_harm_is_escaped() -> None:
    every = [chr(code) for code in range(0x110000) if HOSTILE.match(chr(code))]
    assert len(every) > 2000
    assert_printable("".join(map(printable, every)))
    assert printable(printable("".join(every))) == printable("".join(every))
