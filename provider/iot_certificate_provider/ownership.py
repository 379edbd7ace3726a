"""Whether this stack made a certificate.

A certificate's id says nothing about who registered it. CloudFormation's own log does: a ``*_COMPLETE`` row of
the resource that names the certificate says that the resource had it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def held_before(completed_states: Iterable[str]) -> bool:
    """Decide from the resource's ``*_COMPLETE`` states with one physical id, newest first.

    The newest counts: after DELETE_COMPLETE the certificate is no longer this resource's, whoever registered it again.
    """
    newest = next(iter(completed_states), None)
    return newest is not None and newest != "DELETE_COMPLETE"
