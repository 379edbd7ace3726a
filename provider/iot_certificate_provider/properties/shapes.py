"""The shapes of the properties of a type, as data.

The ``Reader`` reads by them, and JSON Schemas and tables of the documentation are generated from them. Checks of
a certificate's, template's, name's or tag's content are code beside them, which refuses more than the shape: the same
key in two tags, or a name that is too long because of letters outside ASCII.

::

    Shape                 the properties of a type or of a map in it, and the rules among them
    ├── Property          name, what it is, what an update of it does, when it cannot be left out
    │   ├── Text          … with a pattern or a greatest length
    │   ├── Pem           … one block of PEM
    │   ├── Choice        … one member of an enumeration
    │   ├── Flag          … true or false
    │   ├── WholeNumber   … from 1 to a greatest
    │   ├── Texts, Maps   … lists
    │   └── Map           … with a shape of its own
    └── OneOf, Forbidden  rules; they and ``Property.required`` depend on a ``Condition``
"""

from __future__ import annotations

from dataclasses import KW_ONLY  # noqa: TC003 - the decorator looks for it in the module
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

from iot_certificate_provider.frozen import dataclass

if TYPE_CHECKING:
    import re

    from iot_certificate_provider.pki import Certificate, SigningRequest

Chosen_co = TypeVar("Chosen_co", bound=StrEnum, covariant=True)
InPem = TypeVar("InPem", "Certificate", "SigningRequest")


class Update(StrEnum):
    """The effect of the property's change on the resource."""

    IN_PLACE = "in place"
    NOTHING_TO_DO = "in place, nothing to do"
    REPLACEMENT = "replacement"
    ROTATION = "rotation"
    TRANSFERRED_AGAIN = "transferred again"
    REFUSED = "refused"


@dataclass(frozen=True, eq=False)
class Given:
    """Whether a property is there."""

    property: Property


@dataclass(frozen=True, eq=False)
class GivenIn:
    """Whether a property is there in the map that is another one."""

    map: Map
    property: Property


@dataclass(frozen=True, eq=False)
class Chosen:
    """Whether a choice has a value, be it by default."""

    choice: Choice[StrEnum]
    value: StrEnum


Condition = Given | GivenIn | Chosen


@dataclass(frozen=True, eq=False)
class Dependent:
    """A rule that applies always, or only ``when`` a condition holds, or ``unless`` it holds."""

    _: KW_ONLY
    when: Condition | None = None
    unless: Condition | None = None


ALWAYS = Dependent()


@dataclass(frozen=True, eq=False)
class OneOf(Dependent):
    """That exactly one of some properties is given.

    ``problem`` and ``fix`` are of none: without a ``problem``, the first of the properties is what is missing.
    ``several`` (``{given}`` are their names) and ``several_fix`` are of more than one.
    """

    properties: tuple[Property, ...]
    _: KW_ONLY
    problem: str = ""
    fix: str = ""
    several: str
    several_fix: str


@dataclass(frozen=True, eq=False)
class Forbidden(Dependent):
    """That something is not: a property is not given, or does not have a value."""

    what: Given | Chosen
    _: KW_ONLY
    problem: str
    fix: str = "Remove it"


Rule = OneOf | Forbidden


@dataclass(frozen=True, eq=False)
class Property:
    """One property: what all kinds of them have.

    * ``about``: what it is, for the documentation, as a part of a sentence.
    * ``update``: None within a map, of which it is a part; ``exception`` goes on from it.
    * ``required``: when it cannot be left out, if ever; ``missing`` says then what to give.
    """

    name: StrEnum
    _: KW_ONLY
    about: str = ""
    update: Update | None = None
    exception: str = ""
    required: Dependent | None = None
    missing: str = ""


@dataclass(frozen=True, eq=False)
class Text(Property):
    """A text that is not blank.

    * ``pattern`` matches the whole of it; ``problem`` and ``fix`` are of one that does not match.
    * ``longest``: how many characters it can have, and ``too_long``, the fix of a longer one; ``shortest``: how few,
      where it may be blank.
    * ``secret``: a key, or a passphrase, may stand in its place: errors do not quote it.
    * ``numeric``: an author may write a number as well; from a template it arrives as text.
    """

    _: KW_ONLY
    pattern: re.Pattern[str] | None = None
    problem: str = "is not one"
    fix: str = ""
    longest: int | None = None
    too_long: str = ""
    shortest: int | None = None
    numeric: bool = False
    secret: bool = False

    @property
    def may_be_blank(self) -> bool:
        """Whether only the number of its characters counts."""
        return self.shortest is not None

    def has_room_for(self, text: str) -> bool:
        """Whether it can have as many characters."""
        return (self.shortest or 0) <= len(text) and (self.longest is None or len(text) <= self.longest)

    @property
    def room(self) -> str:
        """The limit of characters, for an error."""
        return f"AWS takes {self.shortest} to {self.longest}" if self.shortest else f"AWS takes at most {self.longest}"


@dataclass(frozen=True, eq=False)
class Pem(Property, Generic[InPem]):
    """One block of PEM; ``of`` is what it holds, which reads it, and whose ``FORM`` has its labels and its length."""

    of: type[InPem]


@dataclass(frozen=True, eq=False)
class Choice(Property, Generic[Chosen_co]):
    """One member of an enumeration; without a default it cannot be left out."""

    values: type[Chosen_co]
    default: Chosen_co | None = None


@dataclass(frozen=True, eq=False)
class Flag(Property):
    """``true`` or ``false``."""

    _: KW_ONLY
    default: bool = False


@dataclass(frozen=True, eq=False)
class WholeNumber(Property):
    """A whole number from 1 to ``greatest``; ``problem`` is of anything else."""

    greatest: int
    default: int
    _: KW_ONLY
    problem: str


@dataclass(frozen=True, eq=False)
class DecimalNumber(Property):
    """A number from ``least``, 0 or 0.1, to ``greatest`` with at most three decimals; ``problem`` is of others."""

    least: str
    greatest: int
    default: int
    _: KW_ONLY
    problem: str


@dataclass(frozen=True, eq=False)
class Items(Property):
    """A list of at most so many; ``too_many`` says so."""

    _: KW_ONLY
    most: int | None = None
    too_many: str = ""


@dataclass(frozen=True, eq=False)
class Texts(Items):
    """A list of texts, the whole of each of which matches; ``once``: the same text again does not count."""

    pattern: re.Pattern[str]
    _: KW_ONLY
    once: bool = False


@dataclass(frozen=True, eq=False)
class Maps(Items):
    """A list of maps of one shape."""

    shape: Shape


@dataclass(frozen=True, eq=False)
class Map(Property):
    """A map with properties of its own; ``empty_is_left_out``: one of them that is an empty text is not there."""

    shape: Shape
    _: KW_ONLY
    empty_is_left_out: bool = False


@dataclass(frozen=True, eq=False)
class Shape:
    """All properties of a type or a map, in the order of the documentation, and the rules among them."""

    properties: tuple[Property, ...]
    rules: tuple[Rule, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of the properties."""
        return [str(each.name) for each in self.properties]
