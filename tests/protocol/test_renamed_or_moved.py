"""Rows of "Renamed or moved" on the pages of types that no sequence elsewhere plays: another name, or another stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iot_certificate_provider.physical_id import adopted_id, certificate_id_in
from protocol import transfers
from protocol.referee import DEVICE, Declared, Stack, retained
from protocol.scenarios import KINDS
from protocol.several_owners import ADOPT, RENAMED, X, reasons

if TYPE_CHECKING:
    from protocol.function import Cloud


@pytest.mark.parametrize("name", ["csr", "by-request"])
def test_a_request_in_another_stack_has_another_certificate_issued(cloud: Cloud, name: str) -> None:
    """Each stack deletes its own: a device that has the old one only is off line when the old stack is deleted."""
    kind, old, new = KINDS[name], Stack(cloud, "old"), Stack(cloud, "new")
    assert old.create({X: kind()}) == "COMPLETE"
    assert new.create({X: kind()}) == "COMPLETE"
    had, has = (certificate_id_in(stack.live[X].physical_id) for stack in (old, new))
    assert had != has
    assert old.delete() == "COMPLETE"
    assert kind.registered(cloud) == {has}
    assert new.delete() == "COMPLETE"


def test_what_a_request_got_moves_to_another_stack_by_its_pem(cloud: Cloud) -> None:
    """Retain there; ADOPT here, with the certificate in the place of the request; remove it there; drop ADOPT."""
    kind, old, new = KINDS["csr"], Stack(cloud, "old"), Stack(cloud, "new")
    assert old.create({X: retained(kind())}) == "COMPLETE"
    certificate_id = old.live[X].physical_id
    given = {"CertificatePem": cloud.iot.certificates[certificate_id].pem}
    assert new.create({X: Declared(DEVICE, {**given, **ADOPT})}) == "COMPLETE", reasons(cloud)
    assert new.live[X].physical_id == adopted_id(certificate_id)
    assert old.delete() == "COMPLETE"
    assert new.update({X: Declared(DEVICE, given)}) == "COMPLETE", reasons(cloud)
    assert new.live[X].physical_id == certificate_id
    assert new.delete() == "COMPLETE"
    assert not kind.registered(cloud)


@pytest.mark.parametrize("name", ["issued", "self-signed"])
@pytest.mark.parametrize("is_same_stack", [True, False], ids=["renamed", "moved"])
def test_a_secret_of_ones_own_has_the_key_of_the_old_resource(cloud: Cloud, name: str, *, is_same_stack: bool) -> None:
    kind, old = KINDS[name], Stack(cloud, "old")
    assert old.create({X: kind()}) == "COMPLETE"
    before = kind.registered(cloud)
    refused = old.update({RENAMED: kind()}) if is_same_stack else Stack(cloud, "new").create({X: kind()})
    assert refused == "ROLLED_BACK"
    assert kind.registered(cloud) == before
    assert old.delete() == "COMPLETE"


@pytest.mark.parametrize("is_same_stack", [True, False], ids=["renamed", "moved"])
def test_a_rejection_is_found_carried_out(cloud: Cloud, *, is_same_stack: bool) -> None:
    """The Create takes as long as it takes to be sure that no transfer arrives."""
    certificate_id = transfers.furnish(cloud).coming[0]
    reject = transfers.decide(certificate_id, "REJECT")
    old = Stack(cloud, "old")
    assert old.create({X: reject}) == "COMPLETE"
    stack = old if is_same_stack else Stack(cloud, "new")
    began = cloud.clock.now
    done = stack.update({RENAMED: reject}) if is_same_stack else stack.create({RENAMED: reject})
    assert done == "COMPLETE"
    assert 45 <= (cloud.clock.now - began).total_seconds() < 60
    assert stack.live[RENAMED].physical_id == f"{certificate_id}/rejected"
    assert "was rejected before, or taken back" in reasons(cloud)


@pytest.mark.parametrize(("value", "generation"), [("2", "2"), ("5", "5")])
def test_a_generation_begins_anew_with_what_is_requested(cloud: Cloud, value: str, generation: str) -> None:
    requested = "Custom::IotCertificateGeneration"
    stack = Stack(cloud)
    assert stack.create({X: Declared(requested, {"Requested": "5"})}) == "COMPLETE"
    assert stack.update({X: Declared(requested, {"Requested": "2"})}) == "COMPLETE"
    assert stack.live[X].physical_id == "generation/5"
    assert stack.update({RENAMED: Declared(requested, {"Requested": value})}) == "COMPLETE"
    assert stack.live[RENAMED].physical_id == f"generation/{generation}"
