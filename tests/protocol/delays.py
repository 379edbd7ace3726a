"""AWS that takes its time: delays to lay over the account, and the sequences in which they are met.

An emulator that answers at once hides them. Each delay names its source; the sequences are like ``scenarios``. Two more
are no matter of time or of a sequence: whose ARN authorises CancelCertificateTransfer, and what Secrets Manager takes
for a complete ARN. The embedded AWS plays these.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.pki import Certificate
from protocol import material
from protocol.invariants import require
from protocol.referee import Stack
from protocol.several_owners import reasons

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fakes.aws import Call
    from protocol.function import Cloud
    from protocol.scenarios import Kind

X = "Subject"
SECONDS = 20.0
DETACH_SECONDS = 8.0
STATUS_SECONDS = 4.0
LONGEST_SECONDS = 120.0
CONFIG = {"RoleArn": "arn:aws:iam::123456789012:role/provisioning", "TemplateName": "fleet"}


def deny(cloud: Cloud, seconds: float, *operations: str, code: str = "AccessDeniedException") -> None:
    """Deny calls for so long: a new policy is not effective at once (aws-cdk #37675, #18237, PR 37878)."""
    _refuse(cloud, seconds, operations, lambda name: Refusal(code, f"not authorized to perform: {name}", 403))


def keep_role_from_being_assumed(cloud: Cloud, seconds: float) -> None:
    """Refuse a provisioning role for so long (Terraform retries both operations for two minutes)."""
    operations = ("iot.RegisterCACertificate", "iot.UpdateCACertificate")
    _refuse(cloud, seconds, operations, lambda _: Refusal("InvalidRequestException", "The role cannot be assumed"))


def _refuse(cloud: Cloud, seconds: float, operations: tuple[str, ...], refusal: Callable[[str], Refusal]) -> None:
    until = cloud.clock.now + timedelta(seconds=seconds)

    def admit(call: Call) -> None:
        if call.name in operations and cloud.clock.now < until:
            raise refusal(call.name.replace(".", ":"))

    cloud.admit = admit


def detach_late(cloud: Cloud, seconds: float = DETACH_SECONDS) -> None:
    """Name a thing as attached, and refuse its deletion, for so long after DetachThingPrincipal.

    Source: API reference, DetachThingPrincipal ("asynchronous … might take several seconds"), DeleteThing.
    """
    iot: Any = cloud.iot
    detach, principals, delete = iot.DetachThingPrincipal, iot.ListThingPrincipals, iot.DeleteThing
    detached: dict[tuple[str, str], datetime] = {}

    def lingering(thing: str) -> list[str]:
        soon = timedelta(seconds=seconds)
        return [arn for (name, arn), at in detached.items() if name == thing and cloud.clock.now - at < soon]

    def DetachThingPrincipal(thingName: str, principal: str) -> dict[str, Any]:  # noqa: N802, N803
        if principal in iot.things.get(thingName, ()):
            detached[thingName, principal] = cloud.clock.now
        answer: dict[str, Any] = detach(thingName=thingName, principal=principal)
        return answer

    def ListThingPrincipals(thingName: str, **paging: Any) -> dict[str, Any]:  # noqa: N802, N803
        answer = principals(thingName=thingName)
        return {"principals": sorted({*answer["principals"], *lingering(thingName)})}

    def DeleteThing(thingName: str) -> dict[str, Any]:  # noqa: N802, N803
        if lingering(thingName):
            raise Refusal("InvalidRequestException", "Cannot delete: thing is still attached to one or more principals")
        answer: dict[str, Any] = delete(thingName=thingName)
        return answer

    iot.DetachThingPrincipal, iot.ListThingPrincipals = DetachThingPrincipal, ListThingPrincipals
    iot.DeleteThing = DeleteThing


def deactivate_late(cloud: Cloud, seconds: float = STATUS_SECONDS) -> None:
    """Refuse a deletion for so long after the deactivation (CloudFormation's own handler waits three seconds there)."""
    iot: Any = cloud.iot
    update, delete = iot.UpdateCertificate, iot.DeleteCertificate
    changed: dict[str, datetime] = {}

    def UpdateCertificate(certificateId: str, newStatus: str) -> Any:  # noqa: N802, N803
        changed[certificateId] = cloud.clock.now
        return update(certificateId=certificateId, newStatus=newStatus)

    def DeleteCertificate(certificateId: str, **parameters: Any) -> Any:  # noqa: N802, N803
        since = changed.get(certificateId)
        if since is not None and cloud.clock.now - since < timedelta(seconds=seconds):
            raise Refusal("CertificateStateException", "The certificate must be deactivated before deletion", 406)
        return delete(certificateId=certificateId, **parameters)

    iot.UpdateCertificate, iot.DeleteCertificate = UpdateCertificate, DeleteCertificate


def register_in_another_account(cloud: Cloud, ca_id: str) -> None:
    """Have a CA in DEFAULT mode in another account of the Region, where only one may have it (API reference)."""
    iot: Any = cloud.iot
    register, arn = iot.RegisterCACertificate, f"arn:aws:iot:eu-west-1:210987654321:cacert/{ca_id}"

    def RegisterCACertificate(**parameters: Any) -> Any:  # noqa: N802
        if parameters.get("certificateMode", "DEFAULT") == "DEFAULT":
            message = "The CA certificate is already registered"
            raise Refusal("ResourceAlreadyExistsException", message, 409, resourceId=ca_id, resourceArn=arn)
        return register(**parameters)

    iot.RegisterCACertificate = RegisterCACertificate


# Permissions


def permission_that_comes_late(cloud: Cloud, kind: Kind) -> None:
    """The policies of the function's role are made in the same deployment, and take effect seconds later."""
    stack = Stack(cloud)
    deny(cloud, SECONDS, kind.registration, "iot.AttachPolicy")
    require(stack.create({X: kind(**_attachments(kind))}) == "COMPLETE", "", f"it was to wait: {reasons(cloud)}")
    _gone(stack)


def refusal_by_another_name(cloud: Cloud, kind: Kind) -> None:
    """As before; AWS IoT calls the same refusal UnauthorizedException."""
    stack = Stack(cloud)
    deny(cloud, SECONDS, kind.registration, code="UnauthorizedException")
    require(stack.create({X: kind()}) == "COMPLETE", "", f"it was to wait: {reasons(cloud)}")
    _gone(stack)


def permission_that_never_comes(cloud: Cloud, kind: Kind) -> None:
    """The Create fails within two minutes and names the action; nothing is left."""
    stack, started = Stack(cloud), cloud.clock.now
    deny(cloud, 3600.0, kind.registration)
    require(stack.create({X: kind()}) == "ROLLED_BACK", "", "it was to fail")
    took = (cloud.invocations[0].answers[0].at - started).total_seconds()
    require(took < LONGEST_SECONDS, "I1", f"it failed only after {took:.0f} s")
    require(kind.registration.replace(".", ":") in reasons(cloud), "I1", f"no action named: {reasons(cloud)}")
    require(not kind.registered(cloud), "I2", "a certificate is left")


def role_that_cannot_be_assumed_yet(cloud: Cloud, kind: Kind) -> None:
    """A provisioning role is made in the same deployment as the CA that names it."""
    stack = Stack(cloud)
    keep_role_from_being_assumed(cloud, SECONDS)
    require(stack.create({X: kind(RegistrationConfig=CONFIG)}) == "COMPLETE", "", f"it was to wait: {reasons(cloud)}")
    _gone(stack)


# Attachments and statuses


def things_swept_while_detaching_lags(cloud: Cloud, kind: Kind) -> None:
    """A CA with DELETE_WITH_THINGS is deleted: the things go too, though they are named as attached for seconds."""
    stack, ca = Stack(cloud), material.ca_certificate()
    require(stack.create({X: kind(DeviceCertificatesOnDelete="DELETE_WITH_THINGS")}) == "COMPLETE", "", "created")
    pem = issuing.make_device(ca, "stray", serial=9).pem
    arn = cloud.iot.RegisterCertificate(certificatePem=pem, caCertificatePem=ca.pem, status="ACTIVE")["certificateArn"]
    cloud.iot.CreateThing(thingName="stray")
    cloud.iot.AttachThingPrincipal(thingName="stray", principal=arn)
    detach_late(cloud)
    _gone(stack)
    require("stray" not in cloud.iot.things, "I2", "a thing is left that nothing names any more")


def thing_dropped_by_an_update(cloud: Cloud, kind: Kind) -> None:
    """An Update declares a thing no more, and the stack deletes the thing right after: once, as CloudFormation does."""
    stack = Stack(cloud)
    require(stack.create({X: kind(ThingNames=["thermostat"])}) == "COMPLETE", "", "created")
    detach_late(cloud)
    require(stack.update({X: kind()}) == "COMPLETE", "", f"in place: {reasons(cloud)}")
    with suppress(Refusal):
        cloud.iot.DeleteThing(thingName="thermostat")
    require("thermostat" not in cloud.iot.things, "I1", "the Update was answered before the thing could be deleted")
    _gone(stack)


def deletion_while_the_status_lags(cloud: Cloud, kind: Kind) -> None:
    """Right after our own deactivation, AWS IoT refuses the deletion for seconds."""
    stack = Stack(cloud)
    require(stack.create({X: kind()}) == "COMPLETE", "", "created")
    deactivate_late(cloud)
    _gone(stack)


# Another account, another function


def ca_of_another_account(cloud: Cloud, kind: Kind) -> None:
    """A CA in DEFAULT mode is registered in another account of the Region: the reason says so. AWS names no account."""
    stack = Stack(cloud)
    register_in_another_account(cloud, Certificate.from_pem(material.ca_certificate().pem).id)
    require(stack.create({X: kind()}) == "ROLLED_BACK", "", "it was to fail")
    require("another account" in reasons(cloud), "I1", f"the reason does not say whose it is: {reasons(cloud)}")
    require("does not exist" not in reasons(cloud), "I1", f"it does exist: {reasons(cloud)}")


def function_that_is_replaced(cloud: Cloud, kind: Kind) -> None:
    """A stack moves to a shared provider: CloudFormation refuses another ServiceToken, and all stays as it was."""
    stack = Stack(cloud)
    require(stack.create({X: kind()}) == "COMPLETE", "", "created")
    before = stack.live[X].physical_id
    require(stack.update({X: kind(ServiceToken="arn:of-another-function")}) == "ROLLED_BACK", "I4", "it was accepted")
    require(stack.live[X].physical_id == before, "I4", "another id")
    cloud.possessions.check()
    _gone(stack)


def _attachments(kind: Kind) -> dict[str, Any]:
    return {} if kind.is_ca else {"PolicyNames": ["publish"], "ThingNames": ["thermostat"]}


def _gone(stack: Stack) -> None:
    require(stack.delete() == "COMPLETE", "", f"the stack was to be deleted: {reasons(stack.cloud)}")
    stack.cloud.possessions.check()


BOTH, CA_ONLY, DEVICE_ONLY = ("ca", "device"), ("ca",), ("device",)
ALL: dict[Callable[[Cloud, Kind], None], tuple[str, ...]] = {
    permission_that_comes_late: BOTH,
    refusal_by_another_name: BOTH,
    permission_that_never_comes: BOTH,
    role_that_cannot_be_assumed_yet: CA_ONLY,
    things_swept_while_detaching_lags: CA_ONLY,
    thing_dropped_by_an_update: DEVICE_ONLY,
    deletion_while_the_status_lags: DEVICE_ONLY,
    ca_of_another_account: CA_ONLY,
    function_that_is_replaced: BOTH,
}
