"""An Update that never answered, in a stack that does not roll back: the same change, deployed again, resumes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.errors import AlreadyExistsError
from iot_certificate_provider.pki import Certificate
from iot_certificate_provider.protocol.request import RequestType
from resources.stage import KEY_SECRET

if TYPE_CHECKING:
    from resources.stage import Stage

CA, OTHER_CA = issuing.make_ca("Factory CA"), issuing.make_ca("Factory CA 2")
SNI_ONLY = {"CertificateMode": "SNI_ONLY"}
KEPT = KEY_SECRET.replace("factory/ca-key", "kept")
ISSUER = {"CACertificatePem": CA.pem, "SecretArn": KEY_SECRET}
BY_REQUEST = {"Issuer": ISSUER, "CertificateSigningRequest": issuing.make_csr("pump").pem, "ValidityDays": "30"}
WITH_KEY = {"Issuer": ISSUER, "Subject": {"CommonName": "pump"}, "CredentialsSecretArn": KEPT}
SELF_SIGNED = {"Subject": {"CommonName": "Test CA"}, "PrivateKeySecretArn": KEPT, **SNI_ONLY}


@pytest.mark.parametrize(
    ("resource_type", "old", "new"),
    [
        (
            ResourceType.CA_CERTIFICATE,
            {"CACertificatePem": CA.pem, **SNI_ONLY},
            {"CACertificatePem": OTHER_CA.pem, **SNI_ONLY},
        ),
        (
            ResourceType.DEVICE_CERTIFICATE,
            {"CertificatePem": issuing.make_device(None, "pump").pem, **SNI_ONLY},
            {"CertificatePem": issuing.make_device(None, "pump 2").pem, **SNI_ONLY},
        ),
        (ResourceType.SELF_SIGNED_CA_CERTIFICATE, SELF_SIGNED, {**SELF_SIGNED, "Generation": "2"}),
        (ResourceType.ISSUED_DEVICE_CERTIFICATE, WITH_KEY, {**WITH_KEY, "Generation": "2"}),
        (ResourceType.ISSUED_DEVICE_CERTIFICATE, BY_REQUEST, {**BY_REQUEST, "ValidityDays": "60"}),
    ],
    ids=["a CA", "a device certificate", "a self-signed CA", "with a new key", "by request"],
)
def test_the_same_change_again_resumes(
    stage: Stage, resource_type: ResourceType, old: dict[str, Any], new: dict[str, Any]
) -> None:
    stage.aws.secrets.values[KEY_SECRET] = CA.key_pem()
    stage.aws.secrets.add_empty(KEPT)
    resource = stage.resource(resource_type)
    stage.iot.RegisterCACertificate(CA.pem, certificateMode="SNI_ONLY", setAsActive=True) if "Issuer" in old else None
    stage.iot.clock = stage.now = lambda: datetime.now(UTC) - timedelta(hours=2)
    first = stage.create(resource, old).physical_id

    stage.iot.clock = stage.now = lambda: datetime.now(UTC) - timedelta(hours=1)
    stage.aws.cloudformation.begin_update(stage.now())
    stage.log(first, "UPDATE_IN_PROGRESS")
    stage.request_id = "a3a4ce8b-0000-4000-8000-000000000002"
    second = resource.update(stage.request(RequestType.UPDATE, new, first, old)).physical_id
    stage.log(first, "UPDATE_FAILED")  # the answer is lost

    stage.iot.clock = stage.now = lambda: datetime.now(UTC)
    stage.request_id = "a3a4ce8b-0000-4000-8000-000000000003"
    assert stage.update(resource, first, old, new).physical_id == second
    # The tags of a CA, and a key that was made here, leave no doubt whose it is.
    is_certain = resource_type is ResourceType.CA_CERTIFICATE or "Subject" in old
    assert (stage.progress.uncertain, stage.clock.slept) == ((False, []) if is_certain else (True, [10.0]))
    assert (
        {first, second} <= {*stage.iot.cas, *stage.iot.certificates} <= {first, second, Certificate.from_pem(CA.pem).id}
    )


def test_what_was_registered_after_the_failure_is_another_owners(stage: Stage) -> None:
    old, new = ({"CertificatePem": issuing.make_device(None, name).pem, **SNI_ONLY} for name in ("pump", "pump 2"))
    stage.iot.clock = stage.now = lambda: datetime.now(UTC) - timedelta(hours=2)
    first = stage.create(stage.device, old).physical_id
    stage.aws.cloudformation.begin_update(stage.now())
    stage.log(first, "UPDATE_IN_PROGRESS")
    stage.log(first, "UPDATE_FAILED")
    stage.iot.clock = lambda: datetime.now(UTC) - timedelta(hours=1)
    stage.iot.RegisterCertificateWithoutCA(new["CertificatePem"], status="ACTIVE")
    for hour in (datetime.now(UTC) - timedelta(minutes=30), datetime.now(UTC)):  # nor is its refusal a reason to
        stage.iot.clock = stage.now = partial(lambda at: at, hour)
        with pytest.raises(AlreadyExistsError, match="another owner"):
            stage.update(stage.device, first, old, new)
        stage.log(first, "UPDATE_FAILED")
