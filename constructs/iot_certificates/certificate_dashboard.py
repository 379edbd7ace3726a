"""A dashboard for the operators of a stack with certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from iot_certificate_provider.contract import METRIC_NAMESPACE, MetricDimension, MetricName
from iot_certificates.certificate_expiry_schedule import CertificateExpirySchedule
from iot_certificates.declared.arguments import SIGNATURE, takes
from iot_certificates.declared.kinds import Text
from iot_certificates.provider import PROVIDER

if TYPE_CHECKING:
    from iot_certificates.provider import IotCertificateProvider

_DAY_SECONDS = 86_400
_HALF, _FULL = 12, 24


class CertificateDashboard(Construct):
    """Shows the days to expiry of the stack's certificates, and the outcomes of the provider's requests.

    * ``provider``: the provider whose requests are shown, also those of other stacks that share it.
    * ``dashboard_name``: by default CloudFormation generates one.

    ``dashboard`` takes more widgets: ``dashboard.add_widgets(…)``.
    """

    __signature__ = SIGNATURE

    @takes(provider=PROVIDER, dashboard_name=Text())
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        provider: IotCertificateProvider,
        dashboard_name: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        schedule = CertificateExpirySchedule.get_or_create(self, provider)
        self.dashboard = cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=dashboard_name,
            widgets=[[self._days_to_expiry(schedule)], [_requests(provider), _function(provider)]],
        )

    def _days_to_expiry(self, schedule: CertificateExpirySchedule) -> cloudwatch.GraphWidget:
        # The metrics of the moment of viewing: the certificates need not be known here.
        dimensions = f"{MetricDimension.STACK_NAME},{MetricDimension.LOGICAL_ID}"
        which = f'MetricName="{MetricName.DAYS_TO_EXPIRY}" {MetricDimension.STACK_NAME}="{Stack.of(self).stack_name}"'
        each = cloudwatch.MathExpression(
            expression=f"SEARCH('{{{METRIC_NAMESPACE},{dimensions}}} {which}', 'Minimum', {_DAY_SECONDS})",
            label="",
            using_metrics={},
        )
        first = schedule.metric_days_to_expiry(label="the first to expire")
        return cloudwatch.GraphWidget(title="Days to expiry", left=[first, each], width=_FULL)


def _requests(provider: IotCertificateProvider) -> cloudwatch.GraphWidget:
    requests = provider.metric_failures(statistic=cloudwatch.Stats.SAMPLE_COUNT, label="Requests")
    failures = provider.metric_failures(color=cloudwatch.Color.RED)
    return cloudwatch.GraphWidget(title="Requests of CloudFormation", left=[requests, failures], width=_HALF)


def _function(provider: IotCertificateProvider) -> cloudwatch.GraphWidget:
    function = provider.function
    return cloudwatch.GraphWidget(
        title="The provider's function",
        left=[function.metric_errors(), function.metric_throttles()],
        right=[function.metric_duration(statistic=cloudwatch.Stats.MAXIMUM)],
        width=_HALF,
    )
