"""The referee of several owners is itself tested: with a defect in each rule of ownership, a named sequence must fail.

A defect is data first: which rule it breaks, and what to do to the provider. ``plant`` is given with the change that
brings the rule; until then there is nothing to break, and the sequence is among those that fall by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from protocol import scenarios, several_owners
from protocol.test_several_owners import FALLS

if TYPE_CHECKING:
    from collections.abc import Callable

    from _pytest.mark import ParameterSet

    from protocol.function import Cloud
    from protocol.scenarios import Kind

RULES = {
    1: "a holder's physical id is exactly the certificate's, or that with /adopted; which statuses count, depends",
    2: "an answer that names only the own stack proves nothing about others; siblings come from ListStackResources",
    3: 'a clean "already exists" is another owner; anything else is doubt',
    4: "in doubt: first what is in flight, then holders; an orphan goes when both are empty, or is left with a reason",
    5: "a rollback never refuses, and undoes only what the failed operation did",
    6: "a certificate created after the resource's last completed event is another owner's",
    7: "detach what is declared minus what other holders declare",
    8: "undo, sweep and superseded certificates are destructive steps too; a Create asks whether it is still wanted",
    9: "a CA's stack tag decides deletion, its request tag resuming; a CSR is never taken up in doubt",
    10: "a certificate that stays is a decision with a reason",
}


@dataclass(frozen=True)
class Defect:
    """Which rule it breaks, what is done to the provider, and what must not pass with it, breaking which invariant."""

    rule: int
    what: str
    scenario: Callable[[Cloud, Kind], None]
    kind: str
    says: str
    plant: Callable[[pytest.MonkeyPatch], None] | None = None

    def __str__(self) -> str:
        return f"rule {self.rule}: {self.what}"

    @property
    def case(self) -> str:
        return f"{self.scenario.__name__}-{self.kind}"


DEFECTS = [
    Defect(
        1,
        "counts holders that are being deleted, when it destroys",
        several_owners.two_holders_deleted_together,
        "device",
        "I2",
    ),
    Defect(
        1,
        "counts holders that are being deleted, when it destroys (CA)",
        several_owners.two_holders_deleted_together,
        "ca",
        "I2",
    ),
    Defect(
        1,
        "does not count a holder that is being deleted, when it takes",
        several_owners.adopted_while_its_owner_deletes_it,
        "device",
        "I5",
    ),
    Defect(
        1,
        "counts a holder whose last completed event is older than the registration",
        several_owners.deleted_while_a_void_holder_stays,
        "device",
        "I2",
    ),
    Defect(
        1,
        "looks for the plain id only",
        several_owners.retain_dropped_after_the_adoption,
        "device",
        "I5",
    ),
    Defect(
        1,
        "looks at DeletionPolicy only",
        several_owners.adoption_refused_while_half_retained,
        "device",
        "I5",
    ),
    Defect(
        1,
        "takes only its own types for holders",
        several_owners.adoption_refused_while_a_native_resource_holds,
        "device",
        "I5",
    ),
    Defect(
        2,
        "asks DescribeStackResources for siblings",
        several_owners.adoption_refused_while_a_sibling_among_many_holds,
        "device",
        "I5",
    ),
    Defect(
        3,
        "takes every existing certificate of its running operation for its own",
        several_owners.two_stacks_while_one_attaches,
        "device",
        "",
    ),
    Defect(
        3,
        "takes a sibling's for its own",
        several_owners.two_siblings_while_one_attaches,
        "device",
        "",
    ),
    Defect(
        3,
        "resumes after a failed attempt, though another Create is in flight",
        several_owners.registered_by_another_in_a_pause,
        "device",
        "",
    ),
    Defect(3, "takes a redelivery for clean", scenarios.redelivered_create, "device", ""),
    Defect(
        4,
        "asks nobody what is in flight",
        several_owners.orphan_that_is_anothers,
        "device",
        "I5",
    ),
    Defect(4, "leaves every orphan, without a doubt", scenarios.create_that_never_answers, "device", "I2"),
    Defect(
        5,
        "refuses in a rollback",
        several_owners.rolled_back_after_another_registered,
        "ca",
        "I4",
    ),
    Defect(
        5,
        "changes in a rollback what is no longer its own",
        several_owners.rolled_back_after_another_registered,
        "device",
        "",
    ),
    Defect(
        5,
        "detaches in a rollback all that the failed template declares",
        several_owners.rollback_that_leaves_what_another_attached,
        "device",
        "I5",
    ),
    Defect(
        6,
        "updates any certificate of its id",
        several_owners.updated_after_another_registered,
        "device",
        "I5",
    ),
    Defect(
        6,
        "deletes any certificate of its id",
        several_owners.deleted_after_another_registered,
        "device",
        "",
    ),
    Defect(
        7,
        "detaches all that it declares",
        several_owners.detached_only_what_nobody_else_declares,
        "device",
        "I5",
    ),
    Defect(
        8,
        "undoes by the id alone",
        several_owners.undone_after_another_registered,
        "device",
        "I3",
    ),
    Defect(
        8,
        "sweeps what another stack's resource holds",
        several_owners.ca_deleted_under_anothers_devices,
        "ca",
        "I5",
    ),
    Defect(
        8,
        "deactivates what another stack's resource holds",
        several_owners.ca_deactivating_anothers_devices,
        "ca",
        "I5",
    ),
    Defect(
        8,
        "removes a replaced certificate by its id alone",
        several_owners.replaced_after_another_registered,
        "device",
        "",
    ),
    Defect(
        8,
        "asks only at the end whether it is still wanted",
        several_owners.given_up_while_it_attaches,
        "device",
        "I4",
    ),
    Defect(9, "deletes a CA by its logical id", several_owners.moved_within_a_stack, "ca", ""),
    Defect(9, "deletes a CA without its stack tag", several_owners.registered_again_by_hand, "ca", ""),
    Defect(
        9,
        "takes up a certificate that was issued for the same request",
        several_owners.two_stacks_of_one_signing_request,
        "csr",
        "",
    ),
    Defect(
        10,
        "says nothing when it leaves a certificate to its holder",
        several_owners.retain_dropped_after_the_adoption,
        "ca",
        "I2",
    ),
]


def _cases() -> list[ParameterSet]:
    cases = []
    for defect in DEFECTS:
        marks = [] if defect.plant else [pytest.mark.skip(reason="the provider does not have the rule yet")]
        cases.append(pytest.param(defect, id=str(defect).replace(" ", "-"), marks=marks))
    return cases


@pytest.mark.parametrize("defect", _cases())
def test_is_caught(cloud: Cloud, defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    assert defect.plant is not None
    try:
        defect.plant(monkeypatch)
        cloud.forget_instances()
        with pytest.raises(AssertionError) as caught:
            defect.scenario(cloud, scenarios.KINDS[defect.kind])
    finally:
        monkeypatch.undo()
        cloud.forget_instances()
    assert defect.says in str(caught.value)


def test_every_rule_has_a_defect() -> None:
    assert {defect.rule for defect in DEFECTS} == set(RULES)


def test_a_defect_is_shown_by_a_sequence_that_is_played() -> None:
    played = {f"{scenario.__name__}-{kind}" for scenario, kinds in several_owners.ALL.items() for kind in kinds}
    played |= {f"{scenario.__name__}-{kind}" for scenario in scenarios.ALL for kind in scenarios.KINDS}
    assert {defect.case for defect in DEFECTS} <= played


def test_what_can_be_planted_does_not_fall_by_itself() -> None:
    """With ``plant``, the sequence fails because of it: not one that the provider does not master anyway."""
    assert not [str(defect) for defect in DEFECTS if defect.plant and defect.case in FALLS]
