"""Reading a CA's private key, of which no error ever tells more than its kind."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from iot_certificate_provider.errors import CertificateRejectedError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from iot_certificate_provider.pki.certificate import Certificate

CaPrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def load_private_key(text: str, passphrase: str | None) -> CaPrivateKey:
    """Read a PEM private key: PKCS #8 (encrypted or not), PKCS #1 or SEC 1.

    Raises CertificateRejectedError when it is unreadable or neither RSA nor EC, or when its passphrase is
    missing, wrong or superfluous.
    """
    # surrogatepass: Python's own complaint about text that UTF-8 cannot hold would carry that text along.
    password = None if passphrase is None else passphrase.encode("utf-8", "surrogatepass")
    try:
        key = _load(text.encode("utf-8", "surrogatepass"), password)
    except TypeError as error:
        raise _about_passphrase(given=passphrase is not None) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unreadable(given=passphrase is not None) from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        kind = type(key).__name__.removesuffix("PrivateKey")
        raise CertificateRejectedError(
            f"holds a private key of a kind that AWS IoT does not know: {kind}", "Use an RSA or an EC key"
        )
    return key


def _load(pem: bytes, password: bytes | None) -> PrivateKeyTypes:
    # cryptography warns of kinds that it will drop (Diffie-Hellman, say): they are refused here anyway.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_pem_private_key(pem, password)


def check_key_of(key: CaPrivateKey, ca: Certificate) -> None:
    """Check that ``key`` is the private key of the certificate ``ca``."""
    if key.public_key() != ca.public_key:
        raise CertificateRejectedError(
            "holds another key than the CA certificate's",
            "Put the private key that belongs to CACertificatePem into the secret",
        )


def _about_passphrase(*, given: bool) -> CertificateRejectedError:
    if given:
        return CertificateRejectedError(
            "holds a private key that is not encrypted, though a passphrase is given", "Leave PassphraseSecretArn out"
        )
    return CertificateRejectedError(
        "holds an encrypted private key, and no passphrase is given",
        "Name the passphrase's secret in PassphraseSecretArn",
    )


def _unreadable(*, given: bool) -> CertificateRejectedError:
    if given:
        return CertificateRejectedError(
            "holds no private key that the passphrase opens",
            "Check the PEM text and the passphrase's secret, where a line end at the end counts",
        )
    return CertificateRejectedError(
        "holds no readable private key", "Store its PEM text, beginning with '-----BEGIN … PRIVATE KEY-----'"
    )
