"""The function behind the constructs' custom resources: one a stack, unless a stack shares another's."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Unpack

from aws_cdk import Annotations, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from iot_certificate_provider.contract import MetricDimension, MetricName
from iot_certificates import accepted_findings as accepted
from iot_certificates.accepted_findings import accept
from iot_certificates.bundling import DEFAULT_TARGET, PROVIDER_SOURCE, Target, bundle
from iot_certificates.declared.arguments import SIGNATURE, takes
from iot_certificates.declared.declaration_error import CertificateDeclarationError
from iot_certificates.declared.described import described
from iot_certificates.declared.kinds import DURATION, Having, Instance, Member, Text, WholeNumber
from iot_certificates.declared.state import State, is_known, state_of
from iot_certificates.execution_role import execution_role
from iot_certificates.function_log_group import LOG_GROUP, LOG_RETENTION, function_log_group
from iot_certificates.metrics import MetricOptions, published_metric
from iot_certificates.permission_statements import allowing
from iot_certificates.release import release
from iot_certificates.stack_children import child_of_stack

if TYPE_CHECKING:
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk import aws_logs as logs
    from constructs import IConstruct

    from iot_certificates.declared.arguments import Place

RUNTIME_CONTEXT = "iot-certificates:runtime"
ARCHITECTURE_CONTEXT = "iot-certificates:architecture"

MANY_SECRETS_WARNING = "cdk-iot-certificates:many-secrets"
"""The id of the warning, for ``Annotations.acknowledge_warning``."""

_HANDLER = "iot_certificate_provider.handler.handler"
_RETRIES = 2
# AWS Lambda Developer Guide, "Asynchronous invocation": the waits before the first and the second retry.
_RETRY_WAITS = Duration.minutes(1 + 2)
# The function stops its work 31 seconds before its end: to undo it, and to answer.
_MIN_TIMEOUT = Duration.minutes(1)
# CloudFormation User Guide, "AWS::CloudFormation::CustomResource", ServiceTimeout.
_LONGEST_SERVICE_TIMEOUT = Duration.hours(1)
# In place of one that is still to be looked up: the CDK takes no ARN apart that is none.
_ANY_FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:looked-up-later"
# AWS Lambda Developer Guide, "Lambda quotas".
_LEAST_MEMORY_MIB = 128
# Lambda's processor share grows with memory, and making boto3 clients is nearly all that a cold start does.
_MEMORY_MIB = 512
# IAM quotas: 10,240 characters for all policies in a role. Each secret takes about 320, the rest up to 3,700.
_MAX_SECRETS = 20
_VPC_ACTIONS = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)


class _ServiceTokens:
    """The ARN of a function."""

    _fix = "Give the ARN of the function, or Fn.import_value(SERVICE_TOKEN_EXPORT)"

    def take(self, place: Place, value: Any) -> Any:
        """Return the ARN."""
        arn = Text(self._fix).take(place, value)
        if is_known(arn) and not re.fullmatch(r"arn:[\w-]+:lambda:[\w-]+:\d{12}:function:[\w:$-]+", arn):
            raise place.refuse(f"{described(arn)} is not the ARN of a function", self._fix)
        return arn


_SERVICE_TOKEN = _ServiceTokens()


class ProviderAsset(Construct):
    """The asset of the functions, with its runtime and architecture, and whether the functions are traced.

    ``code``: a prebuilt one. Raises CertificateDeclarationError for a runtime that the functions do not run on.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        runtime: lambda_.Runtime | None = None,
        architecture: lambda_.Architecture | None = None,
        tracing: lambda_.Tracing = lambda_.Tracing.DISABLED,
        code: lambda_.Code | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._given_code, self._target = code, self._target_of(runtime, architecture)
        self.tracing = tracing

    @property
    def runtime(self) -> lambda_.Runtime:
        """The runtime of the asset."""
        return lambda_.Runtime(self._target.runtime, lambda_.RuntimeFamily.PYTHON, supports_inline_code=True)

    @property
    def architecture(self) -> lambda_.Architecture:
        """The architecture of the asset."""
        arm = lambda_.Architecture.ARM_64
        return arm if self._target.architecture == arm.name else lambda_.Architecture.X86_64

    def code_for(self, scope: Construct) -> lambda_.Code:
        """Return the asset for a function in ``scope``, which may be in another stack than the provider."""
        if self._given_code is not None:
            return self._given_code_in(scope, self._given_code)
        if not Stack.of(scope).bundling_required:
            return lambda_.Code.from_asset(str(PROVIDER_SOURCE), exclude=["**/__pycache__"])
        built = bundle(self._target)
        # By what went in: compressors differ in their bytes from machine to machine.
        return lambda_.Code.from_asset(str(built.path), asset_hash=built.key)

    def _given_code_in(self, scope: Construct, code: lambda_.Code) -> lambda_.Code:
        if isinstance(code, lambda_.AssetCode) and Stack.of(scope) is not Stack.of(self):
            # The CDK lets no second stack have the same asset; it uploads the same file only once.
            return lambda_.Code.from_asset(code.path)
        return code

    def _target_of(self, runtime: lambda_.Runtime | None, architecture: lambda_.Architecture | None) -> Target:
        name = self.node.try_get_context(RUNTIME_CONTEXT) or (runtime.name if runtime else DEFAULT_TARGET.runtime)
        processor = self.node.try_get_context(ARCHITECTURE_CONTEXT) or (
            architecture.name if architecture else DEFAULT_TARGET.architecture
        )
        try:
            return Target(str(name), str(processor))
        except ValueError as error:
            raise CertificateDeclarationError(self, "runtime, architecture", "cannot be used", str(error)) from error


class IotCertificateProvider(ProviderAsset):
    """The Lambda function that serves the ``Custom::Iot…`` resource types.

    The constructs create one for each stack. Declare one to choose its properties, or to share it between stacks.
    Its role holds the permission to write to its own log group; each construct adds what it needs in a policy of
    its own stack.

    * ``runtime``: Python 3.11 or newer, by default Python 3.14; ``architecture``: by default ARM_64.
    * ``memory_size``: MiB, by default 512. ``timeout``: of one attempt, by default 5 minutes, at least one.
    * ``log_retention``: of the function's log group, by default one month; ``log_group``: another one instead.
    * ``vpc``: the function needs AWS IoT, Secrets Manager (or AWS KMS, AWS Private CA), CloudFormation and Amazon S3
      from there.
    * ``tracing``: ACTIVE for AWS X-Ray, which the role may then write to; by default DISABLED.
    * ``reserved_concurrent_executions``: by default none are reserved.
    * ``code``: a prebuilt asset, for a synthesis that must not install anything; built by
      ``python -m iot_certificates.bundling`` for the same runtime and architecture. Of ``Code.from_asset``, another
      stack's expiry schedule takes the file alone, without options.

    The context keys ``iot-certificates:runtime`` (``python3.11``, say) and ``iot-certificates:architecture`` (``arm64``
    or ``x86_64``) overrule ``runtime`` and ``architecture``: an emulator runs functions with an interpreter and a
    processor of its own, and any app deploys there unchanged.

    A function that is deployed already serves as well: ``from_service_token``, ``from_function``. CloudFormation
    refuses to change the service token of a resource.

    Raises CertificateDeclarationError for a runtime that the function does not run on, and BundlingError when its
    asset cannot be built. Where the CDK CLI does not need assets (``cdk destroy``, ``cdk list``; in tests the context
    ``aws:cdk:bundling-stacks: []``) nothing is built.
    """

    __signature__ = SIGNATURE

    @takes(
        runtime=Instance((lambda_.Runtime,), "Give lambda_.Runtime.PYTHON_3_14, say"),
        architecture=Instance((lambda_.Architecture,), "Give lambda_.Architecture.ARM_64 or .X86_64"),
        memory_size=WholeNumber(_LEAST_MEMORY_MIB),
        timeout=DURATION,
        log_retention=LOG_RETENTION,
        log_group=LOG_GROUP,
        vpc=Having(("vpc_id", "private_subnets"), "Give the VPC itself: ec2.Vpc(…), or ec2.Vpc.from_lookup(…)"),
        reserved_concurrent_executions=WholeNumber(),
        tracing=Member(lambda_.Tracing, at_synth=True),
        code=Instance((lambda_.Code,), "Give lambda_.Code.from_asset(…) of what iot_certificates.bundling built"),
    )
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        runtime: lambda_.Runtime | None = None,
        architecture: lambda_.Architecture | None = None,
        memory_size: int = _MEMORY_MIB,
        timeout: Duration | None = None,
        log_retention: logs.RetentionDays | None = None,
        log_group: logs.ILogGroup | None = None,
        vpc: ec2.IVpc | None = None,
        reserved_concurrent_executions: int | None = None,
        tracing: lambda_.Tracing = lambda_.Tracing.DISABLED,
        code: lambda_.Code | None = None,
    ) -> None:
        super().__init__(scope, construct_id, runtime=runtime, architecture=architecture, tracing=tracing, code=code)
        timeout = timeout or Duration.minutes(5)
        self._check_timeout(timeout)
        self._secrets = 0
        self.service_timeout = _service_timeout(timeout)
        log_group = function_log_group(self, log_group, log_retention)
        self.role: iam.IRole | None = self._execution_role(log_group, in_vpc=vpc is not None)
        self.function: lambda_.IFunction = self._function(
            memory_size, timeout, log_group, vpc, reserved_concurrent_executions
        )
        self.service_token = self.function.function_arn

    @classmethod
    def get_or_create(cls, scope: Construct) -> IotCertificateProvider:
        """Return the provider of the stack of ``scope``; create it, with default properties, if there is none."""
        return child_of_stack(scope, cls.__name__, cls, cls)

    @classmethod
    @takes(
        service_token=_SERVICE_TOKEN,
        service_timeout=DURATION,
    )
    def from_service_token(
        cls, scope: Construct, construct_id: str, service_token: str, *, service_timeout: Duration | None = None
    ) -> IotCertificateProvider:
        """Refer to a function that is already deployed, by its service token, the function's ARN; may be a token.

        ``Fn.import_value(SERVICE_TOKEN_EXPORT)`` is that of a provider stack. The role of the function is not known
        here: its own stack allows what it needs, IotCertificateProviderStack by its parameters. CloudFormation
        waits ``service_timeout`` for an answer, by default one hour.
        """
        return _ExistingProvider(scope, construct_id, service_token, None, service_timeout)

    @classmethod
    @takes(
        function=Having(
            ("function_arn", "function_name", "metric"), "Give the function: lambda_.Function.from_function_arn(…)"
        ),
        service_timeout=DURATION,
    )
    def from_function(
        cls,
        scope: Construct,
        construct_id: str,
        function: lambda_.IFunction,
        *,
        service_timeout: Duration | None = None,
    ) -> IotCertificateProvider:
        """Refer to a function of another stack, with the handler ``iot_certificate_provider.handler.handler``.

        Its role, where the function has one (``Function.from_function_attributes(role=…)``), is given what the
        constructs need. CloudFormation waits ``service_timeout`` for an answer, by default one hour.
        """
        return _ExistingProvider(scope, construct_id, None, function, service_timeout)

    @cached_property
    def short_address(self) -> str:
        """Eight digits that no other provider of the app has; for construct ids."""
        return self.node.addr[-8:]

    @cached_property
    def event_invoke_config(self) -> IConstruct | None:
        """The resource that limits how often and how long Lambda tries a request, in place of Lambda's defaults.

        None for a function that is deployed already.
        """
        return self.function.node.try_find_child("EventInvokeConfig")

    def metric_failures(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return how many requests failed: the sum over 5 minutes; the sample count is that of all requests.

        Lambda's own metrics do not show it: a request that is answered FAILED is a successful invocation. Those that
        are not answered at all are the ``metric_errors`` of ``function``.
        """
        dimensions = {MetricDimension.FUNCTION_NAME: self.function.function_name}
        usual: MetricOptions = {"statistic": cloudwatch.Stats.SUM, "period": Duration.minutes(5)}
        return published_metric(self, MetricName.FAILURES, dimensions, usual, **options)

    def count_secret(self) -> None:
        """Count a secret that the function keeps a key in; warn above the limit of its role."""
        self._secrets += 1
        if self._secrets == _MAX_SECRETS + 1:
            Annotations.of(self).add_warning_v2(
                MANY_SECRETS_WARNING,
                f"The function keeps keys in more than {_MAX_SECRETS} secrets, and IAM has hardly room for more in the "
                "policies of one role. Give further certificates another IotCertificateProvider",
            )

    def _execution_role(self, log_group: logs.ILogGroup, *, in_vpc: bool) -> iam.Role:
        return execution_role(
            self,
            description="Permissions of the AWS IoT certificate provider's function",
            log_group=log_group,
            policies={"NetworkInterfaces": [allowing(_VPC_ACTIONS, ["*"])]} if in_vpc else {},
            findings=accepted.of_role(in_vpc=in_vpc, tracing=self.tracing),
        )

    def _function(
        self,
        memory_size: int,
        timeout: Duration,
        log_group: logs.ILogGroup,
        vpc: ec2.IVpc | None,
        reserved_concurrent_executions: int | None,
    ) -> lambda_.Function:
        function = lambda_.Function(
            self,
            "Function",
            description=f"Registers and deregisters AWS IoT certificates for CloudFormation ({release()})",
            runtime=self.runtime,
            architecture=self.architecture,
            handler=_HANDLER,
            code=self.code_for(self),
            role=self.role,
            memory_size=memory_size,
            timeout=timeout,
            log_group=log_group,
            vpc=vpc,
            reserved_concurrent_executions=reserved_concurrent_executions,
            tracing=self.tracing,
            retry_attempts=_RETRIES,
            # A request that CloudFormation no longer waits for must not be served.
            max_event_age=self.service_timeout,
            # A sweep hands what is left on to another invocation, until ServiceTimeout: more often than the 16 times
            # after which Lambda takes it for an accident.
            recursive_loop=lambda_.RecursiveLoop.ALLOW,
        )
        reserved = reserved_concurrent_executions is not None
        findings = accepted.of_function(
            accepted.NO_DEAD_LETTERS, in_vpc=vpc is not None, reserved=reserved, tracing=self.tracing
        )
        accept(function, findings)
        return function

    def _check_timeout(self, timeout: Duration) -> None:
        if not timeout.is_unresolved() and timeout.to_seconds() < _MIN_TIMEOUT.to_seconds():
            raise CertificateDeclarationError(
                self,
                "timeout",
                f"is {timeout.to_seconds():g} seconds, too short to undo a failed operation and to answer",
                f"Give it at least {_MIN_TIMEOUT.to_seconds():g} seconds",
            )


PROVIDER = Instance(
    (IotCertificateProvider,), "Give an IotCertificateProvider, or IotCertificateProvider.from_function(…)"
)
"""The kind of argument."""


class _ExistingProvider(IotCertificateProvider):
    """A function that another stack or app deploys."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        service_token: str | None,
        function: lambda_.IFunction | None,
        service_timeout: Duration | None,
    ) -> None:
        ProviderAsset.__init__(self, scope, construct_id)
        self._secrets = 0
        self.service_timeout = service_timeout or _LONGEST_SERVICE_TIMEOUT
        self.function = function or self._function_of(service_token or "")
        self.role = self.function.role
        self.service_token = service_token or self.function.function_arn

    def _function_of(self, service_token: str) -> lambda_.IFunction:
        arn = _ANY_FUNCTION if state_of(service_token) is State.LOOKUP else service_token
        return lambda_.Function.from_function_arn(self, "Function", arn)


def _service_timeout(timeout: Duration) -> Duration:
    """Cover every attempt at a request: at most 48 minutes, of the hour that CloudFormation would wait by default."""
    if timeout.is_unresolved():
        return _LONGEST_SERVICE_TIMEOUT
    attempts = 1 + _RETRIES
    return Duration.seconds(timeout.to_seconds() * attempts + _RETRY_WAITS.to_seconds())
