"""From the types that CloudFormation has to ours, as docs/migrating.md tells it: the device never notices."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from e2e.plain_stack import PlainStack
from integration.stacks import StackFailedError
from iot_certificate_provider.pki import Certificate
from iot_certificates import SERVICE_TOKEN_EXPORT
from iot_certificates_local import MqttDevice
from iot_certificates_local.factory import write_credentials
from iot_certificates_local.inventory import take_inventory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iot_certificates_local import EmbeddedAws

TEMPLATES = Path(__file__).parents[2] / "examples" / "cloudformation" / "moving_over"
CA = issuing.make_ca("Moving CA")
PUMP = issuing.make_device(CA, "pump")

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("provider stack")]


class Watch:
    """Looks after each step whether the device still is what it was, over one connection that is never made anew."""

    def __init__(self, aws: EmbeddedAws, device: MqttDevice) -> None:
        self._iot: Any = aws.session().client("iot")
        self._device = device
        self._ca, self._pump = (Certificate.from_pem(issued.pem).id for issued in (CA, PUMP))
        self._seen = self._look()

    def nothing_has_happened(self) -> None:
        assert self._look() == self._seen
        self._device.publish(f"devices/{self._device.name}/status", "up")

    def _look(self) -> dict[str, Any]:
        """Return status and dates, and what is attached: a certificate that is registered anew has other dates."""
        ca = self._iot.describe_ca_certificate(certificateId=self._ca)["certificateDescription"]
        pump = self._iot.describe_certificate(certificateId=self._pump)["certificateDescription"]
        assert (ca["status"], pump["status"]) == ("ACTIVE", "ACTIVE")
        return {
            "registered": (ca["creationDate"], pump["creationDate"]),
            "changed": pump["lastModifiedDate"],
            "attached": self._iot.list_attached_policies(target=pump["certificateArn"])["policies"],
        }


@pytest.fixture
def stack(guarded_aws: EmbeddedAws, provider_stack: PlainStack) -> Iterator[PlainStack]:
    """Give a stack that is deleted in the end, with which everything has to go."""
    before = take_inventory(guarded_aws.session())
    stack = PlainStack(guarded_aws.session(), "moving")
    yield stack
    stack.delete()
    assert take_inventory(guarded_aws.session()).beyond(before) == []


@pytest.fixture
def parameters(guarded_aws: EmbeddedAws) -> dict[str, str]:
    code = guarded_aws.session().client("iot").get_registration_code()["registrationCode"]
    return {
        "CaCertificatePem": CA.pem,
        "VerificationCertificatePem": issuing.make_verification_certificate(CA, code).pem,
        "PumpCertificatePem": PUMP.pem,
    }


@pytest.fixture
def pump(guarded_aws: EmbeddedAws, tmp_path: Path) -> MqttDevice:
    files = write_credentials(tmp_path, "pump", PUMP.pem, PUMP.key_pem())
    return MqttDevice(
        "pump",
        host=guarded_aws.mqtt_host,
        port=guarded_aws.mqtt_port,
        ca_file=guarded_aws.mqtt_ca_file,
        certificate=files.certificate,
        key=files.key,
    )


def template(name: str) -> str:
    return (TEMPLATES / f"{name}.yaml").read_text()


def test_a_live_device_never_notices_that_its_stack_moves_over(
    guarded_aws: EmbeddedAws, stack: PlainStack, parameters: dict[str, str], pump: MqttDevice
) -> None:
    outputs = stack.create(template("0_native"), **parameters)
    native = stack.physical_ids()
    with pump:
        watch = Watch(guarded_aws, pump)

        assert stack.update(template("1_retained"), **parameters) == outputs
        assert stack.physical_ids() == native
        watch.nothing_has_happened()

        assert stack.update(template("2_adopted"), **parameters) == outputs
        adopted = stack.physical_ids()
        assert adopted["FactoryCa"] == f"{native['FactoryCaCertificate']}/adopted"
        assert adopted["Pump"] == f"{native['PumpCertificate']}/adopted"
        watch.nothing_has_happened()

        planned = stack.planned(template("3_removed"), **parameters)
        assert planned["FactoryCaCertificate"] == planned["PumpCertificate"] == ("Remove", "Retain")
        assert stack.update(template("3_removed"), **parameters) == outputs
        watch.nothing_has_happened()

        assert stack.update(template("4_owned"), **parameters) == outputs
        owned = stack.physical_ids()
        assert owned["FactoryCa"] == native["FactoryCaCertificate"]
        assert owned["Pump"] == native["PumpCertificate"]
        watch.nothing_has_happened()


def test_a_step_that_fails_leaves_everything_to_the_native_types(
    guarded_aws: EmbeddedAws, stack: PlainStack, parameters: dict[str, str], pump: MqttDevice
) -> None:
    stack.create(template("0_native"), **parameters)
    with pump:
        watch = Watch(guarded_aws, pump)
        stack.update(template("1_retained"), **parameters)
        native, ours = template("2_adopted").split("  FactoryCa:\n")
        other_status = f"{native}  FactoryCa:\n{ours.replace('Status: ACTIVE', 'Status: INACTIVE')}"
        with pytest.raises(StackFailedError, match="INACTIVE is declared, but the registered certificate has ACTIVE"):
            stack.update(other_status, **parameters)
        watch.nothing_has_happened()
        stack.update(template("0_native"), **parameters)
        watch.nothing_has_happened()


def test_a_certificate_that_aws_iot_has_issued_moves_over_without_a_ca(
    guarded_aws: EmbeddedAws, stack: PlainStack
) -> None:
    """What Terraform and ThingWithCert leave: its issuer is Amazon, and registered nowhere."""
    iot = guarded_aws.session().client("iot")
    made = iot.create_keys_and_certificate(setAsActive=True)
    # AWS IoT's dates have whole seconds: of the same second, it might be what a first delivery of the Create has made.
    time.sleep(1)
    stack.create(of_one_device(made["certificatePem"], ExistingCertificate="ADOPT"))
    assert stack.physical_ids()["Pump"] == f"{made['certificateId']}/adopted"
    stack.update(of_one_device(made["certificatePem"]))
    assert stack.physical_ids()["Pump"] == made["certificateId"]
    live = iot.describe_certificate(certificateId=made["certificateId"])["certificateDescription"]
    assert live["status"] == "ACTIVE"


def of_one_device(pem: str, **properties: str) -> str:
    declared = {"ServiceToken": {"Fn::ImportValue": SERVICE_TOKEN_EXPORT}, "CertificatePem": pem, **properties}
    return json.dumps({"Resources": {"Pump": {"Type": "Custom::IotDeviceCertificate", "Properties": declared}}})
