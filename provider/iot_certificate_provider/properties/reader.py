"""Reading one property at a time out of CloudFormation's strings, lists and maps."""

from __future__ import annotations

import difflib
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from iot_certificate_provider.errors import CertificateRejectedError, InvalidPropertyError
from iot_certificate_provider.pki import Certificate
from iot_certificate_provider.pki.fitness import shorten

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator, Mapping

CLOUDFORMATIONS_OWN = frozenset({"ServiceToken", "ServiceTimeout"})

_Choice = TypeVar("_Choice", bound=StrEnum)
_Value = TypeVar("_Value")


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Turn what is wrong with a certificate, a key or a secret into what is wrong with the property ``name``."""
    try:
        yield
    except CertificateRejectedError as error:
        raise InvalidPropertyError(name, error.problem, error.fix) from error


def readable(read: Callable[[Mapping[str, Any]], _Value], raw: Mapping[str, Any]) -> _Value | None:
    """Read old properties, or return None when they are not valid.

    Invalid ones were refused before anything was written: an Update that rolls back from them finds nothing of theirs.
    """
    try:
        return read(raw)
    except InvalidPropertyError:
        return None


class Reader:
    """Reads one property at a time; refuses, to begin with, those that the type does not have."""

    def __init__(self, raw: Mapping[str, Any], known: type[StrEnum], prefix: str = "") -> None:
        self._raw = raw
        self._prefix = prefix
        names = [str(name) for name in known]
        for name in raw:
            if name not in names and name not in CLOUDFORMATIONS_OWN:
                raise InvalidPropertyError(
                    prefix + shorten(name), "is not a property of this type", _nearest(name, names)
                )

    def given(self, name: StrEnum) -> bool:
        """Whether the property is there at all."""
        return name in self._raw

    def text(self, name: StrEnum) -> str | None:
        """Return a text that is not empty; None without the property."""
        value = self._raw.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._error(name, f"is a {_kind(value)}, not a text", "Give one text")
        if not value.strip():
            raise self._error(name, "is empty", "Give it a value, or leave the property out")
        return value

    def read_with(self, name: StrEnum, read: Callable[[str], _Value]) -> _Value | None:
        """Return what ``read`` makes of the text; its CertificateRejectedError is told of the property."""
        text = self.text(name)
        if text is None:
            return None
        with naming(self._prefix + name):
            return read(text)

    def certificate(self, name: StrEnum, check: Callable[[Certificate], None]) -> Certificate | None:
        """Return the certificate of a PEM that passes ``check``."""
        certificate = self.read_with(name, Certificate.from_pem)
        if certificate is not None:
            with naming(self._prefix + name):
                check(certificate)
        return certificate

    def choice(self, name: StrEnum, default: _Choice) -> _Choice:
        """Return the member of the default's enumeration."""
        text = self.text(name)
        if text is None:
            return default
        choices = type(default)
        try:
            return choices(text)
        except ValueError as error:
            allowed = ", ".join(choices)
            raise self._error(name, f"{shown(text)} is not a value it can have", f"Use one of {allowed}") from error

    def flag(self, name: StrEnum) -> bool:
        """Return whether it is "true"; "false" without the property. CloudFormation writes booleans so."""
        value = self._raw.get(name, "false")
        if value not in ("true", "false"):
            raise self._error(name, f"{shown(value)} is not a value it can have", "Use true or false")
        return bool(value == "true")

    def short_text(self, name: StrEnum, longest: int) -> str | None:
        """Return a text of at most so many characters; None without the property."""
        text = self.text(name)
        if text is not None and len(text) > longest:
            raise self._error(name, f"has {len(text)} characters", f"AWS IoT takes at most {longest}")
        return text

    def matching(self, name: StrEnum, pattern: re.Pattern[str], fix: str) -> str:
        """Return a text that has to be there, and to match."""
        text = self.required_text(name, fix)
        if not pattern.fullmatch(text):
            raise self._error(name, f"{shown(text)} is not one", fix)
        return text

    def items(self, name: StrEnum) -> list[Any]:
        """Return a list of anything; empty without the property."""
        value = self._raw.get(name, [])
        if not isinstance(value, list):
            raise self._error(name, f"is a {_kind(value)}, not a list", "Give a list, also for one item")
        return value

    def names(self, name: StrEnum, pattern: re.Pattern[str]) -> tuple[str, ...]:
        """Return a list of texts that match, each once."""
        names = self.items(name)
        for item in names:
            if not isinstance(item, str) or not pattern.fullmatch(item):
                raise self._error(name, f"{shown(item)} is not a valid name", f"A name matches {pattern.pattern}")
        return tuple(dict.fromkeys(names))

    def mapping(self, name: StrEnum) -> Mapping[str, Any] | None:
        """Return a map of anything; None without the property."""
        value = self._raw.get(name)
        if value is not None and not isinstance(value, dict):
            raise self._error(name, f"is a {_kind(value)}, not a map", "See its properties in the documentation")
        return value

    def nested(self, name: StrEnum, known: type[StrEnum], *, empty_is_left_out: bool = False) -> Reader | None:
        """Return a reader of a map's own properties, which are named after it in errors."""
        value = self.mapping(name)
        if value is not None and empty_is_left_out:
            value = {key: text for key, text in value.items() if text != ""}
        return None if value is None else Reader(value, known, prefix=f"{self._prefix}{name}.")

    def required_text(self, name: StrEnum, fix: str) -> str:
        """Return a text that has to be there."""
        return required(self.text(name), self._prefix + name, fix)

    def _error(self, name: StrEnum, problem: str, fix: str) -> InvalidPropertyError:
        return InvalidPropertyError(self._prefix + name, problem, fix)


def required(value: _Value | None, name: str, fix: str) -> _Value:
    """Return the value, or raise InvalidPropertyError for the property that lacks it."""
    if value is None:
        raise InvalidPropertyError(name, "is missing", fix)
    return value


def _nearest(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f"Did you mean {near[0]}?" if near else f"It has {', '.join(names)}"


def shown(value: object) -> str:
    """Quote a short value; one that is long, or has several lines, may be a private key in the wrong place."""
    if not isinstance(value, str):
        return f"a {_kind(value)}"
    return f"'{value}'" if value == shorten(value) and value.isprintable() else f"a text of {len(value)} characters"


def _kind(value: object) -> str:
    return {"list": "list", "dict": "map", "str": "text"}.get(type(value).__name__, type(value).__name__)


def is_text(value: object) -> bool:
    """Whether CloudFormation gave a text, and not a list or a map."""
    return isinstance(value, str)
