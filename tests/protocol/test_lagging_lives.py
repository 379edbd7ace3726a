"""Lives in which AWS takes its time: each lag is met, and a provider that does not wait for it is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iot_certificate_provider.aws import iot
from iot_certificate_provider.resources.removal import device_certificate as removal
from protocol.invariants import ViolationError
from protocol.neighbours import Amend, Deploy, Lag, Neighbourhood, Wish

if TYPE_CHECKING:
    from types import ModuleType

    from protocol.function import Cloud
    from protocol.neighbours import Step

ATTACHED = ("DeviceA", Wish(attached=("connect", "thermostat")))


def _calls(cloud: Cloud, operation: str) -> int:
    return sum(line.endswith(f" {operation}") for each in cloud.invocations for line in each.log)


def test_a_deletion_waits_until_the_status_counts(cloud: Cloud) -> None:
    Neighbourhood(cloud).play([Lag(status=6.0), Deploy(0, (ATTACHED,))])
    assert _calls(cloud, "DeleteCertificate") > 1


def test_an_update_waits_until_the_thing_is_free(cloud: Cloud) -> None:
    Neighbourhood(cloud).play([Lag(detaching=8.0), Deploy(0, (ATTACHED,)), Amend(0, "detach")])
    assert _calls(cloud, "ListThingPrincipals") > 1


def test_an_operation_that_is_denied_at_first_is_tried_again(cloud: Cloud) -> None:
    Neighbourhood(cloud).play([Lag(denied="iot.RegisterCertificate"), Deploy(0, (ATTACHED,))])
    assert _calls(cloud, "RegisterCertificate") > 1


@pytest.mark.parametrize(
    ("module", "attribute", "lag", "invariant"),
    [(removal, "THING_SECONDS", Lag(detaching=8.0), "I1"), (iot, "STATUS_SECONDS", Lag(status=6.0), "I2")],
    ids=["of a thing", "of a status"],
)
def test_a_wait_that_is_missing_breaks_a_life(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, module: ModuleType, attribute: str, lag: Lag, invariant: str
) -> None:
    monkeypatch.setattr(module, attribute, 0.0)
    steps: list[Step] = [lag, Deploy(0, (ATTACHED,)), Amend(0, "detach"), Amend(0, "replace")]
    with pytest.raises(ViolationError, match=f"^{invariant}"):
        Neighbourhood(cloud).play(steps)
