"""A stack that is deployed as somebody without the CDK does it: a template in YAML, and parameters."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from integration.stacks import wait_for
from iot_certificates_local import Strictness

if TYPE_CHECKING:
    from collections.abc import Mapping

    import boto3


class PlainStack:
    """One stack. What fails raises StackFailedError, with the reasons of its events."""

    def __init__(self, session: boto3.Session, name: str) -> None:
        self.name = name
        self._client: Any = session.client("cloudformation")

    def create(self, template: str, *, role_arn: str = "", **parameters: str) -> dict[str, str]:
        """Return the outputs; ``role_arn``: what CloudFormation uses from then on."""
        role = {"RoleARN": role_arn, "Capabilities": ["CAPABILITY_IAM"]} if role_arn else {}
        self._client.create_stack(StackName=self.name, TemplateBody=template, Parameters=_listed(parameters), **role)
        return self._finished("stack_create_complete")

    def update(self, template: str, **parameters: str) -> dict[str, str]:
        """Return the outputs."""
        self._client.update_stack(
            StackName=self.name,
            TemplateBody=template,
            Parameters=_listed(parameters),
            Capabilities=["CAPABILITY_IAM"],
        )
        return self._finished("stack_update_complete")

    def planned(self, template: str, **parameters: str) -> dict[str, tuple[str, str]]:
        """Return what an update would do, by logical ids: the action, and what becomes of what is removed."""
        name = {"StackName": self.name, "ChangeSetName": "planned"}
        self._client.create_change_set(**name, TemplateBody=template, Parameters=_listed(parameters))
        self._client.get_waiter("change_set_create_complete").wait(**name, WaiterConfig={"Delay": 0.2})
        changes = [change["ResourceChange"] for change in self._client.describe_change_set(**name)["Changes"]]
        self._client.delete_change_set(**name)
        return {change["LogicalResourceId"]: (change["Action"], change.get("PolicyAction", "")) for change in changes}

    def updated(self) -> str:
        """Return the status once an update that another caller began is over."""
        while True:
            (stack,) = self._client.describe_stacks(StackName=self.name)["Stacks"]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return str(stack["StackStatus"])
            time.sleep(0.1)

    def set_parameters(self, **parameters: str) -> None:
        """Change parameters, and nothing else; what the stack's roles were allowed before, they may no longer."""
        self._client.update_stack(
            StackName=self.name,
            UsePreviousTemplate=True,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=_listed(parameters),
        )
        self._finished("stack_update_complete")
        time.sleep(Strictness().permission_seconds)

    def delete(self) -> None:
        self._client.delete_stack(StackName=self.name)
        wait_for(self._client, self.name, "stack_delete_complete")

    def physical_ids(self, of_type: str = "") -> dict[str, str]:
        """Return the physical ids of the stack's resources, all or those ``of_type``, by their logical ids."""
        rows = self._client.list_stack_resources(StackName=self.name)["StackResourceSummaries"]
        return {
            row["LogicalResourceId"]: row["PhysicalResourceId"]
            for row in rows
            if row["ResourceType"].startswith(of_type)
        }

    def _finished(self, what: str) -> dict[str, str]:
        wait_for(self._client, self.name, what)
        (stack,) = self._client.describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _listed(parameters: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
