"""Public keys and signature algorithms, in the second reading: by their object identifiers, whatever stands beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from iot_certificate_provider.pki import der
from iot_certificate_provider.pki.der import Element, MalformedError
from iot_certificate_provider.pki.signature import RSASSA_PSS, Signature

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

RSA_ENCRYPTION, EC_PUBLIC_KEY = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1"
MGF1 = "1.2.840.113549.1.1.8"

# RFC 5480, 2.1.1.1.
_CURVES: dict[str, ec.EllipticCurve] = {
    "1.2.840.10045.3.1.7": ec.SECP256R1(),
    "1.3.132.0.34": ec.SECP384R1(),
    "1.3.132.0.35": ec.SECP521R1(),
}
# RFC 4055, 2.1.
_HASHES: dict[str, HashAlgorithm] = {
    "1.3.14.3.2.26": hashes.SHA1(),  # noqa: S303 - to be refused by its name
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
    "2.16.840.1.101.3.4.2.4": hashes.SHA224(),
}
ECDSA_ALGORITHMS = {
    "1.2.840.10045.4.1": hashes.SHA1(),  # noqa: S303 - to be refused by its name
    "1.2.840.10045.4.3.1": hashes.SHA224(),
    "1.2.840.10045.4.3.2": hashes.SHA256(),
    "1.2.840.10045.4.3.3": hashes.SHA384(),
    "1.2.840.10045.4.3.4": hashes.SHA512(),
}
"""RFC 5758, 3.2."""
RSA_ALGORITHMS = {
    "1.2.840.113549.1.1.4": hashes.MD5(),  # noqa: S303 - to be refused by its name
    "1.2.840.113549.1.1.5": hashes.SHA1(),  # noqa: S303 - to be refused by its name
    "1.3.14.3.2.29": hashes.SHA1(),  # noqa: S303 - to be refused by its name
    "1.2.840.113549.1.1.11": hashes.SHA256(),
    "1.2.840.113549.1.1.12": hashes.SHA384(),
    "1.2.840.113549.1.1.13": hashes.SHA512(),
    "1.2.840.113549.1.1.14": hashes.SHA224(),
}
"""RFC 4055, 5."""
DSA_ALGORITHMS = {
    "1.2.840.10040.4.3": hashes.SHA1(),  # noqa: S303 - to be refused by its name
    "2.16.840.1.101.3.4.3.1": hashes.SHA224(),
    "2.16.840.1.101.3.4.3.2": hashes.SHA256(),
    "2.16.840.1.101.3.4.3.3": hashes.SHA384(),
    "2.16.840.1.101.3.4.3.4": hashes.SHA512(),
}
"""RFC 5758, 3.1."""
_ALGORITHMS: dict[str, HashAlgorithm] = {**ECDSA_ALGORITHMS, **RSA_ALGORITHMS, **DSA_ALGORITHMS}


def algorithm_oid(encoded: Element) -> str:
    """Return the object identifier of an AlgorithmIdentifier; MalformedError where it is none."""
    if encoded.tag != der.SEQUENCE or not encoded.children:
        raise MalformedError("has a malformed algorithm (RFC 5280, 4.1.1.2)")
    return encoded.children[0].oid


def read_public_key(encoded: Element) -> CertificatePublicKeyTypes | None:
    """Read a SubjectPublicKeyInfo; return None for an unsupported type or form."""
    try:
        return load_der_public_key(encoded.encoded)  # type: ignore[return-value]
    except (ValueError, TypeError, UnsupportedAlgorithm):
        pass
    try:
        return _rebuilt(encoded)
    except (ValueError, TypeError, UnsupportedAlgorithm, IndexError):
        return None


def _rebuilt(encoded: Element) -> CertificatePublicKeyTypes | None:
    """Read an RSA key whose parameters are not NULL, or a key on a curve that is named (RFC 3279, 2.3)."""
    algorithm, bits = encoded.children
    oid = algorithm_oid(algorithm)
    if oid == RSA_ENCRYPTION:
        modulus, exponent = Element.only(bits.bits).children
        return rsa.RSAPublicNumbers(exponent.integer, int.from_bytes(modulus.content, "big")).public_key()
    curve = _CURVES.get(algorithm.children[1].oid) if oid == EC_PUBLIC_KEY else None
    return None if curve is None else ec.EllipticCurvePublicKey.from_encoded_point(curve, bits.bits)


def read_signature(algorithm: Element, value: Element, signed: bytes) -> Signature:
    """Read a signature and its algorithm."""
    if value.tag != der.BIT_STRING:
        raise MalformedError("has a malformed signature (RFC 5280, 4.1.1.3)")
    oid = algorithm_oid(algorithm)
    if oid != RSASSA_PSS:
        return Signature(oid, _ALGORITHMS.get(oid), None, value.bits, signed)
    hash_algorithm, pss = _pss(algorithm)
    return Signature(oid, hash_algorithm, pss, value.bits, signed)


def _pss(algorithm: Element) -> tuple[HashAlgorithm | None, padding.PSS | None]:
    """Read the parameters of RSASSA-PSS (RFC 4055, 3.1): the hash, and the padding where it is of a known kind."""
    if len(algorithm.children) != 2 or algorithm.children[1].tag != der.SEQUENCE:
        return None, None
    fields = {field.tag: field.children[0] for field in algorithm.children[1].children if field.children}
    hashed, mask, salt = (fields.get(der.context(number)) for number in range(3))
    used = hashes.SHA1() if hashed is None else _HASHES.get(algorithm_oid(hashed))  # noqa: S303 - the default
    masking = hashes.SHA1() if mask is None else _mask_hash(mask)  # noqa: S303 - the default
    length = 20 if salt is None else salt.integer
    return used, None if masking is None or length < 0 else padding.PSS(padding.MGF1(masking), length)


def _mask_hash(mask: Element) -> HashAlgorithm | None:
    if algorithm_oid(mask) != MGF1 or len(mask.children) != 2:
        return None
    return _HASHES.get(algorithm_oid(mask.children[1]))
