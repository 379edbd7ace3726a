"""Just-in-time registration and provisioning of the devices of a CA."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_cdk import Token

from iot_certificate_provider.contract import AutoRegistrationStatus, CaCertificateProperty
from iot_certificates.declared.declaration_error import CertificateDeclarationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_iam as iam
    from constructs import Construct

    from iot_certificates.provider_permissions import ProviderPermissions

MAX_TEMPLATE_CHARACTERS = 10_240
"""``templateBody`` of RegistrationConfig (AWS IoT API)."""


@dataclass(frozen=True)
class AutoRegistration:
    """Devices that connect with an unknown certificate of the CA register it themselves.

    With nothing given that is all (just-in-time registration): the certificate is PENDING_ACTIVATION. With a
    provisioning template AWS IoT also makes what that names (just-in-time provisioning).

    * ``template_name``: a provisioning template of type JITP, which has its own role.
    * ``template_body``: its JSON text instead, at most 10,240 characters; needs ``role``.
    * ``role``: what AWS IoT provisions with.
    """

    template_name: str | None = None
    template_body: str | None = None
    role: iam.IRole | None = None

    def bind(self, scope: Construct) -> dict[str, str] | None:
        """Return the property RegistrationConfig, None without a template; raise CertificateDeclarationError."""
        if self.template_name is not None and self.template_body is not None:
            raise _refusal(scope, "has both template_name and template_body", "Leave one of them out")
        if self.template_body is not None:
            self._check_template_body(scope, self.template_body)
        elif self.template_name is None:
            if self.role is not None:
                raise _refusal(scope, "has a role, but no template to use it for", "Give a template, or leave it out")
            return None
        config = {
            "TemplateName": self.template_name,
            "TemplateBody": self.template_body,
            "RoleArn": None if self.role is None else self.role.role_arn,
        }
        return {name: value for name, value in config.items() if value is not None}

    def _check_template_body(self, scope: Construct, text: str) -> None:
        if self.role is None:
            raise _refusal(scope, "has a template_body, but no role", "Give the role that AWS IoT provisions with")
        if Token.is_unresolved(text):
            return
        if len(text) > MAX_TEMPLATE_CHARACTERS:
            problem = f"has a template_body of {len(text):,} characters, above AWS IoT's {MAX_TEMPLATE_CHARACTERS:,}"
            raise _refusal(scope, problem, "Use a template by its name")
        try:
            json.loads(text)
        except ValueError as error:
            raise _refusal(scope, "has a template_body that is not JSON", "Give the template as JSON text") from error


def auto_registration_properties(
    scope: Construct, auto_registration: AutoRegistration | None, permissions: ProviderPermissions
) -> Mapping[CaCertificateProperty, Any]:
    """Return the properties of a CA that declare it, and allow to pass its role; none where devices do not register."""
    if auto_registration is None:
        return {}
    config = auto_registration.bind(scope)
    if auto_registration.role is not None:
        permissions.allow_passing(auto_registration.role)
    return {
        CaCertificateProperty.AUTO_REGISTRATION_STATUS: str(AutoRegistrationStatus.ENABLE),
        CaCertificateProperty.REGISTRATION_CONFIG: config,
    }


def _refusal(scope: Construct, problem: str, fix: str) -> CertificateDeclarationError:
    return CertificateDeclarationError(scope, "auto_registration", problem, fix)
