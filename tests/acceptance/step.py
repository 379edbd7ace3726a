"""A step: an assumption, what relies on it, what to change where it is false, and how it is settled."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from acceptance.stage import Stage

ROOT = Path(__file__).parents[2]


class Kind(StrEnum):
    """What became of an assumption."""

    HOLDS = "holds"
    DIFFERS = "differs"
    NOT_TRIED = "not tried"


@dataclass(frozen=True)
class Verdict:
    """``said``: of one that differs, what AWS answered; of what was not tried, in whole or in part, why."""

    kind: Kind
    said: tuple[str, ...] = ()


class NotTriedError(Exception):
    """The step cannot be played here; its text says why, for the table."""


@dataclass(frozen=True)
class Reliance:
    """Code that is wrong where the assumption is: ``module:symbol``, ``iot_certificate_provider.errors:InUseError``."""

    symbol: str
    why: str

    def resolve(self) -> object:
        """Return the object; ImportError or AttributeError where it does not exist."""
        module, _, path = self.symbol.partition(":")
        return reduce(getattr, path.split("."), import_module(module))

    @property
    def place(self) -> str:
        """Return the file and the line where the symbol is defined: ``provider/…/iot.py:31``."""
        module, _, path = self.symbol.partition(":")
        file = Path(inspect.getfile(import_module(module)))
        found: Any = self.resolve()
        try:
            line, file = inspect.getsourcelines(found)[1], Path(inspect.getfile(found))
        except TypeError:  # a constant
            name = path.rpartition(".")[2]
            lines = file.read_text(encoding="utf-8").splitlines()
            line = next((n for n, text in enumerate(lines, 1) if text.lstrip().startswith((f"{name} ", f"{name}:"))), 1)
        return f"{file.relative_to(ROOT)}:{line}"


@dataclass(frozen=True)
class Step:
    """One step of the run.

    * ``assumption``: a sentence that is true or false of AWS. ``settles``: a few words for the table.
    * ``relies_on``: what is wrong where the assumption is. ``if_false``: what to change then.
    * ``play``: asks AWS, and checks; raises NotTriedError where that cannot be done.
    * ``minutes``, ``dollars``: on AWS, estimated. ``timeout_minutes``: after which the step is abandoned.
    * ``always``: also played when the run was interrupted.
    """

    number: int
    settles: str
    assumption: str
    relies_on: tuple[Reliance, ...]
    if_false: str
    play: Callable[[Stage], None]
    minutes: float
    dollars: float = 0.0
    timeout_minutes: float = 15.0
    always: bool = False

    @property
    def name(self) -> str:
        """Return what its names and its recording are called by: ``07``."""
        return f"{self.number:02}"
