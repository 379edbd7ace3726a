"""The policies and things that a device certificate is attached to."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.concurrency import Asked
from iot_certificate_provider.contract import MAX_POLICIES, DeviceCertificateProperty, ThingPrincipalType
from iot_certificate_provider.errors import InvalidPropertyError, NotFoundError, RefusedError
from iot_certificate_provider.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from iot_certificate_provider.aws.iot import IotGateway
    from iot_certificate_provider.properties.device_certificate import DeviceCertificateProperties


class Kind(Enum):
    """A kind of attachment: policy or thing."""

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
    """The calls that attach, detach and list one kind, each by a certificate's ARN."""

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
    """A set of attachments, in the order in which they were declared, and how its things are attached."""

    all: tuple[Attachment, ...] = ()
    principal_type: ThingPrincipalType = ThingPrincipalType.NON_EXCLUSIVE_THING

    @classmethod
    def of(cls, properties: DeviceCertificateProperties | None) -> Attachments:
        """Return those that are declared; none without properties."""
        if properties is None:
            return cls()
        named = cls.named(properties.policy_names, properties.thing_names)
        return replace(named, principal_type=properties.principal_type)

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
        return replace(self, all=tuple(each for each in self.all if each not in other.all))

    def among(self, names: Collection[str]) -> Attachments:
        """Return those whose names are among ``names``."""
        return replace(self, all=tuple(each for each in self.all if each.name in names))

    def differing_from(self, other: Attachments) -> Attachments:
        """Return those that ``other`` lacks, and the things that it has as another type: attached again they differ."""
        same = other if other.principal_type is self.principal_type else other.without(other.things)
        return self.without(same)

    @property
    def things(self) -> Attachments:
        """Those to things."""
        return replace(self, all=tuple(each for each in self.all if each.kind is Kind.THING))

    @property
    def is_exclusive(self) -> bool:
        """Whether its things may stand beside no other."""
        return self.principal_type is ThingPrincipalType.EXCLUSIVE_THING


def change_attachments(
    iot: IotGateway, arn: str, before: Attachments, after: Attachments, between: Callable[[], None] = lambda: None
) -> None:
    """Attach and detach exactly the difference; ``between`` is called before each."""
    leaving, coming = before.differing_from(after), after.differing_from(before)
    # The new ones first, where AWS IoT allows it: there is no moment in which the device may do nothing.
    first = Attachments()
    if len({*before.names(Kind.POLICY), *after.names(Kind.POLICY)}) > MAX_POLICIES:
        first = leaving
    elif before.is_exclusive or after.is_exclusive:
        first = leaving.things
    detach(iot, arn, first, between)
    with iot.after_detaching() if first.things else nullcontext():
        attach(iot, arn, coming, between)
    detach(iot, arn, leaving.without(first), between)


def attach(iot: IotGateway, arn: str, attachments: Attachments, between: Callable[[], None] = lambda: None) -> None:
    """Attach a certificate, by its ARN, to each; InvalidPropertyError for what does not exist."""
    for each in attachments:
        between()
        try:
            if each.kind is Kind.POLICY:
                iot.attach_policy(each.name, arn)
            else:
                _attach_thing(iot, arn, each.name, exclusively=attachments.is_exclusive)
        except NotFoundError as error:
            raise InvalidPropertyError(
                each.kind.property_name,
                f"{each.kind.name.lower()} {each.name} does not exist in this account and Region",
                "Declare it in the stack (with DependsOn where nothing refers to it), or remove the name",
            ) from error


def _attach_thing(iot: IotGateway, arn: str, name: str, *, exclusively: bool) -> None:
    """Attach a thing; one that an unknown earlier attempt attached as another type is attached again.

    Developer guide, "Associating an AWS IoT thing to an MQTT client connection": a certificate that is attached to an
    exclusive thing can be attached to others once it is detached from that one.
    """
    try:
        iot.attach_thing(name, arn, exclusively=exclusively)
    except RefusedError as error:
        attached = set(iot.attached_things(arn))
        if attached == {name}:
            iot.detach_thing(name, arn)
            with iot.after_detaching():
                iot.attach_thing(name, arn, exclusively=exclusively)
        elif attached:
            other = min(attached - {name})
            raise InvalidPropertyError(
                DeviceCertificateProperty.THING_PRINCIPAL_TYPE,
                f"AWS IoT refuses thing {name}, because the certificate is attached to thing {other} as well, and to "
                "one of them as EXCLUSIVE_THING",
                f"Leave {name} out, or use NON_EXCLUSIVE_THING for both",
            ) from error
        else:
            raise


def detach(iot: IotGateway, arn: str, attachments: Attachments, between: Callable[[], None] = lambda: None) -> None:
    """Detach a certificate, by its ARN, from each; ``between`` is called before each."""
    calls = calls_of(iot)
    for each in attachments:
        between()
        calls[each.kind].detach(each.name, arn)
