"""Everything in an account that a run could have made: what it is called, whether it is the run's, how it is removed.

A thing is the run's when its name begins with the prefix and a hyphen. A certificate has no name: its subject's common
name does, or the run remembers its public key.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, EndpointConnectionError
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from acceptance.answers import client_of, patient_client_of
from iot_certificate_provider.pki import Certificate, UnusableError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from acceptance.places import Place
    from acceptance.state import State

MARKER = "acceptance-run"
"""The thing that says that a prefix is a run's: ``<prefix>-acceptance-run``."""

TAG = "acceptance-run"
"""The tag of what has no name that a policy could have: KMS keys and private CAs. Its value is the prefix."""


@dataclass(frozen=True)
class Holding:
    """One thing of the account. ``fingerprint``: another one where it was changed."""

    kind: str
    name: str
    is_ours: bool
    fingerprint: str
    key: str = field(compare=False, default="")
    """What it is removed by."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Holdings:
    """Lists an account. ``known``: certificates that are known not to be the run's, which need no second look."""

    def __init__(self, place: Place, state: State) -> None:
        self.place = place
        self.state = state
        self.known: set[str] = set()
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return a client."""
        if service not in self._clients:
            options = self.place.endpoint_of(service)
            self._clients[service] = patient_client_of(self.place.session, service, **options)
        return self._clients[service]

    def all(self) -> list[Holding]:
        """Return everything, in the order in which it is to be removed."""
        return [holding for kind in KINDS.values() for holding in kind(self)]

    def of_kinds(self, kinds: Collection[str]) -> list[Holding]:
        """Return everything of some kinds."""
        return [holding for name, kind in KINDS.items() if name in kinds for holding in kind(self)]

    def has_prefix(self, name: str) -> bool:
        """Whether a name is one of the run's."""
        return name.startswith(f"{self.place.prefix}-")

    def is_our_certificate(self, pem: str, certificate_id: str) -> bool:
        """Whether a certificate is one of the run's: by its common name, its public key, or its id."""
        if certificate_id in self.state.ids:
            return True
        try:
            certificate = Certificate.from_pem(pem)
            names = certificate.subject_name.values(NameOID.COMMON_NAME)
            key = certificate.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        except UnusableError:
            return False
        return any(map(self.has_prefix, names)) or hashlib.sha256(key).hexdigest() in self.state.public_keys


def paged(client: Any, operation: str, member: str, **parameters: Any) -> Iterator[Any]:
    """Yield the members of all pages of a list."""
    for page in client.get_paginator(operation).paginate(**parameters):
        yield from page[member]


def _stacks(here: Holdings) -> Iterator[Holding]:
    stacks = [*paged(here.client("cloudformation"), "describe_stacks", "Stacks")]
    for stack in sorted(stacks, key=lambda each: each["CreationTime"], reverse=True):
        name, status = stack["StackName"], stack["StackStatus"]
        if status != "DELETE_COMPLETE" and "ParentId" not in stack:
            changed = stack.get("LastUpdatedTime", stack["CreationTime"])
            yield Holding("stack", name, here.has_prefix(name), f"{status} {changed}", stack["StackId"])


def _device_certificates(here: Holdings) -> Iterator[Holding]:
    client = here.client("iot")
    for each in paged(client, "list_certificates", "certificates"):
        yield from _certificate(here, "device certificate", each, client.describe_certificate, "certificateId")


def _ca_certificates(here: Holdings) -> Iterator[Holding]:
    client = here.client("iot")
    for each in paged(client, "list_ca_certificates", "certificates"):
        yield from _certificate(here, "CA certificate", each, client.describe_ca_certificate, "certificateId")


def _certificate(
    here: Holdings, kind: str, listed: dict[str, Any], describe: Callable[..., Any], member: str
) -> Iterator[Holding]:
    certificate_id = listed["certificateId"]
    is_ours = False
    if certificate_id not in here.known:
        try:
            described = describe(**{member: certificate_id})["certificateDescription"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return
            raise
        is_ours = here.is_our_certificate(described.get("certificatePem", ""), certificate_id)
        if not is_ours:
            here.known.add(certificate_id)
    yield Holding(kind, certificate_id, is_ours, f"{listed['status']} {listed['creationDate']}", certificate_id)


def _named(kind: str, service: str, operation: str, member: str, name: str, key: str = "", **more: Any) -> Any:
    """Return what lists the things of a kind that have names; ``key``: the member by which they are removed."""

    def listed(here: Holdings) -> Iterator[Holding]:
        for each in paged(here.client(service), operation, member, **more):
            found = each[name]
            yield Holding(kind, found, here.has_prefix(found), _fingerprint(each), each.get(key or name, found))

    return listed


def _fingerprint(listed: dict[str, Any]) -> str:
    # When something was used last changes by itself.
    kept = {name: str(value) for name, value in listed.items() if name not in {"LastAccessedDate", "storedBytes"}}
    return hashlib.sha256(repr(sorted(kept.items())).encode()).hexdigest()[:16]


def _log_groups(here: Holdings) -> Iterator[Holding]:
    for ours in (f"/aws/lambda/{here.place.prefix}-", f"{here.place.prefix}-"):
        for each in paged(here.client("logs"), "describe_log_groups", "logGroups", logGroupNamePrefix=ours):
            yield Holding("log group", each["logGroupName"], is_ours=True, fingerprint="", key=each["logGroupName"])


def _keys(here: Holdings) -> Iterator[Holding]:
    """Yield the keys that have an alias, and the run's that have none yet; one that is going to be deleted has none."""
    client, named = here.client("kms"), set()
    for each in paged(client, "list_aliases", "Aliases"):
        name, key = each["AliasName"].removeprefix("alias/"), each.get("TargetKeyId", "")
        named.add(key)
        if not name.startswith("aws/"):
            yield Holding("KMS key", name, here.has_prefix(name), key, key)
    for each in paged(client, "list_keys", "Keys"):
        key = each["KeyId"]
        if key not in named and _is_tagged(here, key):
            yield Holding("KMS key", key, is_ours=True, fingerprint=key, key=key)


def _is_tagged(here: Holdings, key: str) -> bool:
    """Whether a key is the run's, and is not going to be deleted; of others' keys nothing may be known."""
    client = here.client("kms")
    try:
        tags = client.list_resource_tags(KeyId=key)["Tags"]
        if {"TagKey": TAG, "TagValue": here.place.prefix} not in tags:
            return False
        return bool(client.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] != "PendingDeletion")
    except ClientError as error:
        if error.response["Error"]["Code"] in {"AccessDeniedException", "NotFoundException"}:
            return False
        raise


def _private_cas(here: Holdings) -> Iterator[Holding]:
    """Yield the private CAs; one that was deleted can be restored for a week, and costs nothing."""
    # One attempt: a Region without AWS Private CA has no such endpoint, which more attempts do not change.
    client = client_of(here.place.session, "acm-pca", **here.place.endpoint_of("acm-pca"))
    try:
        found = [*paged(client, "list_certificate_authorities", "CertificateAuthorities")]
    except EndpointConnectionError:
        return
    for each in found:
        name = each["CertificateAuthorityConfiguration"]["Subject"].get("CommonName", each["Arn"])
        if each["Status"] != "DELETED":
            yield Holding("private CA", name, here.has_prefix(name), each["Status"], each["Arn"])


def _buckets(here: Holdings) -> Iterator[Holding]:
    for each in here.client("s3").list_buckets()["Buckets"]:
        name = each["Name"]
        yield Holding("bucket", name, here.has_prefix(name), str(each["CreationDate"]), name)


KINDS: dict[str, Callable[[Holdings], Iterator[Holding]]] = {
    "stack": _stacks,
    "function": _named("function", "lambda", "list_functions", "Functions", "FunctionName"),
    "device certificate": _device_certificates,
    "CA certificate": _ca_certificates,
    "provisioning template": _named(
        "provisioning template", "iot", "list_provisioning_templates", "templates", "templateName"
    ),
    "thing": _named("thing", "iot", "list_things", "things", "thingName"),
    "policy": _named("policy", "iot", "list_policies", "policies", "policyName"),
    "secret": _named("secret", "secretsmanager", "list_secrets", "SecretList", "Name", "ARN"),
    "KMS key": _keys,
    "private CA": _private_cas,
    "role": _named("role", "iam", "list_roles", "Roles", "RoleName"),
    "log group": _log_groups,
    "bucket": _buckets,
}
"""What is listed, in the order in which it is removed: what holds others first."""
