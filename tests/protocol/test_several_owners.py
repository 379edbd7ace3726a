"""One certificate, and several who want it: everybody keeps what is theirs, and nothing is left that is nobody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from protocol import several_owners
from protocol.cases import cases_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud
    from protocol.scenarios import Kind

FALLS = {
    "rollback_that_leaves_what_another_attached-device",
    "adoption_refused_while_a_sibling_among_many_holds-ca",
    "adoption_refused_while_a_sibling_among_many_holds-device",
    "given_up_while_it_attaches-device",
    "undone_after_another_registered-device",
    "renamed_with_adopt-ca",
    "renamed_with_adopt-device",
    "renamed_ca_with_adopt-ca",
    "adopted_from_a_stack_that_is_deleted-ca",
    "adopted_from_a_stack_that_is_deleted-device",
    "adoption_refused_while_another_stack_holds-ca",
    "adoption_refused_while_another_stack_holds-device",
    "adoption_refused_while_half_retained-ca",
    "adoption_refused_while_half_retained-device",
    "adoption_refused_while_a_native_resource_holds-device",
    "retain_dropped_after_the_adoption-ca",
    "retain_dropped_after_the_adoption-device",
    "detached_only_what_nobody_else_declares-device",
    "two_stacks_while_one_attaches-device",
    "two_siblings_while_one_attaches-device",
    "orphan_that_is_anothers-device",
    "registered_by_another_in_a_pause-device",
    "two_stacks_of_one_signing_request-csr",
    "updated_after_another_registered-ca",
    "updated_after_another_registered-device",
    "replaced_after_another_registered-device",
    "rolled_back_after_another_registered-ca",
    "rolled_back_after_another_registered-device",
    "registered_again_by_hand-ca",
    "ca_deleted_under_anothers_devices-ca",
    "ca_deactivating_anothers_devices-ca",
    "two_holders_deleted_one_after_the_other-ca",
    "two_holders_deleted_one_after_the_other-device",
}
"""In these the provider still loses a certificate, or takes one: each is unmarked by the change that keeps it."""


@pytest.mark.parametrize(("scenario", "kind"), cases_of(several_owners.ALL, FALLS, "several owners"))
def test_everybody_keeps_what_is_theirs(cloud: Cloud, scenario: Callable[[Cloud, Kind], None], kind: Kind) -> None:
    scenario(cloud, kind)
