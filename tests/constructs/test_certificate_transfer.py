"""What the constructs CertificateTransfer and CertificateTransferDecision write into templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import CfnOutput, CfnParameter, Stack
from aws_cdk.assertions import Template

import issuing
from iot_certificates import (
    AcceptedCertificateOnDelete,
    AcceptedCertificateStatus,
    CertificateDeclarationError,
    CertificateTransfer,
    CertificateTransferDecision,
    DeviceCertificate,
    TransferDecision,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthesised import Synthesised

DEVICE = issuing.make_device(issuing.make_ca("Factory CA"))
ID = "ab" * 32
TRANSFER = "Custom::IotCertificateTransfer"
DECISION = "Custom::IotCertificateTransferDecision"
ACCEPT, REJECT = TransferDecision.ACCEPT, TransferDecision.REJECT
ANYBODY = "cloudformation:DescribeStackResources"
OWNERSHIP = {
    "${AWS::StackId}": {
        "cloudformation:DescribeStackEvents",
        "cloudformation:DescribeStackResource",
        "cloudformation:DescribeStacks",
    },
}
IN_DOUBT = {
    **OWNERSHIP,
    "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/*": {
        "cloudformation:ListStackResources"
    },
}


@pytest.fixture(scope="module")
def template(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    stack = new_stack()
    device = DeviceCertificate(stack, "Device", certificate_pem=DEVICE.pem)
    minimal = CertificateTransfer(stack, "Minimal", certificate=device, target_aws_account="210987654321")
    imported = DeviceCertificate.from_certificate_arn(stack, "Imported", CfnParameter(stack, "Arn").value_as_string)
    CertificateTransfer(
        stack,
        "Full",
        certificate=imported,
        target_aws_account=CfnParameter(stack, "Target").value_as_string,
        transfer_message="Lyon, hall 4",
        detach_on_transfer=True,
    )
    CfnOutput(stack, "There", value=minimal.transferred_certificate_arn)
    accepted = CertificateTransferDecision(stack, "Accepted", certificate_id=ID, decision=ACCEPT)
    CfnOutput(stack, "AcceptedArn", value=accepted.certificate_arn)
    CertificateTransferDecision(
        stack,
        "Owned",
        certificate_id=ID,
        decision=ACCEPT,
        status=AcceptedCertificateStatus.ACTIVE,
        on_delete=AcceptedCertificateOnDelete.DELETE,
    )
    CertificateTransferDecision(
        stack,
        "Rejected",
        certificate_id=CfnParameter(stack, "Id").value_as_string,
        decision=REJECT,
        reject_reason="not ours",
    )
    CertificateTransfer(stack, "HandedOn", certificate=accepted, target_aws_account="333333333333")
    return synthesise(stack)


def test_a_transfer(template: Synthesised) -> None:
    (device,) = template.of_type("Custom::IotDeviceCertificate")
    minimal = template.declared("Minimal", TRANSFER)
    assert minimal == {"CertificateId": f"${{{device}.Id}}", "TargetAwsAccount": "210987654321"}


def test_a_transfer_with_everything(template: Synthesised) -> None:
    declared = template.declared("Full", TRANSFER)
    assert "Arn" in str(declared.pop("CertificateId"))
    assert declared == {
        "TargetAwsAccount": "${Target}",
        "TransferMessage": "Lyon, hall 4",
        "DetachOnTransfer": "true",
    }


def test_decisions(template: Synthesised) -> None:
    assert template.declared("Accepted", DECISION) == {"CertificateId": ID, "Decision": "ACCEPT"}
    assert template.declared("Owned", DECISION) == {
        "CertificateId": ID,
        "Decision": "ACCEPT",
        "Status": "ACTIVE",
        "OnDelete": "DELETE",
    }
    assert template.declared("Rejected", DECISION) == {
        "CertificateId": "${Id}",
        "Decision": "REJECT",
        "RejectReason": "not ours",
    }


def test_an_accepted_certificate_can_be_transferred_again(template: Synthesised) -> None:
    (accepted,) = (name for name in template.of_type(DECISION) if name.startswith("Accepted"))
    assert accepted in str(template.declared("HandedOn", TRANSFER)["CertificateId"])


def test_attributes(template: Synthesised) -> None:
    outputs = {name: output["Value"]["Fn::GetAtt"][1] for name, output in template.raw["Outputs"].items()}
    assert outputs == {"There": "TransferredCertificateArn", "AcceptedArn": "Arn"}


def test_they_wait_for_their_permissions(template: Synthesised) -> None:
    policies = [name for name in template.of_type("AWS::IAM::Policy") if name.startswith("CertificateTransfer")]
    for resource_type in (TRANSFER, DECISION):
        for resource in template.of_type(resource_type).values():
            assert set(policies) & set(resource["DependsOn"])
            assert resource["Properties"]["ServiceTimeout"] == "1080"


def permissions_of(
    new_stack: Callable[..., Stack],
    synthesise: Callable[[Stack], Synthesised],
    declare: Callable[[Stack], object],
) -> dict[str, set[str]]:
    stack = new_stack()
    declare(stack)
    return synthesise(stack).allowed("CertificateTransfer")


def transfer(stack: Stack, **more: Any) -> CertificateTransfer:
    arn = f"arn:aws:iot:eu-west-1:123456789012:cert/{ID}"
    imported = DeviceCertificate.from_certificate_arn(stack, "Imported", arn)
    return CertificateTransfer(
        stack, "Transfer", certificate=imported, **{"target_aws_account": "210987654321", **more}
    )


def test_a_transfers_permissions(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> None:
    expected = {
        "*": {"iot:ListOutgoingCertificates", "iot:ListAttachedPolicies", "cloudformation:ListStacks"},
        "cert/*": {
            "iot:UpdateCertificate",
            "iot:TransferCertificate",
            "iot:ListPrincipalThings",
        },
        "arn:${AWS::Partition}:iot:${AWS::Region}:*:cert/*": {
            "iot:CancelCertificateTransfer",
            "iot:DescribeCertificate",
        },
        **IN_DOUBT,
    }
    assert permissions_of(new_stack, synthesise, transfer) == expected
    detaching = permissions_of(new_stack, synthesise, lambda stack: transfer(stack, detach_on_transfer=True))
    expected["cert/*"] |= {"iot:DetachPolicy", "iot:AttachPolicy"}
    expected["cert/* thing/*"] = {"iot:DetachThingPrincipal", "iot:AttachThingPrincipal"}
    assert detaching == expected


def decide(stack: Stack, **more: Any) -> CertificateTransferDecision:
    return CertificateTransferDecision(stack, "Decision", **{"certificate_id": ID, "decision": ACCEPT, **more})


def test_a_decisions_permissions(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> None:
    accepting = {"iot:DescribeCertificate", "iot:AcceptCertificateTransfer", "iot:UpdateCertificate"}
    anybody = {ANYBODY, "cloudformation:ListStacks"}
    assert permissions_of(new_stack, synthesise, decide) == {"*": anybody, "cert/*": accepting, **IN_DOUBT}
    assert permissions_of(new_stack, synthesise, lambda stack: decide(stack, decision=REJECT)) == {
        "*": {ANYBODY},
        "cert/*": {"iot:DescribeCertificate", "iot:RejectCertificateTransfer"},
        **OWNERSHIP,
    }
    assert permissions_of(
        new_stack, synthesise, lambda stack: decide(stack, on_delete=AcceptedCertificateOnDelete.DELETE)
    ) == {
        "*": {"iot:ListAttachedPolicies", *anybody},
        "cert/*": {*accepting, "iot:DeleteCertificate", "iot:DetachPolicy", "iot:ListPrincipalThings"},
        "cert/* thing/*": {"iot:DetachThingPrincipal"},
        **IN_DOUBT,
    }


REFUSED: dict[str, tuple[Callable[[Stack], object], str]] = {
    "not an account": (
        lambda stack: transfer(stack, target_aws_account="1234"),
        "Transfer: target_aws_account '1234' is not one. Give the 12 digits of an AWS account",
    ),
    "the own account": (
        lambda stack: transfer(stack, target_aws_account="123456789012"),
        (
            "Transfer: target_aws_account is 123456789012, the stack's own account. "
            "Name the account that receives the certificate"
        ),
    ),
    "a long message": (
        lambda stack: transfer(stack, transfer_message="x" * 129),
        "Transfer: transfer_message has 129 characters. AWS takes at most 128",
    ),
    "an empty message": (
        lambda stack: transfer(stack, transfer_message=" "),
        "Transfer: transfer_message is empty. Give it a text, or leave it out",
    ),
    "no certificate id": (
        lambda stack: decide(stack, certificate_id="thermostat"),
        (
            "Decision: certificate_id 'thermostat' is not one. "
            "Give the certificate's id: 64 hex digits in lower case, the last part of its ARN"
        ),
    ),
    "a reason to accept": (
        lambda stack: decide(stack, reject_reason="why not"),
        "Decision: reject_reason cannot be combined with decision ACCEPT. Remove it",
    ),
    "a status of what is rejected": (
        lambda stack: decide(stack, decision=REJECT, status=AcceptedCertificateStatus.ACTIVE),
        "Decision: status cannot be combined with decision REJECT. Remove it",
    ),
    "deleting what is rejected": (
        lambda stack: decide(stack, decision=REJECT, on_delete=AcceptedCertificateOnDelete.DELETE),
        "Decision: on_delete cannot be combined with decision REJECT. Remove it",
    ),
}


@pytest.mark.parametrize(("declare", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals_name_path_property_problem_and_fix(
    new_stack: Callable[..., Stack], declare: Callable[[Stack], object], message: str
) -> None:
    with pytest.raises(CertificateDeclarationError) as refused:
        declare(new_stack(region="eu-west-1"))
    assert str(refused.value) == f"Stack/{message}"


def test_no_partition_is_assumed(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(region="cn-north-1")
    decide(stack)
    assert "arn:aws:" not in str(Template.from_stack(stack).to_json())
