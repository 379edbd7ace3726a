"""The provisioning template that a CA's auto-registration uses."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import CaCertificateProperty
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.properties.shapes import Dependent, Given, Map, OneOf, Rule, Shape, Text, Update
from iot_certificate_provider.registration_config import RegistrationConfig

if TYPE_CHECKING:
    from iot_certificate_provider.properties.reader import Reader

MAX_TEMPLATE_CHARACTERS = 10_240
"""``templateBody`` of RegistrationConfig (AWS IoT API)."""


class RegistrationConfigProperty(StrEnum):
    """The properties of ``RegistrationConfig``, as ``AWS::IoT::CACertificate`` has them."""

    TEMPLATE_NAME = "TemplateName"
    TEMPLATE_BODY = "TemplateBody"
    ROLE_ARN = "RoleArn"


_TEMPLATE_NAME = Text(RegistrationConfigProperty.TEMPLATE_NAME, about="the name of a provisioning template")
_TEMPLATE_BODY = Text(
    RegistrationConfigProperty.TEMPLATE_BODY,
    about="a provisioning template as JSON text",
    longest=MAX_TEMPLATE_CHARACTERS,
    too_long=f"Use a template by name: AWS IoT allows {MAX_TEMPLATE_CHARACTERS:,}",
)
_ROLE_ARN = Text(
    RegistrationConfigProperty.ROLE_ARN,
    about="the role with which AWS IoT provisions",
    required=Dependent(when=Given(_TEMPLATE_BODY)),
    missing="Give the role with which AWS IoT provisions the TemplateBody",
    pattern=re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/[^ \t\n\r\f\v]+"),
    problem="is not the ARN of a role",
    fix="Give one like arn:aws:iam::123456789012:role/provisioning",
)

_RULES: tuple[Rule, ...] = (
    OneOf(
        (_TEMPLATE_NAME, _TEMPLATE_BODY),
        problem="needs exactly one of TemplateName and TemplateBody",
        fix="Give one of them",
        several="needs exactly one of TemplateName and TemplateBody",
        several_fix="Give one of them",
    ),
)

REGISTRATION_CONFIG = Map(
    CaCertificateProperty.REGISTRATION_CONFIG,
    Shape((_TEMPLATE_NAME, _TEMPLATE_BODY, _ROLE_ARN), _RULES),
    about="the provisioning template of auto-registration",
    update=Update.IN_PLACE,
    exception="; leaving it out clears it",
)


def read_registration_config(reader: Reader) -> RegistrationConfig | None:
    """Read RegistrationConfig; None without one."""
    nested = reader.nested(REGISTRATION_CONFIG)
    if nested is None:
        return None
    return RegistrationConfig(
        template_name=nested.optional_text(_TEMPLATE_NAME),
        template_body=_template_body(nested),
        role_arn=nested.optional_text(_ROLE_ARN),
    )


def _template_body(reader: Reader) -> str | None:
    text = reader.optional_text(_TEMPLATE_BODY)
    if text is not None:
        _check_template_body(text, reader.full_name(_TEMPLATE_BODY))
    return text


def _check_template_body(text: str, name: str) -> None:
    try:
        template = json.loads(text)
    except (ValueError, RecursionError):
        template = None
    if not isinstance(template, dict):
        raise InvalidPropertyError(name, "is not a JSON object", "Give the provisioning template as JSON text")
