"""A CA that another account of the Region has, through the function: in DEFAULT mode one account can have it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from integration.conftest import NEIGHBOUR
from integration.owners import Scene
from local.deleting import delete_ca_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.stacks import Stacks
    from iot_certificates_local import EmbeddedAws

ELSEWHERE = "CACertificatePem: another account has the CA in this Region in CertificateMode DEFAULT, which allows one"


@pytest.fixture
def scene(stacks: Stacks) -> Iterator[Scene]:
    scene = Scene(replace(stacks, every_seconds=0.2), "another-account")
    yield scene
    scene.clear()


@pytest.fixture
def neighbour(embedded_aws: EmbeddedAws, scene: Scene) -> Iterator[Any]:
    """Give the other account, which has registered the scene's CA in DEFAULT mode."""
    iot: Any = embedded_aws.session(account=NEIGHBOUR).client("iot")
    iot.register_ca_certificate(
        caCertificate=scene.ca.pem, verificationCertificate=_proof(scene, iot), setAsActive=True
    )
    yield iot
    if _has(iot, scene.ca_id):
        delete_ca_certificate(iot, scene.ca_id)


def _proof(scene: Scene, iot: Any) -> str:
    return issuing.make_verification_certificate(scene.ca, iot.get_registration_code()["registrationCode"]).pem


def _has(iot: Any, ca_id: str) -> bool:
    return ca_id in {each["certificateId"] for each in iot.list_ca_certificates()["certificates"]}


def _in_default_mode(scene: Scene, **more: Any) -> dict[str, Any]:
    proof = {"CertificateMode": "DEFAULT", "VerificationCertificatePem": _proof(scene, scene.iot)}
    return {"Ca": scene.ca_resource(**proof, **more)}


def test_a_ca_that_another_account_has_in_default_mode_is_refused_and_named(scene: Scene, neighbour: Any) -> None:
    """Also with ADOPT, since there is nothing here to adopt; the Delete of the failed Create takes nothing there."""
    for more in ({}, {"ExistingCertificate": "ADOPT"}):
        scene.refused(ELSEWHERE, scene.create, "one", _in_default_mode(scene, **more))
        assert scene.ca_status() is None
        assert _has(neighbour, scene.ca_id)


def test_the_ways_out_of_the_refusal_work(scene: Scene, neighbour: Any) -> None:
    """SNI_ONLY in this account beside DEFAULT in the other one; and DEFAULT once it is deleted there."""
    scene.create("sni", {"Ca": scene.ca_resource()})
    assert scene.ca_status() == "ACTIVE"
    scene.delete("sni")
    assert _has(neighbour, scene.ca_id)

    delete_ca_certificate(neighbour, scene.ca_id)
    scene.create("default", _in_default_mode(scene))
    assert scene.ca_status() == "ACTIVE"
    scene.delete("default")
    assert scene.ca_status() is None


def test_an_update_to_that_ca_is_rolled_back(scene: Scene, neighbour: Any) -> None:
    own = issuing.make_ca("own CA")
    before = {
        "Ca": {
            "Type": "Custom::IotCaCertificate",
            "Properties": {"CACertificatePem": own.pem, "CertificateMode": "SNI_ONLY"},
        }
    }
    scene.create("one", before)
    scene.refused(ELSEWHERE, scene.update, "one", _in_default_mode(scene))
    assert [each["status"] for each in scene.iot.list_ca_certificates()["certificates"]] == ["ACTIVE"]
    assert _has(neighbour, scene.ca_id)
    scene.delete("one")
    assert scene.iot.list_ca_certificates()["certificates"] == []
