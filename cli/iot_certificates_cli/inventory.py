"""Every certificate of an account and Region, as a stream: at no time is more than a page of them held."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from iot_certificate_provider.errors import NotFoundError
from iot_certificates_cli.concurrently import concurrently
from iot_certificates_cli.known_certificates import Said
from iot_certificates_cli.listings import (
    list_ca_certificates,
    list_certificate_ids_by_ca,
    list_certificates,
    list_policy_names,
)
from iot_certificates_cli.stack_owners import find_stack_owners

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from iot_certificates_cli.connection import Connection
    from iot_certificates_cli.filed import Filed
    from iot_certificates_cli.known_certificates import KnownCertificates
    from iot_certificates_cli.listings import Listed
    from iot_certificates_cli.stack_owners import StackOwners

CA = "CA"
DEVICE = "device"


@dataclass(frozen=True)
class Entry:
    """A registered certificate.

    * ``kind``: CA or DEVICE. ``ca_certificate_id``, ``ca``: the id and the subject of the CA that AWS IoT files a
      device certificate under; empty for one in SNI_ONLY mode, and for one that AWS IoT issued.
    * ``said``: what the certificate says; None where that was not asked for.
    * ``stacks``: the names of the stacks that own or adopted it, empty when none is known to.
    """

    kind: str
    id: str
    arn: str
    status: str
    created: datetime
    said: Said | None
    ca_certificate_id: str = ""
    ca: str = ""
    policies: tuple[str, ...] = ()
    things: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """The subject as RFC 4514 writes it, empty where it was not asked for."""
        return "" if self.said is None else self.said.subject

    @property
    def expires(self) -> datetime | None:
        """The end of the validity."""
        return None if self.said is None else self.said.not_after


class Inventory:
    """The certificates with what is known about them.

    * ``expiry``: ask what each device certificate says, with a call for each that is not ``known`` yet.
    * ``wanted``: takes a device certificate's entry in the list and its CA's id: whether to ask about it at all.
    * ``attachments``: ask for policies (a call for each policy) and things (a call for each certificate).
    """

    def __init__(
        self,
        connection: Connection,
        known: KnownCertificates,
        filed: Filed,
        *,
        expiry: bool = True,
        attachments: bool = True,
        wanted: Callable[[Listed, str], bool] = lambda *_: True,
    ) -> None:
        self._connection = connection
        self._known = known
        self._filed = filed
        self._expiry = expiry
        self._attachments = attachments
        self._wanted = wanted

    @cached_property
    def owners(self) -> StackOwners:
        """Which stack owns which certificate."""
        return find_stack_owners(self._connection.cloudformation_client)

    @cached_property
    def ca_certificates(self) -> list[Entry]:
        """The CA certificates: few, and held, since each device certificate names one."""
        return [entry for listed in list_ca_certificates(self._connection.iot_client) for entry in self._ca(listed)]

    def entries(self) -> Iterator[Entry]:
        """All CA certificates, then all device certificates, newest first."""
        yield from self.ca_certificates
        yield from self.device_certificates()

    def device_certificates(self) -> Iterator[Entry]:
        """All device certificates, newest first."""
        self._file()
        for page in list_certificates(self._connection.iot_client):
            yield from self._completed([one for one in page if self._wanted(one, self._filed.ca_of(one.id))])
            self._known.save()

    def _ca(self, listed: Listed) -> Iterator[Entry]:
        said = self._known.find(listed.id)
        if said is None:
            with suppress(NotFoundError):
                said = Said.by(self._connection.iot.describe_ca_certificate(listed.id).pem)
                self._known.keep(listed.id, said)
        if said is not None:
            stacks = self._stacks_of(listed)
            yield Entry(CA, listed.id, listed.arn, listed.status, listed.created, said, stacks=stacks)

    def _stacks_of(self, listed: Listed) -> tuple[str, ...]:
        return tuple(self.owners.stacks_of.get(listed.id, ()))

    def _file(self) -> None:
        """File what the lists say about certificates by CA and by policy."""
        iot = self._connection.iot_client
        for ca in self.ca_certificates:
            self._filed.file_ca(ca.id, list_certificate_ids_by_ca(iot, ca.id))
        for name in list_policy_names(iot) if self._attachments else ():
            targets = self._connection.iot.policy_targets(name)
            self._filed.file_policy(name, (arn.rpartition("/")[2] for arn in targets if ":cert/" in arn))

    def _completed(self, page: list[Listed]) -> Iterator[Entry]:
        names = {ca.id: ca.subject for ca in self.ca_certificates}
        said = self._said_by(page)
        asked = [one for one in page if not self._expiry or one.id in said]
        for listed, things in zip(asked, self._things_of(asked), strict=True):
            ca = self._filed.ca_of(listed.id)
            yield Entry(
                DEVICE,
                listed.id,
                listed.arn,
                listed.status,
                listed.created,
                said.get(listed.id),
                ca_certificate_id=ca,
                ca=names.get(ca, ""),
                policies=self._filed.policies_of(listed.id),
                things=things,
                stacks=self._stacks_of(listed),
            )

    def _said_by(self, page: list[Listed]) -> dict[str, Said]:
        """Return what the certificates of a page say; those that were deleted meanwhile are left out."""
        said = {one.id: found for one in page if (found := self._known.find(one.id)) is not None}
        unknown = [one.id for one in page if one.id not in said] if self._expiry else []
        for certificate_id, answer in zip(unknown, concurrently(self._ask, unknown), strict=True):
            if answer is not None:
                said[certificate_id] = answer
                self._known.keep(certificate_id, answer)
        return said

    def _ask(self, certificate_id: str) -> Said | None:
        try:
            return Said.by(self._connection.iot.describe_certificate(certificate_id).pem)
        except NotFoundError:
            return None

    def _things_of(self, page: list[Listed]) -> list[tuple[str, ...]]:
        if not self._attachments:
            return [() for _ in page]
        return concurrently(lambda one: tuple(self._connection.iot.attached_things(one.arn)), page)
