"""The certificates of a run, by name: a recording names them, and a replay makes others by the same recipes.

Names are ``<recipe>:<more>``: ``ca:factory``, ``device:factory:7``, ``alone:3`` (self-signed), ``odd:expired``,
``csr:one``, ``verification:factory`` (with ``:other``, over the second account's registration code). Every common name
begins with the run's prefix, by which certificates are found again.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import issuing
from acceptance import odd_certificates

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


OTHER = ":other"


def id_of(pem: str) -> str:
    """Return the SHA-256 of the DER, without what may follow it, which AWS IoT is assumed to have as its id."""
    der = issuing.base64_of(pem)
    return hashlib.sha256(der[: 4 + int.from_bytes(der[2:4])] if der[1] == 0x82 else der).hexdigest()


class Material:
    """Makes each certificate once. ``prefix``: of every common name. ``learn``: told of each value and its name."""

    def __init__(self, prefix: str, learn: Callable[[str, str], None] = lambda _value, _name: None) -> None:
        self.prefix = prefix
        self.registration_codes = {False: "", True: ""}
        """By whether it is the second account's."""
        self._learn = learn
        self._issued: dict[str, issuing.Issued] = {}
        self._pems: dict[str, str] = {}
        self._now = datetime.now(UTC)

    def __getitem__(self, name: str) -> str:
        """Return the PEM of a certificate or a request."""
        if name not in self._pems:
            self._pems[name] = self._pem(name)
            if not name.startswith("csr:"):
                self._learn(self.id(name), f"id of {name}")
            self._learn(self._pems[name], name)
        return self._pems[name]

    def id(self, name: str) -> str:
        """Return the id that the certificate is assumed to get."""
        return id_of(self[name])

    def key_pem(self, name: str) -> str:
        """Return the private key of a certificate, in PEM."""
        return self.issued(name).key_pem()

    def public_key_digest(self, name: str) -> str:
        """Return the SHA-256 of the public key of a request, by which its certificate is found again."""
        key: PrivateKeyTypes = issuing.key_of("p256", self._text(name))
        info = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(info).hexdigest()

    def issued(self, name: str) -> issuing.Issued:
        """Return a certificate with its key."""
        if name not in self._issued:
            self._issued[name] = self._make(name)
        return self._issued[name]

    @cached_property
    def _odd(self) -> dict[str, str]:
        return odd_certificates.made(self.prefix, self.issued("ca:odd"), self._now)

    def _pem(self, name: str) -> str:
        if name.startswith("odd:"):
            return self._odd[name.removeprefix("odd:")]
        if name.startswith("csr:"):
            return issuing.make_csr(self._text(name), key=issuing.key_of("p256", self._text(name))).pem
        return self.issued(name).pem

    def _make(self, name: str) -> issuing.Issued:
        recipe, _, more = name.partition(":")
        if recipe == "ca":
            return issuing.make_ca(self._text(name), key=self._key(name), **self._validity())
        if recipe == "device":
            ca = self.issued(f"ca:{more.partition(':')[0]}")
            return issuing.make_device(ca, self._text(name), key=self._key(name), **self._validity())
        if recipe == "alone":
            return issuing.make_device(None, self._text(name), key=self._key(name), **self._validity())
        if recipe == "verification":
            ca = self.issued(f"ca:{more.partition(':')[0]}")
            code = self.registration_codes[more.endswith(OTHER)]
            return issuing.make_verification_certificate(ca, code)
        raise KeyError(name)

    def _key(self, name: str) -> issuing.PrivateKey:
        return issuing.key_of("p256", self._text(name))

    def validity(self) -> tuple[datetime, datetime]:
        """Return when certificates of the run begin and end to be valid: soon what is forgotten is worth nothing."""
        return self._now - timedelta(days=1), self._now + timedelta(days=30)

    def _validity(self) -> dict[str, Any]:
        valid_from, valid_to = self.validity()
        return {"valid_from": valid_from, "valid_to": valid_to}

    def _text(self, name: str) -> str:
        return f"{self.prefix}-{name.replace(':', '-')}"
