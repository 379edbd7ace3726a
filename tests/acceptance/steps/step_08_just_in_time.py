"""Step 8: just-in-time provisioning over MQTT with a role of the same stack, destroyed with things."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from acceptance.provisioning import role, template_body
from acceptance.stacks import PlayedStack, policy
from acceptance.step import NotTriedError, Reliance, Step
from iot_certificates_local import MqttDevice, MqttRefusedError
from iot_certificates_local.factory import write_credentials

if TYPE_CHECKING:
    from acceptance.stage import Stage

DEVICES, ON_THE_EMBEDDED = 20, 3
_CONNECT_SECONDS = 60.0


def play(stage: Stage) -> None:
    """Provision devices of a CA that a stack registers, delete the stack; then one that is only registered."""
    _provisioned(stage)
    _pending(stage)


def _provisioned(stage: Stage) -> None:
    place, role_name = stage.place, stage.name("role")
    stage.run.provider.allow(ProvisioningRoleArns=f"arn:{place.partition}:iam::{place.account}:role/{role_name}")
    policy_name, stack = stage.name("policy"), PlayedStack(stage, "jitp")
    config = {
        "TemplateBody": json.dumps(template_body(policy_name)),
        "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
    }
    ca: dict[str, Any] = {
        "CACertificatePem": stage.material["ca:jitp"],
        "CertificateMode": "SNI_ONLY",
        "AutoRegistrationStatus": "ENABLE",
        "RegistrationConfig": config,
        "DeviceCertificatesOnDelete": "DELETE_WITH_THINGS",
    }
    resources = {
        "Role": role(role_name, place.partition),
        "Policy": policy(policy_name),
        "Ca": {"Type": "Custom::IotCaCertificate", "DependsOn": ["Policy"], "Properties": ca},
    }
    status = stack.create(resources, Capabilities=["CAPABILITY_NAMED_IAM"])
    if not stage.check(status == "CREATE_COMPLETE", f"a CA with a role of its stack: {status}, {stack.reasons()}"):
        return
    names = [f"device:jitp:{number}" for number in range(stage.count(DEVICES, ON_THE_EMBEDDED, "devices"))]
    for name in names:
        _connect(stage, name)
    _are_provisioned(stage, names)
    status = stack.delete()
    stage.check(status == "DELETE_COMPLETE", f"deletion with things: {status}, {stack.reasons()}")
    for name in names:
        gone = stage.ask("iot", "DescribeCertificate", certificateId=stage.material.id(name))
        stage.check(gone.code == "ResourceNotFoundException", f"{name} after the deletion: {gone}")
        gone = stage.ask("iot", "DescribeThing", thingName=_common_name(stage, name))
        stage.check(gone.code == "ResourceNotFoundException", f"the thing of {name} after the deletion: {gone}")


def _are_provisioned(stage: Stage, names: list[str]) -> None:
    for name in names:
        found = stage.ask("iot", "DescribeCertificate", certificateId=stage.material.id(name))
        description = found.members.get("certificateDescription", {})
        stage.check(description.get("status") == "ACTIVE", f"{name} after provisioning: {found}")
        arn = description.get("certificateArn", "")
        things = stage.ask("iot", "ListPrincipalThings", principal=arn).members.get("things")
        stage.check(things == [_common_name(stage, name)], f"the things of {name}: {things}")


def _pending(stage: Stage) -> None:
    """Without a template a device's first connection registers it, PENDING_ACTIVATION."""
    stage.ask(
        "iot",
        "RegisterCACertificate",
        caCertificate=stage.material["ca:jitr"],
        certificateMode="SNI_ONLY",
        setAsActive=True,
        allowAutoRegistration=True,
    )
    name = "device:jitr:1"
    device = _device(stage, name)
    deadline = time.monotonic() + _CONNECT_SECONDS
    while (status := _status(stage, name)) is None and time.monotonic() < deadline:
        _try(device)
        time.sleep(stage.place.poll_seconds / 4)
    stage.check(status == "PENDING_ACTIVATION", f"a device that connected is {status}")
    certificate_id = stage.material.id(name)
    early = stage.ask("iot", "UpdateCertificate", certificateId=certificate_id, newStatus="PENDING_ACTIVATION")
    stage.check(not early.is_success, "PENDING_ACTIVATION can be set")
    inactive = stage.ask("iot", "UpdateCertificate", certificateId=certificate_id, newStatus="INACTIVE")
    stage.check(inactive.is_success, f"from PENDING_ACTIVATION to INACTIVE: {inactive}")
    answer, _ = stage.ask_until(lambda a: a.is_success, 30.0, "iot", "DeleteCertificate", certificateId=certificate_id)
    stage.check(answer.is_success, f"deleting what was PENDING_ACTIVATION: {answer}")


def _status(stage: Stage, name: str) -> str | None:
    client = stage.client("iot")
    try:
        described = client.describe_certificate(certificateId=stage.material.id(name))["certificateDescription"]
    except client.exceptions.ResourceNotFoundException:
        return None
    return str(described["status"])


def _connect(stage: Stage, name: str) -> None:
    """Connect until the broker accepts: the first time it closes the connection, and provisions the device."""
    device, deadline = _device(stage, name), time.monotonic() + _CONNECT_SECONDS
    refused = _try(device)
    stage.check(bool(refused), f"{name} was accepted at its first connection")
    while refused and time.monotonic() < deadline:
        time.sleep(stage.place.poll_seconds / 4)
        refused = _try(device)
    stage.check(not refused, f"{name} is not accepted after {_CONNECT_SECONDS:g} s: {refused}")


def _try(device: MqttDevice) -> str:
    """Return why a device was refused; empty where it was accepted."""
    try:
        with device:
            return ""
    except MqttRefusedError as refused:
        return str(refused)


def _device(stage: Stage, name: str) -> MqttDevice:
    place, common_name = stage.place, _common_name(stage, name)
    host, port = place.mqtt
    if not host:
        raise NotTriedError("the account has no MQTT endpoint")
    files = write_credentials(place.folder / "devices", common_name, stage.material[name], stage.material.key_pem(name))
    return MqttDevice(
        common_name, host=host, port=port, ca_file=place.mqtt_ca_file, certificate=files.certificate, key=files.key
    )


def _common_name(stage: Stage, name: str) -> str:
    return f"{stage.prefix}-{name.replace(':', '-')}"


STEP = Step(
    number=8,
    settles="just-in-time provisioning and registration",
    assumption=(
        "A role of the same stack works; a device is refused once, then provisioned; all of it can be deleted "
        "with the CA"
    ),
    relies_on=(
        Reliance(
            "iot_certificate_provider.resources.ca.device_certificate_sweep:DeviceCertificateSweep",
            "deletes the devices of a CA, with their things",
        ),
        Reliance("iot_certificate_provider.aws.propagation:ROLE_SECONDS", "how long a new role is waited for"),
        Reliance("iot_certificate_provider.aws.propagation:THING_SECONDS", "how long a thing shows its certificate"),
    ),
    if_false="Change the order in resources/ca/device_certificate_sweep.py, or the waits in aws/propagation.py.",
    play=play,
    minutes=5,
    timeout_minutes=20,
)
