"""The cost of opening an encrypted PKCS #8 key, known before anything is computed.

A function whose interpreter computes for minutes cannot answer, not even by its timer.
"""

from __future__ import annotations

from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.pki import der
from iot_certificate_provider.pki.der import Element, MalformedError

MAX_ITERATIONS = 2_000_000
"""Of PBKDF2 and the older PBES1: OWASP recommends 600,000, OpenSSL writes 2,048."""
MAX_SCRYPT_COST = 2**20
"""N times r times p. OpenSSL writes 2**17: N 16,384, r 8, p 1."""

_PBES2, _SCRYPT = "1.2.840.113549.1.5.13", "1.3.6.1.4.1.11591.4.11"


def check_cost(encoded: bytes) -> None:
    """Check an EncryptedPrivateKeyInfo (RFC 5958, 3); raise UnusableError for one that costs too much."""
    try:
        oid, numbers = _derivation(Element.first_of(encoded)[0])
    except (MalformedError, ValueError, IndexError):
        # cryptography refuses what is no such structure.
        return
    if oid == _SCRYPT:
        _check_scrypt(numbers)
    elif numbers and not 0 < numbers[0] <= MAX_ITERATIONS:
        raise UnusableError(
            f"holds a private key that takes {numbers[0]:,} iterations to open, above {MAX_ITERATIONS:,}",
            "Encrypt it again with fewer: openssl pkcs8 -topk8 -iter 600000",
        )


def _derivation(info: Element) -> tuple[str, list[int]]:
    """Return what derives the key from the passphrase, and its numbers in their order (RFC 8018, A.2 to A.4)."""
    algorithm = info.children[0]
    oid, parameters = algorithm.children[0].oid, algorithm.children[1]
    if oid == _PBES2:
        derivation = parameters.children[0]
        oid, parameters = derivation.children[0].oid, derivation.children[1]
    return oid, [each.integer for each in parameters.children if each.tag == der.INTEGER]


def _check_scrypt(numbers: list[int]) -> None:
    # RFC 7914, 7.1: N, r, p, and perhaps the key's length.
    cost = 1
    for number in numbers[:3]:
        cost *= abs(number)
    if cost > MAX_SCRYPT_COST:
        raise UnusableError(
            f"holds a private key whose scrypt cost is {cost:,}, above {MAX_SCRYPT_COST:,}",
            "Encrypt it again with less: openssl pkcs8 -topk8 -iter 600000",
        )
