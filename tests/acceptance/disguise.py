"""Replaces what identifies an account by placeholders: the same thing always by the same one.

Learned names come first (certificates, their ids, the prefix), then what has a form by which it is known: account ids,
UUIDs, hexadecimal ids, PEM texts, times.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

PLACEHOLDER = re.compile(r"<[a-z][a-z0-9:., -]*>")

_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----\n?", re.DOTALL)
_FORMS = (
    ("uuid", re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")),
    ("hex", re.compile(r"\b[0-9a-f]{40,64}\b")),
    ("time", re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?")),
    ("account", re.compile(r"\b\d{12}\b")),
    # CloudFormation's and Secrets Manager's: twelve capitals and digits, six letters and digits.
    ("suffix", re.compile(r"(?<=-)(?=[A-Z0-9]*\d)[A-Z0-9]{12,13}\b")),
)
_UNNUMBERED = frozenset({"time", "suffix"})


class Disguise:
    """Learns values, and replaces them in answers."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def learn(self, value: str, name: str) -> None:
        """Replace a value by ``<name>`` from now on."""
        if value:
            self._names.setdefault(value, f"<{name}>")

    def of(self, value: Any) -> Any:
        """Return a value of JSON in which nothing identifies an account."""
        if isinstance(value, dict):
            return {self._text(str(key)): self.of(member) for key, member in value.items()}
        if isinstance(value, list | tuple):
            return [self.of(each) for each in value]
        if isinstance(value, date):
            return "<time>"
        if isinstance(value, bytes):
            return "<bytes>"
        if value is None or isinstance(value, bool | int | float):
            return value
        return self._text(str(value))

    def _text(self, text: str) -> str:
        for value in sorted(self._names, key=len, reverse=True):
            text = text.replace(value, self._names[value])
        text = _PEM.sub(lambda found: self._numbered("pem", found[0]), text)
        for kind, form in _FORMS:
            text = form.sub(lambda found, kind=kind: self._numbered(kind, found[0]), text)  # type: ignore[misc]
        return text

    def _numbered(self, kind: str, value: str) -> str:
        if kind in _UNNUMBERED:
            return f"<{kind}>"
        if value not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[value] = f"<{kind} {self._counts[kind]}>"
        return self._names[value]


def bindings(recorded: Any, actual: Any) -> dict[str, str]:
    """Return what the placeholders of a recorded answer are in an actual one, wherever both have the same form."""
    found: dict[str, str] = {}
    if isinstance(recorded, dict) and isinstance(actual, dict):
        for name in recorded.keys() & actual.keys():
            found |= bindings(recorded[name], actual[name])
    elif isinstance(recorded, list) and isinstance(actual, list):
        for one, other in zip(recorded, actual, strict=False):
            found |= bindings(one, other)
    elif isinstance(recorded, str) and isinstance(actual, str):
        found |= _bound(recorded, actual)
    return found


def _bound(recorded: str, actual: str) -> dict[str, str]:
    names = PLACEHOLDER.findall(recorded)
    pattern = "(.+?)".join(re.escape(part) for part in PLACEHOLDER.split(recorded))
    match = re.fullmatch(pattern, actual, re.DOTALL) if names else None
    return dict(zip(names, match.groups(), strict=True)) if match else {}
