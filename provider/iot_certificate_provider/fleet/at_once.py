"""Objects of S3's by the thousand: several at a time, in the order of what is asked."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, TypeVar

from iot_certificate_provider.aws.clients import THREADS
from iot_certificate_provider.aws.concurrency import Several

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from iot_certificate_provider.aws.gateways import Gateways

_Of = TypeVar("_Of")
_To = TypeVar("_To")


def each_at_once(aws: Gateways, things: Iterable[_Of], act: Callable[[_Of], _To]) -> None:
    """Act on each; raise the first error, once those that had begun are finished."""
    for _ in answers_at_once(aws, things, act):
        pass


def answers_at_once(aws: Gateways, things: Iterable[_Of], ask: Callable[[_Of], _To]) -> Iterator[tuple[_Of, _To]]:
    """Yield each with its answer, in order: as many answers are in memory as there are threads."""
    iterator = iter(things)
    while batch := list(itertools.islice(iterator, THREADS)):
        answers: dict[int, _To] = {}

        def act(number: int, batch: list[_Of] = batch, answers: dict[int, _To] = answers) -> None:
            answers[number] = ask(batch[number])

        several = Several(range(len(batch)), act, apart=())
        aws.act_on(several)
        if several.stopped_by is not None:
            raise several.stopped_by
        yield from ((each, answers[number]) for number, each in enumerate(batch))
