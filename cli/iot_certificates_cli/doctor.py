"""Checks of an account and Region for deployments of certificates: a sentence for each check."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from iot_certificate_provider.aws.clients import CONFIG
from iot_certificate_provider.aws.error_mapping import map_error, mapping_errors
from iot_certificate_provider.errors import ProviderError
from iot_certificate_provider.pki import Certificate, UnusableError
from iot_certificates_cli.errors import sentence_of
from iot_certificates_cli.listings import list_ca_certificates
from iot_certificates_cli.service_tokens import find_services, function_name
from iot_certificates_cli.stack_owners import find_stack_owners
from iot_certificates_cli.tally import counted, names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    from iot_certificates_cli.connection import Connection
    from iot_certificates_cli.service_tokens import Services
    from iot_certificates_cli.stack_owners import StackOwners

DISTRIBUTION = "cdk-iot-certificates"
PROVIDER = re.compile(r"\(cdk-iot-certificates(?: (?P<version>\S+))?\)")
"""In the description of a function that ``IotCertificateProvider`` has deployed."""

# IAM User Guide, "Signature Version 4": a request is good for five minutes.
_MOST_SKEW = timedelta(minutes=5)
_MUCH_SKEW = timedelta(minutes=1)
# AWS IoT Core endpoints and quotas: "Maximum number of CA certificates with the same subject field and public key".
_CAS_OF_ONE_NAME = 10
_NEARLY = 8
USED_UP = "a quota of the account is used up"
"""The function's message about the quota."""

_MAKE_IT_AGAIN = (
    "Create a function of this name again, as docs/operations.md describes under "
    '"The function was deleted before its resources".'
)

_DELETE_IT = 'Delete it, as docs/operations.md describes under "A stack that is not deleted".'
_STUCK = {
    "ROLLBACK_FAILED": _DELETE_IT,
    "DELETE_FAILED": _DELETE_IT,
    "UPDATE_ROLLBACK_FAILED": 'Continue the rollback, as docs/operations.md describes under "Rollbacks".',
}
"""The statuses in which CloudFormation refuses an update of a stack with resources, and the ways out."""


class Health(StrEnum):
    """The result of a check; only TROUBLE makes the exit status 1."""

    FINE = "✓"
    NOTE = "!"
    TROUBLE = "✗"


@dataclass(frozen=True)
class Finding:
    """A check, and its result."""

    what: str
    health: Health
    sentence: str


def examine(connection: Connection) -> Iterator[Finding]:
    """Run one check after another; a check that fails is TROUBLE, and does not stop the others."""
    looks: dict[str, Callable[[Connection], Iterator[Finding]]] = {
        "credentials": _credentials_and_clock,
        "Region": _region,
        "registration code": _registration_code,
        "quota": _quota,
        "provider functions": _functions,
    }
    for what, look in looks.items():
        try:
            yield from look(connection)
        except ProviderError as error:
            yield Finding(what, Health.TROUBLE, sentence_of(error))


def _credentials_and_clock(connection: Connection) -> Iterator[Finding]:
    sts = connection.session.client("sts", config=CONFIG)
    refused: ClientError | None = None
    with mapping_errors("the credentials"):
        try:
            answer: Any = sts.get_caller_identity()
        except ClientError as error:
            refused, answer = error, error.response
    # A clock that is wrong is one reason for a refusal, whose answer has the date as well.
    yield from _clock(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date"), datetime.now(UTC))
    if refused is not None:
        raise map_error(refused, "the credentials") from refused
    yield Finding("credentials", Health.FINE, f"{answer['Arn']}, of account {answer['Account']}.")


def _clock(said: str | None, now: datetime) -> Iterator[Finding]:
    if said is None:
        yield Finding("clock", Health.NOTE, "AWS's answer has no date to compare this machine's clock with.")
        return
    skew = abs(now - parsedate_to_datetime(said))
    seconds = f"{skew.total_seconds():.0f} seconds"
    if skew >= _MOST_SKEW:
        fix = "AWS refuses requests from a difference of five minutes. Set the clock, best by NTP."
        yield Finding("clock", Health.TROUBLE, f"{seconds} away from AWS's. {fix}")
    else:
        yield Finding("clock", Health.NOTE if skew >= _MUCH_SKEW else Health.FINE, f"{seconds} away from AWS's.")


def _region(connection: Connection) -> Iterator[Finding]:
    region = connection.session.region_name
    partition = connection.session.get_partition_for_region(region)
    if region in connection.session.get_available_regions("iot", partition):
        yield Finding("Region", Health.FINE, f"{region}.")
    else:
        yield Finding(
            "Region", Health.NOTE, f"{region} is not a Region in which boto3 knows AWS IoT. Check its spelling."
        )


def _registration_code(connection: Connection) -> Iterator[Finding]:
    connection.iot.registration_code()
    yield Finding("registration code", Health.FINE, "Can be read.")


def _quota(connection: Connection) -> Iterator[Finding]:
    """Check the quota of CA certificates that deployments can reach by rotating a CA under its name."""
    counts = Counter(_names(connection))
    most = max(counts.values(), default=0)
    sentence = f"{most} of at most {_CAS_OF_ONE_NAME} CA certificates share their subject and key."
    if most >= _CAS_OF_ONE_NAME:
        subject = counts.most_common(1)[0][0][0]
        fix = f"AWS IoT will refuse another one of {subject}, because {USED_UP}. Delete one."
        yield Finding("quota", Health.TROUBLE, f"{sentence} {fix}")
    else:
        yield Finding("quota", Health.NOTE if most >= _NEARLY else Health.FINE, sentence)


def _names(connection: Connection) -> Iterator[tuple[str, bytes]]:
    for listed in list_ca_certificates(connection.iot_client):
        described = connection.iot.describe_ca_certificate(listed.id)
        if described.mode == "SNI_ONLY":
            continue  # the quota is of those in DEFAULT mode
        try:
            certificate = Certificate.from_pem(described.pem)
        except UnusableError:
            continue
        key = certificate.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        yield certificate.subject, key


def _functions(connection: Connection) -> Iterator[Finding]:
    functions = dict(_deployed_functions(connection))
    deployed = {name: found["version"] for name, text in functions.items() if (found := PROVIDER.search(text))}
    yield from (_version(name, of_version) for name, of_version in deployed.items())
    owners = find_stack_owners(connection.cloudformation_client)
    services = find_services(connection, owners)
    yield from _missing(services, functions.keys(), connection)
    yield from _unknown(services, owners)
    yield from _stuck(owners)
    if not deployed and not services.functions and not services.unknown:
        yield Finding("provider functions", Health.FINE, "None is deployed here.")


def _version(name: str, deployed: str | None) -> Finding:
    installed = version(DISTRIBUTION)
    if deployed == installed:
        return Finding("provider function", Health.FINE, f"{name} has version {installed}, as installed here.")
    was = f"version {deployed}" if deployed else "an unknown version"
    fix = f"{installed} is installed here. Deploy its stack again"
    return Finding("provider function", Health.TROUBLE, f"{name} has {was}, and {fix}.")


def _missing(services: Services, functions: Container[str], connection: Connection) -> Iterator[Finding]:
    """Report functions that do not exist: CloudFormation calls them to change or to delete a resource."""
    for function, resources in services.functions.items():
        name = function_name(function, connection.account, connection.region)
        if name is None:
            sentence = f"{function} is of another account or Region, and cannot be checked from here"
            yield Finding("provider function", Health.NOTE, f"{sentence}. It serves {_listed(resources)}.")
        elif name not in functions:
            sentence = f"{name} does not exist, so CloudFormation cannot change or delete {_listed(resources)}"
            yield Finding("provider function", Health.TROUBLE, f"{sentence}. {_MAKE_IT_AGAIN}")


def _unknown(services: Services, owners: StackOwners) -> Iterator[Finding]:
    for stack, reason in services.unknown.items():
        sentence = f"The function of stack {stack} is unknown: {reason}"
        yield Finding("provider functions", Health.NOTE, sentence)
    if owners.unreadable:
        name, error = next(iter(owners.unreadable.items()))
        sentence = f"Stacks that may need one could not be read: {names_of(owners.unreadable)}"
        yield Finding("provider functions", Health.NOTE, f"{sentence}. Of {name}: {sentence_of(error)}")


def _stuck(owners: StackOwners) -> Iterator[Finding]:
    for stack, _ in owners.served:
        if stack.status in _STUCK:
            sentence = f"{stack.name} is in {stack.status}, in which CloudFormation updates no stack"
            yield Finding("stack", Health.TROUBLE, f"{sentence}. {_STUCK[stack.status]}")


def _listed(resources: list[tuple[str, str]]) -> str:
    """Return stacks with their resources: ``3 resources (factory: Ca, Device; telemetry: Code)``."""
    stacks: dict[str, list[str]] = {}
    for stack, logical_id in resources:
        stacks.setdefault(stack, []).append(logical_id)
    named = "; ".join(f"{stack}: {names_of(logical_ids)}" for stack, logical_ids in sorted(stacks.items()))
    return f"{counted(len(resources), 'resource')} ({named})"


def _deployed_functions(connection: Connection) -> Iterator[tuple[str, str]]:
    """ListFunctions: names and descriptions."""
    pages = connection.clients.client("lambda").get_paginator("list_functions").paginate()
    with mapping_errors("the functions"):
        for page in pages:
            for function in page["Functions"]:
                yield function["FunctionName"], function.get("Description", "")
