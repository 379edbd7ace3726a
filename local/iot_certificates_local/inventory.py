"""The existing resources, by AWS's own list operations, with all pages."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.x509.oid import NameOID

from iot_certificate_provider.pki import Certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3

BOOTSTRAP_STACK = "CDKToolkit"

WHAT_IS_COUNTED = (
    "CA certificates, device certificates, policies and their attachments, things, secrets, functions, log groups, "
    "stacks"
)


@dataclass(frozen=True)
class CaCertificate:
    """A registered CA certificate."""

    id: str
    common_name: str
    status: str
    auto_registration: str


@dataclass(frozen=True)
class DeviceCertificate:
    """A registered device certificate, with the policies and things that it is attached to."""

    id: str
    common_name: str
    status: str
    ca_certificate_id: str
    policies: tuple[str, ...]
    things: tuple[str, ...]


@dataclass(frozen=True)
class Inventory:
    """The resources of an account and Region which deploying certificates makes or could leave behind."""

    ca_certificates: tuple[CaCertificate, ...] = ()
    device_certificates: tuple[DeviceCertificate, ...] = ()
    others: tuple[str, ...] = ()
    """Everything else, in words: ``IoT policy X``, ``policy attachment X to <ARN>``, ``secret X``, …"""

    def device(self, certificate_id: str) -> DeviceCertificate | None:
        """Return one device certificate, None when it is not registered."""
        return next((one for one in self.device_certificates if one.id == certificate_id), None)

    def everything(self) -> list[str]:
        """Name each single resource, in words."""
        return [
            *(f"CA certificate {one.id} ({one.common_name}, {one.status})" for one in self.ca_certificates),
            *(f"device certificate {one.id} ({one.common_name}, {one.status})" for one in self.device_certificates),
            *self.others,
        ]

    def beyond(self, earlier: Inventory) -> list[str]:
        """Name what is here and was not ``earlier``, in words."""
        return list((Counter(self.everything()) - Counter(earlier.everything())).elements())


def take_inventory(session: boto3.Session) -> Inventory:
    """Ask for all of it in the session's account and Region. The CDK's bootstrap stack does not count."""
    iot = session.client("iot")
    others = [
        *_policies(iot),
        *(f"IoT thing {one['thingName']}" for one in _pages(iot, "list_things", "things")),
        *_around(session),
    ]
    return Inventory(tuple(_ca_certificates(iot)), tuple(_device_certificates(iot)), tuple(others))


def _ca_certificates(iot: Any) -> Iterator[CaCertificate]:
    for listed in _pages(iot, "list_ca_certificates", "certificates"):
        found = iot.describe_ca_certificate(certificateId=listed["certificateId"])["certificateDescription"]
        yield CaCertificate(
            id=found["certificateId"],
            common_name=common_name_in(found["certificatePem"]),
            status=found["status"],
            auto_registration=found.get("autoRegistrationStatus", "DISABLE"),
        )


def _device_certificates(iot: Any) -> Iterator[DeviceCertificate]:
    for listed in _pages(iot, "list_certificates", "certificates"):
        found = iot.describe_certificate(certificateId=listed["certificateId"])["certificateDescription"]
        arn = found["certificateArn"]
        yield DeviceCertificate(
            id=found["certificateId"],
            common_name=common_name_in(found["certificatePem"]),
            status=found["status"],
            ca_certificate_id=found.get("caCertificateId") or "",
            policies=tuple(one["policyName"] for one in _pages(iot, "list_attached_policies", "policies", target=arn)),
            things=tuple(_pages(iot, "list_principal_things", "things", principal=arn)),
        )


def _policies(iot: Any) -> Iterator[str]:
    # By their targets: an attachment can outlive the certificate that it was to.
    for policy in _pages(iot, "list_policies", "policies"):
        name = policy["policyName"]
        yield f"IoT policy {name}"
        for target in _pages(iot, "list_targets_for_policy", "targets", policyName=name):
            yield f"policy attachment {name} to {target}"


def _around(session: Any) -> Iterator[str]:
    """Name what a stack has around its certificates."""
    secrets = _pages(session.client("secretsmanager"), "list_secrets", "SecretList")
    functions = _pages(session.client("lambda"), "list_functions", "Functions")
    log_groups = _pages(session.client("logs"), "describe_log_groups", "logGroups")
    stacks = _pages(session.client("cloudformation"), "describe_stacks", "Stacks")
    yield from (f"secret {one['Name']}" for one in secrets)
    yield from (f"Lambda function {one['FunctionName']}" for one in functions)
    yield from (f"log group {one['logGroupName']}" for one in log_groups)
    yield from (f"stack {one['StackName']}" for one in stacks if one["StackName"] != BOOTSTRAP_STACK)


def _pages(client: Any, operation: str, key: str, **arguments: str) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page.get(key, [])


def common_name_in(pem: str) -> str:
    """Return the first common name in the subject of a certificate, empty without one."""
    names = Certificate.from_pem(pem).subject_name.values(NameOID.COMMON_NAME)
    return names[0] if names else ""
