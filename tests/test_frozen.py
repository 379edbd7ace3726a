"""The provider's frozen dataclasses do as those of ``dataclasses``, which take three times as long to make."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import re
from dataclasses import KW_ONLY, FrozenInstanceError, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pytest

import iot_certificate_provider
from iot_certificate_provider import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = TypeVar("Kind")


@frozen.dataclass(frozen=True)
class Quick(Generic[Kind]):
    """One of each kind of field."""

    name: str
    kind: Kind
    _: KW_ONLY
    secret: str = field(default="", repr=False)
    note: str = field(default="", compare=False)
    names: list[str] = field(default_factory=list, hash=False, compare=False)

    @cached_property
    def length(self) -> int:
        """Computed once."""
        return len(self.name)


@frozen.dataclass(frozen=True)
class Quicker(Quick[int]):
    """One with a field more."""

    more: int = 0


@frozen.dataclass(frozen=True)
class Own:
    """One with methods of its own."""

    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own) and other.text.lower() == self.text.lower()

    def __hash__(self) -> int:
        return hash(self.text.lower())

    def __repr__(self) -> str:
        return "own"


@frozen.dataclass(frozen=True, eq=False)
class Identical:
    """One that equals itself alone."""

    text: str


def _twins(decorator: Any) -> tuple[Any, Any]:
    @decorator(frozen=True)
    class Base:
        """One of each kind of field."""

        name: str
        kind: object
        _: KW_ONLY
        secret: str = field(default="", repr=False)
        note: str = field(default="", compare=False)
        names: list[str] = field(default_factory=list, hash=False, compare=False)

    @decorator(frozen=True)
    class Derived(Base):
        """One with a field more."""

        more: int = 0

        def __post_init__(self) -> None:
            object.__setattr__(self, "more", self.more + 1)

    return Base, Derived


PAIRS = list(zip(_twins(frozen.dataclass), _twins(dataclasses.dataclass), strict=True))


@pytest.mark.parametrize(("quick", "usual"), PAIRS)
def test_what_differs_and_what_is_shown_is_the_same(quick: Callable[..., Any], usual: Callable[..., Any]) -> None:
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        (("a", 1), {}),
        (("a", 2), {}),
        (("b", 1), {}),
        (("a", 1), {"secret": "s"}),
        (("a", 1), {"note": "n"}),
        (("a", 1), {"names": ["n"]}),
    ]
    ours, theirs = ([make(*args, **named) for args, named in calls] for make in (quick, usual))
    assert [repr(each) for each in ours] == [repr(each) for each in theirs]
    assert [[a == b for a in ours] for b in ours] == [[a == b for a in theirs] for b in theirs]
    assert [hash(each) for each in ours] == [hash(each) for each in theirs]
    assert ours[0] != theirs[0]


@pytest.mark.parametrize("make", [Quick, Quicker])
@pytest.mark.parametrize("name", ["name", "secret", "unknown"])
def test_nothing_is_assigned_or_deleted(make: Callable[..., Any], name: str) -> None:
    value = make("a", 1)
    with pytest.raises(FrozenInstanceError, match=f"cannot assign to field '{name}'"):
        setattr(value, name, "b")
    with pytest.raises(FrozenInstanceError, match=f"cannot delete field '{name}'"):
        delattr(value, name)
    assert value == make("a", 1)


def test_it_is_replaced_copied_and_remembers() -> None:
    value = Quicker("abc", 1, names=["n"])
    assert dataclasses.replace(value, name="b", more=4) == Quicker("b", 1, more=4)
    assert copy.deepcopy(value) == value == pickle.loads(pickle.dumps(value))  # noqa: S301 - made here
    assert (value.length, value.more) == (3, 0)
    assert dataclasses.asdict(value)["names"] == ["n"]
    assert Quick[int]("a", 1) == Quick("a", 1)


def test_methods_of_its_own_stay() -> None:
    assert Own("a") == Own("A")
    assert len({Own("a"), Own("A")}) == 1
    assert repr(Own("a")) == "own"
    assert Identical("a") != Identical("a")
    assert len({Identical("a"), Identical("a")}) == 2


def test_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Use dataclasses\.dataclass"):
        frozen.dataclass(frozen=False)


def test_the_function_has_no_other_frozen_dataclasses() -> None:
    folder = Path(iot_certificate_provider.__file__).parent
    for file in folder.rglob("*.py"):
        source = file.read_text()
        if "@dataclass(frozen=True" in source:
            assert re.search(r"^from iot_certificate_provider\.frozen import dataclass$", source, re.MULTILINE), file
        assert not re.search(r"@dataclasses\.dataclass\(.*frozen", source), file
