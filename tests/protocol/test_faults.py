"""A sample of ``make faults``: faults on the wire to the embedded AWS, while an event of CloudFormation's is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import issuing
from protocol import material
from protocol.adoption import X
from protocol.fault_table import DOCUMENT, FAULTS, HEADING, document, gateway_operations, play, row
from protocol.function import CALL_SECONDS
from protocol.lifecycle_events import EVENTS
from protocol.referee import Stack

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

    from protocol.emulated_cloud import EmulatedCloud
    from protocol.fault_table import WireFault
    from protocol.lifecycle_events import LifecycleEvent

pytestmark = [pytest.mark.xdist_group("emulated cloud"), pytest.mark.usefixtures("presigned_url")]

EVERY = 9


def _sample() -> list[ParameterSet]:
    """Every ninth event, and the first of each kind of resource, each with another fault."""
    kinds = [event.name.partition(":")[0] for event in EVENTS]
    chosen = sorted({*range(0, len(EVENTS), EVERY), *(kinds.index(kind) for kind in kinds)})
    pairs = [(EVENTS[number], FAULTS[number % len(FAULTS)]) for number in chosen]
    return [pytest.param(event, fault, id=f"{event.name}, {fault}") for event, fault in pairs]


@pytest.mark.parametrize(("event", "fault"), _sample())
def test_fault(emulated_cloud: EmulatedCloud, event: LifecycleEvent, fault: WireFault) -> None:
    clean = play(emulated_cloud, event)
    operation = clean.calls[-1]
    assert row(emulated_cloud, event, operation, fault, clean).violation == ""


def test_a_fault_that_does_not_strike_is_no_proof(emulated_cloud: EmulatedCloud) -> None:
    event = EVENTS[0]
    clean = play(emulated_cloud, event)
    rows = [
        row(emulated_cloud, event, operation, FAULTS[0], clean) for operation in (clean.calls[-1], "iot.DeleteThing")
    ]
    text = document(rows)
    assert "2 plays; an invariant was violated in 1 of them" in text
    assert "| iot.RegisterCACertificate | 1 | 1 | 0 | 0 |" in text
    assert "| iot.DeleteThing | 1 | 0 | 0 | 1 |" in text


def test_the_document_names_the_invariants_that_are_checked() -> None:
    assert DOCUMENT.read_text("utf-8").startswith(HEADING)


def test_the_operations_of_the_gateway_are_read_from_its_source() -> None:
    operations = gateway_operations()
    assert {"iot.RegisterCertificate", "iot.CreateCertificateFromCsr", "iot.ListCertificatesByCA"} <= operations
    assert all(name.startswith("iot.") for name in operations)


def test_the_eleventh_ca_of_a_name_and_key_fails_at_once(emulated_cloud: EmulatedCloud) -> None:
    """A quota that waiting does not lift: neither the SDK nor we try again, and the reason is AWS's own."""
    cloud = emulated_cloud
    material.furnish(cloud)
    for generation in range(1, 11):
        ca = material.ca_certificate(generation)
        proof = issuing.make_verification_certificate(ca, cloud.iot.registration_code)
        cloud.iot.RegisterCACertificate(caCertificate=ca.pem, verificationCertificate=proof.pem)
    stack = Stack(cloud)
    assert stack.create({X: material.ca()}) == "ROLLED_BACK"
    create = cloud.invocations[0]
    assert "10 CA certificates with this subject and public key" in create.answers[0].body["Reason"]
    assert (create.answers[0].at - create.started).total_seconds() == pytest.approx(CALL_SECONDS * len(create.log))
