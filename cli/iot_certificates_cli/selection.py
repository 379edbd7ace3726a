"""The selection of a sweep: the device certificates that meet all options."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from iot_certificates_cli.errors import CommandError, UsageError

if TYPE_CHECKING:
    from iot_certificates_cli.inventory import Entry

STATUSES = ("ACTIVE", "INACTIVE", "PENDING_ACTIVATION", "PENDING_TRANSFER", "REVOKED", "REGISTER_INACTIVE")
"""CertificateStatus of the AWS IoT API."""

_AGE = re.compile(r"(\d+)([mhdw])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
# More digits than a typing error; the inventory's table shows twelve.
_CA = re.compile(r"[0-9a-f]{8,64}")
# Service Authorization Reference, "Resource types defined by AWS IoT": cacert, and cert for a device certificate.
_ARN = re.compile(r"arn:[a-z-]+:iot:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):cacert/(?P<id>[0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True)
class NamedCa:
    """A CA as ``--ca`` names it: an id, its first digits, or an ARN, which also has an account and a Region."""

    id: str
    account: str | None = None
    region: str | None = None

    @classmethod
    def parse(cls, text: str) -> NamedCa:
        """Read the option; raise UsageError for what names no CA certificate."""
        if text.lower().startswith("arn:"):
            found = _ARN.fullmatch(text)
            if found is None:
                raise UsageError(f"--ca: {text!r} is not the ARN of a CA certificate. Give arn:aws:iot:…:cacert/ID")
            return cls(found["id"], found["account"], found["region"])
        if not _CA.fullmatch(text.lower()):
            raise UsageError(
                f"--ca: {text!r} is not a certificate id. Give an ARN, an id, or at least 8 of its first digits"
            )
        return cls(text.lower())

    def check_place(self, account: str, region: str) -> None:
        """Raise UsageError when the ARN is of another account or Region."""
        if self.account not in {None, account}:
            raise UsageError(
                f"--ca: {self.id} is of account {self.account}, but the credentials are of {account}. Give a --profile"
            )
        if self.region not in {None, region}:
            raise UsageError(f"--ca: {self.id} is of {self.region}, but the command uses {region}. Give its --region")

    def find(self, cas: list[Entry]) -> Entry:
        """Return the one CA that is meant; raise a CommandError for none, and for several."""
        found = [ca for ca in cas if ca.id.startswith(self.id)]
        if not found:
            raise CommandError(
                f"--ca: {self.id} is not a registered CA certificate. List them with: iot-certificates inventory"
            )
        if len(found) > 1:
            names = ", ".join(f"{ca.id} ({ca.subject})" for ca in found)
            raise UsageError(f"--ca: {self.id} matches {len(found)} CA certificates: {names}. Give more digits")
        return found[0]


@dataclass(frozen=True)
class Selection:
    """The options of a selection; an empty or None one was not given.

    * ``cas``: CAs. ``ca_tags``: tags of CAs, by key; a value of None is any value.
    * ``subject``: a pattern with ``*`` and ``?``. ``registered_before``: aware. ``statuses``: any of them.
    """

    cas: tuple[NamedCa, ...] = ()
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
            tuple(NamedCa.parse(each) for each in cas),
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

    def check_place(self, account: str, region: str) -> None:
        """Raise UsageError when a CA is named by an ARN of another account or Region."""
        for named in self.cas:
            named.check_place(account, region)

    def named_cas(self, cas: list[Entry]) -> list[Entry]:
        """Return the CAs that ``--ca`` names, all of them where it was not given; CommandError for none, or several."""
        return [named.find(cas) for named in self.cas] if self.cas else cas

    def takes_tags(self, tags: dict[str, str]) -> bool:
        """Whether a CA has the tags."""
        return all(key in tags and value in (None, tags[key]) for key, value in self.ca_tags)

    def takes_listed(self, status: str, created: datetime) -> bool:
        """Whether a certificate meets what its entry in a list tells."""
        old_enough = self.registered_before is None or created < self.registered_before
        return old_enough and (not self.statuses or status in self.statuses)

    def takes_subject(self, subject: str) -> bool:
        """Whether the subject, as the inventory shows it, meets the pattern: all but ``*`` and ``?`` is literal."""
        if self.subject is None:
            return True
        pattern = re.escape(self.subject).replace(r"\*", ".*").replace(r"\?", ".")
        return re.fullmatch(pattern, subject, re.DOTALL) is not None


def _status(text: str) -> str:
    status = text.upper()
    if status not in STATUSES:
        raise UsageError(f"--status: {text!r} is not a status of AWS IoT. Give one of {', '.join(STATUSES)}")
    return status


def _tag(text: str) -> tuple[str, str | None]:
    key, equals, value = text.partition("=")
    if not key:
        raise UsageError(f"--ca-tag: {text!r} has no key. Write KEY or KEY=VALUE")
    return key, value if equals else None


def _ago(text: str) -> datetime:
    found = _AGE.fullmatch(text)
    if found is None:
        raise UsageError(f"--older-than: {text!r} is not an age. Give a number and m, h, d or w, such as 7d")
    try:
        return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError as error:
        raise UsageError(f"--older-than: {text!r} is too long ago for a date") from error
