"""Which device certificates a sweep is about: those that meet everything that was asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from iot_certificates_cli.errors import UsageError

if TYPE_CHECKING:
    from iot_certificates_cli.inventory import Entry

STATUSES = ("ACTIVE", "INACTIVE", "PENDING_ACTIVATION", "PENDING_TRANSFER", "REVOKED", "REGISTER_INACTIVE")
"""CertificateStatus of the AWS IoT API."""

_AGE = re.compile(r"(\d+)([mhdw])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
# As many digits of an id as nobody's typing error has; the inventory's table shows twelve.
_CA = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True)
class Selection:
    """What was asked for; what is empty or None was not.

    * ``cas``: beginnings of the ids of CAs. ``ca_tags``: tags of CAs, by key; a value of None is any value.
    * ``subject``: a pattern with ``*`` and ``?``. ``registered_before``: aware. ``statuses``: any of them.
    """

    cas: tuple[str, ...] = ()
    ca_tags: tuple[tuple[str, str | None], ...] = ()
    subject: str | None = None
    registered_before: datetime | None = None
    statuses: tuple[str, ...] = ()

    @classmethod
    def parse(
        cls, cas: list[str], ca_tags: list[str], subject: str | None, older_than: str | None, statuses: list[str]
    ) -> Selection:
        """Read the options; raise UsageError for one that cannot be meant."""
        return cls(
            tuple(_ca_id(each) for each in cas),
            tuple(_tag(each) for each in ca_tags),
            subject,
            None if older_than is None else _ago(older_than),
            tuple(_status(each) for each in statuses),
        )

    @property
    def is_narrow_enough(self) -> bool:
        """Whether it may be deleted by: most certificates of a production account belong to no stack."""
        return bool(self.cas or self.subject or self.registered_before)

    @property
    def is_by_ca(self) -> bool:
        """Whether only certificates that are filed under some CA meet it."""
        return bool(self.cas or self.ca_tags)

    def takes_ca(self, ca: Entry, tags: dict[str, str]) -> bool:
        """Whether a CA's certificates meet what is asked of their CA."""
        named = not self.cas or any(ca.id.startswith(each) for each in self.cas)
        return named and all(key in tags and value in (None, tags[key]) for key, value in self.ca_tags)

    def takes_listed(self, status: str, created: datetime) -> bool:
        """Whether a certificate meets what its entry in a list tells."""
        old_enough = self.registered_before is None or created < self.registered_before
        return old_enough and (not self.statuses or status in self.statuses)

    def takes_subject(self, subject: str) -> bool:
        """Whether the subject, as RFC 4514 writes it, meets the pattern."""
        return self.subject is None or fnmatchcase(subject, self.subject)


def _ca_id(text: str) -> str:
    certificate_id = text.rpartition("/")[2].lower()
    if not _CA.fullmatch(certificate_id):
        raise UsageError(f"--ca: {text!r} is no certificate id. Name an ARN, an id, or its first digits, at least 8")
    return certificate_id


def _status(text: str) -> str:
    status = text.upper()
    if status not in STATUSES:
        raise UsageError(f"--status: {text!r} is none of AWS IoT's. They are {', '.join(STATUSES)}")
    return status


def _tag(text: str) -> tuple[str, str | None]:
    key, equals, value = text.partition("=")
    if not key:
        raise UsageError(f"--ca-tag: {text!r} has no key. Write KEY or KEY=VALUE")
    return key, value if equals else None


def _ago(text: str) -> datetime:
    found = _AGE.fullmatch(text)
    if found is None:
        raise UsageError(f"--older-than: {text!r} is no age. Write a number and m, h, d or w: 7d")
    try:
        return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError as error:
        raise UsageError(f"--older-than: {text!r} is longer ago than there are dates") from error
