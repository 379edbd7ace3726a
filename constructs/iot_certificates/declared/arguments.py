"""Checks of every construct's arguments by their kinds, before the construct uses them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from iot_certificates.declared.declaration_error import CertificateDeclarationError
from iot_certificates.declared.described import described

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

_NO_DEFAULT = inspect.Parameter.empty
_SCOPE, _CONSTRUCT_ID = "scope", "construct_id"


@dataclass(frozen=True)
class Place:
    """The place of a value: the argument ``name`` of the construct, created or not, that ``construct_id`` names.

    Without a ``construct_id``, of ``scope`` itself.
    """

    scope: object
    name: str
    construct_id: str = ""

    @property
    def path(self) -> str:
        """The path that errors name."""
        path = self.scope.node.path if hasattr(self.scope, "node") else ""
        return "/".join(part for part in (path, self.construct_id) if part)

    def part(self, name: str) -> Place:
        """Return the place of a part of the value."""
        return replace(self, name=f"{self.name}.{name}")

    def refuse(self, problem: str, fix: str) -> CertificateDeclarationError:
        """Return the error that names this place."""
        return CertificateDeclarationError(self.path, self.name, problem, fix)


class Kind(Protocol):
    """A kind of argument."""

    def take(self, place: Place, value: Any) -> Any:
        """Return the value as the construct uses it; raise CertificateDeclarationError for one of another kind."""
        ...


def takes(**kinds: Kind) -> Callable[[Callable[_Parameters, _Result]], Callable[_Parameters, _Result]]:
    """Check the arguments of a function, or of a constructor, by their kinds; every argument must have a kind.

    None counts as left out, as everywhere in the CDK. Defaults are not checked.
    """

    def decorate(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
        parameters = inspect.signature(function).parameters
        _check_all_are_named(function.__qualname__, parameters, kinds)
        names = list(parameters)

        @wraps(function)
        def checked(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
            given = {**dict(zip(names, args, strict=False)), **kwargs}
            door = _door(given)

            def taken(name: str, value: Any) -> Any:
                return (
                    _taken(replace(door, name=name), parameters[name], kinds[name], value) if name in kinds else value
                )

            positional = [taken(name, value) for name, value in zip(names, args, strict=False)]
            by_name: Any = {name: taken(name, value) for name, value in kwargs.items()}
            # What is too many is left for Python to refuse.
            rest: Any = args[len(positional) :]
            return function(*positional, *rest, **by_name)

        # Without one, help() shows the arguments of the CDK's own class.
        checked.__doc__ = function.__doc__ or "Declare it: the class describes the arguments."
        return checked

    return decorate


def taken_fields(
    place: Place, value: object, kinds: Mapping[str, Kind], required: Collection[str] = ()
) -> dict[str, Any]:
    """Check the fields of a value object, an AutoRegistration for one, in the same way, and return them by name.

    One that is None was left out, unless it is ``required``.
    """
    fields = {name: getattr(value, name) for name in kinds}
    return {
        name: None if field is None and name not in required else kinds[name].take(place.part(name), field)
        for name, field in fields.items()
    }


def _door(given: Mapping[str, Any]) -> Place:
    scope, construct_id = given.get(_SCOPE), given.get(_CONSTRUCT_ID, "")
    if _SCOPE in given and not hasattr(type(scope), "node") and not hasattr(scope, "node"):
        raise Place(None, _SCOPE).refuse(
            f"is {described(scope)}", "Give the construct that it belongs to: a Stack, self"
        )
    if not isinstance(construct_id, str):
        raise Place(scope, _CONSTRUCT_ID).refuse(f"is {described(construct_id)}, not a text", "Give a text")
    return Place(scope, "", construct_id)


def _taken(place: Place, parameter: inspect.Parameter, kind: Kind, value: Any) -> Any:
    default = parameter.default
    if value is default or (value is None and default is not _NO_DEFAULT):
        return default
    return kind.take(place, value)


def _check_all_are_named(function: str, parameters: Mapping[str, object], kinds: Mapping[str, Kind]) -> None:
    expected = set(parameters) - {"self", "cls", _SCOPE, _CONSTRUCT_ID}
    if expected != set(kinds):
        raise TypeError(f"{function} takes {sorted(expected)}, and kinds are given for {sorted(kinds)}")


class _Signature:
    """The signature of a class is that of its constructor: jsii's metaclass hides it from help()."""

    def __get__(self, instance: object, owner: type) -> inspect.Signature:
        constructor: Any = vars(owner).get("__init__", owner.__init__)  # type: ignore[misc]
        signature = inspect.signature(constructor)
        _, *parameters = signature.parameters.values()
        return signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)


SIGNATURE = _Signature()
"""For ``__signature__`` of a construct's class."""
