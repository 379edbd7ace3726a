"""The content of issued certificates, and its check: the profiles of RFC 5280, section 4."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.pki.fitness import check_ca, check_issued_by, check_registrable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from iot_certificate_provider.pki.certificate import Certificate
    from iot_certificate_provider.pki.signing_request import SigningRequest

Profile = tuple[tuple[x509.ExtensionType, bool], ...]
"""Extensions, and whether each is critical."""

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


def ca_profile(key: CertificatePublicKeyTypes) -> Profile:
    """Return the extensions of a self-signed CA for ``key`` that issues for end entities only, not for other CAs."""
    identifier = x509.SubjectKeyIdentifier.from_public_key(key)
    return (
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (_key_usage(certificates=True), True),
        (identifier, False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
    )


def end_entity_profile(request: SigningRequest, ca: Certificate) -> Profile:
    """Return the extensions of a certificate that ``ca`` issues for a device, which is a TLS client.

    Of those that the request asks for only the subject alternative names are passed on.
    """
    profile: Profile = (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(certificates=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(request.public_key), False),
        (_authority_key_identifier(ca), False),
    )
    names = request.alternative_names
    if names is None:
        return profile
    # RFC 5280, 4.2.1.6: critical where the subject is empty, for then they are all that tells whose it is.
    return (*profile, (names, not list(request.subject_name)))


def check_ca_profile(certificate: Certificate) -> None:
    """Check what was made as a self-signed CA; raise UnusableError unless it is as ``ca_profile`` says."""
    check_ca(certificate)
    check_issued_by(certificate, certificate)
    constraints, usage = x509.BasicConstraints, x509.KeyUsage
    _expect("path length", _value(certificate, constraints) == x509.BasicConstraints(ca=True, path_length=0))
    _expect("key usage", _value(certificate, usage) == _key_usage(certificates=True))
    _expect("criticality of an extension", _is_critical(certificate, constraints) and _is_critical(certificate, usage))
    identifier = _value(certificate, x509.SubjectKeyIdentifier)
    _expect("subject key identifier", identifier is not None)
    _expect("authority key identifier", _names_the_key(certificate, certificate))


def check_end_entity_profile(certificate: Certificate, ca: Certificate, request: SigningRequest) -> None:
    """Check what ``ca`` issued for ``request``, wherever its key is; UnusableError if it answers another.

    AWS Private CA may add more: its templates add keyEncipherment and where its CRL is, and that for
    verification certificates serverAuth (AWS Private CA user guide, "Template definitions").
    """
    check_registrable(certificate)
    check_issued_by(certificate, ca)
    _expect("key or subject", request.asks_for(certificate))
    _expect("end of validity", certificate.not_after <= ca.not_after)
    constraints = _value(certificate, x509.BasicConstraints)
    _expect("basicConstraints", constraints is not None and not constraints.ca)
    usage = _value(certificate, x509.KeyUsage)
    _expect("key usage", usage is not None and _signs_as_a_device(usage))
    purposes = _value(certificate, x509.ExtendedKeyUsage)
    _expect("extended key usage", purposes is not None and ExtendedKeyUsageOID.CLIENT_AUTH in purposes)
    names = _value(certificate, x509.SubjectAlternativeName)
    # In whatever order: it has no meaning.
    _expect("alternative name", set(names or ()) == set(request.alternative_names or ()))
    _expect("subject key identifier", _value(certificate, x509.SubjectKeyIdentifier) is not None)
    _expect("authority key identifier", _names_the_key(certificate, ca))


def _expect(what: str, holds: bool) -> None:
    if not holds:
        raise UnusableError(
            f"issued a certificate with another {what} than it was asked for",
            "Nothing was registered. Check the settings of the private CA",
        )


def _value(certificate: Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.parsed.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _is_critical(certificate: Certificate, kind: type[x509.ExtensionType]) -> bool:
    return certificate.parsed.extensions.get_extension_for_class(kind).critical


def _signs_as_a_device(usage: x509.KeyUsage) -> bool:
    return usage.digital_signature and not usage.key_cert_sign and not usage.crl_sign


def _key_usage(*, certificates: bool) -> x509.KeyUsage:
    """Return what the key signs: certificates and CRLs, or (as a TLS client, RFC 8446, 4.4.3) handshakes."""
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_key_identifier(ca: Certificate) -> x509.AuthorityKeyIdentifier:
    digest = ca.subject_key_identifier
    # Without one a CA certificate does not conform (RFC 5280, 4.2.1.2); AWS IoT registers it for all that.
    made = x509.SubjectKeyIdentifier.from_public_key(ca.public_key)
    identifier = made if digest is None else x509.SubjectKeyIdentifier(digest)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _names_the_key(certificate: Certificate, ca: Certificate) -> bool:
    authority = _value(certificate, x509.AuthorityKeyIdentifier)
    identifier = ca.subject_key_identifier
    return authority is not None and (identifier is None or authority.key_identifier == identifier)
