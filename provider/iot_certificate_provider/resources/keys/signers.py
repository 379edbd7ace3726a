"""The signer of a CA, from the place where its private key is declared to be."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from iot_certificate_provider.aws import acm_pca, kms
from iot_certificate_provider.contract import PrivateCaTemplate
from iot_certificate_provider.errors import DeadlineError, UnusableError, attributing_to, shorten
from iot_certificate_provider.pki import (
    Certificate,
    PrivateKeySigner,
    check_end_entity_profile,
    load_private_key,
    remote_private_key,
)
from iot_certificate_provider.pki.certificate_signer import end_of_validity, signature_hash
from iot_certificate_provider.properties.ca_key import CaKeyProperty, KeyInKms, KeyInMemory, KeyInSecret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from iot_certificate_provider.aws.acm_pca import PrivateCaGateway
    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.deadline import Deadline
    from iot_certificate_provider.pki import CertificateSigner, SigningRequest
    from iot_certificate_provider.properties.ca_key import CaKey, KeyInPrivateCa

# A sentence has 240 characters, and the problem and the fix come first.
_NAME_CHARACTERS = 24


class CertificateSigners:
    """Makes signers; ``name`` is the property that says where the key is, for errors about it.

    ``template`` is AWS Private CA's for the issued certificate. Making a signer finds out whether the key is the CA's:
    before anything is signed.
    """

    def __init__(self, aws: Gateways, name: str, template: PrivateCaTemplate = PrivateCaTemplate.END_ENTITY) -> None:
        self._secrets = aws.secrets
        self._keys = aws.kms
        self._authorities = aws.private_ca
        self._name = name
        self._template = template

    def signer(self, ca: Certificate, key: CaKey | KeyInMemory, deadline: Deadline) -> CertificateSigner:
        """Return the signer of ``ca``; InvalidPropertyError when the key is not there, not usable or another's."""
        if isinstance(key, KeyInMemory):
            return PrivateKeySigner(ca, key.key)
        if isinstance(key, KeyInSecret):
            return self._with_key_in_secret(ca, key)
        if isinstance(key, KeyInKms):
            return self._with_key_in_kms(ca, key)
        return self._private_ca(ca, key, deadline)

    def _with_key_in_secret(self, ca: Certificate, key: KeyInSecret) -> CertificateSigner:
        passphrase = None
        if key.passphrase_secret_arn is not None:
            with (
                attributing_to(f"{self._name}.{CaKeyProperty.PASSPHRASE_SECRET_ARN}"),
                _naming_secret(key.passphrase_secret_arn, ca),
            ):
                passphrase = self._secrets.text(key.passphrase_secret_arn)
        with attributing_to(f"{self._name}.{CaKeyProperty.SECRET_ARN}"):
            with _naming_secret(key.secret_arn, ca):
                text = self._secrets.text(key.secret_arn, key.json_field)
            with _naming_secret(key.secret_arn, ca, exists=True):
                return PrivateKeySigner(ca, load_private_key(text, passphrase))

    def _with_key_in_kms(self, ca: Certificate, key: KeyInKms) -> CertificateSigner:
        name = f"{self._name}.{CaKeyProperty.KMS_KEY_ID}"
        algorithm = kms.signing_algorithm(ca, signature_hash(ca))

        def sign(digest: bytes) -> bytes:
            with attributing_to(name):
                return self._keys.sign(key.key_id, digest, algorithm)

        with attributing_to(name):
            return PrivateKeySigner(ca, remote_private_key(self._keys.public_key(key.key_id), ca, sign))

    def _private_ca(self, ca: Certificate, key: KeyInPrivateCa, deadline: Deadline) -> CertificateSigner:
        name = f"{self._name}.{CaKeyProperty.CERTIFICATE_AUTHORITY_ARN}"
        with attributing_to(name):
            own = Certificate.from_pem(self._authorities.ca_certificate(key.certificate_authority_arn))
            # Not by their ids: a CA that was renewed with its key issues for both of its certificates.
            if own.public_key != ca.public_key or not own.subject_name.matches(ca.subject_name):
                raise UnusableError(
                    "is not the CA of CACertificatePem",
                    "Remove CACertificatePem, and the private CA's own certificate is registered",
                )
        arn = key.certificate_authority_arn
        return PrivateCaSigner(ca, arn, self._authorities, deadline, name=name, template=self._template)


@contextmanager
def _naming_secret(secret_id: str, ca: Certificate, *, exists: bool = False) -> Iterator[None]:
    """Add to what is wrong with a key the secret and the CA: a stack can have several of both."""
    try:
        yield
    except UnusableError as error:
        # A value that is no ARN, and names no secret, may be a key, or a passphrase, in the wrong place.
        name = secret_id.rpartition(":secret:")[2] if exists or secret_id.startswith("arn:") else ""
        secret = f"secret {shorten(name, _NAME_CHARACTERS)}, " if name else ""
        where = f"{secret}CA {shorten(ca.subject, _NAME_CHARACTERS)}"
        raise UnusableError(f"{error.problem} ({where})", error.fix) from error


class PrivateCaSigner:
    """Has AWS Private CA issue by a template; ``name`` is the property that names the private CA."""

    def __init__(
        self,
        ca: Certificate,
        arn: str,
        authorities: PrivateCaGateway,
        deadline: Deadline,
        *,
        name: str,
        template: PrivateCaTemplate,
    ) -> None:
        self._ca = ca
        self._arn = arn
        self._authorities = authorities
        self._deadline = deadline
        self._name = name
        self._template = template

    @property
    def ca(self) -> Certificate:
        """The private CA's certificate."""
        return self._ca

    def issue(self, request: SigningRequest, now: datetime, validity: timedelta) -> Certificate:
        """Issue a certificate as CertificateSigner says, and wait for it within the deadline."""
        request.check_issuable()
        with attributing_to(self._name):
            certificate_arn = self._authorities.issue_certificate(
                self._arn,
                request.pem,
                algorithm=acm_pca.signing_algorithm(self._ca, signature_hash(self._ca)),
                not_after=end_of_validity(self._ca, now, validity),
                template=self._template,
            )
            issued = Certificate.from_pem(self._wait(certificate_arn))
            check_end_entity_profile(issued, self._ca, request)
        return issued

    def _wait(self, certificate_arn: str) -> str:
        for _ in self._deadline.attempts():
            pem = self._authorities.certificate(self._arn, certificate_arn)
            if pem is not None:
                return pem
        raise DeadlineError(
            "Out of time: AWS Private CA accepted the request, but has not issued the certificate yet. Try again"
        )
