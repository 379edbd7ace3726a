"""One question to AWS and its answer, as it is checked and recorded."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import boto3

SINGLE = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=60)
"""One attempt a call: a second one's answer is not the answer to the question."""

PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 12}, connect_timeout=10, read_timeout=60)
"""For what only has to be done: the quota of the account is not the run's alone."""

HEADERS = ("x-amzn-errortype", "retry-after")
"""The headers that matter: what error it is, and when to ask again."""

EXPIRED = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException"}
)
"""Error codes of credentials that ended during the run."""

THROTTLED = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})
_PATIENCE = 8
_CLASSES = ((1.0, "at once"), (10.0, "seconds"), (60.0, "within a minute"), (600.0, "minutes"))


class CredentialsExpiredError(Exception):
    """AWS does not accept the credentials any more."""


@dataclass(frozen=True)
class Answer:
    """What AWS answered. ``code`` is empty for a success; ``members`` are the output's, or the error's own."""

    status: int
    code: str = ""
    message: str = ""
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    throttled: int = 0

    @property
    def is_success(self) -> bool:
        """Whether AWS did what was asked."""
        return not self.code

    def __str__(self) -> str:
        return "success" if self.is_success else f"{self.code} ({self.status}): {self.message}"


def timing_class(seconds: float) -> str:
    """Return the class of a time: seconds themselves are different every time."""
    return next((name for limit, name in _CLASSES if seconds < limit), "more than ten minutes")


def ask(client: Any, operation: str, parameters: Mapping[str, Any], sleep: Callable[[float], None]) -> Answer:
    """Ask once, again only where AWS throttles; raise CredentialsExpiredError where it accepts none of ours."""
    started, throttled = time.monotonic(), 0
    while True:
        try:
            members = getattr(client, xform_name(operation))(**parameters)
            error: Mapping[str, Any] = {}
        except ClientError as raised:
            members, error = dict(raised.response), raised.response.get("Error", {})
        code = str(error.get("Code", ""))
        if code not in THROTTLED or throttled >= _PATIENCE:
            break
        throttled += 1
        sleep(min(0.2 * 2**throttled, 5.0))
    if code in EXPIRED:
        raise CredentialsExpiredError(str(error.get("Message", code)))
    metadata = members.pop("ResponseMetadata", {})
    for name in ("Error", "message", "Message"):
        members.pop(name, None)
    headers = {name: value for name, value in metadata.get("HTTPHeaders", {}).items() if name in HEADERS}
    message = str(error.get("Message", ""))
    took = time.monotonic() - started
    return Answer(metadata.get("HTTPStatusCode", 0), code, message, members, headers, took, throttled)


def client_of(session: boto3.Session, service: str, **options: Any) -> Any:
    """Return a client that makes one attempt a call."""
    return session.client(service, config=SINGLE, **options)


def patient_client_of(session: boto3.Session, service: str, **options: Any) -> Any:
    """Return a client that waits where AWS throttles."""
    return session.client(service, config=PATIENT, **options)
