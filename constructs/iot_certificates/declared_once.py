"""One certificate, one owner; one secret, one writer: found at synth where the app declares both.

Kept in Python by stack and by app, as long as these are: see stack_children.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, cast

from aws_cdk import Annotations, Stack, Token

from iot_certificate_provider.contract import ExistingCertificate
from iot_certificates.declared.declaration_error import CertificateDeclarationError
from iot_certificates.declared.given_secret import SecretIdentity, identity_of
from iot_certificates.declared.teardown import refuse
from iot_certificates.stack_children import stack_of

if TYPE_CHECKING:
    from aws_cdk import aws_secretsmanager as secretsmanager
    from constructs import Construct

    from iot_certificate_provider.pki import Certificate

DECLARED_TWICE_WARNING = "cdk-iot-certificates:declared-twice"
"""The id of the warning, for ``Annotations.acknowledge_warning``."""

_NAME = "certificate_pem"


class Kind(StrEnum):
    """The kind of a registered certificate: CA or device."""

    CA = "a CA certificate"
    DEVICE = "a device certificate"


@dataclass(frozen=True)
class _Declared:
    construct: Construct
    stack: Stack
    kind: Kind
    adopts: bool


def declare_once(
    scope: Construct, construct: Construct, kind: Kind, certificate: Certificate | None, existing: str
) -> None:
    """Check that no other construct declares the certificate, in this stack or another of the same environment.

    ``scope`` is that of ``construct``. Of two, one may adopt: ``existing`` is its ExistingCertificate. Raises
    CertificateDeclarationError within a stack, and warns across stacks, which need not be deployed together.
    """
    if certificate is None:
        return
    stack = stack_of(scope)
    declared = _Declared(construct, stack, kind, existing != ExistingCertificate.FAIL)
    of_stack = _declared_in(stack).setdefault(certificate.id, [])
    for other in of_stack:
        _check_pair(declared, other)
    of_stack.append(declared)
    environment = _environment_of(stack)
    if environment is not None:
        everywhere = _declared_in_environment(*environment).setdefault(certificate.id, [])
        for other in everywhere:
            if other.stack is not stack and not declared.adopts and not other.adopts:
                _warn(declared, other)
        everywhere.append(declared)


def keep_own_secret(construct: Construct, secret: secretsmanager.ISecret) -> None:
    """Remember whose key is in a secret that was made for it: see ``check_one_writer``."""
    _makers()[secret] = construct


def check_one_writer(construct: Construct, name: str, secret: secretsmanager.ISecret) -> None:
    """Check that no other construct of the app keeps a key in the secret, given as argument ``name``.

    The function writes to secrets of its own account and Region only: in one stack, one name is one secret.
    """
    other = _makers().get(secret)
    if other is None:
        writers, identity = _writers_in(cast("Construct", construct.node.root)), identity_of(construct, secret)
        other = next((writer for known, writer in writers if known.is_same(identity)), None)
        writers.append((identity, construct))
    if other is not None:
        raise CertificateDeclarationError(
            construct,
            name,
            f"is the secret that {other.node.path} keeps its key in: one key would replace the other",
            "Give each a secret of its own",
        )


def check_other_secret(
    construct: Construct, name: str, secret: secretsmanager.ISecret, issuer: secretsmanager.ISecret | None
) -> None:
    """Check that the key of a device, given as argument ``name``, does not replace that of its issuer."""
    if issuer is None:
        return
    one, other = identity_of(construct, secret), identity_of(construct, issuer)
    # The issuer's may be of another account: an account that is not known is not the same as one that is.
    if issuer is secret or (one.is_same(other) and one.is_known_like(other)):
        problem = "is the secret of the issuer's key, which the device's key would replace"
        raise CertificateDeclarationError(construct, name, problem, "Give another secret, or none")


def _check_pair(declared: _Declared, other: _Declared) -> None:
    if declared.kind is other.kind and (declared.adopts or other.adopts):
        return
    path = other.construct.node.path
    if declared.kind is not other.kind:
        problem = f"is the certificate that {path} declares as {other.kind}"
        fix = "Give the CA's certificate to one, the device's own to the other: two files may have been swapped"
    else:
        problem = f"is the certificate that {path} declares already"
        fix = "Remove one of the two, because a certificate has one owner"
    refuse(declared.construct, CertificateDeclarationError(declared.construct, _NAME, problem, fix))


def _warn(declared: _Declared, other: _Declared) -> None:
    Annotations.of(declared.construct).add_warning_v2(
        DECLARED_TWICE_WARNING,
        f"{_NAME} is the certificate that {other.construct.node.path} declares in the same account and Region. "
        "A certificate has one owner: deploy one of the two only, or give one ExistingCertificate.ADOPT",
    )


@cache
def _declared_in(stack: Stack) -> dict[str, list[_Declared]]:  # noqa: ARG001 - it is what they are kept by
    return {}


@cache
def _declared_in_environment(
    app: Construct,  # noqa: ARG001 - as above
    account: str,  # noqa: ARG001
    region: str,  # noqa: ARG001
) -> dict[str, list[_Declared]]:
    return {}


@cache
def _makers() -> dict[secretsmanager.ISecret, Construct]:
    return {}


@cache
def _writers_in(app: Construct) -> list[tuple[SecretIdentity, Construct]]:  # noqa: ARG001 - as above
    return []


@cache
def _environment_of(stack: Stack) -> tuple[Construct, str, str] | None:
    account, region = stack.account, stack.region
    if Token.is_unresolved(account) or Token.is_unresolved(region):
        return None
    return cast("Construct", stack.node.root), account, region
