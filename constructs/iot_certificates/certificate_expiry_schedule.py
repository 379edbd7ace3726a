"""The schedule that publishes the expiry of a stack's certificates: a rule, and a function that only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack, cast

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IConstruct

from iot_certificate_provider.contract import EXPIRY_STACK_ID, MetricDimension, MetricName
from iot_certificates import accepted_findings as accepted
from iot_certificates.accepted_findings import accept, wildcard
from iot_certificates.declared.arguments import SIGNATURE, takes
from iot_certificates.declared.declaration_error import CertificateDeclarationError
from iot_certificates.declared.kinds import Instance
from iot_certificates.execution_role import execution_role
from iot_certificates.function_log_group import LOG_GROUP, LOG_RETENTION, function_log_group
from iot_certificates.metrics import MetricOptions, published_metric
from iot_certificates.permission_statements import allowing
from iot_certificates.provider import PROVIDER
from iot_certificates.release import release
from iot_certificates.stack_children import child_of_stack, keep_child_of_stack, known_child_of_stack

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_logs as logs

    from iot_certificates.provider import IotCertificateProvider

_ID = "CertificateExpirySchedule"
_HANDLER = "iot_certificate_provider.expiry.handler"
_MEMORY_MIB = 256
# More than twice what 1,000 certificates take, at the five a second that the function reads.
_TIMEOUT = Duration.minutes(10)
_RETRIES = 2
_MAX_EVENT_AGE = Duration.hours(1)
_ANY_OF_THE_STACK = "Which certificates the stack holds is asked when they are read: their ids may be known only then"
_USUAL: MetricOptions = {"statistic": cloudwatch.Stats.MINIMUM, "period": Duration.days(1)}


class CertificateExpirySchedule(Construct):
    """Publishes, once a day, how many days are left until each certificate of the stack expires.

    One serves all certificates of its stack. The first ``metric_days_to_expiry`` of a certificate makes it, as do
    CertificateAlarms and CertificateDashboard; declare it before them to choose its properties.

    * ``provider``: whose asset, runtime, architecture and tracing the function has.
    * ``schedule``: by default every 24 hours, the first time 24 hours after the deployment. A rarer one leaves days
      without a value, and alarms without data.
    * ``log_retention``: of the function's log group, by default one month; ``log_group``: another one instead, of the
      class STANDARD, because CloudWatch extracts metrics from no other.

    Attributes: ``function``, whose own role can list the stack's resources and describe certificates, and ``rule``.
    Raises CertificateDeclarationError for a second one in a stack.
    """

    __signature__ = SIGNATURE

    @takes(
        provider=PROVIDER,
        schedule=Instance((events.Schedule,), "Give events.Schedule.rate(Duration.hours(12)), say"),
        log_retention=LOG_RETENTION,
        log_group=LOG_GROUP,
    )
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        provider: IotCertificateProvider,
        schedule: events.Schedule | None = None,
        log_retention: logs.RetentionDays | None = None,
        log_group: logs.ILogGroup | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        self._check_only_one()
        keep_child_of_stack(self, _ID, self)
        log_group = function_log_group(self, log_group, log_retention)
        self.function = self._function(stack, provider, log_group)
        self.rule = self._rule(stack, schedule or events.Schedule.rate(Duration.days(1)))

    @classmethod
    @takes(provider=PROVIDER)
    def get_or_create(cls, scope: IConstruct, provider: IotCertificateProvider) -> CertificateExpirySchedule:
        """Return the schedule of the stack of ``scope``; create it, with default properties, if there is none."""
        return child_of_stack(
            cast("Construct", scope), _ID, cls, lambda stack, name: cls(stack, name, provider=provider)
        )

    def metric_days_to_expiry(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return the days until the first certificate of the stack expires: the minimum over a day."""
        dimensions = {MetricDimension.STACK_NAME: Stack.of(self).stack_name}
        return published_metric(self, MetricName.DAYS_TO_EXPIRY, dimensions, _USUAL, **options)

    def metric_days_to_expiry_of(self, logical_id: str, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return the days until the certificate of a resource of the stack expires: the minimum over a day."""
        stack_name = Stack.of(self).stack_name
        dimensions = {MetricDimension.STACK_NAME: stack_name, MetricDimension.LOGICAL_ID: logical_id}
        return published_metric(self, MetricName.DAYS_TO_EXPIRY, dimensions, _USUAL, **options)

    def _check_only_one(self) -> None:
        other = known_child_of_stack(self, _ID)
        if other is not None:
            raise CertificateDeclarationError(
                self,
                "scope",
                f"is in a stack that already has a CertificateExpirySchedule, {other.node.path}",
                "Declare it before the first metric_days_to_expiry, alarm or dashboard, which otherwise create one",
            )

    def _function(self, stack: Stack, provider: IotCertificateProvider, log_group: logs.ILogGroup) -> lambda_.Function:
        function = lambda_.Function(
            self,
            "Function",
            description=f"Publishes when the AWS IoT certificates of a stack expire ({release()})",
            runtime=provider.runtime,
            architecture=provider.architecture,
            handler=_HANDLER,
            code=provider.code_for(self),
            role=self._role(stack, log_group, provider.tracing),
            memory_size=_MEMORY_MIB,
            timeout=_TIMEOUT,
            log_group=log_group,
            tracing=provider.tracing,
            retry_attempts=_RETRIES,
            max_event_age=_MAX_EVENT_AGE,
        )
        accept(function, accepted.of_function(accepted.EXPIRY_UNPUBLISHED, tracing=provider.tracing))
        return function

    def _rule(self, stack: Stack, schedule: events.Schedule) -> events.Rule:
        event = events.RuleTargetInput.from_object({EXPIRY_STACK_ID: stack.stack_id})
        target = targets.LambdaFunction(
            self.function, event=event, retry_attempts=_RETRIES, max_event_age=_MAX_EVENT_AGE
        )
        rule = events.Rule(
            self,
            "Rule",
            description="Schedule of publishing the expiry of the stack's AWS IoT certificates",
            schedule=schedule,
            targets=[target],
        )
        accept(rule, [accepted.EXPIRY_NOT_STARTED])
        return rule

    def _role(self, stack: Stack, log_group: logs.ILogGroup, tracing: lambda_.Tracing) -> iam.Role:
        kinds = {"iot:DescribeCertificate": "cert", "iot:DescribeCACertificate": "cacert"}
        arns = {
            action: stack.format_arn(service="iot", resource=kind, resource_name="*") for action, kind in kinds.items()
        }
        describe = [allowing([action], [arn]) for action, arn in arns.items()]
        return execution_role(
            self,
            description="Permissions of the function that publishes the expiry of AWS IoT certificates",
            log_group=log_group,
            policies={"Certificates": [allowing(["cloudformation:ListStackResources"], [stack.stack_id]), *describe]},
            findings=[
                *(finding for arn in arns.values() for finding in wildcard(stack, arn, _ANY_OF_THE_STACK)),
                *accepted.of_role(tracing=tracing),
            ],
        )
