"""Valid combinations of arguments: the rules of the function's properties, with the names of the constructs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.properties.reader import Reader
from iot_certificate_provider.properties.shapes import Choice
from iot_certificates.declared.declaration_error import CertificateDeclarationError
from iot_certificates.declared.state import is_known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constructs import Construct

    from iot_certificate_provider.properties.shapes import Shape

_ARGUMENTS = {"CACertificatePem": "ca_certificate", "CredentialsSecretArn": "credentials_secret"}
_WORD_BEGINS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def check_rules(scope: Construct, shape: Shape, properties: Mapping[Any, Any]) -> None:
    """Check the combination of properties, by their names in templates; raise CertificateDeclarationError.

    None stands for an absent property. A choice that is known only later counts as its default.
    """
    choices = {str(each.name) for each in shape.properties if isinstance(each, Choice)}
    given = {str(name): value for name, value in properties.items() if value is not None}
    raw = {name: _as_text(value) for name, value in given.items() if name not in choices or is_known(value)}
    try:
        Reader(raw, shape)
    except InvalidPropertyError as error:
        names = ", ".join(_argument(name) for name in error.name.split(", "))
        raise CertificateDeclarationError(scope, names, error.problem, error.fix) from None


def _argument(name: str) -> str:
    return _ARGUMENTS.get(name) or _WORD_BEGINS.sub("_", name).lower()


def _as_text(value: object) -> str:
    # A construct is not asked for its own text: that is asked in another process.
    return str(value) if isinstance(value, str) else "given"
