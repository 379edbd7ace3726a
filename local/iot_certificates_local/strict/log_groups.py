"""The names that CloudFormation gives a stack's log groups: MiniStack begins them with ``/aws/cloudformation/``.

CloudFormation Template Reference, ``AWS::Logs::LogGroup``, LogGroupName: "If you don't specify a name, CloudFormation
generates a unique ID". It begins with the stack's name and the logical id, by which policies name it
(aws-cloudformation-resource-providers-logs, pull request 32).
"""

from __future__ import annotations

from typing import Any

_TYPE, _NAME = "AWS::Logs::LogGroup", "LogGroupName"
_LONGEST = 512


def correct_log_groups_of_stacks() -> None:
    """Let MiniStack's CloudFormation give them such names, and keep them in updates."""
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415 - reads its environment when imported

    handlers = provisioners._RESOURCE_HANDLERS[_TYPE]  # noqa: SLF001 - it has no other place for them
    create, update = handlers["create"], handlers["update"]

    def generated(stack_name: str, logical_id: str) -> str:
        return str(provisioners._physical_name(stack_name, logical_id, max_len=_LONGEST))  # noqa: SLF001

    def create_named(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        return create(logical_id, {_NAME: generated(stack_name, logical_id), **properties}, stack_name)

    def update_named(
        physical_id: str, before: dict[str, Any], after: dict[str, Any], stack_name: str, logical_id: str = ""
    ) -> Any:
        name = generated(stack_name, logical_id) if _NAME in before else physical_id
        return update(physical_id, before, {_NAME: name, **after}, stack_name, logical_id)

    handlers.update(create=create_named, update=update_named)
