"""What a template may say of a transfer and of its decision, and how each mistake in it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from iot_certificate_provider.contract import AcceptedCertificateOnDelete, AcceptedCertificateStatus, TransferDecision
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.physical_id import TransferIdentity
from iot_certificate_provider.properties.certificate_transfer import CertificateTransferProperties
from iot_certificate_provider.properties.certificate_transfer_decision import (
    CertificateTransferDecisionProperties,
    declared_on_delete,
)
from iot_certificate_provider.protocol.response import reason

ID = "ab" * 32
OWN = {"ServiceToken": "arn:aws:lambda:eu-west-1:123456789012:function:provider", "ServiceTimeout": "900"}
A_TRANSFER: dict[str, Any] = {**OWN, "CertificateId": ID, "TargetAwsAccount": "210987654321"}
A_DECISION: dict[str, Any] = {**OWN, "CertificateId": ID, "Decision": "ACCEPT"}


def test_a_transfer_with_its_defaults() -> None:
    assert CertificateTransferProperties.read(A_TRANSFER) == CertificateTransferProperties(
        ID, "210987654321", None, detach=False
    )


def test_a_transfer_with_everything() -> None:
    given = {"TransferMessage": "x" * 128, "DetachOnTransfer": "true"}
    assert CertificateTransferProperties.read({**A_TRANSFER, **given}) == CertificateTransferProperties(
        ID, "210987654321", "x" * 128, detach=True
    )


def test_a_decision_with_its_defaults() -> None:
    assert CertificateTransferDecisionProperties.read(A_DECISION) == CertificateTransferDecisionProperties(
        ID, TransferDecision.ACCEPT, None, AcceptedCertificateStatus.INACTIVE, AcceptedCertificateOnDelete.RETAIN
    )


def test_a_rejection_with_its_reason() -> None:
    read = CertificateTransferDecisionProperties.read({**A_DECISION, "Decision": "REJECT", "RejectReason": "not ours"})
    assert (read.decision, read.reason) == (TransferDecision.REJECT, "not ours")


REFUSED = [
    (
        A_TRANSFER,
        {"CertificateId": "AB" * 32},
        "CertificateId: a text of 64 characters is not one. Give the certificate",
    ),
    (A_TRANSFER, {"CertificateId": None}, "CertificateId: is missing. Give the certificate's id: 64 hex digits"),
    (
        A_TRANSFER,
        {"TargetAwsAccount": "1234"},
        "TargetAwsAccount: '1234' is not one. Give the 12 digits of an AWS account",
    ),
    (A_TRANSFER, {"TargetAwsAccount": ["210987654321"]}, "TargetAwsAccount: is a list, not a text"),
    (A_TRANSFER, {"TransferMessage": "x" * 129}, "TransferMessage: has 129 characters. AWS takes at most 128"),
    (A_TRANSFER, {"DetachOnTransfer": "yes"}, "DetachOnTransfer: 'yes' is not an allowed value. Use true or false"),
    (
        A_TRANSFER,
        {"DetachOnTransfer": True},
        "DetachOnTransfer: a boolean is not an allowed value. Use true or false",
    ),
    (A_TRANSFER, {"Status": "ACTIVE"}, "Status: is not a property of this type"),
    (A_DECISION, {"Decision": None}, "Decision: is missing. Use one of ACCEPT, REJECT"),
    (A_DECISION, {"Decision": "MAYBE"}, "Decision: 'MAYBE' is not an allowed value. Use one of ACCEPT, REJECT"),
    (A_DECISION, {"RejectReason": "why"}, "RejectReason: cannot be combined with Decision ACCEPT. Remove it"),
    (
        A_DECISION,
        {"Decision": "REJECT", "RejectReason": "x" * 129},
        "RejectReason: has 129 characters. AWS takes at most 128",
    ),
    (
        A_DECISION,
        {"Decision": "REJECT", "Status": "ACTIVE"},
        "Status: cannot be combined with Decision REJECT. Remove it",
    ),
    (
        A_DECISION,
        {"Decision": "REJECT", "OnDelete": "DELETE"},
        "OnDelete: cannot be combined with Decision REJECT. Remove it",
    ),
    (A_DECISION, {"Status": "REVOKED"}, "Status: 'REVOKED' is not an allowed value. Use one of ACTIVE, INACTIVE"),
    (A_DECISION, {"OnDelete": "KEEP"}, "OnDelete: 'KEEP' is not an allowed value. Use one of RETAIN, DELETE"),
]


@pytest.mark.parametrize(("base", "changes", "said"), REFUSED, ids=[said[:40] for _, _, said in REFUSED])
def test_each_mistake_is_told_by_name(base: dict[str, Any], changes: dict[str, Any], said: str) -> None:
    read = CertificateTransferProperties.read if base is A_TRANSFER else CertificateTransferDecisionProperties.read
    with pytest.raises(InvalidPropertyError) as refused:
        read({**base, **changes})
    assert str(refused.value).startswith(said)
    assert reason(str(refused.value)) == str(refused.value)


def test_a_delete_reads_on_delete_whatever_else_is_wrong() -> None:
    assert declared_on_delete({"OnDelete": "DELETE", "Status": 7}) is AcceptedCertificateOnDelete.DELETE
    assert declared_on_delete({"OnDelete": ["DELETE"]}) is AcceptedCertificateOnDelete.RETAIN
    assert declared_on_delete({}) is AcceptedCertificateOnDelete.RETAIN


@pytest.mark.parametrize("was_active", [True, False])
def test_a_transfers_physical_id_says_all_that_its_delete_needs(was_active: bool) -> None:
    identity = TransferIdentity(ID, "210987654321", was_active)
    assert TransferIdentity.of(identity.physical_id) == identity


@pytest.mark.parametrize("physical_id", [ID, f"{ID}/adopted", f"{ID}/transfer/1", f"{ID}/transfer/210987654321/x", "x"])
def test_other_physical_ids_are_no_transfers(physical_id: str) -> None:
    assert TransferIdentity.of(physical_id) is None
