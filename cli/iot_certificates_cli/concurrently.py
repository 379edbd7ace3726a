"""Several calls at once: AWS's answers take longer than its quotas ask for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# botocore keeps ten connections open for each client.
_THREADS = 8

_Of = TypeVar("_Of")
_To = TypeVar("_To")


@contextmanager
def threads(count: int = _THREADS) -> Iterator[ThreadPoolExecutor]:
    """Give threads; what has not begun by the time of an error, or of an interrupt, never does."""
    with ThreadPoolExecutor(count) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def concurrently(ask: Callable[[_Of], _To], things: Iterable[_Of]) -> list[_To]:
    """Call ``ask`` with each thing, a few at a time; the answers are in the order of the things.

    The first error is raised, and what has not begun by then never does.
    """
    with threads() as pool:
        asked = [pool.submit(ask, thing) for thing in things]
        return [answer.result() for answer in asked]
