"""What a construct's declaration can be refused with."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from iot_certificate_provider.pki import UnusableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from constructs import IConstruct

# The parser that runs in the function, too, names properties as templates do.
_PYTHON_NAMES = {
    "CACertificatePem": "certificate_pem",
    "CertificatePem": "certificate_pem",
    "CertificateSigningRequest": "certificate_signing_request",
}
_TEMPLATE_NAME = re.compile(rf"\b({'|'.join(_PYTHON_NAMES)})\b")


class CertificateDeclarationError(ValueError):
    """A declaration that AWS IoT or the provider would refuse, found at synth.

    ``str()`` names, in this order, the construct's path, the property, the problem and the fix.
    """

    def __init__(self, scope: IConstruct, name: str, problem: str, fix: str) -> None:
        fix = _TEMPLATE_NAME.sub(lambda match: _PYTHON_NAMES[match.group()], fix)
        super().__init__(f"{scope.node.path}: {name} {problem}. {fix}")
        self.path = scope.node.path
        self.name = name
        self.problem = problem
        self.fix = fix


@contextmanager
def declaring(scope: IConstruct, name: str) -> Iterator[None]:
    """Turn what is wrong with a certificate into what is wrong with the property ``name`` of ``scope``."""
    try:
        yield
    except UnusableError as error:
        # Not "from error": a reader of the traceback is helped by one sentence, not by two.
        raise CertificateDeclarationError(scope, name, error.problem, error.fix) from None
