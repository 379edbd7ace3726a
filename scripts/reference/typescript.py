"""TypeScript interfaces of the types' properties, from the same shapes as the JSON Schemas, in one file.

A property can hold a token wherever the CDK makes one: a text, a list of texts, or an ``IResolvable``.
"""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING

from iot_certificate_provider.properties.shapes import (
    ALWAYS,
    Choice,
    DecimalNumber,
    Flag,
    Map,
    Maps,
    Pem,
    Property,
    Shape,
    Text,
    Texts,
    WholeNumber,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import StrEnum
    from typing import Any

    from reference.documented_types import DocumentedType

_HEAD = """\
// The properties of the resource types of cdk-iot-certificates. Generated: make reference.
// `new CustomResource(this, 'Pump', { serviceToken, resourceType: DEVICE_CERTIFICATE, properties })`

import type { IResolvable } from 'aws-cdk-lib';
"""


def typescript(types: Iterable[DocumentedType]) -> str:
    """Return the file: for each type the constant with its name, and the interface of its properties."""
    return "\n".join((_HEAD, *map(_of_type, types)))


def _of_type(documented: DocumentedType) -> str:
    short = documented.type.removeprefix("Custom::Iot")
    constant = "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in short).lstrip("_")
    lines = [
        f"/** {documented.about} Ref is {documented.ref}. */".replace("`", ""),
        f"export const {constant} = '{documented.type}';",
        f"export interface {short}Properties {_interface(documented.shape, '')}",
    ]
    return "\n".join(lines) + "\n"


def _interface(shape: Shape, indent: str) -> str:
    inner = f"{indent}  "
    lines = [line for each in shape.properties for line in _property(each, inner)]
    return "\n".join(("{", *lines, f"{indent}}}"))


def _property(declared: Property, indent: str) -> list[str]:
    mark = "" if declared.required is ALWAYS else "?"
    update = "" if declared.update is None else f" Update: {declared.update}{declared.exception}."
    about = f"{declared.about[:1].upper()}{declared.about[1:]}.{update}".replace("`", "").replace("*/", "* /")
    comment = [f"{indent}/** {about} */"] if declared.about else []
    return [*comment, f"{indent}readonly {declared.name}{mark}: {_type(declared, indent)};"]


@singledispatch
def _type(declared: Property, _: str) -> str:
    raise TypeError(f"{type(declared).__name__} has no TypeScript type")


@_type.register(Text)
def _of_text(declared: Text, _: str) -> str:
    return "string | number" if declared.numeric else "string"


@_type.register(Pem)
def _of_pem(_declared: Pem[Any], _: str) -> str:
    return "string"


@_type.register(Choice)
def _of_choice(declared: Choice[StrEnum], _: str) -> str:
    return " | ".join(f"'{value}'" for value in declared.values)


@_type.register(Flag)
def _of_flag(_declared: Flag, _: str) -> str:
    return "boolean | 'true' | 'false'"


@_type.register(DecimalNumber)
def _of_decimal_number(_declared: DecimalNumber, _: str) -> str:
    return "number | string"


@_type.register(WholeNumber)
def _of_whole_number(_declared: WholeNumber, _: str) -> str:
    return "number | string"


@_type.register(Texts)
def _of_texts(_declared: Texts, _: str) -> str:
    return "readonly string[]"


@_type.register(Maps)
def _of_maps(declared: Maps, indent: str) -> str:
    return f"readonly ({_interface(declared.shape, indent)})[] | IResolvable"


@_type.register(Map)
def _of_map(declared: Map, indent: str) -> str:
    return f"{_interface(declared.shape, indent)} | IResolvable"
