"""What several users do with one certificate, each with stacks of their own: as in ``protocol/several_owners``.

There CloudFormation is played, in virtual time. Here it is the one of the embedded AWS, the function runs as it does in
Lambda, and all of it goes over TLS. Each sequence has a CA and certificates of its own, so that many can be played at
once: like in an account that is shared.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import issuing
from integration.stacks import StackFailedError
from iot_certificate_provider.pki import Certificate
from local.deleting import delete_ca_certificate, delete_certificate, until_accepted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from integration.stacks import Stacks

    Resources = dict[str, dict[str, Any]]

ADOPT: dict[str, Any] = {"ExistingCertificate": "ADOPT"}
RETAIN = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
THINGS = 60
"""To attach so many takes seconds."""

SHOWS_AFTER_SECONDS = 1.0
"""CloudFormation finds the stack of a new physical id by then (``Strictness.stack_index_seconds``)."""

APART_SECONDS = 31.0
"""Of two registrations, so that clocks that differ cannot be the reason (``history.CLOCKS_DIFFER``)."""

NOTHING_ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iot:Nothing", "Resource": "*"}],
}
BROKEN = {"Type": "Custom::IotDeviceCertificate", "Properties": {"CertificatePem": "not a PEM"}}
NEVER: Resources = {
    "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle", "Properties": {}},
    "Device": {
        "Type": "AWS::CloudFormation::WaitCondition",
        "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "60"},
    },
}
"""A stack in which the creation of ``Device`` has begun, and does not end."""


class Scene:
    """A CA, a device's certificate, and who wants them. Names of stacks are the scene's and what they are in it."""

    def __init__(self, stacks: Stacks, name: str) -> None:
        self.name = name.replace("_", "-")
        self.ca = issuing.make_ca(f"CA of {name}")
        self.devices = [issuing.make_device(self.ca, f"{name} {number}") for number in range(4)]
        self.ca_id, self.device_id = _id(self.ca), _id(self.devices[0])
        self.iot: Any = stacks.session.client("iot")
        self.stacks = stacks
        self._made: list[str] = []

    # What is declared

    def ca_resource(self, **properties: Any) -> dict[str, Any]:
        declared = {"CACertificatePem": self.ca.pem, "CertificateMode": "SNI_ONLY", **properties}
        return {"Type": "Custom::IotCaCertificate", "Properties": declared}

    def device(self, number: int = 0, **properties: Any) -> dict[str, Any]:
        """Declare a device's certificate, which needs no CA."""
        declared = {"CertificatePem": self.devices[number].pem, "CertificateMode": "SNI_ONLY", **properties}
        return {"Type": "Custom::IotDeviceCertificate", "Properties": declared}

    def both(self, **properties: Any) -> Resources:
        return {"Ca": self.ca_resource(**properties), "Device": self.device(**properties)}

    def each(self) -> Iterator[tuple[str, Callable[..., dict[str, Any]]]]:
        """Yield both kinds, for what CloudFormation does to one resource at a time: the first that fails ends it."""
        yield "Ca", self.ca_resource
        yield "Device", self.device

    # What is done

    def create(self, name: str, resources: Resources) -> None:
        if any("ExistingCertificate" in each["Properties"] for each in resources.values()):
            # Else it would wait for a holder that CloudFormation does not find yet: a minute.
            time.sleep(SHOWS_AFTER_SECONDS)
        self._made.append(name)
        self.stacks.create(self._stack(name), resources)

    def update(self, name: str, resources: Resources) -> None:
        self.stacks.update(self._stack(name), resources)

    def begin(self, name: str, resources: Resources) -> str:
        """Begin to create a stack; return its id."""
        self._made.append(name)
        return self.stacks.begin(self._stack(name), resources)

    def finish(self, name: str) -> bool:
        """Wait until a stack is created, or not."""
        try:
            self.stacks.wait(self._stack(name), "stack_create_complete")
        except StackFailedError:
            return False
        return True

    def delete(self, *names: str) -> None:
        for name in names:
            self.stacks.delete(self._stack(name))
            self._made.remove(name)

    def refused(self, reason: str, change: Callable[[str, Resources], None], name: str, resources: Resources) -> None:
        """Have a creation or an update fail for a reason; what has failed to be created is deleted."""
        try:
            change(name, resources)
        except StackFailedError as error:
            if not re.search(reason, str(error)):
                raise
        else:
            raise AssertionError(f"{name} was not refused")
        if change == self.create:
            self.delete(name)

    def clear(self) -> None:
        """Delete what a sequence that failed has left, and what came by hand: the account is other tests', too."""
        for name in reversed(self._made):
            with suppress(StackFailedError):
                self.stacks.delete(self._stack(name))
        self._delete_certificates()
        for thing in self.iot.list_things(maxResults=250)["things"]:
            if thing["thingName"].startswith(f"{self.name}-"):
                until_accepted(self.iot.delete_thing, thingName=thing["thingName"])
        for policy in self.iot.list_policies(pageSize=250)["policies"]:
            if policy["policyName"] == self.name:
                until_accepted(self.iot.delete_policy, policyName=self.name)

    def _delete_certificates(self) -> None:
        mine = {Certificate.from_pem(each.pem).id for each in (self.ca, *self.devices)}
        for each in self.iot.list_certificates(pageSize=250)["certificates"]:
            if each["certificateId"] in mine:
                self._delete_device(each["certificateId"], each["certificateArn"])
        for ca in self.iot.list_ca_certificates(pageSize=250)["certificates"]:
            if ca["certificateId"] in mine:
                delete_ca_certificate(self.iot, ca["certificateId"])

    def _delete_device(self, certificate_id: str, arn: str) -> None:
        for policy in self.iot.list_attached_policies(target=arn)["policies"]:
            self.iot.detach_policy(policyName=policy["policyName"], target=arn)
        for name in self.iot.list_principal_things(principal=arn)["things"]:
            self.iot.detach_thing_principal(thingName=name, principal=arn)
        delete_certificate(self.iot, certificate_id)

    def _stack(self, name: str) -> str:
        return f"{self.name}-{name}"

    # By hand

    def things(self) -> list[str]:
        names = [f"{self.name}-{number}" for number in range(THINGS)]
        for name in names:
            self.iot.create_thing(thingName=name)
        return names

    def policy(self) -> str:
        self.iot.create_policy(policyName=self.name, policyDocument=json.dumps(NOTHING_ALLOWED))
        return self.name

    def field_devices(self) -> list[str]:
        """Have three devices of the CA come by themselves, each with a thing."""
        names = [f"{self.name}-{number}" for number in range(3)]
        for name, device in zip(names, self.devices[1:], strict=True):
            registered = self.iot.register_certificate(
                certificatePem=device.pem, caCertificatePem=self.ca.pem, status="ACTIVE"
            )
            self.iot.create_thing(thingName=name)
            self.iot.attach_thing_principal(thingName=name, principal=registered["certificateArn"])
        return names

    def register(self) -> None:
        """Register both certificates by hand."""
        self.iot.register_ca_certificate(caCertificate=self.ca.pem, certificateMode="SNI_ONLY", setAsActive=True)
        self.iot.register_certificate_without_ca(certificatePem=self.devices[0].pem, status="ACTIVE")

    def delete_by_hand(self) -> None:
        """Delete both certificates by hand."""
        self.iot.update_ca_certificate(certificateId=self.ca_id, newStatus="INACTIVE")
        self.iot.delete_ca_certificate(certificateId=self.ca_id)
        self.iot.update_certificate(certificateId=self.device_id, newStatus="INACTIVE")
        self._until(lambda: self.iot.delete_certificate(certificateId=self.device_id))

    def _until(self, call: Callable[[], object]) -> None:
        while True:
            with suppress(self.iot.exceptions.CertificateStateException):
                call()
                return
            time.sleep(0.1)

    # What there is

    def status(self, number: int = 0) -> str | None:
        """Return the status of a device's certificate; None when it is not registered."""
        with suppress(self.iot.exceptions.ResourceNotFoundException):
            found = self.iot.describe_certificate(certificateId=_id(self.devices[number]))
            return str(found["certificateDescription"]["status"])
        return None

    def ca_status(self) -> str | None:
        with suppress(self.iot.exceptions.ResourceNotFoundException):
            found = self.iot.describe_ca_certificate(certificateId=self.ca_id)
            return str(found["certificateDescription"]["status"])
        return None

    def both_are(self, status: str | None = "ACTIVE") -> None:
        assert (self.ca_status(), self.status()) == (status, status)

    def attached(self) -> list[str]:
        arn = self.iot.describe_certificate(certificateId=self.device_id)["certificateDescription"]["certificateArn"]
        return [each["policyName"] for each in self.iot.list_attached_policies(target=arn)["policies"]]

    def until_registered(self) -> None:
        while self.status() is None:
            time.sleep(0.05)


def _id(issued: issuing.Issued) -> str:
    return Certificate.from_pem(issued.pem).id


# Renaming, and moving


def renamed_with_adopt(scene: Scene) -> None:
    """A user renames a construct and adds ADOPT to it: refused with the ways out, and everything is as it was."""
    scene.create("one", scene.both())
    for name, kind in scene.each():
        renamed = {**scene.both(), "Renamed": kind(**ADOPT), "Broken": {**BROKEN, "DependsOn": ["Renamed"]}}
        del renamed[name]
        scene.refused(rf"{name} of this stack owns .* \(override_logical_id\)", scene.update, "one", renamed)
        scene.both_are()
    scene.delete("one")
    scene.both_are(None)


def renamed_ca_with_adopt(scene: Scene) -> None:
    """A user does so with a CA that has DELETE_WITH_THINGS: three field devices and their things are at stake.

    When the stack is deleted they go, the things too: though they show for a while as attached.
    """
    sweeping = {"DeviceCertificatesOnDelete": "DELETE_WITH_THINGS"}
    scene.create("one", {"Ca": scene.ca_resource(**sweeping)})
    names = scene.field_devices()
    renamed = {"Renamed": scene.ca_resource(**sweeping, **ADOPT)}
    scene.refused("Ca of this stack owns", scene.update, "one", renamed)
    assert [scene.status(number) for number in (1, 2, 3)] == ["ACTIVE"] * 3
    scene.delete("one")
    assert [scene.status(number) for number in (1, 2, 3)] == [None] * 3
    assert not {each["thingName"] for each in scene.iot.list_things()["things"]} & set(names)


def moved_within_a_stack(scene: Scene) -> None:
    """Retain at the old logical ids; the new ones with ADOPT beside them; without the old ones; without ADOPT.

    The step with ADOPT fails once, at another resource.
    """
    scene.create("one", scene.both())
    retained = {name: {**resource, **RETAIN} for name, resource in scene.both().items()}
    scene.update("one", retained)
    adopting = {f"New{name}": resource for name, resource in scene.both(**ADOPT).items()}
    broken = {**BROKEN, "DependsOn": list(adopting)}
    scene.refused("not PEM", scene.update, "one", {**retained, **adopting, "Broken": broken})
    scene.both_are()
    scene.update("one", {**retained, **adopting})
    scene.update("one", adopting)
    scene.both_are()
    scene.update("one", {f"New{name}": resource for name, resource in scene.both().items()})
    scene.both_are()
    scene.delete("one")
    scene.both_are(None)


def moved_from_another_stack(scene: Scene) -> None:
    """The steps of the refusal: Retain there; ADOPT here; remove it there; drop ADOPT."""
    _move(scene, scene.both())


def moved_from_a_native_resource(scene: Scene) -> None:
    """The same, and there it is AWS::IoT::CACertificate and AWS::IoT::Certificate."""
    _move(scene, _native(scene))


def _move(scene: Scene, there: Resources) -> None:
    scene.create("warehouse", there)
    scene.update("warehouse", {name: {**resource, **RETAIN} for name, resource in there.items()})
    scene.create("office", scene.both(**ADOPT))
    scene.delete("warehouse")
    scene.both_are()
    scene.update("office", scene.both())
    scene.delete("office")
    scene.both_are(None)


def _native(scene: Scene) -> Resources:
    mode = {"CertificateMode": "SNI_ONLY", "Status": "ACTIVE"}
    ca, device = {"CACertificatePem": scene.ca.pem, **mode}, {"CertificatePem": scene.devices[0].pem, **mode}
    return {
        "Ca": {"Type": "AWS::IoT::CACertificate", "Properties": ca},
        "Device": {"Type": "AWS::IoT::Certificate", "Properties": device},
    }


# Adopting


def adoption_refused_while_another_stack_holds(scene: Scene) -> None:
    """Stack B adopts what stack A owns: refused, naming A's resource, and A's Delete takes it along."""
    scene.create("warehouse", scene.both())
    _is_refused(scene)
    scene.both_are()
    scene.delete("warehouse")
    scene.both_are(None)


def adoption_refused_while_half_retained(scene: Scene) -> None:
    """A has DeletionPolicy Retain only: a replacement would delete the certificates under B."""
    half = {name: {**resource, "DeletionPolicy": "Retain"} for name, resource in scene.both().items()}
    scene.create("warehouse", half)
    _is_refused(scene)
    scene.update("warehouse", scene.both())
    scene.delete("warehouse")
    scene.both_are(None)


def adoption_refused_while_a_native_resource_holds(scene: Scene) -> None:
    """A holds them as AWS::IoT::CACertificate and AWS::IoT::Certificate, without Retain; B adopts them."""
    scene.create("warehouse", _native(scene))
    _is_refused(scene)
    scene.delete("warehouse")
    scene.both_are(None)


def _is_refused(scene: Scene) -> None:
    for name, kind in scene.each():
        adopting = {"Adopting": kind(**ADOPT)}
        reason = rf"ExistingCertificate: {name} of stack {scene.name}-warehouse owns the certificate"
        scene.refused(reason, scene.create, "office", adopting)


def adoption_refused_while_a_sibling_among_many_holds(scene: Scene) -> None:
    """The holder is a resource of the same stack, which has more than the hundred that one answer names."""
    many: Resources = {
        f"Other{number}": {"Type": "AWS::CloudFormation::WaitConditionHandle", "Properties": {}}
        for number in range(120)
    }
    scene.create("one", {**many, "Device": scene.device()})
    adopting = {**many, "Device": scene.device(), "Second": scene.device(**ADOPT)}
    scene.refused("Device of this stack owns", scene.update, "one", adopting)
    assert scene.status() == "ACTIVE"
    scene.delete("one")
    assert scene.status() is None


def retain_dropped_after_the_adoption(scene: Scene) -> None:
    """A had Retain, so B adopted; then A drops Retain and is deleted: its Delete finds that B uses them."""
    scene.create("warehouse", {name: {**resource, **RETAIN} for name, resource in scene.both().items()})
    scene.create("office", scene.both(**ADOPT))
    time.sleep(SHOWS_AFTER_SECONDS)
    scene.update("warehouse", scene.both())
    scene.delete("warehouse")
    scene.both_are()
    scene.delete("office")
    scene.both_are()
    scene.delete_by_hand()


def detached_only_what_nobody_else_declares(scene: Scene) -> None:
    """B adopts and attaches a policy; A, that owns the certificate, declares the same one later; B is deleted."""
    policy = scene.policy()
    scene.create("warehouse", {"Device": {**scene.device(), **RETAIN}})
    scene.create("office", {"Device": scene.device(**ADOPT, PolicyNames=[policy])})
    time.sleep(SHOWS_AFTER_SECONDS)
    scene.update("warehouse", {"Device": {**scene.device(PolicyNames=[policy]), **RETAIN}})
    scene.delete("office")
    assert scene.attached() == [policy]
    scene.update("warehouse", {"Device": scene.device(PolicyNames=[policy])})
    scene.delete("warehouse")
    assert scene.status() is None


def rollback_that_leaves_what_another_attached(scene: Scene) -> None:
    """B adopts and attaches a policy; an Update of A's declares the same one, and fails: its rollback leaves it."""
    policy = scene.policy()
    scene.create("warehouse", {"Device": {**scene.device(), **RETAIN}})
    scene.create("office", {"Device": scene.device(**ADOPT, PolicyNames=[policy])})
    time.sleep(SHOWS_AFTER_SECONDS)
    declared = {**scene.device(PolicyNames=[policy]), **RETAIN}
    broken = {**BROKEN, "DependsOn": ["Device"]}
    scene.refused("not PEM", scene.update, "warehouse", {"Device": declared, "Broken": broken})
    assert scene.attached() == [policy]
    scene.delete("office")
    scene.update("warehouse", {"Device": scene.device()})
    scene.delete("warehouse")
    assert scene.status() is None


def adopted_while_its_owner_deletes_it(scene: Scene) -> None:
    """A is being deleted as B adopts its certificate: B has it and it is there, or B is refused."""
    scene.create("warehouse", {"Device": scene.device()})
    time.sleep(SHOWS_AFTER_SECONDS)
    scene.stacks.session.client("cloudformation").delete_stack(StackName=f"{scene.name}-warehouse")
    scene.begin("office", {"Device": scene.device(**ADOPT)})
    is_created = scene.finish("office")
    scene.delete("warehouse")
    assert not is_created or scene.status() == "ACTIVE"
    scene.delete("office")
    assert scene.status() is None


# Creating at the same time


def two_stacks_while_one_attaches(scene: Scene) -> None:
    """Two stacks create one certificate; one of them attaches 60 things, and so answers late. Then both are deleted."""
    scene.begin("slow", {"Device": scene.device(ThingNames=scene.things())})
    scene.until_registered()
    scene.refused("Registered already", scene.create, "quick", {"Device": scene.device()})
    assert scene.finish("slow")
    assert scene.status() == "ACTIVE"
    scene.delete("slow")
    assert scene.status() is None


def two_siblings_while_one_attaches(scene: Scene) -> None:
    """Two resources of one stack declare one certificate."""
    siblings = {"Device": scene.device(), "Second": {**scene.device(), "DependsOn": ["Device"]}}
    scene.refused("by Device of this stack.* declared twice", scene.create, "one", siblings)
    assert scene.status() is None


def orphan_that_is_anothers(scene: Scene) -> None:
    """The Delete of an invented id comes for A's Create, which has died, while B's Create still runs."""
    given_up = scene.begin("given-up", NEVER)
    while "Device" not in _logical_ids(scene, given_up):
        time.sleep(0.05)
    scene.begin("other", {"Device": scene.device(ThingNames=scene.things())})
    scene.until_registered()
    answer = _send(scene, "Delete", given_up, f"{scene.name}-given-up-Device-1ABCDEFGHIJKL")
    assert scene.finish("other")
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert f"Device of stack {scene.name}-other" in answer["Reason"], answer["Reason"]
    assert scene.status() == "ACTIVE"
    scene.delete("other")
    assert scene.status() is None
    scene.delete("given-up")


def _logical_ids(scene: Scene, stack_id: str) -> set[str]:
    client = scene.stacks.session.client("cloudformation")
    return {event["LogicalResourceId"] for event in client.describe_stack_events(StackName=stack_id)["StackEvents"]}


def _send(scene: Scene, kind: str, stack_id: str, physical_id: str) -> Mapping[str, Any]:
    """Send the function a request as CloudFormation does; return its answer."""
    store, key = scene.stacks.session.client("s3"), f"{scene.name}.json"
    bucket = f"answers-{scene.name}"
    store.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": store.meta.region_name})
    event = {
        "RequestType": kind,
        "RequestId": "00000001-0000-4000-8000-000000000000",
        "ResponseURL": _presigned(store, bucket, key),
        "ResourceType": "Custom::IotDeviceCertificate",
        "LogicalResourceId": "Device",
        "PhysicalResourceId": physical_id,
        "StackId": stack_id,
        "ResourceProperties": {"ServiceToken": scene.stacks.service_token, **scene.device()["Properties"]},
    }
    client = scene.stacks.session.client("lambda")
    client.invoke(FunctionName=scene.stacks.service_token, Payload=json.dumps(event))
    answer: Mapping[str, Any] = json.loads(store.get_object(Bucket=bucket, Key=key)["Body"].read())
    return answer


def _presigned(store: Any, bucket: str, key: str) -> str:
    url = store.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=7200)
    # The date of CloudFormation's URLs, where the SDK signs the old way.
    return str(url) if "X-Amz-Date" in url else f"{url}&X-Amz-Date={datetime.now(UTC):%Y%m%dT%H%M%SZ}"


# A CA and the devices that other stacks declare


def ca_deleted_under_anothers_devices(scene: Scene) -> None:
    """A CA with DELETE goes with its stack; another stack declares a device certificate of it."""
    _sweep_under_another(scene, "DELETE")
    assert [scene.status(number) for number in range(4)] == ["ACTIVE", None, None, None]
    scene.delete("devices")


def ca_deactivating_anothers_devices(scene: Scene) -> None:
    """A CA with DEACTIVATE goes with its stack; another stack declares a device certificate of it."""
    _sweep_under_another(scene, "DEACTIVATE")
    assert [scene.status(number) for number in range(4)] == ["ACTIVE", *["INACTIVE"] * 3]
    scene.delete("devices")


def _sweep_under_another(scene: Scene, what: str) -> None:
    scene.create("authority", {"Ca": scene.ca_resource(DeviceCertificatesOnDelete=what)})
    scene.field_devices()
    scene.create("devices", {"Device": scene.device(CertificateMode="DEFAULT")})
    scene.delete("authority")
    assert scene.ca_status() is None


# AWS that takes its time, or has other accounts


def thing_dropped_by_an_update(scene: Scene) -> None:
    """An Update drops a thing of the stack, which CloudFormation deletes right after: with one attempt."""
    thing = {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": scene.name}}
    scene.create("one", {"Thing": thing, "Device": scene.device(ThingNames=[{"Ref": "Thing"}])})
    scene.update("one", {"Device": scene.device()})
    assert scene.name not in {each["thingName"] for each in scene.iot.list_things()["things"]}
    scene.delete("one")


def device_before_its_ca(scene: Scene) -> None:
    """A device's certificate is registered before its CA; its policy or its thing does not exist."""
    early = scene.device(CertificateMode="DEFAULT", CACertificatePem=scene.ca.pem)
    scene.refused("CertificatePem: .*CA is .*registered.*DependsOn", scene.create, "one", {"Device": early})
    for name, what in (("PolicyNames", "policy"), ("ThingNames", "thing")):
        lacking = scene.device(0, **{name: ["missing"]})
        reason = f"{name}: {what} missing does not exist .*DependsOn"
        scene.refused(reason, scene.create, "one", {"Device": lacking})
    assert scene.status() is None


def function_that_is_replaced(scene: Scene) -> None:
    """A stack moves to another function: CloudFormation refuses another ServiceToken, and all stays as it was."""
    scene.create("one", scene.both())
    another = scene.stacks.service_token + "-of-another"
    for name, kind in scene.each():
        moved = {**scene.both(), name: kind(ServiceToken=another)}
        scene.refused("Modifying service token is not allowed", scene.update, "one", moved)
        scene.both_are()
    scene.delete("one")
    scene.both_are(None)


AT_ONCE = (
    renamed_with_adopt,
    moved_within_a_stack,
    moved_from_another_stack,
    moved_from_a_native_resource,
    adoption_refused_while_another_stack_holds,
    adoption_refused_while_half_retained,
    adoption_refused_while_a_native_resource_holds,
    adoption_refused_while_a_sibling_among_many_holds,
    retain_dropped_after_the_adoption,
    detached_only_what_nobody_else_declares,
    rollback_that_leaves_what_another_attached,
    adopted_while_its_owner_deletes_it,
    two_stacks_while_one_attaches,
    two_siblings_while_one_attaches,
    ca_deleted_under_anothers_devices,
    ca_deactivating_anothers_devices,
    thing_dropped_by_an_update,
    device_before_its_ca,
    function_that_is_replaced,
)
"""Sequences that can be played beside each other."""


# Hands from outside: half a minute after them, another owner registers the certificates


def updated_after_another_registered(scene: Scene) -> None:
    """The first stack changes the status: refused, and then it is deleted."""
    for name, kind in scene.each():
        changed = {**scene.both(), name: kind(Status="INACTIVE")}
        # CloudFormation answers with one of two stacks, and here with the one that asks: so all stacks are asked.
        said = f"Registered already by {name} of stack .*second.*Remove this resource"
        scene.refused(said, scene.update, "first", changed)
        scene.both_are()
    scene.delete("first")
    scene.both_are()
    scene.delete("second")
    scene.both_are(None)


def deleted_after_another_registered(scene: Scene) -> None:
    """The first stack is deleted."""
    scene.delete("first")
    scene.both_are()
    scene.delete("second")
    scene.both_are(None)


def deleted_while_a_void_holder_stays(scene: Scene) -> None:
    """The second stack goes first: that the first one still names the certificate means nothing."""
    scene.delete("second")
    scene.both_are(None)
    scene.delete("first")


def replaced_after_another_registered(scene: Scene) -> None:
    """The first stack has its certificate replaced: the old id is deleted in the clean-up."""
    scene.update("first", {"Ca": scene.ca_resource(), "Device": scene.device(1)})
    scene.both_are()
    scene.delete("first")
    scene.both_are()
    scene.delete("second")
    scene.both_are(None)


def rolled_back_after_another_registered(scene: Scene) -> None:
    """An Update of the first stack fails at another resource: the rollback never refuses."""
    broken = {**BROKEN, "DependsOn": ["Device"]}
    changed = {"Ca": scene.ca_resource(), "Device": scene.device(1), "Broken": broken}
    scene.refused("not PEM", scene.update, "first", changed)
    scene.both_are()
    assert scene.status(1) is None
    scene.delete("first")
    scene.both_are()
    scene.delete("second")
    scene.both_are(None)


def registered_again_by_hand(scene: Scene) -> None:
    """Nobody else's stack has them: somebody has registered them by hand, and from then on they are theirs."""
    scene.delete("first")
    scene.both_are()
    scene.delete_by_hand()


ALONE = (renamed_ca_with_adopt,)
"""Sequences with a sweep, which leaves in doubt what others that are at work for two minutes may have registered."""

LATER = (
    updated_after_another_registered,
    deleted_after_another_registered,
    deleted_while_a_void_holder_stays,
    replaced_after_another_registered,
    rolled_back_after_another_registered,
    registered_again_by_hand,
)
"""Sequences that go on when certificates were deleted by hand, and another owner has registered them."""
