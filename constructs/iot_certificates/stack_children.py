"""Constructs that a stack has once for all of its certificates, found without a call to the CDK for each.

Every question to the CDK goes through a pipe to Node.js; hundreds of certificates would ask the same ones. Asking only
whether a child is still there took the benchmark of warm synthesis beyond its limit. So what was found once is taken to
be there for as long as its stack, which is as long as the process: jsii never frees an object. An app that removes such
a child from the tree (``node.try_remove_child``) has to do it after its last certificate.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeVar

from aws_cdk import Stack

if TYPE_CHECKING:
    from collections.abc import Callable

    from constructs import Construct

_Child = TypeVar("_Child", bound="Construct")


def child_of_stack(
    scope: Construct, construct_id: str, kind: type[_Child], make: Callable[[Stack, str], _Child]
) -> _Child:
    """Return the child of this id, a ``kind``, that the stack of ``scope`` has; ``make`` it when there is none."""
    stack = stack_of(scope)
    children = _children_of(stack)
    existing = children.get(construct_id) or stack.node.try_find_child(construct_id)
    child = existing if isinstance(existing, kind) else make(stack, construct_id)
    children[construct_id] = child
    return child


def known_child_of_stack(scope: Construct, construct_id: str) -> Construct | None:
    """Return the construct that was found, created or kept under this id; None without one."""
    return _children_of(stack_of(scope)).get(construct_id)


def keep_child_of_stack(scope: Construct, construct_id: str, child: Construct) -> None:
    """Keep a construct of the stack under this id, wherever in the stack it is."""
    _children_of(stack_of(scope))[construct_id] = child


@cache
def stack_of(scope: Construct) -> Stack:
    """Return the stack that ``scope`` is in."""
    return Stack.of(scope)


@cache
def _children_of(stack: Stack) -> dict[str, Construct]:  # noqa: ARG001 - it is what they are kept by
    return {}
