"""The policies and things of a device certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_cdk import Token
from aws_cdk import aws_iot as iot

from iot_certificate_provider.contract import DeviceCertificateProperty
from iot_certificate_provider.properties.device_certificate import SHAPE
from iot_certificates.declared.described import described
from iot_certificates.declared.kinds import ListOf, has_members, property_of
from iot_certificates.declared.state import is_known, is_resolvable

if TYPE_CHECKING:
    from iot_certificate_provider.properties.shapes import Texts
    from iot_certificates.declared.arguments import Place

_POLICY_NAMES: Texts = property_of(SHAPE, DeviceCertificateProperty.POLICY_NAMES)
_THING_NAMES: Texts = property_of(SHAPE, DeviceCertificateProperty.THING_NAMES)


@dataclass(frozen=True)
class Attached:
    """A name, or a resource of this class; ``reference`` is what the CDK's own references to it have.

    A resource is taken by reference, by which CloudFormation knows the order.
    """

    resource: type[iot.CfnPolicy] | type[iot.CfnThing]
    reference: tuple[str, str]
    names: Texts

    def take(self, place: Place, value: Any) -> Any:
        """Return the name."""
        kind = self.resource.__name__
        if isinstance(value, self.resource):
            return value.ref
        if has_members(value, self.reference[0]):
            return getattr(getattr(value, self.reference[0]), self.reference[1])
        if is_resolvable(value):
            return Token.as_string(value)
        if value is None:
            raise place.refuse(f"has None: a {kind} without a name has none at synth", f"Give the {kind} itself")
        if not isinstance(value, str):
            raise place.refuse(f"has {described(value)}", f"Give a {kind}, or its name")
        if not self.names.pattern.fullmatch(value) and is_known(value):
            problem = f"has {described(value)}, which is not a valid name"
            raise place.refuse(problem, f"A name matches {self.names.pattern.pattern}")
        return value


@dataclass(frozen=True)
class Policies:
    """Policies, no more than AWS IoT attaches."""

    of: ListOf

    def take(self, place: Place, value: Any) -> Any:
        """Return their names."""
        names = self.of.take(place, value)
        most = _POLICY_NAMES.most
        if most is not None and isinstance(names, list) and len(dict.fromkeys(map(str, names))) > most:
            raise place.refuse(
                f"has {len(names)} items, and {_POLICY_NAMES.too_many} to a certificate",
                "Put several statements into one policy",
            )
        return names


POLICY = Attached(iot.CfnPolicy, ("policy_ref", "policy_name"), _POLICY_NAMES)
THING = Attached(iot.CfnThing, ("thing_ref", "thing_name"), _THING_NAMES)
POLICIES = Policies(ListOf(POLICY, "Give a list: [policy]"))
THINGS = ListOf(THING, "Give a list: [thing]")
