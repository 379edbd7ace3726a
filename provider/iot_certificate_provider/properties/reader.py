"""Reading one property at a time out of CloudFormation's strings, lists and maps, as its shape says."""

from __future__ import annotations

import difflib
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from iot_certificate_provider.errors import (
    InvalidPropertyError,
    attributing_to,
    described_text,
    kind_of,
    shown,
    shown_name,
)
from iot_certificate_provider.properties.shapes import Chosen, GivenIn, OneOf, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sized

    from iot_certificate_provider.pki import Certificate
    from iot_certificate_provider.properties.shapes import (
        Choice,
        Condition,
        DecimalNumber,
        Dependent,
        Flag,
        InPem,
        Items,
        Map,
        Maps,
        Pem,
        Property,
        Rule,
        Shape,
        Texts,
        WholeNumber,
    )

_VALUE_OR_NOTHING = "Give it a value, or leave the property out"

CLOUDFORMATIONS_OWN = frozenset({"ServiceToken", "ServiceTimeout"})

_WHOLE_NUMBER = re.compile(r"[1-9][0-9]*")
_DECIMAL_NUMBER = re.compile(r"(0|[1-9][0-9]{0,5})(\.[0-9]{1,3})?")

_Choice = TypeVar("_Choice", bound=StrEnum)
_Value = TypeVar("_Value")


class Reader:
    """Reads one property at a time; refuses, to begin with, those that the shape does not have, or its rules forbid.

    What is read of a property raises InvalidPropertyError where the shape does not allow it, or requires what is not
    there. With ``empty_is_left_out``, one that is an empty text is not there.
    """

    def __init__(
        self, raw: Mapping[str, Any], shape: Shape, prefix: str = "", *, empty_is_left_out: bool = False
    ) -> None:
        self._raw = raw
        self._empty_is_left_out = empty_is_left_out
        self._prefix = prefix
        names = shape.names
        others = CLOUDFORMATIONS_OWN if not prefix else frozenset()
        for name in raw:
            if name not in names and name not in others:
                raise InvalidPropertyError(
                    prefix + shown_name(name), "is not a property of this type", _nearest(name, names)
                )
        for rule in shape.rules:
            if self._applies(rule):
                self._obey(rule)

    def given(self, declared: Property) -> bool:
        """Whether the property is there at all."""
        return _is_there(self._raw, declared, empty_is_left_out=self._empty_is_left_out)

    def text(self, declared: Text) -> str:
        """Return a required text."""
        text = self._text(declared)
        if text is None:
            raise self._missing(declared)
        return text

    def optional_text(self, declared: Text) -> str | None:
        """Return a text; None without the property."""
        return self._unless_required(declared, self._text(declared))

    def any_text(self, declared: Property) -> str | None:
        """Return a text, whatever else the shape says: not a blank one, unless the shape has one; None without."""
        if not self.given(declared):
            return None
        value = self._raw[declared.name]
        if value is None:
            raise self._missing(declared)
        if not isinstance(value, str):
            raise self._error(declared, f"is a {kind_of(value)}, not a text", "Give one text")
        if not value.strip() and not (isinstance(declared, Text) and declared.may_be_blank):
            raise self._error(declared, "is empty", _VALUE_OR_NOTHING)
        return value

    def pem(self, declared: Pem[InPem]) -> InPem | None:
        """Return what the PEM holds; None without the property."""
        text = self._unless_required(declared, self.any_text(declared))
        if text is None:
            return None
        with attributing_to(self.full_name(declared)):
            return declared.of.from_pem(text)

    def certificate(self, declared: Pem[Certificate], check: Callable[[Certificate], None]) -> Certificate | None:
        """Return the certificate of a PEM that passes ``check``."""
        certificate = self.pem(declared)
        if certificate is not None:
            with attributing_to(self.full_name(declared)):
                check(certificate)
        return certificate

    def choice(self, declared: Choice[_Choice]) -> _Choice:
        """Return the member of the enumeration, or the default."""
        text = self.any_text(declared)
        if text is None:
            return required(declared.default, self.full_name(declared), declared.missing)
        try:
            return declared.values(text)
        except ValueError as error:
            allowed = ", ".join(declared.values)
            raise self._error(declared, f"{shown(text)} is not an allowed value", f"Use one of {allowed}") from error

    def flag(self, declared: Flag) -> bool:
        """Return whether it is "true", or the default. CloudFormation writes booleans so."""
        value = self._raw[declared.name] if self.given(declared) else str(declared.default).lower()
        if value not in ("true", "false"):
            raise self._error(declared, f"{shown(value)} is not an allowed value", "Use true or false")
        return bool(value == "true")

    def whole_number(self, declared: WholeNumber) -> int:
        """Return a whole number, which CloudFormation gives as a text without sign or leading zeros, or the default."""
        text = self.any_text(declared)
        if text is None:
            return declared.default
        # Python refuses to read numbers of thousands of digits.
        if (
            len(text) > len(str(declared.greatest))
            or not _WHOLE_NUMBER.fullmatch(text)
            or int(text) > declared.greatest
        ):
            fix = f"Give a whole number from 1 to {declared.greatest}"
            raise self._error(declared, f"{shown(text)} {declared.problem}", fix)
        return int(text)

    def decimal_number(self, declared: DecimalNumber) -> float:
        """Return a number, which CloudFormation gives as a text, or the default."""
        text = self.any_text(declared)
        if text is None:
            return declared.default
        is_one = _DECIMAL_NUMBER.fullmatch(text) is not None
        if not is_one or not float(declared.least) <= float(text) <= declared.greatest:
            fix = f"Give a number from {declared.least} to {declared.greatest:,}, with three decimals at most"
            raise self._error(declared, f"{shown(text)} {declared.problem}", fix)
        return float(text)

    def items(self, declared: Items) -> list[Any]:
        """Return a list of anything; empty without the property."""
        value = self._raw[declared.name] if self.given(declared) else []
        if not isinstance(value, list):
            raise self._error(declared, f"is a {kind_of(value)}, not a list", "Give a list, also for one item")
        return value

    def names(self, declared: Texts) -> tuple[str, ...]:
        """Return a list of texts that match, each once."""
        names = self.items(declared)
        for item in names:
            if not isinstance(item, str) or not declared.pattern.fullmatch(item):
                fix = f"A name matches {declared.pattern.pattern}"
                raise self._error(declared, f"{shown(item)} is not a valid name", fix)
        counted = tuple(dict.fromkeys(names)) if declared.once else tuple(names)
        self.check_count(declared, counted)
        return counted

    def check_count(self, declared: Items, items: Sized) -> None:
        """Refuse more than there can be."""
        if declared.most is not None and len(items) > declared.most:
            raise self._error(declared, f"there are {len(items)}", declared.too_many)

    def mapping(self, declared: Map) -> Mapping[str, Any] | None:
        """Return a map of anything; None without the property."""
        if not self.given(declared):
            return self._unless_required(declared, None)
        value = self._raw[declared.name]
        if value is None:
            raise self._error(declared, "is empty", declared.missing or _VALUE_OR_NOTHING)
        if not isinstance(value, dict):
            raise self._error(declared, f"is a {kind_of(value)}, not a map", "See the documentation of its properties")
        return value

    def nested(self, declared: Map) -> Reader | None:
        """Return a reader of a map's own properties, which are named after it in errors; None without the map."""
        value = self.mapping(declared)
        if value is None:
            return None
        prefix = f"{self._prefix}{declared.name}."
        return Reader(value, declared.shape, prefix, empty_is_left_out=declared.empty_is_left_out)

    def maps(self, declared: Maps) -> list[Reader]:
        """Return a reader for each map of a list, with all that it cannot do without; no more than there can be."""
        items = self.items(declared)
        self.check_count(declared, items)
        for item in items:
            if not isinstance(item, dict):
                fix = f"Write {{{', '.join(f'{name}: …' for name in declared.shape.names)}}}"
                raise self._error(declared, f"an item is a {kind_of(item)}, not a map", fix)
        return [Reader(item, declared.shape, f"{self._prefix}{declared.name}.") for item in items]

    def full_name(self, declared: Property) -> str:
        """Return the name by which errors tell the property."""
        return self._prefix + declared.name

    def _text(self, declared: Text) -> str | None:
        text = self.any_text(declared)
        if text is None:
            return None
        if declared.pattern is not None and not declared.pattern.fullmatch(text):
            described = described_text(text) if declared.secret else shown(text)
            raise self._error(declared, f"{described} {declared.problem}", declared.fix)
        if not declared.has_room_for(text):
            raise self._error(declared, f"has {len(text):,} characters", declared.too_long or declared.room)
        return text

    def _unless_required(self, declared: Property, value: _Value | None) -> _Value | None:
        if value is None and declared.required is not None and self._applies(declared.required):
            raise self._missing(declared)
        return value

    def _missing(self, declared: Property) -> InvalidPropertyError:
        return self._error(declared, "is missing", declared.missing or _VALUE_OR_NOTHING)

    def _obey(self, rule: Rule) -> None:
        if isinstance(rule, OneOf):
            self._check_one_of(rule)
        elif self._holds(rule.what):
            what = rule.what
            broken = what.choice if isinstance(what, Chosen) else what.property
            raise self._error(broken, rule.problem, rule.fix)

    def _check_one_of(self, rule: OneOf) -> None:
        given = [str(each.name) for each in rule.properties if self.given(each)]
        if len(given) == 1:
            return
        if not given and not rule.problem:
            raise self._missing(rule.properties[0])
        name = self._prefix.removesuffix(".") or ", ".join(each.name for each in rule.properties)
        if not given:
            raise InvalidPropertyError(name, rule.problem, rule.fix)
        raise InvalidPropertyError(name, rule.several.format(given=" and ".join(given)), rule.several_fix)

    def _applies(self, rule: Dependent) -> bool:
        if rule.when is not None and not self._holds(rule.when):
            return False
        return rule.unless is None or not self._holds(rule.unless)

    def _holds(self, condition: Condition) -> bool:
        if isinstance(condition, Chosen):
            return self.choice(condition.choice) == condition.value
        if isinstance(condition, GivenIn):
            value = self.mapping(condition.map)
            left_out = condition.map.empty_is_left_out
            return value is not None and _is_there(value, condition.property, empty_is_left_out=left_out)
        return self.given(condition.property)

    def _error(self, declared: Property, problem: str, fix: str) -> InvalidPropertyError:
        return InvalidPropertyError(self.full_name(declared), problem, fix)


def _is_there(raw: Mapping[str, Any], declared: Property, *, empty_is_left_out: bool) -> bool:
    return declared.name in raw and not (empty_is_left_out and raw[declared.name] == "")


def required(value: _Value | None, name: str, fix: str) -> _Value:
    """Return the value, or raise InvalidPropertyError for the property that lacks it."""
    if value is None:
        raise InvalidPropertyError(name, "is missing", fix)
    return value


def _nearest(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f"Did you mean {near[0]}?" if near else f"It has {', '.join(names)}"
