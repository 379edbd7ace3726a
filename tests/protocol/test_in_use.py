"""Secrets, transfers and codes that are in use, played as CloudFormation does: renames, and siblings that fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from protocol import kept_keys, scenarios, transfers
from protocol.function import Fault
from protocol.referee import DEVICE, Declared, Stack
from protocol.transfers import DETACH, TARGET, decide, outgoing, to

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud
    from protocol.scenarios import Kind

X, RENAMED = "Subject", "Renamed"
BROKEN = Declared(DEVICE, {"CertificatePem": "not a PEM"}, after=(X,))
KINDS = [pytest.param(scenarios.KINDS[name], id=name) for name in ("self-signed", "issued")]


def said(cloud: Cloud, text: str) -> bool:
    """Whether an answer's reason has a text."""
    return any(text in str(answer.body["Reason"]) for each in cloud.invocations for answer in each.answers)


@pytest.mark.parametrize("kind", KINDS)
def test_a_renamed_key_keeps_its_label_however_often_it_is_tried(cloud: Cloud, kind: Kind) -> None:
    stack = Stack(cloud)
    assert stack.create({X: kind()}) == "COMPLETE"
    first = stack.live[X].physical_id
    for _ in range(2):
        assert stack.update({RENAMED: kind(), "Broken": BROKEN}) == "ROLLED_BACK"
        assert kept_keys.current(cloud, kind) == first
        assert kind.registered(cloud) == {first}
    assert said(cloud, "Renamed? Keep its logical id (override_logical_id)")
    # The advice: the logical id that it had.
    assert stack.update({X: kind(1)}) == "COMPLETE"
    assert kept_keys.current(cloud, kind) == stack.live[X].physical_id != first


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_of_another_stack_is_refused_and_its_key_stays(cloud: Cloud, kind: Kind) -> None:
    owner, other = Stack(cloud), Stack(cloud, "other")
    assert owner.create({X: kind()}) == "COMPLETE"
    first = owner.live[X].physical_id
    assert other.create({X: kind()}) == "ROLLED_BACK"
    assert kept_keys.current(cloud, kind) == first
    assert kind.registered(cloud) == {first}


SECRETS_CALLS = ("GetSecretValue", "DescribeSecret", "PutSecretValue", "UpdateSecretVersionStage")


def is_scheduled_for_deletion(cloud: Cloud, arn: str) -> None:
    cloud.aws.secrets.scheduled_for_deletion.add(arn)


def is_deleted(cloud: Cloud, arn: str) -> None:
    cloud.aws.secrets.remove(arn)
    cloud.keys.replaced_outside(arn)


def is_denied(cloud: Cloud, _: str) -> None:
    cloud.arm(*(Fault("deny", f"secretsmanager.{each}", "before", times=999) for each in SECRETS_CALLS))


OUT_OF_REACH = [is_scheduled_for_deletion, is_deleted, is_denied]


@pytest.mark.parametrize("out_of_reach", OUT_OF_REACH)
@pytest.mark.parametrize("keeps", [False, True], ids=["", "with the previous certificate"])
@pytest.mark.parametrize(("name", "off"), [("self-signed", "INACTIVE"), ("issued", "INACTIVE"), ("issued", "REVOKED")])
def test_what_is_turned_off_needs_no_secret(
    cloud: Cloud, name: str, off: str, out_of_reach: Callable[[Cloud, str], None], *, keeps: bool
) -> None:
    kind = scenarios.KINDS[name]
    more: dict[str, Any] = {"PreviousCertificate": "KEEP"} if keeps else {}
    stack = Stack(cloud)
    assert stack.create({X: kind(**more)}) == "COMPLETE"
    if keeps:
        assert stack.update({X: kind(1, **more)}) == "COMPLETE"
    generation, ids = int(keeps), kind.registered(cloud)
    assert len(ids) == 1 + keeps
    out_of_reach(cloud, kept_keys.secret_of(kind))
    try:
        assert stack.update({X: kind(generation, Status=off, **more)}) == "COMPLETE"
        records: dict[str, Any] = {**cloud.iot.cas, **cloud.iot.certificates}
        assert {records[each].status for each in ids} == {off}
        broken = {X: kind(generation, Status=off, ThingNames=["boiler"], **more), "Broken": BROKEN}
        assert kind.is_ca or stack.update(broken) == "ROLLED_BACK"
        assert {records[each].status for each in ids} == {off}
        assert stack.delete() == "COMPLETE"
        assert not kind.registered(cloud)
    finally:
        cloud.arm()
        cloud.aws.secrets.scheduled_for_deletion.clear()


@pytest.mark.parametrize("out_of_reach", OUT_OF_REACH)
def test_a_rollback_leaves_what_was_revoked_without_its_secret(
    cloud: Cloud, out_of_reach: Callable[[Cloud, str], None]
) -> None:
    kind = scenarios.KINDS["issued"]
    stack = Stack(cloud)
    assert stack.create({X: kind()}) == "COMPLETE"
    out_of_reach(cloud, kept_keys.secret_of(kind))
    try:
        assert stack.update({X: kind(Status="REVOKED"), "Broken": BROKEN}) == "ROLLED_BACK"
        assert cloud.iot.certificates[stack.live[X].physical_id].status == "REVOKED"
        assert said(cloud, "Left REVOKED")
    finally:
        cloud.arm()
        cloud.aws.secrets.scheduled_for_deletion.clear()


def test_what_a_transfer_detached_is_attached_again_when_a_sibling_fails(cloud: Cloud) -> None:
    certificate_id = transfers.furnish(cloud).leaving[0]
    stack = Stack(cloud)
    assert stack.create({X: to(certificate_id, **DETACH), "Broken": BROKEN}) == "ROLLED_BACK"
    record = cloud.iot.certificates[certificate_id]
    assert record.status == "ACTIVE"
    assert record.arn in cloud.iot.policies["publish"]
    assert record.arn in cloud.iot.things["thermostat"]


def test_a_renamed_transfer_is_refused_and_stays_pending(cloud: Cloud) -> None:
    certificate_id = transfers.furnish(cloud).leaving[1]
    stack = Stack(cloud)
    assert stack.create({X: to(certificate_id)}) == "COMPLETE"
    assert stack.update({RENAMED: to(certificate_id)}) == "ROLLED_BACK"
    assert said(cloud, f"{X} of this stack transfers the certificate already. Renamed? Keep its logical id")
    assert not said(cloud, "cancel-certificate-transfer")
    assert outgoing(cloud, certificate_id) == TARGET


def test_a_stack_that_goes_leaves_the_transfer_that_another_one_has_made_since(cloud: Cloud) -> None:
    certificate_id = transfers.furnish(cloud).leaving[1]
    first, second = Stack(cloud), Stack(cloud, "second")
    assert first.create({X: to(certificate_id)}) == "COMPLETE"
    cloud.other.RejectCertificateTransfer(certificate_id)
    cloud.clock.sleep(3600)
    assert second.create({X: to(certificate_id)}) == "COMPLETE"
    assert first.delete() == "COMPLETE"
    assert outgoing(cloud, certificate_id) == TARGET
    assert said(cloud, "Left pending: another owner transfers certificate")


def test_a_renamed_decision_is_refused_and_the_certificate_stays(cloud: Cloud) -> None:
    certificate_id = transfers.furnish(cloud).coming[0]
    stack = Stack(cloud)
    assert stack.create({X: decide(certificate_id, OnDelete="DELETE")}) == "COMPLETE"
    assert stack.update({RENAMED: decide(certificate_id, OnDelete="DELETE")}) == "ROLLED_BACK"
    assert said(cloud, f"{X} of this stack has already accepted the certificate. Renamed? Keep its logical id")
    assert certificate_id in cloud.iot.certificates
    assert stack.delete() == "COMPLETE"
    assert certificate_id not in cloud.iot.certificates


def test_a_decision_that_is_removed_leaves_what_an_adopter_uses(cloud: Cloud) -> None:
    certificate_id = transfers.furnish(cloud).coming[0]
    stack = Stack(cloud)
    decision = decide(certificate_id, OnDelete="DELETE")
    pem = cloud.other.certificates[certificate_id].pem
    adopting = {"CertificatePem": pem, "CertificateMode": "SNI_ONLY", "ExistingCertificate": "ADOPT"}
    adopter = Declared(DEVICE, {**adopting, "Status": "INACTIVE"}, after=(X,))
    assert stack.create({X: decision, "Pump": adopter}) == "COMPLETE"
    assert stack.update({"Pump": Declared(DEVICE, dict(adopter.properties))}) == "COMPLETE"
    assert certificate_id in cloud.iot.certificates
    assert said(cloud, "is declared by Pump of this stack")


def test_a_code_stays_while_another_stack_declares_one(cloud: Cloud) -> None:
    code = Declared("Custom::IotRegistrationCode", {"OnDelete": "DELETE"})
    first, second = Stack(cloud), Stack(cloud, "second")
    assert first.create({X: code}) == second.create({X: code}) == "COMPLETE"
    assert first.delete() == "COMPLETE"
    assert cloud.iot.has_registration_code
    assert second.delete() == "COMPLETE"
    assert not cloud.iot.has_registration_code
