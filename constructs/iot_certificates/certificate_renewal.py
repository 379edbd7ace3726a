"""The renewal of a stack's certificates: a daily function that has CloudFormation update the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack, cast

import jsii
from aws_cdk import Annotations, CfnParameter, Duration, Stack, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IValidation

from iot_certificate_provider.contract import MetricDimension, MetricName, RenewalEvent
from iot_certificates import accepted_findings as accepted
from iot_certificates.accepted_findings import accept, wildcard
from iot_certificates.certificate_generation import CertificateGeneration
from iot_certificates.declared.arguments import SIGNATURE, Place, takes
from iot_certificates.declared.kinds import DURATION
from iot_certificates.execution_role import execution_role
from iot_certificates.function_log_group import LOG_GROUP, LOG_RETENTION, function_log_group
from iot_certificates.metrics import MetricOptions, published_metric
from iot_certificates.permission_statements import allowing
from iot_certificates.provider import PROVIDER, IotCertificateProvider
from iot_certificates.release import release
from iot_certificates.stack_children import keep_child_of_stack, known_child_of_stack

if TYPE_CHECKING:
    from aws_cdk import aws_logs as logs

    from iot_certificate_provider.properties.shapes import WholeNumber

PARAMETER = "CertificateGeneration"
"""The stack's parameter, by its name in the template."""

_ID = "CertificateRenewal"
_HANDLER = "iot_certificate_provider.renewal.handler"
_MEMORY_MIB = 256
_TIMEOUT = Duration.minutes(10)
_DAYS = 300
_DUE_FOR_DAYS = 3
"""After so many days on which a certificate stays due, the alarm goes off: each day was a try."""

_ANY_OF_THE_STACK = "Which certificates the stack holds is asked when they are read: their ids may be known only then"
_USUAL: MetricOptions = {"statistic": cloudwatch.Stats.MINIMUM, "period": Duration.days(1)}


class CertificateRenewal(Construct):
    """Renews those certificates of the stack that get its ``generation``, before they expire.

    Once a day a function checks whether a certificate of the stack is as old as ``every``, and has CloudFormation
    update the stack with its own template and a new value of the parameter ``CertificateGeneration``. That is an
    ordinary rotation of all certificates with this ``generation``: it is logged, and rolled back when it fails. Then
    the next day tries again. To give ``generation`` to a certificate that exists rotates it once.

    * ``every``: after so many whole days, 300 by default; less than the validity of each certificate.
    * ``provider``: whose asset, runtime, architecture and tracing the function has.
    * ``log_retention``: of the function's log group, by default one month; ``log_group``: another one instead, of the
      class STANDARD, because CloudWatch extracts metrics from no other.

    Attributes: ``generation``, a token; ``function``, whose role can update this stack alone; ``rule``; and two alarms:
    ``not_renewed``, a certificate has been due for three days, and ``failed``, Lambda dropped an invocation.
    Raises CertificateDeclarationError in a nested stack, and for another ``every``.
    """

    __signature__ = SIGNATURE

    @takes(every=DURATION, provider=PROVIDER, log_retention=LOG_RETENTION, log_group=LOG_GROUP)
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        every: Duration | None = None,
        provider: IotCertificateProvider | None = None,
        log_retention: logs.RetentionDays | None = None,
        log_group: logs.ILogGroup | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        self.days = _DAYS if every is None else self._whole_days(every)
        self._check_only_one()
        self._check_stack(stack)
        provider = provider or IotCertificateProvider.get_or_create(self)
        requested = CfnParameter(
            self,
            "Requested",
            default="0",
            description="Raised by the renewal of certificates. Keep its value: a smaller one changes nothing",
        )
        requested.override_logical_id(PARAMETER)
        requested_generation = CertificateGeneration(
            self, "Generation", requested=requested.value_as_string, provider=provider
        )
        self.generation = requested_generation.generation
        log_group = function_log_group(self, log_group, log_retention)
        self.function = self._function(stack, provider, log_group)
        self.rule = self._rule(stack)
        self.not_renewed, self.failed = self._alarms()

    def metric_certificates_due(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return how many certificates of the stack are due for their renewal: the minimum over a day."""
        dimensions = {MetricDimension.STACK_NAME: Stack.of(self).stack_name}
        return published_metric(self, MetricName.CERTIFICATES_DUE, dimensions, _USUAL, **options)

    def _check_only_one(self) -> None:
        other = known_child_of_stack(self, _ID)
        if other is not None:
            problem = f"is in a stack that already has a CertificateRenewal, {other.node.path}"
            raise Place(self, "scope").refuse(problem, "Declare one, and give its generation to all certificates")
        keep_child_of_stack(self, _ID, self)

    def _whole_days(self, every: Duration) -> int:
        days = every.to_days(integral=False)
        if days < 1 or days != int(days):
            raise Place(self, "every").refuse(f"is {days:g} days", "Give whole days: Duration.days(300)")
        return int(days)

    def _check_stack(self, stack: Stack) -> None:
        if stack.nested_stack_parent is not None:
            raise Place(self, "scope").refuse(
                "is in a nested stack, which cannot be updated by itself",
                "Declare it in the root stack, and give its generation to the certificates of nested stacks",
            )
        # Of the class: the getter raises before the synthesizer is bound.
        if not hasattr(type(stack.synthesizer), "cloud_formation_execution_role_arn"):
            Annotations.of(self).add_warning_v2(
                "iot-certificates:renewal-without-role",
                "The renewal needs a CloudFormation role of the stack: deploy it with --role-arn, or with the CDK's "
                "default synthesizer",
            )
        self.node.add_validation(_Transforms(stack))

    def _function(self, stack: Stack, provider: IotCertificateProvider, log_group: logs.ILogGroup) -> lambda_.Function:
        function = lambda_.Function(
            self,
            "Function",
            description=f"Renews the AWS IoT certificates of a stack ({release()})",
            runtime=provider.runtime,
            architecture=provider.architecture,
            handler=_HANDLER,
            code=provider.code_for(self),
            role=self._role(stack, log_group, provider.tracing),
            memory_size=_MEMORY_MIB,
            timeout=_TIMEOUT,
            log_group=log_group,
            tracing=provider.tracing,
            retry_attempts=0,
        )
        accept(function, accepted.of_function(accepted.RENEWED_THE_NEXT_DAY, tracing=provider.tracing))
        return function

    def _rule(self, stack: Stack) -> events.Rule:
        name = RenewalEvent
        event = {name.STACK_ID: stack.stack_id, name.DAYS: str(self.days), name.PARAMETER: PARAMETER}
        message = events.RuleTargetInput.from_object({str(key): value for key, value in event.items()})
        target = targets.LambdaFunction(self.function, event=message, retry_attempts=0)
        rule = events.Rule(
            self,
            "Rule",
            description="Schedule of checking the stack's AWS IoT certificates for renewal",
            schedule=events.Schedule.rate(Duration.days(1)),
            targets=[target],
        )
        accept(rule, [accepted.RENEWAL_NOT_STARTED])
        return rule

    def _role(self, stack: Stack, log_group: logs.ILogGroup, tracing: lambda_.Tracing) -> iam.Role:
        """Allow to read, and to update this stack with no other template, and no other role, than it has."""
        kinds = {"iot:DescribeCertificate": "cert", "iot:DescribeCACertificate": "cacert"}
        arns = {
            action: stack.format_arn(service="iot", resource=kind, resource_name="*") for action, kind in kinds.items()
        }
        read = ["cloudformation:DescribeStacks", "cloudformation:ListStackResources"]
        update = allowing(["cloudformation:UpdateStack"], [stack.stack_id])
        update.add_condition("Null", {"cloudformation:RoleArn": "true", "cloudformation:TemplateUrl": "true"})
        describe = [allowing([action], [arn]) for action, arn in arns.items()]
        return execution_role(
            self,
            description="Permissions of the function that renews AWS IoT certificates",
            log_group=log_group,
            policies={"Renewal": [allowing(read, [stack.stack_id]), update, *describe]},
            findings=[
                *(finding for arn in arns.values() for finding in wildcard(stack, arn, _ANY_OF_THE_STACK)),
                *accepted.of_role(tracing=tracing),
            ],
        )

    def _alarms(self) -> tuple[cloudwatch.Alarm, cloudwatch.Alarm]:
        comparison = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
        not_renewed = cloudwatch.Alarm(
            self,
            "NotRenewed",
            alarm_description=f"An AWS IoT certificate has been due for {_DUE_FOR_DAYS} days, and was not renewed: see "
            "the events of the stack, and the log of the renewal's function",
            metric=self.metric_certificates_due(),
            threshold=1,
            evaluation_periods=_DUE_FOR_DAYS,
            comparison_operator=comparison,
            treat_missing_data=cloudwatch.TreatMissingData.MISSING,
        )
        failed = cloudwatch.Alarm(
            self,
            "Failed",
            alarm_description="The renewal of AWS IoT certificates failed: the log of its function has the reason",
            metric=self.function.metric_errors(statistic=cloudwatch.Stats.SUM, period=Duration.days(1)),
            threshold=1,
            evaluation_periods=1,
            comparison_operator=comparison,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        return not_renewed, failed


@jsii.implements(IValidation)
class _Transforms:
    """Refuses a template that CloudFormation cannot update with its previous one."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def validate(self) -> list[str]:
        """Return the errors of the stack's transforms."""
        if "AWS::LanguageExtensions" not in (self._stack.template_options.transforms or []):
            return []
        return ["The renewal updates the stack with its previous template: remove AWS::LanguageExtensions"]


def check_renewed_in_time(scope: Construct, generation: str | None, validity: object, default: WholeNumber) -> None:
    """Refuse a certificate that is renewed, and expires before that: ``validity`` in days, or its default."""
    renewal = known_child_of_stack(scope, _ID)
    # Its kind has made days of the Duration (declared/validity.py).
    valid = cast("int", default.default if validity is None else validity)
    if not isinstance(renewal, CertificateRenewal) or generation != renewal.generation or Token.is_unresolved(valid):
        return
    if valid <= renewal.days:
        problem = f"is {valid} days, and the certificate is renewed every {renewal.days} days"
        raise Place(scope, "validity").refuse(problem, "Give a longer one, or renew earlier: every=Duration.days(…)")
