"""The steps of docs/moving-to-another-provider.md, over TLS, with the functions of two providers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from integration.conftest import deployed
from integration.owners import ADOPT, RETAIN, Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.stacks import Stacks
    from iot_certificates_local import EmbeddedAws


@pytest.fixture
def scene(stacks: Stacks) -> Iterator[Scene]:
    scene = Scene(replace(stacks, every_seconds=0.2), "another-provider")
    yield scene
    scene.clear()


@pytest.fixture
def shared(embedded_aws: EmbeddedAws) -> Iterator[Stacks]:
    with deployed(embedded_aws, "shared-certificates") as shared:
        yield shared


def test_resources_move_to_another_provider_by_the_steps_of_the_page(scene: Scene, shared: Stacks) -> None:
    policy = scene.policy()
    served_by_shared: dict[str, Any] = {"ServiceToken": shared.service_token}

    def old(**attributes: Any) -> dict[str, dict[str, Any]]:
        device = scene.device(PolicyNames=[policy])
        return {"Ca": {**scene.ca_resource(), **attributes}, "Device": {**device, **attributes}}

    def new(ca: dict[str, Any], device: dict[str, Any]) -> dict[str, dict[str, Any]]:
        return {
            "MovedCa": scene.ca_resource(**served_by_shared, **ca),
            "MovedDevice": scene.device(**served_by_shared, **device),
        }

    scene.create("one", old())

    scene.update("one", old(**RETAIN))  # 1. Retain
    in_their_place = "(Ca|Device) of this stack owns the certificate"
    scene.refused(in_their_place, scene.update, "one", new(ADOPT, ADOPT))
    scene.both_are()

    scene.update("one", {**old(**RETAIN), **new(ADOPT, ADOPT)})  # 2. Adopt
    before = shared.invocations()
    scene.update("one", new(ADOPT, ADOPT))  # 3. Remove
    scene.both_are()
    assert scene.attached() == [policy]
    assert shared.invocations() == before, "CloudFormation removes what is retained without a request"

    scene.update("one", new({}, {"PolicyNames": [policy]}))  # 4. Own
    scene.both_are()
    assert scene.attached() == [policy]
    scene.delete("one")
    scene.both_are(None)
