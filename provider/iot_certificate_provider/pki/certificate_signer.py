"""Issuing certificates as a CA, wherever its private key lives."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from iot_certificate_provider.pki.certificate import Certificate
from iot_certificate_provider.pki.fitness import check_issued_by
from iot_certificate_provider.pki.private_key import check_key_of
from iot_certificate_provider.pki.signing_request import SigningRequest

if TYPE_CHECKING:
    from datetime import datetime

    from iot_certificate_provider.pki.private_key import CaPrivateKey

VERIFICATION_VALIDITY = timedelta(days=1)
CLOCK_SKEW = timedelta(minutes=5)

SignatureHash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512
_HASHES: dict[str, SignatureHash] = {"sha384": hashes.SHA384(), "sha512": hashes.SHA512()}


class CertificateSigner(Protocol):
    """Whoever can issue certificates as one CA: its private key, in memory or in AWS KMS, or AWS Private CA.

    A signing request is what they have in common: AWS Private CA takes nothing else, and a key's holder can go by one.
    """

    @property
    def ca(self) -> Certificate:
        """The CA's certificate: the *direct* issuer of what is issued."""
        ...

    def issue(self, request: SigningRequest, now: datetime, validity: timedelta) -> Certificate:
        """Issue an end-entity certificate for the subject and the key of ``request``.

        It is valid from a little before ``now`` (aware) for ``validity``, and no longer than the CA itself. The
        request's extensions are not passed on. Raises a ProviderError when the CA cannot sign.
        """
        ...


def verification_certificate(signer: CertificateSigner, registration_code: str, now: datetime) -> Certificate:
    """Have a certificate issued with the registration code as its common name: proof of possession of the CA's key.

    It is for a throwaway key, valid for a day, and checked against the CA before it is returned. AWS IoT developer
    guide: "Create a CA certificate", "Register a CA certificate in DEFAULT mode".
    """
    # Nobody ever uses this certificate's key: AWS IoT looks at the name and at the CA's signature only.
    throwaway = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, registration_code)])
    request = SigningRequest.signed_by(throwaway, subject, hashes.SHA256())
    issued = signer.issue(request, now, VERIFICATION_VALIDITY)
    check_issued_by(issued, signer.ca)
    return issued


class PrivateKeySigner:
    """Signs with a private key, in memory or a ``remote_private_key``.

    Raises CertificateRejectedError when it is not the CA's.
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
        builder = (
            x509.CertificateBuilder()
            .subject_name(request.parsed.subject)
            .issuer_name(self._ca.parsed.subject)
            .public_key(request.parsed.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - CLOCK_SKEW)
            .not_valid_after(end_of_validity(self._ca, now, validity))
        )
        return Certificate.from_x509(builder.sign(self._key, signature_hash(self._ca)))


def end_of_validity(ca: Certificate, now: datetime, validity: timedelta) -> datetime:
    """Return when a certificate ends that is issued ``now``: not after its issuer, which AWS Private CA refuses."""
    return min(now + validity, ca.not_after)


def signature_hash(ca: Certificate) -> SignatureHash:
    """Choose the hash that ``ca`` signs with.

    For an EC key one as strong as the curve (RFC 5480, 4), which is also the only one that AWS KMS has for it. For an
    RSA key that of the CA certificate's own signature.
    """
    key = ca.public_key
    if isinstance(key, ec.EllipticCurvePublicKey):
        name = "sha512" if key.key_size > 384 else "sha384" if key.key_size > 256 else "sha256"
    else:
        algorithm = ca.parsed.signature_hash_algorithm
        name = "" if algorithm is None else algorithm.name
    return _HASHES.get(name, hashes.SHA256())
