"""Which resource serves which ``Custom::`` type, and the gateways that it is built with.

A resource's module is imported with the first request of its type: a cold start pays for what it serves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.aws.cloudformation import StackGateway
from iot_certificate_provider.aws.iot import IotGateway
from iot_certificate_provider.contract import (
    CA_CERTIFICATE_TYPE,
    CERTIFICATE_TRANSFER_DECISION_TYPE,
    CERTIFICATE_TRANSFER_TYPE,
    DEVICE_CERTIFICATE_TYPE,
    ISSUED_DEVICE_CERTIFICATE_TYPE,
    REGISTRATION_CODE_TYPE,
    SELF_SIGNED_CA_CERTIFICATE_TYPE,
    PrivateCaTemplate,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from iot_certificate_provider.aws.clients import AwsClients
    from iot_certificate_provider.resources.ca.ca_certificate import CaCertificateResource
    from iot_certificate_provider.resources.device.device_certificate import DeviceCertificateResource
    from iot_certificate_provider.resources.keys.signers import CertificateSigners
    from iot_certificate_provider.resources.resource import Resource

    Now = Callable[[], datetime]


def _ca_certificate(clients: AwsClients, now: Now) -> CaCertificateResource:
    from iot_certificate_provider.aws.acm_pca import PrivateCaGateway
    from iot_certificate_provider.resources.ca.ca_certificate import CaCertificateResource
    from iot_certificate_provider.resources.ca.device_certificate_sweep import DeviceCertificateSweep
    from iot_certificate_provider.resources.ca.private_ca_identity import PrivateCaIdentity
    from iot_certificate_provider.resources.ca.proof_of_possession import ProofOfPossession
    from iot_certificate_provider.resources.device.removal import DeviceCertificateRemoval

    iot, stacks = IotGateway(clients), StackGateway(clients)
    proof = ProofOfPossession(iot, _signers(clients, "VerificationKey"))
    identity = PrivateCaIdentity(iot, stacks, PrivateCaGateway(clients), now)
    sweep = DeviceCertificateSweep(iot, DeviceCertificateRemoval(iot))
    return CaCertificateResource(iot, stacks, proof, identity, sweep, now=now)


def _device_certificate(clients: AwsClients, now: Now) -> DeviceCertificateResource:
    from iot_certificate_provider.resources.device.device_certificate import DeviceCertificateResource
    from iot_certificate_provider.resources.device.ownership import DeviceCertificateOwnership
    from iot_certificate_provider.resources.device.removal import DeviceCertificateRemoval

    iot, stacks = IotGateway(clients), StackGateway(clients)
    ownership = DeviceCertificateOwnership(iot, stacks)
    return DeviceCertificateResource(iot, stacks, ownership, DeviceCertificateRemoval(iot), now)


def _self_signed_ca_certificate(clients: AwsClients, now: Now) -> Resource:
    from iot_certificate_provider.aws.secrets import SecretsGateway
    from iot_certificate_provider.resources.ca.self_signed_ca_certificate import SelfSignedCaCertificateResource

    return SelfSignedCaCertificateResource(
        _ca_certificate(clients, now), StackGateway(clients), SecretsGateway(clients), now
    )


def _issued_device_certificate(clients: AwsClients, now: Now) -> Resource:
    from iot_certificate_provider.aws.acm_pca import PrivateCaGateway
    from iot_certificate_provider.aws.secrets import SecretsGateway
    from iot_certificate_provider.resources.device.ownership import DeviceCertificateOwnership
    from iot_certificate_provider.resources.issued.issued_device_certificate import IssuedDeviceCertificateResource
    from iot_certificate_provider.resources.issued.issuing import DeviceCertificateIssuing
    from iot_certificate_provider.resources.issued.new_key_history import IssuedWithNewKey
    from iot_certificate_provider.resources.issued.signing_request_history import IssuedByRequest

    iot, stacks, secrets = IotGateway(clients), StackGateway(clients), SecretsGateway(clients)
    ownership = DeviceCertificateOwnership(iot, stacks)
    signers = _signers(clients, "Issuer", PrivateCaTemplate.CLIENT_AUTH)
    issuing = DeviceCertificateIssuing(secrets, PrivateCaGateway(clients), signers, now)
    return IssuedDeviceCertificateResource(
        _device_certificate(clients, now),
        stacks,
        with_new_key=IssuedWithNewKey(secrets, stacks, ownership, issuing),
        by_request=IssuedByRequest(iot, stacks, ownership, issuing, now),
        now=now,
    )


def _signers(
    clients: AwsClients, name: str, template: PrivateCaTemplate = PrivateCaTemplate.END_ENTITY
) -> CertificateSigners:
    from iot_certificate_provider.aws.acm_pca import PrivateCaGateway
    from iot_certificate_provider.aws.kms import KmsGateway
    from iot_certificate_provider.aws.secrets import SecretsGateway
    from iot_certificate_provider.resources.keys.signers import CertificateSigners

    secrets, keys, authorities = SecretsGateway(clients), KmsGateway(clients), PrivateCaGateway(clients)
    return CertificateSigners(secrets, keys, authorities, name, template)


def _registration_code(clients: AwsClients, _: Now) -> Resource:
    from iot_certificate_provider.resources.registration_code import RegistrationCodeResource

    return RegistrationCodeResource(IotGateway(clients), StackGateway(clients))


def _certificate_transfer(clients: AwsClients, now: Now) -> Resource:
    from iot_certificate_provider.resources.transfer.certificate_transfer import CertificateTransferResource
    from iot_certificate_provider.resources.transfer.ownership import CertificateTransferOwnership

    iot, stacks = IotGateway(clients), StackGateway(clients)
    return CertificateTransferResource(iot, stacks, CertificateTransferOwnership(iot, stacks), now)


def _certificate_transfer_decision(clients: AwsClients, now: Now) -> Resource:
    from iot_certificate_provider.resources.device.removal import DeviceCertificateRemoval
    from iot_certificate_provider.resources.transfer.certificate_transfer_decision import (
        CertificateTransferDecisionResource,
    )

    iot, stacks = IotGateway(clients), StackGateway(clients)
    return CertificateTransferDecisionResource(iot, stacks, DeviceCertificateRemoval(iot), now)


RESOURCES: Mapping[str, Callable[[AwsClients, Now], Resource]] = {
    CA_CERTIFICATE_TYPE: _ca_certificate,
    DEVICE_CERTIFICATE_TYPE: _device_certificate,
    SELF_SIGNED_CA_CERTIFICATE_TYPE: _self_signed_ca_certificate,
    ISSUED_DEVICE_CERTIFICATE_TYPE: _issued_device_certificate,
    REGISTRATION_CODE_TYPE: _registration_code,
    CERTIFICATE_TRANSFER_TYPE: _certificate_transfer,
    CERTIFICATE_TRANSFER_DECISION_TYPE: _certificate_transfer_decision,
}
