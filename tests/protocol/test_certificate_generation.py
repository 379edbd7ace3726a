"""A generation, and a certificate that rotates with it, as CloudFormation plays them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol.referee import DEVICE, Declared, Stack

if TYPE_CHECKING:
    from protocol.function import Cloud

X = "Generation"
BROKEN = Declared(DEVICE, {"CertificatePem": "not a PEM"}, after=(X,))


def requested(value: str) -> Declared:
    return Declared("Custom::IotCertificateGeneration", {"Requested": value})


def test_it_lives_with_its_stack(cloud: Cloud) -> None:
    stack = Stack(cloud)
    assert stack.create({X: requested("0")}) == "COMPLETE"
    assert stack.update({X: requested("2027-09-24")}) == "COMPLETE"
    assert stack.live[X].physical_id == "generation/2027-09-24"
    assert stack.update({X: requested("0")}) == "COMPLETE"
    assert stack.live[X].physical_id == "generation/2027-09-24"
    assert stack.delete() == "COMPLETE"


def test_a_rollback_returns_to_the_one_before(cloud: Cloud) -> None:
    """Also to one that is greater than what the properties request, which a tool has reset."""
    stack = Stack(cloud)
    assert stack.create({X: requested("5")}) == "COMPLETE"
    assert stack.update({X: requested("0")}) == "COMPLETE"
    assert stack.update({X: requested("6"), "Broken": BROKEN}) == "ROLLED_BACK"
    assert stack.live[X].physical_id == "generation/5"
    assert stack.update({X: requested("not one!"), "Broken": BROKEN}) == "ROLLED_BACK"
    assert stack.live[X].physical_id == "generation/5"
    assert stack.update({X: requested("6")}) == "COMPLETE"
    assert stack.live[X].physical_id == "generation/6"


def test_a_create_that_fails_leaves_nothing_to_delete(cloud: Cloud) -> None:
    assert Stack(cloud).create({X: requested("a b")}) == "ROLLED_BACK"
    assert Stack(cloud, "second").create({X: requested("1"), "Broken": BROKEN}) == "ROLLED_BACK"
