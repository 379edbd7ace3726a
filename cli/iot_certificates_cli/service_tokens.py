"""The functions of custom resources, by their ServiceToken, which only the stack's template has."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from iot_certificate_provider.aws.error_mapping import mapping_errors
from iot_certificate_provider.errors import ProviderError
from iot_certificates_cli.errors import CommandError, sentence_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from iot_certificates_cli.connection import Connection
    from iot_certificates_cli.stack_owners import Stack, StackOwners, StackResource

_LAMBDA_ARN = re.compile(
    r"arn:[a-z-]+:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):function:(?P<name>[\w-]+)(:[\w$-]+)?", re.ASCII
)
_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")


@dataclass
class Services:
    """The functions that stacks need.

    * ``functions``: by the ServiceToken, the resources that it serves: names of stacks, and logical ids.
    * ``unknown``: stacks of which that could not be found out, and why.
    """

    functions: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)


def find_services(connection: Connection, owners: StackOwners) -> Services:
    """GetTemplate of each stack that has resources of ours, and what its ServiceTokens refer to."""
    services, exports = Services(), Exports(connection)
    for stack, resources in owners.served:
        try:
            template = _Template(connection, stack, resources, exports)
            for resource in resources:
                if resource.is_of_the_provider:
                    token = template.service_token(resource.logical_id)
                    services.functions.setdefault(token, []).append((stack.name, resource.logical_id))
        except ProviderError as error:
            services.unknown[stack.name] = sentence_of(error)
        except _UnresolvedError as error:
            services.unknown[stack.name] = f"{error}."
    return services


def service_token_of(connection: Connection, stack: Stack, resources: list[StackResource], logical_id: str) -> str:
    """Return the ServiceToken of one resource; raise CommandError where it cannot be followed."""
    try:
        return _Template(connection, stack, resources, Exports(connection)).service_token(logical_id)
    except _UnresolvedError as error:
        raise CommandError(f"Stack {stack.name}: {error}. Check its template") from error


def function_name(service_token: str, account: str, region: str) -> str | None:
    """Return the name of a function of this account and Region; None for anything else, an SNS topic for one."""
    found = _LAMBDA_ARN.fullmatch(service_token)
    if found is None or (found["account"], found["region"]) != (account, region):
        return None
    return found["name"]


class _UnresolvedError(Exception):
    """A ServiceToken that cannot be resolved; ``str()`` is the cause."""


class Exports:
    """ListExports, when it is first asked for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._values: dict[str, str] | None = None

    def value(self, name: str) -> str | None:
        """Return what is exported under a name."""
        if self._values is None:
            pages = self._connection.cloudformation_client.get_paginator("list_exports").paginate()
            with mapping_errors("the exports"):
                self._values = {each["Name"]: each["Value"] for page in pages for each in page["Exports"]}
        return self._values.get(name)


class _Template:
    """A stack's template, with the intrinsic functions that a ServiceToken is written with."""

    def __init__(self, connection: Connection, stack: Stack, resources: list[StackResource], exports: Exports) -> None:
        self._connection = connection
        self._stack = stack
        self._resources = {resource.logical_id: resource for resource in resources}
        self._exports = exports
        self._parameters: dict[str, str] | None = None
        self._body = self._read()

    def service_token(self, logical_id: str) -> str:
        """Return the resource's ServiceToken; raise _UnresolvedError where it cannot be told."""
        declared = self._body.get("Resources", {}).get(logical_id, {})
        value = declared.get("Properties", {}).get("ServiceToken") if isinstance(declared, dict) else None
        token = self._text(value)
        if token is None:
            raise _UnresolvedError(f"the ServiceToken of {logical_id} cannot be followed in the template")
        return token

    def _read(self) -> dict[str, Any]:
        with mapping_errors(f"the template of stack {self._stack.name}"):
            answer = self._connection.cloudformation_client.get_template(
                StackName=self._stack.id, TemplateStage="Processed"
            )
        body: Any = answer["TemplateBody"]  # botocore parses JSON, and leaves YAML as text
        try:
            parsed = _Yaml(body).get_single_data() if isinstance(body, str) else body
        except yaml.YAMLError as error:
            raise _UnresolvedError("its template is not readable YAML") from error
        if not isinstance(parsed, dict):
            raise _UnresolvedError("its template is no mapping")
        return parsed

    def _text(self, value: object) -> str | None:
        if isinstance(value, str):
            return None if "{{resolve:" in value else value
        if not isinstance(value, dict) or len(value) != 1:
            return None
        intrinsics: Mapping[str, Callable[[Any], str | None]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._attribute,
            "Fn::ImportValue": self._import,
            "Fn::Sub": self._substituted,
            "Fn::Join": self._joined,
        }
        [(function, argument)] = value.items()
        return intrinsics[function](argument) if function in intrinsics else None

    def _ref(self, name: str) -> str | None:
        pseudo = {
            "AWS::Region": self._connection.region,
            "AWS::AccountId": self._connection.account,
            "AWS::Partition": self._connection.session.get_partition_for_region(self._connection.region),
            "AWS::StackName": self._stack.name,
        }
        resource = self._resources.get(name)
        return pseudo.get(name) or (self._parameter(name) if resource is None else resource.physical_id or None)

    def _parameter(self, name: str) -> str | None:
        if self._parameters is None:
            parameters = self._describe(self._stack.id).get("Parameters", [])
            self._parameters = {
                each["ParameterKey"]: each.get("ResolvedValue", each.get("ParameterValue", "")) for each in parameters
            }
        return self._parameters.get(name)

    def _attribute(self, argument: str | list[str]) -> str | None:
        name, _, attribute = (argument if isinstance(argument, str) else ".".join(map(str, argument))).partition(".")
        resource = self._resources.get(name)
        if resource is None or not resource.physical_id:
            return None
        if attribute.startswith("Outputs."):
            outputs = self._describe(resource.physical_id).get("Outputs", [])
            return next((each["OutputValue"] for each in outputs if f"Outputs.{each['OutputKey']}" == attribute), None)
        if resource.type != "AWS::Lambda::Function" or attribute != "Arn":
            return None
        arn = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:"
        return f"{self._substituted(arn)}{resource.physical_id}"

    def _import(self, argument: object) -> str | None:
        name = self._text(argument)
        return None if name is None else self._exports.value(name)

    def _substituted(self, argument: str | list[Any]) -> str | None:
        text, given = (argument, {}) if isinstance(argument, str) else argument
        values = [self._variable(name, given) for literal, name in _VARIABLE.findall(text) if not literal]
        if None in values:
            return None
        found: Iterator[str | None] = iter(values)
        return _VARIABLE.sub(lambda each: f"${{{each[2]}}}" if each[1] else str(next(found)), text)

    def _variable(self, name: str, given: Mapping[str, object]) -> str | None:
        if name in given:
            return self._text(given[name])
        return self._attribute(name) if "." in name else self._ref(name)

    def _joined(self, argument: tuple[str, list[object]]) -> str | None:
        separator, values = argument
        texts = [self._text(value) for value in values]
        return None if None in texts else separator.join(str(text) for text in texts)

    def _describe(self, stack_id: str) -> Any:
        with mapping_errors(f"stack {stack_id}"):
            return self._connection.cloudformation_client.describe_stacks(StackName=stack_id)["Stacks"][0]


class _Yaml(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    """YAML with the short forms of CloudFormation's intrinsic functions: ``!GetAtt Function.Arn``."""


def _intrinsic(loader: _Yaml, name: str, node: Any) -> dict[str, Any]:
    construct: dict[str, Callable[[], Any]] = {
        "scalar": lambda: loader.construct_scalar(node),
        "sequence": lambda: loader.construct_sequence(node, deep=True),
        "mapping": lambda: loader.construct_mapping(node, deep=True),
    }
    return {name if name in {"Ref", "Condition"} else f"Fn::{name}": construct[node.id]()}


_Yaml.add_multi_constructor("!", _intrinsic)
