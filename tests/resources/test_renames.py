"""A logical id that was renamed: a device must not go off line unsaid, and a CA's devices stay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.protocol.request import RequestType
from resources.stage import KEY_SECRET

if TYPE_CHECKING:
    from fakes.aws import Call
    from iot_certificate_provider.resources.resource import Resource
    from resources.stage import Stage

CSR = issuing.make_csr("pump").pem
TYPES = (ResourceType.DEVICE_CERTIFICATE, ResourceType.ISSUED_DEVICE_CERTIFICATE)
KEPT = KEY_SECRET.replace("factory/ca-key", "kept")


@pytest.fixture(params=TYPES)
def declared(
    request: pytest.FixtureRequest, stage: Stage, registered_ca: issuing.Issued
) -> tuple[Resource, dict[str, Any]]:
    """A device that is certified by request: its resource, and the properties."""
    stage.aws.secrets.values[KEY_SECRET] = registered_ca.key_pem()
    issuer = {"CACertificatePem": registered_ca.pem, "SecretArn": KEY_SECRET}
    more = {"Issuer": issuer} if request.param == ResourceType.ISSUED_DEVICE_CERTIFICATE else {}
    stage.aws.cloudformation.types.update(Old=request.param, New=request.param)
    return stage.resource(request.param), {"CertificateSigningRequest": CSR, **more}


def create(stage: Stage, resource: Resource, properties: dict[str, Any], logical_id: str) -> str:
    cloudformation = stage.aws.cloudformation
    cloudformation.log(logical_id, "", "CREATE_IN_PROGRESS")
    request = replace(stage.request(RequestType.CREATE, properties), logical_id=logical_id)
    physical_id = resource.create(request).physical_id
    cloudformation.log(logical_id, physical_id, "CREATE_COMPLETE")
    return physical_id


def declare(stage: Stage, *logical_ids: str) -> None:
    """Let an update be on its way to a template of these logical ids."""
    rows = "".join(f"  {each}:\n    Type: Custom::X\n" for each in logical_ids)
    stage.aws.cloudformation.template = f"Resources:\n{rows}"
    stage.aws.cloudformation.status = "UPDATE_IN_PROGRESS"


class TestADeviceCertifiedByRequest:
    def test_is_not_taken_off_line_by_a_rename(self, stage: Stage, declared: tuple[Resource, dict[str, Any]]) -> None:
        stage.aws.cloudformation.status = "CREATE_IN_PROGRESS"
        first = create(stage, *declared, "Old")
        declare(stage, "New")
        with pytest.raises(InvalidPropertyError) as refused:
            create(stage, *declared, "New")
        assert str(refused.value) == (
            "CertificateSigningRequest: this update removes Old of this stack, whose certificate has the "
            "same key. Renamed? Keep its logical id (override_logical_id). "
            "Else declare both until the device has the new certificate"
        )
        assert len(str(refused.value)) <= 240
        assert set(stage.iot.certificates) == {first}

    def test_is_certified_again_beside_the_old_one(
        self, stage: Stage, declared: tuple[Resource, dict[str, Any]]
    ) -> None:
        """The refusal's other advice."""
        first = create(stage, *declared, "Old")
        declare(stage, "Old", "New")
        second = create(stage, *declared, "New")
        assert set(stage.iot.certificates) == {first, second}

    def test_is_certified_where_another_device_is_removed(
        self, stage: Stage, declared: tuple[Resource, dict[str, Any]]
    ) -> None:
        create(stage, *declared, "Old")
        declare(stage, "New")
        resource, properties = declared
        other = {**properties, "CertificateSigningRequest": issuing.make_csr("another").pem}
        assert create(stage, resource, other, "New") in stage.iot.certificates

    @pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "DELETE_COMPLETE of the old one"])
    def test_is_certified_where_nothing_is_removed(
        self, stage: Stage, declared: tuple[Resource, dict[str, Any]], status: str
    ) -> None:
        first = create(stage, *declared, "Old")
        declare(stage, "New")
        if status == "CREATE_IN_PROGRESS":
            stage.aws.cloudformation.status = status
        else:
            stage.aws.cloudformation.log("Old", first, "DELETE_FAILED")
        assert create(stage, *declared, "New") != first

    def test_is_certified_where_the_template_may_not_be_read(
        self, stage: Stage, declared: tuple[Resource, dict[str, Any]]
    ) -> None:
        def deny(call: Call) -> None:
            if call.name == "cloudformation.GetTemplate":
                raise Refusal("AccessDenied", "planned", 403)

        first = create(stage, *declared, "Old")
        declare(stage, "New")
        stage.aws.before = deny
        assert create(stage, *declared, "New") != first


class TestASelfSignedCa:
    @pytest.mark.parametrize(
        ("subject", "status", "stays"),
        [
            ("Our CA", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", True),
            ("Another CA", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", False),
            ("Our CA", "UPDATE_ROLLBACK_IN_PROGRESS", False),
            ("Our CA", "DELETE_IN_PROGRESS", False),
        ],
    )
    def test_that_is_renamed_leaves_its_devices(self, stage: Stage, subject: str, status: str, stays: bool) -> None:
        resource = stage.resource(ResourceType.SELF_SIGNED_CA_CERTIFICATE)
        cloudformation = stage.aws.cloudformation
        cloudformation.types.update(dict.fromkeys(("Old", "New"), ResourceType.SELF_SIGNED_CA_CERTIFICATE))
        cloudformation.status = "UPDATE_IN_PROGRESS"
        properties = {"CertificateMode": "SNI_ONLY", "DeviceCertificatesOnDelete": "DELETE"}
        old, new = f"{KEPT}1", f"{KEPT}2"
        stage.aws.secrets.add_empty(old)
        stage.aws.secrets.add_empty(new)
        of_old = {**properties, "Subject": {"CommonName": "Our CA"}, "PrivateKeySecretArn": old}
        of_new = {**properties, "Subject": {"CommonName": subject}, "PrivateKeySecretArn": new}
        first = create(stage, resource, of_old, "Old")
        device = stage.iot.RegisterCertificateWithoutCA(issuing.make_device(None).pem)["certificateId"]
        stage.iot.certificates[device].ca_id = first
        create(stage, resource, of_new, "New")
        cloudformation.status = status
        cloudformation.log("Old", first, "DELETE_IN_PROGRESS")
        request = replace(stage.request(RequestType.DELETE, of_old, first), logical_id="Old")
        outcome = resource.delete(request)
        assert first not in stage.iot.cas
        assert (device in stage.iot.certificates) is stays
        said = "because New of this stack has a CA of the same subject"
        assert outcome.note.endswith(said) if stays else outcome.note == ""
