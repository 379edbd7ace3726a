"""A certificate that was just deactivated cannot be deleted yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iot_certificates_local.strict import Strictness
from local.strict_stage import Stage

if TYPE_CHECKING:
    from boto3 import Session

ID = "ab" * 32
DELETE = ("DELETE", f"/certificates/{ID}")
UPDATE = ("PUT", f"/certificates/{ID}", None)


def _updated(stage: Stage, before: str, after: str) -> None:
    stage.registry.certificates[ID] = {"certificateId": ID, "status": before}
    stage.on_ask = lambda: stage.registry.certificates[ID].update(status=after)
    assert stage.ask(*UPDATE, query=f"newStatus={after}")[0] == 200
    stage.on_ask = lambda: None


@pytest.mark.parametrize("status", ["INACTIVE", "REVOKED"])
def test_the_deletion_is_refused_for_a_while(status: str) -> None:
    stage = Stage(Strictness(status_seconds=3))
    _updated(stage, "ACTIVE", status)
    stage.clock.now = 2.9
    answered, error = stage.ask(*DELETE)
    assert (answered, error["__type"]) == (406, "CertificateStateException")
    stage.clock.now = 3
    assert stage.ask(*DELETE) == (200, {})


def test_what_was_not_active_can_be_deleted_at_once() -> None:
    stage = Stage(Strictness(status_seconds=3))
    _updated(stage, "INACTIVE", "REVOKED")
    assert stage.ask(*DELETE) == (200, {})


@pytest.mark.emulator
def test_on_the_embedded_aws(account: Session) -> None:
    iot = account.client("iot")
    certificate_id = iot.create_keys_and_certificate(setAsActive=True)["certificateId"]
    iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")
    refusals = 0
    while True:
        try:
            iot.delete_certificate(certificateId=certificate_id)
        except iot.exceptions.CertificateStateException:
            refusals += 1
        else:
            break
    assert refusals > 0
