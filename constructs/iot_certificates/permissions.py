"""The permissions of the function: one grant for each need of a construct, and none without a need.

The resource that each action takes is the Service Authorization Reference's ("AWS IoT", "AWS CloudFormation");
``*`` stands where the action takes none. Certificates are named by kind, not by id: an update that replaces one must
delete the previous one, and by then the permissions are already those of the new template.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import (
    AcceptedCertificateOnDelete,
    DeviceCertificatesOnDelete,
    TransferDecision,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class On(StrEnum):
    """The resources of an action, in the account and Region of the stack; values are ARN resource types."""

    ANYTHING = "*"
    ANY_STACK = "stack/*"
    CA_CERTIFICATES = "cacert"
    CERTIFICATES = "cert"
    CERTIFICATES_OF_ANY_ACCOUNT = "cert of any account"
    POLICIES = "policy"
    THE_FUNCTION = "function"
    THINGS = "thing"
    THIS_STACK = "stack"


@dataclass(frozen=True)
class Grant:
    """Actions that are allowed on the same resources."""

    actions: tuple[str, ...]
    on: tuple[On, ...]


def ca_certificate(on_delete: DeviceCertificatesOnDelete, *, adopting: bool = False) -> Iterator[Grant]:
    """Yield the permissions for registering, changing and deregistering a CA certificate."""
    yield Grant(("iot:RegisterCACertificate",), (On.ANYTHING,))
    yield Grant(
        (
            "iot:DescribeCACertificate",
            "iot:UpdateCACertificate",
            "iot:DeleteCACertificate",
            "iot:ListTagsForResource",
            "iot:TagResource",
            "iot:UntagResource",
        ),
        (On.CA_CERTIFICATES,),
    )
    yield _STILL_WANTED
    yield _FOUND_BY_ID
    yield from _IN_DOUBT
    yield _DECLARED_BY_HOLDERS if adopting else ROLLING_BACK
    yield _LOG if on_delete is DeviceCertificatesOnDelete.RETAIN else _LOG_OF_ANY_STACK
    if on_delete is not DeviceCertificatesOnDelete.RETAIN:
        yield from _sweep(on_delete)


def _sweep(on_delete: DeviceCertificatesOnDelete) -> Iterator[Grant]:
    yield Grant(("iot:ListCertificatesByCA",), (On.ANYTHING,))
    # Another invocation continues what does not fit into one.
    yield Grant(("lambda:InvokeFunction",), (On.THE_FUNCTION,))
    yield Grant(("iot:UpdateCertificate",), (On.CERTIFICATES,))
    if on_delete is not DeviceCertificatesOnDelete.DEACTIVATE:
        yield Grant(("iot:DeleteCertificate",), (On.CERTIFICATES,))
        yield from _DETACH
        yield from _RELEASED
    if on_delete is DeviceCertificatesOnDelete.DELETE_WITH_THINGS:
        yield Grant(("iot:DeleteThing",), (On.THINGS,))
        yield Grant(("iot:AttachThingPrincipal",), (On.CERTIFICATES, On.THINGS))


REGISTRATION_CODE = Grant(("iot:GetRegistrationCode",), (On.ANYTHING,))
"""For a verification certificate that the function signs, or that is signed outside the stack."""


def registration_code(*, delete: bool) -> Iterator[Grant]:
    """Yield the permissions for reading the registration code, and for deleting it with its resource."""
    yield REGISTRATION_CODE
    if delete:
        yield Grant(("iot:DeleteRegistrationCode",), (On.ANYTHING,))
        # Whether the stack is rolling back, whether this Delete was answered before, and who else has the code.
        yield Grant(
            (
                "cloudformation:DescribeStackEvents",
                "cloudformation:DescribeStacks",
            ),
            (On.THIS_STACK,),
        )
        # By the physical id CloudFormation answers with one stack; who else has the code, all stacks say.
        yield Grant(("cloudformation:DescribeStackResources", "cloudformation:ListStacks"), (On.ANYTHING,))
        yield Grant(("cloudformation:ListStackResources",), (On.ANY_STACK,))


CERTIFICATE_GENERATION = Grant(
    ("cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks"), (On.THIS_STACK,)
)
"""Whether the stack rolls back, and which generation it had before."""

PRIVATE_CA_IDENTITY = (
    Grant(("iot:ListCACertificates",), (On.ANYTHING,)),
    Grant(("cloudformation:DescribeStacks",), (On.THIS_STACK,)),
)
"""For a CA whose certificate is read from AWS Private CA: what was registered is found again without asking there."""

ROLLING_BACK = Grant(("cloudformation:DescribeStacks",), (On.THIS_STACK,))
"""Whether a rollback returns to another owner's certificate, or to an abandoned key."""

_STILL_WANTED = Grant(("cloudformation:DescribeStackResource",), (On.THIS_STACK,))
"""Whether CloudFormation has given a resource up while it was created; and whether a certificate was replaced."""

_LOG = Grant(("cloudformation:DescribeStackEvents",), (On.THIS_STACK,))
"""Whether a request still counts, and what the resource has had."""

_LOG_OF_ANY_STACK = Grant(_LOG.actions, (On.ANY_STACK,))
"""Likewise, and which device certificates the update of another stack, that runs or has failed, may return to."""

_FOUND_BY_ID = Grant(("cloudformation:DescribeStackResources",), (On.ANYTHING,))
"""Asked by a physical id it names no stack, and AWS's refusals of it no resource: "stack/*" would not do."""

_HOLDERS = (_LOG, _FOUND_BY_ID)
"""Whose a certificate is, and who else holds it."""

_RENAMED = Grant(("cloudformation:GetTemplate",), (On.THIS_STACK,))
"""Whether the update removes the resource that has the certificate of the same signing request."""

_IN_DOUBT = (
    Grant(("cloudformation:ListStacks",), (On.ANYTHING,)),
    Grant(("cloudformation:ListStackResources",), (On.ANY_STACK,)),
)
"""What the own stack and all others have, and who may have registered a certificate and not answered yet."""

_DECLARED_BY_HOLDERS = Grant(("cloudformation:DescribeStacks", "cloudformation:GetTemplate"), (On.ANY_STACK,))
"""Whether the holder of a certificate that is adopted would delete it, and what it attaches."""

_DETACH = (
    Grant(("iot:ListAttachedPolicies",), (On.ANYTHING,)),
    Grant(("iot:ListPrincipalThings", "iot:DetachPolicy"), (On.CERTIFICATES,)),
    Grant(("iot:DetachThingPrincipal",), (On.CERTIFICATES, On.THINGS)),
)
"""Always needed: a Delete removes what was attached outside the stack as well."""

_RELEASED = (
    Grant(("iot:ListTargetsForPolicy",), (On.POLICIES,)),
    Grant(("iot:ListThingPrincipals",), (On.THINGS,)),
)
"""Whether a policy or a thing that was detached can be deleted."""


ATTACH_POLICY = Grant(("iot:AttachPolicy",), (On.CERTIFICATES,))
ATTACH_THING = Grant(("iot:AttachThingPrincipal",), (On.CERTIFICATES, On.THINGS))


def device_certificate(register: str, *, policies: bool, things: bool, adopting: bool = False) -> Iterator[Grant]:
    """Yield the permissions for registering (by ``register``), changing and deregistering a device certificate."""
    yield Grant((register,), (On.ANYTHING,))
    yield Grant(
        ("iot:DescribeCertificate", "iot:UpdateCertificate", "iot:DeleteCertificate"),
        (On.CERTIFICATES,),
    )
    yield from _DETACH
    yield from _RELEASED
    yield _STILL_WANTED
    yield from _HOLDERS
    yield from _IN_DOUBT
    yield _DECLARED_BY_HOLDERS if adopting else ROLLING_BACK
    if register == "iot:CreateCertificateFromCsr":
        yield Grant(("iot:ListCertificates",), (On.ANYTHING,))
        yield _RENAMED
    if policies:
        yield ATTACH_POLICY
    if things:
        yield ATTACH_THING


def issued_device_certificate(*, signing_request: bool, policies: bool, things: bool) -> Iterator[Grant]:
    """Yield the same permissions for a certificate that the deployment issues."""
    yield from device_certificate("iot:RegisterCertificate", policies=policies, things=things)
    if signing_request:
        # No secret says which certificate a request has led to that was not answered.
        yield Grant(("iot:ListCertificates",), (On.ANYTHING,))
        yield _RENAMED


def certificate_transfer(*, detach: bool) -> Iterator[Grant]:
    """Yield the permissions for transferring a certificate to another account, and for cancelling the transfer."""
    yield Grant(
        ("iot:UpdateCertificate", "iot:TransferCertificate", "iot:ListPrincipalThings"),
        (On.CERTIFICATES,),
    )
    # IoT developer guide, "AWS IoT Core policy actions": "The AWS account specified in the ARN must be the account to
    # which the certificate is being transferred."
    yield Grant(("iot:CancelCertificateTransfer", "iot:DescribeCertificate"), (On.CERTIFICATES_OF_ANY_ACCOUNT,))
    yield Grant(("iot:ListOutgoingCertificates", "iot:ListAttachedPolicies"), (On.ANYTHING,))
    yield _STILL_WANTED
    yield _LOG
    yield from _IN_DOUBT
    yield ROLLING_BACK
    if detach:
        # And to attach again what was detached, when the rest fails.
        yield Grant(("iot:DetachPolicy", "iot:AttachPolicy"), (On.CERTIFICATES,))
        yield Grant(("iot:DetachThingPrincipal", "iot:AttachThingPrincipal"), (On.CERTIFICATES, On.THINGS))


def certificate_transfer_decision(
    decision: TransferDecision, on_delete: AcceptedCertificateOnDelete
) -> Iterator[Grant]:
    """Yield the permissions for the decision on a transferred certificate, and for its Delete."""
    yield Grant(("iot:DescribeCertificate",), (On.CERTIFICATES,))
    yield _STILL_WANTED
    yield ROLLING_BACK
    yield from _HOLDERS
    if decision == TransferDecision.REJECT:
        yield Grant(("iot:RejectCertificateTransfer",), (On.CERTIFICATES,))
        return
    yield from _IN_DOUBT
    yield Grant(("iot:AcceptCertificateTransfer", "iot:UpdateCertificate"), (On.CERTIFICATES,))
    if on_delete == AcceptedCertificateOnDelete.DELETE:
        yield Grant(("iot:DeleteCertificate",), (On.CERTIFICATES,))
        yield from _DETACH


FLEET_REQUEST = (_LOG,)
"""Whether a request for a fleet still counts."""

FLEET_RUN = (
    # Whether a fleet was renamed: its old resource would remove what the new one has found registered.
    Grant(("cloudformation:DescribeStacks",), (On.THIS_STACK,)),
    _RENAMED,
    Grant(("cloudformation:ListStacks",), (On.ANYTHING,)),
    Grant(("cloudformation:ListStackResources",), (On.ANY_STACK,)),
)
"""Which certificates resources of any stack hold: a fleet's removal spares them."""


def fleet_worker(register: Iterable[str]) -> Iterator[Grant]:
    """Yield what registering with these actions, changing and removing the certificates of a fleet takes."""
    yield Grant(tuple(register), (On.ANYTHING,))
    yield Grant(("iot:DescribeCertificate", "iot:UpdateCertificate", "iot:DeleteCertificate"), (On.CERTIFICATES,))
    yield from _DETACH
    yield ATTACH_POLICY
    yield ATTACH_THING
    # A line may name a thing, which the fleet makes where there is none, and deletes where it has made it.
    actions = ("iot:CreateThing", "iot:DescribeThing", "iot:UpdateThing", "iot:DeleteThing", "iot:ListThingPrincipals")
    yield Grant(actions, (On.THINGS,))


def every_type() -> Iterator[Grant]:
    """Yield the permissions for all types, for a function of stacks that are unknown when it is deployed.

    Without statements on secrets, keys, private CAs and roles, which the function's own stack grants.
    """
    yield from in_any_stack(_every_type())


def in_any_stack(grants: Iterable[Grant]) -> Iterator[Grant]:
    """Yield the same for stacks that are unknown when the function is deployed."""
    for grant in grants:
        yield Grant(grant.actions, tuple(On.ANY_STACK if on is On.THIS_STACK else on for on in grant.on))


def _every_type() -> Iterator[Grant]:
    for on_delete in DeviceCertificatesOnDelete:
        yield from ca_certificate(on_delete, adopting=True)
    yield from (*PRIVATE_CA_IDENTITY, ROLLING_BACK)
    yield from registration_code(delete=True)
    yield CERTIFICATE_GENERATION
    for register in ("iot:RegisterCertificate", "iot:RegisterCertificateWithoutCA", "iot:CreateCertificateFromCsr"):
        yield from device_certificate(register, policies=True, things=True, adopting=True)
    yield from issued_device_certificate(signing_request=True, policies=True, things=True)
    yield from certificate_transfer(detach=True)
    for decision in TransferDecision:
        yield from certificate_transfer_decision(decision, AcceptedCertificateOnDelete.DELETE)
