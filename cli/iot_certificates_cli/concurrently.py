"""Several calls at once: AWS's answers take longer than its quotas ask for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# botocore keeps ten connections open for each client.
_THREADS = 8

_Of = TypeVar("_Of")
_To = TypeVar("_To")


def concurrently(ask: Callable[[_Of], _To], things: Iterable[_Of]) -> list[_To]:
    """Call ``ask`` with each thing, a few at a time; the answers are in the order of the things.

    The first error is raised, and what has not begun by then never does.
    """
    with ThreadPoolExecutor(_THREADS) as pool:
        asked = [pool.submit(ask, thing) for thing in things]
        try:
            return [answer.result() for answer in asked]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
