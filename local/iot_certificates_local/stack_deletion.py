"""A stack whose deletion fails keeps what its undeleted resources depend on, the function and its role for one.

CloudFormation user guide, "Delete a stack from the CloudFormation console" and "Troubleshooting": CloudFormation
deletes in reverse order of dependency, and a resource that failed to delete stays with all that it depends on, so that
the next deletion finds them. MiniStack deletes these all the same; a custom resource could never be deleted any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    Stack = dict[str, Any]
    Resources = dict[str, Any]


def keep_what_undeleted_resources_need() -> None:
    """Let MiniStack's deletion of a stack pass over what a resource that failed to delete depends on."""
    from ministack.services.cloudformation import _stacks, handlers, stacks  # noqa: PLC0415 - reads its environment

    kept: dict[str, Resources] = {}
    deleting = _restoring(stacks._delete_stack_async, kept, _stacks)  # noqa: SLF001 - it has no place for extensions
    stacks._delete_stack_async = handlers._delete_stack_async = deleting  # noqa: SLF001
    delete: Callable[..., None] = stacks._delete_resource  # noqa: SLF001

    def delete_resource(
        kind: str, physical_id: str, properties: Any, stack_name: str | None = None, logical_id: str | None = None
    ) -> None:
        try:
            delete(kind, physical_id, properties, stack_name, logical_id)
        except Exception:
            stack = _stacks.get(stack_name)
            if stack is not None and logical_id is not None and stack["StackId"] in kept:
                _set_aside(logical_id, stack, kept[stack["StackId"]], stacks._with_dependencies)  # noqa: SLF001
            raise

    stacks._delete_resource = delete_resource  # noqa: SLF001


def _set_aside(logical_id: str, stack: Stack, kept: Resources, with_dependencies: Callable[..., set[str]]) -> None:
    """Move what a resource depends on out of the deletion's sight: it skips a resource that the stack does not have."""
    resources: Resources = stack["_resources"]
    definitions = (stack.get("_template") or {}).get("Resources", {})
    for name in with_dependencies([logical_id], definitions, set(resources)) - {logical_id}:
        kept[name] = resources.pop(name)


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
        try:
            await delete(stack_name, stack_id, retain_resources)
        finally:
            aside, stack = kept.pop(stack_id), stacks.get(stack_name)
            if stack is not None:
                stack["_resources"].update(aside)

    return delete_stack
