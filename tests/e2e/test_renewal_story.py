"""The demo's story of a renewal, with the real CDK CLI and with IAM enforced: deploy, renew twice, destroy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iot_certificates_local.demo.renewal_story import DEVICES, run_renewal_story
from silent_report import SilentReport

if TYPE_CHECKING:
    from iot_certificates_local import EmbeddedAws
    from iot_certificates_local.inventory import Inventory

APP = Path(__file__).parents[2] / "examples" / "renewal"


def ids_of(inventory: Inventory, name: str) -> set[str]:
    return {device.id for device in inventory.device_certificates if device.common_name == name}


@pytest.mark.e2e
def test_devices_outlast_a_renewal_offline_and_not_two(guarded_aws: EmbeddedAws) -> None:
    seen = run_renewal_story(guarded_aws, APP, SilentReport())

    for name in DEVICES:
        (first,) = ids_of(seen.deployed, name)
        renewed, again = ids_of(seen.renewed, name), ids_of(seen.renewed_again, name)
        assert first in renewed
        assert first not in again
        assert len(renewed & again) == 1
    assert seen.refusal
    assert seen.left == ()
