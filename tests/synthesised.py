"""Templates in a form that assertions can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk.assertions import Template

from linting import lint_findings
from published_schemas import check_custom_resources

if TYPE_CHECKING:
    from aws_cdk import Stack


class Synthesised:
    """A stack's template, with intrinsic functions written out as text: ``${Logical}``, ``${Logical.Attribute}``.

    cfn-lint has nothing against it, and the published schemas allow the properties of its custom resources: else this
    raises AssertionError.
    """

    def __init__(self, stack: Stack) -> None:
        self.raw = dict(Template.from_stack(stack).to_json())
        assert lint_findings(self.raw) == []
        check_custom_resources(self.raw)
        self.resources: dict[str, Any] = written_out(self.raw["Resources"])

    def of_type(self, resource_type: str) -> dict[str, Any]:
        """Return the resources of one type by their logical ids."""
        return {name: r for name, r in self.resources.items() if r["Type"] == resource_type}

    def only(self, resource_type: str) -> dict[str, Any]:
        """Return the one resource of a type."""
        (resource,) = self.of_type(resource_type).values()
        return dict(resource)

    def named(self, beginning: str, resource_type: str) -> dict[str, Any]:
        """Return the one resource of a type whose logical id begins so."""
        (resource,) = (r for name, r in self.of_type(resource_type).items() if name.startswith(beginning))
        return dict(resource)

    def declared(self, beginning: str, resource_type: str) -> dict[str, Any]:
        """Return the properties of a custom resource, without those that CloudFormation takes for itself."""
        properties = self.named(beginning, resource_type)["Properties"]
        return {name: value for name, value in properties.items() if name not in ("ServiceToken", "ServiceTimeout")}

    def allowed(self, beginning: str) -> dict[str, set[str]]:
        """Return what the policy whose logical id begins so allows: actions by their resources."""
        document = self.named(beginning, "AWS::IAM::Policy")["Properties"]["PolicyDocument"]
        allowed: dict[str, set[str]] = {}
        for statement in document["Statement"]:
            assert statement["Effect"] == "Allow"
            resources, actions = _listed(statement["Resource"]), _listed(statement["Action"])
            allowed.setdefault(" ".join(r.removeprefix(OWN_IOT) for r in resources), set()).update(actions)
        return allowed


OWN_IOT = "arn:${AWS::Partition}:iot:${AWS::Region}:${AWS::AccountId}:"


def written_out(value: Any) -> Any:
    """Write intrinsic functions as text."""
    if isinstance(value, list):
        return [written_out(item) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Join": [separator, items]}:
            return separator.join(map(str, written_out(items)))
        case {"Fn::Sub": str(text)}:
            return text
        case {"Fn::ImportValue": name}:
            return f"${{import {name}}}"
    return {key: written_out(item) for key, item in value.items()}


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
