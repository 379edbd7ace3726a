"""The policies and things that a device certificate is attached to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import MAX_POLICIES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from iot_certificate_provider.aws.iot import IotGateway
    from iot_certificate_provider.properties.device_certificate import DeviceCertificateProperties

MAX_ATTACHED_BY_OTHERS = 100
"""Whose marks a physical id of 1 KB has room for (CloudFormation User Guide, "Custom resource response objects")."""

_MARK_CHARACTERS = 8


@dataclass(frozen=True)
class Attachments:
    """Names of policies and of things, in the order in which they were declared."""

    policy_names: tuple[str, ...] = ()
    thing_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, properties: DeviceCertificateProperties | None) -> Attachments:
        """Return those that are declared; none without properties."""
        return cls() if properties is None else cls(properties.policy_names, properties.thing_names)

    def without(self, other: Attachments) -> Attachments:
        """Return those that ``other`` lacks."""
        return Attachments(
            tuple(name for name in self.policy_names if name not in other.policy_names),
            tuple(name for name in self.thing_names if name not in other.thing_names),
        )

    def named(self, names: Collection[str]) -> Attachments:
        """Return those whose names are among ``names``."""
        return Attachments(
            tuple(name for name in self.policy_names if name in names),
            tuple(name for name in self.thing_names if name in names),
        )

    def unmarked(self, marks: Collection[str]) -> Attachments:
        """Return those that none of the marks is of."""
        return Attachments(
            tuple(name for name in self.policy_names if _mark("policy", name) not in marks),
            tuple(name for name in self.thing_names if _mark("thing", name) not in marks),
        )

    def marks(self) -> Iterator[str]:
        """Yield one short mark each: a physical id has no room for names."""
        yield from (_mark("policy", name) for name in self.policy_names)
        yield from (_mark("thing", name) for name in self.thing_names)


def _mark(kind: str, name: str) -> str:
    return hashlib.sha256(f"{kind}/{name}".encode()).hexdigest()[:_MARK_CHARACTERS]


def change_attachments(
    iot: IotGateway, arn: str, before: Attachments, after: Attachments, others: Collection[str] = ()
) -> None:
    """Attach and detach exactly the difference, save what the marks ``others`` are of: that stays attached."""
    leaving, coming = before.without(after).unmarked(others), after.without(before)
    if len({*before.policy_names, *after.policy_names}) > MAX_POLICIES:
        _detach(iot, arn, leaving)
        _attach(iot, arn, coming)
        return
    # Otherwise the new ones first: there is no moment in which the device may do nothing.
    _attach(iot, arn, coming)
    _detach(iot, arn, leaving)


def _attach(iot: IotGateway, arn: str, attachments: Attachments) -> None:
    for policy_name in attachments.policy_names:
        iot.attach_policy(policy_name, arn)
    for thing_name in attachments.thing_names:
        iot.attach_thing(thing_name, arn)


def _detach(iot: IotGateway, arn: str, attachments: Attachments) -> None:
    for policy_name in attachments.policy_names:
        iot.detach_policy(policy_name, arn)
    for thing_name in attachments.thing_names:
        iot.detach_thing(thing_name, arn)
