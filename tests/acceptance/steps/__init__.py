"""The steps, one module each, in the order in which they are played."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acceptance.step import Step

STEPS: tuple[Step, ...] = tuple(
    import_module(f"{__name__}.{found.name}").STEP
    for found in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name)
)


def step_of(number: int) -> Step | None:
    """Return the step with a number, None where there is none."""
    return next((step for step in STEPS if step.number == number), None)
