"""Every kind of request that CloudFormation sends, each in a play that leads up to it: what faults are tried on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import issuing
from iot_certificate_provider.pki import Certificate
from protocol import adoption, material, scenarios
from protocol.adoption import BROKEN, X, using
from protocol.emulated_cloud import Target
from protocol.function import Fault
from protocol.invariants import require
from protocol.referee import CA, DEVICE, Declared

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud
    from protocol.referee import Stack, Template

CA_KIND, DEVICE_KIND = scenarios.KINDS["ca"], scenarios.KINDS["device"]
AWAY = Target("Delete", X)
UNANSWERED = (Fault("die", "cloudformation.DescribeStackResource", times=3),)
TEMPLATE_BODY = '{"Resources": {"thing": {"Type": "AWS::IoT::Thing", "Properties": {}}}}'
CONFIG = {"TemplateBody": TEMPLATE_BODY, "RoleArn": "arn:aws:iam::123456789012:role/provisioning"}
STRAY_THING = "stray"
_CODE = {X: Declared("Custom::IotRegistrationCode", {"OnDelete": "DELETE"})}
# SNI_ONLY, for want of the foreign CA's key.
_FOREIGN_CA = {X: Declared(CA, {"CACertificatePem": material.foreign_ca().pem, "CertificateMode": "SNI_ONLY"})}


def nothing(cloud: Cloud, stack: Stack) -> None:
    """What happens outside the stack in most plays."""


@dataclass(frozen=True)
class LifecycleEvent:
    """A request, and how it comes about.

    * ``templates``: deployed one after the other, None deletes the stack; the last brings the request about.
    * ``before``: what somebody does outside before the last; ``after``: what has to hold when the stack is gone.
    * ``armed``: what else goes wrong in the last; ``takes``: a foreign certificate that it makes the stack's own.
    """

    name: str
    target: Target
    templates: tuple[Template | None, ...]
    before: Callable[[Cloud, Stack], None] = nothing
    after: Callable[[Cloud, Stack], None] = nothing
    armed: tuple[Fault, ...] = field(default=())
    takes: str = ""


def _events() -> list[LifecycleEvent]:
    return [
        *_lives("CA", _ca(), _ca_changed(), _ca(1), CA_KIND.registration),
        *_without_proof("CA, SNI_ONLY", _sni_ca(), _sni_ca(1), CA_KIND.registration),
        *_lives("device", _device(), _changed(_device), _device(1), DEVICE_KIND.registration),
        *_without_proof("device, SNI_ONLY", _sni_device(), _sni_device(1), "iot.RegisterCertificateWithoutCA"),
        *_lives("CSR", _issued(), _changed(_issued), _issued(1), "iot.CreateCertificateFromCsr"),
        _event("CSR", "Create of one that is REVOKED", Target("Create", X), {X: material.issued(Status="REVOKED")}),
        *_kept("self-signed CA", material.self_signed_ca, CA_KIND.registration),
        *_kept("issued device", material.issued_here, DEVICE_KIND.registration),
        _event("registration code", "Create", Target("Create", X), _CODE),
        _event("registration code", "Delete", AWAY, _CODE, None),
        *(_sweep(what) for what in ("DEACTIVATE", "DELETE", "DELETE_WITH_THINGS")),
        *_adoptions("CA", CA_KIND),
        *_adoptions("device", DEVICE_KIND),
    ]


def _event(kind: str, what: str, target: Target, *templates: Template | None, **more: Any) -> LifecycleEvent:
    return LifecycleEvent(f"{kind}: {what}", target, templates, **more)


def _lives(kind: str, first: Declared, changed: Declared, other: Declared, registration: str) -> list[LifecycleEvent]:
    """The life of one certificate, in the order of its requests."""
    update, back = Target("Update", X), Target("Update", X, number=2)
    born, changing, replacing = {X: first}, {X: changed}, {X: other}
    events = [
        *_births(kind, first, registration),
        _event(kind, "Update in place", update, born, changing),
        _event(kind, "rollback of an Update in place", back, born, {**changing, "Broken": BROKEN}),
        _event(kind, "Update replacing", update, born, replacing),
        _event(kind, "clean-up of the replaced one", AWAY, born, replacing),
        _event(kind, "rollback of an Update replacing", back, born, {**replacing, "Broken": BROKEN}),
        _event(kind, "Delete", AWAY, born, None),
    ]
    if kind == "CA":
        # Of a device's certificate the clean-ups are the same calls.
        events.append(_event(kind, "clean-up after a rollback", AWAY, born, {**replacing, "Broken": BROKEN}))
    died = (Fault("die", registration),)
    again = replace(update, delivery=2)
    events.append(_event(kind, "Update replacing, redelivered", again, born, replacing, armed=died))
    if kind != "CSR":
        events.append(_event(kind, "Update of one that is gone", update, born, changing, before=_vanish))
    return events


def _births(kind: str, first: Declared, registration: str) -> list[LifecycleEvent]:
    create, born = Target("Create", X), {X: first}
    died = (Fault("die", registration),)
    return [
        _event(kind, "Create", create, born),
        _event(kind, "Create redelivered", replace(create, delivery=2), born, armed=died),
        _event(kind, "Delete in the rollback of a Create", AWAY, {**born, "Broken": BROKEN}),
        _event(kind, "Delete after a Create without an answer", AWAY, born, armed=UNANSWERED),
    ]


def _kept(kind: str, declare: Callable[..., Declared], registration: str) -> list[LifecycleEvent]:
    """What is not the same in the life of a certificate whose key is made here and kept in a secret."""
    create, update, back = Target("Create", X), Target("Update", X), Target("Update", X, number=2)
    born, rotated = {X: declare()}, {X: declare(1)}
    died = (Fault("die", registration),)
    return [
        _event(kind, "Create", create, born),
        _event(kind, "Create redelivered", replace(create, delivery=2), born, armed=died),
        _event(kind, "Delete after a Create without an answer", AWAY, born, armed=UNANSWERED),
        _event(kind, "Update in place", update, born, {X: declare(Status="INACTIVE")}),
        _event(kind, "rotation", update, born, rotated),
        _event(kind, "rollback of a rotation", back, born, {**rotated, "Broken": BROKEN}),
        _event(kind, "Delete", AWAY, born, None),
    ]


def _without_proof(kind: str, first: Declared, other: Declared, registration: str) -> list[LifecycleEvent]:
    """What is not the same in the life of an SNI_ONLY certificate."""
    create, update = Target("Create", X), Target("Update", X)
    died = (Fault("die", registration),)
    return [
        _event(kind, "Create", create, {X: first}),
        _event(kind, "Create redelivered", replace(create, delivery=2), {X: first}, armed=died),
        _event(kind, "Update replacing", update, {X: first}, {X: other}),
        _event(kind, "Delete", AWAY, {X: first}, None),
    ]


def _adoptions(kind: str, of: scenarios.Kind) -> list[LifecycleEvent]:
    """Using what somebody else registered, and taking it over: those requests that call AWS IoT."""
    create, update, back = Target("Create", X), Target("Update", X), Target("Update", X, number=2)
    used, owned, foreign = {X: using(of)}, {X: using(of, None)}, adoption.foreign_id(of)
    events = [
        _event(kind, "Create of another owner's", create, _FOREIGN_CA if of is CA_KIND else owned),
        _event(kind, "Create adopting", create, used),
        _event(kind, "Delete after taking ownership", AWAY, used, owned, None, takes=foreign),
        _event(kind, "Update replacing an adopted one", update, used, {X: of()}),
        _event(kind, "Update refused (its mode)", update, {X: of()}, {X: _other_mode(of)}),
    ]
    if of is CA_KIND:  # its tags say whose it is
        events.append(_event(kind, "Update taking ownership", update, used, owned, takes=foreign))
        events.append(_event(kind, "rollback of taking ownership", back, used, {**owned, "Broken": BROKEN}))
    else:  # it has attachments of the stack's own
        more = {X: using(of, PolicyNames=["publish", "shadow"], ThingNames=["thermostat"])}
        events.append(_event(kind, "Update of an adopted one", update, used, more))
        events.append(_event(kind, "Delete of an adopted one", AWAY, used, None))
    return events


def _other_mode(of: scenarios.Kind) -> Declared:
    return _sni_ca() if of is CA_KIND else Declared(DEVICE, {**of().properties, "CertificateMode": "SNI_ONLY"})


def _tags(value: str) -> list[dict[str, str]]:
    return [{"Key": "line", "Value": value}, {"Key": f"only-{value}", "Value": value}]


def _ca(generation: int = 0, **changes: Any) -> Declared:
    return material.ca(generation, **{"Tags": _tags("a"), **changes})


def _ca_changed() -> Declared:
    return _ca(Status="INACTIVE", RegistrationConfig=CONFIG, Tags=_tags("b"))


def _sni_ca(generation: int = 0, **changes: Any) -> Declared:
    return material.ca(generation, CertificateMode="SNI_ONLY", **changes)


def _device(generation: int = 0, **changes: Any) -> Declared:
    return material.device("thermostat", generation, **{**_attached(), **changes})


def _sni_device(generation: int = 0, **changes: Any) -> Declared:
    pem = material.device_certificate("sni", generation).pem
    return Declared(DEVICE, {"CertificatePem": pem, "CertificateMode": "SNI_ONLY", **_attached(), **changes})


def _issued(generation: int = 0, **changes: Any) -> Declared:
    return material.issued("sensor", generation, **{**_attached(), **changes})


def _attached() -> dict[str, Any]:
    return {"PolicyNames": ["connect"], "ThingNames": ["thermostat"]}


def _changed(declare: Callable[..., Declared]) -> Declared:
    return declare(Status="INACTIVE", PolicyNames=["publish"], ThingNames=["boiler"])


def _vanish(cloud: Cloud, stack: Stack) -> None:
    """Delete the certificate outside the stack."""
    certificate_id = stack.live[X].physical_id
    cloud.excuses.deleted_outside.add(certificate_id)
    if certificate_id in cloud.iot.cas:
        cloud.iot.UpdateCACertificate(certificateId=certificate_id, newStatus="INACTIVE")
        cloud.iot.DeleteCACertificate(certificateId=certificate_id)
        return
    arn = cloud.iot.certificates[certificate_id].arn
    cloud.iot.UpdateCertificate(certificateId=certificate_id, newStatus="INACTIVE")
    cloud.iot.DetachPolicy(policyName="connect", target=arn)
    cloud.iot.DetachThingPrincipal(thingName="thermostat", principal=arn)
    cloud.iot.DeleteCertificate(certificateId=certificate_id)


# Sweeps


def _stray() -> issuing.Issued:
    return issuing.make_device(material.ca_certificate(), "stray", serial=9)


def _sweep(what: str) -> LifecycleEvent:
    template = {X: material.ca(DeviceCertificatesOnDelete=what)}
    return _event("CA", f"Delete, sweeping ({what})", AWAY, template, None, before=_bring_in, after=_AFTER_SWEEP[what])


def _bring_in(cloud: Cloud, stack: Stack) -> None:
    """Have a device of the CA's registered by somebody else, with a policy and a thing that has nothing else."""
    pem, ca = STRAY.pem, material.ca_certificate().pem
    arn = cloud.iot.RegisterCertificate(certificatePem=pem, caCertificatePem=ca, status="ACTIVE")["certificateArn"]
    cloud.iot.CreateThing(thingName=STRAY_THING)
    cloud.iot.AttachPolicy(policyName="connect", target=arn)
    cloud.iot.AttachThingPrincipal(thingName=STRAY_THING, principal=arn)


def _deactivated(cloud: Cloud, stack: Stack) -> None:
    require(cloud.iot.certificates[STRAY_ID].status == "INACTIVE", "I2", "the device was not deactivated")


def _deleted(cloud: Cloud, stack: Stack) -> None:
    require(STRAY_ID not in cloud.iot.certificates, "I2", "the device was not swept")
    require(STRAY_THING in cloud.iot.things, "I3", "its thing was deleted, which nobody asked for")


def _deleted_with_thing(cloud: Cloud, stack: Stack) -> None:
    require(STRAY_ID not in cloud.iot.certificates, "I2", "the device was not swept")
    require(STRAY_THING not in cloud.iot.things, "I2", "its thing is left")


STRAY = _stray()
STRAY_ID = Certificate.from_pem(STRAY.pem).id
_AFTER_SWEEP = {"DEACTIVATE": _deactivated, "DELETE": _deleted, "DELETE_WITH_THINGS": _deleted_with_thing}
EVENTS = _events()
