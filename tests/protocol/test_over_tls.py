"""A share of the sequences with the answers on their real way: over TLS, to the presigned URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from protocol import scenarios
from protocol.answers import answers_over_tls

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud
    from protocol.scenarios import Kind

SHARE = (
    scenarios.create_update_delete,
    scenarios.failed_create_that_cannot_be_undone,
    scenarios.redelivered_create,
    scenarios.create_that_never_answers,
    scenarios.delete_while_create_runs,
    scenarios.update_killed_after_registering,
    scenarios.rollback_to_a_certificate_that_still_exists,
    scenarios.abandoned_in_cleanup,
    scenarios.answer_that_is_too_large,
)


@pytest.mark.parametrize("kind", scenarios.KINDS.values(), ids=str)
@pytest.mark.parametrize("scenario", SHARE, ids=lambda scenario: scenario.__name__)
def test_sequence(cloud: Cloud, scenario: Callable[[Cloud, Kind], None], kind: Kind) -> None:
    with answers_over_tls(cloud) as endpoint:
        scenario(cloud, kind)
    answers = [answer.raw for invocation in cloud.invocations for answer in invocation.answers]
    assert sorted(received.body for received in endpoint.received) == sorted(answers)
    assert {received.method for received in endpoint.received} <= {"PUT"}
