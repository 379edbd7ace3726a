"""Reading and making private keys, of which no error ever tells more than the kind."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from iot_certificate_provider.contract import KeyAlgorithm
from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.pki.key_text import OPENSSH, KeyBlock, key_block

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

MAX_RSA_BITS = 8192
"""To check the numbers of a larger key, and to sign with it, takes from seconds to minutes."""


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
    """Read a PEM private key: PKCS #8 (encrypted or not), PKCS #1, SEC 1, or OpenSSH's own form without passphrase.

    Raises UnusableError when it is unreadable or neither RSA nor EC, when its passphrase is missing, wrong
    or superfluous, or when it would take too long to open or to use.
    """
    block = key_block(text)
    # surrogatepass: Python's own complaint about text that UTF-8 cannot hold would carry that text along.
    password = None if passphrase is None else passphrase.encode("utf-8", "surrogatepass")
    key = _opened(block, password)
    # Raised here and not where it is found: what cryptography says can repeat a line of the key.
    if isinstance(key, UnusableError):
        raise key
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        kind = type(key).__name__.removesuffix("PrivateKey")
        raise UnusableError(
            f"holds a private key of a type that AWS IoT does not support: {kind}", "Use an RSA or an EC key"
        )
    return key


def _opened(block: KeyBlock, password: bytes | None) -> PrivateKeyTypes | UnusableError:
    """Return the key, or why there is none."""
    try:
        key = _load(block, password)
        return _checked(key) if isinstance(key, rsa.RSAPrivateKey) else key
    except TypeError:
        return _about_passphrase(given=password is not None)
    except (ValueError, UnsupportedAlgorithm):
        return _unreadable(block.label, given=password is not None)


def _load(block: KeyBlock, password: bytes | None) -> PrivateKeyTypes:
    pem = block.text.encode("utf-8", "surrogatepass")
    # cryptography warns of kinds that it will drop (Diffie-Hellman, say): they are refused here anyway.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if block.label == OPENSSH:
            return cast("PrivateKeyTypes", load_ssh_private_key(pem, password))
        # Its numbers are checked later, when it is known how large they are: that takes minutes for a huge modulus.
        return load_pem_private_key(pem, password, unsafe_skip_rsa_key_validation=True)


def _checked(key: rsa.RSAPrivateKey) -> rsa.RSAPrivateKey:
    """Check the numbers of an RSA key that is not too large for that; raise ValueError where they do not fit."""
    if key.key_size > MAX_RSA_BITS:
        raise UnusableError(
            f"holds an RSA key of {key.key_size:,} bits, above {MAX_RSA_BITS:,}", "Use a smaller one, or an EC key"
        )
    return key.private_numbers().private_key()


def check_key_of(key: CaPrivateKey, ca: Certificate) -> None:
    """Check that ``key`` is the private key of the certificate ``ca``."""
    if key.public_key() != ca.public_key:
        raise UnusableError(
            "holds a key that does not match the CA certificate",
            "Put the private key that belongs to CACertificatePem into the secret",
        )


def _about_passphrase(*, given: bool) -> UnusableError:
    if given:
        return UnusableError(
            "holds an unencrypted private key, although a passphrase is given", "Remove PassphraseSecretArn"
        )
    return UnusableError(
        "holds an encrypted private key, but no passphrase is given",
        "Name the passphrase's secret in PassphraseSecretArn",
    )


def _unreadable(label: str, *, given: bool) -> UnusableError:
    if label == OPENSSH:
        return UnusableError(
            "holds an OpenSSH key that is encrypted or damaged", "Convert it to PEM: ssh-keygen -p -m PKCS8 -f FILE"
        )
    if given:
        return UnusableError(
            "holds no private key that the passphrase opens",
            "Check the PEM text and the passphrase's secret, in which a final line break counts",
        )
    return UnusableError("holds no readable private key", "Check it with: openssl pkey -in FILE -noout -check")
