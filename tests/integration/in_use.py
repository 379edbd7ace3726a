"""An account of the embedded AWS in which several stacks, and hands from outside, use the same things."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import issuing
from integration.stacks import StackFailedError
from local.deleting import delete_ca_certificate, until_accepted

if TYPE_CHECKING:
    from collections.abc import Mapping

    import boto3
    from types_boto3_iot import IoTClient

    from integration.stacks import Stacks
    from iot_certificates_local import EmbeddedAws

CLOCKS_DIFFER = 1
"""In place of half a minute: all that is dated here has one clock."""

POLICY, THING = "telemetry", "hall"
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]})
ADOPT = {"ExistingCertificate": "ADOPT"}
DETACHING = {"DetachOnTransfer": "true"}
ATTACHED = {"PolicyNames": [POLICY], "ThingNames": [THING]}
RETAINED = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
NUMBERS = itertools.count()

Resources = dict[str, dict[str, Any]]


def custom(kind: str, properties: Mapping[str, Any], after: str | None = None, **attributes: Any) -> dict[str, Any]:
    """Declare a resource of a type of ours."""
    depends = {} if after is None else {"DependsOn": [after]}
    return {"Type": f"Custom::Iot{kind}", "Properties": dict(properties), **depends, **attributes}


def broken(after: str) -> dict[str, Any]:
    """Declare a sibling that fails when another resource is done."""
    return custom("DeviceCertificate", {"CertificatePem": "not a PEM"}, after)


def self_signed(secret: Any, **more: Any) -> dict[str, Any]:
    """Declare a CA whose key is made in the function."""
    properties = {"Subject": {"CommonName": "Own CA"}, "PrivateKeySecretArn": secret, "CertificateMode": "SNI_ONLY"}
    return custom("SelfSignedCaCertificate", {**properties, **more})


def issued(issuer: Mapping[str, Any], secret: Any, **more: Any) -> dict[str, Any]:
    """Declare a device whose key is made in the function."""
    properties = {"Issuer": dict(issuer), "Subject": {"CommonName": "pump"}, "CredentialsSecretArn": secret}
    return custom("IssuedDeviceCertificate", {**properties, **more})


@dataclass
class Account:
    """One account, and a neighbour of it; what a test makes in them is removed with ``close``."""

    aws: EmbeddedAws
    stacks: Stacks
    iot: IoTClient
    neighbour: IoTClient
    neighbours_id: str
    _names: list[str] = field(default_factory=list)
    _secrets: list[str] = field(default_factory=list)

    @property
    def session(self) -> boto3.Session:
        return self.stacks.session

    # Stacks

    def create(self, resources: Resources) -> tuple[str, dict[str, str]]:
        """Create a stack; return its name, and the physical ids."""
        name = self.stacks.name()
        self._names.append(name)
        return name, self.stacks.create(name, resources)

    def refused(self, resources: Resources) -> str:
        """Try to create a stack, which fails; return the reasons."""
        try:
            self.create(resources)
        except StackFailedError as error:
            return str(error)
        raise AssertionError("the stack was created")

    def update(self, name: str, resources: Resources) -> dict[str, str]:
        return self.stacks.update(name, resources)

    def refused_update(self, name: str, resources: Resources) -> str:
        """Try to update a stack, which rolls back; return the reasons."""
        try:
            self.update(name, resources)
        except StackFailedError as error:
            reasons = str(error)
        else:
            raise AssertionError("the stack was updated")
        (stack,) = self.session.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE", reasons
        return reasons

    def wait_until_found(self, physical_id: str) -> None:
        """Wait until CloudFormation finds the stack of a new physical id: whoever asks before is told of no holder."""
        found = self.session.client("cloudformation").describe_stack_resources
        until_accepted(found, PhysicalResourceId=physical_id)

    def delete(self, name: str) -> None:
        self.stacks.delete(name)
        self._names.remove(name)

    def close(self) -> None:
        """Delete the stacks that are left, those first that came last, and what is registered."""
        for name in reversed(list(self._names)):
            self.delete(name)
        for client in (self.iot, self.neighbour):
            for listed in client.list_certificates()["certificates"]:
                remove(client, listed["certificateId"])
        for ca in self.iot.list_ca_certificates()["certificates"]:
            delete_ca_certificate(self.iot, ca["certificateId"])
        while self._secrets:
            client = self.session.client("secretsmanager")
            client.delete_secret(SecretId=self._secrets.pop(), ForceDeleteWithoutRecovery=True)

    # Certificates

    def status(self, certificate_id: str) -> str:
        """Return the status of a certificate; ``gone`` for one that this account does not have."""
        try:
            answer = self.iot.describe_certificate(certificateId=certificate_id)
        except self.iot.exceptions.ResourceNotFoundException:
            return "gone"
        return str(answer["certificateDescription"]["status"])

    def arn(self, certificate_id: str) -> str:
        return str(
            self.iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]["certificateArn"]
        )

    def attached(self, certificate_id: str) -> set[str]:
        """Return the names of the policies and things of a certificate."""
        arn = self.arn(certificate_id)
        policies = self.iot.list_attached_policies(target=arn)["policies"]
        things = self.iot.list_principal_things(principal=arn)["things"]
        return {*(policy["policyName"] for policy in policies), *things}

    def active(self, *, attach: bool = False) -> str:
        """Register a device's certificate as somebody else does; return its id."""
        answer = self.iot.register_certificate_without_ca(certificatePem=new_pem(), status="ACTIVE")
        if attach:
            self.iot.attach_policy(policyName=POLICY, target=answer["certificateArn"])
            self.iot.attach_thing_principal(thingName=THING, principal=answer["certificateArn"])
        return str(answer["certificateId"])

    def incoming(self) -> tuple[str, str]:
        """Let the neighbour transfer a certificate to this account; return its id and PEM."""
        pem = new_pem()
        certificate_id = self.neighbour.register_certificate_without_ca(certificatePem=pem, status="INACTIVE")[
            "certificateId"
        ]
        self.neighbour.transfer_certificate(certificateId=certificate_id, targetAwsAccount=self.aws.account)
        return certificate_id, pem

    def target_of(self, certificate_id: str) -> str | None:
        """Return the account that a certificate is on its way to."""
        found = self.iot.list_outgoing_certificates()["outgoingCertificates"]
        return next((each["transferredTo"] for each in found if each["certificateId"] == certificate_id), None)

    # Secrets

    def secret(self, text: str | None = None) -> str:
        """Create a secret, empty or with a text; return its ARN."""
        value = {} if text is None else {"SecretString": text}
        client = self.session.client("secretsmanager")
        arn = client.create_secret(Name=f"in-use-{next(NUMBERS)}", **value)["ARN"]
        self._secrets.append(arn)
        return str(arn)

    def held_by(self, secret: str) -> dict[str, Any]:
        """Return what a reader of a secret finds."""
        text = self.session.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
        found: dict[str, Any] = json.loads(text)
        return found


def new_pem() -> str:
    """Issue a device's certificate that there was not before."""
    return issuing.make_device(issuing.make_ca("Neighbours"), f"device-{next(NUMBERS)}").pem


def outlast_the_clocks() -> None:
    """Wait until what comes next is newer in every eye."""
    time.sleep(CLOCKS_DIFFER + 1.2)


def wait_until_detached(client: IoTClient, thing: str) -> None:
    """Wait until a thing shows no principal: AWS IoT refuses to delete it before, also by a stack that declares it."""
    while client.list_thing_principals(thingName=thing)["principals"]:
        time.sleep(0.1)


def remove(client: IoTClient, certificate_id: str) -> None:
    """Delete a device's certificate by hand, with all that it takes."""
    live = client.describe_certificate(certificateId=certificate_id)["certificateDescription"]
    if live["status"] == "PENDING_TRANSFER":
        client.cancel_certificate_transfer(certificateId=certificate_id)
    for policy in client.list_attached_policies(target=live["certificateArn"])["policies"]:
        client.detach_policy(policyName=policy["policyName"], target=live["certificateArn"])
    for thing in client.list_principal_things(principal=live["certificateArn"])["things"]:
        client.detach_thing_principal(thingName=thing, principal=live["certificateArn"])
        wait_until_detached(client, thing)
    if live["status"] == "ACTIVE":
        client.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")
    until_accepted(client.delete_certificate, certificateId=certificate_id)
