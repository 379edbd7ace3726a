"""Certificates and signing requests part by part, signed for real whatever their parts are."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import issuing
from nonconforming.writing import (
    GENERALIZED_TIME,
    NULL,
    PRINTABLE,
    UTC_TIME,
    bit_string,
    boolean,
    common_name,
    element,
    extension,
    integer,
    oid,
    sequence,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ECDSA_SHA256 = sequence(oid("1.2.840.10045.4.3.2"))
ECDSA_SHA384 = sequence(oid("1.2.840.10045.4.3.3"))
ECDSA_SHA1 = sequence(oid("1.2.840.10045.4.1"))
ECDSA_SHA256_NULL = sequence(oid("1.2.840.10045.4.3.2"), NULL)
RSA_SHA256 = sequence(oid("1.2.840.113549.1.1.11"), NULL)
RSA_SHA256_BARE = sequence(oid("1.2.840.113549.1.1.11"))

BASIC_CONSTRAINTS, KEY_USAGE, PURPOSES, NAMES = "2.5.29.19", "2.5.29.15", "2.5.29.37", "2.5.29.17"

CA_NAME = common_name(b"Factory CA", PRINTABLE)
CA_KEY = issuing.key_of("p256", "a CA that nobody else has")
RSA_CA_KEY = issuing.key_of("rsa2048", "a CA that nobody else has")
DEVICE_KEY = issuing.key_of("p256", "a device that nobody else has")
FROM = element(UTC_TIME, b"240101000000Z")
TO = element(GENERALIZED_TIME, b"20540101000000Z")

CRITICAL = boolean(0xFF)
A_DEVICES = extension(BASIC_CONSTRAINTS, sequence(), CRITICAL)
A_CAS = extension(BASIC_CONSTRAINTS, sequence(boolean(0xFF)), CRITICAL)
V3 = element(0xA0, integer(2))


def key_info(key: issuing.PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def signed(tbs: bytes, algorithm: bytes, key: issuing.PrivateKey, hash_algorithm: hashes.HashAlgorithm) -> bytes:
    """Return what is signed with its signature; the key signs over the hash, whatever ``algorithm`` says."""
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(tbs, padding.PKCS1v15(), hash_algorithm)
    else:
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        signature = key.sign(tbs, ec.ECDSA(hash_algorithm))
    return sequence(tbs, algorithm, bit_string(signature))


def pem(content: bytes, label: str = "CERTIFICATE") -> str:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(content).decode()}-----END {label}-----\n"


@dataclass(frozen=True)
class Certificate:
    """A device's certificate of ``CA_KEY``; every part can be another. ``whole``: what becomes of it at the end."""

    version: bytes = V3
    serial: bytes = integer(0x0ABCDE)
    algorithm: bytes = ECDSA_SHA256
    outer_algorithm: bytes | None = None
    issuer: bytes = CA_NAME
    validity: tuple[bytes, bytes] = (FROM, TO)
    subject: bytes = common_name(b"device-1")
    key: bytes = key_info(DEVICE_KEY)
    extensions: tuple[bytes, ...] | None = (A_DEVICES,)
    signing_key: issuing.PrivateKey = CA_KEY
    hash: hashes.HashAlgorithm = field(default_factory=hashes.SHA256)
    tbs: Callable[[bytes], bytes] = bytes
    whole: Callable[[bytes], bytes] = bytes
    label: str = "CERTIFICATE"

    @cached_property
    def der(self) -> bytes:
        """The certificate, with whatever follows it; signed once, since ECDSA never signs alike."""
        extensions = b"" if self.extensions is None else element(0xA3, sequence(*self.extensions))
        validity = sequence(*self.validity)
        parts = (self.version, self.serial, self.algorithm, self.issuer, validity, self.subject, self.key, extensions)
        outer = self.outer_algorithm or self.algorithm
        return self.whole(signed(self.tbs(sequence(*parts)), outer, self.signing_key, self.hash))

    @property
    def pem(self) -> str:
        return pem(self.der, self.label)


@dataclass(frozen=True)
class Request:
    """A signing request of ``DEVICE_KEY``; every part can be another."""

    version: bytes = integer(0)
    subject: bytes = common_name(b"device-1")
    attributes: bytes = element(0xA0)
    algorithm: bytes = ECDSA_SHA256
    signing_key: issuing.PrivateKey = DEVICE_KEY
    hash: hashes.HashAlgorithm = field(default_factory=hashes.SHA256)
    whole: Callable[[bytes], bytes] = bytes
    label: str = "CERTIFICATE REQUEST"

    @property
    def pem(self) -> str:
        tbs = sequence(self.version, self.subject, key_info(DEVICE_KEY), self.attributes)
        return pem(self.whole(signed(tbs, self.algorithm, self.signing_key, self.hash)), self.label)


CA = Certificate(subject=CA_NAME, key=key_info(CA_KEY), extensions=(A_CAS,), serial=integer(1))
"""The CA that issues them all, which every library reads."""
