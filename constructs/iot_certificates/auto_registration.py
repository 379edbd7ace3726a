"""Just-in-time registration and provisioning of the devices of a CA."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_cdk import Stack
from aws_cdk import aws_iot as iot

from iot_certificate_provider.contract import AutoRegistrationStatus, CaCertificateProperty
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.properties.ca_certificate import SHAPE
from iot_certificate_provider.properties.reader import Reader
from iot_certificate_provider.properties.registration_config import read_registration_config
from iot_certificate_provider.properties.shapes import Shape
from iot_certificates.declared.arguments import Place, taken_fields
from iot_certificates.declared.declaration_error import CertificateDeclarationError
from iot_certificates.declared.granted_arn import check_granted
from iot_certificates.declared.kinds import Having, Instance, Text, property_of
from iot_certificates.declared.state import is_known
from iot_certificates.declared.teardown import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_iam as iam
    from constructs import Construct

    from iot_certificates.declared.arguments import Kind
    from iot_certificates.provider_permissions import ProviderPermissions

_NAME = "auto_registration"
_CONFIG = property_of(SHAPE, CaCertificateProperty.REGISTRATION_CONFIG)
_ANY_ROLE = "arn:aws:iam::123456789012:role/any"


class _TemplateName:
    def take(self, place: Place, value: Any) -> Any:
        # Ref of an AWS::IoT::ProvisioningTemplate is its name.
        return value.ref if isinstance(value, iot.CfnProvisioningTemplate) else Text().take(place, value)


class _TemplateBody:
    def take(self, place: Place, value: Any) -> Any:
        if isinstance(value, dict):
            return _as_json(place, value)
        return Text("Give the template as JSON text, or as a dict").take(place, value)


_FIELDS: dict[str, Kind] = {
    "template_name": _TemplateName(),
    "template_body": _TemplateBody(),
    "role": Having(("role_arn",), "Give the role itself: iam.Role(…), or iam.Role.from_role_arn(…)"),
}


@dataclass(frozen=True)
class AutoRegistration:
    """Registers a device's certificate of the CA when the device first connects.

    Without arguments the certificate becomes PENDING_ACTIVATION (just-in-time registration). With a
    provisioning template AWS IoT also creates the template's resources (just-in-time provisioning).

    * ``template_name``: a provisioning template of type JITP, which has its own role; its name or the resource.
    * ``template_body``: the template itself instead, a dict or its JSON text, at most 10,240 characters; needs
      ``role``.
    * ``role``: the role with which AWS IoT provisions.
    """

    template_name: str | iot.CfnProvisioningTemplate | None = None
    template_body: str | Mapping[str, Any] | None = None
    role: iam.IRole | None = None

    def bind(self, scope: Construct) -> dict[str, str] | None:
        """Return the property RegistrationConfig, None without a template; raise CertificateDeclarationError."""
        given = taken_fields(Place(scope, _NAME), self, _FIELDS)
        name, body, role = given["template_name"], given["template_body"], given["role"]
        if name is None and body is None:
            if role is not None:
                problem = "has a role, but no template"
                raise CertificateDeclarationError(scope, _NAME, problem, "Give a template, or remove the role")
            return None
        config = {
            "TemplateName": name,
            "TemplateBody": body,
            "RoleArn": None if role is None else check_granted(scope, f"{_NAME}.role", role.role_arn),
        }
        config = {property_name: value for property_name, value in config.items() if value is not None}
        _check(scope, config)
        return config


AUTO_REGISTRATION = Instance((AutoRegistration,), "Give an AutoRegistration; without a template, AutoRegistration()")
"""The kind of argument."""


def auto_registration_properties(
    scope: Construct, auto_registration: AutoRegistration | None, permissions: ProviderPermissions
) -> Mapping[CaCertificateProperty, Any]:
    """Return a CA's properties for auto-registration, and grant passing its role; none without auto-registration."""
    if auto_registration is None:
        return {}
    config = auto_registration.bind(scope)
    if auto_registration.role is not None:
        permissions.allow_passing(auto_registration.role)
    return {
        CaCertificateProperty.AUTO_REGISTRATION_STATUS: str(AutoRegistrationStatus.ENABLE),
        CaCertificateProperty.REGISTRATION_CONFIG: config,
    }


def _as_json(place: Place, template: Mapping[Any, Any]) -> Any:
    if _is_literal(template):
        return json.dumps(template)
    scope: Any = place.scope
    try:
        return Stack.of(scope).to_json_string(dict(template))
    except (AttributeError, RuntimeError, TypeError, ValueError):
        raise place.refuse("has something in it that is no JSON", "Give texts, numbers, lists and dicts only") from None


def _is_literal(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_literal(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_is_literal, value))
    return value is None or (isinstance(value, str | int | float) and is_known(value))


def _check(scope: Construct, config: Mapping[str, str]) -> None:
    """Read the literals as the function does; what is known only later is anything that it takes."""
    literals = {name: value if is_known(value) else "{}" for name, value in config.items()}
    if "RoleArn" in literals:
        literals["RoleArn"] = _ANY_ROLE
    try:
        read_registration_config(Reader({str(_CONFIG.name): literals}, Shape((_CONFIG,))))
    except InvalidPropertyError as error:
        refuse(scope, CertificateDeclarationError(scope, _python_name(error.name), error.problem, error.fix))


def _python_name(name: str) -> str:
    fields = {"TemplateName": "template_name", "TemplateBody": "template_body", "RoleArn": "role"}
    return ".".join([_NAME, *(fields[part] for part in name.split(".")[1:])])
