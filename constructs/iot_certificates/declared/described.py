"""Values as errors show them."""

from __future__ import annotations

from enum import Enum

from iot_certificate_provider.errors import described_text, shown


def described(value: object, *, secret: bool = False) -> str:
    """Describe a value in a few words; a ``secret`` one, which may be a private key in the wrong place, by its kind."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, int | float):
        return "a number" if secret else repr(value)
    if isinstance(value, str):
        return described_text(value) if secret else shown(value)
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    name = "construct" if name == "InterfaceDynamicProxy" else name.removeprefix("_").removesuffix("Proxy")
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
