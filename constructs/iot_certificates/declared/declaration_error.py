"""The error of a construct's declaration."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.pki import UnusableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from constructs import IConstruct

# The parser that runs in the function, too, names properties as templates do.
_PYTHON_NAMES = {
    "CACertificatePem": "certificate_pem",
    "CertificatePem": "certificate_pem",
    "CertificateMode": "certificate_mode",
    "CertificateSigningRequest": "certificate_signing_request",
    "Decision": "decision",
    "TemplateBody": "template_body",
    "TemplateName": "template_name",
    "ThingNames": "things",
}
# Not that of an enumeration or a class, as in CertificateMode.DEFAULT.
_TEMPLATE_NAME = re.compile(rf"\b({'|'.join(_PYTHON_NAMES)})\b(?![.(][A-Za-z])")


class CertificateDeclarationError(ValueError):
    """A declaration that AWS IoT or the provider would refuse, found at synth.

    ``str()`` names, in this order, the construct's path, the argument, the problem and the fix. ``scope`` is the
    construct, or the path that it would have had.
    """

    def __init__(self, scope: IConstruct | str, name: str, problem: str, fix: str) -> None:
        self.path = scope if isinstance(scope, str) else scope.node.path
        self.name = name
        self.problem = _in_python(problem)
        self.fix = _in_python(fix)
        # One argument and its problem read as a sentence, several do not.
        separator = ": " if "," in name else " "
        super().__init__(f"{self.path}: {name}{separator}{self.problem}. {self.fix}")


def _in_python(text: str) -> str:
    return _TEMPLATE_NAME.sub(lambda match: _PYTHON_NAMES[match.group()], text)


@contextmanager
def declaring(scope: IConstruct | str, name: str) -> Iterator[None]:
    """Attribute the error of a certificate or a property to the argument ``name``."""
    try:
        yield
    except (UnusableError, InvalidPropertyError) as error:
        # Not "from error": a reader of the traceback is helped by one sentence, not by two.
        raise CertificateDeclarationError(scope, name, error.problem, error.fix) from None
