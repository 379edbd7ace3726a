"""Reading and making private keys, of which no error ever tells more than the kind."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from iot_certificate_provider.contract import KeyAlgorithm
from iot_certificate_provider.errors import UnusableError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from iot_certificate_provider.pki.certificate import Certificate

CaPrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_CURVES: dict[KeyAlgorithm, ec.EllipticCurve] = {
    KeyAlgorithm.EC_P256: ec.SECP256R1(),
    KeyAlgorithm.EC_P384: ec.SECP384R1(),
}
_RSA_BITS = {KeyAlgorithm.RSA_2048: 2048, KeyAlgorithm.RSA_3072: 3072, KeyAlgorithm.RSA_4096: 4096}
_RSA_PUBLIC_EXPONENT = 65537


def generate_private_key(algorithm: KeyAlgorithm) -> CaPrivateKey:
    """Make a private key of the kind, from the operating system's random numbers. RSA keys take up to seconds."""
    curve = _CURVES.get(algorithm)
    if curve is not None:
        return ec.generate_private_key(curve)
    return rsa.generate_private_key(_RSA_PUBLIC_EXPONENT, _RSA_BITS[algorithm])


def private_key_pem(key: CaPrivateKey) -> str:
    """Write a private key as PEM: PKCS #8, not encrypted (RFC 5958). It belongs into a secret and nowhere else."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def load_private_key(text: str, passphrase: str | None) -> CaPrivateKey:
    """Read a PEM private key: PKCS #8 (encrypted or not), PKCS #1 or SEC 1.

    Raises UnusableError when it is unreadable or neither RSA nor EC, or when its passphrase is
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
        raise UnusableError(
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
        raise UnusableError(
            "holds another key than the CA certificate's",
            "Put the private key that belongs to CACertificatePem into the secret",
        )


def _about_passphrase(*, given: bool) -> UnusableError:
    if given:
        return UnusableError(
            "holds a private key that is not encrypted, though a passphrase is given", "Leave PassphraseSecretArn out"
        )
    return UnusableError(
        "holds an encrypted private key, and no passphrase is given",
        "Name the passphrase's secret in PassphraseSecretArn",
    )


def _unreadable(*, given: bool) -> UnusableError:
    if given:
        return UnusableError(
            "holds no private key that the passphrase opens",
            "Check the PEM text and the passphrase's secret, where a line end at the end counts",
        )
    return UnusableError(
        "holds no readable private key", "Store its PEM text, beginning with '-----BEGIN … PRIVATE KEY-----'"
    )
