"""The policies and things that a device certificate is attached to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.concurrency import Asked
from iot_certificate_provider.contract import MAX_POLICIES, DeviceCertificateProperty
from iot_certificate_provider.errors import InvalidPropertyError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from iot_certificate_provider.aws.iot import IotGateway
    from iot_certificate_provider.properties.device_certificate import DeviceCertificateProperties


class Kind(Enum):
    """What a certificate can be attached to."""

    POLICY = auto()
    THING = auto()

    @property
    def property_name(self) -> str:
        """The property that declares attachments of the kind."""
        name = DeviceCertificateProperty
        return {Kind.POLICY: name.POLICY_NAMES, Kind.THING: name.THING_NAMES}[self]


@dataclass(frozen=True)
class Attachment:
    """One policy, or one thing."""

    kind: Kind
    name: str


@dataclass(frozen=True)
class Calls:
    """How one kind is attached, detached and listed, each of a certificate's ARN."""

    attach: Callable[[str, str], None]
    detach: Callable[[str, str], None]
    listed: Callable[[str], Iterable[str]]


def calls_of(iot: IotGateway) -> Mapping[Kind, Calls]:
    """Return what AWS IoT has for each kind."""
    return {
        Kind.POLICY: Calls(iot.attach_policy, iot.detach_policy, iot.attached_policies),
        Kind.THING: Calls(iot.attach_thing, iot.detach_thing, iot.attached_things),
    }


@dataclass(frozen=True)
class Attachments:
    """A set of attachments, in the order in which they were declared."""

    all: tuple[Attachment, ...] = ()

    @classmethod
    def of(cls, properties: DeviceCertificateProperties | None) -> Attachments:
        """Return those that are declared; none without properties."""
        return cls() if properties is None else cls.named(properties.policy_names, properties.thing_names)

    @classmethod
    def named(cls, policy_names: Iterable[str] = (), thing_names: Iterable[str] = ()) -> Attachments:
        """Return policies and things of these names."""
        policies = (Attachment(Kind.POLICY, name) for name in policy_names)
        return cls((*policies, *(Attachment(Kind.THING, name) for name in thing_names)))

    @classmethod
    def asked(cls, iot: IotGateway, arn: str) -> list[Asked[Attachments]]:
        """Ask what a certificate is attached to, each kind by itself: at once with whatever else is asked."""
        return [Asked(partial(cls._of_kind, calls_of(iot)[kind], kind, arn)) for kind in Kind]

    @classmethod
    def _of_kind(cls, calls: Calls, kind: Kind, arn: str) -> Attachments:
        return cls(tuple(Attachment(kind, name) for name in calls.listed(arn)))

    @classmethod
    def all_of(cls, asked: Iterable[Asked[Attachments]]) -> Attachments:
        """Return what was ``asked``."""
        return cls(tuple(each for answered in asked for each in answered.answer))

    @classmethod
    def of_certificate(cls, iot: IotGateway, arn: str) -> Attachments:
        """List what a certificate is attached to."""
        asked = cls.asked(iot, arn)
        for ask in asked:
            ask()
        return cls.all_of(asked)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.all)

    def __iter__(self) -> Iterator[Attachment]:
        """Iterate, policies first."""
        return iter(self.all)

    def names(self, kind: Kind) -> tuple[str, ...]:
        """Return the names of one kind."""
        return tuple(each.name for each in self.all if each.kind is kind)

    def without(self, other: Attachments) -> Attachments:
        """Return those that ``other`` lacks."""
        return Attachments(tuple(each for each in self.all if each not in other.all))

    def among(self, names: Collection[str]) -> Attachments:
        """Return those whose names are among ``names``."""
        return Attachments(tuple(each for each in self.all if each.name in names))


def change_attachments(
    iot: IotGateway, arn: str, before: Attachments, after: Attachments, between: Callable[[], None] = lambda: None
) -> None:
    """Attach and detach exactly the difference; ``between`` is called before each is attached."""
    leaving, coming = before.without(after), after.without(before)
    if len({*before.names(Kind.POLICY), *after.names(Kind.POLICY)}) > MAX_POLICIES:
        detach(iot, arn, leaving)
        attach(iot, arn, coming, between)
        return
    # Otherwise the new ones first: there is no moment in which the device may do nothing.
    attach(iot, arn, coming, between)
    detach(iot, arn, leaving)


def attach(iot: IotGateway, arn: str, attachments: Attachments, between: Callable[[], None] = lambda: None) -> None:
    """Attach a certificate, by its ARN, to each; InvalidPropertyError for what does not exist."""
    calls = calls_of(iot)
    for each in attachments:
        between()
        try:
            calls[each.kind].attach(each.name, arn)
        except NotFoundError as error:
            raise InvalidPropertyError(
                each.kind.property_name,
                f"{each.kind.name.lower()} {each.name} does not exist in this account and Region",
                "Declare it in the stack, with DependsOn where nothing refers to it; or leave it out",
            ) from error


def detach(iot: IotGateway, arn: str, attachments: Attachments) -> None:
    """Detach a certificate, by its ARN, from each."""
    calls = calls_of(iot)
    for each in attachments:
        calls[each.kind].detach(each.name, arn)
