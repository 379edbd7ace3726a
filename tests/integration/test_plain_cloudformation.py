"""The bundled function behind plain CloudFormation templates, on the embedded AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import issuing
from integration.stacks import StackFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_iot import IoTClient

    from integration.stacks import Stacks

POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}]}


SHORT_SECONDS = 39
"""Of which three are for beginning with certificates, and what is asked of CloudFormation first: the function keeps the
others for finishing with those (BEGIN_SECONDS), undoing and answering."""

MORE_THAN_FITS = 90
"""Certificates: of the first eight, and then of eight a second, the function asks for the deletion."""


def ca_resource(ca: issuing.Issued, **properties: Any) -> dict[str, Any]:
    return {
        "Type": "Custom::IotCaCertificate",
        "Properties": {"CACertificatePem": ca.pem, "CertificateMode": "SNI_ONLY", **properties},
    }


def device_resource(device: issuing.Issued, **properties: Any) -> dict[str, Any]:
    return {
        "Type": "Custom::IotDeviceCertificate",
        "DependsOn": ["Ca"],
        "Properties": {"CertificatePem": device.pem, **properties},
    }


def policy_resource(name: str) -> dict[str, Any]:
    return {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": name, "PolicyDocument": POLICY}}


@pytest.fixture
def iot(stacks: Stacks) -> Iterator[IoTClient]:
    """AWS IoT, in which nothing is registered before a test, nor after it."""
    client: IoTClient = stacks.session.client("iot")
    assert registered(client) == []
    yield client
    assert registered(client) == []


def registered(iot: IoTClient) -> list[str]:
    cas = [ca["certificateId"] for ca in iot.list_ca_certificates()["certificates"]]
    devices = [device["certificateId"] for device in iot.list_certificates()["certificates"]]
    policies = [policy["policyName"] for policy in iot.list_policies()["policies"]]
    return cas + devices + policies


def test_a_stack_lives_changes_and_leaves_nothing(stacks: Stacks, iot: IoTClient) -> None:
    ca, name = issuing.make_ca("Plain CA"), stacks.name()
    first, renewed = issuing.make_device(ca, "thermostat"), issuing.make_device(ca, "thermostat")
    resources = {"Ca": ca_resource(ca), "Policy": policy_resource("telemetry")}
    created = stacks.create(name, {**resources, "Device": device_resource(first, PolicyNames=[{"Ref": "Policy"}])})
    arn = iot.describe_certificate(certificateId=created["Device"])["certificateDescription"]["certificateArn"]
    assert [p["policyName"] for p in iot.list_attached_policies(target=arn)["policies"]] == ["telemetry"]

    stacks.update(name, {**resources, "Device": device_resource(first, Status="INACTIVE")})
    assert status_of(iot, created["Device"]) == "INACTIVE"
    assert iot.list_attached_policies(target=arn)["policies"] == []

    replaced = stacks.update(name, {**resources, "Device": device_resource(renewed, PolicyNames=[{"Ref": "Policy"}])})
    assert [device["certificateId"] for device in iot.list_certificates()["certificates"]] == [replaced["Device"]]
    stacks.delete(name)


def status_of(iot: IoTClient, certificate_id: str) -> str:
    return iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]["status"]


def test_a_policy_attached_from_outside_does_not_keep_a_stack_from_going(stacks: Stacks, iot: IoTClient) -> None:
    ca, name = issuing.make_ca("Plain CA"), stacks.name()
    created = stacks.create(name, {"Ca": ca_resource(ca), "Device": device_resource(issuing.make_device(ca))})
    arn = iot.describe_certificate(certificateId=created["Device"])["certificateDescription"]["certificateArn"]
    iot.create_policy(policyName="from-outside", policyDocument='{"Version": "2012-10-17", "Statement": []}')
    iot.attach_policy(policyName="from-outside", target=arn)
    stacks.delete(name)
    iot.delete_policy(policyName="from-outside")


def test_a_failing_sibling_takes_everything_back(stacks: Stacks, iot: IoTClient) -> None:
    ca, name = issuing.make_ca("Plain CA"), stacks.name()
    with pytest.raises(StackFailedError, match="policy missing"):
        stacks.create(
            name,
            {
                "Ca": ca_resource(ca),
                "Good": device_resource(issuing.make_device(ca, "good")),
                "Bad": {**device_resource(issuing.make_device(ca, "bad"), PolicyNames=["missing"])},
            },
        )
    stacks.delete(name)


def test_an_update_that_fails_goes_back_to_the_old_certificate(stacks: Stacks, iot: IoTClient) -> None:
    ca, name = issuing.make_ca("Plain CA"), stacks.name()
    first, renewed = issuing.make_device(ca, "thermostat"), issuing.make_device(ca, "thermostat")
    created = stacks.create(name, {"Ca": ca_resource(ca), "Device": device_resource(first)})
    with pytest.raises(StackFailedError, match="thing missing"):
        stacks.update(
            name, {"Ca": ca_resource(ca), "Device": device_resource(renewed, Status="INACTIVE", ThingNames=["missing"])}
        )
    assert [device["certificateId"] for device in iot.list_certificates()["certificates"]] == [created["Device"]]
    assert status_of(iot, created["Device"]) == "ACTIVE"
    stacks.delete(name)


def test_an_update_undone_by_a_sibling_goes_back_to_the_old_certificate(stacks: Stacks, iot: IoTClient) -> None:
    ca, name = issuing.make_ca("Plain CA"), stacks.name()
    first, renewed = issuing.make_device(ca, "thermostat"), issuing.make_device(ca, "thermostat")
    created = stacks.create(name, {"Ca": ca_resource(ca), "Device": device_resource(first)})
    late = device_resource(issuing.make_device(ca, "late"), PolicyNames=["missing"])
    with pytest.raises(StackFailedError, match="policy missing"):
        stacks.update(
            name,
            {"Ca": ca_resource(ca), "Device": device_resource(renewed), "Late": {**late, "DependsOn": ["Device"]}},
        )
    assert [device["certificateId"] for device in iot.list_certificates()["certificates"]] == [created["Device"]]
    stacks.delete(name)


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"CertificatePem": "nonsense"}, "CertificatePem: is not PEM"),
        ({"CertificatePem": issuing.make_ca("Other").key_pem()}, "CertificatePem: holds a private key"),
        ({"Stauts": "ACTIVE"}, "Stauts: is not a property of this type. Did you mean Status"),
        ({"Status": "true"}, "Status: 'true' is not an allowed value. Use one of ACTIVE, INACTIVE, REVOKED"),
        ({"CACertificatePem": issuing.make_ca("Other").pem}, "CertificatePem: was not issued by the CA"),
    ],
    ids=["not PEM", "a private key", "a misspelt property", "a boolean", "another CA"],
)
def test_bad_input_fails_in_a_sentence_and_registers_nothing(
    stacks: Stacks, iot: IoTClient, properties: dict[str, Any], reason: str
) -> None:
    ca, name = issuing.make_ca("Plain CA"), stacks.name()
    device = {"CertificatePem": issuing.make_device(ca).pem, **properties}
    with pytest.raises(StackFailedError, match=reason):
        stacks.create(name, {"Device": {"Type": "Custom::IotDeviceCertificate", "Properties": device}})
    stacks.delete(name)


def test_a_ca_proves_possession_with_a_key_from_secrets_manager(stacks: Stacks, iot: IoTClient) -> None:
    secrets = stacks.session.client("secretsmanager")
    for kind in ("p256", "rsa2048"):
        ca, name = issuing.make_ca(f"Proved CA {kind}", key_kind=kind), stacks.name()
        secret = secrets.create_secret(Name=f"ca-key-{kind}", SecretString=ca.key_pem())["ARN"]
        properties = {"CertificateMode": "DEFAULT", "VerificationKey": {"SecretArn": secret}}
        created = stacks.create(name, {"Ca": ca_resource(ca, **properties)})
        description = iot.describe_ca_certificate(certificateId=created["Ca"])["certificateDescription"]
        assert description["certificateMode"] == "DEFAULT"
        stacks.delete(name)
        secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)


def register_undeclared(iot: IoTClient, ca: issuing.Issued, count: int) -> None:
    for number in range(count):
        iot.register_certificate(
            certificatePem=issuing.make_device(ca, f"undeclared-{number % 3}").pem,
            caCertificatePem=ca.pem,
            status="ACTIVE",
        )


def test_the_sweep_of_a_ca_deletes_certificates_that_no_resource_declares(stacks: Stacks, iot: IoTClient) -> None:
    ca, name = issuing.make_ca("Plain CA"), stacks.name()
    sweeping = ca_resource(ca, DeviceCertificatesOnDelete="DELETE")
    stacks.create(name, {"Ca": sweeping, "Device": device_resource(issuing.make_device(ca, "declared"))})
    register_undeclared(iot, ca, 30)
    stacks.delete(name)


def test_a_sweep_that_takes_longer_goes_on_in_another_invocation(stacks: Stacks, iot: IoTClient) -> None:
    ca, name = issuing.make_ca("Plain CA"), stacks.name()
    stacks.create(name, {"Ca": ca_resource(ca, DeviceCertificatesOnDelete="DELETE")})
    register_undeclared(iot, ca, MORE_THAN_FITS)
    before = stacks.invocations()
    with stacks.timeout(SHORT_SECONDS):
        stacks.delete(name)
    assert stacks.invocations() - before >= 2
