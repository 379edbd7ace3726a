"""The gateway to AWS IoT, on the real SDK: its parameter checks, its paginators, and what counts as done."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.aws import FakeAws
from fakes.iot import FakeIot
from fakes.refusal import Refusal
from fakes.transfers import connect
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.iot import PAGE_SIZE, IotGateway
from iot_certificate_provider.contract import (
    AutoRegistrationStatus,
    CaCertificateStatus,
    CertificateMode,
    DeviceCertificateStatus,
)
from iot_certificate_provider.errors import (
    AccessDeniedError,
    ConflictError,
    InUseError,
    NotFoundError,
    TransferCompletedError,
)
from iot_certificate_provider.registration_config import RegistrationConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fakes.aws import Call

ID = "ab" * 32
ARN = f"arn:aws:iot:eu-west-1:123456789012:cert/{ID}"
CA_ARN = f"arn:aws:iot:eu-west-1:123456789012:cacert/{ID}"
ROLE = "arn:aws:iam::123456789012:role/provisioning"


class Stage:
    def __init__(self) -> None:
        self.aws = FakeAws()
        self.iot = self.aws.iot
        self.gateway = IotGateway(AwsClients(self.aws.session()))
        self.ca = issuing.make_ca("Factory CA")
        proof = issuing.make_verification_certificate(self.ca, self.iot.registration_code)
        answer = self.iot.RegisterCACertificate(
            caCertificate=self.ca.pem, verificationCertificate=proof.pem, setAsActive=True
        )
        self.ca_id = str(answer["certificateId"])

    def register(self, name: str, status: str = "ACTIVE") -> str:
        answer = self.iot.RegisterCertificate(certificatePem=issuing.make_device(self.ca, name).pem, status=status)
        return str(answer["certificateArn"])


@pytest.fixture
def stage() -> Stage:
    return Stage()


class TestLists:
    def test_read_all_pages_of_certificates(self, stage: Stage) -> None:
        arns = [stage.register(f"device-{n}", status) for n, status in enumerate(["ACTIVE", "INACTIVE", "REVOKED"] * 2)]
        found = stage.gateway.certificates_of_ca(stage.ca_id)
        assert [entry.arn for entry in found] == arns
        assert [entry.status for entry in found] == ["ACTIVE", "INACTIVE", "REVOKED"] * 2
        assert stage.aws.names() == ["iot.ListCertificatesByCA"] * 3

    def test_read_ca_certificates_newest_first_and_no_more_pages_than_needed(self, stage: Stage) -> None:
        for number in range(4):
            stage.iot.RegisterCACertificate(issuing.make_ca(f"CA {number}").pem, certificateMode="SNI_ONLY")
        found = stage.gateway.newest_ca_certificates()
        assert next(found)[0] == list(stage.iot.cas)[-1]
        assert stage.aws.names() == ["iot.ListCACertificates"]
        assert [each for each, _ in found] == list(stage.iot.cas)[-2::-1]

    def test_read_all_pages_of_attached_policies(self, stage: Stage) -> None:
        arn = stage.register("device")
        stage.iot.policies.update({f"p{n}": {arn} for n in range(5)}, other=set())
        assert list(stage.gateway.attached_policies(arn)) == [f"p{n}" for n in range(5)]
        assert stage.aws.names() == ["iot.ListAttachedPolicies"] * 3

    def test_read_all_pages_of_attached_things(self, stage: Stage) -> None:
        arn = stage.register("device")
        stage.iot.things.update({f"t{n}": {arn} for n in range(5)}, other=set())
        assert list(stage.gateway.attached_things(arn)) == [f"t{n}" for n in range(5)]
        assert stage.aws.names() == ["iot.ListPrincipalThings"] * 3

    def test_read_all_pages_of_a_policys_targets(self, stage: Stage) -> None:
        stage.iot.policies["p"] = {f"{ARN}-{n}" for n in range(5)}
        assert set(stage.gateway.policy_targets("p")) == stage.iot.policies["p"]
        assert stage.aws.names() == ["iot.ListTargetsForPolicy"] * 3

    def test_ask_for_the_largest_pages_that_there_are(self, stage: Stage) -> None:
        arn = stage.register("device")
        stage.iot.policies["p"] = {arn}
        stage.gateway.certificates_of_ca(stage.ca_id)
        list(stage.gateway.attached_policies(arn))
        list(stage.gateway.attached_things(arn))
        list(stage.gateway.policy_targets("p"))
        sizes = [call.parameters.get("pageSize", call.parameters.get("maxResults")) for call in stage.aws.calls]
        assert sizes == [PAGE_SIZE] * 4 == [250] * 4

    def test_of_a_deleted_certificate_are_empty(self, stage: Stage) -> None:
        assert stage.gateway.certificates_of_ca(ID) == []
        assert list(stage.gateway.attached_policies(ARN)) == []
        assert list(stage.gateway.attached_things(ARN)) == []
        assert list(stage.gateway.policy_targets("gone")) == []

    def test_stop_when_the_certificate_is_deleted_half_way(self, stage: Stage) -> None:
        stage.iot.policies["p"] = {f"{ARN}-{n}" for n in range(5)}
        targets = stage.gateway.policy_targets("p")
        seen = [next(targets), next(targets)]
        del stage.iot.policies["p"]
        assert list(targets) == []
        assert len(seen) == 2


class TestTransfers:
    @pytest.fixture
    def target(self, stage: Stage) -> FakeIot:
        target = FakeIot(account="210987654321")
        connect(stage.iot, target)
        return target

    def test_the_outgoing_one_is_found_on_any_page(self, stage: Stage, target: FakeIot) -> None:
        ids = [stage.register(f"device-{n}", "INACTIVE").rpartition("/")[2] for n in range(5)]
        for certificate_id in ids:
            stage.gateway.transfer_certificate(certificate_id, target.account, f"to {target.account}")
        stage.aws.calls.clear()
        found = stage.gateway.outgoing_transfer(ids[4])
        assert found is not None
        assert (found.account, found.message) == (target.account, "to 210987654321")
        assert stage.aws.names() == ["iot.ListOutgoingCertificates"] * 3
        assert stage.gateway.outgoing_transfer(ID) is None

    def test_a_completed_transfer_is_distinguished_from_none(self, stage: Stage, target: FakeIot) -> None:
        certificate_id = stage.register("device", "INACTIVE").rpartition("/")[2]
        stage.gateway.transfer_certificate(certificate_id, target.account, None)
        target.AcceptCertificateTransfer(certificate_id)
        with pytest.raises(TransferCompletedError):
            stage.gateway.cancel_certificate_transfer(certificate_id)
        with pytest.raises(NotFoundError):
            stage.gateway.cancel_certificate_transfer(ID)

    def test_the_description_says_who_had_it_and_when_it_came(self, stage: Stage, target: FakeIot) -> None:
        answer = target.RegisterCertificateWithoutCA(issuing.make_device(stage.ca).pem)
        target.TransferCertificate(answer["certificateId"], stage.iot.account)
        stage.gateway.accept_certificate_transfer(answer["certificateId"], active=False)
        live = stage.gateway.describe_certificate(answer["certificateId"])
        assert (live.status, live.previous_owner, live.rejected) == ("INACTIVE", target.account, None)
        assert live.accepted is not None
        assert live.modified is not None

    def test_nothing_may_be_attached(self, stage: Stage, target: FakeIot) -> None:
        arn = stage.register("device", "INACTIVE")
        stage.iot.policies["p"] = {arn}
        with pytest.raises(InUseError, match="policies or things are still attached"):
            stage.gateway.transfer_certificate(arn.rpartition("/")[2], target.account, None)


class TestWhatIsGoneIsDone:
    @pytest.mark.parametrize(
        "act",
        [
            lambda gateway: gateway.detach_policy("gone", ARN),
            lambda gateway: gateway.detach_thing("gone", ARN),
            lambda gateway: gateway.delete_thing("gone"),
            lambda gateway: list(gateway.principals("gone")),
        ],
        ids=["detach_policy", "detach_thing", "delete_thing", "principals"],
    )
    def test_for_what_takes_away(self, stage: Stage, act: Callable[[IotGateway], object]) -> None:
        def gone(call: Call) -> None:
            raise Refusal("ResourceNotFoundException", "It does not exist", 404)

        stage.aws.before = gone
        assert not act(stage.gateway)

    @pytest.mark.parametrize(
        "act",
        [
            lambda gateway: gateway.detach_policy("p", ARN),
            lambda gateway: gateway.detach_thing("t", ARN),
            lambda gateway: gateway.delete_thing("t"),
            lambda gateway: list(gateway.principals("t")),
            lambda gateway: list(gateway.attached_policies(ARN)),
            lambda gateway: list(gateway.attached_things(ARN)),
            lambda gateway: list(gateway.policy_targets("p")),
        ],
    )
    def test_but_what_is_not_allowed_is_not(self, stage: Stage, act: Callable[[IotGateway], object]) -> None:
        def refuse(call: Call) -> None:
            raise Refusal("UnauthorizedException", "No", 401)

        stage.aws.before = refuse
        with pytest.raises(AccessDeniedError):
            act(stage.gateway)

    @pytest.mark.parametrize(
        "act",
        [
            lambda gateway: gateway.describe_certificate(ID),
            lambda gateway: gateway.describe_ca_certificate(ID),
            lambda gateway: gateway.update_certificate(ID, DeviceCertificateStatus.INACTIVE),
            lambda gateway: gateway.update_ca_certificate(ID, status=CaCertificateStatus.INACTIVE),
            lambda gateway: gateway.delete_certificate(ID),
            lambda gateway: gateway.delete_ca_certificate(ID),
            lambda gateway: gateway.attach_policy("gone", ARN),
            lambda gateway: gateway.attach_thing("gone", ARN),
            lambda gateway: gateway.tag(CA_ARN, {"k": "v"}),
        ],
    )
    def test_nor_is_it_for_what_needs_the_thing_itself(self, stage: Stage, act: Callable[[IotGateway], object]) -> None:
        with pytest.raises(NotFoundError):
            act(stage.gateway)

    @pytest.mark.parametrize("kind", ["certificate", "ca_certificate"])
    def test_a_certificate_that_is_not_registered_is_not_found(self, stage: Stage, kind: str) -> None:
        find = getattr(stage.gateway, f"find_{kind}")
        assert find(ID) is None

        def refuse(call: Call) -> None:
            raise Refusal("UnauthorizedException", "No", 401)

        stage.aws.before = refuse
        with pytest.raises(AccessDeniedError):
            find(ID)

    def test_a_registered_certificate_is_found_as_it_is_described(self, stage: Stage) -> None:
        certificate_id = stage.register("device").rpartition("/")[2]
        assert stage.gateway.find_certificate(certificate_id) == stage.gateway.describe_certificate(certificate_id)
        found = stage.gateway.find_ca_certificate(stage.ca_id)
        assert found is not None
        assert found == stage.gateway.describe_ca_certificate(stage.ca_id)


class TestStates:
    def test_an_active_certificate_cannot_be_deleted(self, stage: Stage) -> None:
        arn = stage.register("device")
        with pytest.raises(ConflictError, match="DeleteCertificate of certificate"):
            stage.gateway.delete_certificate(arn.rpartition("/")[2])
        with pytest.raises(ConflictError):
            stage.gateway.delete_ca_certificate(stage.ca_id)

    def test_an_attached_one_is_in_use(self, stage: Stage) -> None:
        arn = stage.register("device", "INACTIVE")
        stage.iot.policies["p"] = {arn}
        with pytest.raises(InUseError):
            stage.gateway.delete_certificate(arn.rpartition("/")[2])

    def test_the_description_is_what_is_live(self, stage: Stage) -> None:
        arn = stage.register("device", "REVOKED")
        live = stage.gateway.describe_certificate(arn.rpartition("/")[2])
        assert (live.arn, live.status, live.mode) == (arn, "REVOKED", "DEFAULT")
        assert stage.gateway.describe_ca_certificate(stage.ca_id).mode == "DEFAULT"

    def test_a_thing_lists_its_principals(self, stage: Stage) -> None:
        stage.iot.things.update(bare=set(), held={ARN})
        assert list(stage.gateway.principals("held")) == [ARN]
        assert list(stage.gateway.principals("bare")) == []


def register_ca(gateway: IotGateway, **changes: Any) -> None:
    arguments: dict[str, Any] = {
        "verification_pem": None,
        "mode": CertificateMode.SNI_ONLY,
        "status": CaCertificateStatus.ACTIVE,
        "auto_registration": AutoRegistrationStatus.ENABLE,
        "config": RegistrationConfig("fleet", None, None),
        "tags": {"plant": "Lyon"},
    }
    gateway.register_ca_certificate("pem", **{**arguments, **changes})


CALLS: list[Callable[[IotGateway], object]] = [
    lambda gateway: gateway.registration_code(),
    lambda gateway: gateway.delete_registration_code(),
    register_ca,
    lambda gateway: register_ca(gateway, mode=CertificateMode.DEFAULT, verification_pem="pem", tags={}, config=None),
    lambda gateway: register_ca(gateway, config=RegistrationConfig(None, "{}", ROLE)),
    lambda gateway: gateway.update_ca_certificate(ID, status=CaCertificateStatus.ACTIVE, remove_auto_registration=True),
    lambda gateway: gateway.update_ca_certificate(
        ID, auto_registration=AutoRegistrationStatus.ENABLE, config=RegistrationConfig(None, "{}", ROLE)
    ),
    lambda gateway: gateway.describe_ca_certificate(ID),
    lambda gateway: gateway.find_ca_certificate(ID),
    lambda gateway: gateway.delete_ca_certificate(ID),
    lambda gateway: gateway.tags(CA_ARN),
    lambda gateway: list(gateway.newest_certificates()),
    lambda gateway: list(gateway.newest_ca_certificates()),
    lambda gateway: gateway.tag(CA_ARN, {"plant": "Lyon", "empty": ""}),
    lambda gateway: gateway.untag(CA_ARN, ["plant"]),
    lambda gateway: gateway.register_certificate("pem", ca_pem=None, status=DeviceCertificateStatus.REVOKED),
    lambda gateway: gateway.register_certificate("pem", ca_pem="pem", status=DeviceCertificateStatus.ACTIVE),
    lambda gateway: gateway.register_certificate_without_ca("pem", status=DeviceCertificateStatus.INACTIVE),
    lambda gateway: gateway.create_certificate_from_csr("pem", active=False),
    lambda gateway: gateway.describe_certificate(ID),
    lambda gateway: gateway.find_certificate(ID),
    lambda gateway: gateway.update_certificate(ID, DeviceCertificateStatus.REVOKED),
    lambda gateway: gateway.delete_certificate(ID),
    lambda gateway: gateway.certificates_of_ca(ID),
    lambda gateway: gateway.transfer_certificate(ID, "210987654321", None),
    lambda gateway: gateway.transfer_certificate(ID, "210987654321", "Lyon, hall 4"),
    lambda gateway: gateway.cancel_certificate_transfer(ID),
    lambda gateway: gateway.accept_certificate_transfer(ID, active=True),
    lambda gateway: gateway.reject_certificate_transfer(ID, None),
    lambda gateway: gateway.reject_certificate_transfer(ID, "not ours"),
    lambda gateway: gateway.outgoing_transfer(ID),
    lambda gateway: gateway.attach_policy("p", ARN),
    lambda gateway: gateway.detach_policy("p", ARN),
    lambda gateway: list(gateway.attached_policies(ARN)),
    lambda gateway: list(gateway.policy_targets("p")),
    lambda gateway: gateway.attach_thing("t", ARN),
    lambda gateway: gateway.detach_thing("t", ARN),
    lambda gateway: list(gateway.attached_things(ARN)),
    lambda gateway: list(gateway.principals("t")),
    lambda gateway: gateway.delete_thing("t"),
]


def methods() -> Iterator[str]:
    for name, _ in inspect.getmembers(IotGateway, inspect.isfunction):
        if not name.startswith("_") and name != "after_detaching":  # a context, which calls nothing
            yield name


def test_every_method_is_among_the_calls_below() -> None:
    named = {name for call in [*CALLS, register_ca] for name in call.__code__.co_names}
    assert set(methods()) <= named


@pytest.mark.parametrize("call", CALLS)
def test_the_parameters_of_each_call_are_what_the_sdk_takes(stage: Stage, call: Callable[[IotGateway], object]) -> None:
    # The refusal comes after the SDK has checked the parameters: its own error would be another class.
    def refuse(_: Call) -> None:
        raise Refusal("UnauthorizedException", "As far as this, all is well", 401)

    stage.aws.before = refuse
    with pytest.raises(AccessDeniedError, match="As far as this, all is well"):
        call(stage.gateway)
    assert len(stage.aws.calls) == 1


@pytest.mark.parametrize("operation", ["DescribeCACertificate", "DescribeCertificate"])
def test_a_description_without_a_mode_is_one_of_mode_default(stage: Stage, operation: str) -> None:
    """API reference, CACertificateDescription and CertificateDescription: ``certificateMode`` is not required."""
    certificate_id = stage.register("thermostat").rpartition("/")[2]
    describe = getattr(stage.iot, operation)

    def without_mode(**given: Any) -> Any:
        answer = describe(**given)
        del answer["certificateDescription"]["certificateMode"]
        return answer

    setattr(stage.iot, operation, without_mode)
    if operation == "DescribeCertificate":
        assert stage.gateway.describe_certificate(certificate_id).mode == CertificateMode.DEFAULT
    else:
        assert stage.gateway.describe_ca_certificate(stage.ca_id).mode == CertificateMode.DEFAULT
