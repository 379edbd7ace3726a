"""The tables of a type's page: its properties, with the rules among them, its attributes, and its permissions."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.properties.shapes import (
    ALWAYS,
    Choice,
    Flag,
    Given,
    GivenIn,
    Map,
    Maps,
    OneOf,
    Pem,
    Property,
    Text,
    Texts,
    WholeNumber,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from enum import StrEnum

    from iot_certificate_provider.properties.shapes import Condition, Dependent, Rule, Shape
    from reference.granted import Grant


def properties_table(shape: Shape) -> str:
    """Return the properties and their rules, and then those of each map among them."""
    parts = [_table(("property", "values", "default", "update"), map(_row, shape.properties)), _rules(shape)]
    for each in shape.properties:
        if isinstance(each, Map | Maps):
            rows = (_row(inner)[:3] for inner in each.shape.properties)
            parts += [f"#### `{each.name}`", _table(("property", "values", "default"), rows), _rules(each.shape)]
    return "\n\n".join(part for part in parts if part)


def attributes_table(ref: str, attributes: Mapping[str, str]) -> str:
    """Return what ``Ref`` and each attribute are."""
    rows = [("`Ref`", ref), *((f"`{name}`", about) for name, about in attributes.items())]
    return _table(("attribute", "value"), rows)


def permissions_table(grants: Iterable[Grant]) -> str:
    """Return what the function's role is allowed, and what of the resource needs it."""
    rows = ((each.needed_by, ", ".join(f"`{action}`" for action in each.actions), each.resource) for each in grants)
    return _table(("for", "actions", "on"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(declared: Property) -> tuple[str, str, str, str]:
    update = "" if declared.update is None else f"{declared.update}{declared.exception}"
    return f"`{declared.name}`", values_of(declared), _default(declared), update


def _default(declared: Property) -> str:
    if declared.required is not None:
        return f"required{_when(declared.required)}"
    if isinstance(declared, Flag):
        return f"`{str(declared.default).lower()}`"
    return f"`{declared.default}`" if isinstance(declared, Choice | WholeNumber) else ""


def _rules(shape: Shape) -> str:
    return "\n".join(f"- {sentence}" for sentence in map(_sentence, shape.rules))


def _sentence(rule: Rule) -> str:
    if isinstance(rule, OneOf):
        *most, last = (f"`{each.name}`" for each in rule.properties)
        return f"Exactly one of {', '.join(most)} and {last} is needed{_when(rule)}."
    if isinstance(rule.what, Given):
        return f"`{rule.what.property.name}` cannot be given{_when(rule)}."
    return f"`{rule.what.choice.name}` cannot be `{rule.what.value}`{_when(rule)}."


def _when(on: Dependent) -> str:
    if on is ALWAYS:
        return ""
    told = [f" {word} {_told(each)}" for word, each in (("if", on.when), ("unless", on.unless)) if each is not None]
    return "".join(told)


def _told(condition: Condition) -> str:
    if isinstance(condition, GivenIn):
        return f"`{condition.map.name}` has `{condition.property.name}`"
    if isinstance(condition, Given):
        return f"`{condition.property.name}` is given"
    return f"`{condition.choice.name}` is `{condition.value}`"


@singledispatch
def values_of(declared: Property) -> str:
    """Return what a property can be, as a cell of a table."""
    raise TypeError(f"{type(declared).__name__} has no values")


@values_of.register(Text)
def _of_text(declared: Text) -> str:
    limit = "" if declared.longest is None else f"at most {declared.longest:,} characters"
    return ", ".join(_given(declared.about, limit)) or "a text"


@values_of.register(Pem)
def _of_pem(declared: Pem[Any]) -> str:
    return f"{declared.about}; at most {declared.of.FORM.longest:,} characters"


@values_of.register(Choice)
def _of_choice(declared: Choice[StrEnum]) -> str:
    return ": ".join(_given(", ".join(f"`{value}`" for value in declared.values), declared.about))


@values_of.register(Flag)
def _of_flag(declared: Flag) -> str:
    return f"`true`, `false`: {declared.about}"


@values_of.register(WholeNumber)
def _of_whole_number(declared: WholeNumber) -> str:
    return f"{declared.least} to {declared.greatest}: {declared.about}"


@values_of.register(Texts)
def _of_texts(declared: Texts) -> str:
    return ", ".join(_given(f"list of {declared.about}", _at_most(declared.most)))


@values_of.register(Maps)
def _of_maps(declared: Maps) -> str:
    keys = ", ".join(declared.shape.names)
    return ", ".join(_given(f"list of `{{{keys}}}`: {declared.about}", _at_most(declared.most)))


@values_of.register(Map)
def _of_map(declared: Map) -> str:
    return f"[map](#{declared.name.lower()}): {declared.about}"


def _at_most(most: int | None) -> str:
    return "" if most is None else f"at most {most}"


def _given(*parts: str) -> Iterator[str]:
    return (part for part in parts if part)
