"""The fleet of a stack: its bucket, its runs, and its state machine, as the function that serves it is configured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.aws.error_mapping import mapping_errors
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.fleet.layout import FleetKeys
from iot_certificates_cli.errors import CommandError, UsageError
from iot_certificates_cli.service_tokens import service_token_of
from iot_certificates_cli.stack_owners import read_stack
from iot_certificates_cli.tally import names_of

if TYPE_CHECKING:
    from iot_certificates_cli.connection import Connection
    from iot_certificates_cli.stack_owners import Stack, StackResource


@dataclass(frozen=True)
class DeployedFleet:
    """A fleet in a stack. ``machine_arn`` is empty where its function does not say."""

    name: str
    bucket: str
    keys: FleetKeys
    machine_arn: str


def find_fleet(connection: Connection, stack_name: str, logical_id: str | None) -> DeployedFleet:
    """Find the fleet of a stack; UsageError where there are several and none is named, or where there is none."""
    stack, resources = read_stack(connection.cloudformation_client, stack_name)
    resource = _chosen(stack, resources, logical_id)
    token = service_token_of(connection, stack, resources, resource)
    with mapping_errors(f"the function of {stack.name}/{resource}"):
        configured: Any = connection.clients.client("lambda").get_function_configuration(FunctionName=token)
    variables = configured.get("Environment", {}).get("Variables", {})
    if "FLEET_BUCKET" not in variables:
        raise CommandError(
            f"The function of {stack.name}/{resource} serves no fleet: FLEET_BUCKET is missing. Deploy the stack again"
        )
    keys = FleetKeys.of(variables.get("FLEET_PREFIX", ""), stack.id, resource)
    machine = variables.get("STATE_MACHINE_ARN", "")
    return DeployedFleet(f"{stack.name}/{resource}", variables["FLEET_BUCKET"], keys, machine)


def _chosen(stack: Stack, resources: list[StackResource], logical_id: str | None) -> str:
    fleets = [each.logical_id for each in resources if each.type == ResourceType.DEVICE_CERTIFICATE_FLEET]
    if logical_id is not None and logical_id in fleets:
        return logical_id
    if logical_id is not None:
        found = f"It has {names_of(fleets)}" if fleets else "It has none"
        raise UsageError(f"--fleet: stack {stack.name} has no fleet {logical_id}. {found}")
    if not fleets:
        raise UsageError(
            f"Stack {stack.name} has no {ResourceType.DEVICE_CERTIFICATE_FLEET}. Name the stack of the fleet"
        )
    if len(fleets) > 1:
        raise UsageError(f"Stack {stack.name} has several fleets: {names_of(fleets)}. Name one with --fleet")
    return fleets[0]
