"""The JSON Schemas in ``docs/schema``, and what they say of properties and of templates."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from jsonschema.validators import extend

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema.exceptions import ValidationError

FOLDER = Path(__file__).parents[1] / "docs" / "schema"


def _ecma_pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Match as JSON Schema's ECMA-262 does: ``$`` at the end alone, and ``\\w`` of ASCII."""
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance, re.ASCII):
        yield from Draft202012Validator.VALIDATORS["pattern"](validator, "(?!)", instance, schema) or ()


_Validator = extend(Draft202012Validator, {"pattern": _ecma_pattern})


@cache
def schema_of(resource_type: str) -> Mapping[str, Any]:
    """Return the published schema of a type."""
    text = (FOLDER / f"{resource_type.removeprefix('Custom::')}.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


@cache
def _validator(resource_type: str) -> Any:
    return _Validator(schema_of(resource_type))


def refusals(resource_type: str, properties: Mapping[str, Any]) -> list[str]:
    """Return what a type's schema has against properties: nothing of those that it allows."""
    return [f"{error.json_path}: {error.message}" for error in _validator(resource_type).iter_errors(properties)]


def check_custom_resources(template: Mapping[str, Any]) -> None:
    """Check the properties of every resource of ours in a template."""
    for name, resource in template.get("Resources", {}).items():
        if resource["Type"].startswith("Custom::Iot"):
            assert refusals(resource["Type"], resource["Properties"]) == [], name
