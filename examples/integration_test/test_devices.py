"""Deploys the test environment, connects its devices, and destroys it."""

from pathlib import Path

from iot_certificates_local import EmbeddedAws


def test_devices_connect(embedded_aws: EmbeddedAws) -> None:
    with embedded_aws.deployed(Path(__file__).parent) as outputs:
        for secret in outputs["TestEnvironment"].values():
            with embedded_aws.device(secret) as device:
                device.publish(f"devices/{device.name}/status", "up")
