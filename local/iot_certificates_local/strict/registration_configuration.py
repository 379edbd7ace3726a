"""The rules of a CA certificate's registrationConfig: a role that AWS IoT can assume, and a valid template.

* The role: AWS IoT assumes it when the configuration is set. One that is not there, or was made a moment ago, is
  refused with InvalidRequestException; Terraform's resource aws_iot_ca_certificate retries that for two minutes.
* The template: developer guide, "Provisioning templates": "A provisioning template is a JSON document that uses
  parameters to describe the resources your device must use to interact with AWS IoT", with the sections Parameters and
  Resources. A document that wraps one (``{"templateBody": …}``, as RegisterCACertificate takes it), or a list, is none.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from iot_certificates_local.strict.messages import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_certificates_local.strict.messages import Answer, HandOn, Request

    RoleAge = Callable[[str, str], float | None]

# Developer guide, "Provisioning templates": the sections, DeviceConfiguration that of fleet provisioning.
_SECTIONS = {"Parameters", "Resources", "DeviceConfiguration"}
_CONFIGURED = ("RegisterCACertificate", "UpdateCACertificate")


class RegistrationConfiguration:
    """``role_age``: takes an account and the ARN of a role to its age in seconds, None for one that is not there."""

    def __init__(self, seconds: float, role_age: RoleAge) -> None:
        self._seconds = seconds
        self._role_age = role_age

    async def __call__(self, request: Request, hand_on: HandOn) -> Answer:
        """Refuse a configuration that AWS IoT could not use."""
        configuration = request.members.get("registrationConfig")
        if request.operation in _CONFIGURED and isinstance(configuration, dict):
            _check_template(configuration.get("templateBody"))
            self._check_role(request, configuration.get("roleArn"))
        return await hand_on(request)

    def _check_role(self, request: Request, role: Any) -> None:
        if not isinstance(role, str):
            return
        account, _ = request.registry.place
        age = self._role_age(account, role)
        if age is None or age < self._seconds:
            message = "The role included in the RegistrationConfig does not exist or cannot be assumed by AWS IoT"
            raise Refusal("InvalidRequestException", message)


def _check_template(body: Any) -> None:
    if not isinstance(body, str):
        return
    try:
        template = json.loads(body)
    except (ValueError, RecursionError):
        template = None
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict) or set(template) - _SECTIONS:
        raise Refusal("InvalidRequestException", "The templateBody is not a valid provisioning template.")
