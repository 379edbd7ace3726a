"""Alarms for the operators of a stack with certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from iot_certificates.certificate_expiry_schedule import CertificateExpirySchedule
from iot_certificates.declared.arguments import SIGNATURE, takes
from iot_certificates.declared.kinds import Having, ListOf, WholeNumber
from iot_certificates.provider import PROVIDER

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_

    from iot_certificates.declared.kinds import Items
    from iot_certificates.provider import IotCertificateProvider

_DAYS_TO_EXPIRY = 30


class CertificateAlarms(Construct):
    """Alarms on failed requests, requests without an answer, and certificates about to expire.

    * ``provider``: the provider whose requests count, also those of other stacks that share it.
    * ``days_to_expiry``: alarm when fewer days are left of any certificate of this stack; 30 by default.
    * ``actions``: the actions of each alarm, such as an ``aws_cloudwatch_actions.SnsAction``.

    Attributes, each an ``aws_cloudwatch.Alarm``:

    * ``failures``: a custom resource has failed. No requests are no failures: without data it is OK.
    * ``unanswered``: Lambda has dropped a request, and CloudFormation waits in vain. Without data it is OK.
    * ``days_to_expiry``: without data it has INSUFFICIENT_DATA, as in the day after the first deployment.
    * ``unpublished``: the expiry could not be published, in three attempts. Without data it is OK.
    """

    __signature__ = SIGNATURE

    @takes(
        provider=PROVIDER,
        days_to_expiry=WholeNumber(),
        actions=ListOf(
            Having(("bind",), "Give alarm actions: SnsAction(topic)"),
            "Give a list: [SnsAction(topic)]",
        ),
    )
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        provider: IotCertificateProvider,
        days_to_expiry: int = _DAYS_TO_EXPIRY,
        actions: Items[cloudwatch.IAlarmAction] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        schedule = CertificateExpirySchedule.get_or_create(self, provider)
        self.failures = self._alarm_at_one(
            "Failures",
            provider.metric_failures(),
            "A resource of an AWS IoT certificate failed: CloudFormation's events have the reason",
        )
        self.unanswered = self._alarm_at_one(
            "Unanswered",
            _dropped(provider.function),
            "CloudFormation waits for an answer that will not come: see the log of the AWS IoT certificate provider",
        )
        self.days_to_expiry = cloudwatch.Alarm(
            self,
            "DaysToExpiry",
            alarm_description=f"An AWS IoT certificate of the stack expires in less than {days_to_expiry} days",
            metric=schedule.metric_days_to_expiry(),
            threshold=days_to_expiry,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.MISSING,
        )
        self.unpublished = self._alarm_at_one(
            "Unpublished",
            _dropped(schedule.function),
            "The expiry of AWS IoT certificates is not published: see the log of the function of the expiry schedule",
        )
        self.add_alarm_action(*actions)

    def add_alarm_action(self, *actions: cloudwatch.IAlarmAction) -> None:
        """Add an action to every alarm."""
        for alarm in (self.failures, self.unanswered, self.days_to_expiry, self.unpublished):
            alarm.add_alarm_action(*actions)

    def _alarm_at_one(self, construct_id: str, metric: cloudwatch.Metric, description: str) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            construct_id,
            alarm_description=description,
            metric=metric,
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )


def _dropped(function: lambda_.IFunction) -> cloudwatch.Metric:
    """Return the events that Lambda has dropped: a failed attempt does not matter while another one follows."""
    return function.metric("AsyncEventsDropped", statistic=cloudwatch.Stats.SUM)
