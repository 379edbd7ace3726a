"""A stack whose deletion or rollback fails keeps what its undeleted resources depend on, such as the function's role.

CloudFormation user guide, "Delete a stack from the CloudFormation console" and "Troubleshooting": CloudFormation
deletes in reverse order of dependency, and a resource that failed to delete stays with all that it depends on, so that
the next deletion finds them. A rollback of a creation deletes in the same order, and leaves a stack to delete again
("Stack status codes", ROLLBACK_FAILED). MiniStack deletes these all the same, and a custom resource could never be
deleted any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    Stack = dict[str, Any]
    Resources = dict[str, Any]
    Operation = Mapping[str, Any]


def keep_what_undeleted_resources_need() -> None:
    """Let MiniStack's deletions and rollbacks pass over what a resource that failed to delete depends on."""
    from ministack.services.cloudformation import _stacks, handlers, stacks  # noqa: PLC0415 - reads its environment

    kept: dict[str, Resources] = {}
    deleting = _restoring(stacks._delete_stack_async, kept, _stacks)  # noqa: SLF001 - it has no place for extensions
    stacks._delete_stack_async = handlers._delete_stack_async = deleting  # noqa: SLF001
    rolling_back = _restoring_after_rollback(stacks._roll_back_operation, kept)  # noqa: SLF001
    stacks._roll_back_operation = handlers._roll_back_operation = rolling_back  # noqa: SLF001
    stacks._add_event = _silent_about(kept, stacks._add_event)  # noqa: SLF001
    delete: Callable[..., None] = stacks._delete_resource  # noqa: SLF001

    def delete_resource(
        kind: str, physical_id: str, properties: Any, stack_name: str | None = None, logical_id: str | None = None
    ) -> None:
        stack = _stacks.get(stack_name)
        aside = kept.get(stack["StackId"]) if stack is not None else None
        if aside is not None and logical_id in aside:
            return
        try:
            delete(kind, physical_id, properties, stack_name, logical_id)
        except Exception:
            if stack is not None and aside is not None and logical_id is not None:
                _set_aside(logical_id, stack, aside, stacks._with_dependencies)  # noqa: SLF001
            raise

    stacks._delete_resource = delete_resource  # noqa: SLF001


def _set_aside(logical_id: str, stack: Stack, kept: Resources, with_dependencies: Callable[..., set[str]]) -> None:
    """Move what a resource depends on out of the operation's sight.

    A deletion skips a resource that the stack does not have; a rollback takes it for one without a type.
    """
    resources: Resources = stack["_resources"]
    definitions = (stack.get("_template") or {}).get("Resources", {})
    for name in with_dependencies([logical_id], definitions, set(resources)) - {logical_id}:
        kept[name] = resources.pop(name)


def _silent_about(kept: Mapping[str, Resources], add: Callable[..., None]) -> Callable[..., None]:
    """Return MiniStack's ``_add_event`` without the events of what a rollback passes over."""

    def add_event(
        stack_id: str, stack_name: str, logical_id: str, resource_type: str, status: str, *more: Any, **named: Any
    ) -> None:
        if resource_type or logical_id not in kept.get(stack_id, {}):
            add(stack_id, stack_name, logical_id, resource_type, status, *more, **named)

    return add_event


def _restoring(delete: Callable[..., Awaitable[None]], kept: dict[str, Resources], stacks: Any) -> Any:
    """Return the deletion of a stack, which gives it back afterwards what was set aside."""

    async def delete_stack(
        stack_name: str, stack_id: str, retain_resources: Collection[str] = (), *, force: bool = False
    ) -> None:
        # A forced deletion retains dependencies by itself.
        if force:
            await delete(stack_name, stack_id, retain_resources, force=True)
            return
        kept[stack_id] = {}
        _remember_template(stacks.get(stack_name), (stacks.get(stack_name) or {}).get("_failed_operation") or {})
        try:
            await delete(stack_name, stack_id, retain_resources)
        finally:
            aside, stack = kept.pop(stack_id), stacks.get(stack_name)
            if stack is not None:
                stack["_resources"].update(aside)

    return delete_stack


def _restoring_after_rollback(roll_back: Callable[..., Awaitable[None]], kept: dict[str, Resources]) -> Any:
    """Return the rollback of an operation; that of a creation gives the stack back what it still has."""

    async def roll_back_operation(
        stack_name: str, stack_id: str, stack: Stack, operation: Operation, reason_override: str = ""
    ) -> None:
        # The clean-up of an update's rollback leaves out what it cannot delete, and fails nothing.
        if operation.get("is_update"):
            await roll_back(stack_name, stack_id, stack, operation, reason_override)
            return
        kept[stack_id] = {}
        before = stack.get("_template")
        _remember_template(stack, operation)
        try:
            await roll_back(stack_name, stack_id, stack, operation, reason_override)
        finally:
            aside, failed = kept.pop(stack_id), stack.get("_rollback_failed", {})
            undeleted = {name: {**record, "ResourceStatus": "DELETE_FAILED"} for name, record in failed.items()}
            stack["_resources"] = {**aside, **undeleted, **stack["_resources"]}
            if not failed:
                stack["_template"] = before

    return roll_back_operation


def _remember_template(stack: Stack | None, operation: Operation) -> None:
    """Give a stack the template of its failed creation: MiniStack does so after a successful one only."""
    if stack is not None and not stack.get("_template"):
        stack["_template"] = operation.get("template") or {}
