"""Values as errors show them."""

from __future__ import annotations

from enum import Enum

_LONGEST = 48


def described(value: object, *, secret: bool = False) -> str:
    """Describe a value in a few words; a ``secret`` one, which may be a private key in the wrong place, by its kind."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, str):
        return _text(value, secret=secret)
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    name = "construct" if name == "InterfaceDynamicProxy" else name.removeprefix("_").removesuffix("Proxy")
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _text(value: str, *, secret: bool) -> str:
    short = len(value) <= _LONGEST and value.isprintable()
    return f"'{value}'" if short and not secret else f"a text of {len(value):,} characters"
