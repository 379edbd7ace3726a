"""What the function is asked to do so that it needs its permissions. Each probe has an account of its own.

A probe asserts what AWS has afterwards wherever the answer alone would not tell: what fails without being told, such as
waiting for a policy to be released, has to be seen as well.
"""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import load_der_public_key

import issuing
from integration.permissions import NAME_IN_STACK
from iot_certificate_provider.contract import STACK_TAG, ResourceType
from iot_certificate_provider.physical_id import CREATE_UNFINISHED
from iot_certificate_provider.pki import Certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeAlias

    from integration.permissions import Probe

    Properties: TypeAlias = Mapping[str, Any]

    from integration.permissions import Function

CA = issuing.make_ca("Factory CA")
CA_ID = Certificate.from_pem(CA.pem).id
DEVICE = issuing.make_device(CA, "thermostat")
DEVICE_ID = Certificate.from_pem(DEVICE.pem).id
CSR = issuing.make_csr("sensor")
NOTHING_ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iot:Nothing", "Resource": "*"}],
}
KEY_SECRET = "factory/ca-key"
MADE_KEY_SECRET = "made-here"
KMS_KEY = "ca-key"
ROLE = "provisioning"
TEMPLATE = json.dumps(
    {
        "Resources": {
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "ACTIVE"},
            }
        }
    }
)
CA_PROPERTIES = {"CACertificatePem": CA.pem, "CertificateMode": "SNI_ONLY"}
DEVICE_PROPERTIES = {"CertificatePem": DEVICE.pem}
LONG_AGO = timedelta(minutes=5)
SECONDS_IN_DOUBT = 100.0
"""Of a function's time: what is left of it for asking who else is at work is not long to wait for."""


def holder(physical_id: str) -> dict[str, Any]:
    """Return a resource that has a certificate's id as its own."""
    return {
        "Type": "AWS::IoT::Policy",
        "Properties": {"PolicyName": physical_id, "PolicyDocument": NOTHING_ALLOWED},
    }


RETAINED = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
OTHERS = {"Other": holder("other")}
"""A stack in which nothing is known of the certificate."""

NEVER = {
    "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
    NAME_IN_STACK: {
        "Type": "AWS::CloudFormation::WaitCondition",
        "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "60"},
    },
}
"""A resource on which an operation runs."""


# CA certificates


def ca_lives(function: Function) -> None:
    """A CA is registered, changed, tagged, and deregistered."""
    function.create_stack(OTHERS)
    tagged = {**CA_PROPERTIES, "Tags": [{"Key": "plant", "Value": "Lyon"}]}
    function.succeeds("Create", ResourceType.CA_CERTIFICATE, CA_PROPERTIES)
    function.succeeds("Update", ResourceType.CA_CERTIFICATE, {**tagged, "Status": "INACTIVE"}, CA_ID, CA_PROPERTIES)
    function.succeeds("Update", ResourceType.CA_CERTIFICATE, CA_PROPERTIES, CA_ID, tagged)
    function.succeeds("Delete", ResourceType.CA_CERTIFICATE, CA_PROPERTIES, CA_ID)
    assert function.iot.list_ca_certificates()["certificates"] == []


def ca_twice(function: Function) -> None:
    """A CA's Create is redelivered, minutes later."""
    function.create_stack(OTHERS)
    function.succeeds("Create", ResourceType.CA_CERTIFICATE, CA_PROPERTIES)
    function.succeeds("Create", ResourceType.CA_CERTIFICATE, CA_PROPERTIES, ago=LONG_AGO, again=True)


def ca_of_somebody_else(function: Function) -> None:
    """A CA is registered already: the error has its date and status."""
    register_ca(function)
    function.fails("(ACTIVE, ", "Create", ResourceType.CA_CERTIFICATE, CA_PROPERTIES)


def ca_of_another_owner(function: Function) -> None:
    """A CA that another owner has replaces one: refused, unless the stack is rolling back to it."""
    function.create_stack(OTHERS)
    register_ca(function)
    old = issuing.make_ca("Older CA")
    before = {**CA_PROPERTIES, "CACertificatePem": old.pem}
    old_id = Certificate.from_pem(old.pem).id
    function.fails("by another owner", "Update", ResourceType.CA_CERTIFICATE, CA_PROPERTIES, old_id, before)


def ca_of_another_stack(function: Function) -> None:
    """A CA's tag names another stack, which still uses the CA: it is not changed."""
    function.create_stack(OTHERS)
    other = function.create_other_stack({"Other": holder(CA_ID)})
    register_ca(function, tags=[{"Key": STACK_TAG, "Value": other}])
    changed = {**CA_PROPERTIES, "Status": "INACTIVE"}
    function.fails("by Other of stack other", "Update", ResourceType.CA_CERTIFICATE, changed, CA_ID, CA_PROPERTIES)


def ca_whose_adopter_is_going(function: Function) -> None:
    """A CA is deleted whose adopter cannot be deleted: another adopter may be hidden by that one."""
    create_function(function, FAILING)
    adopter = {"ServiceToken": function_arn(function), "ServiceTimeout": 30, "Id": f"{CA_ID}/adopted"}
    function.create_other_stack({"Adopter": {"Type": "Custom::Any", "Properties": adopter}}, "ROLLBACK_FAILED")
    function.create_stack({NAME_IN_STACK: holder(CA_ID)})
    register_ca(function)
    function.succeeds("Delete", ResourceType.CA_CERTIFICATE, CA_PROPERTIES, CA_ID)
    assert function.iot.list_ca_certificates()["certificates"] == []


def ca_left_by_another_stack(function: Function) -> None:
    """A CA is adopted from another stack, whose template retains it."""
    function.create_stack(OTHERS)
    function.create_other_stack({"Other": {**holder(CA_ID), **RETAINED}})
    register_ca(function)
    adopting = {**CA_PROPERTIES, "ExistingCertificate": "ADOPT"}
    function.succeeds("Create", ResourceType.CA_CERTIFICATE, adopting)


def ca_taken_over(function: Function) -> None:
    """ADOPT is removed: the CA becomes the stack's own, unless another resource holds it."""
    function.create_stack(OTHERS)
    register_ca(function)
    adopting = {**CA_PROPERTIES, "ExistingCertificate": "ADOPT"}
    function.succeeds("Create", ResourceType.CA_CERTIFICATE, adopting)
    function.succeeds("Update", ResourceType.CA_CERTIFICATE, CA_PROPERTIES, f"{CA_ID}/adopted", adopting)


def ca_with_its_key_in_a_secret(function: Function) -> None:
    """A CA proves possession with its key in Secrets Manager."""
    function.create_stack(OTHERS)
    secret = function.root.client("secretsmanager").create_secret(Name=KEY_SECRET, SecretString=CA.key_pem())["ARN"]
    properties = {"CACertificatePem": CA.pem, "VerificationKey": {"SecretArn": secret}}
    function.succeeds("Create", ResourceType.CA_CERTIFICATE, properties)
    function.succeeds("Delete", ResourceType.CA_CERTIFICATE, properties, CA_ID)


def ca_with_its_key_in_kms(function: Function) -> None:
    """A CA proves possession with its key in AWS KMS."""
    function.create_stack(OTHERS)
    kms = function.root.client("kms")
    key_id = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    function.names[KMS_KEY] = key_id
    public: Any = load_der_public_key(kms.get_public_key(KeyId=key_id)["PublicKey"])
    pem = issuing.certify_ca(public, issuing.common_name("CA in KMS"), issuing.make_ca("Root CA"))
    properties = {"CACertificatePem": pem, "VerificationKey": {"KmsKeyId": key_id}}
    created = function.succeeds("Create", ResourceType.CA_CERTIFICATE, properties)
    function.succeeds("Delete", ResourceType.CA_CERTIFICATE, properties, created["PhysicalResourceId"])


def ca_with_a_template(function: Function) -> None:
    """A CA is given a provisioning template with its role, none, and the template again."""
    iam = function.root.client("iam")
    role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust("iot.amazonaws.com")))
    provisioning = {
        **CA_PROPERTIES,
        "AutoRegistrationStatus": "ENABLE",
        "RegistrationConfig": {"TemplateBody": TEMPLATE, "RoleArn": role["Role"]["Arn"]},
    }
    function.succeeds("Create", ResourceType.CA_CERTIFICATE, provisioning)
    function.succeeds("Update", ResourceType.CA_CERTIFICATE, CA_PROPERTIES, CA_ID, provisioning)
    function.succeeds("Update", ResourceType.CA_CERTIFICATE, provisioning, CA_ID, CA_PROPERTIES)


def deactivating(function: Function) -> None:
    """A CA is deleted, and its devices are deactivated."""
    sweep(function, "DEACTIVATE")
    assert there(function) == {"INACTIVE", "hall"}


def deleting(function: Function) -> None:
    """A CA is deleted with its devices, one with a policy and a thing."""
    sweep(function, "DELETE")
    assert there(function) == {"hall"}


def releasing_a_policy(function: Function) -> None:
    """A CA is deleted with its devices, one with a policy of the stack: that can be deleted right after."""
    prepare_sweep(function, attached=["telemetry"])
    function.succeeds(
        "Delete", ResourceType.CA_CERTIFICATE, {**CA_PROPERTIES, "DeviceCertificatesOnDelete": "DELETE"}, CA_ID
    )
    function.iot.delete_policy(policyName="telemetry")


def releasing_a_thing(function: Function) -> None:
    """A CA is deleted with its devices, one with a thing of the stack: that can be deleted right after."""
    prepare_sweep(function, attached=["hall"])
    function.succeeds(
        "Delete", ResourceType.CA_CERTIFICATE, {**CA_PROPERTIES, "DeviceCertificatesOnDelete": "DELETE"}, CA_ID
    )
    function.iot.delete_thing(thingName="hall")


def deleting_with_things(function: Function) -> None:
    """A CA is deleted with its devices and their things."""
    sweep(function, "DELETE_WITH_THINGS")
    assert there(function) == set()


def sweep(function: Function, what: str) -> None:
    prepare_sweep(function)
    properties = {**CA_PROPERTIES, "DeviceCertificatesOnDelete": what}
    function.succeeds("Delete", ResourceType.CA_CERTIFICATE, properties, CA_ID)


def sweep_that_is_handed_on(function: Function) -> None:
    """A sweep does not fit into one invocation: another one continues."""
    prepare_sweep(function)
    create_function(function)
    function.run_out_of_time("ListCertificatesByCA")
    properties = {**CA_PROPERTIES, "DeviceCertificatesOnDelete": "DEACTIVATE"}
    assert function.invoke("Delete", ResourceType.CA_CERTIFICATE, properties, CA_ID) == {}


def sweep_beside_an_update(function: Function) -> None:
    """A CA is deleted while another stack is being updated, which can return to one of its devices."""
    prepare_sweep(function)
    other = function.create_other_stack({"Other": holder("other")})
    function.update_other_stack(other, {"Other": holder("other"), **NEVER})
    properties = {**CA_PROPERTIES, "DeviceCertificatesOnDelete": "DEACTIVATE"}
    function.succeeds("Delete", ResourceType.CA_CERTIFICATE, properties, CA_ID)


FAILING = """
import json, urllib.request

def handler(event, context):
    same = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer = {**same, "Status": "FAILED", "Reason": "it fails", "PhysicalResourceId": event["ResourceProperties"]["Id"]}
    request = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), method="PUT")
    urllib.request.urlopen(request)
"""
"""A custom resource that can be neither created nor deleted, and has a physical id."""


def function_arn(function: Function) -> str:
    return f"arn:aws:lambda:{function.region}:{function.account}:function:provider"


def create_function(function: Function, code: str = "def handler(event, context): pass") -> None:
    """Deploy a function of the name that this one's context has."""
    iam, client = function.root.client("iam"), function.root.client("lambda")
    role = iam.create_role(RoleName="provider", AssumeRolePolicyDocument=json.dumps(trust("lambda.amazonaws.com")))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("index.py", code)
    client.create_function(
        FunctionName="provider",
        Runtime="python3.11",
        Handler="index.handler",
        Role=role["Role"]["Arn"],
        Code={"ZipFile": archive.getvalue()},
    )


def trust(service: str) -> dict[str, Any]:
    """Return the trust policy of a role for a service."""
    allowed = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [allowed]}


def thing_that_cannot_be_deleted(function: Function) -> None:
    """A sweep fails after it has detached a thing: the thing is attached again, so that the next attempt finds it."""
    prepare_sweep(function)
    function.deny("iot:DeleteThing")
    properties = {**CA_PROPERTIES, "DeviceCertificatesOnDelete": "DELETE_WITH_THINGS"}
    function.fails("iot:DeleteThing", "Delete", ResourceType.CA_CERTIFICATE, properties, CA_ID)
    assert len(function.iot.list_thing_principals(thingName="hall")["principals"]) == 1


def prepare_sweep(function: Function, attached: Iterable[str] = ("telemetry", "hall")) -> None:
    """Register a CA and a device under it, which is attached to a policy and a thing; all but the device is a stack's.

    With both attached the thing is nobody's, so that a sweep can delete it.
    """
    register_ca(function)
    registered = function.iot.register_certificate(certificatePem=DEVICE.pem, caCertificatePem=CA.pem, status="ACTIVE")
    resources = {NAME_IN_STACK: holder(CA_ID), "Policy": holder("telemetry")}
    if "telemetry" not in attached:
        resources["Thing"] = {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": "hall"}}
    function.create_stack(resources)
    function.iot.create_thing(thingName="hall")
    if "telemetry" in attached:
        function.iot.attach_policy(policyName="telemetry", target=registered["certificateArn"])
    if "hall" in attached:
        function.iot.attach_thing_principal(thingName="hall", principal=registered["certificateArn"])


def there(function: Function) -> set[str]:
    devices = function.iot.list_certificates()["certificates"]
    things = function.iot.list_things()["things"]
    return {device["status"] for device in devices} | {thing["thingName"] for thing in things}


def register_ca(function: Function, **options: Any) -> None:
    function.iot.register_ca_certificate(caCertificate=CA.pem, certificateMode="SNI_ONLY", setAsActive=True, **options)


def attach(function: Function, certificate_id: str) -> None:
    prepare_attachments(function)
    arn = function.iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]["certificateArn"]
    function.iot.attach_policy(policyName="telemetry", target=arn)
    function.iot.attach_thing_principal(thingName="hall", principal=arn)


def prepare_attachments(function: Function) -> None:
    function.iot.create_policy(policyName="telemetry", policyDocument=json.dumps(NOTHING_ALLOWED))
    function.iot.create_thing(thingName="hall")


# Device certificates: probes of one that is given, in both modes, and of one that AWS IoT issues


def device_lives(function: Function) -> None:
    """A device's certificate is registered and attached, changed, and deleted."""
    function.create_stack(OTHERS)
    register_ca(function)
    prepare_attachments(function)
    attached = {**DEVICE_PROPERTIES, "PolicyNames": ["telemetry"], "ThingNames": ["hall"]}
    function.succeeds("Create", ResourceType.DEVICE_CERTIFICATE, attached)
    changed = {**DEVICE_PROPERTIES, "Status": "INACTIVE"}
    function.succeeds("Update", ResourceType.DEVICE_CERTIFICATE, changed, DEVICE_ID, attached)
    function.succeeds("Update", ResourceType.DEVICE_CERTIFICATE, attached, DEVICE_ID, changed)
    function.succeeds("Delete", ResourceType.DEVICE_CERTIFICATE, attached, DEVICE_ID)
    assert there(function) == {"hall"}


def device_is_changed(function: Function, properties: Properties = DEVICE_PROPERTIES) -> None:
    """A device's certificate is registered, deactivated, and deleted."""
    function.create_stack(OTHERS)
    register_ca(function)
    created = function.succeeds("Create", ResourceType.DEVICE_CERTIFICATE, properties)["PhysicalResourceId"]
    inactive = {**properties, "Status": "INACTIVE"}
    function.succeeds("Update", ResourceType.DEVICE_CERTIFICATE, inactive, created, properties)
    assert there(function) == {"INACTIVE"}
    function.succeeds("Update", ResourceType.DEVICE_CERTIFICATE, properties, created, inactive)
    function.succeeds("Delete", ResourceType.DEVICE_CERTIFICATE, properties, created)
    assert there(function) == set()


def device_attached_from_outside(function: Function, properties: Properties = DEVICE_PROPERTIES) -> None:
    """A device's certificate is deleted, also with attachments from outside the stack."""
    function.create_stack(OTHERS)
    register_ca(function)
    answer = function.succeeds("Create", ResourceType.DEVICE_CERTIFICATE, properties)
    attach(function, answer["PhysicalResourceId"])
    function.succeeds("Delete", ResourceType.DEVICE_CERTIFICATE, properties, answer["PhysicalResourceId"])
    assert there(function) == {"hall"}


def device_that_is_released(function: Function, properties: Properties = DEVICE_PROPERTIES) -> None:
    """A policy, and then a thing, is no longer declared: each can be deleted right after the update."""
    function.create_stack(OTHERS)
    with_thing = {**properties, "ThingNames": ["hall"]}
    with_both = {**with_thing, "PolicyNames": ["telemetry"]}
    certificate_id = register_device(function, properties)
    attach(function, certificate_id)
    function.succeeds("Update", ResourceType.DEVICE_CERTIFICATE, with_thing, certificate_id, with_both)
    function.iot.delete_policy(policyName="telemetry")
    function.succeeds("Update", ResourceType.DEVICE_CERTIFICATE, properties, certificate_id, with_thing)
    function.iot.delete_thing(thingName="hall")


def device_twice(function: Function, properties: Properties = DEVICE_PROPERTIES) -> None:
    """A device's Create is redelivered after success: CloudFormation's events name the certificate's owner."""
    function.create_stack({NAME_IN_STACK: holder(register_device(function, properties))})
    function.succeeds("Create", ResourceType.DEVICE_CERTIFICATE, properties, ago=LONG_AGO)
    assert there(function) == {"ACTIVE"}
    assert len(function.iot.list_certificates()["certificates"]) == 1


def device_of_a_function_that_died(function: Function, properties: Properties = DEVICE_PROPERTIES) -> None:
    """The Create before a device's Delete died: its registration is deleted, because no other resource holds it."""
    function.have_seconds(SECONDS_IN_DOUBT)
    function.create_stack(NEVER, wait=False)
    register_device(function, properties)
    function.succeeds("Delete", ResourceType.DEVICE_CERTIFICATE, properties, f"{CREATE_UNFINISHED}/x")
    assert there(function) == set()


def device_that_is_revoked(function: Function, properties: Properties = DEVICE_PROPERTIES) -> None:
    """REVOKED cannot be undone: the reason depends on whether the stack is rolling back."""
    function.create_stack(OTHERS)
    registered = register_device(function, properties)
    function.iot.update_certificate(certificateId=registered, newStatus="REVOKED")
    revoked = {**properties, "Status": "REVOKED"}
    function.fails("REVOKED is final", "Update", ResourceType.DEVICE_CERTIFICATE, properties, registered, revoked)


def device_left_by_another_stack(function: Function) -> None:
    """A device's certificate is adopted from another stack, whose template retains it."""
    function.create_stack(OTHERS)
    properties = {**DEVICE_PROPERTIES, "CertificateMode": "SNI_ONLY"}
    function.create_other_stack({"Other": {**holder(register_device(function, properties)), **RETAINED}})
    adopting = {**properties, "ExistingCertificate": "ADOPT"}
    function.succeeds("Create", ResourceType.DEVICE_CERTIFICATE, adopting)


def refuse_rename(function: Function, resource_type: str, properties: Properties) -> None:
    old = {"Type": "AWS::IoT::Certificate", "Properties": {"CertificateSigningRequest": CSR.pem, "Status": "ACTIVE"}}
    function.create_stack({"Old": old})
    function.update_stack(NEVER)
    function.fails("this update removes Old", "Create", resource_type, properties)


def device_is_renamed(function: Function) -> None:
    """The update removes a resource that has a certificate of the same signing request: a rename is refused."""
    refuse_rename(function, ResourceType.DEVICE_CERTIFICATE, {"CertificateSigningRequest": CSR.pem})


def device_issued_is_renamed(function: Function) -> None:
    """The update removes a resource that was issued a certificate for the same signing request: a rename is refused."""
    properties = {"Issuer": _issuer(function), "CertificateSigningRequest": CSR.pem}
    refuse_rename(function, ResourceType.ISSUED_DEVICE_CERTIFICATE, properties)


def register_device(function: Function, properties: Properties) -> str:
    """Register as the function would; return the certificate's id."""
    register_ca(function)
    if "CertificateSigningRequest" in properties:
        answer = function.iot.create_certificate_from_csr(certificateSigningRequest=CSR.pem, setAsActive=True)
    elif "CertificateMode" in properties:
        answer = function.iot.register_certificate_without_ca(certificatePem=DEVICE.pem, status="ACTIVE")
    else:
        answer = function.iot.register_certificate(certificatePem=DEVICE.pem, caCertificatePem=CA.pem, status="ACTIVE")
    return str(answer["certificateId"])


# Keys that are made here, and what is issued here


def self_signed_ca_lives(function: Function) -> None:
    """A CA is made, rotated and deregistered; its secret has the current key."""
    secrets = function.root.client("secretsmanager")
    secret = secrets.create_secret(Name=MADE_KEY_SECRET)["ARN"]
    first = {"Subject": {"CommonName": "Own CA"}, "PrivateKeySecretArn": secret}
    made = _rotated(function, ResourceType.SELF_SIGNED_CA_CERTIFICATE, first)
    assert json.loads(secrets.get_secret_value(SecretId=secret)["SecretString"])["certificateId"] == made
    function.succeeds("Delete", ResourceType.SELF_SIGNED_CA_CERTIFICATE, first, made)
    assert function.iot.list_ca_certificates()["certificates"] == []


def self_signed_ca_of_an_earlier_generation(function: Function) -> None:
    """A CA's earlier generation is declared again: only a rollback uses its old key."""
    secret = function.root.client("secretsmanager").create_secret(Name=MADE_KEY_SECRET)["ARN"]
    first = {"Subject": {"CommonName": "Own CA"}, "PrivateKeySecretArn": secret}
    second = _rotated(function, ResourceType.SELF_SIGNED_CA_CERTIFICATE, first)
    kept = json.loads(_previous(function, secret))["certificateId"]
    third = function.succeeds(
        "Update", ResourceType.SELF_SIGNED_CA_CERTIFICATE, first, second, {**first, "Generation": "2"}
    )
    assert third["PhysicalResourceId"] not in {second, kept}


def _previous(function: Function, secret: str) -> str:
    secrets = function.root.client("secretsmanager")
    return str(secrets.get_secret_value(SecretId=secret, VersionStage="AWSPREVIOUS")["SecretString"])


def device_is_issued(function: Function) -> None:
    """A device's certificate is issued by a CA whose key is in a secret, rotated and deleted."""
    secrets = function.root.client("secretsmanager")
    issuer = _issuer(function)
    secret = secrets.create_secret(Name=MADE_KEY_SECRET)["ARN"]
    first = {"Issuer": issuer, "Subject": {"CommonName": "pump"}, "CredentialsSecretArn": secret}
    made = _rotated(function, ResourceType.ISSUED_DEVICE_CERTIFICATE, first)
    assert json.loads(secrets.get_secret_value(SecretId=secret)["SecretString"])["certificateId"] == made
    function.succeeds("Delete", ResourceType.ISSUED_DEVICE_CERTIFICATE, first, made)
    assert there(function) == set()


def device_is_issued_for_a_request(function: Function) -> None:
    """A device's certificate is issued for its signing request, issued anew and deleted."""
    first = {"Issuer": _issuer(function), "CertificateSigningRequest": CSR.pem}
    made = _rotated(function, ResourceType.ISSUED_DEVICE_CERTIFICATE, first)
    function.succeeds("Delete", ResourceType.ISSUED_DEVICE_CERTIFICATE, first, made)
    assert there(function) == set()


def device_issued_by_a_function_that_died(function: Function) -> None:
    """The Create before a Delete died: its certificate is deleted, because no other resource holds it."""
    function.have_seconds(SECONDS_IN_DOUBT)
    function.create_stack(NEVER, wait=False)
    properties = {"Issuer": _issuer(function), "CertificateSigningRequest": CSR.pem}
    pem = issuing.make_device(CA, "sensor", key=CSR.key).pem
    function.iot.register_certificate(certificatePem=pem, caCertificatePem=CA.pem, status="ACTIVE")
    function.succeeds("Delete", ResourceType.ISSUED_DEVICE_CERTIFICATE, properties, f"{CREATE_UNFINISHED}/x")
    assert there(function) == set()


def _issuer(function: Function) -> dict[str, str]:
    register_ca(function)
    secret = function.root.client("secretsmanager").create_secret(Name=KEY_SECRET, SecretString=CA.key_pem())["ARN"]
    return {"CACertificatePem": CA.pem, "SecretArn": secret}


def _rotated(function: Function, resource_type: str, first: Properties) -> str:
    """Create, change the generation, and clean up; return the second certificate's id."""
    second = {**first, "Generation": "2"}
    function.create_stack(OTHERS)
    old = function.succeeds("Create", resource_type, first)["PhysicalResourceId"]
    new = function.succeeds("Update", resource_type, second, old, first)["PhysicalResourceId"]
    assert new != old
    function.succeeds("Delete", resource_type, first, old)
    return str(new)


# The registration code


def code_is_read(function: Function) -> None:
    """The code is read."""
    answer = function.succeeds("Create", ResourceType.REGISTRATION_CODE, {})
    assert answer["Data"]["RegistrationCode"] == function.iot.get_registration_code()["registrationCode"]


def code_is_deleted(function: Function) -> None:
    """The code is deleted with its resource."""
    code = function.iot.get_registration_code()["registrationCode"]
    function.create_stack(OTHERS)
    function.succeeds("Delete", ResourceType.REGISTRATION_CODE, {"OnDelete": "DELETE"}, "registration-code")
    assert function.iot.get_registration_code()["registrationCode"] != code


# The generation


def generation_is_kept_in_a_rollback(function: Function) -> None:
    """A generation is raised; CloudFormation is asked for a rollback and for the previous value."""
    function.create_stack(OTHERS)
    raised = function.succeeds("Update", ResourceType.CERTIFICATE_GENERATION, {"Requested": "2"}, "generation/1", {})
    assert raised["PhysicalResourceId"] == "generation/2"
    function.roll_back()
    kept = function.succeeds("Update", ResourceType.CERTIFICATE_GENERATION, {"Requested": "0"}, "generation/2", {})
    assert kept["PhysicalResourceId"] == "generation/2"


SWEEP_PROBES = {
    "DEACTIVATE": (deactivating, sweep_that_is_handed_on, sweep_beside_an_update),
    "DELETE": (deleting, releasing_a_policy, releasing_a_thing, sweep_that_is_handed_on, sweep_beside_an_update),
    "DELETE_WITH_THINGS": (
        deleting_with_things,
        releasing_a_policy,
        sweep_that_is_handed_on,
        sweep_beside_an_update,
        thing_that_cannot_be_deleted,
    ),
}
CA_PROBES = (
    ca_lives,
    ca_twice,
    ca_of_somebody_else,
    ca_taken_over,
    ca_of_another_owner,
    ca_of_another_stack,
    ca_whose_adopter_is_going,
)
_OF_ANY_DEVICE = (
    device_is_changed,
    device_attached_from_outside,
    device_that_is_released,
    device_twice,
    device_of_a_function_that_died,
    device_that_is_revoked,
)


def declaring(properties: Properties) -> tuple[Probe, ...]:
    """Return what any device certificate's resource does, of certificates with these properties."""

    def declared(probe: Callable[..., None]) -> Probe:
        @wraps(probe)
        def play(function: Function) -> None:
            probe(function, properties)

        return play

    return tuple(map(declared, _OF_ANY_DEVICE))


DEVICE_PROBES = (device_lives, *declaring(DEVICE_PROPERTIES))
SNI_ONLY_PROBES = declaring({**DEVICE_PROPERTIES, "CertificateMode": "SNI_ONLY"})
ISSUED_PROBES = (*declaring({"CertificateSigningRequest": CSR.pem}), device_is_renamed)
