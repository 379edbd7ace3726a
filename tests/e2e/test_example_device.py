"""The example device, with AWS's own device SDK: it changes over while its old certificate is good, and not later.

Rotations are what they are to a device: another certificate is registered, the secret has its key, and the one before
it stays until the rotation after that.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2e.credentials_provider import ALIAS, CredentialsProviderDouble
from iot_certificates_local import Factory
from local.deleting import delete_certificate, until_accepted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3

    from iot_certificates_local import Credentials, EmbeddedAws

awsiot = pytest.importorskip("awsiot", reason="awsiotsdk is not installed (make setup)")

pytestmark = pytest.mark.e2e

NAME = "pump-of-the-example"
EXAMPLE = Path(__file__).parents[2] / "examples" / "renewal" / "device.py"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _client(session: boto3.Session, given: Any) -> Any:
    return session.client(
        "secretsmanager",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


class Plant:
    """A device's certificates and its secret, as an IssuedDeviceCertificate with KEEP leaves them."""

    def __init__(self, aws: EmbeddedAws, folder: Path) -> None:
        session = aws.session()
        self.iot, self.secrets, self.iam = (session.client(name) for name in ("iot", "secretsmanager", "iam"))
        self.factory = Factory(folder / "factory")
        self.registered: list[str] = []
        self.secret_arn = self.secrets.create_secret(Name="example/pump", SecretString="{}")["ARN"]
        may = {"Effect": "Allow", "Action": ["iot:Connect", "iot:Publish"], "Resource": "*"}
        alias = f"arn:aws:iot:{aws.region}:{aws.account}:rolealias/{ALIAS}"
        read = {"Effect": "Allow", "Action": ["iot:AssumeRoleWithCertificate"], "Resource": alias}
        self.iot.create_policy(policyName="example-device", policyDocument=document(may, read))
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "credentials.iot.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        role = self.iam.create_role(RoleName="example-device", AssumeRolePolicyDocument=document(trust))
        self.role_arn = role["Role"]["Arn"]
        get = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": self.secret_arn}
        self.iam.put_role_policy(RoleName="example-device", PolicyName="own-secret", PolicyDocument=document(get))
        given = session.client("sts").assume_role(RoleArn=self.role_arn, RoleSessionName="plant")["Credentials"]
        # A new permission takes its time.
        until_accepted(_client(session, given).get_secret_value, SecretId=self.secret_arn)

    def rotate(self) -> Credentials:
        """Register another certificate, keep the one before it, and delete the one before that."""
        made = self.factory.make_device(NAME)
        arn = self.iot.register_certificate_without_ca(certificatePem=made.certificate.read_text(), status="ACTIVE")
        self.iot.attach_policy(policyName="example-device", target=arn["certificateArn"])
        fields = {"privateKey": made.key.read_text(), "certificatePem": made.certificate.read_text()}
        self.secrets.put_secret_value(SecretId=self.secret_arn, SecretString=json.dumps(fields))
        self.registered.append(made.certificate_id)
        if len(self.registered) > 2:
            delete_certificate(self.iot, self.registered.pop(0))
        return made

    def close(self) -> None:
        for each in self.registered:
            delete_certificate(self.iot, each)
        until_accepted(self.iot.delete_policy, policyName="example-device")
        self.secrets.delete_secret(SecretId=self.secret_arn, ForceDeleteWithoutRecovery=True)
        self.iam.delete_role_policy(RoleName="example-device", PolicyName="own-secret")
        self.iam.delete_role(RoleName="example-device")


@pytest.fixture(scope="module")
def plant(guarded_aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with contextlib.closing(Plant(guarded_aws, tmp_path_factory.mktemp("plant"))) as plant:
        yield plant


@pytest.fixture
def device(guarded_aws: EmbeddedAws, plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give the example, whose settings are for the embedded AWS and the double of the credentials provider."""
    double = CredentialsProviderDouble(guarded_aws.session(), plant.role_arn, plant.factory.ca.certificate, tmp_path)
    root_ca = tmp_path / "root-ca.pem"
    root_ca.write_text(guarded_aws.mqtt_ca_file.read_text() + double.root_ca)
    with double.serving() as address:
        settings = {
            "IOT_ENDPOINT": guarded_aws.mqtt_host,
            "IOT_PORT": str(guarded_aws.mqtt_port),
            "CREDENTIALS_ENDPOINT": address,
            "ROLE_ALIAS": ALIAS,
            "THING_NAME": NAME,
            "SECRET_ARN": plant.secret_arn,
            "ROOT_CA": str(root_ca),
            "AWS_REGION": guarded_aws.region,
            "AWS_DEFAULT_REGION": guarded_aws.region,
            "AWS_ENDPOINT_URL": guarded_aws.endpoint_url,
            "AWS_CA_BUNDLE": str(guarded_aws.ca_file),
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        specification = importlib.util.spec_from_file_location("example_device", EXAMPLE)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        yield module


def holding(file: Path, credentials: Credentials) -> Path:
    """Write what the device has into its file."""
    file.write_text(f"{credentials.key.read_text().strip()}\n{credentials.certificate.read_text().strip()}\n")
    return file


def test_it_changes_over_while_its_old_certificate_is_good(plant: Plant, device: Any, tmp_path: Path) -> None:
    first = plant.rotate()
    online, drawer = holding(tmp_path / "online.pem", first), holding(tmp_path / "drawer.pem", first)
    old = online.read_text()
    connection = device.connect(old)
    assert device.change_over(connection, online) is connection
    second = plant.rotate()
    renewed = device.change_over(connection, online)
    assert renewed is not connection
    assert second.certificate.read_text() in online.read_text()
    assert (online.stat().st_mode & 0o777, sorted(tmp_path.glob("online.*"))) == (0o600, [online])
    renewed.disconnect().result(10)

    # Switched off during the renewal: it comes back with its old certificate.
    offline = holding(tmp_path / "offline.pem", first)
    offline.write_text(old)
    changed = device.change_over(device.connect(old), offline)
    assert offline.read_text() == online.read_text()
    changed.disconnect().result(10)

    plant.rotate()
    with pytest.raises(device.AwsCrtError):
        device.connect(drawer.read_text())
    with pytest.raises(PermissionError, match="answered 403"):
        device.read_secret(drawer)


def test_new_credentials_that_do_not_connect_take_nothing_away(
    guarded_aws: EmbeddedAws, plant: Plant, device: Any, tmp_path: Path
) -> None:
    """The secret has a certificate that is INACTIVE, say: the device goes on with what it has."""
    file = holding(tmp_path / "device.pem", plant.rotate())
    before = file.read_text()
    plant.rotate()
    plant.iot.update_certificate(certificateId=plant.registered[-1], newStatus="INACTIVE")
    connection = device.change_over(device.connect(before), file)
    assert file.read_text() == before
    connection.publish("devices/pump/status", "up", device.mqtt.QoS.AT_LEAST_ONCE)[0].result(10)
    connection.disconnect().result(10)
