"""The referee of several owners is itself tested: with a defect in each rule of ownership, a named sequence must fail.

A defect says which rule it breaks, what it does to the provider, and which invariant the sequence then violates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from iot_certificate_provider.aws.cloudformation import StackGateway
from iot_certificate_provider.protocol.response import Outcome
from iot_certificate_provider.resources.ca import deletion as ca_deletion
from iot_certificate_provider.resources.ca import device_certificate_sweep
from iot_certificate_provider.resources.ca.change import CaCertificateChange
from iot_certificate_provider.resources.ca.ownership import CaCertificateOwnership
from iot_certificate_provider.resources.device.releasing import Releasing
from iot_certificate_provider.resources.lifecycle import cancellation, holders, ownership, redelivery, template
from iot_certificate_provider.resources.lifecycle.adoption import Adoption
from iot_certificate_provider.resources.lifecycle.history import Origin
from iot_certificate_provider.resources.lifecycle.holders import Holders
from iot_certificate_provider.resources.lifecycle.inquiry import Inquiry
from protocol import scenarios, several_owners
from protocol.planted import is_caught_by
from protocol.test_several_owners import FALLS

if TYPE_CHECKING:
    from collections.abc import Callable

    from _pytest.mark import ParameterSet

    from iot_certificate_provider.aws.cloudformation import StackAnswer
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
    plant: Callable[[pytest.MonkeyPatch], None]

    def __str__(self) -> str:
        return f"rule {self.rule}: {self.what}"

    @property
    def case(self) -> str:
        return f"{self.scenario.__name__}-{self.kind}"


def replacing(owner: object, name: str, by: object) -> Callable[[pytest.MonkeyPatch], None]:
    """Plant one thing in another's place."""
    return lambda patch: patch.setattr(owner, name, by)


def counts_all_holders(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holders, "counts_for_destroying", holders.counts_for_taking)


def takes_from_who_is_deleting(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holders, "counts_for_taking", holders.counts_for_destroying)


def looks_for_the_plain_id_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holders, "_holds", lambda each, of: each.physical_id == of)


def looks_at_deletion_policy_only(patch: pytest.MonkeyPatch) -> None:
    kept = property(lambda declared: declared.attributes.get("DeletionPolicy") == "Retain")
    patch.setattr(template.DeclaredResource, "is_left", kept)


def takes_its_own_types_for_holders(patch: pytest.MonkeyPatch) -> None:
    holds = holders._holds
    patch.setattr(holders, "_holds", lambda each, of: holds(each, of) and not each.type.startswith("AWS::"))


def takes_what_exists_for_its_own(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Inquiry, "of_existing", lambda _, __, live, **___: ownership.of_the_resource(live.id))


def resumes_whatever_was_made_meanwhile(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Inquiry, "_taking", lambda _, __, live, ___: ownership.of_the_resource(live.id))


def believes_the_first_hundred(patch: pytest.MonkeyPatch) -> None:
    holding = StackGateway.holding

    def whole(stacks: StackGateway, physical_id: str) -> StackAnswer | None:
        answer = holding(stacks, physical_id)
        return None if answer is None else replace(answer, is_whole=True)

    patch.setattr(StackGateway, "holding", whole)
    patch.setattr(Holders, "_of_all", lambda *_: [])


def believes_the_stack_that_is_found(patch: pytest.MonkeyPatch) -> None:
    for name in ("whole_standing", "standing_with_owner", "standing_everywhere"):
        patch.setattr(Holders, name, lambda asked, request, of, _, **__: asked.standing(request, of))


def adopts_whatever_nobody_holds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Holders, "at_work", lambda *_, **__: None)


def leaves_every_orphan(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Inquiry, "_ask", lambda _, __, found, ___, **____: ownership.left_unowned(found.id))


def believes_that_it_is_the_same(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Inquiry, "_origin", lambda *_, **__: Origin.OWN)


def removes_by_the_id_alone(patch: pytest.MonkeyPatch) -> None:
    believes_that_it_is_the_same(patch)
    patch.setattr(holders.Standing, "keeping", lambda *_: ())


def detaches_whatever_is_declared(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Releasing, "releasable", lambda _, __, attached, *___, **____: attached)


def undoes_by_the_id(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Inquiry, "undoing", lambda _, __, live, ___: ownership.of_the_resource(live.id))


def sweeps_what_other_stacks_hold(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(device_certificate_sweep.Held, "holder", lambda *_: None)


def sweeps_what_nobody_holds_yet(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(device_certificate_sweep.Held, "maker", lambda *_: None)


def deletes_a_ca_by_its_id(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CaCertificateOwnership, "is_anothers_by_now", lambda *_, **__: False)


def goes_by_the_logical_id(patch: pytest.MonkeyPatch) -> None:
    anothers = lambda _, request, __, tags, **___: not ownership.tagged_by(request, tags)  # noqa: E731
    patch.setattr(CaCertificateOwnership, "is_anothers_by_now", anothers)
    patch.setattr(CaCertificateChange, "change_owner", lambda *_, **__: None)


def takes_up_what_was_issued_for_the_request(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Inquiry, "_taking", lambda _, __, live, ___: ownership.of_the_resource(live.id))
    patch.setattr(Holders, "standing", lambda *_: holders.Standing(None, ()))


DEFECTS = [
    Defect(
        1,
        "counts holders that are being deleted, when it destroys",
        several_owners.two_holders_deleted_together,
        "device",
        "I2: each stack left the certificate to the other",
        counts_all_holders,
    ),
    Defect(
        1,
        "counts holders that are being deleted, when it destroys (CA)",
        several_owners.two_holders_deleted_together,
        "ca",
        "I2: each stack left the certificate to the other",
        counts_all_holders,
    ),
    Defect(
        1,
        "does not count a holder that is being deleted, when it takes",
        several_owners.adopted_while_its_owner_deletes_it,
        "device",
        "I5: the certificate of Subject of stack office is not registered any more",
        takes_from_who_is_deleting,
    ),
    Defect(
        1,
        "counts a holder whose last completed event is older than the registration",
        several_owners.deleted_while_a_void_holder_stays,
        "device",
        "I2: it was left to a resource whose own is gone",
        replacing(holders, "is_void", lambda *_: False),
    ),
    Defect(
        1,
        "looks for the plain id only",
        several_owners.retain_dropped_after_the_adoption,
        "device",
        "I5: the certificate of Subject of stack office is not registered any more",
        looks_for_the_plain_id_only,
    ),
    Defect(
        1,
        "looks at DeletionPolicy only",
        several_owners.adoption_refused_while_half_retained,
        "device",
        "I5: what a replacement would delete was adopted",
        looks_at_deletion_policy_only,
    ),
    Defect(
        1,
        "takes only its own types for holders",
        several_owners.adoption_refused_while_a_native_resource_holds,
        "device",
        "I5: what a native resource would delete was adopted",
        takes_its_own_types_for_holders,
    ),
    Defect(
        2,
        "asks DescribeStackResources for siblings",
        several_owners.adoption_refused_while_a_sibling_among_many_holds,
        "ca",
        "I5: a sibling's was adopted",
        believes_the_first_hundred,
    ),
    Defect(
        2,
        "takes up what a stack hides whose own is gone",
        several_owners.renamed_while_another_registers,
        "device",
        "I3: called iot.UpdateCertificate on a certificate that it did not make",
        believes_the_stack_that_is_found,
    ),
    Defect(
        2,
        "adopts what a sibling hides whose own is gone",
        several_owners.adopted_by_a_sibling_after_another_registered,
        "ca",
        "I5: what another stack would delete was adopted",
        believes_the_stack_that_is_found,
    ),
    Defect(
        3,
        "takes every existing certificate of its running operation for its own",
        several_owners.two_stacks_while_one_attaches,
        "device",
        "I3: called iot.UpdateCertificate on a certificate that it did not make",
        takes_what_exists_for_its_own,
    ),
    Defect(
        3,
        "takes a sibling's for its own",
        several_owners.two_siblings_while_one_attaches,
        "device",
        "I3: called iot.UpdateCertificate on a certificate that it did not make",
        takes_what_exists_for_its_own,
    ),
    Defect(
        3,
        "resumes after a failed attempt, though another Create is in flight",
        several_owners.registered_by_another_in_a_pause,
        "device",
        "I3: called iot.UpdateCertificate on a certificate that it did not make",
        resumes_whatever_was_made_meanwhile,
    ),
    Defect(
        3,
        "takes a redelivery for clean",
        scenarios.redelivered_create,
        "device",
        "I2: Subject left a certificate behind",
        replacing(redelivery, "remember_earlier_delivery", lambda *_: None),
    ),
    Defect(
        4,
        "asks nobody what is in flight",
        several_owners.orphan_that_is_anothers,
        "device",
        "I3: called iot.DetachThingPrincipal on a certificate that it did not make",
        replacing(Holders, "at_work", lambda *_, **__: None),
    ),
    Defect(
        4,
        "leaves every orphan, without a doubt",
        scenarios.create_that_never_answers,
        "device",
        "I2: Subject left a certificate behind",
        leaves_every_orphan,
    ),
    Defect(
        4,
        "adopts what a Create has registered that is at work",
        several_owners.adopted_while_its_create_is_undone,
        "device",
        "I5: the certificate of Subject of stack office is not registered any more",
        adopts_whatever_nobody_holds,
    ),
    Defect(
        1,
        "looks once whether the holder would leave it",
        several_owners.retain_dropped_while_another_adopts,
        "device",
        "I4: Subject is not registered",
        replacing(Adoption, "check_still_adoptable", lambda *_: None),
    ),
    Defect(
        8,
        "deletes what an adopter has that CloudFormation does not find yet",
        several_owners.retain_dropped_right_after_an_adoption,
        "device",
        "I5: what B uses was deleted",
        replacing(Inquiry, "waits_for_adopters", lambda *_: False),
    ),
    Defect(
        8,
        "deletes what an adopter has that CloudFormation does not find yet (CA)",
        several_owners.retain_dropped_right_after_an_adoption,
        "ca",
        "I5: what B uses was deleted",
        replacing(Inquiry, "waits_for_adopters", lambda *_: False),
    ),
    Defect(
        5,
        "refuses in a rollback",
        several_owners.rolled_back_after_another_registered,
        "ca",
        "I4: the rollback is stuck: Registered already",
        replacing(StackGateway, "is_rolling_back", lambda *_: False),
    ),
    Defect(
        5,
        "changes in a rollback what is no longer its own",
        several_owners.rolled_back_after_another_registered,
        "device",
        "I3: called iot.UpdateCertificate on a certificate that it did not make",
        believes_that_it_is_the_same,
    ),
    Defect(
        5,
        "detaches in a rollback all that the failed template declares",
        several_owners.rollback_that_leaves_what_another_attached,
        "device",
        "I5: the certificate of Subject of stack office is not attached any more to publish",
        detaches_whatever_is_declared,
    ),
    Defect(
        6,
        "updates any certificate of its id",
        several_owners.updated_after_another_registered,
        "device",
        "I5: the certificate of Subject of stack second is INACTIVE, and was set ACTIVE",
        believes_that_it_is_the_same,
    ),
    Defect(
        6,
        "deletes any certificate of its id",
        several_owners.deleted_after_another_registered,
        "device",
        "I3: called iot.UpdateCertificate on a certificate that it did not make",
        believes_that_it_is_the_same,
    ),
    Defect(
        7,
        "detaches all that it declares",
        several_owners.detached_only_what_nobody_else_declares,
        "device",
        "I5: the certificate of Subject of stack warehouse is not attached any more to publish",
        detaches_whatever_is_declared,
    ),
    Defect(
        8,
        "undoes by the id alone",
        several_owners.undone_after_another_registered,
        "device",
        "I3: called iot.UpdateCertificate on a certificate that it did not make",
        undoes_by_the_id,
    ),
    Defect(
        8,
        "sweeps what another stack's resource holds",
        several_owners.ca_deleted_under_anothers_devices,
        "ca",
        "I5: the certificate of Subject of stack devices is not registered any more",
        sweeps_what_other_stacks_hold,
    ),
    Defect(
        8,
        "deactivates what another stack's resource holds",
        several_owners.ca_deactivating_anothers_devices,
        "ca",
        "I5: the certificate of Subject of stack devices is INACTIVE, and was set ACTIVE",
        sweeps_what_other_stacks_hold,
    ),
    Defect(
        8,
        "sweeps what another stack's Create has registered, and not answered yet",
        several_owners.ca_deleted_while_anothers_device_is_created,
        "ca",
        "I4: Subject is not registered, CREATE_COMPLETE",
        sweeps_what_nobody_holds_yet,
    ),
    Defect(
        8,
        "removes a replaced certificate by its id alone",
        several_owners.replaced_after_another_registered,
        "device",
        "I3: called iot.UpdateCertificate on a certificate that it did not make",
        removes_by_the_id_alone,
    ),
    Defect(
        8,
        "asks only at the end whether it is still wanted",
        several_owners.given_up_while_it_attaches,
        "device",
        "I4: it attached 60 things that nobody wants any more",
        replacing(cancellation.StillWanted, "check", lambda _: None),
    ),
    Defect(
        9,
        "deletes a CA by its logical id",
        several_owners.moved_within_a_stack,
        "ca",
        "I2: Renamed left a certificate behind",
        goes_by_the_logical_id,
    ),
    Defect(
        9,
        "deletes a CA without its stack tag",
        several_owners.registered_again_by_hand,
        "ca",
        "I3: called iot.UpdateCACertificate on a certificate that it did not make",
        deletes_a_ca_by_its_id,
    ),
    Defect(
        9,
        "takes up a certificate that was issued for the same request",
        several_owners.two_stacks_of_one_signing_request,
        "csr",
        "I3: called iot.UpdateCertificate on a certificate that it did not make",
        takes_up_what_was_issued_for_the_request,
    ),
    Defect(
        10,
        "says nothing when it leaves a certificate to its holder",
        several_owners.retain_dropped_after_the_adoption,
        "ca",
        "I1: Delete of Subject did nothing, and gave no reason",
        replacing(ca_deletion, "left", lambda request, _: Outcome(request.existing_id)),
    ),
]


def _cases() -> list[ParameterSet]:
    return [pytest.param(defect, id=str(defect).replace(" ", "-")) for defect in DEFECTS]


@pytest.mark.parametrize("defect", _cases())
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


def test_every_rule_has_a_defect() -> None:
    assert {defect.rule for defect in DEFECTS} == set(RULES)


def test_a_defect_is_shown_by_a_sequence_that_is_played() -> None:
    played = {f"{scenario.__name__}-{kind}" for scenario, kinds in several_owners.ALL.items() for kind in kinds}
    played |= {f"{scenario.__name__}-{kind}" for scenario in scenarios.ALL for kind in scenarios.KINDS}
    assert {defect.case for defect in DEFECTS} <= played


def test_what_can_be_planted_does_not_fall_by_itself() -> None:
    """With ``plant``, the sequence fails because of it: not one that the provider does not master anyway."""
    assert not [str(defect) for defect in DEFECTS if defect.case in FALLS]
