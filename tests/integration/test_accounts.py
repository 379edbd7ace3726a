"""CDK stacks in accounts that enforce IAM, the function running with the role that the constructs gave it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import RemovalPolicy, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot

import issuing
from integration.stacks import StackFailedError
from iot_certificates import (
    AutoRegistration,
    CaCertificate,
    CertificateMode,
    DeviceCertificate,
    IotCertificateProvider,
    ProofOfPossession,
    RegistrationCode,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.accounts import Account

CA = issuing.make_ca("Shared CA")
DEVICE = issuing.make_device(CA, "thermostat")
SNI_ONLY = CertificateMode.SNI_ONLY
BODY = json.dumps(
    {
        "Parameters": {"AWS::IoT::Certificate::Id": {"Type": "String"}},
        "Resources": {
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "ACTIVE"},
            }
        },
    }
)


@pytest.fixture
def account(account_for: Callable[[], Account]) -> Account:
    return account_for()


def test_one_ca_and_one_device_in_two_accounts(account_for: Callable[[], Account]) -> None:
    def declare(stack: Stack, provider: IotCertificateProvider) -> None:
        CaCertificate(stack, "Ca", certificate_pem=CA.pem, certificate_mode=SNI_ONLY, provider=provider)
        DeviceCertificate(stack, "Device", certificate_pem=DEVICE.pem, certificate_mode=SNI_ONLY, provider=provider)

    accounts = [account_for(), account_for()]
    for account in accounts:
        account.deploy(declare)
    for account in accounts:
        ca_id, device_id = account.physical_id("Ca"), account.physical_id("Device")
        ca = account.iot.describe_ca_certificate(certificateId=ca_id)["certificateDescription"]
        device = account.iot.describe_certificate(certificateId=device_id)["certificateDescription"]
        assert (ca["ownedBy"], ca["certificateMode"], ca["status"]) == (account.id, "SNI_ONLY", "ACTIVE")
        assert (device["ownedBy"], device["certificateMode"], device["status"]) == (account.id, "SNI_ONLY", "ACTIVE")
        assert ca["certificateArn"].split(":")[4] == device["certificateArn"].split(":")[4] == account.id
    first, second = accounts
    assert first.left() == second.left()
    first.delete()
    assert first.left() == []
    assert len(second.left()) == 2
    second.delete()
    assert second.left() == []


def test_two_cas_of_one_name_must_be_distinguished(account: Account) -> None:
    cas = [issuing.make_ca("Shared CA", serial=serial) for serial in (1, 2)]
    for ca in cas:
        account.iot.register_ca_certificate(caCertificate=ca.pem, certificateMode="SNI_ONLY", setAsActive=True)

    def undecided(stack: Stack, provider: IotCertificateProvider) -> None:
        DeviceCertificate(stack, "Device", certificate_pem=DEVICE.pem, provider=provider)

    with pytest.raises(StackFailedError, match=r"CertificatePem: several registered CAs .* Declare CACertificatePem"):
        account.deploy(undecided)
    account.delete()


def test_tags_reach_the_ca_certificate_in_place(account: Account) -> None:
    def deploy(**tags: str) -> dict[str, str]:
        def declare(stack: Stack, provider: IotCertificateProvider) -> None:
            CaCertificate(stack, "Ca", certificate_pem=CA.pem, certificate_mode=SNI_ONLY, provider=provider)
            for key, value in tags.items():
                Tags.of(stack).add(key, value)

        account.deploy(declare)
        arn = account.iot.list_ca_certificates()["certificates"][0]["certificateArn"]
        found = account.iot.list_tags_for_resource(resourceArn=arn)["tags"]
        return {tag["Key"]: tag["Value"] for tag in found if not tag["Key"].startswith("cdk-iot-certificates:")}

    assert deploy(plant="Lyon", line="1") == {"plant": "Lyon", "line": "1"}
    ca_id = account.physical_id("Ca")
    assert deploy(plant="Metz", line="1", shift="night") == {"plant": "Metz", "line": "1", "shift": "night"}
    assert deploy(shift="night") == {"shift": "night"}
    assert deploy() == {}
    assert account.physical_id("Ca") == ca_id
    account.delete()
    assert account.left() == []


def test_auto_registration_is_changed_cleared_turned_off_and_on_again(account: Account) -> None:
    def deploy(by: str) -> tuple[str, dict[str, str]]:
        def declare(stack: Stack, provider: IotCertificateProvider) -> None:
            role = iam.Role(stack, "Provisioning", assumed_by=iam.ServicePrincipal("iot.amazonaws.com"))
            template = iot.CfnProvisioningTemplate(
                stack, "Template", provisioning_role_arn=role.role_arn, template_body=BODY, template_type="JITP"
            )
            ways = {
                "name": AutoRegistration(template_name=template.ref),
                "body": AutoRegistration(template_body=BODY, role=role),
                "nothing": AutoRegistration(),
                "never": None,
            }
            CaCertificate(
                stack,
                "Ca",
                certificate_pem=CA.pem,
                certificate_mode=SNI_ONLY,
                auto_registration=ways[by],
                provider=provider,
            )

        account.deploy(declare)
        found = account.iot.describe_ca_certificate(certificateId=account.physical_id("Ca"))
        configuration: Any = found.get("registrationConfig", {})
        return found["certificateDescription"]["autoRegistrationStatus"], configuration

    assert deploy("body")[1]["roleArn"].split(":")[4] == account.id
    status, configuration = deploy("name")
    assert (status, [*configuration]) == ("ENABLE", ["templateName"])
    assert deploy("nothing") == ("ENABLE", {})
    assert deploy("never") == ("DISABLE", {})
    assert deploy("body")[1]["templateBody"] == BODY
    assert deploy("never") == ("DISABLE", {})
    assert deploy("name")[0] == "ENABLE"
    account.delete()
    assert account.left() == []


def test_a_ca_whose_proof_was_signed_outside(account: Account) -> None:
    ca = issuing.make_ca("Signed Outside CA")

    def declare(stack: Stack, provider: IotCertificateProvider, proof: str | None = None) -> None:
        code = RegistrationCode(stack, "Code", removal_policy=RemovalPolicy.DESTROY, provider=provider)
        if proof is None:
            stack.export_value(code.registration_code, name="code")
            return
        CaCertificate(
            stack,
            "Ca",
            certificate_pem=ca.pem,
            proof_of_possession=ProofOfPossession.verification_certificate(proof),
            provider=provider,
        )

    account.deploy(declare)
    (export,) = account.session.client("cloudformation").list_exports()["Exports"]
    code = export["Value"]
    assert code == account.iot.get_registration_code()["registrationCode"]
    assert account.physical_id("Code") == "registration-code"
    proof = issuing.make_verification_certificate(ca, code).pem
    account.deploy(lambda stack, provider: declare(stack, provider, proof))
    described = account.iot.describe_ca_certificate(certificateId=account.physical_id("Ca"))
    assert described["certificateDescription"]["certificateMode"] == "DEFAULT"
    account.delete()
    assert account.left() == []
    assert account.iot.get_registration_code()["registrationCode"] != code


def test_the_deletion_of_the_code_that_is_not_asked_for(account: Account) -> None:
    code = account.iot.get_registration_code()["registrationCode"]
    account.deploy(lambda stack, provider: RegistrationCode(stack, "Code", provider=provider))
    account.delete()

    def failing(stack: Stack, provider: IotCertificateProvider) -> None:
        kept = RegistrationCode(stack, "Code", removal_policy=RemovalPolicy.DESTROY, provider=provider)
        device = DeviceCertificate(stack, "Device", certificate_pem=DEVICE.pem, provider=provider)
        device.node.add_dependency(kept)

    with pytest.raises(StackFailedError):
        account.deploy(failing)
    account.delete()
    assert account.iot.get_registration_code()["registrationCode"] == code


def test_one_provider_for_several_stacks(account: Account) -> None:
    app = account.app()
    home, away = account.stack(app, "home"), account.stack(app, "away")
    provider = account.provider(home)
    ca = CaCertificate(home, "Ca", certificate_pem=CA.pem, certificate_mode=SNI_ONLY, provider=provider)
    thing = iot.CfnThing(away, "Thing", thing_name="thermostat")
    DeviceCertificate(away, "Device", certificate_pem=DEVICE.pem, ca_certificate=ca, things=[thing], provider=provider)
    RegistrationCode(away, "Code", provider=provider)
    app.synth()
    assert [stack.stack_name for stack in away.dependencies] == ["home"]
    account.deploy_stack(home)
    account.deploy_stack(away)
    assert account.physical_id("Device", "away") in account.left()
    # The stack that shares goes first, with what it allowed the function; that of the function goes on to work.
    account.delete("away")
    account.delete("home")
    assert account.left() == []
    assert account.stacks() == []
