"""The role of a state machine is evaluated by MiniStack's own evaluator: see ``machine_role``."""

from __future__ import annotations

import json
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any

from iot_certificates_local.strict.state_machines import machine_role
from iot_certificates_local.strict.state_machines.machine_role import Machine, Needed

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    Function = Callable[..., Any]
    Fields = dict[str, Any]

_MACHINE: ContextVar[Machine | None] = ContextVar("machine", default=None)
"""The owner of the execution that the thread runs."""

_NO_MACHINE = "A Distributed Map runs in no execution that is known here"


class RoleEvaluation:
    """MiniStack's functions, each of which asks before it does what takes a permission. ``module``: where they are."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def running(self, run: Function) -> Function:
        """Return the run of an execution, for a role that Step Functions can assume."""

        @wraps(run)
        def _run_execution(exec_arn: str) -> None:
            execution = self._module._executions.get(exec_arn) or {}  # noqa: SLF001
            machine = self._module._state_machines.get(execution.get("stateMachineArn"))  # noqa: SLF001
            if machine is None:
                run(exec_arn)
                return
            token = _MACHINE.set(Machine(machine["stateMachineArn"], machine["roleArn"]))
            try:
                if _trusted(_machine()):
                    run(exec_arn)
                else:
                    cause = f"Step Functions cannot assume the role {machine['roleArn']}"
                    self._module._fail_execution(execution, "States.Permissions", cause)  # noqa: SLF001
            finally:
                _MACHINE.reset(token)

        return _run_execution

    def invoking(self, invoke: Function) -> Function:
        """Return the invocation of a task that the role may do."""

        @wraps(invoke)
        def _invoke_resource(resource: str, input_data: Any) -> Any:
            # TestState has no machine.
            machine = _MACHINE.get()
            needed = None if machine is None else machine_role.of_task(machine, resource, input_data)
            if needed is not None:
                is_of_lambda = needed.action.startswith("lambda:")
                self._require(
                    needed, "Lambda.AWSLambdaException" if is_of_lambda else "StepFunctions.AccessDeniedException"
                )
            return invoke(resource, input_data)

        return _invoke_resource

    def reading(self, read: Function) -> Function:
        """Return the reading of items that the role may read."""

        @wraps(read)
        def _read_map_items(reader: Fields, effective: Any, ctx: Fields) -> Any:
            parameters = self._module._resolve_params_obj(reader.get("Parameters") or {}, effective, ctx)  # noqa: SLF001
            self._require(machine_role.of_reader(reader.get("Resource", ""), parameters), "States.ItemReaderFailed")
            return read(reader, effective, ctx)

        return _read_map_items

    def mapping(self, run: Function) -> Function:
        """Return the run of a Distributed Map whose children the role may start."""

        @wraps(run)
        def _run_distributed_map(  # noqa: PLR0917 - MiniStack's parameters
            state_def: Fields, raw_input: Any, effective: Any, iterator: Fields, execution: Fields, ctx: Fields
        ) -> Any:
            for needed in machine_role.of_distributed_map(_machine()):
                self._require(needed, "States.Permissions")
            return run(state_def, raw_input, effective, iterator, execution, ctx)

        return _run_distributed_map

    def _require(self, needed: Needed, name: str) -> None:
        problem = machine_role.denied(_machine(), needed, _allows)
        if problem is not None:
            raise self._module._ExecutionError(name, problem)  # noqa: SLF001 - it has no other name


def _machine() -> Machine:
    machine = _MACHINE.get()
    if machine is None:
        raise RuntimeError(_NO_MACHINE)
    return machine


def _trusted(machine: Machine) -> bool:
    from ministack.services import iam  # noqa: PLC0415

    role = iam._roles.get_scoped(machine.place[0], None, _role_name(machine)) or {}  # noqa: SLF001
    trust = role.get("AssumeRolePolicyDocument")
    return machine_role.trusts_step_functions(json.loads(trust) if isinstance(trust, str) else trust)


def _allows(machine: Machine, needed: Needed) -> bool:
    """Evaluate the role's policies as MiniStack evaluates those of a role that calls by itself."""
    from ministack.core import iam_evaluator as evaluator  # noqa: PLC0415
    from ministack.services import iam  # noqa: PLC0415

    account, region = machine.place
    name = _role_name(machine)
    context = evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/{machine.name}",
        principal_type="AssumedRole",
        principal_account=account,
        action=needed.action,
        resource_arn=needed.resource,
        region=region,
        service_context=dict(needed.keys),
    )
    policies = evaluator._gather_role_policies(name, account)  # noqa: SLF001
    limits = evaluator._permissions_boundary(iam._roles, name, account)  # noqa: SLF001
    return bool(evaluator.evaluate(context, policies, *limits).decision == "Allow")


def _role_name(machine: Machine) -> str:
    return machine.role.rpartition("/")[2]
