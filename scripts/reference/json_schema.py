"""JSON Schemas (draft 2020-12) out of the shapes by which the function reads a type's properties.

A schema is for what the author of a template writes. CloudFormation makes text of every number and boolean: ``365`` and
``"365"`` are the same to the function. What is a text all the same, like the number of an account, has to be written as
one: a number loses its leading zeros. Patterns are ECMA-262's, as JSON Schema has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.properties.shapes import (
    ALWAYS,
    Choice,
    DecimalNumber,
    Flag,
    Forbidden,
    Given,
    GivenIn,
    Map,
    Maps,
    OneOf,
    Pem,
    Property,
    Shape,
    Text,
    Texts,
    WholeNumber,
)

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator

    from iot_certificate_provider.properties.shapes import Condition, Dependent, Rule
    from reference.documented_types import DocumentedType

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_FOR_AUTHORS = (
    "Properties as the author of a template writes them: a boolean or a number can be written as such or as "
    'text (true or "true", 365 or "365"), because CloudFormation makes text of it; a text, like the number of an '
    "account, can be written as text only. An intrinsic function stands for any value but an empty text."
)


class CloudFormationsOwn(StrEnum):
    """What every custom resource can have (CloudFormation User Guide, "Custom resources")."""

    SERVICE_TOKEN = "ServiceToken"  # noqa: S105 - a property's name
    SERVICE_TIMEOUT = "ServiceTimeout"


_OF_CLOUDFORMATION = (
    Text(
        CloudFormationsOwn.SERVICE_TOKEN,
        about="the ARN of the function: the service token of an IotCertificateProvider",
        required=ALWAYS,
    ),
    WholeNumber(
        CloudFormationsOwn.SERVICE_TIMEOUT,
        3600,
        3600,
        about="the number of seconds that CloudFormation waits for an answer",
        problem="is not a number of seconds",
    ),
)

_NOT_BLANK: Schema = {"pattern": r"\S"}
_INTRINSIC: Schema = {"$ref": "#/$defs/intrinsic"}
_DEFINITIONS: Schema = {
    "intrinsic": {
        "description": "An intrinsic function: Ref, or one named Fn::….",
        "type": "object",
        "patternProperties": {"^(Ref|Fn::.+)$": True},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
}


def schema_of_type(documented: DocumentedType) -> Schema:
    """Return the schema of a type's properties."""
    shape = Shape((*_OF_CLOUDFORMATION, *documented.shape.properties), documented.shape.rules)
    about = f"{documented.about} {_FOR_AUTHORS}"
    schema = {**_SchemaOfShape(shape).made(), "$defs": _DEFINITIONS}
    return {"$schema": DIALECT, "title": documented.type, "description": about, **schema}


@dataclass(frozen=True)
class _SchemaOfShape:
    """Makes the schema of a shape; with ``empty_is_left_out``, a property that is an empty text is not there."""

    shape: Shape
    empty_is_left_out: bool = False

    def made(self) -> Schema:
        properties = self.shape.properties
        required = [str(each.name) for each in properties if each.required is ALWAYS]
        depending = [*self._conditionally_required(), *map(self._rule, self.shape.rules)]
        return {
            "type": "object",
            "properties": {str(each.name): self._described(each) for each in properties},
            **({"required": required} if required else {}),
            "additionalProperties": False,
            **({"allOf": depending} if depending else {}),
        }

    def given(self, declared: Property) -> Schema:
        name = str(declared.name)
        not_empty = {"properties": {name: {"minLength": 1}}} if self.empty_is_left_out else {}
        return {"required": [name], **not_empty}

    def _conditionally_required(self) -> Iterator[Schema]:
        for each in self.shape.properties:
            if each.required is not None and each.required is not ALWAYS:
                yield self._depending(each.required, self.given(each))

    def _rule(self, rule: Rule) -> Schema:
        if isinstance(rule, OneOf):
            return self._depending(rule, {"oneOf": [self.given(each) for each in rule.properties]})
        return self._depending(rule, self._never(rule))

    def _never(self, rule: Forbidden) -> Schema:
        if isinstance(rule.what, Given):
            left_out = {"const": ""} if self.empty_is_left_out else False
            return {"properties": {str(rule.what.property.name): left_out}}
        return {"not": self._condition(rule.what)}

    def _depending(self, on: Dependent, what: Schema) -> Schema:
        if on.when is not None:
            return {"if": self._condition(on.when), "then": what}
        # What an intrinsic function stands for nobody knows: it may be what nothing is asked for.
        return what if on.unless is None else {"if": self._condition(on.unless, _or_intrinsic), "else": what}

    def _condition(self, condition: Condition, of_value: Callable[[Schema], Schema] = dict) -> Schema:
        """Return when a condition holds; ``of_value`` makes the schema of a value out of that of the one asked for."""
        if isinstance(condition, GivenIn):
            inner = of_value(_schema_of_map(condition.map).given(condition.property))
            return {"properties": {str(condition.map.name): inner}, "required": [str(condition.map.name)]}
        if isinstance(condition, Given):
            return self.given(condition.property)
        name = str(condition.choice.name)
        schema: Schema = {"properties": {name: of_value({"const": str(condition.value)})}}
        return schema if condition.value is condition.choice.default else {**schema, "required": [name]}

    def _described(self, declared: Property) -> Schema:
        update = "" if declared.update is None else f"Update: {declared.update}{declared.exception}."
        about = f"{declared.about[:1].upper()}{declared.about[1:]}." if declared.about else ""
        description = " ".join(part for part in (about, update) if part).replace("`", "")
        return {**({"description": description} if description else {}), **self._value(declared)}

    def _value(self, declared: Property) -> Schema:
        schema = schema_of(declared)
        if self.empty_is_left_out and declared.required is not ALWAYS:
            schema = {"anyOf": [{"const": ""}, schema]}
        return _or_intrinsic(schema)


def _or_intrinsic(schema: Schema) -> Schema:
    """Allow an intrinsic function in the place of a value."""
    default = {name: schema[name] for name in ("default",) if name in schema}
    value = {name: each for name, each in schema.items() if name not in default}
    values = value["anyOf"] if set(value) == {"anyOf"} else [value]
    return {"anyOf": [*values, _INTRINSIC], **default}


def _schema_of_map(declared: Map) -> _SchemaOfShape:
    return _SchemaOfShape(declared.shape, declared.empty_is_left_out)


@singledispatch
def schema_of(declared: Property) -> Schema:
    """Return the schema of a property's value."""
    raise TypeError(f"{type(declared).__name__} has no schema")


@schema_of.register(Text)
def _of_text(declared: Text) -> Schema:
    schema: Schema = {"type": ["string", "number"] if declared.numeric else "string"}
    if declared.shortest is not None:
        schema["minLength"] = declared.shortest
    if declared.longest is not None:
        schema["maxLength"] = declared.longest
    if declared.pattern is not None:
        schema["pattern"] = _whole(declared.pattern)
        if declared.shortest is None and declared.pattern.fullmatch(" "):
            schema["allOf"] = [_NOT_BLANK]
    elif declared.shortest is None:
        schema |= _NOT_BLANK
    return schema


@schema_of.register(Pem)
def _of_pem(declared: Pem[Any]) -> Schema:
    form = declared.of.FORM
    return {"type": "string", "maxLength": form.longest, "pattern": f"-----BEGIN ({'|'.join(form.labels)})-----"}


@schema_of.register(Choice)
def _of_choice(declared: Choice[StrEnum]) -> Schema:
    values = [str(value) for value in declared.values]
    # With its type, though the values tell it: by that a validator knows that no intrinsic function was meant.
    return {
        "type": "string",
        "enum": values,
        **({} if declared.default is None else {"default": str(declared.default)}),
    }


@schema_of.register(Flag)
def _of_flag(declared: Flag) -> Schema:
    return {"type": ["boolean", "string"], "enum": [True, False, "true", "false"], "default": declared.default}


@schema_of.register(WholeNumber)
def _of_whole_number(declared: WholeNumber) -> Schema:
    return {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": declared.greatest},
            {"type": "string", "pattern": f"^({'|'.join(_digits_up_to(declared.greatest))})$"},
        ],
        "default": declared.default,
    }


def _decimals(declared: DecimalNumber) -> str:
    below_one = r"0\.[1-9][0-9]{0,2}" if declared.least == "0.1" else r"0(\.[0-9]{1,3})?"
    whole = "|".join(_digits_up_to(declared.greatest - 1))
    return rf"^({below_one}|({whole})(\.[0-9]{{1,3}})?|{declared.greatest}(\.0{{1,3}})?)$"


@schema_of.register(DecimalNumber)
def _of_decimal_number(declared: DecimalNumber) -> Schema:
    return {
        "anyOf": [
            {"type": "number", "minimum": float(declared.least), "maximum": declared.greatest},
            {"type": "string", "pattern": _decimals(declared)},
        ],
        "default": declared.default,
    }


def _digits_up_to(greatest: int) -> Iterator[str]:
    """Yield patterns of the whole numbers from 1: of fewer digits, of as many that are smaller, and the greatest."""
    digits = str(greatest)
    if len(digits) > 1:
        yield f"[1-9][0-9]{{0,{len(digits) - 2}}}"
    for place, digit in enumerate(digits):
        smallest = 1 if place == 0 else 0
        if int(digit) > smallest:
            rest = len(digits) - place - 1
            yield f"{digits[:place]}[{smallest}-{int(digit) - 1}]" + (f"[0-9]{{{rest}}}" if rest else "")
    yield digits


@schema_of.register(Texts)
def _of_texts(declared: Texts) -> Schema:
    schema: Schema = {"type": "array", "items": _or_intrinsic({"type": "string", "pattern": _whole(declared.pattern)})}
    if declared.most is None:
        return schema
    most = {"maxItems": declared.most}
    # Texts that are there twice count once, which a schema cannot say of a list that has any.
    return {**schema, "if": {"uniqueItems": True}, "then": most} if declared.once else {**schema, **most}


@schema_of.register(Maps)
def _of_maps(declared: Maps) -> Schema:
    schema: Schema = {"type": "array", "items": _or_intrinsic(_SchemaOfShape(declared.shape).made())}
    return schema if declared.most is None else {**schema, "maxItems": declared.most}


@schema_of.register(Map)
def _of_map(declared: Map) -> Schema:
    return _schema_of_map(declared).made()


def _whole(pattern: re.Pattern[str]) -> str:
    return f"^{pattern.pattern}$"
