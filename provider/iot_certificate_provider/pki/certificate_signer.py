"""Issuing certificates as a CA, wherever its private key lives."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from iot_certificate_provider.pki.certificate import Certificate
from iot_certificate_provider.pki.fitness import check_not_expired
from iot_certificate_provider.pki.private_key import check_key_of
from iot_certificate_provider.pki.profiles import check_end_entity_profile, end_entity_profile
from iot_certificate_provider.pki.signing_request import SigningRequest

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from iot_certificate_provider.pki.private_key import CaPrivateKey

VERIFICATION_VALIDITY = timedelta(days=1)
CLOCK_SKEW = timedelta(minutes=5)

SignatureHash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512
_HASHES: dict[str, SignatureHash] = {"sha384": hashes.SHA384(), "sha512": hashes.SHA512()}


class CertificateSigner(Protocol):
    """A signer that issues certificates as one CA: its private key, in memory or in AWS KMS, or AWS Private CA.

    A signing request is what they have in common: AWS Private CA takes nothing else, and a key's holder can go by one.
    """

    @property
    def ca(self) -> Certificate:
        """The CA's certificate: the *direct* issuer of what is issued."""
        ...

    def issue(self, request: SigningRequest, now: datetime, validity: timedelta) -> Certificate:
        """Issue an end-entity certificate for the subject, the alternative names and the key of ``request``.

        It is a TLS client's, valid from a little before ``now`` (aware) for ``validity``, and no longer than the CA
        itself. Of the request's extensions the alternative names alone are passed on. The issued certificate is checked
        against the CA, the request and ``check_end_entity_profile``. Raises a ProviderError when the CA cannot sign.
        """
        ...


def verification_certificate(signer: CertificateSigner, registration_code: str, now: datetime) -> Certificate:
    """Have a certificate issued with the registration code as its common name: proof of possession of the CA's key.

    It is for a throwaway key, and valid for a day. AWS IoT developer guide: "Create a CA certificate", "Register a CA
    certificate in DEFAULT mode".
    """
    # Nobody ever uses this certificate's key: AWS IoT looks at the name and at the CA's signature only.
    throwaway = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, registration_code)])
    request = SigningRequest.signed_by(throwaway, subject, hashes.SHA256())
    return signer.issue(request, now, VERIFICATION_VALIDITY)


class PrivateKeySigner:
    """Signs with a private key, in memory or a ``remote_private_key``.

    Raises UnusableError when it is not the CA's.
    """

    def __init__(self, ca: Certificate, key: CaPrivateKey) -> None:
        check_key_of(key, ca)
        self._ca = ca
        self._key = key

    @property
    def ca(self) -> Certificate:
        """The CA's certificate."""
        return self._ca

    def issue(self, request: SigningRequest, now: datetime, validity: timedelta) -> Certificate:
        """Sign a certificate as CertificateSigner says."""
        check_not_expired(self._ca, now)
        request.check_issuable()
        builder = (
            x509.CertificateBuilder()
            .subject_name(request.subject_name)
            .issuer_name(self._ca.name_as_issuer())
            .public_key(request.public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - CLOCK_SKEW)
            .not_valid_after(end_of_validity(self._ca, now, validity))
        )
        for value, critical in end_entity_profile(request, self._ca):
            builder = builder.add_extension(value, critical)
        issued = Certificate.from_x509(builder.sign(self._key, signature_hash(self._ca)))
        check_end_entity_profile(issued, self._ca, request)
        return issued


def end_of_validity(ca: Certificate, now: datetime, validity: timedelta) -> datetime:
    """Return when a certificate ends that is issued ``now``: not after its issuer, which AWS Private CA refuses."""
    return min(now + validity, ca.not_after)


def signature_hash(ca: Certificate) -> SignatureHash:
    """Choose the hash that ``ca`` signs with.

    For an EC key that of ``hash_for_key``, which is also the only one that AWS KMS has for it. For an RSA key that of
    the CA certificate's own signature.
    """
    algorithm = ca.signature.hash
    if isinstance(ca.public_key, ec.EllipticCurvePublicKey) or algorithm is None:
        return hash_for_key(ca.public_key)
    return _HASHES.get(algorithm.name, hashes.SHA256())


def hash_for_key(key: CertificatePublicKeyTypes) -> SignatureHash:
    """Choose the hash that a key signs with: one as strong as its curve (RFC 5480, 4); SHA-256 for an RSA key."""
    bits = key.key_size if isinstance(key, ec.EllipticCurvePublicKey) else 0
    return hashes.SHA512() if bits > 384 else hashes.SHA384() if bits > 256 else hashes.SHA256()
