"""Defects in what keeps a certificate after a rotation: the sequences of ``overlap`` have to catch each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificate_provider.physical_id import keeping_id, without_kept
from iot_certificate_provider.resources.ca import self_signed_ca_certificate
from iot_certificate_provider.resources.ca.ca_certificate import CaCertificateResource
from iot_certificate_provider.resources.device import device_certificate
from iot_certificate_provider.resources.device.device_certificate import DeviceCertificateResource
from iot_certificate_provider.resources.issued import issued_device_certificate, new_key_history
from iot_certificate_provider.resources.lifecycle import ownership
from protocol import overlap, scenarios
from protocol.planted import is_caught_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud
    from protocol.scenarios import Kind

_RESOURCES = (self_signed_ca_certificate, issued_device_certificate)


@dataclass(frozen=True)
class Defect:
    """What is wrong, the sequence that has to catch it, and the invariant that its failure names."""

    name: str
    plant: Callable[[pytest.MonkeyPatch], None]
    scenario: Callable[[Cloud, Kind], None]
    kind: str
    says: str


def forgets_it_in_a_rollback(patch: pytest.MonkeyPatch) -> None:
    def after(request: Any, stacks: Any, certificate_id: str, previous: Any) -> str:
        rotated = certificate_id != request.existing_id
        return keeping_id(certificate_id, request.existing_id if rotated and previous == "KEEP" else "")

    for module in _RESOURCES:
        patch.setattr(module, "physical_id_after", after)


def deletes_the_present_one_alone(patch: pytest.MonkeyPatch) -> None:
    def each(request: Any, delete: Callable[[str], Any]) -> Any:
        return delete(without_kept(request.existing_id)[0])

    for module in _RESOURCES:
        patch.setattr(module, "delete_each", each)


def deletes_it_in_the_clean_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ownership, "deletion_of_an_id", lambda *_: None)


def changes_the_present_one_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(DeviceCertificateResource, "change_kept", lambda *_: "")
    patch.setattr(CaCertificateResource, "change_kept", lambda *_: None)


def puts_back_what_no_rotation_changed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(device_certificate, "returns_to", lambda *_: False)


def comes_back_to_it(patch: pytest.MonkeyPatch) -> None:
    of_update = new_key_history.IssuedWithNewKey.of_update

    def forgetful(history: Any, request: Any, wanted: Any, old: Any) -> Any:
        object.__setattr__(request, "keeps", "")
        return of_update(history, request, wanted, old)

    patch.setattr(new_key_history.IssuedWithNewKey, "of_update", forgetful)


def keeps_it_with_delete(patch: pytest.MonkeyPatch) -> None:
    def after(request: Any, stacks: Any, certificate_id: str, previous: Any) -> str:
        return keeping_id(
            certificate_id, request.existing_id if certificate_id != request.existing_id else request.keeps
        )

    for module in _RESOURCES:
        patch.setattr(module, "physical_id_after", after)


DEFECTS = [
    Defect(
        "forgets it in a rollback",
        forgets_it_in_a_rollback,
        overlap.rollback_returns_the_same_id,
        "issued",
        "I4: Subject has another physical id after the rollback",
    ),
    Defect(
        "deletes the present one alone",
        deletes_the_present_one_alone,
        overlap.one_before_is_kept,
        "issued",
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "… of a CA",
        deletes_the_present_one_alone,
        overlap.one_before_is_kept,
        "self-signed",
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "deletes it in the clean-up",
        deletes_it_in_the_clean_up,
        overlap.one_before_is_kept,
        "by-request",
        "I4: Subject keeps one that is not registered",
    ),
    Defect(
        "deletes what it has",
        deletes_it_in_the_clean_up,
        overlap.delete_again_removes_the_kept_one,
        "issued",
        "I4: Subject keeps one that is not registered",
    ),
    Defect(
        "changes the present one alone",
        changes_the_present_one_alone,
        overlap.changes_apply_to_both,
        "issued",
        "I4: one of them is on",
    ),
    Defect(
        "… of a CA",
        changes_the_present_one_alone,
        overlap.changes_apply_to_both,
        "self-signed",
        "I4: one of them is on",
    ),
    Defect(
        "puts back what no rotation changed",
        puts_back_what_no_rotation_changed,
        overlap.rollback_that_only_describes,
        "issued",
        "I4: stuck",
    ),
    Defect(
        "comes back to it",
        comes_back_to_it,
        overlap.never_back_to_the_kept_one,
        "issued",
        "I4: it came back to the kept one",
    ),
    Defect(
        "keeps it with DELETE",
        keeps_it_with_delete,
        overlap.delete_again_removes_the_kept_one,
        "issued",
        "I4: Subject keeps one that is to be deleted",
    ),
]


@pytest.mark.parametrize("defect", DEFECTS, ids=[f"{each.name}-{each.kind}" for each in DEFECTS])
def test_is_caught(cloud: Cloud, defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        defect.plant(monkeypatch)
        cloud.forget_instances()
        with pytest.raises(AssertionError) as caught:
            defect.scenario(cloud, scenarios.KINDS[defect.kind])
    finally:
        monkeypatch.undo()
        cloud.forget_instances()
    is_caught_by(cloud, caught.value, defect.says)
