"""One certificate, and several who want it: over TLS, with stacks of the embedded AWS and its default delays."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from integration import owners
from integration.owners import ALONE, APART_SECONDS, AT_ONCE, LATER, SHOWS_AFTER_SECONDS, Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future

    from integration.stacks import Stacks

    Sequence = Callable[[Scene], None]

TOGETHER = 6
"""Sequences that are played at once."""


@pytest.fixture(scope="module")
def played(stacks: Stacks) -> Iterator[Mapping[str, Future[None]]]:
    """Play all sequences, many at once; give the outcome of each.

    First come the hands from outside, so that the others pass the time until another owner registers.
    """
    quick = replace(stacks, every_seconds=0.2)
    later = {sequence: Scene(quick, sequence.__name__) for sequence in LATER}
    with ThreadPoolExecutor(TOGETHER) as pool:
        deleted = list(pool.map(_delete_by_hand, later.values()))
        at_once = {
            sequence.__name__: pool.submit(_play, sequence, Scene(quick, sequence.__name__)) for sequence in AT_ONCE
        }
        pool.submit(_sleep_until, max(deleted) + APART_SECONDS).result()
        then = {sequence.__name__: pool.submit(_play_later, sequence, scene) for sequence, scene in later.items()}
        wait([*at_once.values(), *then.values()])
        alone = {each.__name__: pool.submit(_play, each, Scene(quick, each.__name__)) for each in ALONE}
        yield {**at_once, **then, **alone}


def _delete_by_hand(scene: Scene) -> float:
    scene.create("first", scene.both())
    scene.delete_by_hand()
    return time.monotonic()


def _sleep_until(then: float) -> None:
    time.sleep(max(0.0, then - time.monotonic()))


def _play_later(sequence: Sequence, scene: Scene) -> None:
    if sequence is owners.registered_again_by_hand:
        scene.register()
    else:
        scene.create("second", scene.both())
        time.sleep(SHOWS_AFTER_SECONDS)
    _play(sequence, scene)


def _play(sequence: Sequence, scene: Scene) -> None:
    try:
        sequence(scene)
    finally:
        scene.clear()


@pytest.mark.parametrize("name", [sequence.__name__ for sequence in (*AT_ONCE, *LATER, *ALONE)])
def test_everybody_keeps_what_is_theirs(played: Mapping[str, Future[None]], name: str) -> None:
    played[name].result()


def test_an_orphan_that_is_anothers(stacks: Stacks, played: Mapping[str, Future[None]]) -> None:
    """By itself: while others create certificates, nobody can know whose an orphan is."""
    for each in played.values():
        each.exception()
    _play(owners.orphan_that_is_anothers, Scene(replace(stacks, every_seconds=0.2), "orphan"))


def test_nothing_is_left_for_other_tests(stacks: Stacks, played: Mapping[str, Future[None]]) -> None:
    for each in played.values():
        each.exception()
    iot = stacks.session.client("iot")
    assert iot.list_certificates()["certificates"] == []
    assert iot.list_ca_certificates()["certificates"] == []
    assert iot.list_things()["things"] == []
    assert iot.list_policies()["policies"] == []
