"""What the construct DeviceCertificate writes into templates."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import CfnOutput, CfnParameter, Fn, RemovalPolicy, Stack, Tags
from aws_cdk import aws_iot as iot
from aws_cdk.assertions import Annotations, Match
from jsii._kernel.providers import process

import issuing
from iot_certificates import (
    CaCertificate,
    CertificateDeclarationError,
    CertificateMode,
    DeviceCertificate,
    DeviceCertificateStatus,
    ExistingCertificate,
    ProofOfPossession,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthesised import Synthesised

CA = issuing.make_ca("Factory CA")
DEVICE = issuing.make_device(CA)
SNI_DEVICE = issuing.make_device(CA, "sni")
FOREIGN = issuing.make_device(CA, "of an imported CA")
REQUEST = issuing.make_csr()
TYPE = "Custom::IotDeviceCertificate"
DETACH = {
    "*": {"iot:ListAttachedPolicies", "cloudformation:DescribeStackResources", "cloudformation:ListStacks"},
    "cert/* thing/*": {"iot:DetachThingPrincipal"},
}
STACKS = "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/*"
OWNERSHIP = {
    STACKS: {"cloudformation:ListStackResources"},
    "${AWS::StackId}": {
        "cloudformation:DescribeStackEvents",
        "cloudformation:DescribeStackResource",
        "cloudformation:DescribeStacks",
    },
}
CERTIFICATE_ACTIONS = {
    "iot:DescribeCertificate",
    "iot:UpdateCertificate",
    "iot:DeleteCertificate",
    "iot:DetachPolicy",
    "iot:ListPrincipalThings",
}


def _ca(stack: Stack, construct_id: str = "Ca", pem: str = CA.pem) -> CaCertificate:
    proof = ProofOfPossession.verification_certificate(issuing.make_verification_certificate(CA).pem)
    return CaCertificate(stack, construct_id, certificate_pem=pem, proof_of_possession=proof)


@pytest.fixture(scope="module")
def template(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    stack = new_stack()
    ca = _ca(stack)
    minimal = DeviceCertificate(stack, "Minimal", certificate_pem=issuing.folded(DEVICE.pem), ca_certificate=ca)
    attributes = "certificate_id certificate_arn certificate_pem ca_certificate_id subject issuer serial_number"
    for name in f"{attributes} not_before not_after".split():
        CfnOutput(stack, name.replace("_", ""), value=getattr(minimal, name))
    policy = iot.CfnPolicy(stack, "Policy", policy_document={})
    thing = iot.CfnThing(stack, "Thing")
    DeviceCertificate(
        stack,
        "Attached",
        certificate_pem=CfnParameter(stack, "Pem").value_as_string,
        ca_certificate=ca,
        status=DeviceCertificateStatus.REVOKED,
        policies=[policy, "shared-policy"],
        things=[thing, "gateway"],
        removal_policy=RemovalPolicy.RETAIN,
    )
    DeviceCertificate(
        stack,
        "Sni",
        certificate_pem=SNI_DEVICE.pem,
        certificate_mode=CertificateMode.SNI_ONLY,
        ca_certificate=ca,
        status=DeviceCertificateStatus.INACTIVE,
    )
    imported = CaCertificate.from_ca_certificate_arn(stack, "Imported", Fn.import_value("CaArn"))
    DeviceCertificate(stack, "OfImported", certificate_pem=FOREIGN.pem, ca_certificate=imported)
    DeviceCertificate(stack, "Issued", certificate_signing_request=REQUEST.pem)
    Tags.of(stack).add("owner", "plant-operations")
    return synthesise(stack)


def test_defaults_are_left_out(template: Synthesised) -> None:
    assert template.declared("Minimal", TYPE) == {"CertificatePem": DEVICE.pem, "CACertificatePem": CA.pem}


def test_policies_and_things_are_references_or_names(template: Synthesised) -> None:
    assert template.declared("Attached", TYPE) == {
        "CertificatePem": "${Pem}",
        "CACertificatePem": CA.pem,
        "Status": "REVOKED",
        "PolicyNames": ["${Policy}", "shared-policy"],
        "ThingNames": ["${Thing}", "gateway"],
    }


def test_sni_only_names_no_ca(template: Synthesised) -> None:
    assert template.declared("Sni", TYPE) == {
        "CertificatePem": SNI_DEVICE.pem,
        "CertificateMode": "SNI_ONLY",
        "Status": "INACTIVE",
    }


def test_an_imported_ca_has_no_pem(template: Synthesised) -> None:
    assert template.declared("OfImported", TYPE) == {"CertificatePem": FOREIGN.pem}


def test_a_signing_request(template: Synthesised) -> None:
    assert template.declared("Issued", TYPE) == {"CertificateSigningRequest": REQUEST.pem}


@pytest.mark.parametrize("name", ["Minimal", "Sni"])
def test_it_goes_before_its_ca(template: Synthesised, name: str) -> None:
    (ca,) = template.of_type("Custom::IotCaCertificate")
    assert ca in template.named(name, TYPE)["DependsOn"]


def test_all_wait_for_the_one_policy(template: Synthesised) -> None:
    (policy,) = (name for name in template.of_type("AWS::IAM::Policy") if name.startswith("DeviceCertificate"))
    assert all(policy in device["DependsOn"] for device in template.of_type(TYPE).values())


def test_attributes(template: Synthesised) -> None:
    attributes = {name: output["Value"]["Fn::GetAtt"][1] for name, output in template.raw["Outputs"].items()}
    assert attributes == {
        "certificateid": "Id",
        "certificatearn": "Arn",
        "certificatepem": "CertificatePem",
        "cacertificateid": "CACertificateId",
        "subject": "Subject",
        "issuer": "Issuer",
        "serialnumber": "SerialNumber",
        "notbefore": "NotBefore",
        "notafter": "NotAfter",
    }


def test_removal_policy(template: Synthesised) -> None:
    assert template.named("Minimal", TYPE)["DeletionPolicy"] == "Delete"
    assert template.named("Attached", TYPE)["DeletionPolicy"] == "Retain"


def test_permissions_are_those_of_what_is_declared(template: Synthesised) -> None:
    assert template.allowed("DeviceCertificate") == {
        "*": {
            *DETACH["*"],
            "iot:RegisterCertificate",
            "iot:RegisterCertificateWithoutCA",
            "iot:CreateCertificateFromCsr",
            "iot:ListCertificates",
        },
        "cert/*": {*CERTIFICATE_ACTIONS, "iot:AttachPolicy"},
        "cert/* thing/*": {*DETACH["cert/* thing/*"], "iot:AttachThingPrincipal"},
        "policy/*": {"iot:ListTargetsForPolicy"},
        "thing/*": {"iot:ListThingPrincipals"},
        **OWNERSHIP,
        "${AWS::StackId}": {*OWNERSHIP["${AWS::StackId}"], "cloudformation:GetTemplate"},
    }


def test_many_devices_are_one_policy_and_need_no_permission_for_cas(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    stack = new_stack()
    for number in range(20):
        DeviceCertificate(stack, f"Device{number}", certificate_pem=issuing.make_device(CA, f"device {number}").pem)
    synthesised = synthesise(stack)
    assert len(synthesised.of_type("AWS::IAM::Policy")) == 1
    assert len(synthesised.of_type("AWS::Lambda::Function")) == 1
    assert synthesised.allowed("DeviceCertificate") == {
        "*": {*DETACH["*"], "iot:RegisterCertificate"},
        "cert/*": CERTIFICATE_ACTIONS,
        "cert/* thing/*": DETACH["cert/* thing/*"],
        "policy/*": {"iot:ListTargetsForPolicy"},
        "thing/*": {"iot:ListThingPrincipals"},
        **OWNERSHIP,
    }


def test_an_expired_certificate_only_warns(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    expired = issuing.make_device(CA, valid_to=datetime(2021, 5, 6, tzinfo=UTC))
    DeviceCertificate(stack, "Device", certificate_pem=expired.pem)
    Annotations.from_stack(stack).has_warning(
        "/Stack/Device", Match.string_like_regexp("^certificate_pem expired on 2021-05-06")
    )


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_import_by_arn(new_stack: Callable[..., Stack], partition: str) -> None:
    region = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}[partition]
    arn = f"arn:{partition}:iot:{region}:123456789012:cert/{'ab' * 32}"
    imported = DeviceCertificate.from_certificate_arn(new_stack(region), "Device", arn)
    assert (imported.certificate_arn, imported.certificate_id) == (arn, "ab" * 32)


def test_another_arn_is_refused(new_stack: Callable[..., Stack]) -> None:
    with pytest.raises(CertificateDeclarationError, match=r"^Stack/Device: certificate_arn is not what it should be: "):
        DeviceCertificate.from_certificate_arn(new_stack(), "Device", "arn:aws:iot:eu-west-1:123456789012:cert/")


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_no_partition_is_assumed(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised], region: str
) -> None:
    stack = new_stack(region)
    DeviceCertificate(stack, "Device", certificate_pem=DEVICE.pem, ca_certificate=_ca(stack))
    assert "arn:aws:" not in str(synthesise(stack).raw)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a private key": (
        {"certificate_pem": DEVICE.key_pem()},
        (
            "certificate_pem holds a private key. Remove it, and replace the key: templates are not secret. "
            "Keys belong in Secrets Manager"
        ),
    ),
    "a weak key": (
        {"certificate_pem": issuing.make_device(CA, key_kind="rsa1024").pem},
        (
            "certificate_pem has a weak key: RSA with 1024 bits. "
            "AWS IoT accepts RSA keys of at least 2048 bits and EC keys on P-256, P-384 or P-521"
        ),
    ),
    "truncated": (
        {"certificate_pem": DEVICE.pem[:200]},
        "certificate_pem is truncated: the line '-----END CERTIFICATE-----' is missing. Give the whole PEM text",
    ),
    "neither": (
        {},
        (
            "certificate_pem, certificate_signing_request: one of them is required. "
            "Give the certificate, or a request to issue one"
        ),
    ),
    "both": (
        {"certificate_pem": DEVICE.pem, "certificate_signing_request": REQUEST.pem},
        (
            "certificate_pem, certificate_signing_request: both are given. "
            "Give the certificate, or a request to issue one"
        ),
    ),
    "a certificate for a CSR": (
        {"certificate_signing_request": DEVICE.pem},
        (
            "certificate_signing_request is a certificate, not a certificate signing request. "
            "Declare a certificate as certificate_pem"
        ),
    ),
    "a CSR and SNI_ONLY": (
        {"certificate_signing_request": REQUEST.pem, "certificate_mode": CertificateMode.SNI_ONLY},
        "certificate_mode SNI_ONLY cannot be combined with certificate_signing_request. Remove certificate_mode",
    ),
    "a policy's name that is none": (
        {"certificate_pem": DEVICE.pem, "policies": ["telemetry", "a b c!"]},
        "policies has 'a b c!', which is not a valid name. A name matches [\\w+=,.@-]{1,128}",
    ),
    "a thing's name that is none": (
        {"certificate_pem": DEVICE.pem, "things": ["pump/4"]},
        "things has 'pump/4', which is not a valid name. A name matches [a-zA-Z0-9:_-]{1,128}",
    ),
    "too many policies": (
        {"certificate_pem": DEVICE.pem, "policies": [f"policy-{n}" for n in range(11)]},
        (
            "policies has 11 items, and AWS IoT attaches at most 10 to a certificate. "
            "Put several statements into one policy"
        ),
    ),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals_name_path_property_problem_and_fix(
    new_stack: Callable[..., Stack], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(CertificateDeclarationError) as caught:
        DeviceCertificate(new_stack(), "Device", **arguments)
    assert str(caught.value) == f"Stack/Device: {message}"


def test_a_name_that_the_deployment_knows_is_left_to_it(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    stack = new_stack()
    name = f"{CfnParameter(stack, 'Site').value_as_string}-telemetry"
    DeviceCertificate(stack, "Device", certificate_pem=DEVICE.pem, policies=[name], things=[name])
    declared = synthesise(stack).declared("Device", TYPE)
    assert (declared["PolicyNames"], declared["ThingNames"]) == (["${Site}-telemetry"], ["${Site}-telemetry"])


@pytest.mark.parametrize("mode", CertificateMode)
def test_a_device_of_another_ca_is_refused(new_stack: Callable[..., Stack], mode: CertificateMode) -> None:
    stack = new_stack()
    stranger = issuing.make_device(issuing.make_ca("Other CA"))
    with pytest.raises(CertificateDeclarationError) as caught:
        DeviceCertificate(
            stack, "Device", certificate_pem=stranger.pem, ca_certificate=_ca(stack), certificate_mode=mode
        )
    assert str(caught.value) == (
        "Stack/Device: certificate_pem was not issued by the CA: its issuer is 'CN=Other CA', the CA 'CN=Factory CA'. "
        "Name the CA that signed it; in a hierarchy, the direct issuer and not the root"
    )


def test_a_signing_request_with_a_ca_is_refused(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    with pytest.raises(
        CertificateDeclarationError, match="ca_certificate cannot be combined with certificate_signing_request, which"
    ):
        DeviceCertificate(stack, "Device", certificate_signing_request=REQUEST.pem, ca_certificate=_ca(stack))


def test_hundreds_of_certificates_do_not_ask_the_cdk_the_same_again(
    new_stack: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each question goes through a pipe to Node.js: they are what a synthesis takes its time for."""
    stack = new_stack()
    ca = _ca(stack)
    questions: list[object] = []
    send = process._NodeProcess.send

    def count(node: Any, request: Any, *arguments: Any) -> Any:
        questions.append(request)
        return send(node, request, *arguments)

    monkeypatch.setattr(process._NodeProcess, "send", count)
    counts = []
    for number in range(3):
        questions.clear()
        certificate = issuing.make_device(CA, f"device {number}").pem
        DeviceCertificate(stack, f"Device{number}", certificate_pem=certificate, ca_certificate=ca)
        counts.append(len(questions))
    first, *others = counts
    assert first > 20, "of the function and its role, to begin with"
    assert others == [4, 4], "two constructs, a removal policy, and what the resource depends on"


def test_adopting_needs_to_read_what_the_holder_declares(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    stack = new_stack()
    adopt = ExistingCertificate.ADOPT
    DeviceCertificate(stack, "Device", certificate_pem=DEVICE.pem, existing_certificate=adopt)
    assert synthesise(stack).allowed("DeviceCertificate")[STACKS] == {
        "cloudformation:ListStackResources",
        "cloudformation:DescribeStacks",
        "cloudformation:GetTemplate",
    }
