"""pkilint's verdict on what is made here, for every kind of key: RFC 5280 as others read it.

``pytest -s tests/pki/test_lint.py`` prints what it found.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from pkilint import loader
from pkilint.bin import lint_pkix_signer_signee_cert_chain as chain
from pkilint.pkix import certificate as pkix
from pkilint.pkix import extension, name

import issuing
from iot_certificate_provider.contract import KeyAlgorithm
from iot_certificate_provider.pki import Certificate, verification_certificate
from pki import making

if TYPE_CHECKING:
    from collections.abc import Callable

    from pkilint.validation import ValidatorContainer


METHOD_1 = "INFO pkix.subject_key_identifier_method_1_identified"
"""Accepted everywhere. A note that the identifier is the SHA-1 of the key, which RFC 5280, 4.2.1.2, proposes first and
which everybody's software expects; it is a label and protects nothing."""

SINGLE_LABEL = 'ERROR pkix.invalid_domain_name_syntax: Invalid domain name syntax: "thermostat-1"'
"""Accepted when it is asked for. One label is a name in "preferred name syntax" (RFC 1034, 3.5), and in a local network
devices have no other; pkilint wants the domains of the Internet."""

URN = 'ERROR pkix.invalid_uri_syntax: Invalid URI syntax: "urn:dev:mac:0024befffe804ff1"'
"""Accepted when it is asked for. RFC 5280, 4.2.1.6, wants an absolute URI, which this is (it is RFC 9039's own
example); pkilint knows the schemes of the web only."""

NAMES = making.names(
    x509.DNSName("thermostat-1.example.com"),
    x509.UniformResourceIdentifier("https://example.com/things/thermostat-1"),
    x509.IPAddress(ip_address("192.0.2.7")),
    x509.IPAddress(ip_address("2001:db8::7")),
    x509.RFC822Name("operations@example.com"),
)
LOCAL_NAMES = making.names(x509.DNSName("thermostat-1"), x509.UniformResourceIdentifier("urn:dev:mac:0024befffe804ff1"))

MADE: dict[str, tuple[Callable[[KeyAlgorithm], Certificate], set[str]]] = {
    "self-signed CA": (making.ca, {METHOD_1}),
    "device": (making.issued, {METHOD_1}),
    "device with names": (lambda algorithm: making.issued(algorithm, NAMES), {METHOD_1}),
    "device with local names": (
        lambda algorithm: making.issued(algorithm, LOCAL_NAMES),
        {METHOD_1, SINGLE_LABEL, URN},
    ),
    "verification": (
        lambda algorithm: verification_certificate(making.signer(algorithm), issuing.REGISTRATION_CODE, making.NOW),
        {METHOD_1},
    ),
}


@pytest.fixture(scope="module")
def rfc5280() -> ValidatorContainer:
    """All that ``lint_pkix_cert`` checks."""
    return pkix.create_pkix_certificate_validator_container(
        pkix.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            pkix.create_issuer_validator_container([]),
            pkix.create_validity_validator_container(),
            pkix.create_subject_validator_container([]),
            pkix.create_extensions_validator_container([]),
            pkix.create_spki_validator_container([]),
        ],
    )


def findings(validators: ValidatorContainer, pem: str) -> set[str]:
    results = validators.validate(loader.load_pem_certificate(pem, "certificate").root)
    return {
        f"{each.finding.severity} {each.finding.code}" + (f": {each.message}" if each.message else "")
        for result in results
        for each in result.finding_descriptions
    }


@pytest.mark.parametrize("algorithm", making.ALGORITHMS)
@pytest.mark.parametrize("kind", MADE)
def test_what_pkilint_finds_is_what_was_accepted(
    rfc5280: ValidatorContainer, kind: str, algorithm: KeyAlgorithm
) -> None:
    make, accepted = MADE[kind]
    found = findings(rfc5280, make(algorithm).pem)
    print(f"\n{algorithm:9} {kind:24} {'; '.join(sorted(found))}", end="")  # noqa: T201
    assert found == accepted


def chain_findings(ca: Certificate, issued: Certificate) -> set[str]:
    """Return what ``lint_pkix_signer_signee_cert_chain`` finds between the two."""
    documents: dict[str, Any] = {}
    for role, each in (("issuer", ca), ("subject", issued)):
        documents[role] = loader.load_pem_certificate(each.pem, role, role, documents)
    decoders = chain.create_decoder_validation_container()
    results = [
        *decoders.validate(documents["issuer"].root),
        *decoders.validate(documents["subject"].root),
        *chain.create_issuer_validation_container().validate(documents["issuer"].root),
        *chain.create_subject_validation_container().validate(documents["subject"].root),
    ]
    return {each.finding.code for result in results for each in result.finding_descriptions}


@pytest.mark.parametrize("algorithm", making.ALGORITHMS)
def test_pkilint_finds_nothing_between_a_ca_and_what_it_issued(algorithm: KeyAlgorithm) -> None:
    assert chain_findings(making.ca(algorithm), making.issued(algorithm, NAMES)) == set()


def test_pkilint_would_find_another_ca() -> None:
    assert chain_findings(making.ca(owner="another CA"), making.issued()) == {
        "pkix.issuer_and_subject_key_identifier_not_equal",
        "pkix.signature_verification_failed",
    }


def without(certificate: Certificate, kind: type[x509.ExtensionType]) -> str:
    """Make it again without an extension, under the CA's key."""
    key = making.key(KeyAlgorithm.EC_P256, "CA")
    rest = [(each.value, each.critical) for each in certificate.parsed.extensions if not isinstance(each.value, kind)]
    return making.signed_by_hand(certificate.parsed.subject, key.public_key(), key, rest).pem


@pytest.mark.parametrize(
    ("pem", "finding"),
    [
        (without(making.ca(), x509.KeyUsage), "ERROR pkix.ca_certificate_no_ku_extension"),
        (without(making.ca(), x509.SubjectKeyIdentifier), "ERROR pkix.certificate_skid_ca_missing"),
        (without(making.issued(), x509.SubjectKeyIdentifier), "WARNING pkix.certificate_skid_end_entity_missing"),
        (without(making.issued(), x509.AuthorityKeyIdentifier), "ERROR pkix.authority_key_identifier_extension_absent"),
    ],
)
def test_pkilint_would_find_what_is_missing(rfc5280: ValidatorContainer, pem: str, finding: str) -> None:
    assert finding in findings(rfc5280, pem)
