"""A Delete that leaves a certificate in doubt names it, with a fix: here the fix is carried out.

The Delete is played on the fakes. The same certificate is registered in the embedded AWS, where its id is the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.contract import MAX_REASON_CHARACTERS, ResourceType
from iot_certificate_provider.protocol.request import RequestType
from local.deleting import delete_ca_certificate
from resources.stage import KEY_SECRET, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.conftest import Account, Ran
    from fakes.aws import Call
    from iot_certificate_provider.resources.resource import Resource

pytestmark = pytest.mark.emulator

SNI_ONLY = {"CertificateMode": "SNI_ONLY"}


@pytest.fixture
def stage() -> Stage:
    return Stage()


def deny(stage: Stage, *names: str) -> None:
    def check(call: Call) -> None:
        if call.name in names:
            raise Refusal("AccessDeniedException", "planned")

    stage.aws.before = check


def reason_of_a_delete(stage: Stage, resource: Resource, properties: dict[str, Any], *denied: str) -> str:
    """Have a Create never answer, and its Delete find out too little; return the reason."""
    stage.log("", "CREATE_IN_PROGRESS")
    resource.create(stage.request(RequestType.CREATE, properties))
    stage.log("create-unfinished/x", "CREATE_FAILED")
    deny(stage, *denied)
    note = stage.delete(resource, "create-unfinished/x", properties).note
    assert note.startswith("Left registered, in doubt: ")
    assert len(note) <= MAX_REASON_CHARACTERS
    return note


def test_the_sweep_finds_that_of_a_device(stage: Stage, account: Account, run: Callable[..., Ran]) -> None:
    account.register_ca("Factory CA")
    orphan = account.register("pump", "Factory CA")
    kept = account.register("fan", "Factory CA")
    properties = {"CertificatePem": account.devices["pump"].pem, **SNI_ONLY}
    reason = reason_of_a_delete(stage, stage.device, properties, "cloudformation.ListStacks")
    (named,) = re.findall(r"certificate ([0-9a-f]{12,})…", reason)
    assert reason.endswith(". If nobody uses it: iot-certificates sweep")

    listed = run("sweep", "--dry-run").out
    assert named[:12] in listed
    assert run("sweep", "--subject", "CN=pump", "--yes").status == 0
    assert account.ids() == {kept}
    assert orphan.startswith(named)


def test_that_of_a_ca_is_deleted_by_its_id(stage: Stage, account: Account, run: Callable[..., Ran]) -> None:
    ca_id = account.register_ca("Factory CA")
    properties = {"CACertificatePem": account.cas["Factory CA"].pem, **SNI_ONLY}
    # An adopter that is being deleted is found, which can hide another holder.
    office = stage.aws.cloudformation.beside("office")
    office.log("Ca", f"{ca_id}/adopted", "DELETE_IN_PROGRESS", stage.now())
    office.types["Ca"] = ResourceType.CA_CERTIFICATE
    reason = reason_of_a_delete(stage, stage.ca, properties, "cloudformation.ListStacks")
    (named,) = re.findall(r"CA ([0-9a-f]{64}) may belong to", reason)
    assert reason.endswith(". If unused: deactivate, then aws iot delete-ca-certificate")
    assert "sweep" not in reason, "which deletes no CA certificates"

    assert named == ca_id
    with pytest.raises(account.iot.exceptions.CertificateStateException):
        account.iot.delete_ca_certificate(certificateId=named)
    account.iot.update_ca_certificate(certificateId=named, newStatus="INACTIVE")
    delete_ca_certificate(account.iot, named)
    assert account.iot.list_ca_certificates()["certificates"] == []


@pytest.mark.parametrize("kind", ["CA", "device"])
def test_the_inventory_finds_that_of_a_key_that_cannot_be_read(
    stage: Stage, account: Account, run: Callable[..., Ran], kind: str
) -> None:
    """Its id is not known: it is one of the kind, registered before the time in the reason, that no stack owns."""
    ca_id = account.register_ca("Factory CA")
    device_id = account.register("pump", "Factory CA")
    kept = KEY_SECRET.replace("factory/ca-key", "kept")
    stage.aws.secrets.add_empty(kept)
    properties: dict[str, Any]
    if kind == "CA":
        resource = stage.resource(ResourceType.SELF_SIGNED_CA_CERTIFICATE)
        properties = {"Subject": {"CommonName": "CA"}, "PrivateKeySecretArn": kept, **SNI_ONLY}
    else:
        ca = issuing.make_ca("Factory CA")
        stage.iot.RegisterCACertificate(ca.pem, certificateMode="SNI_ONLY", setAsActive=True)
        stage.aws.secrets.values[KEY_SECRET] = ca.key_pem()
        resource = stage.resource(ResourceType.ISSUED_DEVICE_CERTIFICATE)
        issuer = {"CACertificatePem": ca.pem, "SecretArn": KEY_SECRET}
        properties = {"Issuer": issuer, "Subject": {"CommonName": "pump"}, "CredentialsSecretArn": kept}
    reason = reason_of_a_delete(stage, resource, properties, "secretsmanager.DescribeSecret")
    (before,) = re.findall(
        rf"a {kind} certificate that this operation may have registered before ([0-9TZ:-]+),", reason
    )
    assert reason.endswith(". Find it: iot-certificates inventory")

    entries = {each["certificateId"]: each for each in run("inventory", "--format", "json").entries}
    found = entries[ca_id if kind == "CA" else device_id]
    assert not found["stacks"]
    assert found["creationDate"][:16] <= before
