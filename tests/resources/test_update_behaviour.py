"""An update of each property does what its shape says, and so what the documentation says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from iot_certificate_provider.errors import ProviderError
from iot_certificate_provider.properties import (
    ca_certificate,
    certificate_transfer,
    certificate_transfer_decision,
    device_certificate,
)
from iot_certificate_provider.properties.shapes import Shape, Update
from resources.stage import KEY_SECRET, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iot_certificate_provider.resources.resource import Resource

CA, OTHER_CA = issuing.make_ca("Factory CA"), issuing.make_ca("Another CA")
DEVICE, OTHER_DEVICE = issuing.make_device(CA), issuing.make_device(CA)
HERE, THERE, THIRD = "123456789012", "210987654321", "333333333333"
LEFT_OUT = None

A_CA: dict[str, Any] = {"CACertificatePem": CA.pem, "CertificateMode": "SNI_ONLY"}
A_PROVEN_CA: dict[str, Any] = {"CACertificatePem": CA.pem, "VerificationKey": {"SecretArn": KEY_SECRET}}
A_DEVICE: dict[str, Any] = {"CertificatePem": DEVICE.pem, "CertificateMode": "SNI_ONLY"}
BY_REQUEST: dict[str, Any] = {"CertificateSigningRequest": issuing.make_csr().pem}
A_TRANSFER: dict[str, Any] = {"TargetAwsAccount": THERE}
ACCEPTED: dict[str, Any] = {"Decision": "ACCEPT"}
REJECTED: dict[str, Any] = {"Decision": "REJECT", "RejectReason": "not ours"}

CHANGES: list[tuple[Shape, str, dict[str, Any], dict[str, Any]]] = [
    (ca_certificate.SHAPE, "CACertificatePem", A_CA, {"CACertificatePem": OTHER_CA.pem}),
    (ca_certificate.SHAPE, "Status", A_CA, {"Status": "INACTIVE"}),
    (
        ca_certificate.SHAPE,
        "CertificateMode",
        A_PROVEN_CA,
        {"CertificateMode": "SNI_ONLY", "VerificationKey": LEFT_OUT},
    ),
    (
        ca_certificate.SHAPE,
        "VerificationCertificatePem",
        A_PROVEN_CA,
        {"VerificationCertificatePem": issuing.make_verification_certificate(CA).pem, "VerificationKey": LEFT_OUT},
    ),
    (ca_certificate.SHAPE, "VerificationKey", A_PROVEN_CA, {"VerificationKey": {"SecretArn": f"{KEY_SECRET}2"}}),
    (ca_certificate.SHAPE, "AutoRegistrationStatus", A_CA, {"AutoRegistrationStatus": "ENABLE"}),
    (ca_certificate.SHAPE, "RegistrationConfig", A_CA, {"RegistrationConfig": {"TemplateName": "fleet"}}),
    (ca_certificate.SHAPE, "DeviceCertificatesOnDelete", A_CA, {"DeviceCertificatesOnDelete": "DELETE"}),
    (ca_certificate.SHAPE, "ExistingCertificate", A_CA, {"ExistingCertificate": "ADOPT"}),
    (ca_certificate.SHAPE, "Tags", A_CA, {"Tags": [{"Key": "plant", "Value": "Lyon"}]}),
    (device_certificate.SHAPE, "CertificatePem", A_DEVICE, {"CertificatePem": OTHER_DEVICE.pem}),
    (
        device_certificate.SHAPE,
        "CertificateSigningRequest",
        BY_REQUEST,
        {"CertificateSigningRequest": issuing.make_csr("another").pem},
    ),
    (
        device_certificate.SHAPE,
        "CACertificatePem",
        {"CertificatePem": DEVICE.pem},
        {"CACertificatePem": CA.pem},
    ),
    (device_certificate.SHAPE, "CertificateMode", A_DEVICE, {"CertificateMode": "DEFAULT"}),
    (device_certificate.SHAPE, "Status", A_DEVICE, {"Status": "INACTIVE"}),
    (device_certificate.SHAPE, "PolicyNames", A_DEVICE, {"PolicyNames": ["telemetry"]}),
    (device_certificate.SHAPE, "ThingNames", A_DEVICE, {"ThingNames": ["hall"]}),
    (
        device_certificate.SHAPE,
        "ThingPrincipalType",
        {**A_DEVICE, "ThingNames": ["hall"]},
        {"ThingPrincipalType": "EXCLUSIVE_THING"},
    ),
    (device_certificate.SHAPE, "ExistingCertificate", A_DEVICE, {"ExistingCertificate": "ADOPT"}),
    (certificate_transfer.SHAPE, "CertificateId", A_TRANSFER, {"CertificateId": "another"}),
    (certificate_transfer.SHAPE, "TargetAwsAccount", A_TRANSFER, {"TargetAwsAccount": THIRD}),
    (certificate_transfer.SHAPE, "TransferMessage", A_TRANSFER, {"TransferMessage": "hall 4"}),
    (certificate_transfer.SHAPE, "DetachOnTransfer", A_TRANSFER, {"DetachOnTransfer": "true"}),
    (certificate_transfer_decision.SHAPE, "CertificateId", ACCEPTED, {"CertificateId": "another"}),
    (certificate_transfer_decision.SHAPE, "Decision", ACCEPTED, {"Decision": "REJECT"}),
    (certificate_transfer_decision.SHAPE, "RejectReason", REJECTED, {"RejectReason": "too late"}),
    (certificate_transfer_decision.SHAPE, "Status", ACCEPTED, {"Status": "ACTIVE"}),
    (certificate_transfer_decision.SHAPE, "OnDelete", ACCEPTED, {"OnDelete": "DELETE"}),
]


def update_of(shape: Shape, name: str) -> Update:
    (declared,) = (each for each in shape.properties if each.name == name)
    assert declared.update is not None
    return declared.update


@dataclass
class Seen:
    """What an update did: the ids before and after it, what it called; or that it was refused."""

    before: str
    after: str = ""
    writes: tuple[str, ...] = ()

    def is_as_told(self, update: Update) -> bool:
        same = self.after == self.before
        match update:
            case Update.REFUSED:
                return not self.after
            case Update.REPLACEMENT:
                return bool(self.after) and self.after.partition("/")[0] != self.before.partition("/")[0]
            case Update.TRANSFERRED_AGAIN:
                return bool(self.after) and "iot.TransferCertificate" in self.writes
            case Update.NOTHING_TO_DO:
                return same and not self.writes
        return same and "iot.TransferCertificate" not in self.writes


@pytest.fixture
def furnished(stage: Stage) -> Stage:
    """An account with keys, a policy, a thing, and a third account beside it."""
    stage.aws.secrets.values.update({KEY_SECRET: CA.key_pem(), f"{KEY_SECRET}2": CA.key_pem()})
    stage.iot.policies["telemetry"] = set()
    stage.iot.things["hall"] = set()
    stage.iot.neighbours[THIRD] = stage.other
    return stage


def changing_hands(stage: Stage, shape: Shape) -> dict[str, str]:
    """Return the ids of certificates for a transfer or a decision, by what they are called above."""
    incoming = shape is certificate_transfer_decision.SHAPE
    if not incoming and shape is not certificate_transfer.SHAPE:
        return {}
    source = stage.other if incoming else stage.iot
    ids = {}
    for name, device in (("one", DEVICE), ("another", OTHER_DEVICE)):
        ids[name] = str(source.RegisterCertificateWithoutCA(device.pem, "ACTIVE")["certificateId"])
        source.certificates[ids[name]].created -= timedelta(hours=1)
        if incoming:
            source.UpdateCertificate(ids[name], "INACTIVE")
            source.TransferCertificate(ids[name], HERE)
    return ids


def updated(stage: Stage, resource: Resource, old: Mapping[str, Any], new: Mapping[str, Any]) -> Seen:
    before = stage.create(resource, old).physical_id
    try:
        after = stage.update(resource, before, old, new).physical_id
    except ProviderError:
        return Seen(before)
    return Seen(before, after, tuple(stage.aws.writes()))


@pytest.mark.parametrize(
    ("shape", "name", "old", "change"), CHANGES, ids=[f"{index} {name}" for index, (_, name, *_) in enumerate(CHANGES)]
)
def test_it_is_as_told(furnished: Stage, shape: Shape, name: str, old: dict[str, Any], change: dict[str, Any]) -> None:
    resources = {
        ca_certificate.SHAPE: furnished.ca,
        device_certificate.SHAPE: furnished.device,
        certificate_transfer.SHAPE: furnished.transfer,
        certificate_transfer_decision.SHAPE: furnished.decision,
    }
    ids = changing_hands(furnished, shape)
    if "CACertificatePem" in change and shape is device_certificate.SHAPE:
        furnished.create(furnished.ca, A_PROVEN_CA)
    if ids:
        old = {"CertificateId": ids["one"], **old}
    new = {key: ids.get(str(value), value) for key, value in {**old, **change}.items() if value is not LEFT_OUT}
    seen = updated(furnished, resources[shape], old, new)
    assert seen.is_as_told(update_of(shape, name)), seen


def test_all_properties_are_tried() -> None:
    shapes = (
        ca_certificate.SHAPE,
        device_certificate.SHAPE,
        certificate_transfer.SHAPE,
        certificate_transfer_decision.SHAPE,
    )
    assert [(shape, name) for shape, name, *_ in CHANGES] == [(shape, name) for shape in shapes for name in shape.names]
