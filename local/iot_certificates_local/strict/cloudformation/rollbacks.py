"""The requests of CloudFormation in a rollback, where MiniStack sends fewer.

User guide, "Custom resource request types" and "Continue rolling back an update": the resources that were updated are
updated back first, each with the physical id that it has by then, a replacement included; what the operation created,
and the physical ids that the updates back left, are deleted in the clean-up after that. A custom resource that could
not be created is deleted, too. Of a rollback that cannot update a resource back nothing is cleaned up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iot_certificates_local.strict.cloudformation.custom_resources import MODIFIED_SERVICE_TOKEN, is_custom
from iot_certificates_local.strict.cloudformation.event_log import Subject

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from iot_certificates_local.strict.cloudformation.custom_resources import Requests
    from iot_certificates_local.strict.cloudformation.event_log import EventLog, Stack

    Operation = dict[str, Any]
    RollBack = Callable[..., Awaitable[None]]

_UNFINISHED = "_unfinished_rollback"


@dataclass(frozen=True)
class _Step:
    """A replacement to undo: the resource has ``physical_id`` now."""

    logical_id: str
    resource_type: str
    physical_id: str
    applied: dict[str, Any]
    previous: dict[str, Any]
    attributes: dict[str, Any]


class Rollbacks:
    """Stands before MiniStack's ``_roll_back_operation`` and ``_continue_update_rollback_async``.

    ``update``: sends an Update, waits for its answer, and returns the physical id and the attributes of it.
    """

    def __init__(self, log: EventLog, requests: Requests, update: Callable[..., Awaitable[Any]]) -> None:
        self._log = log
        self._requests = requests
        self._update = update

    def rolling_back(self, original: RollBack) -> RollBack:
        """Return ``original`` with what it lacks."""

        async def roll_back(
            stack_name: str, stack_id: str, stack: Stack, operation: Operation, reason_override: str = ""
        ) -> None:
            operation = self._amended(stack, operation)
            done = await self._undo_replacements(stack, operation, reason_override, ())
            if done:
                await original(stack_name, stack_id, stack, operation, _reason(operation, reason_override))

        return roll_back

    def continuing(self, original: RollBack, roll_back: RollBack) -> RollBack:
        """Return ``original``, the continuation, that first finishes the updates back of replacements."""

        async def continue_rollback(stack_name: str, stack_id: str, resources_to_skip: Collection[str]) -> None:
            stack = self._log.stack(stack_name)
            operation = stack.pop(_UNFINISHED, None)
            if operation is None:
                await original(stack_name, stack_id, resources_to_skip)
                return
            stack.pop("_rollback_failed", None)
            if await self._undo_replacements(stack, operation, "User Initiated", resources_to_skip):
                await roll_back(stack_name, stack_id, stack, operation, "User Initiated")

        return continue_rollback

    def _amended(self, stack: Stack, operation: Operation) -> Operation:
        """Return the operation with the creations that failed, and with what a failed Update answered."""
        records = stack.setdefault("_resources", {})
        failed = [each for each, record in records.items() if record.get("ResourceStatus") == "CREATE_FAILED"]
        created = [each for each in operation.get("created", []) if each not in failed] + failed
        amended = {**operation, "created": created}
        update = operation.get("failed_update")
        if update is None:
            return amended
        logical_id, resource_type, physical_id, applied, _, attributes = update
        reason = next(self._log.of_resource(stack["StackId"], logical_id), {}).get("ResourceStatusReason")
        if reason == MODIFIED_SERVICE_TOKEN:
            # Nothing was sent, so that there is nothing to update back.
            return {**amended, "failed_update": [logical_id, resource_type, physical_id, None, None, None]}
        answered = self._requests.answered_id(stack["StackId"], logical_id)
        if applied is None or not answered or answered == physical_id:
            return amended
        changed = {"PhysicalResourceId": answered, "Properties": applied, "Attributes": attributes or {}}
        records[logical_id] = {**records[logical_id], **changed}
        return {**amended, "failed_update": None, "created": [*created, logical_id]}

    async def _undo_replacements(
        self, stack: Stack, operation: Operation, reason: str, skipped: Collection[str]
    ) -> bool:
        """Send the Updates back; False when one failed: then the stack waits for ContinueUpdateRollback."""
        steps = _replacements(stack, operation)
        if not steps:
            return True
        stack["StackStatus"] = "UPDATE_ROLLBACK_IN_PROGRESS"
        self._of_stack(stack, stack["StackStatus"], _reason(operation, reason))
        for step in steps:
            if step.logical_id in skipped:
                self._skip(stack, operation, step)
            elif not await self._undo(stack, operation, step):
                stack[_UNFINISHED] = operation
                return False
        return True

    async def _undo(self, stack: Stack, operation: Operation, step: _Step) -> bool:
        resource = Subject.resource(stack, step.logical_id, step.resource_type)
        self._log.add(resource, "UPDATE_IN_PROGRESS", "", step.physical_id)
        try:
            physical_id, attributes = await self._update(
                step.resource_type,
                step.physical_id,
                step.applied,
                step.previous,
                stack["StackName"],
                step.logical_id,
                step.attributes,
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the rollback failed
            self._log.add(resource, "UPDATE_FAILED", str(error), step.physical_id)
            self._fail(stack, step)
            return False
        self._log.add(resource, "UPDATE_COMPLETE", "", physical_id)
        record = operation["previous_stack"]["_resources"][step.logical_id]
        record |= {"PhysicalResourceId": physical_id, "ResourceStatus": "UPDATE_COMPLETE"}
        record["Attributes"] = {**record.get("Attributes", {}), **attributes}
        self._done(operation, step.logical_id, keep=physical_id == step.physical_id)
        return True

    def _skip(self, stack: Stack, operation: Operation, step: _Step) -> None:
        # ContinueUpdateRollback, ResourcesToSkip: "CloudFormation sets the status of the specified resources to
        # UPDATE_COMPLETE and continues to roll back the stack": they stay as they are.
        resource = Subject.resource(stack, step.logical_id, step.resource_type)
        self._log.add(resource, "UPDATE_COMPLETE", "Resource rollback skipped by user", step.physical_id)
        operation["previous_stack"]["_resources"][step.logical_id]["PhysicalResourceId"] = step.physical_id
        self._done(operation, step.logical_id, keep=True)

    @staticmethod
    def _done(operation: Operation, logical_id: str, *, keep: bool) -> None:
        """Remember that a replacement is undone; ``keep`` what the resource has now, else it is cleaned up."""
        operation.setdefault("undone", []).append(logical_id)
        if keep:
            operation["created"] = [each for each in operation["created"] if each != logical_id]

    def _fail(self, stack: Stack, step: _Step) -> None:
        reason = f"The following resource(s) failed to update: [{step.logical_id}]."
        record = {"PhysicalResourceId": step.physical_id, "ResourceType": step.resource_type}
        stack["_rollback_failed"] = {step.logical_id: {**record, "RevertFrom": step.applied, "RevertTo": step.previous}}
        stack |= {"StackStatus": "UPDATE_ROLLBACK_FAILED", "StackStatusReason": reason}
        self._of_stack(stack, stack["StackStatus"], reason)

    def _of_stack(self, stack: Stack, status: str, reason: str) -> None:
        self._log.add(Subject.stack(stack), status, reason, stack["StackId"])


def _replacements(stack: Stack, operation: Operation) -> list[_Step]:
    """Return the resources to update back to another physical id, in the order of the update."""
    previous = (operation.get("previous_stack") or {}).get("_resources", {})
    steps = []
    for logical_id in operation.get("created", []):
        now, before = stack["_resources"].get(logical_id), previous.get(logical_id)
        if now is None or before is None or logical_id in operation.get("undone", []):
            continue
        if is_custom(now["ResourceType"]) and now["PhysicalResourceId"] != before["PhysicalResourceId"]:
            applied, attributes = now["Properties"], now.get("Attributes", {})
            identity = (logical_id, now["ResourceType"], now["PhysicalResourceId"])
            steps.append(_Step(*identity, applied, before["Properties"], attributes))
    return steps


def _reason(operation: Operation, reason: str) -> str:
    """Return why the stack rolls back, in CloudFormation's words; empty leaves it to MiniStack."""
    failed = operation.get("failed_logical_id")
    if reason or operation.get("cancelled") or not operation.get("is_update") or not failed:
        return reason
    verb = "update" if failed in operation["previous_stack"].get("_resources", {}) else "create"
    return f"The following resource(s) failed to {verb}: [{failed}]. "
