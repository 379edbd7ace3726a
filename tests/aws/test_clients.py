"""The SDK's clients: one configuration, made when first asked for, each call counted and checked against the time."""

from __future__ import annotations

import threading
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, get_args

import pytest
from botocore.exceptions import EndpointConnectionError

from aws.wire import Answer, Wire
from fakes.aws import FakeAws
from iot_certificate_provider.aws.clients import (
    ATTEMPTS,
    CONNECT_SECONDS,
    READ_SECONDS,
    THREADS,
    AwsClients,
)
from iot_certificate_provider.aws.cloudformation import StackGateway
from iot_certificate_provider.aws.concurrency import Asked, Several
from iot_certificate_provider.aws.iot import IotGateway
from iot_certificate_provider.aws.pace import CALLS_PER_SECOND, Pace
from iot_certificate_provider.aws.propagation import (
    PERMISSION_SECONDS,
    ROLE_SECONDS,
    STATUS_SECONDS,
    THING_SECONDS,
)
from iot_certificate_provider.aws.secrets import SecretsGateway
from iot_certificate_provider.aws.session import ServiceName
from iot_certificate_provider.contract import AutoRegistrationStatus, CaCertificateStatus, CertificateMode
from iot_certificate_provider.deadline import Deadline
from iot_certificate_provider.errors import (
    AccessDeniedError,
    ConflictError,
    DeadlineError,
    LimitExceededError,
    RefusedError,
    ThrottledError,
    UpstreamError,
)
from iot_certificate_provider.registration_config import RegistrationConfig
from resources.stage import one_after_the_other

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that botocore makes between attempts, without making them."""
    pauses: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=pauses.append))
    return pauses


def plenty() -> Deadline:
    return Deadline(lambda: 280.0)


def test_all_clients_share_one_configuration_with_standard_retries_and_timeouts() -> None:
    clients = AwsClients(FakeAws().session())
    made: list[Any] = [clients.client("iot"), clients.client("secretsmanager"), clients.client("cloudformation")]
    for client in (*made, clients.client("kms"), clients.client("acm-pca")):
        config: Any = client.meta.config
        assert config.retries == {"mode": "standard", "total_max_attempts": ATTEMPTS}
        assert (config.connect_timeout, config.read_timeout) == (CONNECT_SECONDS, READ_SECONDS) == (3, 10)
        assert "cdk-iot-certificates" in config.user_agent


def test_a_client_is_made_when_it_is_first_asked_for_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    session = FakeAws().session()
    made: list[str] = []
    create = session.client

    def record(service: str, **arguments: Any) -> Any:
        made.append(service)
        return create(service, **arguments)

    monkeypatch.setattr(session, "client", record)
    clients = AwsClients(session)
    gateway = IotGateway(clients)
    assert made == []
    gateway.registration_code()
    gateway.registration_code()
    assert made == ["iot"]
    assert clients.client("iot") is clients.client("iot")


def test_no_session_is_made_before_the_first_client(monkeypatch: pytest.MonkeyPatch) -> None:
    session = FakeAws().session()
    sessions = []

    def make(**_: object) -> Any:
        sessions.append(session)
        return session

    monkeypatch.setattr("iot_certificate_provider.aws.clients.boto3.Session", make)
    clients = AwsClients()
    assert sessions == []
    clients.client("iot")
    clients.client("secretsmanager")
    assert len(sessions) == 1


def test_calls_are_counted_by_name_from_one_request_to_the_next() -> None:
    aws = FakeAws()
    aws.secrets.values["key"] = "text"
    clients = AwsClients(aws.session())
    clients.begin(plenty())
    IotGateway(clients).registration_code()
    IotGateway(clients).registration_code()
    SecretsGateway(clients).text("key")
    assert clients.calls == {"iot.GetRegistrationCode": 2, "secretsmanager.GetSecretValue": 1}
    clients.begin(plenty())
    assert clients.calls == {}


def test_each_page_is_a_call() -> None:
    aws = FakeAws()
    arn = "arn:aws:iot:eu-west-1:123456789012:cert/x"
    aws.iot.policies["p"] = {f"{arn}{n}" for n in range(5)}
    clients = AwsClients(aws.session())
    assert len(list(IotGateway(clients).policy_targets("p"))) == 5
    assert clients.calls == {"iot.ListTargetsForPolicy": 3}


@pytest.mark.parametrize("end", [lambda deadline, clock: deadline.close(), lambda deadline, clock: clock.clear()])
def test_no_call_is_made_without_time_or_after_the_answer(end: Callable[[Deadline, list[float]], None]) -> None:
    aws = FakeAws()
    clock = [280.0]
    deadline = Deadline(lambda: sum(clock))
    clients = AwsClients(aws.session())
    clients.begin(deadline)
    IotGateway(clients).registration_code()
    end(deadline, clock)
    with pytest.raises(DeadlineError):
        IotGateway(clients).registration_code()
    with pytest.raises(DeadlineError):
        list(IotGateway(clients).policy_targets("p"))
    assert aws.names() == ["iot.GetRegistrationCode"]
    assert clients.calls == {"iot.GetRegistrationCode": 1}


def test_the_time_is_looked_at_between_pages() -> None:
    aws = FakeAws()
    aws.iot.policies["p"] = {f"arn:aws:iot:eu-west-1:123456789012:cert/{n}" for n in range(5)}
    deadline = plenty()
    clients = AwsClients(aws.session())
    clients.begin(deadline)
    targets = IotGateway(clients).policy_targets("p")
    next(targets)
    deadline.close()
    with pytest.raises(DeadlineError):
        list(targets)
    assert aws.names() == ["iot.ListTargetsForPolicy"]


def test_what_may_pass_is_tried_again_as_one_call(naps: list[float]) -> None:
    answers = [Answer(500), Answer(429, {"message": "Slow down"}, "ThrottlingException")]
    wire = Wire(lambda _: answers.pop() if answers else Answer(body={"registrationCode": "c0de"}))
    clients = AwsClients(wire.session())
    clients.begin(plenty())
    assert IotGateway(clients).registration_code() == "c0de"
    assert (len(wire.requests), len(naps)) == (3, 2)
    assert clients.calls == {"iot.GetRegistrationCode": 1}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(503, {"message": "Down"}, "ServiceUnavailableException"), UpstreamError),
        (Answer(429, {"message": "Slow down"}, "ThrottlingException"), ThrottledError),
    ],
)
def test_without_a_deadline_attempts_have_an_end(naps: list[float], answer: Answer, expected: type[Exception]) -> None:
    wire = Wire(lambda _: answer)
    with pytest.raises(expected):
        IotGateway(AwsClients(wire.session())).registration_code()
    assert len(wire.requests) == ATTEMPTS


def test_the_sdk_does_not_try_again_after_the_answer(naps: list[float]) -> None:
    deadline = plenty()

    def fail_and_time_out(_: Any) -> Answer:
        deadline.close()
        return Answer(500)

    wire = Wire(fail_and_time_out)
    clients = AwsClients(wire.session())
    clients.begin(deadline)
    with pytest.raises(DeadlineError):
        IotGateway(clients).attach_policy("p", "arn:aws:iot:eu-west-1:123456789012:cert/x")
    assert len(wire.requests) == 1


def test_throttling_is_outlasted_while_there_is_time(naps: list[float]) -> None:
    answers = [Answer(400, {"message": "Slow down"}, "ThrottlingException")] * 25
    wire = Wire(lambda _: answers.pop() if answers else Answer(body={"registrationCode": "c0de"}))
    clients = AwsClients(wire.session())
    clients.begin(plenty())
    assert IotGateway(clients).registration_code() == "c0de"
    assert len(wire.requests) == 26
    assert max(naps) <= 5


def test_throttling_ends_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    left = [120.0]

    def sleep(seconds: float) -> None:
        left[0] -= seconds

    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=sleep))
    wire = Wire(lambda _: Answer(400, {"message": "Slow down"}, "ThrottlingException"))
    clients = AwsClients(wire.session())
    clients.begin(Deadline(lambda: left[0]))
    with pytest.raises(ThrottledError):
        IotGateway(clients).registration_code()
    assert left[0] >= 15, "the time to undo what was done is left"
    assert len(wire.requests) > ATTEMPTS


def test_other_failures_are_not_outlasted(naps: list[float]) -> None:
    wire = Wire(lambda _: Answer(503, {"message": "Down"}, "ServiceUnavailableException"))
    clients = AwsClients(wire.session())
    clients.begin(plenty())
    with pytest.raises(UpstreamError):
        IotGateway(clients).registration_code()
    assert len(wire.requests) == ATTEMPTS


def test_a_quota_is_told_from_throttling_and_fails_at_once(naps: list[float]) -> None:
    said = {"message": "10 CA certificates with this subject and public key are registered"}
    wire = Wire(lambda _: Answer(410, said, "LimitExceededException"))
    clients = AwsClients(wire.session())
    clients.begin(plenty())
    with pytest.raises(LimitExceededError, match="10 CA certificates"):
        IotGateway(clients).registration_code()
    assert (len(wire.requests), naps) == (1, [])


def test_a_session_of_its_own_knows_its_services_without_looking_for_all_of_aws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There are hundreds, each in a folder: botocore lists them twice for each client, also at a cold start."""
    monkeypatch.setattr("botocore.loaders.Loader.list_available_services", None)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    clients, services = AwsClients(), get_args(ServiceName)
    assert len(services) == 9
    for service in services:
        assert clients.client(service).meta.service_model.service_name == service


def test_a_session_of_its_own_can_ask_for_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An emulator, or whoever runs the function, may give a web identity instead of keys."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    token = tmp_path / "token"
    token.write_text("a token")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/provider")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    # Nothing listens there: the request is made, and that is enough.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(EndpointConnectionError, match="127"):
        AwsClients().client("iot").get_registration_code()


DENIED = Answer(
    403,
    {"message": "User: x is not authorized to perform: iot:GetRegistrationCode on resource: *"},
    "AccessDeniedException",
)


class TestAPermissionThatTakesItsTime:
    """IAM user guide, "Changes that I make are not always immediately visible"."""

    def test_is_waited_for(self, naps: list[float]) -> None:
        answers = [DENIED] * 5
        wire = Wire(lambda _: answers.pop() if answers else Answer(body={"registrationCode": "c0de"}))
        clients = AwsClients(wire.session())
        clients.begin(plenty())
        assert IotGateway(clients).registration_code() == "c0de"
        assert (len(wire.requests), len(naps)) == (6, 5)
        assert clients.calls == {"iot.GetRegistrationCode": 1}

    def test_and_never_comes_fails_after_a_minute_and_names_the_action_and_how_long(self, naps: list[float]) -> None:
        clients = AwsClients(Wire(lambda _: DENIED).session())
        clients.begin(Deadline(lambda: 280.0, jitter=lambda: 1.0))
        with pytest.raises(AccessDeniedError) as caught:
            IotGateway(clients).registration_code()
        assert PERMISSION_SECONDS - 5 <= sum(naps) <= PERMISSION_SECONDS
        assert str(caught.value).startswith(
            f"Access denied: iot:GetRegistrationCode on the registration code for {round(sum(naps))} s: "
        )

    def test_is_waited_for_once_a_request(self, naps: list[float]) -> None:
        """So that a second permission, which is missing as well, does not take another minute."""
        clients = AwsClients(Wire(lambda _: DENIED).session())
        clients.begin(Deadline(lambda: 280.0, jitter=lambda: 1.0))
        for _ in range(3):
            with pytest.raises(AccessDeniedError):
                IotGateway(clients).registration_code()
        assert sum(naps) <= PERMISSION_SECONDS
        clients.begin(Deadline(lambda: 280.0, jitter=lambda: 1.0))
        with pytest.raises(AccessDeniedError):
            IotGateway(clients).registration_code()
        assert sum(naps) > PERMISSION_SECONDS

    def test_is_not_waited_for_beyond_the_deadline(self, naps: list[float]) -> None:
        clients = AwsClients(Wire(lambda _: DENIED).session())
        clients.begin(Deadline(lambda: 35.0 - sum(naps)))
        with pytest.raises(AccessDeniedError):
            IotGateway(clients).registration_code()
        assert sum(naps) < 20

    def test_is_not_waited_for_where_a_denial_decides(self, naps: list[float]) -> None:
        clients = AwsClients(Wire(lambda _: DENIED).session())
        clients.begin(plenty())
        with StackGateway(clients).expecting_denial(), pytest.raises(AccessDeniedError) as caught:
            IotGateway(clients).registration_code()
        assert naps == []
        assert " s: " not in str(caught.value)

    def test_is_not_waited_for_without_a_request(self, naps: list[float]) -> None:
        """The command line's user knows at once."""
        with pytest.raises(AccessDeniedError):
            IotGateway(AwsClients(Wire(lambda _: DENIED).session())).registration_code()
        assert naps == []


class TestARefusalThatPasses:
    """Each is made again for so many seconds, and is then what it was."""

    def gateway(self, refusals: int, code: str) -> tuple[IotGateway, Wire]:
        answers = [Answer(400, {"message": "Not yet"}, code)] * refusals
        body = {"certificateId": "ab" * 32, "certificateArn": "arn"}
        wire = Wire(lambda _: answers.pop() if answers else Answer(body=body))
        clients = AwsClients(wire.session())
        clients.begin(Deadline(lambda: 280.0, jitter=lambda: 1.0))
        return IotGateway(clients), wire

    def register(self, gateway: IotGateway, role: str | None) -> None:
        gateway.register_ca_certificate(
            "pem",
            verification_pem=None,
            mode=CertificateMode.SNI_ONLY,
            status=CaCertificateStatus.ACTIVE,
            auto_registration=AutoRegistrationStatus.ENABLE,
            config=RegistrationConfig(None, "{}", role),
            tags={},
        )

    def test_a_role_that_cannot_be_assumed_yet(self, naps: list[float]) -> None:
        gateway, wire = self.gateway(3, "InvalidRequestException")
        self.register(gateway, "arn:aws:iam::123456789012:role/provisioning")
        assert len(wire.requests) == 4
        gateway, wire = self.gateway(3, "InvalidRequestException")
        gateway.update_ca_certificate(
            "ab" * 32, config=RegistrationConfig(None, "{}", "arn:aws:iam::123456789012:role/provisioning")
        )
        assert len(wire.requests) == 4

    def test_without_a_role_an_invalid_request_fails_at_once(self, naps: list[float]) -> None:
        gateway, _ = self.gateway(3, "InvalidRequestException")
        with pytest.raises(RefusedError):
            self.register(gateway, None)
        assert naps == []

    def test_a_role_that_never_can_be_assumed(self, naps: list[float]) -> None:
        gateway, _ = self.gateway(1000, "InvalidRequestException")
        with pytest.raises(RefusedError, match=r"^RegisterCACertificate of the CA certificate for 5\d s: AWS does not"):
            self.register(gateway, "arn:aws:iam::123456789012:role/provisioning")
        assert sum(naps) <= ROLE_SECONDS

    def test_a_certificate_that_was_just_deactivated(self, naps: list[float]) -> None:
        gateway, wire = self.gateway(4, "CertificateStateException")
        gateway.delete_certificate("ab" * 32)
        assert len(wire.requests) == 5
        gateway, _ = self.gateway(1000, "CertificateStateException")
        with pytest.raises(ConflictError):
            gateway.delete_certificate("ab" * 32)
        assert sum(naps) <= 2 * STATUS_SECONDS

    def test_a_thing_that_was_just_detached(self, naps: list[float]) -> None:
        gateway, wire = self.gateway(4, "InvalidRequestException")
        gateway.delete_thing("hall")
        assert len(wire.requests) == 5
        gateway, _ = self.gateway(1000, "InvalidRequestException")
        with pytest.raises(RefusedError):
            gateway.delete_thing("hall")
        assert sum(naps) <= 2 * THING_SECONDS


class TestPace:
    """Calls by the hundred wait for their turns, in the time that a request has."""

    def served(self, answer: Callable[[Any], Answer], **options: Any) -> tuple[AwsClients, list[float], Wire]:
        clock = [280.0]
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            slept.append(round(seconds, 3))
            clock[0] -= seconds

        wire = Wire(answer)
        clients = AwsClients(wire.session(), clock=lambda: -clock[0], **options)
        clients.begin(Deadline(lambda: clock[0], sleep=sleep, jitter=lambda: 0.5))
        return clients, slept, wire

    def test_is_kept_inside_a_sweep_alone(self, naps: list[float]) -> None:
        clients, slept, _ = self.served(lambda _: Answer(body={"registrationCode": "c0de"}))
        gateway = IotGateway(clients)
        with clients.paced():
            for _ in range(10):
                gateway.registration_code()
            assert slept == [0.125, 0.125]
            gateway.delete_registration_code()
        gateway.registration_code()
        assert slept == [0.125, 0.125], "each operation has its own turns, and none is waited for outside"

    def test_ends_with_the_time(self, naps: list[float]) -> None:
        clients, _, wire = self.served(lambda _: Answer(body={"registrationCode": "c0de"}))
        gateway = IotGateway(clients)
        several = Several(range(10_000), lambda _: gateway.registration_code(), apart=())
        with clients.paced():
            several.run(one_after_the_other, 1)
        assert isinstance(several.stopped_by, DeadlineError)
        assert len(wire.requests) == pytest.approx((280 - 15) * CALLS_PER_SECOND, rel=0.01)

    def test_slows_down_when_it_is_throttled(self, naps: list[float]) -> None:
        answers = [Answer(429, {"message": "Slow down"}, "ThrottlingException")]
        clients, slept, wire = self.served(
            lambda _: answers.pop() if answers else Answer(body={"registrationCode": "c0de"})
        )
        gateway = IotGateway(clients)
        with clients.paced():
            for _ in range(3):
                gateway.registration_code()
        assert len(wire.requests) == 4
        (pause,) = naps
        assert pause >= 1 / (0.85 * CALLS_PER_SECOND) - 0.001
        assert all(each > 1 / CALLS_PER_SECOND for each in slept)

    def test_outlasts_throttling_for_as_many_attempts_as_it_is_patient(self, naps: list[float]) -> None:
        refused = Answer(429, {"message": "Slow down"}, "ThrottlingException")
        clients, _, wire = self.served(lambda _: refused, pace=Pace(8, lambda: 0.0), patience=10)
        with pytest.raises(ThrottledError):
            IotGateway(clients).registration_code()
        assert len(wire.requests) == 11

    def test_does_not_outlast_other_refusals(self, naps: list[float]) -> None:
        clients, _, wire = self.served(lambda _: DENIED, pace=Pace(8), permission_seconds=0.0)
        with pytest.raises(AccessDeniedError):
            IotGateway(clients).registration_code()
        assert len(wire.requests) == 1


class TestThreads:
    """What belongs to one call is not another thread's."""

    def test_count_every_call(self) -> None:
        aws = FakeAws()
        clients = AwsClients(aws.session())
        clients.begin(plenty())
        gateway = IotGateway(clients)
        clients.act_on(Several(range(200), lambda _: gateway.registration_code(), apart=()))
        assert clients.calls == {"iot.GetRegistrationCode": 200}

    def test_make_a_client_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        session, made = FakeAws().session(), list[str]()
        create = session.client

        def record(name: str, **arguments: Any) -> Any:
            made.append(name)
            return create(name, **arguments)

        monkeypatch.setattr(session, "client", record)
        gateway = IotGateway(AwsClients(session))
        asked = [Asked(gateway.registration_code) for _ in range(8)]
        AwsClients().at_once(*asked)
        assert made == ["iot"]
        assert {each.answer for each in asked} == {asked[0].answer}

    def test_are_not_unanswered_because_another_one_is(self) -> None:
        def answer(request: Any) -> Answer:
            return Answer(503 if request.method == "DELETE" else 200, {"registrationCode": "c0de"})

        clients = AwsClients(Wire(answer).session())
        gateway = IotGateway(clients)
        both = threading.Barrier(2, timeout=30)

        def ask(act: Callable[[], object]) -> bool:
            with suppress(UpstreamError):
                act()
            both.wait()
            return clients.was_unanswered

        failing, fine = (
            Asked(lambda: ask(gateway.delete_registration_code)),
            Asked(lambda: ask(gateway.registration_code)),
        )
        clients.at_once(failing, fine)
        assert (failing.answer, fine.answer) == (True, False)

    def test_that_work_have_no_more_time_while_one_undoes(self) -> None:
        deadline, both = Deadline(lambda: 10.0), threading.Barrier(2, timeout=30)

        def undo() -> float:
            with deadline.undoing():
                both.wait()
                left = deadline.seconds_left
                both.wait()
            return left

        def work() -> float:
            both.wait()
            left = deadline.seconds_left
            both.wait()
            return left

        undoing, working = Asked(undo), Asked(work)
        AwsClients().at_once(undoing, working)
        assert (undoing.answer, working.answer) == (10.0, 0.0)

    def test_call_nothing_after_the_answer(self) -> None:
        """Sixteen threads are at work when the answer goes: none begins a call after it, and all end."""
        aws, deadline = FakeAws(), plenty()
        clients = AwsClients(aws.session())
        clients.begin(deadline)
        gateway, answered = IotGateway(clients), list[int]()
        lock = threading.Lock()

        def answer_in_the_middle(_: Any) -> None:
            with lock:
                if len(aws.calls) >= 50 and not answered:
                    deadline.close()
                    answered.append(len(aws.calls))

        aws.after = answer_in_the_middle
        several = Several(range(500), lambda _: gateway.registration_code(), apart=())
        clients.act_on(several)
        assert isinstance(several.stopped_by, DeadlineError)
        assert len(aws.calls) <= answered[0] + THREADS
        assert several.left >= 500 - answered[0] - THREADS
