"""What a stack has one of for all of its certificates, found without asking the CDK for each of them.

Every question to the CDK goes through a pipe to Node.js; hundreds of certificates would ask the same ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary, ref

from aws_cdk import Stack

if TYPE_CHECKING:
    from collections.abc import Callable

    from constructs import Construct, IConstruct

_Child = TypeVar("_Child", bound="Construct")

_stacks: WeakKeyDictionary[IConstruct, ref[Stack]] = WeakKeyDictionary()
_children: WeakKeyDictionary[Stack, dict[str, Construct]] = WeakKeyDictionary()


def stack_of(scope: IConstruct) -> Stack:
    """Return the stack that ``scope`` is in."""
    known = _stacks.get(scope)
    stack = None if known is None else known()
    if stack is None:
        stack = Stack.of(scope)
        _stacks[scope] = ref(stack)
    return stack


def child_of_stack(
    scope: Construct, construct_id: str, kind: type[_Child], make: Callable[[Stack, str], _Child]
) -> _Child:
    """Return the child of this id, a ``kind``, that the stack of ``scope`` has; ``make`` it when there is none."""
    stack = stack_of(scope)
    children = _children.setdefault(stack, {})
    existing = children.get(construct_id) or stack.node.try_find_child(construct_id)
    child = existing if isinstance(existing, kind) else make(stack, construct_id)
    children[construct_id] = child
    return child
