"""The corpus of files that other tools refuse: what the second reading makes of each."""

from __future__ import annotations

import hashlib
import inspect
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import issuing
from iot_certificate_provider.contract import MAX_REASON_CHARACTERS
from iot_certificate_provider.pki import (
    Certificate,
    SigningRequest,
    UnusableError,
    check_ca,
    check_issued_by,
    check_registrable,
    fitness,
)
from iot_certificate_provider.pki.finding import described
from nonconforming import drafts
from nonconforming.cases import CASES, Case, Kind
from nonconforming.writing import BMP, PRINTABLE, T61, UTF8, common_name, name
from vectors import needs_openssl

if TYPE_CHECKING:
    from collections.abc import Callable

every = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
CERTIFICATES = [case for case in CASES if case.kind is not Kind.REQUEST and case.refusal is None]
CA = Certificate.from_pem(drafts.CA.pem)


def read(case: Case) -> Certificate | SigningRequest:
    """Read a file as its property is read."""
    if case.kind is Kind.REQUEST:
        return SigningRequest.from_pem(case.text)
    certificate = Certificate.from_pem(case.text)
    check = check_ca if case.kind is Kind.CA else check_registrable
    check(certificate)
    return certificate


def test_the_corpus_is_large_and_every_file_has_a_rule_and_a_provenance() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(case.rule and case.provenance for case in CASES)
    assert len([case for case in CASES if case.findings]) >= 40


@every
def test_a_file_is_read_with_the_rules_that_it_breaks_or_refused_with_the_cause(case: Case) -> None:
    if case.refusal is None:
        found = read(case)
        assert tuple(finding.rule for finding in found.findings) == case.findings
        assert not found.findings or described(found.findings).startswith("breaks rules: it ")
        return
    with pytest.raises(UnusableError) as caught:
        read(case)
    assert case.refusal in str(caught.value)
    assert len(f"CertificateSigningRequest: {caught.value}") <= MAX_REASON_CHARACTERS


@needs_openssl
@every
def test_openssl_reads_what_is_read_here(case: Case) -> None:
    command = "req" if case.kind is Kind.REQUEST else "x509"
    if "TRUSTED" in case.text:
        command = "x509"
    ran = subprocess.run(
        ["openssl", command, "-noout", "-subject"], input=case.text, capture_output=True, text=True, check=False
    )
    assert (ran.returncode == 0) == case.openssl, ran.stderr


@needs_openssl
@pytest.mark.parametrize("case", [c for c in CERTIFICATES if c.openssl], ids=lambda case: case.name)
def test_openssl_prints_the_id_serial_number_and_dates_that_are_read(case: Case) -> None:
    ran = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-serial"],
        input=case.text,
        capture_output=True,
        text=True,
        check=True,
    )
    printed = dict(line.split("=", 1) for line in ran.stdout.splitlines())
    certificate = Certificate.from_pem(case.text)
    assert printed["sha256 Fingerprint"].replace(":", "").lower() == certificate.id
    assert printed["serial"] == certificate.serial_number
    assert certificate.not_before < certificate.not_after


@pytest.mark.parametrize("case", CERTIFICATES, ids=[case.name for case in CERTIFICATES])
def test_what_is_sent_is_the_certificate_alone_under_the_id_of_its_der(case: Case) -> None:
    certificate = Certificate.from_pem(case.text)
    again = Certificate.from_pem(certificate.pem)

    content = issuing.base64_of(certificate.pem)
    assert hashlib.sha256(content).hexdigest() == certificate.id == again.id
    assert again == certificate
    followed = {"RFC 5280, 4.1", "RFC 7468, 5.1"} & {finding.rule for finding in certificate.findings}
    assert len(again.findings) == len(certificate.findings) - len(followed)


@pytest.mark.parametrize(
    "case", [c for c in CERTIFICATES if c.by_the_ca and c.kind is Kind.DEVICE], ids=lambda case: case.name
)
def test_the_issuer_is_found_whatever_its_name_is_written_in(case: Case) -> None:
    check_issued_by(Certificate.from_pem(case.text), CA)


# --- Names by RFC 5280, 7.1, and signatures --------------------------------------------------------------------------

SAME_NAMES = {
    "another string type": common_name(b"Factory CA", UTF8),
    "T61String": common_name(b"Factory CA", T61),
    "BMPString": common_name("Factory CA".encode("utf-16-be"), BMP),
    "other case": common_name(b"fActory cA"),
    "blanks around": common_name(b"  Factory CA "),
    "several blanks inside": common_name(b"Factory \t CA"),
    "a no-break space": common_name("Factory\u00a0CA".encode()),
    "a soft hyphen": common_name("Fac\u00adtory CA".encode()),
    "letters of full width": common_name("\uff26actory CA".encode()),
}
OTHER_NAMES = {
    "another text": common_name(b"Factory CB"),
    "no blank": common_name(b"FactoryCA"),
    "another attribute": name(("2.5.4.10", UTF8, b"Factory CA")),
    "one attribute more": name(("2.5.4.3", UTF8, b"Factory CA"), ("2.5.4.6", PRINTABLE, b"DE")),
    "nothing": name(),
}


@pytest.mark.parametrize("issuer", SAME_NAMES.values(), ids=SAME_NAMES.keys())
def test_a_name_written_otherwise_is_the_same(issuer: bytes) -> None:
    check_issued_by(Certificate.from_pem(drafts.Certificate(issuer=issuer).pem), CA)


@pytest.mark.parametrize("issuer", OTHER_NAMES.values(), ids=OTHER_NAMES.keys())
def test_a_signature_of_the_ca_under_another_name_is_refused_for_the_name(issuer: bytes) -> None:
    with pytest.raises(UnusableError, match="was signed by the CA's key under another name"):
        check_issued_by(Certificate.from_pem(drafts.Certificate(issuer=issuer).pem), CA)


@pytest.mark.parametrize("issuer", [drafts.CA_NAME, *SAME_NAMES.values()])
def test_the_right_name_with_another_signature_is_refused_for_the_signature(issuer: bytes) -> None:
    forged = drafts.Certificate(issuer=issuer, signing_key=issuing.key_of("p256", "an impostor"))
    with pytest.raises(UnusableError, match="the names match, but another key made the signature"):
        check_issued_by(Certificate.from_pem(forged.pem), CA)


def test_another_name_and_another_signature_are_refused_as_another_issuer() -> None:
    foreign = drafts.Certificate(issuer=OTHER_NAMES["another text"], signing_key=issuing.key_of("p256", "an impostor"))
    with pytest.raises(UnusableError, match="was not issued by the CA: its issuer is 'CN=Factory CB'"):
        check_issued_by(Certificate.from_pem(foreign.pem), CA)


# --- What stands behind it -------------------------------------------------------------------------------------------

CHECKS = [check for name, check in inspect.getmembers(fitness, inspect.isfunction) if name.startswith("check_")]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_check_that_refuses_a_certificate_cites_a_rule_of_aws(check: Callable[..., None]) -> None:
    assert "AWS rule: " in (check.__doc__ or "")


@pytest.mark.parametrize("case", [case for case in CASES if case.refusal is not None], ids=lambda case: case.name)
def test_what_is_refused_is_unreadable_or_breaks_a_rule_of_aws(case: Case) -> None:
    """A rule of RFC 5280 alone never refuses a certificate that can be read."""
    unreadable = ("not a readable", "holds a private key", "not signed with the key")
    with pytest.raises(UnusableError) as caught:
        read(case)
    assert any(words in str(caught.value) for words in unreadable) or case.refers_to_aws


def test_a_certificate_and_a_key_that_conform_are_read_without_pyasn1() -> None:
    """A cold start does not pay for the second reading."""
    program = """
import sys
from iot_certificate_provider import handler, pki
pki.Certificate.from_pem(sys.argv[1])
pki.load_private_key(sys.argv[2], None)
pki.SigningRequest.from_pem(sys.argv[3])
print([name for name in sys.modules if name.startswith("pyasn1")])
"""
    ca = issuing.make_ca()
    arguments = [ca.pem, ca.key_pem(), issuing.make_csr().pem]
    ran = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
