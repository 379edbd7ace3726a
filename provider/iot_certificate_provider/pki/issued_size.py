"""The size of a certificate that is issued for a signing request."""

from __future__ import annotations

# AWS IoT's part: its name, an RSA-2048 signature (256 bytes), key identifiers, key usage, dates, serial; and slack.
_ISSUED_OVERHEAD_BYTES = 1000


def longest_certificate(key: bytes, subject: bytes) -> int:
    """Return an upper bound, in characters, for the PEM of a certificate of a key and a subject, both in DER."""
    der = len(key) + len(subject) + _ISSUED_OVERHEAD_BYTES
    return der * 4 // 3 + der // 48 + 60
