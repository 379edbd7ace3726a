"""A resource type is told in several places. Each of them has every type, so that none is half there."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iot_certificate_provider import contract, expiry
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.gateways import Gateways
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.resources.registry import RESOURCES
from published_schemas import FOLDER, schema_of
from reference.documented_types import TYPES
from reference.granted import USES
from samples import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
PACKAGES = ("provider", "constructs", "cli", "local", "scripts", "tests")

PLACES: dict[str, Iterable[str]] = {
    "the registry": RESOURCES,
    "the documented types": [each.type for each in TYPES],
    "the samples": [each.type for each in SAMPLES],
    "the permissions": USES,
    "the expiry schedule": [
        *expiry.WITH_CA_CERTIFICATE,
        *expiry.WITH_DEVICE_CERTIFICATE,
        *expiry.WITHOUT_CERTIFICATE,
    ],
    "the schemas": [f"Custom::{path.name.removesuffix('.schema.json')}" for path in FOLDER.iterdir()],
}


@pytest.mark.parametrize("place", PLACES)
def test_every_place_has_every_type_once(place: str) -> None:
    assert sorted(PLACES[place]) == sorted(ResourceType)


@pytest.mark.parametrize("resource_type", ResourceType)
def test_the_registry_makes_a_resource_of_every_type(resource_type: ResourceType) -> None:
    """Of the class that its file is named after, with the three methods that CloudFormation's requests call."""
    resource = RESOURCES[resource_type](Gateways(AwsClients()), pytest.fail)
    module = import_module(type(resource).__module__)
    words = resource_type.name.lower()
    assert module.__name__.rsplit(".", 1)[-1] == words
    assert type(resource).__name__ == f"{words.title().replace('_', '')}Resource"
    assert all(callable(getattr(resource, method)) for method in ("create", "update", "delete"))


@pytest.mark.parametrize("resource_type", ResourceType)
def test_every_type_has_an_enum_of_its_properties_and_a_schema_of_them(resource_type: ResourceType) -> None:
    words = resource_type.name.title().replace("_", "")
    properties = set(getattr(contract, f"{words}Property"))
    assert set(schema_of(resource_type)["properties"]) >= properties


def test_the_name_of_a_type_is_written_once() -> None:
    """Elsewhere in what is shipped it is ``ResourceType``'s; a template or a message may quote it inside a text."""
    written = [
        f"{path.relative_to(ROOT)}: {node.value}"
        for package in ("provider", "constructs", "cli")
        for path in sorted((ROOT / package).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in set(ResourceType)
    ]
    assert [each for each in written if "contract.py" not in each] == []
    assert len(written) == len(ResourceType)


def test_no_constant_names_a_type_beside_the_enum() -> None:
    constants = [
        f"{path.relative_to(ROOT)}: {target.id}"
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        for target in getattr(node, "targets", [getattr(node, "target", None)])
        if isinstance(target, ast.Name) and re.search(r"[A-Z]_TYPE$", target.id)
    ]
    assert constants == []
