"""A certificate between two accounts, under every sequence that CloudFormation's protocol allows on either side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from protocol import transfers

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud
    from protocol.transfers import Certificates

ALL = [pytest.param(each, id=each.__name__) for each in (*transfers.SOURCE, *transfers.TARGETS)]


@pytest.mark.parametrize("scenario", ALL)
def test_sequence(cloud: Cloud, scenario: Callable[[Cloud, Certificates], None]) -> None:
    try:
        scenario(cloud, transfers.furnish(cloud))
    except AssertionError as error:
        error.add_note(cloud.story())
        raise
