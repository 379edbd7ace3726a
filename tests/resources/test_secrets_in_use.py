"""A secret that holds what is not the resource's own, and keys that are in use: of devices and of CAs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fakes.refusal import Refusal
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.errors import ConflictError, InvalidPropertyError, ProviderError
from iot_certificate_provider.protocol.request import RequestType
from resources.stage import KEY_SECRET

if TYPE_CHECKING:
    import issuing
    from fakes.aws import Call
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.protocol.response import Outcome
    from iot_certificate_provider.resources.resource import Resource
    from resources.stage import Stage

KEPT = KEY_SECRET.replace("factory/ca-key", "kept")
BY_HAND = "0" * 32
PASSWORD = "correct horse battery staple"


class Kind:
    """A type whose key is made in the function, on a stage; requests of it are sent for any logical id."""

    def __init__(self, stage: Stage, type: ResourceType, properties: dict[str, Any], name: str) -> None:  # noqa: A002
        self.stage = stage
        self.resource: Resource = stage.resource(type)
        self.properties = properties
        self.secret_property = name
        self.secrets = stage.aws.secrets
        self.registered: dict[str, Any] = stage.iot.cas if "SelfSigned" in type else stage.iot.certificates
        self._requests = 0

    def request(self, kind: str, logical_id: str, physical_id: str | None = None, **more: Any) -> Request:
        self._requests += 1
        old = more.pop("old", None)
        request = self.stage.request(RequestType(kind), {**self.properties, **more}, physical_id, old)
        return replace(request, logical_id=logical_id, request_id=f"request-{self._requests}")

    def create(self, logical_id: str = "Pump", **more: Any) -> Outcome:
        request = self.request("Create", logical_id, **more)
        self.stage.aws.cloudformation.log(logical_id, "", "CREATE_IN_PROGRESS")
        outcome = self.resource.create(request)
        self.stage.aws.cloudformation.log(logical_id, outcome.physical_id, "CREATE_COMPLETE")
        return outcome

    def update(self, physical_id: str, new: dict[str, Any], old: dict[str, Any], logical_id: str = "Pump") -> Outcome:
        cloudformation = self.stage.aws.cloudformation
        if "ROLLBACK" not in cloudformation.status:
            cloudformation.begin_update()
        request = self.request("Update", logical_id, physical_id, old={**self.properties, **old}, **new)
        cloudformation.log(logical_id, physical_id, "UPDATE_IN_PROGRESS")
        outcome = self.resource.update(request)
        cloudformation.log(logical_id, outcome.physical_id, "UPDATE_COMPLETE")
        return outcome

    def delete(self, physical_id: str, logical_id: str = "Pump", **more: Any) -> Outcome:
        self.stage.aws.cloudformation.log(logical_id, physical_id, "DELETE_IN_PROGRESS")
        return self.resource.delete(self.request("Delete", logical_id, physical_id, **more))

    def holding(self, label: str = "AWSCURRENT") -> str | None:
        """Return the id of the certificate in the version with a label."""
        version_id = self.secrets.labels[KEPT].get(label)
        return None if version_id is None else str(json.loads(self.secrets.versions[KEPT][version_id])["certificateId"])


@pytest.fixture(params=["device", "CA"])
def kind(request: pytest.FixtureRequest, stage: Stage, registered_ca: issuing.Issued) -> Kind:
    stage.aws.secrets.add_empty(KEPT)
    stage.aws.secrets.values[KEY_SECRET] = registered_ca.key_pem()
    if request.param == "device":
        issuer = {"CACertificatePem": registered_ca.pem, "SecretArn": KEY_SECRET}
        properties = {"Issuer": issuer, "Subject": {"CommonName": "pump"}, "CredentialsSecretArn": KEPT}
        return Kind(stage, ResourceType.ISSUED_DEVICE_CERTIFICATE, properties, "CredentialsSecretArn")
    properties = {"Subject": {"CommonName": "Our CA"}, "PrivateKeySecretArn": KEPT, "CertificateMode": "SNI_ONLY"}
    return Kind(stage, ResourceType.SELF_SIGNED_CA_CERTIFICATE, properties, "PrivateKeySecretArn")


def fill(stage: Stage, text: str) -> None:
    stage.aws.secrets.versions[KEPT] = {BY_HAND: text}
    stage.aws.secrets.labels[KEPT] = {"AWSCURRENT": BY_HAND}
    stage.aws.secrets.values[KEPT] = text


def secret(stage: Stage) -> tuple[dict[str, str], dict[str, str]]:
    return dict(stage.aws.secrets.versions[KEPT]), dict(stage.aws.secrets.labels[KEPT])


class TestAForeignSecret:
    @pytest.mark.parametrize("text", [PASSWORD, json.dumps({"username": "admin", "password": PASSWORD})])
    def test_with_a_password_is_refused_and_stays_as_it_is(self, stage: Stage, kind: Kind, text: str) -> None:
        fill(stage, text)
        before = secret(stage)
        cas = set(stage.iot.cas)
        with pytest.raises(InvalidPropertyError) as refused:
            kind.create()
        assert str(refused.value) == (
            f"{kind.secret_property}: the secret holds a value that no certificate resource wrote. "
            "Name a secret that was created without a value, also without a generated one"
        )
        assert PASSWORD not in str(refused.value)
        assert secret(stage) == before
        assert (set(stage.iot.cas), stage.iot.certificates) == (cas, {})

    def test_of_another_resource_is_refused_also_after_a_rename(self, stage: Stage, kind: Kind) -> None:
        first = kind.create("Pump").physical_id
        before = secret(stage)
        with pytest.raises(InvalidPropertyError) as refused:
            kind.create("Renamed")
        assert str(refused.value) == (
            f"{kind.secret_property}: the secret holds the key of another resource, whose certificate is registered. "
            "Give each resource an empty secret of its own. Renamed? Keep its logical id (override_logical_id)"
        )
        assert secret(stage) == before
        assert kind.holding() == first
        assert first in kind.registered

    def test_of_a_resource_that_is_gone_is_used(self, stage: Stage, kind: Kind) -> None:
        first = kind.create("Pump").physical_id
        kind.delete(first, "Pump")
        second = kind.create("Other").physical_id
        assert kind.holding() == second != first

    def test_of_the_other_kind_is_refused(self, stage: Stage, kind: Kind) -> None:
        kind.create()
        version = next(iter(stage.aws.secrets.versions[KEPT]))
        fields = json.loads(stage.aws.secrets.versions[KEPT][version])
        other = {**fields, "resourceDigest": "of another"}
        if "caCertificatePem" in other:
            del other["caCertificatePem"]
        else:
            other["caCertificatePem"] = fields["certificatePem"]
        stage.iot.certificates.clear()
        stage.iot.cas.pop(fields["certificateId"], None)
        fill(stage, json.dumps(other))
        with pytest.raises(InvalidPropertyError, match="the secret holds the key of another resource"):
            kind.create("Other")

    def test_that_was_given_a_password_meanwhile_does_not_lose_it(self, stage: Stage, kind: Kind) -> None:
        def write(call: Call) -> None:
            if call.name in ("iot.RegisterCertificate", "iot.RegisterCACertificate"):
                stage.aws.secrets.versions[KEPT][BY_HAND] = PASSWORD
                stage.aws.secrets.labels[KEPT]["AWSCURRENT"] = BY_HAND

        stage.aws.after = write
        with pytest.raises(ConflictError, match=rf"^{kind.secret_property}: the secret holds a value that no"):
            kind.create()
        assert stage.aws.secrets.labels[KEPT]["AWSCURRENT"] == BY_HAND
        # The Delete that CloudFormation sends next finds what was registered.
        made = stage.progress.registered
        assert made is not None
        kind.delete(made)
        assert made not in kind.registered
        assert stage.aws.secrets.labels[KEPT]["AWSCURRENT"] == BY_HAND


class TestARotation:
    @pytest.mark.parametrize("is_held", [False, True])
    def test_whose_secret_is_given_a_password_meanwhile_is_undone_unless_another_has_the_certificate(
        self, stage: Stage, kind: Kind, *, is_held: bool
    ) -> None:
        first = kind.create().physical_id
        before = set(kind.registered)

        def write(call: Call) -> None:
            if call.name in ("iot.RegisterCertificate", "iot.RegisterCACertificate"):
                fill(stage, PASSWORD)
                (made,) = kind.registered.keys() - before
                if is_held:
                    stage.aws.cloudformation.beside("plant").log("Other", made, "CREATE_COMPLETE")

        stage.aws.after = write
        with pytest.raises(ConflictError, match=rf"^{kind.secret_property}: the secret holds a value that no"):
            kind.update(first, {"Generation": "2"}, {})
        assert (set(kind.registered) == before, stage.progress.is_undone) == (not is_held, not is_held)
        assert secret(stage) == ({BY_HAND: PASSWORD}, {"AWSCURRENT": BY_HAND})

    def test_moves_the_label_of_its_own_key(self, stage: Stage, kind: Kind) -> None:
        first = kind.create().physical_id
        second = kind.update(first, {"Generation": "2"}, {}).physical_id
        assert (kind.holding(), kind.holding("AWSPREVIOUS")) == (second, first)
        kind.delete(first)
        assert kind.holding() == second

    def test_of_a_key_that_version_0_1_0_wrote_likewise(self, stage: Stage, kind: Kind) -> None:
        first = kind.create().physical_id
        versions = stage.aws.secrets.versions[KEPT]
        for version_id, text in list(versions.items()):
            versions[version_id] = json.dumps({k: v for k, v in json.loads(text).items() if k != "resourceDigest"})
        assert kind.holding() == first
        second = kind.update(first, {"Generation": "2"}, {}).physical_id
        assert kind.holding() == second != first

    def test_that_is_rolled_back_returns_the_label(self, stage: Stage, kind: Kind) -> None:
        first = kind.create().physical_id
        second = kind.update(first, {"Generation": "2"}, {}).physical_id
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        assert kind.update(second, {}, {"Generation": "2"}).physical_id == first == kind.holding()
        stage.aws.cloudformation.log("Pump", first, "UPDATE_COMPLETE")
        assert kind.delete(second).note == ""
        assert kind.holding() == first


class TestDelete:
    def test_returns_the_label_to_the_key_whose_certificate_is_registered(self, stage: Stage, kind: Kind) -> None:
        """As an earlier version left a renamed resource that shares a secret, and is rolled back."""
        first = kind.create("Pump").physical_id
        second = kind.update(first, {"Generation": "2"}, {}).physical_id
        kind.stage.aws.cloudformation.resources["Pump"] = (second, "UPDATE_COMPLETE")
        kind.delete(second)
        assert second not in kind.registered
        assert kind.holding() == first

    def test_needs_no_secret(self, stage: Stage, kind: Kind) -> None:
        first = kind.create().physical_id
        stage.aws.secrets.scheduled_for_deletion.add(KEPT)
        kind.delete(first)
        assert first not in kind.registered


class TestACreateThatFails:
    def test_leaves_no_reader_waiting_for_its_key(self, stage: Stage, kind: Kind) -> None:
        def refuse(call: Call) -> None:
            if call.name in ("iot.RegisterCertificate", "iot.RegisterCACertificate"):
                raise Refusal("UnauthorizedException", "planned", 401)

        stage.aws.before = refuse
        with pytest.raises(ProviderError, match="planned"):
            kind.create()
        # AWSCURRENT of a secret's first version can only be moved: the next Create does that.
        assert set(stage.aws.secrets.labels[KEPT]) == {"AWSCURRENT"}
        stage.aws.before = lambda call: None
        assert kind.create("Other").physical_id == kind.holding()

    def test_on_a_secret_with_an_older_key_leaves_it_current(self, stage: Stage, kind: Kind) -> None:
        first = kind.create("Old").physical_id
        kind.delete(first, "Old")

        def refuse(call: Call) -> None:
            if call.name in ("iot.RegisterCertificate", "iot.RegisterCACertificate"):
                raise Refusal("UnauthorizedException", "planned", 401)

        stage.aws.before = refuse
        with pytest.raises(ProviderError, match="planned"):
            kind.create("New")
        assert (kind.holding(), kind.holding("AWSPENDING")) == (first, None)


class TestTurningOff:
    @pytest.mark.parametrize("out_of_reach", ["scheduled", "gone", "denied"])
    def test_needs_no_secret(self, stage: Stage, kind: Kind, out_of_reach: str) -> None:
        first = kind.create().physical_id
        stage.now = lambda: kind.stage.iot.clock() + timedelta(seconds=1)
        if out_of_reach == "scheduled":
            stage.aws.secrets.scheduled_for_deletion.add(KEPT)
        elif out_of_reach == "gone":
            del stage.aws.secrets.values[KEPT], stage.aws.secrets.versions[KEPT], stage.aws.secrets.labels[KEPT]
        else:

            def deny(call: Call) -> None:
                if call.name.startswith("secretsmanager."):
                    raise Refusal("AccessDeniedException", "planned", 400)

            stage.aws.before = deny
        off = {"Status": "INACTIVE"}
        assert kind.update(first, off, {}).physical_id == first
        assert kind.registered[first].status == "INACTIVE"
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        assert kind.update(first, {}, off).physical_id == first
        assert kind.registered[first].status == "ACTIVE"

    @pytest.mark.parametrize("out_of_reach", ["scheduled", "written to"])
    def test_neither_does_the_rollback_of_a_rotation(self, stage: Stage, kind: Kind, out_of_reach: str) -> None:
        first = kind.create().physical_id
        cloudformation = stage.aws.cloudformation
        cloudformation.begin_update()
        if out_of_reach == "scheduled":
            stage.aws.secrets.scheduled_for_deletion.add(KEPT)
        else:
            fill(stage, PASSWORD)
        cloudformation.log("Pump", first, "UPDATE_IN_PROGRESS")
        with pytest.raises(InvalidPropertyError):
            kind.resource.update(kind.request("Update", "Pump", first, Generation="2", old=kind.properties))
        cloudformation.log("Pump", first, "UPDATE_FAILED")
        cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        assert kind.update(first, {}, {"Generation": "2"}).physical_id == first
        assert kind.registered[first].status == "ACTIVE"

    def test_a_rotation_needs_one(self, stage: Stage, kind: Kind) -> None:
        first = kind.create().physical_id
        stage.aws.secrets.scheduled_for_deletion.add(KEPT)
        with pytest.raises(InvalidPropertyError, match=rf"^{kind.secret_property}: the secret cannot be used"):
            kind.update(first, {"Generation": "2"}, {})
        assert kind.registered[first].status == "ACTIVE"


class TestTheNameOfASecret:
    """Its name, and its ARN without what Secrets Manager adds, name one secret: one for the other is no rotation."""

    NAMES = (KEPT[:-7], "kept")

    @pytest.mark.parametrize("again", NAMES, ids=["by the partial ARN", "by name"])
    @pytest.mark.parametrize("first", NAMES, ids=["by the partial ARN", "by name"])
    def test_instead_of_its_partial_arn_is_no_rotation(self, kind: Kind, first: str, again: str) -> None:
        made = kind.create(**{kind.secret_property: first})
        changed = kind.update(
            made.physical_id, {kind.secret_property: again, "Status": "INACTIVE"}, {kind.secret_property: first}
        )
        assert changed.physical_id == made.physical_id
        assert kind.registered[made.physical_id].status == "INACTIVE"
        assert kind.holding() == made.physical_id

    def test_instead_of_what_an_earlier_version_wrote_is_no_rotation(
        self, kind: Kind, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        partial, name = self.NAMES
        with monkeypatch.context() as earlier:
            for module in ("issued_device_certificate", "self_signed_ca_certificate"):
                earlier.setattr(f"iot_certificate_provider.properties.{module}.secret_identity", lambda text: text)
            made = kind.create(**{kind.secret_property: partial})
        changed = kind.update(
            made.physical_id, {kind.secret_property: name, "Status": "INACTIVE"}, {kind.secret_property: partial}
        )
        assert (changed.physical_id, kind.holding()) == (made.physical_id, made.physical_id)
        rotated = kind.update(
            made.physical_id, {kind.secret_property: name, "Generation": "2"}, {kind.secret_property: name}
        )
        assert rotated.physical_id != made.physical_id
        assert kind.holding() == rotated.physical_id

    def test_of_another_secret_is_a_rotation(self, kind: Kind) -> None:
        kind.secrets.add_empty(KEPT.replace("kept", "other"))
        made = kind.create(**{kind.secret_property: "kept"})
        moved = kind.update(made.physical_id, {kind.secret_property: "other"}, {kind.secret_property: "kept"})
        assert moved.physical_id != made.physical_id
