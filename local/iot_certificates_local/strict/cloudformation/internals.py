"""Replacing a function of MiniStack's CloudFormation by one of ours, where it is the one that ours was written for.

MiniStack has no place for extensions, so that its module's names are bound anew. A release of MiniStack that renames a
function, changes its parameters or no longer looks it up under that name would make our part silently useless: each of
these stops the start of the embedded AWS with MiniStackChangedError, and so the first test that uses it.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

    Function = Callable[..., Any]


class MiniStackChangedError(RuntimeError):
    """MiniStack is not the release that the strict layer was written for."""


def replace(
    module: ModuleType, name: str, parameters: str, ours: Callable[[Function], Function], *, used_by: Iterable[str] = ()
) -> None:
    """Bind ``name`` of ``module`` to ``ours(the function that it is bound to)``.

    * ``parameters``: the function's, separated by spaces, as they must be.
    * ``used_by``: the functions of the module that must look it up by this name.

    Raises MiniStackChangedError when the module has another function, or does not use it.
    """
    function = getattr(module, name, None)
    if not inspect.isfunction(function):
        raise _changed(f"{module.__name__} has no function {name}")
    check_parameters(function, parameters)
    for user in used_by:
        # One that is bound anew itself, with functools.wraps, still says what MiniStack's looks up.
        using = getattr(module, user, None)
        code = getattr(inspect.unwrap(using), "__code__", None) if callable(using) else None
        if code is None or name not in _names(code):
            raise _changed(f"{module.__name__}.{user} does not use {name}")
    setattr(module, name, ours(function))


def check_parameters(function: Function, parameters: str) -> None:
    """Raise MiniStackChangedError when a function's parameters have other names than these."""
    found = " ".join(inspect.signature(function).parameters)
    if found != parameters:
        raise _changed(f"{function.__module__}.{function.__qualname__} takes ({found}) and not ({parameters})")


def _names(code: Any) -> set[str]:
    """Return the global names that a function, or a function within it, looks up."""
    inner = [constant for constant in code.co_consts if inspect.iscode(constant)]
    return {*code.co_names, *code.co_freevars}.union(*map(_names, inner))


def _changed(problem: str) -> MiniStackChangedError:
    return MiniStackChangedError(
        f"MiniStack changed: {problem}. Adapt iot_certificates_local.strict.cloudformation, or install the release of "
        "MiniStack that requirements/ pins"
    )
