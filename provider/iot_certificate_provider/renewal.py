"""The Lambda entry point of CertificateRenewal: once a day, renew due certificates by an ordinary update of the stack.

Level-triggered: the function looks for due certificates each day, so that an update that could not begin, failed or
was rolled back is repeated the next day. A separate function, with a separate role.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.cloudformation import StackGateway
from iot_certificate_provider.aws.iot import IotGateway
from iot_certificate_provider.aws.stack_update import UPDATABLE, StackUpdateGateway
from iot_certificate_provider.contract import MetricDimension, MetricName, RenewalEvent, ResourceType
from iot_certificate_provider.deadline import Deadline
from iot_certificate_provider.embedded_metrics import publish_metric
from iot_certificate_provider.errors import NotFoundError
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.physical_id import generation_in, is_certificate_id
from iot_certificate_provider.pki import Certificate
from iot_certificate_provider.properties.certificate_generation import is_later

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from iot_certificate_provider.aws.cloudformation import StackResource

PAUSE_SECONDS = 0.2
"""Between two certificates, as in ``expiry``."""

RENEWED_TYPES = (ResourceType.SELF_SIGNED_CA_CERTIFICATE, ResourceType.ISSUED_DEVICE_CERTIFICATE)
"""The types that have a Generation."""

logger = logging.getLogger("iot_certificate_provider")
clients = AwsClients()


class RenewalImpossibleError(Exception):
    """The stack cannot be renewed as it is, today or tomorrow. Raised out of the function, so that alarms go off."""


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Look for certificates that are due in the stack that the event names, and have CloudFormation renew them.

    Raises RenewalImpossibleError with a fix, and ProviderError when AWS refuses.
    """
    deadline = Deadline(lambda: context.get_remaining_time_in_millis() / 1000)
    clients.begin(deadline)
    asked = Asked(
        event[RenewalEvent.STACK_ID], timedelta(days=int(event[RenewalEvent.DAYS])), event[RenewalEvent.PARAMETER]
    )
    Renewal(StackGateway(clients), StackUpdateGateway(clients), IotGateway(clients), _now).run(asked, deadline)


@dataclass(frozen=True)
class Asked:
    """The stack to renew, the greatest age of its certificates, and the parameter that rotates them."""

    stack_id: str
    every: timedelta
    parameter: str


class Renewal:
    """Renews the certificates of one stack."""

    def __init__(
        self, stacks: StackGateway, updates: StackUpdateGateway, iot: IotGateway, now: Callable[[], datetime]
    ) -> None:
        self._stacks = stacks
        self._updates = updates
        self._iot = iot
        self._now = now

    def run(self, asked: Asked, deadline: Deadline) -> None:
        """Publish how many certificates are due, and update the stack if that can renew one of them."""
        resources = list(self._stacks.resources(asked.stack_id))
        generation = next(filter(None, (generation_in(each.physical_id) for each in resources)), "")
        due = list(self._due(resources, asked.every, deadline))
        now = self._now()
        dimensions = {MetricDimension.STACK_NAME: _stack_name(asked.stack_id)}
        publish_metric(MetricName.CERTIFICATES_DUE, len(due), dimensions, [[*dimensions]], now)
        # One that was made before the present generation did not rotate with it, and will not with the next.
        renewable = [name for name, made in due if _is_renewable(made, generation)]
        if renewable:
            _log("RENEWAL", due=renewable, stack_status=self._renew(asked, generation, f"{now:%Y-%m-%d}"))
        elif due:
            _log("NOT_RENEWED", due=[name for name, _ in due], reason="their Generation is not that of the renewal")

    def _due(
        self, resources: list[StackResource], every: timedelta, deadline: Deadline
    ) -> Iterator[tuple[str, datetime]]:
        """Yield those that are as old as that, by logical id, with the beginning of their validity."""
        for each in resources:
            if each.type in RENEWED_TYPES and is_certificate_id(each.physical_id) and not each.is_going:
                deadline.pause(PAUSE_SECONDS)
                made = self._not_before(each)
                if made is not None and self._now() - made >= every:
                    yield each.logical_id, made

    def _not_before(self, resource: StackResource) -> datetime | None:
        is_ca = resource.type == ResourceType.SELF_SIGNED_CA_CERTIFICATE
        describe: Any = self._iot.describe_ca_certificate if is_ca else self._iot.describe_certificate
        try:
            return Certificate.from_pem(describe(resource.physical_id).pem).not_before
        except NotFoundError:
            return None  # it was deleted outside the stack

    def _renew(self, asked: Asked, generation: str, today: str) -> str:
        """Update the stack where that is possible now; return the status that it had."""
        stack = self._updates.describe(asked.stack_id)
        if not stack.has_role:
            raise RenewalImpossibleError(
                "The stack has no CloudFormation role, and this function may change nothing but the parameter. "
                "Deploy it once with one: cdk deploy, or --role-arn"
            )
        if asked.parameter not in stack.parameters:
            raise RenewalImpossibleError(f"The stack has no parameter {asked.parameter}. Deploy the renewal again")
        if not is_later(today, generation):
            if today == generation:
                return stack.status  # renewed today already
            raise RenewalImpossibleError(
                f"Generation {generation} is greater than {today}, and never goes back. Rename the generation's "
                "resource, so that dates count again"
            )
        if stack.status in UPDATABLE:
            self._updates.update(stack, {asked.parameter: today}, f"certificate-renewal-{today}")
        return stack.status


def _is_renewable(made: datetime, generation: str) -> bool:
    """Whether a certificate rotates with the generation, which is a date once there was a renewal."""
    try:
        return made.date() >= date.fromisoformat(generation) - timedelta(days=1)
    except ValueError:
        return True


def _stack_name(stack_id: str) -> str:
    return stack_id.partition("/")[2].partition("/")[0]


def _log(outcome: str, **more: Any) -> None:
    logger.info(json.dumps({"outcome": outcome, **more}))


def _now() -> datetime:
    return datetime.now(UTC)
