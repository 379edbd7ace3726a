"""The referee of transfers is itself tested: with each of these defects, the named scenario has to fail."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificate_provider.aws.iot import IotGateway
from iot_certificate_provider.physical_id import TransferIdentity
from iot_certificate_provider.resources.lifecycle import redelivery as registration
from iot_certificate_provider.resources.lifecycle import undo
from iot_certificate_provider.resources.lifecycle.ownership import of_the_resource
from iot_certificate_provider.resources.transfer import certificate_transfer, certificate_transfer_decision
from iot_certificate_provider.resources.transfer.acceptance import Acceptances
from iot_certificate_provider.resources.transfer.certificate_transfer import CertificateTransferResource
from iot_certificate_provider.resources.transfer.certificate_transfer_decision import (
    CertificateTransferDecisionResource,
)
from iot_certificate_provider.resources.transfer.ownership import CertificateTransferOwnership
from protocol import transfers
from protocol.in_use import AccountInUse
from protocol.neighbours import Deploy, Destroy, Wish
from protocol.planted import is_caught_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud
    from protocol.transfers import Certificates

Transfer, Decision = CertificateTransferResource, CertificateTransferDecisionResource


@dataclass(frozen=True)
class Defect:
    """What is done to the provider, the scenario that must not pass with it, and the invariant that it breaks."""

    name: str
    plant: Callable[[pytest.MonkeyPatch], None]
    scenario: Callable[[Cloud, Certificates], None]
    says: str


def takes_any_transfer(patch: pytest.MonkeyPatch) -> None:
    def own(_: Any, request: Any, wanted: Any, transfer: Any) -> TransferIdentity | None:
        return TransferIdentity(wanted.certificate_id, wanted.account) if transfer else None

    patch.setattr(CertificateTransferOwnership, "own_or_left", own)


def owns_no_transfer(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CertificateTransferOwnership, "own_or_left", lambda *_: None)


def takes_what_is_as_declared(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CertificateTransferOwnership, "_made_elsewhere", lambda *_: None)


def undoes_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(certificate_transfer, "undone_on_failure", lambda *_: nullcontext())


def leaves_it_inactive(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Transfer, "_was_active", lambda *_: False)


def activates_whatever_came_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        CertificateTransferOwnership,
        "was_deactivated",
        lambda ownership, request, live: ownership.is_off_since_it_began(request, live),
    )


def forgets_that_it_cancelled(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CertificateTransferOwnership, "is_off_since_it_began", lambda *_: False)


def cancels_what_replaced_it(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Transfer, "_unless_superseded", lambda _, __, identity: identity)

    def outgoing(gateway: Any, certificate_id: str) -> Any:
        found = real(gateway, certificate_id)
        return None if found is None else replace(found, account=transfers.TARGET)

    real = IotGateway.outgoing_transfer
    patch.setattr(IotGateway, "outgoing_transfer", outgoing)


def ignores_old_properties(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Transfer, "_leftover", lambda *_: None)
    patch.setattr(Decision, "_remove_leftover", lambda *_: None)


def looks_not_at_its_own_row(patch: pytest.MonkeyPatch) -> None:
    for module in (certificate_transfer, certificate_transfer_decision, undo):
        patch.setattr(module, "check_still_wanted", lambda *_: None)


def believes_that_nothing_is_repeated(patch: pytest.MonkeyPatch) -> None:
    for module in (certificate_transfer, certificate_transfer_decision, registration):
        patch.setattr(module, "may_be_repeated", lambda *_: False)


def takes_any_acceptance(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Acceptances, "of_existing", lambda *_: of_the_resource("any"))


def decides_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(certificate_transfer_decision, "_check_decision", lambda *_: None)


DEFECTS = [
    Defect(
        "takes any transfer",
        takes_any_transfer,
        transfers.somebody_elses_transfer,
        "I3: somebody else's transfer was cancelled",
    ),
    Defect("owns no transfer", owns_no_transfer, transfers.killed_for_good, "I3: a foreign certificate was changed"),
    Defect(
        "takes what is as declared",
        takes_what_is_as_declared,
        transfers.transferred_by_a_faster_stack,
        "I3: Subject cancelled a transfer that it did not make",
    ),
    Defect("undoes nothing", undoes_nothing, transfers.refused_at_every_call, "I3: a foreign certificate was changed"),
    Defect(
        "leaves it INACTIVE",
        leaves_it_inactive,
        transfers.transferred_and_taken_back,
        "I3: a foreign certificate was changed",
    ),
    Defect(
        "activates what came back",
        activates_whatever_came_back,
        transfers.inactive_whatever_is_lost,
        "I3: a foreign certificate was changed",
    ),
    Defect(
        "forgets that it cancelled",
        forgets_that_it_cancelled,
        transfers.delete_that_fails_half_way,
        "I3: a foreign certificate was changed",
    ),
    Defect(
        "cancels what replaced it",
        cancels_what_replaced_it,
        transfers.redirected,
        "I4: Subject is on its way to 333333333333, not as transfer/210987654321/was-active says",
    ),
    Defect(
        "ignores old properties",
        ignores_old_properties,
        transfers.update_killed_half_way,
        "I3: a foreign certificate was changed",
    ),
    Defect(
        "ignores old properties, deciding",
        ignores_old_properties,
        transfers.another_decision,
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "looks not at its own row",
        looks_not_at_its_own_row,
        transfers.given_up_while_it_runs,
        "I3: a foreign certificate was changed",
    ),
    Defect(
        "looks not, waiting",
        looks_not_at_its_own_row,
        transfers.given_up_while_it_waits,
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "never finds it repeated",
        believes_that_nothing_is_repeated,
        transfers.rejected_meanwhile,
        "I1: a duplicate was answered with another id",
    ),
    Defect(
        "takes any acceptance",
        takes_any_acceptance,
        transfers.accepted_by_somebody_else,
        "I3: the id does not say that it is foreign",
    ),
    Defect("decides twice", decides_twice, transfers.rejected_by_us, "I4: a decision is final"),
]


@pytest.mark.parametrize("defect", [pytest.param(each, id=each.name.replace(" ", "-")) for each in DEFECTS])
def test_is_caught(cloud: Cloud, defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    certificates = transfers.furnish(cloud)
    defect.plant(monkeypatch)
    with pytest.raises(AssertionError) as caught:
        defect.scenario(cloud, certificates)
    is_caught_by(cloud, caught.value, defect.says)


def test_is_caught_in_a_life_of_one_stack(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account has three stacks: one that was never created does nothing that has to be waited for."""
    life = AccountInUse(cloud)
    leaves_it_inactive(monkeypatch)
    with pytest.raises(AssertionError, match=r"I3 .*: a foreign certificate was changed"):
        life.play([Deploy(1, (("TransferA", Wish("leaving")),)), Destroy(1)])
