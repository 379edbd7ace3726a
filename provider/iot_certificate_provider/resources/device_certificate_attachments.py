"""The policies and things that a device certificate is attached to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iot_certificate_provider.properties.attachments import MAX_POLICIES

if TYPE_CHECKING:
    from iot_certificate_provider.aws.iot import IotGateway
    from iot_certificate_provider.properties.device_certificate import DeviceCertificateProperties


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


def change_attachments(iot: IotGateway, arn: str, before: Attachments, after: Attachments) -> None:
    """Attach and detach exactly the difference; what others have attached stays."""
    if len({*before.policy_names, *after.policy_names}) > MAX_POLICIES:
        _detach(iot, arn, before.without(after))
        _attach(iot, arn, after.without(before))
        return
    # Otherwise the new ones first: there is no moment in which the device may do nothing.
    _attach(iot, arn, after.without(before))
    _detach(iot, arn, before.without(after))


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
