"""The kinds of arguments that constructs take."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from aws_cdk import Duration, RemovalPolicy, Token

from iot_certificate_provider.properties.issuance import GENERATION as _GENERATION
from iot_certificate_provider.properties.reader import Reader
from iot_certificate_provider.properties.shapes import Shape
from iot_certificates.declared.declaration_error import declaring
from iot_certificates.declared.described import described
from iot_certificates.declared.state import State, has_list_token, is_known, is_list_token, is_resolvable, state_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    from iot_certificate_provider.properties.shapes import Text as TextProperty
    from iot_certificates.declared.arguments import Kind, Place

    Item_co = TypeVar("Item_co", covariant=True)

    class Collection(Protocol[Item_co]):
        """A list, tuple or set; not a text, whose ``__contains__`` takes nothing but texts."""

        def __contains__(self, item: object, /) -> bool: ...
        def __iter__(self) -> Iterator[Item_co]: ...

    Item = TypeVar("Item")
    Items: TypeAlias = Collection[Item] | Iterator[Item]
    """What a list can be given as: anything with items but a text."""


@dataclass(frozen=True)
class Text:
    """A text, or what the CDK resolves to one; a literal is as ``like``, a property of the function's, demands.

    ``secret``: it is shown in no error.
    """

    fix: str = "Give a text"
    like: TextProperty | None = None
    secret: bool = False

    def take(self, place: Place, value: Any) -> Any:
        """Return the text."""
        if is_resolvable(value):
            return Token.as_string(value)
        is_numeric = self.like is not None and self.like.numeric
        if is_numeric and isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str) or has_list_token(value):
            raise place.refuse(f"is {described(value, secret=self.secret)}, not a text", self.fix)
        if is_known(value):
            self._check(place, value)
        return value

    def _check(self, place: Place, text: str) -> None:
        if self.secret:
            return
        if not text.strip():
            raise place.refuse("is empty", "Give it a text, or leave it out")
        if self.like is not None:
            with declaring(place.path, place.name):
                Reader({str(self.like.name): text}, Shape((self.like,))).text(self.like)


_HOW_TO_READ = "Give the PEM text itself: Path(…).read_text()"

PEM = Text(_HOW_TO_READ, secret=True)
"""The PEM text of a certificate or a request; literal_pem.py reads it."""


GENERATION = Text(like=_GENERATION)
"""Any text, or a whole number: another one rotates."""


@dataclass(frozen=True)
class Member:
    """A member of an enumeration, or its exact text.

    ``at_synth``: the template depends on it, and not only by this value, so that no token can be given.
    """

    of: type[Enum]
    at_synth: bool = False

    def take(self, place: Place, value: Any) -> Any:
        """Return the member, or the token."""
        if isinstance(value, self.of):
            return value
        if isinstance(value, str) and issubclass(self.of, StrEnum) and value in list(self.of):
            return self.of(value)
        if isinstance(value, (str, float)) or is_resolvable(value):
            state = state_of(value)
            if state is not State.LITERAL and not self.at_synth and not isinstance(value, float):
                return Token.as_string(value) if is_resolvable(value) else value
            if state is State.LOOKUP:
                return next(iter(self.of))
            if state is State.TOKEN:
                raise place.refuse("is known only at deployment, and the template depends on it", self._fix())
        raise place.refuse(f"is {described(value)}", self._fix())

    def _fix(self) -> str:
        return f"Use {_one_of([f'{self.of.__name__}.{member.name}' for member in self.of])}"


class _RemovalPolicies:
    """DESTROY, RETAIN or RETAIN_ON_UPDATE_OR_DELETE: a certificate has no snapshot."""

    def take(self, place: Place, value: Any) -> RemovalPolicy:
        """Return the policy."""
        if isinstance(value, RemovalPolicy) and value is not RemovalPolicy.SNAPSHOT:
            return value
        raise place.refuse(f"is {described(value)}", "Use RemovalPolicy.DESTROY or RemovalPolicy.RETAIN")


REMOVAL_POLICY = _RemovalPolicies()


class _Flag:
    """True or False."""

    def take(self, place: Place, value: Any) -> bool:
        """Return it."""
        if isinstance(value, bool):
            return value
        raise place.refuse(f"is {described(value)}", "Give True or False")


FLAG = _Flag()


@dataclass(frozen=True)
class WholeNumber:
    """A whole number from ``least`` on, or a number token."""

    least: int = 1

    def take(self, place: Place, value: Any) -> Any:
        """Return the number."""
        if state_of(value) is State.TOKEN and isinstance(value, float):
            return value
        if not isinstance(value, int) or isinstance(value, bool) or value < self.least:
            raise place.refuse(f"is {described(value)}", f"Give a whole number, {self.least} or more")
        return value


class _Durations:
    """A Duration of the CDK."""

    def take(self, place: Place, value: Any) -> Duration:
        """Return it."""
        if isinstance(value, Duration):
            return value
        number = value if isinstance(value, int) and not isinstance(value, bool) else "…"
        raise place.refuse(
            f"is {described(value)}, not a Duration",
            f"Give a Duration of aws_cdk: Duration.days({number}), Duration.minutes({number})",
        )


DURATION = _Durations()


@dataclass(frozen=True)
class Instance:
    """An object of one of these classes; ``secret``: a text in its place may be a key, and is shown in no error."""

    of: tuple[type, ...]
    fix: str
    secret: bool = False

    def take(self, place: Place, value: Any) -> Any:
        """Return it."""
        if isinstance(value, self.of):
            return value
        raise place.refuse(f"is {described(value, secret=self.secret)}", self.fix)


@dataclass(frozen=True)
class Having:
    """An object of the CDK's with all of these members: what jsii returns for an interface is of no class.

    ``secret``: a text in its place may be a key, and is shown in no error.
    """

    members: tuple[str, ...]
    fix: str
    but_not: tuple[type, ...] = ()
    secret: bool = False

    def take(self, place: Place, value: Any) -> Any:
        """Return it."""
        if has_members(value, *self.members) and not isinstance(value, self.but_not):
            return value
        raise place.refuse(f"is {described(value, secret=self.secret)}", self.fix)


class _Anything:
    """Arguments that another library checks: the CDK's own properties."""

    def take(self, place: Place, value: Any) -> Any:  # noqa: ARG002 - as every kind
        """Return it."""
        return value


ANYTHING = _Anything()


def has_members(value: object, *members: str) -> bool:
    """Whether an object has all of these members; a class does not count."""
    if isinstance(value, type):
        return False
    # Asked of the class first: of an object, each property is a question that is asked in another process.
    return all(hasattr(type(value), member) or hasattr(value, member) for member in members)


@dataclass(frozen=True)
class ListOf:
    """A list of one kind: any collection or iterator, which is read once, or a list that the deployment knows."""

    kind: Kind
    fix: str

    def take(self, place: Place, value: Any) -> Any:
        """Return a list, or what the CDK resolves to one."""
        if is_resolvable(value) or is_list_token(value):
            return value if is_resolvable(value) else list(value)
        if isinstance(value, str) and state_of(value) is State.TOKEN:
            raise place.refuse(
                "is a text that is known only at deployment, not a list",
                "Give value_as_list of a parameter of type CommaDelimitedList, or Fn.split(',', …)",
            )
        items = self._read(place, value)
        if any(has_list_token(item) for item in items):
            raise place.refuse(
                "has a list that is known only at deployment among other items", "Give that list alone, or items only"
            )
        return [self.kind.take(place, item) for item in items]

    def _read(self, place: Place, value: Any) -> list[Any]:
        # A construct is no collection, though jsii gives some of them an __iter__.
        if isinstance(value, (str, bytes, dict)) or not hasattr(type(value), "__iter__") or has_members(value, "node"):
            raise place.refuse(f"is {described(value)}, not a list", self.fix)
        return list(value)


def _one_of(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def property_of(properties: Shape, *path: str) -> Any:
    """Return a property of the function's by its name in templates, or one in a map by the names on the way."""
    name, *rest = path
    (found,) = (each for each in properties.properties if each.name == name)
    nested: Any = found
    return property_of(nested.shape, *rest) if rest else found
