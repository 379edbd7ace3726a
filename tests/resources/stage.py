"""A stage for the resources: fake AWS below them, requests as CloudFormation would send them above."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fakes.aws import FakeAws
from fakes.iot import FakeIot
from fakes.transfers import connect
from iot_certificate_provider.aws.acm_pca import PrivateCaGateway
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.cloudformation import StackGateway
from iot_certificate_provider.aws.iot import IotGateway
from iot_certificate_provider.aws.kms import KmsGateway
from iot_certificate_provider.aws.secrets import SecretsGateway
from iot_certificate_provider.deadline import Deadline
from iot_certificate_provider.protocol.request import AwsEnvironment, Progress, Request, RequestType
from iot_certificate_provider.resources.ca.ca_certificate import CaCertificateResource
from iot_certificate_provider.resources.ca.device_certificate_sweep import DeviceCertificateSweep
from iot_certificate_provider.resources.ca.private_ca_identity import PrivateCaIdentity
from iot_certificate_provider.resources.ca.proof_of_possession import ProofOfPossession
from iot_certificate_provider.resources.device.device_certificate import DeviceCertificateResource
from iot_certificate_provider.resources.device.ownership import DeviceCertificateOwnership
from iot_certificate_provider.resources.device.removal import DeviceCertificateRemoval
from iot_certificate_provider.resources.keys.signers import CertificateSigners
from iot_certificate_provider.resources.transfer.certificate_transfer import CertificateTransferResource
from iot_certificate_provider.resources.transfer.certificate_transfer_decision import (
    CertificateTransferDecisionResource,
)
from iot_certificate_provider.resources.transfer.ownership import CertificateTransferOwnership

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iot_certificate_provider.protocol.response import Outcome
    from iot_certificate_provider.resources.resource import Resource

KEY_SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:factory-ca-key-AbCdEf"
PRIVATE_CA = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/0f6e3a54-0000-4000-8000-000000000001"
LOGICAL_ID = "Certificate"


@dataclass
class Clock:
    """Time that passes only when somebody sleeps."""

    left: float = 280.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.left -= seconds


class Stage:
    """One account, one stack, and the resource types; and another account, in which no stack is."""

    def __init__(self) -> None:
        self.aws = FakeAws()
        self.iot = self.aws.iot
        self.clock = Clock()
        self.progress = Progress()
        self.now = _now
        """Read anew whenever a resource asks: a test may set it."""
        clients = self.clients = AwsClients(self.aws.session())
        iot, stacks = IotGateway(clients), StackGateway(clients)
        removal = DeviceCertificateRemoval(iot)
        ownership = DeviceCertificateOwnership(iot, stacks)
        self.device: Resource = DeviceCertificateResource(iot, stacks, ownership, removal, self._time)
        authorities = PrivateCaGateway(clients)
        signers = CertificateSigners(SecretsGateway(clients), KmsGateway(clients), authorities, "VerificationKey")
        self.ca: Resource = CaCertificateResource(
            iot,
            stacks,
            ProofOfPossession(iot, signers),
            PrivateCaIdentity(iot, stacks, authorities, self._time),
            DeviceCertificateSweep(iot, removal),
            now=self._time,
        )
        transfers = CertificateTransferOwnership(iot, stacks)
        self.transfer: Resource = CertificateTransferResource(iot, stacks, transfers, self._time)
        self.decision: Resource = CertificateTransferDecisionResource(iot, stacks, removal, self._time)
        self.other = FakeIot(account="210987654321")
        connect(self.iot, self.other)

    def _time(self) -> datetime:
        return self.now()

    def request(
        self,
        kind: RequestType,
        properties: Mapping[str, Any],
        physical_id: str | None = None,
        old: Mapping[str, Any] | None = None,
    ) -> Request:
        self.progress = Progress()
        deadline = Deadline(lambda: self.clock.left, sleep=self.clock.sleep, jitter=lambda: 0.5)
        self.clients.begin(deadline)
        self.aws.calls.clear()
        return Request(
            type=kind,
            resource_type="Custom::Tested",
            request_id="a3a4ce8b-0000-4000-8000-000000000001",
            stack_id=self.aws.cloudformation.stack_id,
            logical_id=LOGICAL_ID,
            physical_id=physical_id,
            properties={"ServiceToken": "arn:aws:lambda:…", "ServiceTimeout": "900", **properties},
            old_properties=old or {},
            home=AwsEnvironment("aws", "eu-west-1", "123456789012"),
            deadline=deadline,
            progress=self.progress,
            sent=self.now(),
        )

    def create(self, resource: Resource, properties: Mapping[str, Any]) -> Outcome:
        request = self.request(RequestType.CREATE, properties)
        self.log("", "CREATE_IN_PROGRESS")
        outcome = resource.create(request)
        self.log(outcome.physical_id, "CREATE_COMPLETE")
        return outcome

    def update(self, resource: Resource, physical_id: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Outcome:
        request = self.request(RequestType.UPDATE, new, physical_id, old)
        if "ROLLBACK" not in self.aws.cloudformation.status:
            self.aws.cloudformation.begin_update(self.now())
        self.log(physical_id, "UPDATE_IN_PROGRESS")
        outcome = resource.update(request)
        self.log(outcome.physical_id, "UPDATE_COMPLETE")
        return outcome

    def delete(self, resource: Resource, physical_id: str, properties: Mapping[str, Any]) -> Outcome:
        return resource.delete(self.request(RequestType.DELETE, properties, physical_id))

    def log(self, physical_id: str, status: str, ago: float = 0) -> None:
        """Write a row into the stack's log, ``ago`` seconds in the past."""
        self.aws.cloudformation.log(LOGICAL_ID, physical_id, status, self.now() - timedelta(seconds=ago))

    def iot_calls(self) -> list[str]:
        """The calls of the last request to AWS IoT, in order."""
        return [name.removeprefix("iot.") for name in self.aws.names() if name.startswith("iot.")]


def _now() -> datetime:
    return datetime.now(UTC)
