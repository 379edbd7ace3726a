"""Installs the parts into MiniStack's Step Functions, each in the place of an incomplete function."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from iot_certificates_local.strict.cloudformation.internals import replace
from iot_certificates_local.strict.state_machines import payloads
from iot_certificates_local.strict.state_machines.definitions import refusal
from iot_certificates_local.strict.state_machines.map_runs import MapRuns
from iot_certificates_local.strict.state_machines.payloads import PayloadLimits
from iot_certificates_local.strict.state_machines.role_evaluation import RoleEvaluation
from iot_certificates_local.strict.state_machines.stopping import Stopping

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    Function = Callable[..., Any]
    Fields = dict[str, Any]

_TYPE = "AWS::StepFunctions::StateMachine"
_OF_EXECUTIONS = "state_def raw_input execution ctx"
_OF_STATES = "state_def raw_input ctx"
_STATES = {
    "_execute_pass": _OF_STATES,
    "_execute_choice": _OF_STATES,
    "_execute_wait": _OF_STATES,
    "_execute_task": _OF_EXECUTIONS,
    "_execute_parallel": _OF_EXECUTIONS,
    "_execute_map": _OF_EXECUTIONS,
}
_RUNNERS = ("_run_execution", "_run_sub_machine")
_DISTRIBUTED = "state_def raw_input effective iterator execution ctx"


def teach_step_functions(*, authorizes: bool) -> None:
    """Let MiniStack's Step Functions do what AWS's does; see the modules of this package.

    ``authorizes``: IAM is enforced; then the role of each state machine is as well. Raises MiniStackChangedError for
    another release of MiniStack than the one that this was written for.
    """
    from ministack.services import stepfunctions  # noqa: PLC0415 - reads its environment when imported

    _refuse_definitions(stepfunctions)
    _stop_children(stepfunctions)
    _limit_payloads(stepfunctions)
    if authorizes:
        _evaluate_roles(stepfunctions)


def _refuse_definitions(module: ModuleType) -> None:
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415

    def validating(validate: Function) -> Function:
        @wraps(validate)
        def _validate_definition_jsonata(definition_str: str) -> str | None:
            return refusal(definition_str or "") or validate(definition_str)

        return _validate_definition_jsonata

    users = ("_create_state_machine", "_update_state_machine")
    replace(module, "_validate_definition_jsonata", "definition_str", validating, used_by=users)
    handlers = provisioners._RESOURCE_HANDLERS[_TYPE]  # noqa: SLF001 - it has no other place for them
    create = handlers["create"]

    def create_if_taken(logical_id: str, props: Fields, stack_name: str) -> Any:
        problem = refusal(provisioners._sfn_definition(props))  # noqa: SLF001
        if problem is not None:
            raise ValueError(f"{problem} (InvalidDefinition)")
        return create(logical_id, props, stack_name)

    handlers["create"] = create_if_taken


def _stop_children(module: ModuleType) -> None:
    stopping = Stopping(MapRuns(module._executions, module._map_runs, module.now_iso))  # noqa: SLF001
    replace(module, "_stop_execution", "data", stopping.stopping, used_by=["handle_request"])
    replace(module, "_fail_execution", "execution error cause", stopping.failing, used_by=["_run_execution"])
    replace(module, "_add_event", "execution event_type details", stopping.noting, used_by=["_execute_task"])
    replace(
        module, "_run_execution", "exec_arn", stopping.running, used_by=["_start_execution", "_start_sync_execution"]
    )
    parameters = "states start_at input_data execution ctx"
    replace(module, "_run_sub_machine", parameters, stopping.beginning, used_by=["_run_distributed_map"])
    replace(module, "_run_distributed_map", _DISTRIBUTED, stopping.mapping, used_by=["_run_map_items"])


def _limit_payloads(module: ModuleType) -> None:
    limits = PayloadLimits(module._ExecutionError, module.error_response_json)  # noqa: SLF001
    replace(module, "_start_execution", "data", limits.starting, used_by=["handle_request"])
    users = ("_execute_task", "_invoke_resource_with_timeout")
    replace(module, "_invoke_resource", "resource input_data", limits.invoking, used_by=users)
    for name, parameters in _STATES.items():
        replace(module, name, parameters, limits.within(name.rpartition("_")[2]), used_by=_RUNNERS)
    users = ("_find_matching_retrier", "_find_matching_catcher")
    replace(module, "_error_matches", "error_equals error", payloads.matching, used_by=users)


def _evaluate_roles(module: ModuleType) -> None:
    roles = RoleEvaluation(module)
    replace(module, "_run_execution", "exec_arn", roles.running, used_by=["_start_execution", "_start_sync_execution"])
    users = ("_execute_task", "_invoke_resource_with_timeout")
    replace(module, "_invoke_resource", "resource input_data", roles.invoking, used_by=users)
    replace(module, "_read_map_items", "reader effective ctx", roles.reading, used_by=["_run_distributed_map"])
    replace(module, "_run_distributed_map", _DISTRIBUTED, roles.mapping, used_by=["_run_map_items"])
