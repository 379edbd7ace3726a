"""The demo's story, with the real CDK CLI: deploy, use, change, destroy, and nothing is left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iot_certificates_local.demo.story import CONNECTS, DEACTIVATED, RENEWED, UNKNOWN, run_story
from silent_report import SilentReport

if TYPE_CHECKING:
    from iot_certificates_local import EmbeddedAws

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.e2e
def test_the_example_app_is_deployed_updated_and_destroyed(embedded_aws: EmbeddedAws) -> None:
    seen = run_story(embedded_aws, REPOSITORY, SilentReport())

    statuses = {device.common_name: device.status for device in seen.deployed.device_certificates}
    assert statuses == dict.fromkeys((CONNECTS, DEACTIVATED, RENEWED), "ACTIVE")
    assert seen.connected.refusal is None
    assert seen.registering.refusal is not None
    brought_in = seen.registered_just_in_time.device(seen.registering.certificate_id)
    assert brought_in is not None
    assert (brought_in.common_name, brought_in.status) == (UNKNOWN, "PENDING_ACTIVATION")

    renewed, deactivated = (seen.updated.device(attempt.certificate_id) for attempt in (seen.renewed, seen.deactivated))
    assert renewed is not None
    assert renewed.status == "ACTIVE"
    assert deactivated is not None
    assert deactivated.status == "INACTIVE"
    assert seen.updated.device(seen.outdated.certificate_id) is None
    assert seen.renewed.refusal is None
    assert seen.outdated.refusal is not None
    assert seen.deactivated.refusal is not None
    assert seen.left == ()
