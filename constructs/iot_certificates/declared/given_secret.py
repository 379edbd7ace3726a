"""Secrets that an app gives: the text that names one to the function, and whether two of them are one secret."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from aws_cdk import Stack, Token
from aws_cdk import aws_secretsmanager as secretsmanager

from iot_certificates.declared.declaration_error import CertificateDeclarationError
from iot_certificates.declared.granted_arn import check_granted
from iot_certificates.stack_children import stack_of

if TYPE_CHECKING:
    from constructs import Construct

# The length of what Secrets Manager adds to a secret's name in its ARN: a hyphen and six characters.
_SUFFIX = 7
_ARN_PARTS = 7


@dataclass(frozen=True)
class _Arn:
    """The parts of a secret's ARN. Each may be a token."""

    region: str
    account: str
    name: str


def secret_id(scope: Construct, name: str, secret: secretsmanager.ISecret) -> str:
    """Return the text that names to the function a secret, given as argument ``name``: the complete ARN, or the name.

    Of a secret that was imported by its name or by a partial ARN, the CDK has no more than the partial ARN. Secrets
    Manager takes one that ends in a hyphen and six characters for a complete ARN, and does not find the secret (user
    guide, "Finding a secret from a partial ARN"; aws-cdk issues 18555 and 27530). A name is always found, in the
    account and Region of the function; a secret of another account has to be named by an ARN.

    Raises CertificateDeclarationError for an ARN with a wildcard, and for a partial ARN of another account or Region
    that Secrets Manager takes for a complete one.
    """
    arn = check_granted(scope, name, secret.secret_arn)
    # A secret that the app declares has its complete ARN: no question to the CDK for each.
    is_complete = isinstance(secret, secretsmanager.Secret) or secret.secret_full_arn is not None
    partial = None if is_complete else _read(arn)
    if partial is None:
        return arn
    stack = stack_of(scope)
    places = ((partial.region, stack.region), (partial.account, stack.account))
    if all(there == here for there, here in places):
        return partial.name
    if not _looks_complete(partial.name):
        return arn
    if any(_are_different(there, here) for there, here in places):
        raise CertificateDeclarationError(
            scope,
            name,
            "is a partial ARN of another account or Region, which Secrets Manager takes for a complete ARN, because it "
            "ends in a hyphen and six characters",
            "Import it by its complete ARN: secretsmanager.Secret.from_secret_complete_arn(…)",
        )
    return partial.name


@dataclass(frozen=True)
class SecretIdentity:
    """Which secret one is: account, Region and name. ``stack`` decides, where account or Region is not known."""

    stack: Stack
    region: str | None
    account: str | None
    name: str

    def is_same(self, other: SecretIdentity) -> bool:
        """Whether both are one secret for certain; False where their stacks may be deployed to two environments."""
        pairs = ((self.region, other.region), (self.account, other.account))
        if self.name != other.name or any(None not in pair and pair[0] != pair[1] for pair in pairs):
            return False
        return _outermost(self.stack) is _outermost(other.stack) or all(None not in pair for pair in pairs)

    def is_known_like(self, other: SecretIdentity) -> bool:
        """Whether of both the same parts are known."""
        return (self.region is None, self.account is None) == (other.region is None, other.account is None)


def identity_of(scope: Construct, secret: secretsmanager.ISecret) -> SecretIdentity:
    """Return which secret one is, for the construct ``scope`` that uses it."""
    full = secret.secret_full_arn
    arn = _read(secret.secret_arn if full is None else full)
    if arn is not None:
        name = arn.name if full is None or Token.is_unresolved(arn.name) else arn.name[:-_SUFFIX]
        # AWS::AccountId and AWS::Region are those of the stack whose template has them.
        return _identity(stack_of(scope), arn.region, arn.account, name)
    stack = Stack.of(secret)
    declared = secret.node.default_child
    if isinstance(declared, secretsmanager.CfnSecret) and declared.name and not Token.is_unresolved(declared.name):
        return _identity(stack, stack.region, stack.account, declared.name)
    return SecretIdentity(stack, None, None, _resolved(stack, secret.secret_arn))


def _identity(stack: Stack, region: str, account: str, name: str) -> SecretIdentity:
    return SecretIdentity(stack, _if_known(region), _if_known(account), _resolved(stack, name))


@cache
def _outermost(stack: Stack) -> Stack:
    """Return the stack that is deployed: those nested in it have its environment."""
    parent = stack.nested_stack_parent
    return stack if parent is None else _outermost(parent)


def _if_known(text: str) -> str | None:
    return None if Token.is_unresolved(text) else text


def _resolved(stack: Stack, text: str) -> str:
    """Return the text; of one with tokens, which differ from use to use, what they resolve to."""
    resolved = stack.resolve(text) if Token.is_unresolved(text) else text
    return resolved if isinstance(resolved, str) else json.dumps(resolved, sort_keys=True)


def _read(arn: str) -> _Arn | None:
    """Read an ARN of known form; None for one that is a token as a whole."""
    parts = arn.split(":", _ARN_PARTS - 1)
    return _Arn(parts[3], parts[4], parts[6]) if len(parts) == _ARN_PARTS else None


def _looks_complete(name: str) -> bool:
    return name[-_SUFFIX : 1 - _SUFFIX] == "-" and not Token.is_unresolved(name)


def _are_different(one: str, other: str) -> bool:
    return one != other and not Token.is_unresolved(one) and not Token.is_unresolved(other)
