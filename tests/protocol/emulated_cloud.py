"""The account once more, with the embedded AWS as its AWS IoT and Secrets Manager, and a wire that can be broken.

CloudFormation is played by the referee as ever, and so is time: it passes when somebody waits, and a call takes none of
it. What AWS dates is dated by that clock on its way to the function.
"""

from __future__ import annotations

import hashlib
import math
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fakes.aws import Call, FakeAws, remember_parameters
from fakes.iot import ACCOUNT, REGION
from iot_certificate_provider.aws.clients import READ_SECONDS, AwsClients
from iot_certificates_local import EmbeddedAws, Strictness
from iot_certificates_local.session import session_for
from protocol.clock import Clock
from protocol.emulated_iot import DETACH_SECONDS, LAG_SECONDS, EmulatedIot
from protocol.faulty_wire import FaultyWire, rule_for
from protocol.function import REGISTRATIONS, Cloud, Fault, Invocation, hits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import boto3

    from protocol.faulty_wire import Rule
    from protocol.function import Instance, When

TIMEOUT_SECONDS = 0.3
"""In place of READ_SECONDS, really waited for; the clock passes those."""

LATE_MILLISECONDS = 450
"""Beyond the timeout: the call lands when its caller has turned away."""

FAKED = ("cloudformation", "lambda")
"""What is played by the referee: CloudFormation's log, and deliveries to the function."""

_EPOCH = timedelta(hours=20)
"""The clock starts that long ago, since it runs ahead; a verification certificate made by it is valid for a day."""

THROTTLED = {"error": {"code": "ThrottlingException", "status": 400, "message": "Rate exceeded"}}
FAILED = {"error": {"code": "InternalFailureException", "status": 500, "message": "planned"}}
DENIED = {"error": {"code": "UnauthorizedException", "status": 401, "message": "planned"}}
LATE = {"latency": LATE_MILLISECONDS}
CUT = {"reset": True}
ANSWER_LOST = {"response": {"abort_bytes": 0}}
_EFFECTS = {"throttle": THROTTLED, "fail": FAILED, "deny": DENIED}


@dataclass(frozen=True)
class Target:
    """A request: the so manieth of this kind for a resource, from its so manieth delivery on."""

    kind: str
    logical_id: str
    number: int = 1
    delivery: int = 1


class _WiredAws(FakeAws):
    """Fake CloudFormation, and the rest on the embedded AWS, with the same hooks around every call."""

    def __init__(self, wire: FaultyWire, embedded: EmbeddedAws) -> None:
        super().__init__()
        self._wire, self._embedded = wire, embedded
        self.answered: Callable[[dict[str, Any]], None] = lambda answer: None
        """Called with every answer that came: a test puts its dates right."""
        self.timed_out: Callable[[], None] = lambda: None
        """Called for every attempt that its caller gave up."""

    def session(self) -> boto3.Session:
        session = session_for(self._wire.endpoint_url, self._embedded.ca_file, access_key=ACCOUNT, region=REGION)
        session.events.register("provide-client-params", remember_parameters)
        session.events.register_last("before-call", self._answer)
        session.events.register("response-received", self._note_timeout)
        session.events.register("after-call", self._note_answer)
        return session

    def _answer(self, model: Any, context: dict[str, Any], **_: Any) -> Any:
        if model.service_model.service_name in FAKED:
            return super()._answer(model, context)
        call = _call(model, context)
        self.calls.append(call)
        self.before(call)
        return None

    def _note_timeout(self, exception: BaseException | None, **_: Any) -> None:
        if isinstance(exception, ReadTimeoutError):
            self.timed_out()

    def _note_answer(self, http_response: Any, parsed: dict[str, Any], model: Any, context: Any, **_: Any) -> None:
        if model.service_model.service_name not in FAKED and http_response.status_code < 300:
            self.answered(parsed)
            self.after(_call(model, context))


class _HastyClients(AwsClients):
    """Clients that give a call up after a fraction of a second."""

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()

    def _make(self, service: Any, config: Config) -> Any:
        return super()._make(service, config.merge(Config(read_timeout=TIMEOUT_SECONDS)))


class EmulatedCloud(Cloud):
    """One account at a time: ``reset`` empties the embedded AWS."""

    def __init__(self, embedded: EmbeddedAws, wire: FaultyWire) -> None:
        self.wire = wire
        self._embedded = embedded
        self._outside: Any = embedded.session().client("iot")
        self._secrets: Any = embedded.session().client("secretsmanager")
        aws = _WiredAws(wire, embedded)
        aws.answered, aws.timed_out = self._date, self._pass_timeout
        super().__init__(aws)

    def reset(self) -> None:
        self.wire.break_by()
        self.wire.settle()
        self.called: list[tuple[Invocation, str]] = []
        """Every call to the embedded AWS, by the invocation that made it."""
        self._dates: dict[str, datetime] = {}
        self._requested: dict[bytes, tuple[Invocation, datetime]] = {}
        """Who asked for a certificate for which key: the id of such a one is not known before it is there."""
        self._aim: Target | None = None
        self._rules: tuple[Rule, ...] = ()
        self._sent: list[str] = []
        self._served: list[Invocation] = []
        self.strikes = 0
        """How often the wire broke while the target was served."""
        super().reset()

    def close(self) -> None:
        """Close every connection."""
        for instance in self._idle:
            _close(instance)
        self._outside.close()
        self._secrets.close()

    def _new_clock(self) -> Clock:
        return Clock(datetime.now(UTC).replace(microsecond=400_000) - _EPOCH)

    def _empty(self) -> None:
        self._embedded.reset()
        self._emulated = EmulatedIot(self._outside, self.wire.settle, self._date_now, self._learn)

    def store_secret(self, arn: str, text: str) -> None:
        self._secrets.create_secret(Name=arn.rpartition(":")[2], SecretString=text)

    def add_empty_secret(self, arn: str) -> None:
        with suppress(self._secrets.exceptions.ResourceExistsException):
            self._secrets.create_secret(Name=arn.rpartition(":")[2])

    def secret_text(self, arn: str) -> str:
        return str(self._secrets.get_secret_value(SecretId=arn)["SecretString"])

    def current_text(self, arn: str) -> str | None:
        try:
            return self.secret_text(arn)
        except (self._secrets.exceptions.ResourceNotFoundException, self._secrets.exceptions.InvalidRequestException):
            return None

    def bring_in_device(self, ca_id: str) -> None:
        """Nothing: that takes a certificate of the CA, whose key may be gone by now."""

    def make_clients(self) -> _HastyClients:
        return _HastyClients(self.aws.session(), run=self.run_threads, clock=self._seconds)

    @property
    def iot(self) -> Any:
        return self._emulated

    # Faults on the wire

    def aim(self, target: Target, *rules: Rule) -> None:
        """Have the wire break by these rules while one request is served."""
        self._aim, self._rules, self._sent = target, rules, []
        self.strikes = 0

    @property
    def called_at_target(self) -> list[str]:
        """What was called while the request was served that was aimed at."""
        return [name for invocation, name in self.called if invocation in self._served]

    def arm(self, *faults: Fault) -> None:
        super().arm(*faults)
        self.wire.break_by()

    def invoke(self, event: Mapping[str, Any]) -> Invocation:
        if not self._is_target(event):
            invocation = super().invoke(event)
        else:
            self.wire.break_by(*self._rules)
            invocation = super().invoke(event)
            self.strikes += self.wire.struck
            self._served.append(invocation)
            self.wire.break_by()
        if event["RequestType"] != "Create":
            # CloudFormation's next request comes seconds later, when all that was on its way has landed. After a Create
            # it is left on its way: whether the Delete finds what lands late is the provider's affair.
            self.wire.settle()
        return invocation

    def _is_target(self, event: Mapping[str, Any]) -> bool:
        aim = self._aim
        if aim is None or (event["RequestType"], event["LogicalResourceId"]) != (aim.kind, aim.logical_id):
            return False
        self._sent.append(event["RequestId"])
        requests = list(dict.fromkeys(self._sent))
        return len(requests) == aim.number and self._sent.count(event["RequestId"]) >= aim.delivery

    def _before(self, call: Call) -> None:
        super()._before(call)
        invocation = self._running()
        if invocation is None or call.name.startswith(FAKED):
            return
        self.called.append((invocation, call.name))
        if not call.name.split(".")[1].startswith(("Get", "List", "Describe")):
            self._emulated.changed(call.name.split(".")[1])
        if call.name in REGISTRATIONS:
            self._expect(invocation, call)
        self._put_on_the_wire(invocation, call.name)

    def _put_on_the_wire(self, invocation: Invocation, name: str) -> None:
        """Have a refusal that was armed for this call come from the wire, for as many attempts as it is for."""
        for entry in self._armed:
            fault: Fault = entry[0]
            when: When = fault.when if fault.kind == "fail" else "before"
            if fault.kind in _EFFECTS and entry[1] > 0 and hits(fault, invocation, name, when, ()):
                effect = ANSWER_LOST if when == "after" else _EFFECTS[fault.kind]
                self.wire.break_by(rule_for(name, effect, entry[1]))
                self.struck[fault.kind, name, when] += entry[1]
                invocation.log.append(f"{fault.kind} {when}")
                entry[1] = 0

    def _comes_from_here(self, fault: Fault, name: str) -> bool:
        return fault.kind not in _EFFECTS or name.startswith(FAKED)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        # The lag of the embedded AWS passes with the clock, so that a short wait does not outlast it.
        time.sleep(min(seconds * DETACH_SECONDS / LAG_SECONDS, DETACH_SECONDS))
        if seconds >= 1.0:
            self.wire.settle()

    def _pass_timeout(self) -> None:
        self.wire.give_up()
        # Not with ``sleep``: what was given up may land after what comes next.
        super().sleep(READ_SECONDS)

    # Who registered what, and when

    def _registered_ids(self) -> set[str]:
        return self._emulated.ids()

    def _expect(self, invocation: Invocation, call: Call) -> None:
        """Note whose it is before it is there: the answer may be lost, or the call may land late."""
        signing = call.parameters.get("certificateSigningRequest")
        if signing is not None:
            key = _key(x509.load_pem_x509_csr(signing.encode()))
            self._requested[key] = (invocation, self.clock.now)
            return
        pem = call.parameters.get("certificatePem") or call.parameters["caCertificate"]
        certificate_id = hashlib.sha256(x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER))
        if certificate_id.hexdigest() not in self._known:
            self._attribute(certificate_id.hexdigest(), invocation)
            self._date_now(certificate_id.hexdigest())

    def _learn(self, pems: Mapping[str, str]) -> None:
        """Find out whose the certificates are that AWS IoT has issued since."""
        for certificate_id in pems.keys() - self._dates.keys():
            key = _key(x509.load_pem_x509_certificate(pems[certificate_id].encode()))
            if key in self._requested:
                invocation, self._dates[certificate_id] = self._requested[key]
                self._attribute(certificate_id, invocation)

    def _date_now(self, certificate_id: str) -> None:
        self._dates[certificate_id] = self.clock.now

    def _date(self, answer: dict[str, Any]) -> None:
        """Put the clock's dates into an answer of AWS IoT's."""
        for entry in [answer.get("certificateDescription", {}), *answer.get("certificates", [])]:
            if "creationDate" in entry:
                if entry["certificateId"] not in self._dates:
                    self._emulated.ids()
                entry["creationDate"] = self._dates[entry["certificateId"]].replace(microsecond=0)


@contextmanager
def emulated_cloud() -> Iterator[EmulatedCloud]:
    """Start an embedded AWS for plays, and the wire to it; stop both."""
    # Time is the referee's: the embedded AWS lags by a fraction of what it stands for, and waits are as much shorter.
    strict = Strictness(
        requests_per_second=math.inf,
        detach_seconds=DETACH_SECONDS,
        thing_detach_seconds=DETACH_SECONDS,
        status_seconds=DETACH_SECONDS,
        role_seconds=0.0,
    )
    with EmbeddedAws(account=ACCOUNT, region=REGION, strict=strict) as embedded:
        wire = FaultyWire(embedded)
        cloud = EmulatedCloud(embedded, wire)
        try:
            yield cloud
        finally:
            cloud.close()
            wire.close()


def _close(instance: Instance) -> None:
    assert isinstance(instance.clients, _HastyClients)
    instance.clients.close()


def _call(model: Any, context: dict[str, Any]) -> Call:
    return Call(f"{model.service_model.service_name}.{model.name}", context["fake_parameters"])


def _key(of: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    return of.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
