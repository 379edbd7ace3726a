"""Frozen dataclasses that are quickly made: a cold start makes fifty, and takes a third of the time for each.

``dataclasses`` writes and compiles five methods more for each class: for equality, for the hash, for ``repr``, and
against assignment. Here closures do what this package needs of them. The fields, ``__init__`` and ``replace`` are those
of ``dataclasses``.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool, eq: bool = True) -> Callable[[type], type]:
        """Return the decorator ``dataclasses.dataclass(frozen=True, eq=eq)``; no other kind is made here."""
        if not frozen:
            raise TypeError("Use dataclasses.dataclass for a class that is not frozen")
        return lambda cls: _frozen(cls, eq=eq)


__all__ = ["dataclass"]


def _frozen(cls: type, *, eq: bool) -> type:
    made: type[Any] = dataclasses.dataclass(repr=False, eq=False)(cls)
    fields = dataclasses.fields(made)
    methods: dict[str, Callable[..., Any]] = _against_assignment(made, frozenset(field.name for field in fields))
    methods["__repr__"] = _repr(tuple(field.name for field in fields if field.repr))
    if eq:
        methods |= _equality(tuple(field.name for field in fields if field.compare))
    own = dict(vars(made))
    for name, method in methods.items():
        # A class that defines __eq__ has None for its hash, which is no definition of one.
        if own.get(name) is None:
            setattr(made, name, method)
    return made


def _against_assignment(cls: type[Any], fields: frozenset[str]) -> dict[str, Callable[..., Any]]:
    def assign(self: object, name: str, value: object) -> None:
        # Only __init__ finds a field without a value.
        if name in self.__dict__ if name in fields else type(self) is cls:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        object.__setattr__(self, name, value)

    def delete(_: object, name: str) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    return {"__setattr__": assign, "__delattr__": delete}


def _repr(shown: tuple[str, ...]) -> Callable[[object], str]:
    def represent(self: object) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    return represent


def _equality(compared: tuple[str, ...]) -> dict[str, Callable[..., Any]]:
    # Of one field it returns the value, of several a tuple.
    values: Callable[[object], object] = attrgetter(*compared) if compared else lambda _: None

    def equals(self: object, other: object) -> bool:
        return values(self) == values(other) if type(other) is type(self) else NotImplemented

    def hash_of(self: object) -> int:
        return hash(values(self))

    return {"__eq__": equals, "__hash__": hash_of}
