"""A device with the credentials in a secret, as IssuedDeviceCertificate writes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from iot_certificates_local import EmbeddedAwsError, Factory
from local.deleting import until_accepted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from iot_certificates_local import EmbeddedAws

pytestmark = pytest.mark.emulator


@pytest.fixture
def keep(embedded_aws: EmbeddedAws) -> Iterator[Callable[[str], str]]:
    """Keep a text in a secret until the test ends; give its ARN."""
    secrets = embedded_aws.session().client("secretsmanager")
    kept: list[str] = []

    def keep(text: str) -> str:
        kept.append(secrets.create_secret(Name=f"device-{len(kept)}", SecretString=text)["ARN"])
        return kept[-1]

    yield keep
    for arn in kept:
        secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def test_it_connects_under_the_name_in_its_certificate(
    embedded_aws: EmbeddedAws, keep: Callable[[str], str], tmp_path: Path
) -> None:
    credentials = Factory(tmp_path).make_device("pump-1")
    pem = credentials.certificate.read_text()
    secret = keep(json.dumps({"privateKey": credentials.key.read_text(), "certificatePem": pem}))
    iot = embedded_aws.session().client("iot")
    iot.register_certificate_without_ca(certificatePem=pem, status="ACTIVE")
    try:
        with embedded_aws.device(secret) as device:
            assert device.name == "pump-1"
            device.publish("devices/pump-1/pressure", "1013")
        assert embedded_aws.device(secret, "another-client-id").name == "another-client-id"
    finally:
        iot.update_certificate(certificateId=credentials.certificate_id, newStatus="INACTIVE")
        until_accepted(iot.delete_certificate, certificateId=credentials.certificate_id)


def test_its_key_is_for_its_owner_only_and_goes_with_the_embedded_aws(
    embedded_aws: EmbeddedAws, keep: Callable[[str], str], tmp_path: Path
) -> None:
    made = Factory(tmp_path).make_device("pump-2")
    fields = {"privateKey": made.key.read_text(), "certificatePem": made.certificate.read_text()}
    embedded_aws.device(keep(json.dumps(fields)))
    key = embedded_aws.folder / "devices" / f"{made.certificate_id}.key"
    assert key.read_text() == made.key.read_text()
    assert key.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["secret words", "[]", "{}", '{"privateKey": "secret words"}'])
def test_another_secret_is_a_sentence_that_shows_nothing_of_it(
    embedded_aws: EmbeddedAws, keep: Callable[[str], str], text: str
) -> None:
    with pytest.raises(EmbeddedAwsError, match=r"has not both certificatePem and privateKey\. Give the ARN") as caught:
        embedded_aws.device(keep(text))
    assert "secret words" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_secret_that_is_not_there_is_a_sentence(embedded_aws: EmbeddedAws) -> None:
    with pytest.raises(EmbeddedAwsError, match=r"^no-such-secret cannot be read: "):
        embedded_aws.device("no-such-secret")
