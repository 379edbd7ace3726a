"""The provisioning template that a CA's auto-registration uses."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum

from iot_certificate_provider.contract import CaCertificateProperty
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.properties.reader import Reader, shown

MAX_TEMPLATE_CHARACTERS = 10_240
"""``templateBody`` of RegistrationConfig (AWS IoT API)."""

_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/\S+", re.ASCII)


@dataclass(frozen=True)
class RegistrationConfig:
    """The provisioning template of just-in-time provisioning, by name or as text, and its role."""

    template_name: str | None
    template_body: str | None
    role_arn: str | None


class _RegistrationConfig(StrEnum):
    TEMPLATE_NAME = "TemplateName"
    TEMPLATE_BODY = "TemplateBody"
    ROLE_ARN = "RoleArn"


def read_registration_config(reader: Reader) -> RegistrationConfig | None:
    """Read RegistrationConfig; None without one."""
    nested = reader.nested(CaCertificateProperty.REGISTRATION_CONFIG, _RegistrationConfig)
    if nested is None:
        return None
    config = RegistrationConfig(
        template_name=nested.text(_RegistrationConfig.TEMPLATE_NAME),
        template_body=nested.text(_RegistrationConfig.TEMPLATE_BODY),
        role_arn=nested.text(_RegistrationConfig.ROLE_ARN),
    )
    if (config.template_name is None) == (config.template_body is None):
        raise InvalidPropertyError(
            "RegistrationConfig", "needs exactly one of TemplateName and TemplateBody", "Give one of them"
        )
    if config.template_body is not None:
        _check_template_body(config.template_body)
    _check_role(config)
    return config


def _check_role(config: RegistrationConfig) -> None:
    name = "RegistrationConfig.RoleArn"
    if config.role_arn is None:
        if config.template_body is not None:
            raise InvalidPropertyError(name, "is missing", "A TemplateBody needs the role that provisions with it")
    elif not _ROLE_ARN.fullmatch(config.role_arn):
        raise InvalidPropertyError(
            name,
            f"{shown(config.role_arn)} is not the ARN of a role",
            "Give one like arn:aws:iam::123456789012:role/provisioning",
        )


def _check_template_body(text: str) -> None:
    name = "RegistrationConfig.TemplateBody"
    if len(text) > MAX_TEMPLATE_CHARACTERS:
        raise InvalidPropertyError(
            name, f"is {len(text):,} characters long, above {MAX_TEMPLATE_CHARACTERS:,}", "Use a template by name"
        )
    try:
        template = json.loads(text)
    except (ValueError, RecursionError):
        template = None
    if not isinstance(template, dict):
        raise InvalidPropertyError(name, "is not a JSON object", "Give the provisioning template as JSON text")
