"""The stacks of a step: plain templates whose custom resources the run's function serves."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from acceptance.stage import Stage

CERTIFICATE_SECONDS = 300


class PlayedStack:
    """One stack. Its name begins with the stage's prefix; it is deleted with the step."""

    def __init__(self, stage: Stage, what: str) -> None:
        self.name = stage.name(what)
        self._stage = stage
        self._client = stage.client("cloudformation")
        self.id = ""
        self.more: dict[str, Any] = {}
        """What the template has beside its resources: outputs, parameters."""

    def create(self, resources: Mapping[str, Any], **options: Any) -> str:
        """Create it; return the status at which it comes to rest."""
        self.begin(resources, **options)
        return self.rest()

    def begin(self, resources: Mapping[str, Any], **options: Any) -> None:
        """Begin to create it."""
        template = self._template(resources)
        self.id = self._client.create_stack(StackName=self.name, TemplateBody=template, **options)["StackId"]

    def create_from(self, template: Mapping[str, Any], role_arn: str) -> str:
        """Create it of a whole template with a role for CloudFormation; return the status at which it comes to rest."""
        created = self._client.create_stack(
            StackName=self.name,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_IAM"],
            RoleARN=role_arn,
        )
        self.id = created["StackId"]
        return self.rest()

    def update(self, resources: Mapping[str, Any], **options: Any) -> str:
        """Update it; return the status at which it comes to rest."""
        self.begin_update(resources, **options)
        return self.rest()

    def begin_update(self, resources: Mapping[str, Any], **options: Any) -> None:
        """Begin an update."""
        self._client.update_stack(StackName=self.name, TemplateBody=self._template(resources), **options)

    def delete(self) -> str:
        """Delete it; return the status at which it comes to rest."""
        self._client.delete_stack(StackName=self.id or self.name)
        return self.rest()

    def status(self) -> str:
        """Return its status; DELETE_COMPLETE also where CloudFormation does not know it any more."""
        try:
            (stack,) = self._client.describe_stacks(StackName=self.id or self.name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return "DELETE_COMPLETE"
            raise
        return str(stack["StackStatus"])

    def declared(self) -> list[str]:
        """Return the logical ids in the template that CloudFormation gives."""
        return sorted(self._client.get_template(StackName=self.id or self.name)["TemplateBody"]["Resources"])

    def rest(self) -> str:
        """Wait until nothing runs on it; return its status."""
        while (status := self.status()).endswith("_IN_PROGRESS"):
            time.sleep(self._stage.place.poll_seconds)
        return status

    def physical_id(self, logical_id: str) -> str:
        """Return the physical id of a resource."""
        found = self._client.describe_stack_resource(StackName=self.name, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def outputs(self) -> dict[str, str]:
        """Return its outputs."""
        (stack,) = self._client.describe_stacks(StackName=self.name)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}

    def events(self) -> list[dict[str, Any]]:
        """Return its events, the oldest first."""
        pages = self._client.get_paginator("describe_stack_events").paginate(StackName=self.id or self.name)
        return [event for page in pages for event in page["StackEvents"]][::-1]

    def log(self, logical_id: str) -> list[list[str]]:
        """Return what the events say of a resource: status and physical id, as they are recorded."""
        rows = [event for event in self.events() if event["LogicalResourceId"] == logical_id]
        return [[row["ResourceStatus"], self.shown(row.get("PhysicalResourceId", ""), logical_id)] for row in rows]

    def reasons(self) -> list[str]:
        """Return the reasons of the failures, the oldest first."""
        rows = [event for event in self.events() if event["ResourceStatus"].endswith("_FAILED")]
        return [str(row.get("ResourceStatusReason", "")) for row in rows]

    def shown(self, physical_id: str, logical_id: str = "") -> str:
        """Return a physical id as it is recorded: one that CloudFormation invents ends at random."""
        is_invented = bool(logical_id) and physical_id.startswith(f"{self.name}-{logical_id}-")
        return "<invented>" if is_invented else str(self._stage.disguise.of(physical_id))

    def _template(self, resources: Mapping[str, Any]) -> str:
        declared = {name: self._served(resource) for name, resource in resources.items()}
        return json.dumps({"Resources": declared, **self.more})

    def _served(self, resource: Mapping[str, Any]) -> Mapping[str, Any]:
        if not resource["Type"].startswith("Custom::") or "ServiceToken" in resource["Properties"]:
            return resource
        token = self._stage.run.provider.service_token()
        properties = {"ServiceToken": token, "ServiceTimeout": CERTIFICATE_SECONDS, **resource["Properties"]}
        return {**resource, "Properties": properties}


def device(pem: str, **more: Any) -> dict[str, Any]:
    """Return a device certificate that is registered without a CA."""
    attributes: dict[str, Any] = {name: more.pop(name) for name in ("DependsOn", "DeletionPolicy") if name in more}
    properties = {"CertificatePem": pem, "CertificateMode": "SNI_ONLY", **more}
    return {"Type": "Custom::IotDeviceCertificate", "Properties": properties, **attributes}


def thing(name: str) -> dict[str, Any]:
    """Return a thing, the cheapest resource that CloudFormation has."""
    return {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": name}}


def policy(name: str) -> dict[str, Any]:
    """Return a policy of AWS IoT that allows nothing that matters."""
    return {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": name, "PolicyDocument": DOCUMENT}}


DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}],
}
