"""What serves a fleet: its functions, its state machine, its bucket, and a rule for executions that died."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from iot_certificates import accepted_findings as accepted
from iot_certificates import permissions as needs
from iot_certificates.accepted_findings import accept, wildcard
from iot_certificates.execution_role import execution_role
from iot_certificates.fleet_definition import FUNCTION_SECONDS, LABEL, fleet_definition
from iot_certificates.fleet_permissions import FLEETS, decrypting, of_begin, of_machine, of_manifest, of_objects
from iot_certificates.function_log_group import function_log_group
from iot_certificates.provider_permissions import ProviderPermissions
from iot_certificates.release import release

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from iot_certificates.permissions import Grant
    from iot_certificates.provider import ProviderAsset

REGISTER_WITH_CA, REGISTER_WITHOUT_CA = "iot:RegisterCertificate", "iot:RegisterCertificateWithoutCA"
_HANDLERS = "iot_certificate_provider.fleet.handlers"
# The three that answer soon leave CloudFormation's retries time: three attempts and their pauses are below the hour.
_SOON = Duration.minutes(5)
_LONG = Duration.seconds(FUNCTION_SECONDS)
_MEMORY_MIB = 512
_RETRIES = 2
_HOUR = Duration.hours(1)
"""CloudFormation User Guide, "AWS::CloudFormation::CustomResource", ServiceTimeout: the most, and what a fleet has."""


@dataclass(frozen=True)
class _Function:
    """``state``: the machine's that invokes it; empty for those that no state invokes."""

    handler: str
    timeout: Duration
    role: str
    state: str = ""


@dataclass(frozen=True)
class _Served:
    """Whose permissions ProviderPermissions are: one role of several."""

    role: iam.IRole
    service_token: str

    def count_secret(self) -> None:
        """No function of a fleet keeps a key."""


_BEGINNING, _WORKING, _KEEPING = "Begin", "Work", "Bookkeeping"
_FUNCTIONS = {
    "Begin": _Function("begin", _SOON, _BEGINNING),
    "Plan": _Function("plan", _LONG, _KEEPING, "Plan"),
    "Work": _Function("work", _LONG, _WORKING, "Work"),
    "Settle": _Function("settle", _LONG, _KEEPING, "Settle"),
    "Answer": _Function("answer", _SOON, _KEEPING, "Answer"),
    "Died": _Function("died", _SOON, _KEEPING),
}


class FleetProvider(Construct):
    """Serve ``Custom::IotDeviceCertificateFleet``; ``service_token`` is the ARN of the function ``begin``.

    * ``asset``: the asset of the functions.
    * ``manifests``: ARNs of the objects that the functions read; ``keys``: ARNs of KMS keys that encrypt these objects.
    * ``children``: the number of shards that are worked on at a time, each at 25 certificates a second at most; a
      number, or a text with its token. ``register``: the actions that register the certificates.
    * ``any_stack``: the fleets belong to stacks that are unknown at deployment.
    * ``removal_policy``: RETAIN keeps the bucket with what the fleet has registered.

    There are three roles: for ``begin``, which starts the machine; for the worker, which alone can use AWS IoT; and for
    the other functions.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        asset: ProviderAsset,
        children: int | str,
        register: Sequence[str],
        manifests: Sequence[str] = (),
        keys: Sequence[str] = (),
        any_stack: bool = False,
        removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
    ) -> None:
        super().__init__(scope, construct_id)
        self._asset = asset
        self._manifests, self._keys = manifests, keys
        self.service_timeout = _HOUR
        self.bucket = self._bucket(removal_policy)
        self._log_group = function_log_group(self, None, None)
        self.roles = {name: self._role(name) for name in (_BEGINNING, _WORKING, _KEEPING)}
        self.functions = {name: self._function(name, function) for name, function in _FUNCTIONS.items()}
        self.state_machine, machine_policy = self._machine(children)
        begin = self.functions["Begin"]
        self._tell(begin, children)
        self.service_token = begin.function_arn
        self.event_invoke_config = begin.node.try_find_child("EventInvokeConfig")
        grants = {_BEGINNING: needs.FLEET_REQUEST, _WORKING: needs.fleet_worker(register), _KEEPING: needs.FLEET_RUN}
        permissions = [
            self._permissions(role, needs.in_any_stack(needed) if any_stack else needed)
            for role, needed in grants.items()
        ]
        self.ready: list[Construct] = [machine_policy, self._start_policy(), *permissions, self._rule()]
        """What the custom resource depends on: it is there before the first request, and still at the last."""

    def _tell(self, begin: lambda_.Function, children: int | str) -> None:
        """Tell the function that begins where the fleet is; the machine tells the others."""
        environment = {
            "FLEET_BUCKET": self.bucket.bucket_name,
            "FLEET_PREFIX": FLEETS,
            "STATE_MACHINE_ARN": self.state_machine.state_machine_arn,
            "FLEET_MAX_CONCURRENCY": str(children),
        }
        for name, value in environment.items():
            begin.add_environment(name, value)

    def _bucket(self, removal_policy: RemovalPolicy) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Bucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            # Not versioned: the last Delete removes the objects, and with them the bucket can go.
            versioned=False,
            removal_policy=removal_policy,
            lifecycle_rules=[s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(1))],
        )
        accept(bucket, accepted.OF_FLEET_BUCKET)
        return bucket

    def _role(self, name: str) -> iam.Role:
        stack = Stack.of(self)
        own = self.bucket.bucket_arn
        objects = of_objects(own, deleting=name == _KEEPING)
        reading = [of_manifest(self._manifests)] if self._manifests else []
        if self._keys:
            reading.append(decrypting(self._keys, stack.region))
        arns = [*self._manifests, f"{own}/{FLEETS}/*"]
        findings = [finding for arn in arns for finding in wildcard(stack, arn, accepted.OBJECTS_OF_A_FLEET)]
        return execution_role(
            Construct(self, f"{name}Role"),
            description=f"What functions of a fleet of AWS IoT certificates may do ({name})",
            log_group=self._log_group,
            policies={"Fleet": [*reading, *objects]},
            findings=[*findings, *accepted.of_role(tracing=self._asset.tracing)],
        )

    def _function(self, name: str, function: _Function) -> lambda_.Function:
        tracing = self._asset.tracing
        made = lambda_.Function(
            self,
            name,
            description=f"Registers and deregisters a fleet of AWS IoT certificates: {function.handler} ({release()})",
            runtime=self._asset.runtime,
            architecture=self._asset.architecture,
            handler=f"{_HANDLERS}.{function.handler}",
            code=self._asset.code_for(self),
            role=self.roles[function.role],
            memory_size=_MEMORY_MIB,
            timeout=function.timeout,
            log_group=self._log_group,
            tracing=tracing,
            # The machine invokes again what it invoked; CloudFormation and EventBridge leave that to Lambda.
            retry_attempts=None if function.state else _RETRIES,
            max_event_age=None if function.state else _HOUR,
        )
        findings = accepted.of_function(accepted.FLEET_DEAD_LETTERS, tracing=tracing)
        if not function.state:
            findings.append(accepted.FLEET_WITHOUT_DESTINATION)
        accept(made, [*findings, accepted.BEGINS_ENVIRONMENT] if name == "Begin" else findings)
        return made

    def _machine(self, children: int | str) -> tuple[sfn.StateMachine, iam.Policy]:
        stack = Stack.of(self)
        by_state = {each.state: self.functions[name].function_arn for name, each in _FUNCTIONS.items() if each.state}
        # Not stack.to_json_string: jsii drops what is null, and with it that the map's result is not passed on.
        definition = fleet_definition(by_state, self.bucket.bucket_name, children, partition=stack.partition)
        # A token of a number is a text, and Step Functions takes a number only.
        text = json.dumps(definition).replace(json.dumps(children), str(children))
        is_traced = self._asset.tracing == lambda_.Tracing.ACTIVE
        role = iam.Role(
            self,
            "MachineRole",
            description="What the state machine of a fleet of AWS IoT certificates may do",
            assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
        )
        machine = sfn.StateMachine(
            self,
            "Machine",
            comment=f"A fleet of AWS IoT certificates ({release()})",
            definition_body=sfn.DefinitionBody.from_string(text),
            state_machine_type=sfn.StateMachineType.STANDARD,
            role=role,
            tracing_enabled=is_traced,
        )
        accept(role, accepted.of_role(tracing=self._asset.tracing))
        without = [accepted.MACHINE_WITHOUT_LOG, *([] if is_traced else [accepted.MACHINE_WITHOUT_TRACING])]
        accept(machine, without)
        return machine, self._allow_machine(role, machine, list(by_state.values()))

    def _executions(self, machine: sfn.StateMachine, *, of_children: bool = False) -> str:
        name = machine.state_machine_name
        return Stack.of(self).format_arn(
            service="states",
            resource="execution",
            resource_name=f"{name}/{LABEL}:*" if of_children else f"{name}:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def _allow_machine(self, role: iam.Role, machine: sfn.StateMachine, functions: Sequence[str]) -> iam.Policy:
        executions = [self._executions(machine), self._executions(machine, of_children=True)]
        statements = of_machine(functions, self.bucket.bucket_arn, machine.state_machine_arn, executions)
        # Not the role's own: it names the machine, which names the role.
        policy = iam.Policy(self, "MachinePolicy", roles=[cast("iam.IRole", role)], statements=statements)
        stack = Stack.of(self)
        accept(policy, [f for arn in executions for f in wildcard(stack, arn, accepted.EXECUTIONS_OF_A_FLEET)])
        return policy

    def _permissions(self, role: str, grants: Iterable[Grant]) -> ProviderPermissions:
        permissions = ProviderPermissions(self, f"{role}Permissions", _Served(self.roles[role], self.service_token))
        permissions.allow(grants)
        return permissions

    def _start_policy(self) -> iam.Policy:
        executions = self._executions(self.state_machine)
        role = cast("iam.IRole", self.roles[_BEGINNING])
        statements = of_begin(self.state_machine.state_machine_arn, executions)
        policy = iam.Policy(self, "StartPolicy", roles=[role], statements=statements)
        accept(policy, wildcard(Stack.of(self), executions, accepted.EXECUTIONS_OF_A_FLEET))
        return policy

    def _rule(self) -> events.Rule:
        pattern = events.EventPattern(
            source=["aws.states"],
            detail_type=["Step Functions Execution Status Change"],
            detail={
                "stateMachineArn": [self.state_machine.state_machine_arn],
                "status": ["FAILED", "TIMED_OUT", "ABORTED"],
            },
        )
        rule = events.Rule(
            self,
            "OfDead",
            description="Answers CloudFormation for an execution of the fleet's machine that could not",
            event_pattern=pattern,
            targets=[targets.LambdaFunction(self.functions["Died"], max_event_age=_HOUR)],
        )
        accept(rule, [accepted.DIED_AGAIN])
        return rule
