"""AWS without a network: the real SDK, its parameter checks, paginators and errors; only the answers are ours.

``FakeAws`` hands out a boto3 session. Each call goes through botocore as ever, up to the point where it would be
signed and sent; there the method of a fake service answers, named like the operation: ``RegisterCertificate``.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from email.utils import format_datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from fakes.acm_pca import FakeAcmPca
from fakes.cloudformation import FakeCloudFormation
from fakes.functions import FakeFunctions
from fakes.iot import FakeIot
from fakes.kms import FakeKms
from fakes.refusal import Refusal
from fakes.s3 import FakeS3
from fakes.secrets import FakeSecrets
from fakes.service_models import fake_session
from fakes.states import FakeStates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    import boto3


@dataclass(frozen=True)
class Call:
    """One call that reached AWS: ``iot.RegisterCertificate`` and its parameters."""

    name: str
    parameters: Mapping[str, Any]


@dataclass
class FakeAws:
    """The services that the provider calls, and a record of every call."""

    iot: FakeIot = field(default_factory=FakeIot)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)
    cloudformation: FakeCloudFormation = field(default_factory=FakeCloudFormation)
    functions: FakeFunctions = field(default_factory=FakeFunctions)
    kms: FakeKms = field(default_factory=FakeKms)
    acm_pca: FakeAcmPca = field(default_factory=FakeAcmPca)
    s3: FakeS3 = field(default_factory=FakeS3)
    states: FakeStates = field(default_factory=FakeStates)
    calls: list[Call] = field(default_factory=list)
    before: Callable[[Call], None] = lambda call: None
    """Called before each call takes effect: a test raises a Refusal here to make it fail, or moves a clock."""
    after: Callable[[Call], None] = lambda call: None
    """Called after each call took effect: a Refusal raised here is an answer that was lost."""
    retry: Callable[[Refusal, int, int, str], bool] = lambda refusal, attempt, attempts, name: False
    """Asked after attempt 1, 2 … of at most ``attempts`` of the SDK's at a call: whether there is another. (botocore
    itself decides on that below the point where the fakes answer.)"""

    denials: dict[str, int] = field(default_factory=dict)
    """How many calls of an operation (``iot.RegisterCACertificate``) are denied before its permission takes effect."""
    permitted_from: datetime | None = None
    """Every call before this time of the clock of ``iot`` is denied: the role's policy is new."""

    def session(self) -> boto3.Session:
        """Return a session whose clients end here."""
        session = fake_session()
        events: Any = session.events
        events.register("provide-client-params", remember_parameters)
        events.register_last("before-call", self._answer)
        return session

    def names(self) -> list[str]:
        """Return the calls made so far, by name, in order."""
        return [call.name for call in self.calls]

    def writes(self) -> list[str]:
        """Return the calls that change something."""
        reads = ("Get", "List", "Describe")
        return [name for name in self.names() if not name.split(".")[1].startswith(reads)]

    def _answer(self, model: Any, context: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        service = model.service_model.service_name
        call = Call(f"{service}.{model.name}", context["fake_parameters"])
        self.calls.append(call)
        fake: object = {
            "iot": self.iot,
            "secretsmanager": self.secrets,
            "cloudformation": self.cloudformation,
            "lambda": self.functions,
            "kms": self.kms,
            "acm-pca": self.acm_pca,
            "s3": self.s3,
            "stepfunctions": self.states,
        }[service]
        attempts = context["client_config"].retries["total_max_attempts"]
        for attempt in itertools.count(1):
            try:
                self.before(call)
                self._check_permitted(call)
                answer = getattr(fake, model.name)(**call.parameters)
                self.after(call)
            except Refusal as refusal:
                if not self.retry(refusal, attempt, attempts, call.name):
                    parsed = refusal.parsed()
                    parsed["ResponseMetadata"]["HTTPHeaders"] = self._headers()
                    return SimpleNamespace(status_code=refusal.status), parsed
            else:
                metadata = {"HTTPStatusCode": 200, "HTTPHeaders": self._headers()}
                return SimpleNamespace(status_code=200), {**answer, "ResponseMetadata": metadata}
        raise AssertionError("unreachable: an answer ends the attempts")

    def _headers(self) -> dict[str, str]:
        return {"date": format_datetime(self.iot.clock(), usegmt=True)}

    def _check_permitted(self, call: Call) -> None:
        # IAM user guide, "Changes that I make are not always immediately visible"; aws-cdk #37675.
        left = self.denials.get(call.name, 0)
        if left:
            self.denials[call.name] = left - 1
        if left or (self.permitted_from is not None and self.iot.clock() < self.permitted_from):
            service, operation = call.name.split(".")
            code = "AccessDenied" if service == "cloudformation" else "AccessDeniedException"
            action = f"{service}:{operation}"
            raise Refusal(
                code, f"User: provider is not authorized to perform: {action} because no policy allows it", 403
            )


def remember_parameters(**event: Any) -> None:
    """Keep a call's parameters, as its caller gave them, where ``before-call`` finds them."""
    event["context"]["fake_parameters"] = dict(event["params"])
