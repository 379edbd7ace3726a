"""CloudFormation, asked to update a stack with the template and the parameters that it has, save one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iot_certificate_provider.aws.error_mapping import mapping_errors
from iot_certificate_provider.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iot_certificate_provider.aws.clients import AwsClients

UPDATABLE = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
)
"""CloudFormation User Guide, "Stack status codes": the statuses in which a stack can be updated."""


@dataclass(frozen=True)
class UpdatableStack:
    """A stack as far as an update of it needs it.

    ``has_role``: whether CloudFormation has a role of its own for the stack, which an update uses that names none.
    """

    stack_id: str
    status: str
    parameters: tuple[str, ...]
    capabilities: tuple[Any, ...]
    has_role: bool


class StackUpdateGateway:
    """Describes a stack, and updates it."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    def describe(self, stack_id: str) -> UpdatableStack:
        """DescribeStacks: the stack as it is now."""
        with mapping_errors("the stack"):
            (stack,) = self._clients.client("cloudformation").describe_stacks(StackName=stack_id)["Stacks"]
        parameters = (each.get("ParameterKey", "") for each in stack.get("Parameters", []))
        capabilities = tuple(stack.get("Capabilities", []))
        return UpdatableStack(
            stack_id, stack["StackStatus"], tuple(parameters), capabilities, has_role=bool(stack.get("RoleARN"))
        )

    def update(self, stack: UpdatableStack, changed: Mapping[str, str], token: str) -> None:
        """UpdateStack with the stack's own template, capabilities and role, and all other parameters as they are."""
        parameters: list[Any] = [
            {"ParameterKey": name, "ParameterValue": changed[name]}
            if name in changed
            else {"ParameterKey": name, "UsePreviousValue": True}
            for name in stack.parameters
        ]
        with mapping_errors("the update of the stack"):
            self._clients.client("cloudformation").update_stack(
                StackName=stack.stack_id,
                UsePreviousTemplate=True,
                Parameters=parameters,
                Capabilities=list(stack.capabilities),
                ClientRequestToken=token,
            )
