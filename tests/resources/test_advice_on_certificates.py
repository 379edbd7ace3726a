"""The advice about certificates that are registered, held, adopted or kept in a secret, followed: nobody loses one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.acm_pca import PrivateCa
from fakes.refusal import Refusal
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.errors import InvalidPropertyError, ProviderError, UnfinishedError
from iot_certificate_provider.protocol.request import RequestType
from resources.stage import KEY_SECRET, LOGICAL_ID, PRIVATE_CA

if TYPE_CHECKING:
    from fakes.aws import Call
    from fakes.cloudformation import FakeCloudFormation
    from resources.stage import Stage

SNI_ONLY = {"CertificateMode": "SNI_ONLY"}
ADOPT = {"ExistingCertificate": "ADOPT"}
RETAINED = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
KEPT = KEY_SECRET.replace("factory/ca-key", "kept")


class Theirs:
    """A certificate that another owner has registered long ago, of a CA or a device, and how a resource declares it."""

    def __init__(self, stage: Stage, *, is_ca: bool) -> None:
        self.stage = stage
        self.resource = stage.ca if is_ca else stage.device
        self.type = ResourceType.CA_CERTIFICATE if is_ca else ResourceType.DEVICE_CERTIFICATE
        stage.aws.cloudformation.types[LOGICAL_ID] = self.type
        issued = issuing.make_ca("Theirs")
        self.declared = {"CACertificatePem" if is_ca else "CertificatePem": issued.pem, **SNI_ONLY}
        if is_ca:
            answer = stage.iot.RegisterCACertificate(issued.pem, setAsActive=True, certificateMode="SNI_ONLY")
        else:
            answer = stage.iot.RegisterCertificateWithoutCA(certificatePem=issued.pem, status="ACTIVE")
        self.id = str(answer["certificateId"])
        self.record.created -= timedelta(hours=3)

    @property
    def record(self) -> Any:
        return {**self.stage.iot.cas, **self.stage.iot.certificates}[self.id]

    @property
    def is_whole(self) -> bool:
        """Whether it is registered, and ACTIVE, as its owner has made it."""
        registered: dict[str, Any] = {**self.stage.iot.cas, **self.stage.iot.certificates}
        return self.id in registered and registered[self.id].status == "ACTIVE"

    def held(self, physical_id: str | None = None) -> FakeCloudFormation:
        """Have Pump of the stack plant, which is at rest, hold the certificate."""
        plant = self.stage.aws.cloudformation.beside("plant")
        plant.status, plant.types["Pump"] = "CREATE_COMPLETE", self.type
        plant.log("Pump", physical_id or self.id, "CREATE_COMPLETE", self.stage.now() - timedelta(hours=2))
        return plant

    def has_sibling(self) -> None:
        """Have a sibling hold the certificate."""
        stacks = self.stage.aws.cloudformation
        stacks.types["Sibling"] = self.type
        stacks.log("Sibling", self.id, "CREATE_COMPLETE", self.stage.now() - timedelta(hours=2))

    def refused(self, **more: str) -> str:
        """Return why a Create is refused; its Delete follows, and nothing is changed."""
        declared = {**self.declared, **more}
        self.stage.log("", "CREATE_IN_PROGRESS")
        with pytest.raises(ProviderError) as caught:
            self.stage.create(self.resource, declared)
        self.removed("create-failed/1", declared)
        assert self.is_whole
        return str(caught.value)

    def removed(self, physical_id: str, declared: dict[str, Any]) -> None:
        """Remove the resource from its template."""
        self.stage.log(physical_id, "DELETE_IN_PROGRESS")
        self.stage.delete(self.resource, physical_id, declared)
        self.stage.log(physical_id, "DELETE_COMPLETE")

    def adopted(self) -> str:
        """Adopt it, and return the physical id."""
        physical_id = self.stage.create(self.resource, {**self.declared, **ADOPT}).physical_id
        assert physical_id == f"{self.id}/adopted"
        return physical_id

    def drop_adopt(self, physical_id: str) -> None:
        """Own it, by leaving ADOPT out."""
        outcome = self.stage.update(self.resource, physical_id, {**self.declared, **ADOPT}, self.declared)
        assert outcome.physical_id == self.id


@pytest.fixture(params=["CA", "device"])
def theirs(request: pytest.FixtureRequest, stage: Stage) -> Theirs:
    return Theirs(stage, is_ca=request.param == "CA")


def retained_and_removed(stack: FakeCloudFormation, logical_id: str) -> None:
    """Remove a resource from its stack, which retains the certificate."""
    del stack.resources[logical_id]


@pytest.mark.plays("Use it with …, or delete it first if nobody uses it")
@pytest.mark.parametrize("deleted", [False, True])
def test_nobodys_is_used_or_deleted(theirs: Theirs, *, deleted: bool) -> None:
    """No stack has it, and no stack has adopted it: all have been asked."""
    theirs.refused()
    if deleted:
        theirs.stage.iot.cas.clear()
        theirs.stage.iot.certificates.clear()
        assert theirs.stage.create(theirs.resource, theirs.declared).physical_id == theirs.id
    else:
        theirs.removed(theirs.adopted(), {**theirs.declared, **ADOPT})
    assert theirs.is_whole


@pytest.mark.plays("Use it with …")
def test_what_others_use_is_used(theirs: Theirs) -> None:
    theirs.held(f"{theirs.id}/adopted")
    assert theirs.refused().endswith("Use it with ExistingCertificate ADOPT")
    theirs.removed(theirs.adopted(), {**theirs.declared, **ADOPT})
    assert theirs.is_whole


@pytest.mark.plays("Remove this resource; then, to use it here, declare it with ADOPT")
def test_what_was_its_own_and_is_anothers_now(theirs: Theirs) -> None:
    stacks = theirs.stage.aws.cloudformation
    stacks.log(LOGICAL_ID, theirs.id, "CREATE_COMPLETE", theirs.record.created - timedelta(hours=1))
    plant = theirs.held()
    off = {**theirs.declared, "Status": "INACTIVE"}
    with pytest.raises(ProviderError):
        theirs.stage.update(theirs.resource, theirs.id, theirs.declared, off)
    theirs.removed(theirs.id, theirs.declared)
    assert theirs.is_whole
    plant.policies["Pump"] = RETAINED
    stacks.resources.pop(LOGICAL_ID)
    theirs.adopted()
    assert theirs.is_whole


@pytest.mark.plays("Renamed? Keep its logical id (override_logical_id); declared twice? Once is enough")
def test_a_siblings(theirs: Theirs) -> None:
    theirs.has_sibling()
    theirs.refused()
    # With its logical id the next deployment is an Update of the sibling.
    update = theirs.stage.request(RequestType.UPDATE, theirs.declared, theirs.id, theirs.declared)
    assert theirs.resource.update(replace(update, logical_id="Sibling")).physical_id == theirs.id
    assert theirs.is_whole


@pytest.mark.plays(
    "To move it here, a deployment each: Retain there (DeletionPolicy and UpdateReplacePolicy); ADOPT here; "
    "remove it there; drop ADOPT",
    "A deployment each: Retain there (DeletionPolicy and UpdateReplacePolicy); ADOPT here; remove it there; drop ADOPT",
)
def test_another_stacks_is_moved_in_steps(theirs: Theirs) -> None:
    plant = theirs.held()
    theirs.refused()
    # Nothing is adopted from a resource that would delete it.
    assert "owns the certificate, and would delete it" in theirs.refused(**ADOPT)
    plant.policies["Pump"] = RETAINED
    physical_id = theirs.adopted()
    retained_and_removed(plant, "Pump")
    theirs.drop_adopt(physical_id)
    assert theirs.is_whole


@pytest.mark.plays("Remove it there first, with RETAIN")
def test_adopt_is_dropped_before_the_holder_is_removed(theirs: Theirs) -> None:
    plant = theirs.held()
    plant.policies["Pump"] = RETAINED
    physical_id = theirs.adopted()
    with pytest.raises(InvalidPropertyError, match="cannot be left out: Pump of stack plant holds the certificate"):
        theirs.drop_adopt(physical_id)
    theirs.stage.log(physical_id, "UPDATE_COMPLETE")
    retained_and_removed(plant, "Pump")
    theirs.drop_adopt(physical_id)
    assert theirs.is_whole


@pytest.mark.plays("Renamed? Keep its logical id (override_logical_id). Else, ……")
def test_a_sibling_that_would_delete_what_is_adopted(theirs: Theirs) -> None:
    stacks = theirs.stage.aws.cloudformation
    theirs.has_sibling()
    assert "Sibling of this stack owns the certificate" in theirs.refused(**ADOPT)
    stacks.policies["Sibling"] = RETAINED
    physical_id = theirs.adopted()
    retained_and_removed(stacks, "Sibling")
    theirs.drop_adopt(physical_id)
    assert theirs.is_whole


@pytest.mark.plays("Allow cloudformation:ListStacks and cloudformation:ListStackResources")
def test_users_that_cannot_be_found(theirs: Theirs) -> None:
    def deny(call: Call) -> None:
        if call.name == "cloudformation.ListStacks":
            raise Refusal("AccessDenied", "planned", 403)

    stacks = theirs.stage.aws.cloudformation
    stacks.resources["Sibling"] = (theirs.id, "DELETE_SKIPPED")
    stacks.types["Sibling"] = theirs.type
    theirs.stage.aws.before = deny
    theirs.refused(**ADOPT)
    theirs.stage.aws.before = lambda _: None
    theirs.adopted()
    assert theirs.is_whole


@pytest.mark.plays("ADOPT changes nothing: declare the registered value first, and change it with the next deployment")
def test_what_is_adopted_differs_from_what_is_declared(theirs: Theirs) -> None:
    theirs.refused(**ADOPT, Status="INACTIVE")
    physical_id = theirs.adopted()
    adopting = {**theirs.declared, **ADOPT}
    theirs.stage.update(theirs.resource, physical_id, adopting, {**adopting, "Status": "INACTIVE"})
    assert theirs.record.status == "INACTIVE"


@pytest.mark.plays("Remove it until this resource owns the certificate (remove ADOPT, then declare it again)")
def test_what_is_attached_already_is_declared_after_the_adoption(stage: Stage) -> None:
    theirs = Theirs(stage, is_ca=False)
    stage.iot.policies["telemetry"] = {theirs.record.arn}
    adopting = {**theirs.declared, **ADOPT, "PolicyNames": ["telemetry"]}
    with pytest.raises(InvalidPropertyError, match="telemetry is attached to the certificate already"):
        stage.create(stage.device, adopting)
    theirs.removed("create-failed/1", adopting)
    assert stage.iot.policies["telemetry"] == {theirs.record.arn}
    theirs.drop_adopt(theirs.adopted())
    stage.update(stage.device, theirs.id, theirs.declared, {**theirs.declared, "PolicyNames": ["telemetry"]})
    assert stage.iot.policies["telemetry"] == {theirs.record.arn}


@pytest.mark.plays("Use SNI_ONLY, or delete the CA there; if it was deleted a moment ago, try again")
def test_a_ca_that_another_account_has(stage: Stage) -> None:
    """The other account keeps it: SNI_ONLY needs nothing of that account."""
    ca = issuing.make_ca("Theirs")
    proof = issuing.make_verification_certificate(ca, stage.iot.registration_code).pem

    def refuse(call: Call) -> None:
        if call.name == "iot.RegisterCACertificate" and call.parameters.get("certificateMode") != "SNI_ONLY":
            arn = f"arn:aws:iot:eu-west-1:123456789012:cacert/{'ab' * 32}"
            raise Refusal("ResourceAlreadyExistsException", "It exists.", 409, resourceId="ab" * 32, resourceArn=arn)

    stage.aws.before = refuse
    with pytest.raises(InvalidPropertyError, match="another account has the CA in this Region"):
        stage.create(stage.ca, {"CACertificatePem": ca.pem, "VerificationCertificatePem": proof})
    stage.log("create-failed/1", "DELETE_COMPLETE")
    assert stage.create(stage.ca, {"CACertificatePem": ca.pem, **SNI_ONLY}).physical_id in stage.iot.cas


@pytest.mark.plays(
    "Use another certificate; or deploy without this one (a CA: DeviceCertificatesOnDelete RETAIN), then with the new "
    "mode"
)
def test_a_ca_in_another_mode_keeps_its_devices(stage: Stage) -> None:
    ca = issuing.make_ca("Ours")
    proof = {"VerificationCertificatePem": issuing.make_verification_certificate(ca, stage.iot.registration_code).pem}
    stage.aws.cloudformation.types[LOGICAL_ID] = ResourceType.CA_CERTIFICATE
    sni_only, default = {"CACertificatePem": ca.pem, **SNI_ONLY}, {"CACertificatePem": ca.pem, **proof}
    created = stage.create(stage.ca, sni_only)
    device = stage.iot.RegisterCertificateWithoutCA(issuing.make_device(ca).pem, "ACTIVE")["certificateId"]
    stage.iot.certificates[device].ca_id = created.physical_id
    with pytest.raises(InvalidPropertyError, match="CertificateMode: AWS IoT cannot change it"):
        stage.update(stage.ca, created.physical_id, sni_only, default)
    stage.log(created.physical_id, "DELETE_IN_PROGRESS")
    stage.delete(stage.ca, created.physical_id, {**sni_only, "DeviceCertificatesOnDelete": "RETAIN"})
    stage.log(created.physical_id, "DELETE_COMPLETE")
    assert stage.create(stage.ca, default).physical_id == created.physical_id
    assert stage.iot.certificates[device].status == "ACTIVE"


@pytest.mark.plays("Leave … out, or use NON_EXCLUSIVE_THING for both")
def test_a_thing_beside_another_owners(stage: Stage) -> None:
    declared = {"CertificatePem": issuing.make_device(issuing.make_ca()).pem, **SNI_ONLY}
    stage.iot.things.update(hall=set(), attic=set())
    created = stage.create(stage.device, declared)
    stage.iot.AttachThingPrincipal("attic", created.attributes["Arn"])
    exclusively = {**declared, "ThingNames": ["hall"], "ThingPrincipalType": "EXCLUSIVE_THING"}
    with pytest.raises(InvalidPropertyError, match="AWS IoT refuses thing hall"):
        stage.update(stage.device, created.physical_id, declared, exclusively)
    stage.update(stage.device, created.physical_id, declared, {**declared, "ThingNames": ["hall"]})
    assert [*map(len, (stage.iot.things["hall"], stage.iot.things["attic"]))] == [1, 1]


@pytest.mark.plays("Declare it in the stack (with DependsOn where nothing refers to it), or remove the name")
@pytest.mark.parametrize("kind", ["PolicyNames", "ThingNames"])
def test_a_policy_or_a_thing_that_does_not_exist(stage: Stage, kind: str) -> None:
    declared = {"CertificatePem": issuing.make_device(issuing.make_ca()).pem, **SNI_ONLY}
    with pytest.raises(InvalidPropertyError, match="does not exist"):
        stage.create(stage.device, {**declared, kind: ["hall"]})
    stage.log("create-failed/1", "DELETE_COMPLETE")
    assert stage.iot.certificates == {}
    targets = stage.iot.policies if kind == "PolicyNames" else stage.iot.things
    targets["hall"] = set()
    created = stage.create(stage.device, {**declared, kind: ["hall"]})
    assert targets["hall"] == {created.attributes["Arn"]}


@pytest.mark.plays("Give the device another certificate")
def test_a_certificate_that_is_revoked(stage: Stage) -> None:
    first, second = (issuing.make_device(issuing.make_ca(), name) for name in ("pump", "pump 2"))
    old = {"CertificatePem": first.pem, **SNI_ONLY, "Status": "REVOKED"}
    created = stage.create(stage.device, old)
    with pytest.raises(InvalidPropertyError, match="REVOKED is final"):
        stage.update(stage.device, created.physical_id, old, {**old, "Status": "ACTIVE"})
    updated = stage.update(stage.device, created.physical_id, old, {"CertificatePem": second.pem, **SNI_ONLY})
    assert stage.iot.certificates[updated.physical_id].status == "ACTIVE"
    assert stage.iot.certificates[created.physical_id].status == "REVOKED"


@pytest.mark.plays("Accept it first (Custom::IotCertificateTransferDecision), and deploy again")
def test_a_certificate_that_is_on_its_way_back(stage: Stage) -> None:
    device = issuing.make_device(issuing.make_ca())
    old = {"CertificatePem": device.pem, **SNI_ONLY}
    created = stage.create(stage.device, old)
    del stage.iot.certificates[created.physical_id]
    stage.other.RegisterCertificateWithoutCA(device.pem)
    stage.other.TransferCertificate(created.physical_id, stage.iot.account)
    with pytest.raises(InvalidPropertyError, match="another account is transferring it to this account"):
        stage.update(stage.device, created.physical_id, old, {**old, "Status": "INACTIVE"})
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    stage.update(stage.device, created.physical_id, {**old, "Status": "INACTIVE"}, old)
    stage.iot.AcceptCertificateTransfer(created.physical_id, setAsActive=True)
    # With the next deployment the Update finds it, and says whose it is by now.
    assert stage.iot.certificates[created.physical_id].status == "ACTIVE"


@pytest.mark.plays("Stack in DELETE_FAILED? Delete it again. After an update: iot-certificates sweep --ca")
@pytest.mark.parametrize("late", ["iot.ListCertificatesByCA", "iot.DeleteCertificate"])
def test_a_sweep_out_of_time_is_continued_by_the_next_delete(stage: Stage, late: str) -> None:
    ca = issuing.make_ca("Ours")
    declared = {"CACertificatePem": ca.pem, **SNI_ONLY, "DeviceCertificatesOnDelete": "DELETE"}
    stage.aws.cloudformation.types[LOGICAL_ID] = ResourceType.CA_CERTIFICATE
    created = stage.create(stage.ca, declared)
    for number in range(3):
        device = stage.iot.RegisterCertificateWithoutCA(issuing.make_device(ca, f"{number}").pem, "ACTIVE")
        stage.iot.certificates[device["certificateId"]].ca_id = created.physical_id
    spared = next(iter(stage.iot.certificates))
    stage.aws.cloudformation.beside("plant").log("Pump", spared, "CREATE_COMPLETE", stage.now())

    def be_late(call: Call) -> None:
        if call.name == late:
            stage.clock.left = 0.5

    stage.aws.after = be_late
    with pytest.raises(UnfinishedError):
        stage.delete(stage.ca, created.physical_id, declared)
    stage.aws.after, stage.clock.left = (lambda _: None), 280.0
    stage.delete(stage.ca, created.physical_id, declared)
    assert stage.iot.cas == {}
    assert set(stage.iot.certificates) == {spared}


# Certificates that the stack issues, and their secrets


@pytest.fixture
def pump(stage: Stage, registered_ca: issuing.Issued) -> dict[str, Any]:
    """An IssuedDeviceCertificate whose key is kept in an empty secret."""
    stage.aws.secrets.add_empty(KEPT)
    stage.aws.secrets.values[KEY_SECRET] = registered_ca.key_pem()
    stage.aws.cloudformation.types[LOGICAL_ID] = ResourceType.ISSUED_DEVICE_CERTIFICATE
    issuer = {"CACertificatePem": registered_ca.pem, "SecretArn": KEY_SECRET}
    return {"Issuer": issuer, "Subject": {"CommonName": "pump"}, "CredentialsSecretArn": KEPT}


@pytest.mark.plays("Name a secret that was created without a value, also without a generated one")
def test_a_secret_with_a_password(stage: Stage, pump: dict[str, Any]) -> None:
    password, by_hand = "correct horse battery staple", "0" * 32
    other = KEPT.replace("kept", "other")
    stage.aws.secrets.versions[other], stage.aws.secrets.labels[other] = {by_hand: password}, {"AWSCURRENT": by_hand}
    stage.aws.secrets.values[other] = password
    issued = stage.resource(ResourceType.ISSUED_DEVICE_CERTIFICATE)
    with pytest.raises(InvalidPropertyError, match="holds a value that no certificate resource wrote"):
        stage.create(issued, {**pump, "CredentialsSecretArn": other})
    stage.log("create-failed/1", "DELETE_COMPLETE")
    assert stage.create(issued, pump).physical_id in stage.iot.certificates
    assert stage.aws.secrets.labels[other] == {"AWSCURRENT": by_hand}
    assert stage.aws.secrets.versions[other] == {by_hand: password}


@pytest.mark.plays("Give each resource an empty secret of its own. Renamed? Keep its logical id (override_logical_id)")
@pytest.mark.parametrize("renamed", [True, False])
def test_a_secret_of_another_resource(stage: Stage, pump: dict[str, Any], *, renamed: bool) -> None:
    issued = stage.resource(ResourceType.ISSUED_DEVICE_CERTIFICATE)
    first = stage.create(issued, pump).physical_id
    labels = dict(stage.aws.secrets.labels[KEPT])
    stage.request_id = "of the second"
    stage.aws.cloudformation.types["Renamed"] = ResourceType.ISSUED_DEVICE_CERTIFICATE
    stage.aws.cloudformation.log("Renamed", "", "CREATE_IN_PROGRESS", stage.now())
    with pytest.raises(InvalidPropertyError, match="holds the key of another resource"):
        issued.create(replace(stage.request(RequestType.CREATE, pump), logical_id="Renamed"))
    assert stage.aws.secrets.labels[KEPT] == labels
    stage.request_id = "of the third"
    if renamed:
        assert stage.update(issued, first, pump, {**pump, "Status": "INACTIVE"}).physical_id == first
    else:
        own = KEPT.replace("kept", "own")
        stage.aws.secrets.add_empty(own)
        declared = {**pump, "CredentialsSecretArn": own}
        second = issued.create(replace(stage.request(RequestType.CREATE, declared), logical_id="Renamed")).physical_id
        assert {first, second} <= set(stage.iot.certificates)
    assert stage.aws.secrets.labels[KEPT] == labels


@pytest.mark.plays("Deploy the CA first, then what it issues")
def test_a_ca_that_the_same_deployment_replaces(
    stage: Stage, pump: dict[str, Any], registered_ca: issuing.Issued
) -> None:
    """Its key's secret has the certificate of the CA that there was; the CA's own deployment writes the new one."""
    issued = stage.resource(ResourceType.ISSUED_DEVICE_CERTIFICATE)
    previous = issuing.make_ca("Previous CA")
    issuer = {"SecretArn": KEY_SECRET, "JsonField": "privateKey", "CACertificateId": next(iter(stage.iot.cas))}
    declared = {**pump, "Issuer": issuer}
    for kept in (previous, registered_ca):
        fields = {"privateKey": kept.key_pem(), "certificatePem": kept.pem}
        stage.aws.secrets.values[KEY_SECRET] = json.dumps(fields)
        if kept is previous:
            with pytest.raises(InvalidPropertyError, match="has another CA certificate than CACertificateId says"):
                stage.create(issued, declared)
            stage.log("create-failed/1", "DELETE_COMPLETE")
    assert stage.create(issued, declared).physical_id in stage.iot.certificates


@pytest.mark.plays(
    "Renamed? Keep its logical id (override_logical_id). Else declare both until the device has the new certificate"
)
@pytest.mark.parametrize("renamed", [True, False])
def test_a_device_by_request_that_is_renamed(stage: Stage, *, renamed: bool) -> None:
    declared = {"CertificateSigningRequest": issuing.make_csr("pump").pem}
    stacks = stage.aws.cloudformation
    stacks.types.update(dict.fromkeys((LOGICAL_ID, "Renamed"), ResourceType.DEVICE_CERTIFICATE))
    stacks.status = "CREATE_IN_PROGRESS"
    first = stage.create(stage.device, declared).physical_id
    stacks.status = "UPDATE_IN_PROGRESS"
    stacks.template = "Resources:\n  Renamed:\n    Type: Custom::X\n"
    request = replace(stage.request(RequestType.CREATE, declared), logical_id="Renamed")
    stacks.log("Renamed", "", "CREATE_IN_PROGRESS", stage.now())
    with pytest.raises(InvalidPropertyError, match="this update removes Certificate of this stack"):
        stage.device.create(request)
    assert set(stage.iot.certificates) == {first}
    if renamed:
        stacks.log("Renamed", "create-failed/1", "DELETE_COMPLETE", stage.now())
        assert stage.update(stage.device, first, declared, {**declared, "Status": "INACTIVE"}).physical_id == first
    else:
        stacks.template += f"  {LOGICAL_ID}:\n    Type: Custom::X\n"
        second = stage.device.create(replace(request, request_id="of both")).physical_id
        assert set(stage.iot.certificates) == {first, second}
    assert first in stage.iot.certificates


@pytest.mark.plays("Remove CACertificatePem, and the private CA's own certificate is registered")
def test_a_private_ca_that_has_another_certificate(stage: Stage) -> None:
    stage.aws.acm_pca.cas[PRIVATE_CA] = PrivateCa(issuing.make_ca("Private CA"))
    private_ca = {"VerificationKey": {"CertificateAuthorityArn": PRIVATE_CA}}
    with pytest.raises(InvalidPropertyError, match="is not the CA of CACertificatePem"):
        stage.create(stage.ca, {**private_ca, "CACertificatePem": issuing.make_ca("Declared CA").pem})
    stage.log("create-failed/1", "DELETE_COMPLETE")
    assert stage.iot.cas == {}
    created = stage.create(stage.ca, private_ca)
    assert created.attributes["Subject"] == "CN=Private CA"
