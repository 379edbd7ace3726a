"""Subject alternative names: the kinds that a device has, each well-formed, from a text or from a signing request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest
from cryptography import x509
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import issuing
from iot_certificate_provider.pki import SigningRequest, UnusableError
from iot_certificate_provider.pki.alternative_names import alternative_name
from pki import making

ACCEPTED = {
    "DNS:thermostat-1": x509.DNSName("thermostat-1"),
    "DNS:Thermostat-1.Example.com": x509.DNSName("Thermostat-1.Example.com"),
    "DNS:xn--bcher-kva.example": x509.DNSName("xn--bcher-kva.example"),
    "DNS:1.example": x509.DNSName("1.example"),
    f"DNS:{'a' * 63}.example": x509.DNSName(f"{'a' * 63}.example"),
    "URI:urn:dev:mac:0024befffe804ff1": x509.UniformResourceIdentifier("urn:dev:mac:0024befffe804ff1"),
    "URI:spiffe://factory/line-7/thermostat-1": x509.UniformResourceIdentifier("spiffe://factory/line-7/thermostat-1"),
    "URI:https://[2001:db8::7]:8443/a?b=c#d": x509.UniformResourceIdentifier("https://[2001:db8::7]:8443/a?b=c#d"),
    "URI:https://192.0.2.7/%C3%BC": x509.UniformResourceIdentifier("https://192.0.2.7/%C3%BC"),
    "IP:192.0.2.7": x509.IPAddress(IPv4Address("192.0.2.7")),
    "IP:2001:DB8:0:0::7": x509.IPAddress(IPv6Address("2001:db8::7")),
    "email:line-7+alarms@example.com": x509.RFC822Name("line-7+alarms@example.com"),
}


@pytest.mark.parametrize(("text", "name"), ACCEPTED.items())
def test_a_name_is_read_as_openssl_writes_it(text: str, name: x509.GeneralName) -> None:
    assert alternative_name(text) == name


@pytest.mark.parametrize("name", ACCEPTED.values(), ids=ACCEPTED)
def test_a_name_in_a_request_is_certified_as_it_is(name: x509.GeneralName) -> None:
    request = making.request(names=making.names(name))
    assert request.alternative_names == making.names(name)
    issued = making.signer().issue(request, making.NOW, making.YEAR)
    assert issued.parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == making.names(name)


KINDS = "does not begin with DNS:, URI:, IP: or email:"
HOST = "is not a host name"
URI = "is not an absolute URI"
NO_HOST = "has no valid host after its //"
ADDRESS = "is not an IP address"
MAILBOX = "is not a mailbox"

REFUSED = {
    "": KINDS,
    "thermostat-1.example.com": KINDS,
    "dns:thermostat-1": KINDS,
    "otherName:1.2.3;UTF8:a": KINDS,
    "DNS": KINDS,
    "DNS:": HOST,
    "DNS: thermostat-1": HOST,
    "DNS:thermostat-1\n": HOST,
    "DNS:*.example.com": HOST,
    "DNS:thermostat_1": HOST,
    "DNS:-thermostat": HOST,
    "DNS:thermostat-.example": HOST,
    "DNS:thermostat..example": HOST,
    "DNS:thermostat.example.": HOST,
    "DNS:bücher.example": HOST,
    "DNS:thermostat\0.example": HOST,
    f"DNS:{'a' * 64}.example": HOST,
    f"DNS:{'a.' * 126}aa": HOST,
    "DNS:192.0.2.7": "is an IP address, not a host name",
    "DNS:2001:db8::7": "is an IP address, not a host name",
    "URI:": URI,
    "URI:thermostat-1": URI,
    "URI:/things/1": URI,
    "URI:urn:": URI,
    "URI:1urn:a": URI,
    "URI:urn:a b": URI,
    "URI:urn:a\n": URI,
    "URI:urn:ü": URI,
    "URI:urn:%zz": URI,
    "URI:https://": NO_HOST,
    "URI:https:///path": NO_HOST,
    "URI:https://host_1/path": NO_HOST,
    "URI:https://host:port/path": NO_HOST,
    "URI:https://host:99999/path": NO_HOST,
    "URI:https://[2001:db8::7/path": NO_HOST,
    "URI:https://[zz]/path": NO_HOST,
    "IP:": ADDRESS,
    "IP:192.0.2": ADDRESS,
    "IP:192.0.2.07": ADDRESS,
    "IP:192.0.2.0/24": ADDRESS,
    "IP:fe80::1%eth0": ADDRESS,
    "IP:thermostat-1": ADDRESS,
    "email:": MAILBOX,
    "email:line-7": MAILBOX,
    "email:@example.com": MAILBOX,
    "email:line-7@": MAILBOX,
    "email:Line 7 <line-7@example.com>": MAILBOX,
    "email:line..7@example.com": MAILBOX,
    "email:line@7@example.com": MAILBOX,
    "email:lüne@example.com": MAILBOX,
    f"email:{'a' * 65}@example.com": MAILBOX,
    f"email:a@{'b.' * 126}c": MAILBOX,
}


@pytest.mark.parametrize(("text", "problem"), REFUSED.items())
def test_any_other_is_refused_by_what_is_wrong_with_it(text: str, problem: str) -> None:
    with pytest.raises(UnusableError) as caught:
        alternative_name(text)
    assert caught.value.problem == problem
    assert caught.value.fix


@given(text=st.text() | st.builds("{}:{}".format, st.sampled_from(["DNS", "URI", "IP", "email"]), st.text()))
@example(text="URI:a://[::1%]/")
@example(text="URI:a://\uff0f")
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        name = alternative_name(text)
    except UnusableError:
        return
    assert making.request(names=making.names(name)).alternative_names == making.names(name)


# --- In a signing request ---------------------------------------------------------------------------------------------


def test_a_request_may_ask_for_none() -> None:
    assert making.request().alternative_names is None
    assert making.request_with((x509.BasicConstraints(ca=False, path_length=None), True)).alternative_names is None


RAW = x509.SubjectAlternativeName.oid
FORMS: dict[str, tuple[x509.ExtensionType, str]] = {
    "a directory name": (making.names(x509.DirectoryName(making.CA_SUBJECT)), "of the kind DirectoryName. Leave DNS"),
    "a registered id": (
        making.names(x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))),
        "of the kind RegisteredID. Leave DNS",
    ),
    "another name": (
        making.names(x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x01a")),
        "of the kind OtherName. Leave DNS",
    ),
    "a wildcard": (making.names(x509.DNSName("*.example.com")), "of the kind DNSName that is not a host name"),
    "a NUL": (making.names(x509.DNSName("a\0.example.com")), "of the kind DNSName that is not a host name"),
    "an address as host": (making.names(x509.DNSName("192.0.2.7")), "of the kind DNSName that is an IP address"),
    "a relative URI": (making.names(x509.UniformResourceIdentifier("/a")), "that is not an absolute URI. Write a sch"),
    "a network": (making.names(x509.IPAddress(IPv4Network("192.0.2.0/24"))), "IPAddress that is not an IP address"),
    "a display name": (
        making.names(x509.RFC822Name._init_without_validation("A <a@b>")),
        "RFC822Name that is not a mailbox",
    ),
    "one good and one bad": (
        making.names(x509.DNSName("a.example"), x509.DNSName("*.example")),
        "of the kind DNSName that is not a host name",
    ),
    "no names": (making.names(), "has an empty list of alternative names. Make the request again"),
    "no ASN.1": (x509.UnrecognizedExtension(RAW, b"\xff\x00"), "has unreadable extensions. Make the"),
    "an integer": (x509.UnrecognizedExtension(RAW, b"\x02\x01\x00"), "has unreadable extensions"),
    "an address of five bytes": (
        x509.UnrecognizedExtension(RAW, b"\x30\x07\x87\x05\x01\x02\x03\x04\x05"),
        "has unreadable extensions",
    ),
    "a name of no kind": (x509.UnrecognizedExtension(RAW, b"\x30\x02\x8f\x00"), "has unreadable extensions"),
    "an X.400 address": (x509.UnrecognizedExtension(RAW, b"\x30\x02\xa3\x00"), "has unreadable extensions"),
    "letters outside ASCII": (
        x509.UnrecognizedExtension(RAW, b"\x30\x04\x82\x02\xc3\xbc"),
        "has an alternative name of the kind",
    ),
}


@pytest.mark.parametrize(("extension", "problem"), FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("critical", [True, False])
def test_a_request_for_any_other_is_refused_when_it_is_issued_by(
    extension: x509.ExtensionType, problem: str, critical: bool
) -> None:
    # AWS IoT takes no notice of them: it is fit for CreateCertificateFromCsr.
    request = making.request_with((extension, critical))
    with pytest.raises(UnusableError) as caught:
        request.check_issuable()
    assert problem in str(caught.value)
    assert len(f"CertificateSigningRequest: {caught.value}") <= 240


def test_another_extension_that_is_not_readable_is_refused_too() -> None:
    unreadable = x509.UnrecognizedExtension(x509.BasicConstraints.oid, b"\xff\x00")
    with pytest.raises(UnusableError, match="has unreadable extensions"):
        making.request_with((unreadable, False)).check_issuable()


@given(content=st.binary(max_size=60) | st.binary(max_size=40).map(lambda each: bytes([0x30, len(each)]) + each))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_request_has_for_names_they_are_certified_or_refused(content: bytes) -> None:
    request = making.request_with((x509.UnrecognizedExtension(RAW, content), False))
    try:
        names = request.alternative_names
    except UnusableError:
        return
    issued = making.signer().issue(request, making.NOW, making.YEAR)
    assert issued.parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == names


def test_a_request_of_openssls_can_be_issued_by() -> None:
    """As ``openssl req -addext subjectAltName=…`` makes them, with what openssl.cnf adds by itself."""
    extensions: list[issuing.Extension] = [
        (making.names(x509.DNSName("thermostat-1.example.com"), x509.IPAddress(IPv4Address("192.0.2.7"))), False),
        (x509.BasicConstraints(ca=False, path_length=None), False),
        (x509.KeyUsage(True, True, True, False, False, False, False, False, False), False),
    ]
    request = SigningRequest.from_pem(issuing.make_csr(extensions=extensions).pem)
    request.check_issuable()
    issued = making.signer().issue(request, datetime(2031, 1, 1, tzinfo=UTC), timedelta(days=1))
    assert issued.subject == "CN=device-1"
