"""A fleet's manifest: ``manifest.json`` and its shards, content-addressed, as bytes and as small frozen values.

::

    <prefix>/<sha256 of manifest.json>/manifest.json
        {"count", "defaults": {"attributes", "caCertificatePem", "policyNames", "status"},
         "partitions": [{"count", "key", "sha256"}], "version": 1}
    <prefix>/<sha256 of manifest.json>/shards/<key>.jsonl
        {"certificateId", "certificatePem", "status"?, "thingName"?, "policyNames"?, "attributes"?}

A partition has the certificates whose ids begin with the bits of its key (``cut.py``); all keys of a manifest have the
same number of bits, and a manifest of few certificates has one partition, whose key is empty (its file: ``all.jsonl``).
The lines of a shard ascend by ``certificateId``, each id once: so two manifests, or a manifest and the ledger of what
is registered, are compared in constant memory.

A line has what it declares beside the defaults: ``policyNames`` and ``attributes`` take the place of the defaults'.
Nothing here is a secret: a shard with a private key is refused, line by line.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from iot_certificate_provider.contract import MAX_POLICIES, POLICY_NAME, THING_NAME, DeviceCertificateStatus
from iot_certificate_provider.errors import UnusableError, kind_of
from iot_certificate_provider.fleet import cut
from iot_certificate_provider.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VERSION = 1

LONGEST_LINE_BYTES = 262_144
"""A certificate has at most 65,536 characters. A longer line is invalid, and is not read into memory."""

MAX_MANIFEST_BYTES = 16_777_216
"""Of manifest.json: 65,536 partitions have less."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PRIVATE_KEY = b"PRIVATE KEY-----"
_MADE_AGAIN = "Make the manifest again with `iot-certificates fleet manifest`"


@dataclass(frozen=True)
class Defaults:
    """The values of a line that declares no other.

    * ``ca_certificate_pem``: the registered issuer of all certificates; None registers them without a CA (SNI_ONLY).
    * ``attributes``: of things that the fleet creates.
    """

    ca_certificate_pem: str | None = None
    status: str = DeviceCertificateStatus.ACTIVE.value
    policy_names: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the member ``defaults`` of manifest.json."""
        return {
            "caCertificatePem": self.ca_certificate_pem,
            "status": self.status,
            "policyNames": list(self.policy_names),
            "attributes": dict(self.attributes),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Defaults:
        """Read the member ``defaults`` of manifest.json; raise UnusableError with the problem."""
        status = _status(raw) or DeviceCertificateStatus.ACTIVE.value
        return cls(_text(raw, "caCertificatePem"), status, _policy_names(raw), _attributes(raw))


@dataclass(frozen=True)
class Line:
    """One certificate of a shard. ``None``: as the defaults have it, or no thing."""

    certificate_id: str
    certificate_pem: str
    status: str | None = None
    thing_name: str | None = None
    policy_names: tuple[str, ...] | None = None
    attributes: Mapping[str, str] | None = None

    def to_json(self) -> bytes:
        """Return the line of a shard, with its newline; what is None is left out."""
        members = {
            "certificateId": self.certificate_id,
            "certificatePem": self.certificate_pem,
            "status": self.status,
            "thingName": self.thing_name,
            "policyNames": None if self.policy_names is None else list(self.policy_names),
            "attributes": None if self.attributes is None else dict(self.attributes),
        }
        return canonical({name: value for name, value in members.items() if value is not None})


@dataclass(frozen=True)
class BadLine:
    """An invalid line: ``problem`` is the reason, and quotes nothing of the line.

    ``certificate_id`` is None where the line has none that can be read; ``is_in_place``: whether it has one that is in
    order, and belongs to the partition.
    """

    number: int
    certificate_id: str | None
    problem: str
    is_in_place: bool = False


@dataclass(frozen=True)
class Partition:
    """One shard: the bits with which its ids begin, how many lines it has, and the SHA-256 of its file."""

    key: str
    count: int
    sha256: str

    @property
    def file(self) -> str:
        """Return the path of the shard within the manifest's prefix."""
        return shard_file(self.key)


@dataclass(frozen=True)
class Manifest:
    """The content of manifest.json: everything but the lines."""

    count: int
    partitions: tuple[Partition, ...]
    defaults: Defaults = field(default_factory=Defaults)
    version: int = VERSION

    @classmethod
    def from_json(cls, content: bytes) -> Manifest:
        """Read manifest.json; raise UnusableError with the problem."""
        if _PRIVATE_KEY in content:
            raise UnusableError("manifest.json has a private key", "Remove it, and treat the key as leaked")
        raw = _object(content, "manifest.json")
        if raw.get("version") != VERSION:
            raise UnusableError(
                f"manifest.json has a version other than {VERSION}",
                "Use the command of the provider's version",
            )
        manifest = cls(
            _whole(raw.get("count")), tuple(_partition(each) for each in _list(raw, "partitions")), _defaults(raw)
        )
        _check_partitions(manifest)
        return manifest

    def to_json(self) -> bytes:
        """Return manifest.json in canonical form: sorted keys, no spaces, ASCII, a newline at its end."""
        partitions = [{"key": each.key, "count": each.count, "sha256": each.sha256} for each in self.partitions]
        defaults = self.defaults.as_json()
        return canonical({"version": self.version, "count": self.count, "partitions": partitions, "defaults": defaults})

    @property
    def sha256(self) -> str:
        """Return the hex SHA-256 of manifest.json, which is the last component of its prefix."""
        return hashlib.sha256(self.to_json()).hexdigest()

    @property
    def bits(self) -> int:
        """Return how many bits the keys have; 0 without partitions."""
        return len(self.partitions[0].key) if self.partitions else 0


def shard_file(key: str) -> str:
    """Return the path of a shard within its manifest's prefix: ``shards/0110.jsonl``."""
    return f"shards/{key or 'all'}.jsonl"


def read_lines(stream: BinaryIO, key: str = "") -> Iterator[Line]:
    """Yield the lines of a shard; raise UnusableError at the first invalid line."""
    for each in lines_or_problems(stream, key):
        if isinstance(each, BadLine):
            raise UnusableError(f"line {each.number} {each.problem}", _MADE_AGAIN)
        yield each


def lines_or_problems(stream: BinaryIO, key: str = "") -> Iterator[Line | BadLine]:
    """Yield each line of the shard of a key, or a BadLine with the problem.

    The certificates are not parsed. Memory: one line.
    """
    before, number = "", 0
    while content := stream.readline(LONGEST_LINE_BYTES + 1):
        number += 1
        line = _line(content, number)
        if len(content) > LONGEST_LINE_BYTES:
            _skip_rest(content, stream)
        certificate_id = line.certificate_id
        if certificate_id is not None:
            misplaced = _misplaced(certificate_id, before, key)
            if misplaced:
                line = BadLine(number, certificate_id, misplaced)
            else:
                before = certificate_id
                line = replace(line, is_in_place=True) if isinstance(line, BadLine) else line
        yield line


def canonical(value: object) -> bytes:
    """Return canonical JSON as a line: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"


def _misplaced(certificate_id: str, before: str, key: str) -> str:
    if not cut.has(key, certificate_id):
        return f"has an id that does not begin with the bits {key}"
    if certificate_id == before:
        return "has the id of the line before it"
    if certificate_id < before:
        return "is out of order: lines must ascend by certificateId, each id once"
    return ""


def _skip_rest(content: bytes, stream: BinaryIO) -> None:
    while content and not content.endswith(b"\n"):
        content = stream.readline(LONGEST_LINE_BYTES)


def _line(content: bytes, number: int) -> Line | BadLine:
    if len(content) > LONGEST_LINE_BYTES:
        return BadLine(number, None, f"has more than {LONGEST_LINE_BYTES:,} bytes")
    if _PRIVATE_KEY in content:
        return BadLine(number, None, "has a private key")
    try:
        raw = _object(content, "the line")
    except UnusableError:
        return BadLine(number, None, "is not a JSON object")
    certificate_id = raw.get("certificateId")
    if not isinstance(certificate_id, str) or not _SHA256.fullmatch(certificate_id):
        return BadLine(number, None, "has no certificateId of 64 hex digits in lower case")
    try:
        return Line(
            certificate_id,
            _text(raw, "certificatePem") or "",
            _status(raw),
            _matching(raw, "thingName", THING_NAME),
            _policy_names(raw) if "policyNames" in raw else None,
            _attributes(raw) if "attributes" in raw else None,
        )
    except UnusableError as error:
        return BadLine(number, certificate_id, error.problem)


def _object(content: bytes, what: str) -> dict[str, Any]:
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError):
        raw = None
    if not isinstance(raw, dict):
        # Without its cause, which holds the text.
        raise UnusableError(f"{what} is not a JSON object", _MADE_AGAIN)
    return raw


def _partition(raw: object) -> Partition:
    if not isinstance(raw, dict):
        raise UnusableError("partitions: an item is not an object", _MADE_AGAIN)
    key, sha256 = raw.get("key"), raw.get("sha256")
    if not isinstance(key, str) or not cut.is_key(key):
        raise UnusableError("partitions: a key is not a text of at most 32 bits", _MADE_AGAIN)
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise UnusableError("partitions: a sha256 does not have 64 hex digits in lower case", _MADE_AGAIN)
    return Partition(key, _whole(raw.get("count")), sha256)


def _check_partitions(manifest: Manifest) -> None:
    keys = [each.key for each in manifest.partitions]
    if len({len(key) for key in keys}) > 1 or sorted(set(keys)) != keys:
        raise UnusableError("partitions: keys must ascend, each once, all of one length", _MADE_AGAIN)
    if sum(each.count for each in manifest.partitions) != manifest.count:
        raise UnusableError("count is not the sum of the partitions' counts", _MADE_AGAIN)


def _defaults(manifest: Mapping[str, Any]) -> Defaults:
    raw = manifest.get("defaults", {})
    if not isinstance(raw, dict):
        raise UnusableError(f"defaults is a {kind_of(raw)}, not an object", _MADE_AGAIN)
    return Defaults.from_json(raw)


def _list(raw: Mapping[str, Any], name: str) -> list[Any]:
    value = raw.get(name, [])
    if not isinstance(value, list):
        raise UnusableError(f"{name} is a {kind_of(value)}, not a list", _MADE_AGAIN)
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UnusableError("a count is not a whole number", _MADE_AGAIN)
    return value


def _text(raw: Mapping[str, Any], name: str) -> str | None:
    value = raw.get(name)
    if value is not None and not isinstance(value, str):
        raise UnusableError(f"has a {name} that is a {kind_of(value)}, not a text", _MADE_AGAIN)
    return value


def _matching(raw: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str | None:
    value = _text(raw, name)
    if value is not None and not pattern.fullmatch(value):
        raise UnusableError(f"has a {name} that AWS IoT does not accept", _MADE_AGAIN)
    return value


def _status(raw: Mapping[str, Any]) -> str | None:
    value = _text(raw, "status")
    if value is not None and value not in [*DeviceCertificateStatus]:
        raise UnusableError(f"has a status that is not one of {', '.join(DeviceCertificateStatus)}", _MADE_AGAIN)
    return value


def _policy_names(raw: Mapping[str, Any]) -> tuple[str, ...]:
    names = _list(raw, "policyNames")
    if not all(isinstance(each, str) and POLICY_NAME.fullmatch(each) for each in names):
        raise UnusableError("has a policy name that AWS IoT does not accept", _MADE_AGAIN)
    if len(names) > MAX_POLICIES:
        raise UnusableError(f"has more than {MAX_POLICIES} policies", f"AWS IoT attaches at most {MAX_POLICIES}")
    return tuple(dict.fromkeys(names))


def _attributes(raw: Mapping[str, Any]) -> Mapping[str, str]:
    value = raw.get("attributes", {})
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise UnusableError("has attributes that are not an object of texts", _MADE_AGAIN)
    return value
