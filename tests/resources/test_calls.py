"""How many calls each event of a lifecycle takes. ``pytest -s`` prints the table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from iot_certificate_provider.protocol.request import RequestType
from resources.stage import KEY_SECRET, LOGICAL_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iot_certificate_provider.resources.resource import Resource
    from resources.stage import Stage

SECOND_SECRET = KEY_SECRET.replace("key", "second-key")
SWEPT = 3
AN_HOUR = timedelta(hours=1)
"""Between two events."""


class Certificates:
    """The certificates that the events are about; the CA is registered for devices only."""

    def __init__(self, stage: Stage) -> None:
        self.ca = issuing.make_ca("Factory CA")
        self.second_ca = issuing.make_ca("Factory CA 2")
        self.device = issuing.make_device(self.ca, "thermostat")
        self.renewed = issuing.make_device(self.ca, "thermostat")
        self.csr = issuing.make_csr("thermostat")
        self.proof = issuing.make_verification_certificate(self.ca, stage.iot.registration_code)
        stage.aws.secrets.values[KEY_SECRET] = self.ca.key_pem()
        stage.aws.secrets.values[SECOND_SECRET] = self.second_ca.key_pem()

    def register_ca(self, stage: Stage) -> None:
        stage.iot.RegisterCACertificate(
            caCertificate=self.ca.pem, verificationCertificate=self.proof.pem, setAsActive=True
        )


@dataclass(frozen=True)
class Event:
    """One event: what is declared (``old`` before it, by an Update or a Delete) and the calls that it takes."""

    name: str
    kind: RequestType
    new: Callable[[Certificates], dict[str, Any]]
    calls: list[str]
    old: Callable[[Certificates], dict[str, Any]] | None = None
    outside: Callable[[Stage, str], None] = field(default=lambda stage, physical_id: None)
    """What somebody does outside the stack, before the event."""


def device(**changes: Any) -> Callable[[Certificates], dict[str, Any]]:
    return lambda c: {"CertificatePem": c.device.pem, **changes}


def renewed(**changes: Any) -> Callable[[Certificates], dict[str, Any]]:
    return lambda c: {"CertificatePem": c.renewed.pem, **changes}


def csr(**changes: Any) -> Callable[[Certificates], dict[str, Any]]:
    return lambda c: {"CertificateSigningRequest": c.csr.pem, **changes}


def ca(**changes: Any) -> Callable[[Certificates], dict[str, Any]]:
    return lambda c: {"CACertificatePem": c.ca.pem, "VerificationKey": {"SecretArn": KEY_SECRET}, **changes}


def second_ca() -> Callable[[Certificates], dict[str, Any]]:
    return lambda c: {"CACertificatePem": c.second_ca.pem, "VerificationKey": {"SecretArn": SECOND_SECRET}}


def ca_in_sni_only(**changes: Any) -> Callable[[Certificates], dict[str, Any]]:
    return lambda c: {"CACertificatePem": c.ca.pem, "CertificateMode": "SNI_ONLY", **changes}


def ca_with_proof() -> Callable[[Certificates], dict[str, Any]]:
    return lambda c: {"CACertificatePem": c.ca.pem, "VerificationCertificatePem": c.proof.pem}


def devices_come(stage: Stage, ca_id: str) -> None:
    """Register some devices' certificates under the CA, as devices do that connect."""
    for number in range(SWEPT):
        record = stage.iot.cas[ca_id]
        pem = issuing.make_device(issuing.make_ca("Factory CA"), f"new-{number}").pem
        stage.iot._add(pem, "PENDING_ACTIVATION", record.mode, ca_id)


def others_adopt(stage: Stage, certificate_id: str) -> None:
    stage.aws.cloudformation.beside("plant").log("Pump", f"{certificate_id}/adopted", "CREATE_COMPLETE")


def others_attach(stage: Stage, certificate_id: str) -> None:
    arn = stage.iot.certificates[certificate_id].arn
    stage.iot.AttachPolicy(policyName="p2", target=arn)
    stage.iot.AttachThingPrincipal(thingName="hall", principal=arn)


P1 = {"PolicyNames": ["p1"]}
P1_HALL = {**P1, "ThingNames": ["hall"]}
TAGS = {"Tags": [{"Key": "plant", "Value": "Lyon"}]}
FLEET = {"RegistrationConfig": {"TemplateName": "fleet"}}
CREATE, UPDATE, DELETE = RequestType.CREATE, RequestType.UPDATE, RequestType.DELETE

REGISTER = "iot.RegisterCertificate"
PROVE = ["secretsmanager.GetSecretValue", "iot.GetRegistrationCode", "iot.RegisterCACertificate"]
STILL_WANTED = "cloudformation.DescribeStackResource"
RENAMED = ("cloudformation.DescribeStacks", "cloudformation.ListStackResources")
"""Whether the update removes another resource that has the certificate of the same request."""
REPEATED = "cloudformation.DescribeStackEvents"
# Who holds it, by either of its ids: the first answer is the own stack, with its siblings.
HOLDERS = ["cloudformation.DescribeStackResources"] * 2
STILL_OWN = ["iot.DescribeCertificate", "cloudformation.DescribeStackEvents"]
WHOSE_IT_IS = [*HOLDERS, *STILL_OWN]
ATTACHED = ["iot.ListAttachedPolicies", "iot.ListPrincipalThings"]
DROP = ["iot.UpdateCertificate", "iot.DeleteCertificate"]
OFF, DELETE_CA = "iot.UpdateCACertificate", "iot.DeleteCACertificate"
# Three tags of ours, on pages of two.
TAGS_OF_CA = ["iot.ListTagsForResource"] * 2
# And whether the stack has begun an update a moment ago: whoever has adopted it may not be found yet.
WHOSE_CA = [*HOLDERS, *TAGS_OF_CA, "cloudformation.DescribeStackEvents"]
# What resources of all stacks of the account hold, of which there is one here.
HELD = ["cloudformation.ListStacks", "cloudformation.ListStackResources"]
OWN_POLICIES = "cloudformation.ListStackResources"
# Whether a resource has adopted it since.
ADOPTED_SINCE = "cloudformation.DescribeStackResources"
SWEEP_ONE = [ADOPTED_SINCE, *ATTACHED, *DROP]
# A page holds two certificates here and 250 at AWS.
LIST_SWEPT = ["iot.ListCertificatesByCA"] * 2

DEVICE_EVENTS = [
    Event("Create", CREATE, device(), [REGISTER, STILL_WANTED]),
    Event("Create, 1 policy", CREATE, device(**P1), [REGISTER, "iot.AttachPolicy", STILL_WANTED]),
    Event(
        "Create, 1 policy, 1 thing",
        CREATE,
        device(**P1_HALL),
        [REGISTER, "iot.AttachPolicy", "iot.AttachThingPrincipal", STILL_WANTED],
    ),
    Event(
        "Create, SNI_ONLY",
        CREATE,
        device(CertificateMode="SNI_ONLY"),
        ["iot.RegisterCertificateWithoutCA", STILL_WANTED],
    ),
    Event("Create, from a CSR", CREATE, csr(), [REPEATED, *RENAMED, "iot.CreateCertificateFromCsr", STILL_WANTED]),
    Event("Update, Status", UPDATE, device(Status="INACTIVE"), [*STILL_OWN, "iot.UpdateCertificate"], device()),
    Event(
        "Update, same certificate in other text",
        UPDATE,
        lambda c: {"CertificatePem": f"# x\n{c.device.pem}"},
        STILL_OWN,
        device(),
    ),
    Event("Update, 1 policy more", UPDATE, device(**P1), [*STILL_OWN, "iot.AttachPolicy"], device()),
    Event(
        "Update, 1 policy and 1 thing less",
        UPDATE,
        device(),
        [
            *STILL_OWN,
            *HOLDERS,
            "iot.DetachPolicy",
            "iot.DetachThingPrincipal",
            "iot.ListTargetsForPolicy",
            "iot.ListThingPrincipals",
        ],
        device(**P1_HALL),
    ),
    Event(
        "Update, 1 policy less, beside an adopter, which may have attached it",
        UPDATE,
        device(),
        # The resources of both stacks, and the template of the adopter.
        [*STILL_OWN, *HOLDERS, *HELD, HELD[1], "cloudformation.DescribeStacks", "cloudformation.GetTemplate"],
        device(**P1),
        others_adopt,
    ),
    Event(
        "Update, Status, from a CSR",
        UPDATE,
        csr(Status="INACTIVE"),
        [*STILL_OWN, "iot.UpdateCertificate"],
        csr(),
    ),
    Event(
        "Update, another certificate, 1 policy",
        UPDATE,
        renewed(**P1),
        [REGISTER, "iot.AttachPolicy", STILL_WANTED],
        device(**P1),
    ),
    Event("Delete, nothing attached", DELETE, device(), [*WHOSE_IT_IS, *ATTACHED, *DROP], device()),
    Event(
        "Delete, INACTIVE",
        DELETE,
        device(Status="INACTIVE"),
        [*WHOSE_IT_IS, *ATTACHED, DROP[1]],
        device(Status="INACTIVE"),
    ),
    Event(
        "Delete, own policy",
        DELETE,
        device(**P1),
        [*WHOSE_IT_IS, *ATTACHED, "iot.DetachPolicy", *DROP, "iot.ListTargetsForPolicy"],
        device(**P1),
    ),
    Event(
        "Delete, others' policy and thing",
        DELETE,
        device(),
        [*WHOSE_IT_IS, *ATTACHED, "iot.DetachPolicy", "iot.DetachThingPrincipal", *DROP],
        device(),
        others_attach,
    ),
    Event(
        "Delete, gone already",
        DELETE,
        device(),
        [*WHOSE_IT_IS, *ATTACHED],
        device(),
        lambda stage, i: stage.iot.certificates.clear(),
    ),
]

CA_EVENTS = [
    Event("Create, SNI_ONLY", CREATE, ca_in_sni_only(), ["iot.RegisterCACertificate", STILL_WANTED]),
    Event("Create, verification certificate", CREATE, ca_with_proof(), ["iot.RegisterCACertificate", STILL_WANTED]),
    Event("Create, key in a secret", CREATE, ca(), [*PROVE, STILL_WANTED]),
    Event("Create, tags and template", CREATE, ca(**TAGS, **FLEET), [*PROVE, STILL_WANTED]),
    Event("Update, Status", UPDATE, ca(Status="INACTIVE"), [*TAGS_OF_CA, OFF], ca()),
    Event("Update, AutoRegistrationStatus", UPDATE, ca(AutoRegistrationStatus="ENABLE"), [*TAGS_OF_CA, OFF], ca()),
    Event("Update, RegistrationConfig", UPDATE, ca(**FLEET), [*TAGS_OF_CA, OFF], ca()),
    Event("Update, RegistrationConfig cleared", UPDATE, ca(), [*TAGS_OF_CA, OFF], ca(**FLEET)),
    Event(
        "Update, RegistrationConfig cleared, still ENABLE",
        UPDATE,
        ca(AutoRegistrationStatus="ENABLE"),
        [*TAGS_OF_CA, OFF, OFF],
        ca(AutoRegistrationStatus="ENABLE", **FLEET),
    ),
    Event("Update, a tag more", UPDATE, ca(**TAGS), [*TAGS_OF_CA, "iot.TagResource"], ca()),
    Event("Update, a tag less", UPDATE, ca(), [*TAGS_OF_CA, "iot.UntagResource"], ca(**TAGS)),
    Event("Update, DeviceCertificatesOnDelete", UPDATE, ca(DeviceCertificatesOnDelete="DELETE"), TAGS_OF_CA, ca()),
    Event("Update, another CA", UPDATE, second_ca(), [*PROVE, STILL_WANTED], ca()),
    Event("Delete", DELETE, ca(), [*WHOSE_CA, OFF, DELETE_CA], ca()),
    Event(
        "Delete, gone already",
        DELETE,
        ca(),
        [*WHOSE_CA[:3], "cloudformation.DescribeStackEvents"],
        ca(),
        lambda stage, _: stage.iot.cas.clear(),
    ),
    Event(
        f"Delete, {SWEPT} devices DEACTIVATE",
        DELETE,
        ca(DeviceCertificatesOnDelete="DEACTIVATE"),
        [
            *WHOSE_CA,
            OFF,
            *LIST_SWEPT,
            *HELD,
            *[ADOPTED_SINCE, "iot.UpdateCertificate"] * SWEPT,
            *LIST_SWEPT,
            DELETE_CA,
            OWN_POLICIES,
        ],
        ca(DeviceCertificatesOnDelete="DEACTIVATE"),
        devices_come,
    ),
    Event(
        f"Delete, {SWEPT} devices DELETE",
        DELETE,
        ca(DeviceCertificatesOnDelete="DELETE"),
        [
            *WHOSE_CA,
            OFF,
            *LIST_SWEPT,
            *HELD,
            *SWEEP_ONE * SWEPT,
            "iot.ListCertificatesByCA",
            DELETE_CA,
            OWN_POLICIES,
        ],
        ca(DeviceCertificatesOnDelete="DELETE"),
        devices_come,
    ),
]

EVENTS = [
    *(pytest.param("device", event, id=f"device: {event.name}") for event in DEVICE_EVENTS),
    *(pytest.param("ca", event, id=f"CA: {event.name}") for event in CA_EVENTS),
]


@pytest.fixture(scope="module")
def table() -> Iterator[list[tuple[str, str, list[str]]]]:
    """Collects what was counted, and prints it at the end."""
    rows: list[tuple[str, str, list[str]]] = []
    yield rows
    print(f"\n\n{'resource':8}  {'event':50}  {'IoT':>3}  {'others':>6}  calls")  # noqa: T201
    for which, name, calls in rows:
        iot = sum(call.startswith("iot.") for call in calls)
        listed = ", ".join(f"{n} x {c}" if n > 1 else c for c, n in Counter(c.split(".")[1] for c in calls).items())
        print(f"{which:8}  {name:50}  {iot:3}  {len(calls) - iot:6}  {listed or '-'}")  # noqa: T201


@pytest.mark.parametrize(("which", "event"), EVENTS)
def test_an_event_takes_exactly_these_calls(
    stage: Stage, which: str, event: Event, table: list[tuple[str, str, list[str]]]
) -> None:
    certificates = Certificates(stage)
    stage.iot.policies.update(p1=set(), p2=set())
    stage.iot.things.update(hall=set())
    if which == "device":
        certificates.register_ca(stage)
    resource: Resource = {"device": stage.device, "ca": stage.ca}[which]
    # CloudFormation's own page, since what is older than an operation is on it too.
    stage.aws.cloudformation.page = 100
    run(stage, resource, event, certificates)
    assert stage.aws.names() == event.calls
    table.append((which, event.name, event.calls))


def run(stage: Stage, resource: Resource, event: Event, certificates: Certificates) -> None:
    if event.old is None:
        stage.create(resource, event.new(certificates))
        return
    old = event.old(certificates)
    stage.iot.clock = stage.now = lambda: datetime.now(UTC) - AN_HOUR
    physical_id = stage.create(resource, old).physical_id
    stage.iot.clock = stage.now = lambda: datetime.now(UTC)
    event.outside(stage, physical_id)
    assert stage.aws.cloudformation.resources[LOGICAL_ID][0] == physical_id
    if event.kind is RequestType.UPDATE:
        stage.update(resource, physical_id, old, event.new(certificates))
    else:
        stage.delete(resource, physical_id, event.new(certificates))
