"""Every certificate of an account and Region, as a stream: at no time is more than a page of them held in memory."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from iot_certificate_provider.errors import NotFoundError
from iot_certificate_provider.printable import printable
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
    from concurrent.futures import Executor, Future
    from datetime import datetime

    from iot_certificates_cli.connection import Connection
    from iot_certificates_cli.filed import Filed
    from iot_certificates_cli.known_certificates import KnownCertificates
    from iot_certificates_cli.listings import Listed
    from iot_certificates_cli.stack_owners import StackOwners

# Twice, and fewer than botocore keeps connections open for a client: a closed one costs another handshake.
_THREADS = 5
# So many certificates are asked about before the first of them has its answers: more than there are threads.
_AHEAD = 32

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


@dataclass(frozen=True)
class _Asked:
    """A certificate with the answers that are on their way: what it says, and its things. None: not asked for."""

    listed: Listed
    said: Future[Said] | None
    things: Future[tuple[str, ...]] | None


class Watch:
    """Is told how far an inventory is; this one does nothing of it."""

    def listed(self, count: int) -> None:
        """Take note of this many more certificates in the list."""

    def begin(self, total: int) -> None:
        """Take note that the list is complete: this many are asked about from now on."""

    def done(self) -> None:
        """Take note that one of them was asked about."""


class Inventory:
    """The certificates with what is known about them.

    * ``expiry``: ask what each device certificate says, with a call for each that is not ``known`` yet.
    * ``wanted``: takes a device certificate's entry in the list and its CA's id: whether to ask about it at all.
    * ``attachments``: ask for policies (a call for each policy) and things (a call for each certificate).
    * ``watch``: receives the progress.
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
        watch: Watch | None = None,
    ) -> None:
        self._connection = connection
        self._known = known
        self._filed = filed
        self._expiry = expiry
        self._attachments = attachments
        self._wanted = wanted
        self._watch = watch or Watch()

    @cached_property
    def owners(self) -> StackOwners:
        """The owning stacks of certificates."""
        return find_stack_owners(self._connection.cloudformation_client)

    @cached_property
    def ca_certificates(self) -> list[Entry]:
        """The CA certificates: few, and held, since each device certificate names one."""
        return [entry for listed in list_ca_certificates(self._connection.iot_client) for entry in self._ca(listed)]

    @cached_property
    def _subjects(self) -> dict[str, str]:
        return {ca.id: ca.subject for ca in self.ca_certificates}

    def entries(self) -> Iterator[Entry]:
        """All CA certificates, then all device certificates, newest first."""
        yield from self.ca_certificates
        yield from self.device_certificates()

    def device_certificates(self) -> Iterator[Entry]:
        """All device certificates, newest first."""
        self._file()
        self._watch.begin(self._filed.count)
        waiting: deque[_Asked] = deque()
        # Descriptions and things at once: each operation has a quota of its own.
        with _threads() as describing, _threads() as attaching:
            for page in self._filed.pages():
                for listed in page:
                    waiting.append(self._ask(listed, describing, attaching))
                    if len(waiting) > _AHEAD:
                        yield from self._answered(waiting.popleft())
                self._known.save()
            while waiting:
                yield from self._answered(waiting.popleft())

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
        """File what the lists say: which certificates there are, of which CA, with which policies."""
        iot = self._connection.iot_client
        for ca in self.ca_certificates:
            self._filed.file_ca(ca.id, list_certificate_ids_by_ca(iot, ca.id))
        for name in list_policy_names(iot) if self._attachments else ():
            targets = self._connection.iot.policy_targets(name)
            self._filed.file_policy(name, (arn.rpartition("/")[2] for arn in targets if ":cert/" in arn))
        for page in list_certificates(iot):
            self._filed.file_listed([one for one in page if self._wanted(one, self._filed.ca_of(one.id))])
            self._watch.listed(len(page))

    def _ask(self, listed: Listed, describing: Executor, attaching: Executor) -> _Asked:
        unknown = self._expiry and self._known.find(listed.id) is None
        return _Asked(
            listed,
            describing.submit(self._describe, listed.id) if unknown else None,
            attaching.submit(self._things_of, listed.arn) if self._attachments else None,
        )

    def _answered(self, asked: _Asked) -> Iterator[Entry]:
        """Yield the certificate when its answers have come; nothing when it was deleted since it was listed."""
        with suppress(NotFoundError):
            said = self._said_by(asked)
            things = () if asked.things is None else asked.things.result()
            yield self._device(asked.listed, said, things)
        self._watch.done()

    def _said_by(self, asked: _Asked) -> Said | None:
        if asked.said is None:
            return self._known.find(asked.listed.id)
        said = asked.said.result()
        self._known.keep(asked.listed.id, said)
        return said

    def _device(self, listed: Listed, said: Said | None, things: tuple[str, ...]) -> Entry:
        ca = self._filed.ca_of(listed.id)
        return Entry(
            DEVICE,
            listed.id,
            listed.arn,
            listed.status,
            listed.created,
            said,
            ca_certificate_id=ca,
            ca=self._subjects.get(ca, ""),
            policies=tuple(printable(name) for name in self._filed.policies_of(listed.id)),
            things=things,
            stacks=self._stacks_of(listed),
        )

    def _describe(self, certificate_id: str) -> Said:
        return Said.by(self._connection.iot.describe_certificate(certificate_id).pem)

    def _things_of(self, arn: str) -> tuple[str, ...]:
        return tuple(printable(name) for name in self._connection.iot.attached_things(arn))


@contextmanager
def _threads() -> Iterator[Executor]:
    """Give threads; what has not begun by the time of an error, or of an interrupt, never does."""
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
