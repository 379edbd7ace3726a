"""Subject, alternative names and validity of certificates that are to be made, out of CloudFormation's strings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import issuing
from iot_certificate_provider.contract import IssuedDeviceCertificateProperty, KeyAlgorithm, SubjectProperty
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.pki import Certificate, self_signed_ca
from iot_certificate_provider.properties.issuance import (
    read_alternative_names,
    read_subject,
    read_validity,
    validity_days,
)
from iot_certificate_provider.properties.issuance import subject as subject_property
from iot_certificate_provider.properties.issued_device_certificate import SHAPE
from iot_certificate_provider.properties.reader import Reader
from iot_certificate_provider.properties.shapes import ALWAYS
from pki import making

if TYPE_CHECKING:
    from enum import StrEnum

NAME = IssuedDeviceCertificateProperty
SUBJECT = subject_property(required=ALWAYS)
LEFT_OUT = object()

WHOLE = {
    "CommonName": "thermostat-1",
    "SerialNumber": "0024-BE/7 (B)",
    "Country": "DE",
    "OrganizationalUnit": "Halle Süd",
    "Organization": "Werk & Söhne, GmbH",
    "State": "Baden-Württemberg",
    "Locality": "上海",
}


def reader(name: StrEnum, value: object) -> Reader:
    return Reader({} if value is LEFT_OUT else {str(name): value}, SHAPE)


def subject(value: object) -> x509.Name:
    return read_subject(reader(NAME.SUBJECT, value), SUBJECT)


def refusal_of_subject(value: object) -> str:
    with pytest.raises(InvalidPropertyError) as caught:
        subject(value)
    assert len(str(caught.value)) <= 240
    return str(caught.value)


class TestASubject:
    def test_has_its_attributes_in_the_order_of_a_directory_whatever_the_templates(self) -> None:
        assert [(each.oid, each.value) for each in subject(WHOLE)] == [
            (NameOID.COUNTRY_NAME, "DE"),
            (NameOID.STATE_OR_PROVINCE_NAME, "Baden-Württemberg"),
            (NameOID.LOCALITY_NAME, "上海"),
            (NameOID.ORGANIZATION_NAME, "Werk & Söhne, GmbH"),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, "Halle Süd"),
            (NameOID.COMMON_NAME, "thermostat-1"),
            (NameOID.SERIAL_NUMBER, "0024-BE/7 (B)"),
        ]

    def test_needs_nothing_but_a_common_name(self) -> None:
        assert subject({"CommonName": "thermostat-1"}) == issuing.common_name("thermostat-1")

    @pytest.mark.parametrize(
        ("name", "characters"),
        [
            ("State", 128),
            ("Locality", 128),
            ("Organization", 64),
            ("OrganizationalUnit", 64),
            ("CommonName", 64),
            ("SerialNumber", 64),
        ],
    )
    def test_has_the_upper_bounds_of_rfc_5280(self, name: str, characters: int) -> None:
        subject({**WHOLE, name: "x" * characters})
        begins = f"Subject.{name}: a text of {characters + 1} characters is too long. It can have {characters} "
        assert refusal_of_subject({**WHOLE, name: "x" * (characters + 1)}).startswith(begins)

    def test_counts_characters_but_the_common_names_bytes(self) -> None:
        subject({"CommonName": "設" * 21, "Organization": "設" * 64})
        assert "is too long" in refusal_of_subject({"CommonName": "設" * 22})
        assert "and fewer with letters outside ASCII" in refusal_of_subject({"CommonName": "設" * 22})


@pytest.mark.parametrize(
    ("value", "begins"),
    [
        (LEFT_OUT, "Subject: is missing. Give a map with a CommonName, like {CommonName: thermostat-1}"),
        ("CN=thermostat-1", "Subject: is a text, not a map"),
        ([], "Subject: is a list, not a map"),
        ({}, "Subject.CommonName: is missing. Give the subject of the certificate"),
        ({"Organization": "Factory"}, "Subject.CommonName: is missing"),
        ({"CN": "thermostat-1"}, "Subject.CN: is not a property of this type. It has Country, State"),
        ({"Commonname": "a"}, "Subject.Commonname: is not a property of this type. Did you mean CommonName?"),
        ({"CommonName": ""}, "Subject.CommonName: is empty"),
        ({"CommonName": "\n"}, "Subject.CommonName: is empty"),
        ({"CommonName": ["a"]}, "Subject.CommonName: is a list, not a text"),
        ({"CommonName": 7}, "Subject.CommonName: is a number, not a text"),
        (
            {"CommonName": " a"},
            "Subject.CommonName: ' a' begins or ends with a space, which the comparison of names ignores",
        ),
        ({"CommonName": "a "}, "Subject.CommonName: 'a ' begins or ends with a space"),
        ({"CommonName": "a\n"}, "Subject.CommonName: a text of 2 characters has unprintable characters"),
        ({"CommonName": "a\0b"}, "Subject.CommonName: a text of 3 characters has unprintable characters"),
        ({"CommonName": "\ud800"}, "Subject.CommonName: a text of 1 characters has unprintable characters"),
        ({"CommonName": "a\u202eb"}, "Subject.CommonName: a text of 3 characters has unprintable characters"),
        ({"CommonName": "a", "Country": "de"}, "Subject.Country: 'de' is not a country code. Give the two capital"),
        ({"CommonName": "a", "Country": "DEU"}, "Subject.Country: 'DEU' is not a country code"),
        ({"CommonName": "a", "Country": "Germany"}, "Subject.Country: 'Germany' is not a country code"),
        ({"CommonName": "a", "Country": "ÄÖ"}, "Subject.Country: 'ÄÖ' is not a country code"),
        (
            {"CommonName": "a", "SerialNumber": "1_2"},
            "Subject.SerialNumber: '1_2' has characters that are not allowed in a serial number",
        ),
        (
            {"CommonName": "a", "SerialNumber": "№ 1"},
            "Subject.SerialNumber: '№ 1' has characters that are not allowed in a serial",
        ),
        ({"CommonName": issuing.make_ca().key_pem()}, "Subject.CommonName: a text of "),
    ],
)
def test_a_mistake_in_the_subject_is_refused_by_name_with_the_problem_and_the_fix(value: object, begins: str) -> None:
    assert refusal_of_subject(value).startswith(begins)


def subjects_of(
    values: st.SearchStrategy[str], serial_numbers: st.SearchStrategy[str], countries: st.SearchStrategy[str]
) -> st.SearchStrategy[dict[str, str]]:
    special = {"Country": countries, "SerialNumber": serial_numbers}
    others = {str(name): special.get(name, values) for name in SubjectProperty if name != "CommonName"}
    return st.fixed_dictionaries({"CommonName": values}, optional=others)


letters = st.characters(codec="utf-8", categories=["L", "N", "P"])
capitals = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2)
anything = st.text(max_size=70) | st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), max_size=70)
plausible = subjects_of(
    st.text(letters, min_size=1, max_size=16),
    st.text("ABCXYZabcxyz0189'()+,./:=?-", min_size=1, max_size=64),
    capitals,
)
subjects = plausible | subjects_of(anything, anything, capitals | anything)


def accepted(raw: dict[str, str]) -> x509.Name | None:
    try:
        return subject(raw)
    except InvalidPropertyError:
        return None


@given(raw=subjects)
@settings(max_examples=150, deadline=None)
def test_whatever_subject_is_accepted_survives_a_round_trip(raw: dict[str, str]) -> None:
    name = accepted(raw)
    # Hypothesis fails the test when hardly any is accepted: the plausible ones have to be.
    assume(name is not None)
    assert name is not None
    ca = self_signed_ca(making.key(KeyAlgorithm.EC_P256, "CA"), name, making.NOW, making.YEAR)
    again = Certificate.from_pem(ca.pem)
    assert again == ca
    assert {each.value for each in again.parsed.subject} == set(raw.values())
    assert len(again.parsed.subject.rdns) == len(raw)
    request = making.request(subject=name)
    assert making.signer().issue(request, making.NOW, making.YEAR).parsed.subject.public_bytes() == name.public_bytes()


# --- Alternative names ------------------------------------------------------------------------------------------------


def alternative_names(value: object) -> x509.SubjectAlternativeName | None:
    return read_alternative_names(reader(NAME.SUBJECT_ALTERNATIVE_NAMES, value))


def test_alternative_names_are_read_in_their_order_each_once() -> None:
    assert alternative_names(["URI:urn:a:b", "DNS:a.example", "URI:urn:a:b"]) == making.names(
        x509.UniformResourceIdentifier("urn:a:b"), x509.DNSName("a.example")
    )


@pytest.mark.parametrize("value", [LEFT_OUT, []])
def test_there_may_be_no_alternative_names(value: object) -> None:
    assert alternative_names(value) is None


@pytest.mark.parametrize(
    ("value", "begins"),
    [
        ("DNS:a.example", "is a text, not a list. Give a list, also for one item"),
        ({"DNS": "a.example"}, "is a map, not a list"),
        (["a.example"], "'a.example' does not begin with DNS:, URI:, IP: or email:. Write DNS:host.example.com, URI:"),
        (["DNS:a.example", "DNS:*.example"], "'DNS:*.example' is not a host name. Write letters, digits, hyphens"),
        (["IP:a.example"], "'IP:a.example' is not an IP address. Write one address, IPv4 or IPv6"),
        (["email:a"], "'email:a' is not a mailbox. Write name@example.com alone, in ASCII"),
        (["URI:a"], "'URI:a' is not an absolute URI. Write a scheme first"),
        ([["DNS:a.example"]], "a list is not a text. Write each like DNS:host.example.com"),
        ([7], "a number is not a text"),
        ([f"DNS:a{n}.example" for n in range(21)], "there are 21. Give at most 20"),
        ([issuing.make_ca().key_pem()], "a text of "),
    ],
)
def test_a_mistake_in_the_alternative_names_is_refused_by_name(value: object, begins: str) -> None:
    with pytest.raises(InvalidPropertyError) as caught:
        alternative_names(value)
    assert str(caught.value).startswith(f"SubjectAlternativeNames: {begins}")
    assert len(str(caught.value)) <= 240


def test_twenty_alternative_names_are_possible() -> None:
    names = alternative_names([f"DNS:a{n}.example" for n in range(20)])
    assert names is not None
    assert len(list(names)) == 20


# --- Validity ---------------------------------------------------------------------------------------------------------


def validity(value: object) -> timedelta:
    return read_validity(reader(NAME.VALIDITY_DAYS, value), validity_days(default=365))


@pytest.mark.parametrize(("value", "days"), [(LEFT_OUT, 365), ("1", 1), ("3650", 3650), ("36500", 36_500)])
def test_a_validity_is_a_number_of_days_in_a_text(value: object, days: int) -> None:
    assert validity(value) == timedelta(days=days)


def test_the_longest_validity_ends_before_the_time_of_certificates() -> None:
    assert datetime(2099, 12, 31, tzinfo=UTC) + validity("36500") < datetime(9999, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "begins"),
    [
        *(
            (text, f"'{text}' is not a number of days. Give a whole number from 1 to 36500")
            for text in ("0", "-1", "+1", "1.0", "1e3", "0365", "36501", "99999", "365000", "ten", " 1", "1 ", "٣")
        ),
        ("1\n", "a text of 2 characters is not a number of days"),
        ("1" * 5000, "a text of 5,000 characters is not a number of days"),
        ("", "is empty"),
        (365, "is a number, not a text"),
        (["365"], "is a list, not a text"),
    ],
)
def test_any_other_validity_is_refused(value: Any, begins: str) -> None:
    with pytest.raises(InvalidPropertyError) as caught:
        validity(value)
    assert str(caught.value).startswith(f"ValidityDays: {begins}")
