"""How many calls each event takes of the types that keep keys, hand certificates over, and read the registration code.

``pytest -s`` prints the table, as ``test_calls`` does of CA and device certificates.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.protocol.request import RequestType
from resources.stage import KEY_SECRET, LOGICAL_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resources.stage import Stage

KEPT = KEY_SECRET.replace("factory/ca-key", "kept")
OTHER_KEPT = KEY_SECRET.replace("factory/ca-key", "also-kept")
CSR = issuing.make_csr("pump").pem
BY_REQUEST = {"CertificateSigningRequest": CSR, "Subject": None, "CredentialsSecretArn": None}
CREATE, UPDATE, DELETE = RequestType.CREATE, RequestType.UPDATE, RequestType.DELETE
CA, DEVICE = ResourceType.SELF_SIGNED_CA_CERTIFICATE, ResourceType.ISSUED_DEVICE_CERTIFICATE
TRANSFER, DECISION = ResourceType.CERTIFICATE_TRANSFER, ResourceType.CERTIFICATE_TRANSFER_DECISION
CODE = ResourceType.REGISTRATION_CODE
NAMES = {CA: "own CA", DEVICE: "issued", TRANSFER: "transfer", DECISION: "decision", CODE: "code"}

Properties = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """One event: what it changes of what is declared by default, and the calls that it takes, by service."""

    type: ResourceType
    name: str
    kind: RequestType
    calls: list[str]
    new: Properties = field(default_factory=dict)
    old: Properties = field(default_factory=dict)
    between: Callable[[Stage, str], None] = lambda stage, physical_id: None
    """What happens before the event."""


def is_in_use(stage: Stage, physical_id: str) -> None:
    certificate_id = physical_id.partition("/")[0]
    stage.aws.cloudformation.beside("plant").log("Pump", f"{certificate_id}/adopted", "CREATE_COMPLETE")


def is_rejected(stage: Stage, physical_id: str) -> None:
    stage.other.RejectCertificateTransfer(physical_id.partition("/")[0])


def is_accepted(stage: Stage, physical_id: str) -> None:
    stage.other.AcceptCertificateTransfer(physical_id.partition("/")[0])


def is_out_of_reach(stage: Stage, physical_id: str) -> None:
    stage.aws.secrets.scheduled_for_deletion.add(KEPT)


EVENTS = [
    Event(
        CA,
        "Create",
        CREATE,
        [
            "secretsmanager.GetSecretValue",
            "secretsmanager.DescribeSecret",
            "secretsmanager.PutSecretValue",
            "iot.RegisterCACertificate",
            "cloudformation.DescribeStackResource",
            "secretsmanager.DescribeSecret",
        ],
    ),
    Event(
        CA,
        "Update, Status",
        UPDATE,
        [
            "iot.DescribeCACertificate",
            "secretsmanager.GetSecretValue",
            "secretsmanager.DescribeSecret",
            "secretsmanager.GetSecretValue",
            "iot.ListTagsForResource",
            "iot.ListTagsForResource",
            "iot.UpdateCACertificate",
            "secretsmanager.DescribeSecret",
        ],
        new={"Status": "INACTIVE"},
    ),
    Event(
        CA,
        "Update, Status, the secret is out of reach",
        UPDATE,
        [
            "iot.DescribeCACertificate",
            "secretsmanager.GetSecretValue",
            "iot.ListTagsForResource",
            "iot.ListTagsForResource",
            "iot.UpdateCACertificate",
        ],
        new={"Status": "INACTIVE"},
        between=is_out_of_reach,
    ),
    Event(
        CA,
        "Update, Generation",
        UPDATE,
        [
            "cloudformation.DescribeStacks",
            "secretsmanager.GetSecretValue",
            "secretsmanager.DescribeSecret",
            "secretsmanager.GetSecretValue",
            "secretsmanager.DescribeSecret",
            "secretsmanager.GetSecretValue",
            "iot.DescribeCACertificate",
            "secretsmanager.PutSecretValue",
            "iot.RegisterCACertificate",
            "cloudformation.DescribeStackResource",
            "secretsmanager.DescribeSecret",
            "secretsmanager.GetSecretValue",
            "iot.DescribeCACertificate",
            "secretsmanager.UpdateSecretVersionStage",
        ],
        new={"Generation": "2"},
    ),
    Event(
        CA,
        "Update, another secret",
        UPDATE,
        [
            "cloudformation.DescribeStacks",
            "secretsmanager.GetSecretValue",
            "secretsmanager.DescribeSecret",
            "secretsmanager.DescribeSecret",
            "secretsmanager.PutSecretValue",
            "iot.RegisterCACertificate",
            "cloudformation.DescribeStackResource",
            "secretsmanager.DescribeSecret",
        ],
        new={"PrivateKeySecretArn": OTHER_KEPT},
    ),
    Event(
        CA,
        "Delete",
        DELETE,
        [
            "cloudformation.DescribeStackResources",
            "cloudformation.DescribeStackResources",
            "iot.ListTagsForResource",
            "iot.ListTagsForResource",
            "cloudformation.DescribeStackEvents",
            "iot.UpdateCACertificate",
            "iot.DeleteCACertificate",
            "secretsmanager.DescribeSecret",
            "secretsmanager.GetSecretValue",
            "iot.DescribeCACertificate",
        ],
    ),
    Event(
        CA,
        "Delete, the secret is out of reach",
        DELETE,
        [
            "cloudformation.DescribeStackResources",
            "cloudformation.DescribeStackResources",
            "iot.ListTagsForResource",
            "iot.ListTagsForResource",
            "cloudformation.DescribeStackEvents",
            "iot.UpdateCACertificate",
            "iot.DeleteCACertificate",
            "secretsmanager.DescribeSecret",
        ],
        between=is_out_of_reach,
    ),
    Event(
        CA,
        "Delete, in use",
        DELETE,
        [
            "cloudformation.DescribeStackResources",
            "cloudformation.DescribeStackResources",
            "iot.ListTagsForResource",
            "iot.ListTagsForResource",
            "cloudformation.DescribeStackEvents",
            "iot.DescribeCACertificate",
            "secretsmanager.DescribeSecret",
            "secretsmanager.GetSecretValue",
            "iot.DescribeCACertificate",
        ],
        between=is_in_use,
    ),
    Event(
        DEVICE,
        "Create",
        CREATE,
        [
            "secretsmanager.GetSecretValue",
            "secretsmanager.DescribeSecret",
            "secretsmanager.GetSecretValue",
            "secretsmanager.PutSecretValue",
            "iot.RegisterCertificate",
            "cloudformation.DescribeStackResource",
            "secretsmanager.DescribeSecret",
        ],
    ),
    Event(
        DEVICE,
        "Create, 1 policy, 1 thing",
        CREATE,
        [
            "secretsmanager.GetSecretValue",
            "secretsmanager.DescribeSecret",
            "secretsmanager.GetSecretValue",
            "secretsmanager.PutSecretValue",
            "iot.RegisterCertificate",
            "iot.AttachPolicy",
            "iot.AttachThingPrincipal",
            "cloudformation.DescribeStackResource",
            "secretsmanager.DescribeSecret",
        ],
        new={"PolicyNames": ["telemetry"], "ThingNames": ["hall"]},
    ),
    Event(
        DEVICE,
        "Create, from a CSR",
        CREATE,
        [
            "cloudformation.DescribeStackEvents",
            "cloudformation.DescribeStacks",
            "cloudformation.ListStackResources",
            "secretsmanager.GetSecretValue",
            "iot.RegisterCertificate",
            "cloudformation.DescribeStackResource",
        ],
        new=BY_REQUEST,
    ),
    Event(
        DEVICE,
        "Update, Status",
        UPDATE,
        [
            "iot.DescribeCertificate",
            "secretsmanager.GetSecretValue",
            "secretsmanager.DescribeSecret",
            "secretsmanager.GetSecretValue",
            "iot.DescribeCertificate",
            "cloudformation.DescribeStackEvents",
            "cloudformation.DescribeStackEvents",  # a page has two events here
            "iot.UpdateCertificate",
            "secretsmanager.DescribeSecret",
        ],
        new={"Status": "INACTIVE"},
    ),
    Event(
        DEVICE,
        "Update, Status, the secret is out of reach",
        UPDATE,
        [
            "iot.DescribeCertificate",
            "secretsmanager.GetSecretValue",
            "iot.DescribeCertificate",
            "cloudformation.DescribeStackEvents",
            "cloudformation.DescribeStackEvents",
            "iot.UpdateCertificate",
        ],
        new={"Status": "REVOKED"},
        between=is_out_of_reach,
    ),
    Event(
        DEVICE,
        "Update, Generation",
        UPDATE,
        [
            "cloudformation.DescribeStacks",
            "secretsmanager.GetSecretValue",
            "secretsmanager.DescribeSecret",
            "secretsmanager.GetSecretValue",
            "secretsmanager.DescribeSecret",
            "secretsmanager.GetSecretValue",
            "iot.DescribeCertificate",
            "secretsmanager.GetSecretValue",
            "secretsmanager.PutSecretValue",
            "iot.RegisterCertificate",
            "cloudformation.DescribeStackResource",
            "secretsmanager.DescribeSecret",
            "secretsmanager.GetSecretValue",
            "iot.DescribeCertificate",
            "secretsmanager.UpdateSecretVersionStage",
        ],
        new={"Generation": "2"},
    ),
    Event(
        DEVICE,
        "Update, Generation, 1 policy, 1 thing",
        UPDATE,
        [
            "cloudformation.DescribeStacks",
            "secretsmanager.GetSecretValue",
            "secretsmanager.DescribeSecret",
            "secretsmanager.GetSecretValue",
            "secretsmanager.DescribeSecret",
            "secretsmanager.GetSecretValue",
            "iot.DescribeCertificate",
            "secretsmanager.GetSecretValue",
            "secretsmanager.PutSecretValue",
            "iot.RegisterCertificate",
            "iot.AttachPolicy",
            "iot.AttachThingPrincipal",
            "cloudformation.DescribeStackResource",
            "secretsmanager.DescribeSecret",
            "secretsmanager.GetSecretValue",
            "iot.DescribeCertificate",
            "secretsmanager.UpdateSecretVersionStage",
        ],
        new={"Generation": "2", "PolicyNames": ["telemetry"], "ThingNames": ["hall"]},
        old={"PolicyNames": ["telemetry"], "ThingNames": ["hall"]},
    ),
    Event(
        DEVICE,
        "Update, another secret",
        UPDATE,
        [
            "cloudformation.DescribeStacks",
            "secretsmanager.GetSecretValue",
            "secretsmanager.DescribeSecret",
            "secretsmanager.DescribeSecret",
            "secretsmanager.GetSecretValue",
            "secretsmanager.PutSecretValue",
            "iot.RegisterCertificate",
            "cloudformation.DescribeStackResource",
            "secretsmanager.DescribeSecret",
        ],
        new={"CredentialsSecretArn": OTHER_KEPT},
    ),
    Event(
        DEVICE,
        "Update, Generation, from a CSR",
        UPDATE,
        [
            "cloudformation.DescribeStacks",
            "cloudformation.DescribeStackEvents",
            "cloudformation.DescribeStackEvents",
            "iot.ListCertificates",
            "secretsmanager.GetSecretValue",
            "iot.RegisterCertificate",
            "cloudformation.DescribeStackResource",
        ],
        new={**BY_REQUEST, "Generation": "2"},
        old=BY_REQUEST,
    ),
    Event(
        DEVICE,
        "Delete",
        DELETE,
        [
            "cloudformation.DescribeStackResources",
            "cloudformation.DescribeStackResources",
            "iot.DescribeCertificate",
            "cloudformation.DescribeStackEvents",
            "iot.ListAttachedPolicies",
            "iot.ListPrincipalThings",
            "iot.UpdateCertificate",
            "iot.DeleteCertificate",
            "secretsmanager.DescribeSecret",
            "secretsmanager.GetSecretValue",
            "iot.DescribeCertificate",
        ],
    ),
    Event(
        DEVICE,
        "Delete, the secret is out of reach",
        DELETE,
        [
            "cloudformation.DescribeStackResources",
            "cloudformation.DescribeStackResources",
            "iot.DescribeCertificate",
            "cloudformation.DescribeStackEvents",
            "iot.ListAttachedPolicies",
            "iot.ListPrincipalThings",
            "iot.UpdateCertificate",
            "iot.DeleteCertificate",
            "secretsmanager.DescribeSecret",
        ],
        between=is_out_of_reach,
    ),
    Event(
        DEVICE,
        "Delete, in use",
        DELETE,
        [
            "cloudformation.DescribeStackResources",
            "cloudformation.DescribeStackResources",
            "iot.DescribeCertificate",
            "cloudformation.DescribeStackEvents",
            "iot.ListAttachedPolicies",
            "iot.ListPrincipalThings",
            "secretsmanager.DescribeSecret",
            "secretsmanager.GetSecretValue",
            "iot.DescribeCertificate",
        ],
        between=is_in_use,
    ),
    Event(
        DEVICE,
        "Delete, from a CSR",
        DELETE,
        [
            "cloudformation.DescribeStackResources",
            "cloudformation.DescribeStackResources",
            "iot.DescribeCertificate",
            "cloudformation.DescribeStackEvents",
            "iot.ListAttachedPolicies",
            "iot.ListPrincipalThings",
            "iot.UpdateCertificate",
            "iot.DeleteCertificate",
        ],
        old=BY_REQUEST,
    ),
    Event(
        TRANSFER,
        "Create",
        CREATE,
        [
            "iot.DescribeCertificate",
            "cloudformation.ListStackResources",
            "iot.ListAttachedPolicies",
            "iot.ListPrincipalThings",
            "cloudformation.DescribeStackResource",
            "iot.UpdateCertificate",
            "iot.TransferCertificate",
            "cloudformation.DescribeStackResource",
        ],
    ),
    Event(
        TRANSFER,
        "Create, detaching 1 policy, 1 thing",
        CREATE,
        [
            "iot.DescribeCertificate",
            "cloudformation.ListStackResources",
            "iot.ListAttachedPolicies",
            "iot.ListPrincipalThings",
            "cloudformation.DescribeStackResource",
            "iot.UpdateCertificate",
            "iot.DetachPolicy",
            "iot.DetachThingPrincipal",
            "iot.TransferCertificate",
            "cloudformation.DescribeStackResource",
        ],
        new={"DetachOnTransfer": "true"},
    ),
    Event(TRANSFER, "Update, nothing to do", UPDATE, [], new={"DetachOnTransfer": "false"}),
    Event(
        TRANSFER,
        "Update, another message",
        UPDATE,
        [
            "cloudformation.DescribeStackEvents",
            "cloudformation.DescribeStackEvents",
            "iot.ListOutgoingCertificates",
            "cloudformation.DescribeStackEvents",  # a page has two events here, and all is of one second
            "cloudformation.DescribeStackResource",
            "iot.CancelCertificateTransfer",
            "iot.DescribeCertificate",
            "iot.ListAttachedPolicies",
            "iot.ListPrincipalThings",
            "cloudformation.DescribeStackResource",
            "iot.TransferCertificate",
        ],
        new={"TransferMessage": "Lyon"},
    ),
    Event(
        TRANSFER,
        "Delete, pending",
        DELETE,
        [
            "cloudformation.DescribeStackResource",
            "iot.ListOutgoingCertificates",
            "cloudformation.DescribeStackEvents",
            "cloudformation.DescribeStackEvents",
            "iot.CancelCertificateTransfer",
            "iot.DescribeCertificate",
            "iot.UpdateCertificate",
        ],
    ),
    Event(
        TRANSFER,
        "Delete, pending, attaching again",
        DELETE,
        [
            "cloudformation.DescribeStackResource",
            "iot.ListOutgoingCertificates",
            "cloudformation.DescribeStackEvents",
            "cloudformation.DescribeStackEvents",
            "iot.CancelCertificateTransfer",
            "iot.DescribeCertificate",
            "iot.AttachPolicy",
            "iot.AttachThingPrincipal",
            "iot.UpdateCertificate",
        ],
        old={"DetachOnTransfer": "true"},
    ),
    Event(
        TRANSFER,
        "Delete, rejected",
        DELETE,
        [
            "cloudformation.DescribeStackResource",
            "iot.ListOutgoingCertificates",
            "iot.DescribeCertificate",
            "cloudformation.DescribeStackEvents",
            "cloudformation.DescribeStackEvents",
            "iot.UpdateCertificate",
        ],
        between=is_rejected,
    ),
    Event(
        TRANSFER,
        "Delete, accepted",
        DELETE,
        ["cloudformation.DescribeStackResource", "iot.ListOutgoingCertificates", "iot.DescribeCertificate"],
        between=is_accepted,
    ),
    Event(
        DECISION,
        "Create, ACCEPT",
        CREATE,
        [
            "iot.DescribeCertificate",
            "cloudformation.DescribeStackResource",
            "iot.AcceptCertificateTransfer",
            "cloudformation.DescribeStackResource",
        ],
    ),
    Event(
        DECISION,
        "Create, ACCEPT, ACTIVE",
        CREATE,
        [
            "iot.DescribeCertificate",
            "cloudformation.DescribeStackResource",
            "iot.AcceptCertificateTransfer",
            "cloudformation.DescribeStackResource",
        ],
        new={"Status": "ACTIVE"},
    ),
    Event(
        DECISION,
        "Create, REJECT",
        CREATE,
        ["iot.DescribeCertificate", "cloudformation.DescribeStackResource", "iot.RejectCertificateTransfer"],
        new={"Decision": "REJECT", "OnDelete": None},
    ),
    Event(
        DECISION,
        "Update, Status",
        UPDATE,
        ["iot.DescribeCertificate", *["cloudformation.DescribeStackEvents"] * 2, "iot.UpdateCertificate"],
        new={"Status": "ACTIVE"},
    ),
    Event(DECISION, "Delete, OnDelete RETAIN", DELETE, [], old={"OnDelete": "RETAIN"}),
    Event(
        DECISION,
        "Delete",
        DELETE,
        [
            "iot.DescribeCertificate",
            "cloudformation.DescribeStackEvents",
            "cloudformation.DescribeStackResources",
            "cloudformation.DescribeStackResources",
            "iot.ListAttachedPolicies",
            "iot.ListPrincipalThings",
            "iot.DeleteCertificate",
        ],
    ),
    Event(
        DECISION,
        "Delete, in use",
        DELETE,
        [
            "iot.DescribeCertificate",
            "cloudformation.DescribeStackEvents",
            "cloudformation.DescribeStackResources",
            "cloudformation.DescribeStackResources",
        ],
        between=is_in_use,
    ),
    Event(CODE, "Create", CREATE, ["iot.GetRegistrationCode"]),
    Event(CODE, "Update, OnDelete", UPDATE, ["iot.GetRegistrationCode"], new={"OnDelete": "RETAIN"}),
    Event(CODE, "Delete, OnDelete RETAIN", DELETE, [], old={"OnDelete": "RETAIN"}),
    Event(
        CODE,
        "Delete",
        DELETE,
        [
            "cloudformation.DescribeStackEvents",
            "cloudformation.DescribeStacks",
            "cloudformation.ListStackResources",
            "cloudformation.DescribeStackResources",
            "cloudformation.ListStacks",
            "iot.DeleteRegistrationCode",
        ],
    ),
]


def declared(stage: Stage, event_type: ResourceType, ca: issuing.Issued, certificate_id: str) -> Properties:
    """Return the properties that a type has by default here."""
    if event_type is CA:
        return {"Subject": {"CommonName": "Our CA"}, "PrivateKeySecretArn": KEPT, "CertificateMode": "SNI_ONLY"}
    if event_type is DEVICE:
        issuer = {"CACertificatePem": ca.pem, "SecretArn": KEY_SECRET}
        return {"Issuer": issuer, "Subject": {"CommonName": "pump"}, "CredentialsSecretArn": KEPT}
    if event_type is TRANSFER:
        return {"CertificateId": certificate_id, "TargetAwsAccount": stage.other.account}
    if event_type is DECISION:
        return {"CertificateId": certificate_id, "Decision": "ACCEPT", "OnDelete": "DELETE"}
    return {"OnDelete": "DELETE"}


@pytest.fixture(scope="module")
def table() -> Iterator[list[tuple[str, str, list[str]]]]:
    """Collects what was counted, and prints it at the end."""
    rows: list[tuple[str, str, list[str]]] = []
    yield rows
    print(f"\n\n{'resource':8}  {'event':50}  {'IoT':>3}  {'secrets':>7}  {'others':>6}  calls")  # noqa: T201
    for which, name, calls in rows:
        iot, secrets = (sum(call.startswith(f"{each}.") for call in calls) for each in ("iot", "secretsmanager"))
        listed = ", ".join(f"{n} x {c}" if n > 1 else c for c, n in Counter(c.split(".")[1] for c in calls).items())
        print(f"{which:8}  {name:50}  {iot:3}  {secrets:7}  {len(calls) - iot - secrets:6}  {listed or '-'}")  # noqa: T201


def furnish(stage: Stage, event: Event, ca: issuing.Issued) -> str:
    """Have the secrets, and a certificate that leaves or comes; return its id."""
    for secret in (KEPT, OTHER_KEPT):
        stage.aws.secrets.add_empty(secret)
    stage.aws.secrets.values[KEY_SECRET] = ca.key_pem()
    stage.iot.policies["telemetry"], stage.iot.things["hall"] = set(), set()
    here = stage.other if event.type is DECISION else stage.iot
    active = "INACTIVE" if event.type is DECISION else "ACTIVE"
    answer = here.RegisterCertificateWithoutCA(issuing.make_device(issuing.make_ca(), "leaves").pem, active)
    certificate_id = str(answer["certificateId"])
    here.certificates[certificate_id].created -= timedelta(hours=1)
    if event.type is DECISION:
        here.TransferCertificate(certificate_id, stage.iot.account)
    if "true" in (event.new.get("DetachOnTransfer"), event.old.get("DetachOnTransfer")):
        stage.iot.AttachPolicy("telemetry", answer["certificateArn"])
        stage.iot.AttachThingPrincipal("hall", answer["certificateArn"])
    return certificate_id


@pytest.mark.parametrize("event", [pytest.param(each, id=f"{NAMES[each.type]}: {each.name}") for each in EVENTS])
def test_an_event_takes_exactly_these_calls(
    stage: Stage, registered_ca: issuing.Issued, event: Event, table: list[tuple[str, str, list[str]]]
) -> None:
    calls = served(stage, event, registered_ca)
    assert calls == event.calls
    table.append((NAMES[event.type], event.name, calls))


def _given(properties: Properties) -> Properties:
    return {name: value for name, value in properties.items() if value is not None}


def served(stage: Stage, event: Event, ca: issuing.Issued) -> list[str]:
    """Serve an event after the Create that it needs; return its calls."""
    certificate_id = furnish(stage, event, ca)
    resource, default = stage.resource(event.type), declared(stage, event.type, ca, certificate_id)
    stage.aws.cloudformation.types[LOGICAL_ID] = event.type
    old, new = (_given({**default, **changes}) for changes in (event.old, event.new))
    if event.kind is CREATE:
        stage.create(resource, new)
        return stage.aws.names()
    physical_id = stage.create(resource, old).physical_id
    event.between(stage, physical_id)
    if event.kind is DELETE:
        stage.log(physical_id, "DELETE_IN_PROGRESS")
        stage.delete(resource, physical_id, old)
        return stage.aws.names()
    if "ROLLBACK" not in stage.aws.cloudformation.status:
        stage.aws.cloudformation.begin_update()
    request = replace(stage.request(UPDATE, new, physical_id, old), request_id="another")
    stage.log(physical_id, "UPDATE_IN_PROGRESS")
    resource.update(request)
    return stage.aws.names()
