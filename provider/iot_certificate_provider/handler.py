"""The Lambda entry point: CloudFormation's protocol on one side, the resources on the other."""

from __future__ import annotations

import json
import logging
import time
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iot_certificate_provider import cold_start  # noqa: F401 - for what its import does
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.gateways import Gateways
from iot_certificate_provider.contract import (
    MAX_PHYSICAL_ID_CHARACTERS,
    MAX_REASON_CHARACTERS,
    MAX_RESPONSE_BYTES,
    MetricDimension,
    MetricName,
    ResourceType,
)
from iot_certificate_provider.deadline import Deadline, sent_at, service_timeout
from iot_certificate_provider.embedded_metrics import publish_metric
from iot_certificate_provider.errors import (
    DeadlineError,
    InvalidPropertyError,
    ProviderError,
    UnfinishedError,
    bundle_error,
    shorten,
)
from iot_certificate_provider.physical_id import CREATE_FAILED, CREATE_UNFINISHED, is_certificate_id
from iot_certificate_provider.printable import printable
from iot_certificate_provider.protocol import envelope, response
from iot_certificate_provider.protocol.crhelper_once import TIMER_MARGIN_SECONDS, CrHelperOnce, Interruption
from iot_certificate_provider.protocol.delivery import Delivery
from iot_certificate_provider.protocol.request import Progress, Request, RequestType
from iot_certificate_provider.protocol.response import Outcome
from iot_certificate_provider.resources.lifecycle import cancellation
from iot_certificate_provider.resources.registry import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from iot_certificate_provider.resources.resource import Resource

    PublishMetric = Callable[
        [MetricName, int, Mapping[MetricDimension, str], Sequence[Sequence[MetricDimension]], datetime], None
    ]

DEADLINE_MARGIN_SECONDS = TIMER_MARGIN_SECONDS + 3.0
"""The work ends before crhelper's timer fires: that one is only for a call that hangs."""

logger = logging.getLogger("iot_certificate_provider")


class ResponseNotDeliveredError(Exception):
    """CloudFormation could not be reached. Raised out of the function so that Lambda delivers the event again."""


class Function:
    """One function instance, which serves one request after the other.

    * ``now``: the time, aware. ``deadline`` makes a request's from the seconds that are left; tests pass another clock.
    * ``deliver``: takes a presigned URL and a body, and returns whether CloudFormation took it.
    * ``publish``: takes one value of a metric.
    * ``resources``: what makes the resource of a type.
    """

    def __init__(
        self,
        clients: AwsClients,
        now: Callable[[], datetime],
        deliver: Callable[[str, bytes], bool],
        publish: PublishMetric,
        *,
        deadline: Callable[[Callable[[], float]], Deadline] = Deadline,
        resources: Mapping[ResourceType, Callable[[Gateways, Callable[[], datetime]], Resource]] = RESOURCES,
    ) -> None:
        self.clients, self.now, self.deliver, self.publish = clients, now, deliver, publish
        self.deadline, self.resources = deadline, resources
        self.aws = Gateways(clients)
        self.crhelper = CrHelperOnce()

    def __call__(self, event: dict[str, Any], context: Any) -> None:
        """Serve one request of CloudFormation's; the answer goes to its ResponseURL, exactly once.

        Raises ResponseNotDeliveredError when it could not be delivered.
        """
        if not envelope.is_usable(event):
            # Edge: crhelper answers a malformed event at the *previous* request's URL. This one has none.
            logger.error(json.dumps({"outcome": "IGNORED", "error": "the event has no usable envelope"}))
            return
        invocation = _Invocation(self, event, context)
        self.clients.begin(invocation.deadline)
        served = (invocation.seconds_left, invocation.work, invocation.answer)
        if not self.crhelper.serve(event, context, *served):
            raise ResponseNotDeliveredError("CloudFormation did not take the response")

    def resource(self, resource_type: str) -> Resource:
        """Make the resource of a type; raise InvalidPropertyError for a type that this provider does not serve."""
        if resource_type not in self.resources:
            problem = f"'{shorten(resource_type, 60)}' is not a resource type of this provider"
            raise InvalidPropertyError("Type", problem, _nearest_type(resource_type))
        return self.resources[ResourceType(resource_type)](self.aws, self.now)

    def publish_failures(self, function_name: str, count: int) -> None:
        """Publish what Lambda's own metrics do not show: to Lambda, a request that is answered FAILED is no error."""
        name = MetricDimension.FUNCTION_NAME
        # Whatever becomes of standard output, CloudFormation waits for the answer.
        with suppress(OSError, ValueError):
            self.publish(MetricName.FAILURES, count, {name: function_name}, [[name]], self.now())


class _Invocation:
    """One delivery of an event: the work, and the answer to it."""

    def __init__(self, function: Function, event: Mapping[str, Any], context: Any) -> None:
        self._function, self._event, self._context = function, event, context
        sent = sent_at(event["ResponseURL"])
        self._ends = None if sent is None else sent + service_timeout(envelope.properties(event, "ResourceProperties"))
        self._started = time.monotonic()
        self._progress = Progress()
        self._outcome: Outcome | None = None
        self._error: BaseException | None = None
        self.deadline = function.deadline(lambda: self.seconds_left() - DEADLINE_MARGIN_SECONDS)
        self._seconds_for_work = self.deadline.seconds_left

    def seconds_left(self) -> float:
        """Return the seconds until Lambda ends the function, or CloudFormation waits no longer."""
        of_function: float = self._context.get_remaining_time_in_millis() / 1000
        return (
            of_function if self._ends is None else min(of_function, (self._ends - self._function.now()).total_seconds())
        )

    def work(self) -> None:
        """Do what the request asks for, and keep how it went."""
        try:
            request = envelope.read(self._event, self._context, self.deadline, self._progress)
            self._outcome = self._finished(request)
        except BaseException as error:  # noqa: BLE001 - whatever it is, CloudFormation waits for an answer
            # Edge: SystemExit gives no answer.
            self._error = error

    def answer(self, interruption: Interruption | None) -> bool:
        """Deliver the one answer; return whether CloudFormation took it. crhelper's timer may call it meanwhile."""
        self.deadline.close()
        error = self._interrupted(interruption) if interruption else self._error
        outcome = self._outcome or Outcome("")
        if error is None:
            error = _too_large(self._event, outcome)
        if error is not None:
            # Edge: the timer's answer has an empty id, a failed Create's a random one.
            outcome = Outcome(id_after_failure(self._event, self._progress))
        self._log(outcome, error)
        self._function.publish_failures(self._context.function_name, 0 if error is None else 1)
        body = response.body(self._event, outcome, failure=None if error is None else _failure(error))
        return self._function.deliver(self._event["ResponseURL"], response.encode(body))

    def _finished(self, request: Request) -> Outcome:
        """Do what is asked for; continue in another invocation when the time of this one was too short."""
        try:
            outcome = self._served(request)
            if outcome.answered_by is not None:
                start = outcome.answered_by
                self._function.crhelper.leave_answer(lambda: self._leave(request, start))
        except UnfinishedError as error:
            # Imported when it is needed: hardly ever.
            from iot_certificate_provider.protocol import continuation  # noqa: PLC0415

            function = self._function
            if not continuation.is_worthwhile(request, function.aws.stacks, function.now()):
                raise
            continuation.check_timeout(self._seconds_for_work, error)
            function.crhelper.leave_answer(lambda: self._continue(request, continuation.hand_on))
            outcome = Outcome(request.existing_id)
        return outcome

    def _continue(self, request: Request, hand_on: Callable[..., None]) -> None:
        functions = self._function.aws.functions
        self._leave(request, lambda: hand_on(request, self._event, self._context.invoked_function_arn, functions))

    def _leave(self, request: Request, start: Callable[[], None]) -> None:
        start()
        self.deadline.close()
        self._log_line(request.physical_id or "", "HANDED_ON")

    def _served(self, request: Request) -> Outcome:
        if request.type is RequestType.DELETE and self._cannot_have_been_made(request):
            return Outcome(request.existing_id)
        try:
            return self._done(request)
        except ImportError as error:
            of_bundle = bundle_error(error)
            if of_bundle is None:
                raise
            if request.type is RequestType.DELETE and request.existing_id.startswith(CREATE_FAILED):
                # Its Create failed for the same reason, and registered nothing.
                return Outcome(request.existing_id)
            raise of_bundle from error

    def _done(self, request: Request) -> Outcome:
        function, resource = self._function, self._function.resource(request.resource_type)
        if request.type is RequestType.UPDATE:
            return cancellation.update(request, resource.update, function.aws.stacks, function.now)
        return (resource.create if request.type is RequestType.CREATE else resource.delete)(request)

    def _cannot_have_been_made(self, request: Request) -> bool:
        """Whether this is the Delete after a Create of a type that this provider does not serve, and so refused."""
        return request.resource_type not in self._function.resources and not is_certificate_id(request.existing_id)

    def _interrupted(self, interruption: Interruption) -> ProviderError:
        if interruption is Interruption.TIMED_OUT:
            self._progress.uncertain = True
            return DeadlineError(
                "Out of time: a call to AWS did not return before the function's timeout. Raise the provider's timeout"
            )
        return ProviderError("crhelper ended the request before its work began", "Please report it")

    def _log(self, outcome: Outcome, error: BaseException | None) -> None:
        if error is None:
            self._log_line(outcome.physical_id, "SUCCESS", **({"note": outcome.note} if outcome.note else {}))
            return
        name = type(error).__name__ if isinstance(error, ProviderError) else _where(error)
        self._log_line(outcome.physical_id, "FAILED", error=name)

    def _log_line(self, physical_id: str, outcome: str, **more: str) -> None:
        line = {
            "request": envelope.described(self._event, "RequestType"),
            "type": envelope.described(self._event, "ResourceType"),
            "logical_id": self._event["LogicalResourceId"],
            "certificate_id": physical_id,
            "outcome": outcome,
            "duration_ms": round((time.monotonic() - self._started) * 1000),
            "aws_calls": dict(self._function.clients.calls),
            **more,
        }
        # JSON escapes nearly all that cannot be printed, but not DEL.
        line = {name: printable(value) if isinstance(value, str) else value for name, value in line.items()}
        logger.log(logging.ERROR if outcome == "FAILED" else logging.INFO, json.dumps(line))


def id_after_failure(event: Mapping[str, Any], progress: Progress) -> str:
    """Return the old id after a failed Update, which CloudFormation adopts, and after a Create what Delete is to find.

    That is the certificate which the Create registered and did not undo, or a marker when there is none, or when it
    cannot know.
    """
    marker = CREATE_UNFINISHED if progress.uncertain else CREATE_FAILED
    of_request = f"{marker}/{event['RequestId']}"[:MAX_PHYSICAL_ID_CHARACTERS]
    return envelope.physical_id(event) or progress.registered or of_request


def _too_large(event: Mapping[str, Any], outcome: Outcome) -> ProviderError | None:
    """Edge: a body over 4,096 bytes is sent as it is, and CloudFormation never hears of it."""
    size = len(response.encode(response.body(event, outcome)))
    return response.too_large(size, outcome.attributes) if size > MAX_RESPONSE_BYTES else None


def _failure(error: BaseException) -> str:
    if isinstance(error, ProviderError):
        return error.within(MAX_REASON_CHARACTERS)
    # Never the text of an error that is not ours: it may quote a property.
    return f"Unexpected {_where(error)} in the provider. Please report it; the function's log has no more"


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    last = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{last}"


def _nearest_type(resource_type: str) -> str:
    import difflib  # noqa: PLC0415 - hardly ever needed

    near = difflib.get_close_matches(resource_type, ResourceType, n=1)
    return f"Did you mean {near[0]}?" if near else "Check the name; a later version of the provider may serve it"


def _now() -> datetime:
    return datetime.now(UTC)


function = Function(AwsClients(), _now, Delivery(), publish_metric)


def handler(event: dict[str, Any], context: Any) -> None:
    """Serve one request; what Lambda calls."""
    function(event, context)
