"""The Lambda entry point: CloudFormation's protocol on one side, the resources on the other.

This module alone imports crhelper, which dispatches a request and watches the clock, and alone answers. crhelper
2.0.12 has edges that lose answers or show secrets; each remedy below names the edge that it is for.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import random
import ssl
import threading
import time
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from iot_certificate_provider import cold_start  # noqa: F401 - for what its import does
from iot_certificate_provider.aws.clients import CONNECT_SECONDS, READ_SECONDS, AwsClients
from iot_certificate_provider.contract import MAX_RESPONSE_BYTES, MetricDimension, MetricName
from iot_certificate_provider.deadline import Deadline, sent_at, service_timeout
from iot_certificate_provider.embedded_metrics import publish_metric
from iot_certificate_provider.errors import DeadlineError, InvalidPropertyError, ProviderError, UnfinishedError
from iot_certificate_provider.physical_id import CREATE_FAILED, CREATE_UNFINISHED, is_certificate_id
from iot_certificate_provider.pki.fitness import shorten
from iot_certificate_provider.protocol import response
from iot_certificate_provider.protocol.request import AwsEnvironment, Progress, Request, RequestType
from iot_certificate_provider.protocol.response import Outcome
from iot_certificate_provider.resources.registry import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iot_certificate_provider.resources.resource import Resource

# Edge: the constructor makes three boto3 clients, for a polling that is never used, unless it believes to run locally.
_SAM_LOCAL = "AWS_SAM_LOCAL"
_before = os.environ.get(_SAM_LOCAL)
os.environ[_SAM_LOCAL] = "true"
from crhelper import CfnResource  # noqa: E402 - and it may look at the environment while it is imported

TIMER_MARGIN_SECONDS = float(CONNECT_SECONDS + READ_SECONDS)
"""Edge: crhelper's timer fires half a second before the function dies, too late to deliver an answer.

Now a call that hangs has given up by the end: a function that is killed is called again, with a request long answered.
"""

DEADLINE_MARGIN_SECONDS = TIMER_MARGIN_SECONDS + 3.0
"""The work ends before crhelper's timer fires: that one is only for a call that hangs."""

PUT_ATTEMPTS = 5
PUT_SECONDS = 5.0
_ENVELOPE = ("RequestId", "StackId", "LogicalResourceId", "ResponseURL")

logger = logging.getLogger("iot_certificate_provider")
# Edge: crhelper logs the whole event, its presigned URL included, at DEBUG, and errors with their text.
logging.getLogger("crhelper.resource_helper").disabled = True
logging.getLogger("crhelper.utils").disabled = True


class ResponseNotDeliveredError(Exception):
    """CloudFormation could not be reached. Raised out of the function so that Lambda delivers the event again."""


class _Helper(CfnResource):
    """crhelper with one answer a request, built and delivered by us."""

    _sam_local: str | None
    _timer: threading.Timer | None

    def begin(self, event: Mapping[str, Any], deadline: Deadline, progress: Progress, function_name: str) -> None:
        """Forget the previous request. Edge: Data, NoEcho and others survive from one invocation to the next."""
        self.PhysicalResourceId, self.Status, self.Reason, self.Data, self.NoEcho = "", "", "", {}, False
        self.error: BaseException | None = None
        self.delivered = False
        self._answered = False
        self._answering = threading.Lock()
        self._started = time.monotonic()
        self._event, self._deadline, self._progress = dict(event), deadline, progress
        self._function_name = function_name

    def end(self) -> None:
        """Wait for the timer's thread. Edge: frozen with the function, it would wake up in the next request."""
        if self._timer is not None:
            self._timer.join()

    def _log_setup(self, event: object, context: object) -> None:  # noqa: ARG002
        """Set crhelper's levels. Edge: it sets them also where they are so, and logging forgets its caches."""
        levels = {"root": logging.INFO, **dict.fromkeys(("boto", "boto3", "botocore", "urllib3"), logging.ERROR)}
        for name, level in levels.items():
            named = logging.getLogger(name)
            if named.level != level:
                named.setLevel(level)

    def _send(self, status: str | None = None, reason: str = "", send_response: object = None) -> None:  # noqa: ARG002
        """Answer once. Edges: a second answer after the timer's, an empty id, a Reason that loses its beginning."""
        # crhelper's timer calls this too, from its own thread: whoever comes second waits, and leaves.
        with self._answering:
            if self._answered:
                return
            self._answered = True
            self._deadline.close()
            error = self._gave_up(reason) if status else self.error
            outcome = Outcome(str(self.PhysicalResourceId or self._id_after_failure()), self.Data, self.Reason)
            error = error or _too_large(self._event, outcome)
            if error is not None:
                outcome = Outcome(self._id_after_failure())
            _log(self._event, outcome, error, time.monotonic() - self._started)
            _publish_failures(self._function_name, 0 if error is None else 1)
            failure = None if error is None else _failure(error)
            body = response.body(self._event, outcome, failure=failure)
            self.delivered = deliver(self._event["ResponseURL"], response.encode(body))

    def hand_on(self, invoke: Callable[[], None]) -> None:
        """Leave the answer to another invocation, which ``invoke`` starts, unless crhelper's timer was faster."""
        with self._answering:
            if self._answered:
                return
            invoke()
            self._answered = self.delivered = True
            self._deadline.close()
            _log_line(self._event, self._event["PhysicalResourceId"], "HANDED_ON", time.monotonic() - self._started)

    def _gave_up(self, reason: str) -> ProviderError:
        """Say what happened when crhelper itself gave up: its timer fired, or it met an error of its own."""
        if reason == "Execution timed out":
            self._progress.uncertain = True
            return DeadlineError(
                "Out of time: a call to AWS did not return before the function's timeout. Raise the provider's timeout"
            )
        return ProviderError("The request is not one that this provider can read")

    def _id_after_failure(self) -> str:
        """Edge: the timer's answer has an empty id, a failed Create's a random one."""
        return id_after_failure(self._event, self._progress)


def _helper() -> _Helper:
    try:
        # Edges: 120 s of sleep on Delete, DEBUG as the default level.
        helper = _Helper(json_logging=False, log_level="INFO", boto_level="ERROR", sleep_on_delete=0)
    finally:
        if _before is None:
            del os.environ[_SAM_LOCAL]
        else:
            os.environ[_SAM_LOCAL] = _before
    helper._sam_local = None  # noqa: SLF001 - goes with the remedy above
    return helper


helper = _helper()
clients = AwsClients()


def handler(event: dict[str, Any], context: Any) -> None:
    """Serve one request of CloudFormation's; the answer goes to its ResponseURL, exactly once.

    Raises ResponseNotDeliveredError when it could not be delivered.
    """
    if any(not _is_text(event.get(name)) for name in _ENVELOPE):
        # Edge: crhelper answers a malformed event at the *previous* request's URL. There is nowhere to answer this one.
        logger.error(json.dumps({"outcome": "IGNORED", "error": "the event has no usable envelope"}))
        return
    context = _ContextOfRequest(event, context)
    deadline = Deadline(lambda: context.seconds_left - DEADLINE_MARGIN_SECONDS)
    progress = Progress()
    helper.begin(event, deadline, progress, context.function_name)
    clients.begin(deadline)
    _hand_over(event, context, deadline, progress)
    helper.end()
    if not helper.delivered:
        raise ResponseNotDeliveredError("CloudFormation did not take the response")


def _hand_over(event: dict[str, Any], context: Any, deadline: Deadline, progress: Progress) -> None:
    def work(event: dict[str, Any], context: Any) -> str:
        return _serve(event, context, deadline, progress)

    helper.create(work)
    helper.update(work)
    helper.delete(work)
    # Edge: what crhelper adds to an event for its polling, it would believe of any event.
    helper({name: event[name] for name in event if not name.startswith("CrHelper")}, context)


def _serve(event: Mapping[str, Any], context: Any, deadline: Deadline, progress: Progress) -> str:
    """Do the work, and tell crhelper how it went. Edge: SystemExit gives no answer."""
    try:
        request = _request(event, context, deadline, progress)
        outcome = _finished(request, event, context.invoked_function_arn)
    except BaseException as error:  # noqa: BLE001 - whatever it is, CloudFormation waits for an answer
        helper.error = error
        return id_after_failure(event, progress)
    helper.Data, helper.Reason = dict(outcome.attributes), outcome.note
    return outcome.physical_id


def _finished(request: Request, event: Mapping[str, Any], function_arn: str) -> Outcome:
    """Do what is asked for; hand what is left on when the time of this invocation was too short for all of it."""
    try:
        return _outcome(request)
    except UnfinishedError:
        # Imported when it is needed: hardly ever.
        from iot_certificate_provider.protocol import continuation  # noqa: PLC0415

        if not continuation.is_worthwhile(request, clients, _now()):
            raise
        helper.hand_on(lambda: continuation.hand_on(request, event, function_arn, clients))
        return Outcome(request.existing_id)


def _outcome(request: Request) -> Outcome:
    if request.type is RequestType.DELETE and _cannot_have_been_made(request):
        return Outcome(request.existing_id)
    resource = _resource(request.resource_type)
    return {
        RequestType.CREATE: resource.create,
        RequestType.UPDATE: resource.update,
        RequestType.DELETE: resource.delete,
    }[request.type](request)


def _cannot_have_been_made(request: Request) -> bool:
    """Whether this is the Delete after a Create of a type that this provider does not know, and so refused."""
    return request.resource_type not in RESOURCES and not is_certificate_id(request.existing_id)


def _request(event: Mapping[str, Any], context: Any, deadline: Deadline, progress: Progress) -> Request:
    request_type = RequestType(event["RequestType"])
    if request_type is not RequestType.CREATE and not _is_text(event.get("PhysicalResourceId")):
        raise ProviderError(f"The request has no PhysicalResourceId, which every {request_type} has")
    return Request(
        type=request_type,
        resource_type=str(event.get("ResourceType", "")),
        request_id=event["RequestId"],
        stack_id=event["StackId"],
        logical_id=event["LogicalResourceId"],
        physical_id=event.get("PhysicalResourceId"),
        properties=_properties(event, "ResourceProperties"),
        old_properties=_properties(event, "OldResourceProperties"),
        home=AwsEnvironment.of_function_arn(context.invoked_function_arn),
        deadline=deadline,
        progress=progress,
        sent=sent_at(event["ResponseURL"]),
    )


def _properties(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    properties = event.get(name)
    return properties if isinstance(properties, dict) else {}


def _resource(resource_type: str) -> Resource:
    make = RESOURCES.get(resource_type)
    if make is None:
        problem = f"'{shorten(resource_type, 60)}' is not a resource type of this provider"
        raise InvalidPropertyError("Type", problem, f"It has {', '.join(RESOURCES)}")
    return make(clients, _now)


def id_after_failure(event: Mapping[str, Any], progress: Progress) -> str:
    """Return the old id after a failed Update, which CloudFormation adopts, and after a Create what Delete is to find.

    That is the certificate which the Create left behind, or a marker when it left none, or when it cannot know.
    """
    marker = CREATE_UNFINISHED if progress.uncertain else CREATE_FAILED
    return str(event.get("PhysicalResourceId") or progress.registered or f"{marker}/{event['RequestId']}")


def _too_large(event: Mapping[str, Any], outcome: Outcome) -> ProviderError | None:
    """Edge: a body over 4,096 bytes is sent as it is, and CloudFormation never hears of it."""
    size = len(response.encode(response.body(event, outcome)))
    return response.too_large(size, outcome.attributes) if size > MAX_RESPONSE_BYTES else None


def _failure(error: BaseException) -> str:
    if isinstance(error, ProviderError):
        return str(error)
    # Never the text of an error that is not ours: it may quote a property.
    return f"Unexpected {_where(error)} in the provider. Please report it; the function's log has no more"


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    last = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{last}"


def _log(event: Mapping[str, Any], outcome: Outcome, error: BaseException | None, seconds: float) -> None:
    if error is None:
        _log_line(event, outcome.physical_id, "SUCCESS", seconds)
        return
    name = type(error).__name__ if isinstance(error, ProviderError) else _where(error)
    _log_line(event, outcome.physical_id, "FAILED", seconds, error=name)


def _log_line(event: Mapping[str, Any], physical_id: str, outcome: str, seconds: float, **more: str) -> None:
    line = {
        "request": event.get("RequestType"),
        "type": event.get("ResourceType"),
        "logical_id": event["LogicalResourceId"],
        "certificate_id": physical_id,
        "outcome": outcome,
        "duration_ms": round(seconds * 1000),
        "aws_calls": dict(clients.calls),
        **more,
    }
    logger.log(logging.ERROR if outcome == "FAILED" else logging.INFO, json.dumps(line))


def _publish_failures(function_name: str, count: int) -> None:
    """Publish what Lambda's own metrics do not show: to Lambda, a request that is answered FAILED is no error."""
    name = MetricDimension.FUNCTION_NAME
    # Whatever becomes of standard output, CloudFormation waits for the answer.
    with suppress(OSError, ValueError):
        publish_metric(MetricName.FAILURES, count, {name: function_name}, [[name]], _now())


_tls: ssl.SSLContext | None = None


def deliver(url: str, body: bytes, *, sleep: Callable[[float], None] = time.sleep) -> bool:
    """PUT the response to its presigned URL; say whether CloudFormation took it.

    Edge: crhelper's sender ignores the status, has no socket timeout and retries for ever.
    """
    for attempt in range(PUT_ATTEMPTS):
        if attempt:
            sleep(random.uniform(0, 2**attempt / 4))  # noqa: S311 - jitter
        try:
            status = _put(url, body)
        except (OSError, http.client.HTTPException) as error:
            logger.warning(json.dumps({"response": "not delivered", "error": type(error).__name__}))
            continue
        if 200 <= status < 300:
            return True
        logger.warning(json.dumps({"response": "not accepted", "status": status}))
        if 400 <= status < 500:
            return False
    return False


def _put(url: str, body: bytes) -> int:
    global _tls  # noqa: PLW0603 - reading the trust store costs more than the rest of the answer
    _tls = _tls or ssl.create_default_context()
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(parts.netloc, context=_tls, timeout=PUT_SECONDS)
    try:
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        # A presigned URL is signed for this, empty, content type.
        connection.request("PUT", path, body, {"content-type": "", "content-length": str(len(body))})
        return connection.getresponse().status
    finally:
        connection.close()


class _ContextOfRequest:
    """Lambda's context with the time that this request has, at the most until CloudFormation waits no longer.

    To crhelper it says less, so that its timer fires while an answer can still be delivered.
    """

    def __init__(self, event: Mapping[str, Any], context: Any) -> None:
        self._context = context
        sent = sent_at(event["ResponseURL"])
        self._ends = None if sent is None else sent + service_timeout(_properties(event, "ResourceProperties"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    @property
    def seconds_left(self) -> float:
        """The seconds until Lambda ends the function, or CloudFormation gives up."""
        of_function: float = self._context.get_remaining_time_in_millis() / 1000
        return of_function if self._ends is None else min(of_function, (self._ends - _now()).total_seconds())

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left for work."""
        return int(max(0.0, self.seconds_left - TIMER_MARGIN_SECONDS) * 1000) + 500


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _now() -> datetime:
    return datetime.now(UTC)
