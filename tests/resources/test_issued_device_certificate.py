"""A device certificate that the function issues: its answer, the key that it takes up, and what is looked for."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

import issuing
from fakes.acm_pca import PrivateCa
from fakes.refusal import Refusal
from iot_certificate_provider.contract import MAX_RESPONSE_BYTES, DeviceCertificateAttribute, ResourceType
from iot_certificate_provider.errors import AccessDeniedError, ConflictError, InvalidPropertyError, ProviderError
from iot_certificate_provider.physical_id import without_kept
from iot_certificate_provider.pki import Certificate
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.protocol.response import body, encode
from resources.stage import KEY_SECRET, PRIVATE_CA, UNREAD

if TYPE_CHECKING:
    from fakes.aws import Call
    from iot_certificate_provider.protocol.response import Outcome
    from iot_certificate_provider.resources.resource import Resource
    from resources.stage import Stage

CA = issuing.make_ca("Factory CA")
KEPT = KEY_SECRET.replace("factory/ca-key", "kept")
SPARE = KEY_SECRET.replace("factory/ca-key", "spare")
ISSUER = {"CACertificatePem": CA.pem, "SecretArn": KEY_SECRET}
BY_REQUEST: dict[str, Any] = {"Issuer": ISSUER, "CertificateSigningRequest": issuing.make_csr("pump").pem}
WITH_KEY: dict[str, Any] = {"Issuer": ISSUER, "Subject": {"CommonName": "pump"}, "CredentialsSecretArn": KEPT}
ROTATED = {**WITH_KEY, "Generation": "2"}


@pytest.fixture
def issued(stage: Stage) -> Resource:
    stage.aws.secrets.values[KEY_SECRET] = CA.key_pem()
    for secret_arn in (KEPT, SPARE):
        stage.aws.secrets.add_empty(secret_arn)
    stage.iot.RegisterCACertificate(CA.pem, certificateMode="SNI_ONLY", setAsActive=True)
    return stage.resource(ResourceType.ISSUED_DEVICE_CERTIFICATE)


def create_an_hour_ago(stage: Stage, issued: Resource, properties: dict[str, Any]) -> str:
    stage.iot.clock = stage.now = lambda: datetime.now(UTC) - timedelta(hours=1)
    physical_id = stage.create(issued, properties).physical_id
    stage.iot.clock = stage.now = lambda: datetime.now(UTC)
    stage.request_id = "of the update"
    return physical_id


def begin_update(stage: Stage, physical_id: str, ago: float = 0) -> None:
    stage.aws.cloudformation.begin_update(stage.now() - timedelta(seconds=ago))
    stage.log(physical_id, "UPDATE_IN_PROGRESS", ago)


def roll_back(stage: Stage, issued: Resource, physical_id: str, failed: dict[str, Any], to: dict[str, Any]) -> Outcome:
    stage.log(physical_id, "UPDATE_FAILED")
    stage.request_id = "of the rollback"
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    return stage.update(issued, physical_id, failed, to)


def deny(stage: Stage, name: str, secret_arn: str | None = None) -> None:
    def check(call: Call) -> None:
        if call.name == name and secret_arn in (None, call.parameters.get("SecretId")):
            raise Refusal("AccessDeniedException", "planned")

    stage.aws.before = check


class TestTheAnswer:
    def test_has_the_certificate_for_whoever_has_the_key_only(self, stage: Stage, issued: Resource) -> None:
        created = stage.create(issued, BY_REQUEST)
        assert created.attributes["CertificatePem"] == stage.iot.certificates[created.physical_id].pem
        assert created.attributes[DeviceCertificateAttribute.CA_CERTIFICATE_ID] == Certificate.from_pem(CA.pem).id
        changed = stage.update(issued, created.physical_id, BY_REQUEST, {**BY_REQUEST, "Status": "INACTIVE"})
        assert changed == created

    def test_to_a_change_needs_no_private_ca(self, stage: Stage, issued: Resource) -> None:
        stage.aws.acm_pca.cas[PRIVATE_CA] = PrivateCa(CA)
        properties = {**BY_REQUEST, "Issuer": {"CertificateAuthorityArn": PRIVATE_CA}}
        created = stage.create(issued, properties)
        stage.aws.acm_pca.cas.clear()
        changed = stage.update(issued, created.physical_id, properties, {**properties, "Status": "INACTIVE"})
        assert changed.physical_id == created.physical_id
        assert changed.attributes["CertificatePem"] == created.attributes["CertificatePem"]
        assert stage.iot.certificates[created.physical_id].status == "INACTIVE"

    @pytest.mark.parametrize(("spare", "fits"), [(35, False), (110, True)])
    def test_has_room_for_the_id_of_a_kept_certificate(
        self, stage: Stage, issued: Resource, spare: int, fits: bool
    ) -> None:
        """A later rotation may have to answer with it: /keeps/ and an id are 71 bytes."""
        names = [x509.DNSName(f"{number}{'n' * 60}.example.com") for number in range(23)]
        csr = issuing.make_csr("pump", extensions=[(x509.SubjectAlternativeName(names), False)])
        request = stage.request(RequestType.CREATE, {**BY_REQUEST, "CertificateSigningRequest": csr.pem})
        request = replace(request, logical_id="C")
        envelope = {"StackId": request.stack_id, "RequestId": request.request_id, "LogicalResourceId": "C"}
        size = len(encode(body(envelope, issued.create(request))))
        longer = replace(request, logical_id="C" * (1 + MAX_RESPONSE_BYTES - spare - size))
        assert 1 < len(longer.logical_id) <= 255
        registered = set(stage.iot.certificates)
        if fits:
            assert issued.create(longer).physical_id not in registered
            return
        with pytest.raises(InvalidPropertyError, match=r"^Attribute CertificatePem: the answer to CloudFormation"):
            issued.create(longer)
        assert set(stage.iot.certificates) == registered


class TestTheIssuer:
    def test_that_has_expired_is_refused_by_its_name(self, stage: Stage, issued: Resource) -> None:
        expired = issuing.make_ca("Old CA", valid_to=datetime(2021, 1, 1, tzinfo=UTC))
        stage.aws.secrets.values[KEY_SECRET] = expired.key_pem()
        issuer = {"CACertificatePem": expired.pem, "SecretArn": KEY_SECRET}
        with pytest.raises(InvalidPropertyError, match=r"^Issuer: expired on 2021-01-01"):
            stage.create(issued, {**BY_REQUEST, "Issuer": issuer})
        assert stage.iot.certificates == {}

    @pytest.mark.parametrize(
        ("kept", "declared", "problem"),
        [
            (issuing.make_device(CA), {}, "is not a CA certificate"),
            (CA, {"CACertificateId": "ab" * 32}, "has another CA certificate than CACertificateId says. Deploy the CA"),
        ],
    )
    def test_that_is_kept_beside_its_key_is_refused_where_it_is_another(
        self, stage: Stage, issued: Resource, kept: issuing.Issued, declared: dict[str, str], problem: str
    ) -> None:
        fields = {"privateKey": kept.key_pem(), "certificatePem": kept.pem}
        stage.aws.secrets.values[KEY_SECRET] = json.dumps(fields)
        issuer = {"SecretArn": KEY_SECRET, "JsonField": "privateKey", **declared}
        with pytest.raises(InvalidPropertyError, match=rf"^Issuer.SecretArn: {problem}"):
            stage.create(issued, {**BY_REQUEST, "Issuer": issuer})
        assert stage.iot.certificates == {}


class TestADeleteOfACreateThatFailed:
    def test_looks_for_nothing_where_that_registered_nothing(self, stage: Stage, issued: Resource) -> None:
        outcome = stage.delete(issued, "create-failed/a3a4", BY_REQUEST)
        assert outcome.note == "Nothing to delete: the Create registered nothing"
        assert stage.aws.names() == []

    @pytest.mark.parametrize("denied", ["secretsmanager.DescribeSecret", "secretsmanager.GetSecretValue"])
    def test_succeeds_where_the_secret_may_not_be_read(self, stage: Stage, issued: Resource, denied: str) -> None:
        stage.log("", "CREATE_IN_PROGRESS")
        made = issued.create(stage.request(RequestType.CREATE, WITH_KEY)).physical_id
        deny(stage, denied)
        outcome = stage.delete(issued, "create-unfinished/a3a4", WITH_KEY)
        assert outcome.note.startswith(UNREAD)
        assert set(stage.iot.certificates) == {made}


def test_a_create_that_was_answered_has_none_issued_in_place_of_one_that_was_deleted(
    stage: Stage, issued: Resource
) -> None:
    stage.create(issued, BY_REQUEST)
    stage.iot.certificates.clear()
    with pytest.raises(ConflictError, match="This Create was answered before"):
        issued.create(stage.request(RequestType.CREATE, BY_REQUEST))
    assert stage.iot.certificates == {}


class TestARotation:
    def test_that_nobody_waits_for_makes_no_key(self, stage: Stage, issued: Resource) -> None:
        first = create_an_hour_ago(stage, issued, WITH_KEY)
        begin_update(stage, first, ago=120)
        stage.log(first, "UPDATE_FAILED", ago=90)
        with pytest.raises(ConflictError, match="no longer waits for this Update"):
            issued.update(stage.request(RequestType.UPDATE, ROTATED, first, WITH_KEY, age=120))
        assert stage.aws.writes() == []

    def test_that_comes_again_knows_its_own_key_whoever_is_at_work(self, stage: Stage, issued: Resource) -> None:
        first = create_an_hour_ago(stage, issued, WITH_KEY)
        begin_update(stage, first, ago=60)
        second = issued.update(stage.request(RequestType.UPDATE, ROTATED, first, WITH_KEY)).physical_id
        stage.aws.cloudformation.resources["Sibling"] = ("", "CREATE_IN_PROGRESS")
        again = stage.request(RequestType.UPDATE, ROTATED, first, WITH_KEY, age=60)
        assert issued.update(again).physical_id == second != first
        assert set(stage.iot.certificates) == {first, second}
        assert stage.clock.slept == []

    def test_that_never_answered_is_taken_up_when_it_is_deployed_again(self, stage: Stage, issued: Resource) -> None:
        """As after a failure that was not rolled back (``--disable-rollback``): no second key is made."""
        first = create_an_hour_ago(stage, issued, WITH_KEY)
        begin_update(stage, first)
        second = issued.update(stage.request(RequestType.UPDATE, ROTATED, first, WITH_KEY)).physical_id
        stage.log(first, "UPDATE_FAILED")
        stage.request_id = "of the next update"
        assert stage.update(issued, first, WITH_KEY, ROTATED).physical_id == second != first
        assert set(stage.iot.certificates) == {first, second}

    def test_to_an_empty_secret_that_may_not_be_read_makes_no_key(self, stage: Stage, issued: Resource) -> None:
        first = create_an_hour_ago(stage, issued, WITH_KEY)
        deny(stage, "secretsmanager.GetSecretValue", SPARE)
        with pytest.raises(AccessDeniedError, match=r"^CredentialsSecretArn: access denied"):
            stage.update(issued, first, WITH_KEY, {**WITH_KEY, "CredentialsSecretArn": SPARE})
        assert stage.aws.writes() == []


class TestARollback:
    def test_says_nothing_of_a_key_whose_certificate_was_never_registered(self, stage: Stage, issued: Resource) -> None:
        first = create_an_hour_ago(stage, issued, WITH_KEY)
        begin_update(stage, first)
        deny(stage, "iot.RegisterCertificate")
        with pytest.raises(ProviderError, match="RegisterCertificate on the certificate"):
            issued.update(stage.request(RequestType.UPDATE, ROTATED, first, WITH_KEY))
        assert len(stage.aws.secrets.versions[KEPT]) == 2
        outcome = roll_back(stage, issued, first, ROTATED, WITH_KEY)
        assert (outcome.physical_id, outcome.note) == (first, "")

    def test_from_properties_that_are_not_valid_keeps_what_was_kept(self, stage: Stage, issued: Resource) -> None:
        keeping = {**WITH_KEY, "PreviousCertificate": "KEEP"}
        rotated = {**keeping, "Generation": "2"}
        first = create_an_hour_ago(stage, issued, keeping)
        second = stage.update(issued, first, keeping, rotated).physical_id
        assert without_kept(second)[1] == first
        begin_update(stage, second)
        outcome = roll_back(stage, issued, second, {**rotated, "Status": "NEVER"}, rotated)
        assert (outcome.physical_id, outcome.note) == (second, "")
        assert set(stage.iot.certificates) == set(without_kept(second))

    def test_of_a_rotation_leaves_the_certificate_before_it_as_it_is(self, stage: Stage, issued: Resource) -> None:
        """A hand has turned the device off and detached it; the rotation, which failed, has nothing to do with that."""
        stage.iot.policies["ours"] = set()
        before, rotated = ({**each, "PolicyNames": ["ours"]} for each in (WITH_KEY, ROTATED))
        first = create_an_hour_ago(stage, issued, before)
        stage.iot.UpdateCertificate(first, "INACTIVE")
        stage.iot.policies["ours"].clear()
        begin_update(stage, first)
        deny(stage, "iot.RegisterCertificate")
        with pytest.raises(ProviderError, match="RegisterCertificate on the certificate"):
            issued.update(stage.request(RequestType.UPDATE, rotated, first, before))
        assert roll_back(stage, issued, first, rotated, before).physical_id == first
        assert (stage.iot.certificates[first].status, stage.iot.policies["ours"]) == ("INACTIVE", set())

    def test_has_another_one_issued_where_the_log_does_not_say_what_was_before(
        self, stage: Stage, issued: Resource
    ) -> None:
        first = create_an_hour_ago(stage, issued, BY_REQUEST)
        stage.aws.cloudformation.events.clear()
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        failed = {**BY_REQUEST, "ValidityDays": "60"}
        outcome = issued.update(stage.request(RequestType.UPDATE, BY_REQUEST, first, failed))
        assert set(stage.iot.certificates) == {first, outcome.physical_id}
        assert outcome.physical_id != first
