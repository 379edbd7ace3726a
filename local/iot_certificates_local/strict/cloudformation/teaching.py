"""Installs the parts into MiniStack's CloudFormation, each in the place of an incomplete function."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from iot_certificates_local.strict.cloudformation.custom_resources import Requests, check_service_token
from iot_certificates_local.strict.cloudformation.event_log import EventLog, Subject
from iot_certificates_local.strict.cloudformation.internals import check_parameters, replace
from iot_certificates_local.strict.cloudformation.read_quota import READS, ReadQuota
from iot_certificates_local.strict.cloudformation.resource_view import LARGEST_ANSWER, PhysicalIds, resources_of
from iot_certificates_local.strict.cloudformation.rollbacks import Rollbacks
from iot_certificates_local.strict.cloudformation.stack_roles import GIVING, StackRoles
from iot_certificates_local.strict.cloudformation.updatable import CHANGING, refusing

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from iot_certificates_local.strict.cloudformation.event_log import Stack

    Function = Callable[..., Any]

_EVENT = "stack_id stack_name logical_id resource_type status reason physical_id detailed_status"
_CHANGE = "resource_type physical_id old_props new_props stack_name logical_id old_attrs"
_DELETE = "resource_type physical_id props stack_name logical_id"
_INVOKE = "request_type logical_id props stack_name stack_id resource_type physical_id old_props"
_ROLL_BACK = "stack_name stack_id stack operation reason_override"
_CONTINUE = "stack_name stack_id resources_to_skip"
_VIEWS = ("DescribeStackResource", "DescribeStackResources", "ListStackResources")

_MOST: ContextVar[int] = ContextVar("most", default=0)
"""The number of resources in the present answer; 0 where a stack is looked up for another purpose."""


def teach_cloudformation(*, reads_per_second: float | None, index_seconds: float) -> None:
    """Let MiniStack's CloudFormation do what AWS's does; see the modules of this package, and ``Strictness``.

    Raises MiniStackChangedError for another release of MiniStack than the one that this was written for.
    """
    from ministack.services import cloudformation  # noqa: PLC0415 - reads its environment when imported
    from ministack.services.cloudformation import custom_resource, handlers, stacks  # noqa: PLC0415

    requests = Requests()
    replace(custom_resource, "_response_url", "token", requests.signing, used_by=["invoke_custom_resource"])
    replace(custom_resource, "invoke_custom_resource", _INVOKE, requests.sending)
    replace(custom_resource, "deliver_response", "token response", requests.delivering)
    log = _write_the_log(cloudformation, stacks, requests)
    _change_resources(stacks, log, requests)
    _roll_back(stacks, handlers, log, requests)
    _show_resources(handlers, log, index_seconds)
    _keep_roles(handlers)
    _refuse_changes(handlers)
    _limit_reads(cloudformation, handlers, reads_per_second)


def _write_the_log(cloudformation: ModuleType, stacks: ModuleType, requests: Requests) -> EventLog:
    users = ("_deploy_stack_async", "_delete_stack_async", "_roll_back_operation", "_revert_update")
    check_parameters(stacks._add_event, _EVENT)  # noqa: SLF001
    log = EventLog(stacks._add_event, cloudformation._stacks, cloudformation._stack_events)  # noqa: SLF001
    log.note_failure = requests.note_failure

    def add_event(  # noqa: PLR0917 - MiniStack's parameters
        stack_id: str,
        stack_name: str,
        logical_id: str,
        resource_type: str,
        status: str,
        reason: str = "",
        physical_id: str = "",
        detailed_status: str = "",
    ) -> None:
        about = Subject(stack_id, stack_name, logical_id, resource_type)
        log.add(about, status, reason, physical_id, detailed_status)

    replace(stacks, "_add_event", _EVENT, lambda _: add_event, used_by=users)
    return log


def _change_resources(stacks: ModuleType, log: EventLog, requests: Requests) -> None:
    def updating(update: Function) -> Function:
        def _update_resource(  # noqa: PLR0917 - MiniStack's parameters
            resource_type: str,
            physical_id: str,
            old_props: dict[str, Any],
            new_props: dict[str, Any],
            stack_name: str,
            logical_id: str = "",
            old_attrs: dict[str, Any] | None = None,
        ) -> Any:
            if old_props != new_props:
                resource = Subject.resource(log.stack(stack_name), logical_id, resource_type)
                requests.forget(resource.stack_id, logical_id)
                log.begin_update(resource)
                check_service_token(resource_type, old_props, new_props)
            return update(resource_type, physical_id, old_props, new_props, stack_name, logical_id, old_attrs)

        return _update_resource

    def deleting(delete: Function) -> Function:
        def _delete_resource(
            resource_type: str, physical_id: str, props: dict[str, Any], stack_name: str, logical_id: str
        ) -> None:
            resource = Subject.resource(log.stack(stack_name), logical_id, resource_type)
            log.begin_delete(resource, physical_id)
            delete(resource_type, physical_id, props, stack_name, logical_id)
            log.add(resource, "DELETE_COMPLETE", physical_id=physical_id)

        return _delete_resource

    replace(stacks, "_update_resource", _CHANGE, updating, used_by=["_update_keeping_seed", "_revert_update"])
    replace(
        stacks,
        "_delete_resource",
        _DELETE,
        deleting,
        used_by=["_deploy_stack_async", "_delete_stack_async", "_roll_back_operation"],
    )


def _roll_back(stacks: ModuleType, handlers: ModuleType, log: EventLog, requests: Requests) -> None:
    async def update(*arguments: Any) -> Any:
        return await stacks.run_reentrant(stacks._update_resource, *arguments)  # noqa: SLF001

    check_parameters(stacks.run_reentrant, "fn args thread_name")
    rollbacks = Rollbacks(log, requests, update)
    replace(stacks, "_roll_back_operation", _ROLL_BACK, rollbacks.rolling_back, used_by=["_deploy_stack_async"])
    roll_back = stacks._roll_back_operation  # noqa: SLF001
    replace(handlers, "_roll_back_operation", _ROLL_BACK, lambda _: roll_back, used_by=["_rollback_stack"])

    def continuing(original: Function) -> Function:
        return rollbacks.continuing(original, roll_back)

    name = "_continue_update_rollback_async"
    replace(handlers, name, _CONTINUE, continuing, used_by=["_continue_update_rollback"])


def _show_resources(handlers: ModuleType, log: EventLog, index_seconds: float) -> None:
    def resolving(resolve: Function) -> Function:
        def _resolve_stack(stack_name: str) -> Stack | None:
            stack: Stack | None = resolve(stack_name)
            most = _MOST.get()
            if stack is None or not most:
                return stack
            return {**stack, "_resources": dict(list(resources_of(stack, log).items())[:most])}

        return _resolve_stack

    users = ("_describe_stack_resource", "_describe_stack_resources", "_list_stack_resources")
    replace(handlers, "_resolve_stack", "stack_name", resolving, used_by=users)
    ids = PhysicalIds(log, index_seconds)
    actions = handlers._ACTION_HANDLERS  # noqa: SLF001
    for name in _VIEWS:
        check_parameters(actions[name], "params")
    by_stack = _as_seen(actions["DescribeStackResources"], LARGEST_ANSWER)
    actions["DescribeStackResource"] = _as_seen(actions["DescribeStackResource"], sys.maxsize)
    actions["ListStackResources"] = _as_seen(actions["ListStackResources"], sys.maxsize)
    actions["DescribeStackResources"] = _by_either(by_stack, handlers, ids, log)


def _as_seen(handler: Function, most: int) -> Function:
    def answer(parameters: Any) -> Any:
        token = _MOST.set(most)
        try:
            return handler(parameters)
        finally:
            _MOST.reset(token)

    return answer


def _by_either(by_stack: Function, handlers: ModuleType, ids: PhysicalIds, log: EventLog) -> Function:
    def answer(parameters: Any) -> Any:
        named, physical_id = (handlers._p(parameters, name) for name in ("StackName", "PhysicalResourceId"))  # noqa: SLF001
        if bool(named) == bool(physical_id):
            # API reference, DescribeStackResources: "You must specify either StackName or PhysicalResourceId, but not
            # both."
            return handlers._error("ValidationError", "Specify either StackName or PhysicalResourceId")  # noqa: SLF001
        if named:
            return by_stack(parameters)
        stack = ids.stack_of(physical_id, log.stacks())
        if stack is None:
            return handlers._error("ValidationError", f"Stack for {physical_id} does not exist")  # noqa: SLF001
        return by_stack({**parameters, "StackName": [stack["StackId"]]})

    return answer


def _keep_roles(handlers: ModuleType) -> None:
    roles = StackRoles(lambda parameters, name: str(handlers._p(parameters, name)))  # noqa: SLF001
    actions = handlers._ACTION_HANDLERS  # noqa: SLF001
    for name in (*GIVING, "DescribeStacks"):
        check_parameters(actions[name], "params")
        actions[name] = roles.showing(actions[name]) if name == "DescribeStacks" else roles.noting(actions[name])


def _refuse_changes(handlers: ModuleType) -> None:
    check_parameters(handlers._p, "params key default")  # noqa: SLF001
    check_parameters(handlers._error, "code message status")  # noqa: SLF001
    actions = handlers._ACTION_HANDLERS  # noqa: SLF001
    for name in CHANGING:
        actions[name] = refusing(name, actions[name], handlers._p, handlers._resolve_stack, handlers._error)  # noqa: SLF001


def _limit_reads(cloudformation: ModuleType, handlers: ModuleType, reads_per_second: float | None) -> None:
    from ministack.core.responses import get_account_id, get_region  # noqa: PLC0415

    quota = ReadQuota(reads_per_second, lambda: (get_account_id(), get_region()))
    actions = handlers._ACTION_HANDLERS  # noqa: SLF001
    for name in READS:
        actions[name] = quota.within(actions[name], lambda: handlers._error("Throttling", "Rate exceeded"))  # noqa: SLF001

    def resetting(reset: Function) -> Function:
        def reset_all() -> None:
            reset()
            quota.reset()

        return reset_all

    replace(cloudformation, "reset", "", resetting)
