"""A test environment from scratch, with the real CDK CLI and with IAM enforced: deploy, connect, destroy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iot_certificates_local.demo.environment_story import run_environment_story
from silent_report import SilentReport

if TYPE_CHECKING:
    from iot_certificates_local import EmbeddedAws

APP = Path(__file__).parents[2] / "examples" / "integration_test"


@pytest.mark.e2e
def test_it_comes_out_of_nothing_and_leaves_nothing(guarded_aws: EmbeddedAws) -> None:
    seen = run_environment_story(guarded_aws, APP, SilentReport())

    (ca,) = seen.deployed.ca_certificates
    assert (ca.common_name, ca.status) == ("Test CA", "ACTIVE")
    devices = {device.common_name: device for device in seen.deployed.device_certificates}
    assert set(devices) == set(seen.connected) == {"pump", "valve"}
    for name, device in devices.items():
        assert (device.status, device.things) == ("ACTIVE", (name,))
        assert len(device.policies) == 1
    assert len([other for other in seen.deployed.others if other.startswith("secret ")]) == 3
    assert seen.left == ()
