"""Invariant I6 is itself tested: with each of these defects in how keys are kept, the named sequence has to fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificate_provider.aws.secrets import SecretsGateway
from iot_certificate_provider.resources.keys import credentials
from iot_certificate_provider.resources.keys.credentials import CredentialsStore
from iot_certificate_provider.resources.keys.ownership import OWN
from protocol import kept_keys, scenarios
from protocol.kept_keys import BROKEN, X
from protocol.planted import fails_by_nothing_else
from protocol.referee import Stack

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud
    from protocol.scenarios import Kind


@dataclass(frozen=True)
class Defect:
    """What is done to the provider, and the sequence that must not pass with it."""

    name: str
    plant: Callable[[pytest.MonkeyPatch], None]
    sequence: Callable[[Cloud, Kind], None]


def renamed_beside_a_sibling_that_fails(cloud: Cloud, kind: Kind) -> None:
    stack = Stack(cloud)
    assert stack.create({X: kind()}) == "COMPLETE"
    stack.update({"Renamed": kind(), "Broken": BROKEN})


def taken_by_another_stack(cloud: Cloud, kind: Kind) -> None:
    assert Stack(cloud).create({X: kind()}) == "COMPLETE"
    Stack(cloud, "another").create({X: kind()})


def taken_and_deleted(cloud: Cloud, kind: Kind) -> None:
    """The certificate that loses the label is removed before anybody looks."""
    stack = Stack(cloud)
    assert stack.create({X: kind()}) == "COMPLETE"
    stack.update({"Renamed": kind()})


def takes_the_label_of_another(patch: pytest.MonkeyPatch) -> None:
    """A secret is written to whatever is in it: nothing fails, and the first owner's reader finds another's key."""
    patch.setattr(credentials, "replacing", lambda *_, **__: OWN)


def takes_any_label(patch: pytest.MonkeyPatch) -> None:
    """Version 0.1.0: a secret of another resource is written to, and nothing returns the label."""
    patch.setattr(credentials, "replacing", lambda *_, **__: OWN)
    patch.setattr(CredentialsStore, "settle", lambda *_: None)


def moves_the_label_forward_alone(patch: pytest.MonkeyPatch) -> None:
    """A rollback takes up the certificate from before, and leaves the label where it is."""

    def make_current(store: CredentialsStore, request: Any, version_id: str) -> str:
        return real(store, request, version_id) if store.of_request(request) is not None else ""

    real = CredentialsStore.make_current
    patch.setattr(CredentialsStore, "make_current", make_current)
    patch.setattr(CredentialsStore, "settle", lambda *_: None)


def labels_before_it_registers(patch: pytest.MonkeyPatch) -> None:
    """A reader finds a key whose certificate is not registered, and in the end is refused."""

    def put_pending(gateway: SecretsGateway, secret_arn: str, version_id: str, text: str) -> None:
        real(gateway, secret_arn, version_id, text)
        current = gateway.labels(secret_arn)["AWSCURRENT"]
        if current != version_id:
            gateway.make_current(secret_arn, version_id, current)

    real = SecretsGateway.put_pending
    patch.setattr(SecretsGateway, "put_pending", put_pending)
    patch.setattr(CredentialsStore, "make_current", lambda *_: "")
    patch.setattr(CredentialsStore, "settle", lambda *_: None)


def returns_it_to_the_version_before(patch: pytest.MonkeyPatch) -> None:
    """After a removal the label goes to AWSPREVIOUS, whose certificate may be gone."""

    def settle(store: Any) -> None:
        labels = store._secrets.labels(store._secret_arn)
        if "AWSPREVIOUS" in labels:
            store._secrets.make_current(store._secret_arn, labels["AWSPREVIOUS"], labels["AWSCURRENT"])

    patch.setattr(CredentialsStore, "settle", settle)


DEFECTS = [
    Defect("takes any label", takes_any_label, renamed_beside_a_sibling_that_fails),
    Defect("takes the label of another", takes_the_label_of_another, taken_by_another_stack),
    Defect("takes the label of one that it removes", takes_the_label_of_another, taken_and_deleted),
    Defect("moves the label forward alone", moves_the_label_forward_alone, kept_keys.rotation_rolled_back),
    Defect("labels before it registers", labels_before_it_registers, kept_keys.readers_never_find_what_failed),
    Defect("returns it to the version before", returns_it_to_the_version_before, kept_keys.rotation),
]


@pytest.mark.parametrize("kind", ["self-signed", "issued"])
@pytest.mark.parametrize("defect", [pytest.param(each, id=each.name.replace(" ", "-")) for each in DEFECTS])
def test_is_caught(cloud: Cloud, defect: Defect, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    defect.plant(monkeypatch)
    try:
        with pytest.raises(AssertionError, match=r"^I6 "):
            defect.sequence(cloud, scenarios.KINDS[kind])
    finally:
        cloud.aws.after = cloud._after
    fails_by_nothing_else(cloud)


@pytest.mark.parametrize("kind", ["self-signed", "issued"])
@pytest.mark.parametrize("sequence", [renamed_beside_a_sibling_that_fails, taken_by_another_stack, taken_and_deleted])
def test_is_not_seen_where_there_is_none(cloud: Cloud, sequence: Callable[[Cloud, Kind], None], kind: str) -> None:
    sequence(cloud, scenarios.KINDS[kind])
    assert cloud.violations == []
