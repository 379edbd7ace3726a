"""Device certificates that are odd in one way each, and what is assumed of AWS IoT about each.

What AWS IoT refuses, the function has to refuse before it asks; what AWS IoT takes, the function has to take.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes

import issuing
from nonconforming.drafts import BASIC_CONSTRAINTS, CRITICAL, ECDSA_SHA1, Certificate, key_info
from nonconforming.writing import PRINTABLE, T61, boolean, common_name, extension, integer, sequence

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

TAKEN, REFUSED = False, True

ODD = {
    "expired": REFUSED,
    "future": TAKEN,
    "version-1": TAKEN,
    "sha1": REFUSED,
    "rsa1024": REFUSED,
    "secp256k1": REFUSED,
    "ed25519": REFUSED,
    "p521": TAKEN,
    "sha512": TAKEN,
    "printable-underscore": TAKEN,
    "t61-latin1": TAKEN,
    "ca-false-written": TAKEN,
    "trailing-bytes": TAKEN,
}
"""Whether AWS IoT is assumed to refuse a device's certificate. ``ca:odd`` has issued all of them."""

NOT_A_CA = "not-a-ca"
"""The fourteenth: registered as a CA, which its basicConstraints say it is not."""


def made(prefix: str, ca: issuing.Issued, now: datetime) -> dict[str, str]:
    """Return the PEM of each, by name; their common names begin with the prefix."""
    return _with_builders(prefix, ca, now) | _part_by_part(prefix, ca)


def _with_builders(prefix: str, ca: issuing.Issued, now: datetime) -> dict[str, str]:
    day = timedelta(days=1)
    options: dict[str, dict[str, Any]] = {
        "expired": {"valid_from": now - 30 * day, "valid_to": now - day},
        "future": {"valid_from": now + day, "valid_to": now + 30 * day},
        "rsa1024": {"key_kind": "rsa1024"},
        "secp256k1": {"key_kind": "secp256k1"},
        "ed25519": {"key_kind": "ed25519"},
        "p521": {"key_kind": "p521"},
        "sha512": {"hash_name": "sha512"},
    }
    pems = {name: issuing.make_device(ca, f"{prefix}-{name}", **more).pem for name, more in options.items()}
    alone = issuing.make_ca(f"{prefix}-{NOT_A_CA}", ca=False, valid_from=now - day, valid_to=now + 30 * day)
    return {**pems, NOT_A_CA: alone.pem}


def _part_by_part(prefix: str, ca: issuing.Issued) -> dict[str, str]:
    text = prefix.encode("ascii")
    drafts: dict[str, dict[str, Any]] = {
        "version-1": {"version": b"", "extensions": None},
        "sha1": {"algorithm": ECDSA_SHA1, "hash": hashes.SHA1()},  # noqa: S303 - made to be refused
        "printable-underscore": {"subject": common_name(text + b"-dev_1", PRINTABLE)},
        "t61-latin1": {"subject": common_name(text + "-Gerät".encode("latin-1"), T61)},
        "ca-false-written": {"extensions": (extension(BASIC_CONSTRAINTS, sequence(boolean(0)), CRITICAL),)},
        "trailing-bytes": {"whole": lambda der: der + b"\xff"},
    }
    return {name: _draft(f"{prefix}-{name}", ca, more).pem for name, more in drafts.items()}


def _draft(name: str, ca: issuing.Issued, more: dict[str, Any]) -> Certificate:
    key = issuing.key_of("p256", name)
    ours = {
        "serial": integer(x509.random_serial_number()),
        "issuer": ca.certificate.subject.public_bytes(),
        "subject": common_name(name.encode("ascii")),
        "key": key_info(key),
        "signing_key": ca.key,
    }
    return Certificate(**{**ours, **more})
