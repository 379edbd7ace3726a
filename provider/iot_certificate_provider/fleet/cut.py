"""How the certificates of a fleet are divided into shards: by the first bits of their ids, SHA-256 hashes.

A shard's key is these bits, as text: ``0110`` has the ids that begin with the hex digit 6. The number of shards is a
power of two, which changes only when a fleet grows or shrinks by half; in between each certificate keeps its shard.
"""

from __future__ import annotations

import re

MOST_LINES_A_SHARD = 2_000
"""On average: so a shard takes minutes, and a child of the machine has some dozens of them."""

LEAST_LINES_A_SHARD = 500
"""A shard costs a second of its child's time: at ten lines a second, two of a hundred (benchmarks, Fleet)."""

_BITS_OF_A_SMALL_FLEET = 5
"""A fleet of 16,000 to 64,000 has 32 shards, so that several children end at about the same time."""

_HEX_DIGITS = 8
_KEY = re.compile(r"[01]{0,32}")


def bits_for(count: int) -> int:
    """Return how many bits the keys have for ``count`` certificates.

    0 below 1,000; up to 5 while a shard has 500 lines; above 64,000 certificates, shards of 1,000 to 2,000 lines.
    """
    bits = 0
    while bits < _BITS_OF_A_SMALL_FLEET and count >= LEAST_LINES_A_SHARD * 2 ** (bits + 1):
        bits += 1
    while count > MOST_LINES_A_SHARD * 2**bits:
        bits += 1
    return bits


def key_of(certificate_id: str, bits: int) -> str:
    """Return the key of the shard that a certificate belongs to."""
    return f"{int(certificate_id[:_HEX_DIGITS], 16):032b}"[:bits]


def has(key: str, certificate_id: str) -> bool:
    """Whether a certificate belongs to the shard of a key."""
    return key_of(certificate_id, len(key)) == key


def is_key(text: str) -> bool:
    """Whether a text may be a shard's key."""
    return _KEY.fullmatch(text) is not None
