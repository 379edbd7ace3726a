"""The advice of every error about transfers, secrets, codes and renames: none is ruinous, and each is played."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from iot_certificate_provider.errors import ConflictError, InvalidPropertyError

if TYPE_CHECKING:
    from resources.stage import Stage

TESTS = Path(__file__).parents[1]
RESOURCES = TESTS.parent / "provider" / "iot_certificate_provider" / "resources"
MODULES = (
    *sorted(RESOURCES.glob("transfer/*.py")),
    *sorted(RESOURCES.glob("keys/*.py")),
    *sorted(RESOURCES.glob("issued/*.py")),
    RESOURCES / "device" / "renaming.py",
    RESOURCES / "registration_code.py",
    RESOURCES / "ca" / "self_signed_ca_certificate.py",
)

RUINOUS = re.compile(r"cancel-certificate|delete-|detach-|update-certificate|--force|skip", re.IGNORECASE)
"""Commands that are wrong where what they are about is a sibling's, or in use."""

PLAYED = {
    "Undo the change, or remove this resource": (
        "resources/test_certificate_transfer_decision.py",
        "test_of_a_status_that_cannot_be_set_fails_by_name_and_rolls_back",
    ),
    "Undo the change, or have the other account transfer the certificate back": (
        "resources/test_certificate_transfer.py",
        "test_and_its_rollback_succeeds_and_says_so",
    ),
    "Remove this resource; Custom::IotDeviceCertificate with ExistingCertificate ADOPT can use it": (
        "protocol/test_in_use.py",
        "test_a_decision_that_is_removed_leaves_what_an_adopter_uses",
    ),
    "Declare that status first, and change it with the next deployment": (
        "resources/test_advice.py",
        "test_a_decision_declares_the_status_that_the_certificate_has",
    ),
    "Set it to true, or detach them first": ("resources/test_certificate_transfer.py", "test_detaches_when_it_may"),
    "Detach some of them first": (
        "resources/test_advice.py",
        "test_what_is_too_long_is_transferred_when_it_is_detached",
    ),
    "Renamed? Keep its logical id (override_logical_id). Declared twice? Once is enough": (
        "protocol/test_in_use.py",
        "test_a_renamed_transfer_is_refused_and_stays_pending",
    ),
    "Remove this resource, and use the certificate by its ARN": (
        "resources/test_accepted_in_use.py",
        "test_what_another_stack_is_to_delete_is_not_used_beside_it",
    ),
    "Renamed? Keep its logical id (override_logical_id). Else declare both until the device has the new certificate": (
        "resources/test_renames.py",
        "test_is_certified_again_beside_the_old_one",
    ),
    "Name a secret that was created without a value, also without a generated one": (
        "resources/test_secrets_in_use.py",
        "test_moves_the_label_of_its_own_key",
    ),
    "Give each resource an empty secret of its own. Renamed? Keep its logical id (override_logical_id)": (
        "protocol/test_in_use.py",
        "test_a_renamed_key_keeps_its_label_however_often_it_is_tried",
    ),
    "Remove it there first": ("resources/test_advice.py", "test_another_owners_transfer_is_over_first"),
    "If that transfer is not needed, cancel it, and deploy again": (
        "resources/test_advice.py",
        "test_another_owners_transfer_is_over_first",
    ),
    "Name an existing account of the same partition": (
        "resources/test_certificate_transfer.py",
        "test_deactivates_and_transfers",
    ),
    "Name the account that receives the certificate": (
        "resources/test_certificate_transfer.py",
        "test_deactivates_and_transfers",
    ),
}
"""Each fix, and the test that does what it says."""

BY_HAND = {
    "Register it first. If it was transferred already, remove this resource",
    "Register another certificate for the device, and transfer that one",
    "Set it ACTIVE or INACTIVE first",
    "Transfer the certificate back, or remove this resource",
    "Have the certificate transferred back by a Custom::IotCertificateTransfer",
    "Have it transferred again, and decide under another logical id",
    "Deploy the CA first, then what it issues",
    "Remove CACertificatePem, and the private CA's own certificate is registered",
}
"""Fixes that change nothing that exists: another certificate, another resource, another deployment."""


def constant(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def fixes() -> set[str]:
    """Return the literal fixes: the last argument of an error, what is named ``fix``, and what a ``fix_of`` returns."""
    found: set[str] = set()
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith("Error"):
                found |= {constant(node.args[-1]) or ""} if len(node.args) >= 2 else set()
            if isinstance(node, ast.Assign):
                names = [each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)]
                if "fix" in names:
                    values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
                    found.add(constant(values[-1]) or "")
            if isinstance(node, ast.FunctionDef) and node.name == "fix_of":
                found |= {
                    constant(each.value) or "" for each in ast.walk(node) if isinstance(each, ast.Return) and each.value
                }
    return found - {""}


def test_every_fix_is_played_or_changes_nothing_that_exists() -> None:
    unplayed = fixes() - set(PLAYED) - BY_HAND
    assert unplayed == set()


@pytest.mark.parametrize("fix", sorted({*PLAYED, *BY_HAND}))
def test_no_fix_names_a_command_that_ruins_what_is_in_use(fix: str) -> None:
    assert fix in fixes()
    assert not RUINOUS.search(fix)


@pytest.mark.parametrize(("file", "test"), sorted(set(PLAYED.values())))
def test_the_test_that_plays_it_is_there(file: str, test: str) -> None:
    assert f"def {test}(" in (TESTS / file).read_text(encoding="utf-8")


TARGET = "210987654321"


@pytest.fixture
def certificate_id(stage: Stage) -> str:
    """A certificate of this account."""
    answer = stage.iot.RegisterCertificateWithoutCA(issuing.make_device(issuing.make_ca()).pem, "INACTIVE")
    return str(answer["certificateId"])


def to(certificate_id: str) -> dict[str, Any]:
    return {"CertificateId": certificate_id, "TargetAwsAccount": TARGET, "DetachOnTransfer": "true"}


def test_another_owners_transfer_is_over_first(stage: Stage, certificate_id: str) -> None:
    stage.iot.TransferCertificate(certificate_id, TARGET, "by hand")
    with pytest.raises(ConflictError, match="If that transfer is not needed, cancel it, and deploy again"):
        stage.create(stage.transfer, to(certificate_id))
    plant = stage.aws.cloudformation.beside("plant")
    plant.log("Leaving", f"{certificate_id}/transfer/{TARGET}", "CREATE_COMPLETE")
    with pytest.raises(ConflictError, match=r"Leaving of stack plant transfers .* Remove it there first"):
        stage.create(stage.transfer, to(certificate_id))
    # Which cancels it, as its owner may do by hand.
    plant.resources.clear()
    stage.iot.CancelCertificateTransfer(certificate_id)
    stage.create(stage.transfer, to(certificate_id))
    assert stage.iot.certificates[certificate_id].status == "PENDING_TRANSFER"


def test_what_is_too_long_is_transferred_when_it_is_detached(stage: Stage, certificate_id: str) -> None:
    arn = stage.iot.certificates[certificate_id].arn
    stage.iot.policies.update({f"{number}{'x' * 127}": {arn} for number in range(8)})
    with pytest.raises(InvalidPropertyError, match="Detach some of them first"):
        stage.create(stage.transfer, to(certificate_id))
    stage.iot.DetachPolicy(f"0{'x' * 127}", arn)
    stage.iot.DetachPolicy(f"1{'x' * 127}", arn)
    stage.create(stage.transfer, to(certificate_id))
    assert stage.iot.certificates[certificate_id].status == "PENDING_TRANSFER"


def test_a_decision_declares_the_status_that_the_certificate_has(stage: Stage) -> None:
    answer = stage.other.RegisterCertificateWithoutCA(issuing.make_device(issuing.make_ca()).pem)
    coming = str(answer["certificateId"])
    stage.other.TransferCertificate(coming, stage.iot.account)
    stage.iot.AcceptCertificateTransfer(coming)
    active = {"CertificateId": coming, "Decision": "ACCEPT", "Status": "ACTIVE"}
    with pytest.raises(InvalidPropertyError, match="Declare that status first, and change it with the next deployment"):
        stage.create(stage.decision, active)
    inactive = {**active, "Status": "INACTIVE"}
    physical_id = stage.create(stage.decision, inactive).physical_id
    stage.update(stage.decision, physical_id, inactive, active)
    assert stage.iot.certificates[coming].status == "ACTIVE"
