"""The fakes lag as AWS does when they are told to, and only then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from fakes.aws import FakeAws
from fakes.iot import FakeIot
from fakes.lag import Lag
from fakes.refusal import Refusal
from fakes.secrets import FakeSecrets
from fakes.transfers import connect
from issuing import make_ca, make_device, make_verification_certificate

ONCE = Config(retries={"total_max_attempts": 1})
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PREFIX = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"


class _Stage:
    def __init__(self, lag: Lag | None = None) -> None:
        self.now = NOW
        self.iot = FakeIot(now=NOW, clock=lambda: self.now)
        if lag is not None:
            self.iot.lag = lag
        pem = make_device(make_ca()).pem
        registered = self.iot.RegisterCertificateWithoutCA(pem, "ACTIVE")
        self.id, self.arn = registered["certificateId"], registered["certificateArn"]

    def outcome(self, name: str, **arguments: Any) -> str:
        try:
            getattr(self.iot, name)(**arguments)
        except Refusal as refusal:
            return refusal.code
        return "done"

    def detach(self) -> None:
        self.iot.CreateThing("pump")
        self.iot.AttachThingPrincipal("pump", self.arn)
        self.iot.DetachThingPrincipal("pump", self.arn)


def test_without_a_lag_all_shows_at_once() -> None:
    stage = _Stage()
    stage.detach()
    assert stage.iot.ListThingPrincipals("pump")["principals"] == []
    assert stage.outcome("DeleteThing", thingName="pump") == "done"
    stage.iot.UpdateCertificate(stage.id, "INACTIVE")
    assert stage.outcome("DeleteCertificate", certificateId=stage.id) == "done"


def test_a_thing_shows_a_detached_certificate_for_some_looks() -> None:
    stage = _Stage(Lag(looks=2))
    stage.detach()
    assert stage.iot.ListThingPrincipals("pump")["principals"] == [stage.arn]
    assert stage.outcome("DeleteThing", thingName="pump") == "InvalidRequestException"
    assert stage.iot.ListThingPrincipals("pump")["principals"] == []
    assert stage.outcome("DeleteThing", thingName="pump") == "done"


def test_a_thing_shows_a_detached_certificate_for_some_seconds() -> None:
    stage = _Stage(Lag(seconds=5))
    stage.detach()
    stage.now += timedelta(seconds=4)
    assert stage.outcome("DeleteThing", thingName="pump") == "InvalidRequestException"
    stage.now += timedelta(seconds=1)
    assert stage.outcome("DeleteThing", thingName="pump") == "done"


def test_attached_again_it_does_not_lag() -> None:
    stage = _Stage(Lag(seconds=5))
    stage.detach()
    stage.iot.AttachThingPrincipal("pump", stage.arn)
    stage.iot.things["pump"].clear()
    assert stage.iot.ListThingPrincipals("pump")["principals"] == []


def test_a_deactivated_certificate_counts_as_active() -> None:
    stage = _Stage(Lag(looks=1))
    stage.iot.UpdateCertificate(stage.id, "INACTIVE")
    assert stage.outcome("DeleteCertificate", certificateId=stage.id) == "CertificateStateException"
    assert stage.outcome("DeleteCertificate", certificateId=stage.id) == "done"


def test_a_role_is_new_the_first_time() -> None:
    stage = _Stage(Lag(looks=1))
    config = {"roleArn": "arn:aws:iam::123456789012:role/provisioning"}
    asked = {"caCertificate": make_ca().pem, "certificateMode": "SNI_ONLY", "registrationConfig": config}
    assert stage.outcome("RegisterCACertificate", **asked) == "InvalidRequestException"
    assert stage.outcome("RegisterCACertificate", **asked) == "done"
    (ca_id,) = stage.iot.cas
    assert stage.outcome("UpdateCACertificate", certificateId=ca_id, registrationConfig=config) == "done"


def test_a_ca_in_default_mode_is_one_accounts() -> None:
    one, other = FakeIot(now=NOW), FakeIot(account="210987654321", now=NOW)
    connect(one, other)
    ca = make_ca()
    proofs = [make_verification_certificate(ca, each.registration_code).pem for each in (one, other)]
    one.RegisterCACertificate(ca.pem, proofs[0])
    with pytest.raises(Refusal, match="ResourceAlreadyExistsException"):
        other.RegisterCACertificate(ca.pem, proofs[1])
    assert not other.cas
    other.RegisterCACertificate(ca.pem, certificateMode="SNI_ONLY")


@pytest.mark.parametrize(
    ("name", "found"), [("factory-key", True), ("factory-signer", False), ("factory-ca-key", False)]
)
def test_a_partial_arn_names_a_secret(name: str, *, found: bool) -> None:
    secrets = FakeSecrets()
    secrets.values[f"{PREFIX}{name}-AbCdEf"] = "value"
    assert secrets.GetSecretValue(name)["SecretString"] == "value"
    if found:
        assert secrets.GetSecretValue(PREFIX + name)["SecretString"] == "value"
    else:
        with pytest.raises(Refusal, match="ResourceNotFoundException"):
            secrets.GetSecretValue(PREFIX + name)


def test_a_permission_takes_effect_after_some_denials() -> None:
    aws = FakeAws(denials={"iot.GetRegistrationCode": 1})
    iot = aws.session().client("iot", config=ONCE)
    with pytest.raises(ClientError, match=r"AccessDeniedException.*iot:GetRegistrationCode"):
        iot.get_registration_code()
    assert iot.get_registration_code()["registrationCode"]


def test_a_permission_takes_effect_at_a_time() -> None:
    aws = FakeAws(permitted_from=NOW + timedelta(seconds=5))
    now = [NOW]
    aws.iot.clock = lambda: now[0]
    cloudformation = aws.session().client("cloudformation", config=ONCE)
    with pytest.raises(ClientError, match="AccessDenied"):
        cloudformation.describe_stack_events(StackName=aws.cloudformation.stack_id)
    now[0] += timedelta(seconds=5)
    cloudformation.describe_stack_events(StackName=aws.cloudformation.stack_id)
