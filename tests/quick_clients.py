"""Caches for the SDK's clients in tests: botocore computes the same again for each client."""

from __future__ import annotations

import inspect
from dataclasses import replace
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

import botocore.context
import botocore.hooks
import botocore.session
from botocore.hooks import EVENT_ALIASES, EventAliaser

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from botocore.context import ClientContext


def make_clients_quickly(patch: pytest.MonkeyPatch) -> None:
    """Have all sessions of botocore share what they read of it, and what they make of the names of its events.

    Each session reads a megabyte of JSON for its first client, and each session and client compares the names of events
    with 150 aliases, and asks inspect whether its handlers take keywords. Each call of a paginator copies its context.
    """
    patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
    patch.setattr(botocore.hooks, "accepts_kwargs", _quick(botocore.hooks.accepts_kwargs))
    patch.setattr(botocore.context, "deepcopy", _copied)
    patch.setattr(EventAliaser, "__init__", _sharing_names(EventAliaser.__init__))


def _copied(context: ClientContext) -> ClientContext:
    """Copy what a page's call begins with: a set of texts, which deepcopy takes forty calls for."""
    return replace(context, features=set(context.features))


def _quick(accepts_kwargs: Callable[[Any], object]) -> Callable[[Any], object]:
    """Read from a function's code what inspect finds out in a hundred steps; of other callables inspect knows it."""

    @wraps(accepts_kwargs)
    def accepts(handler: Any) -> object:
        code = getattr(handler, "__code__", None)
        return accepts_kwargs(handler) if code is None else code.co_flags & inspect.CO_VARKEYWORDS

    return accepts


def _sharing_names(make: Callable[..., None]) -> Callable[..., None]:
    names: dict[str, str] = {}

    @wraps(make)
    def sharing(aliaser: Any, *arguments: Any, **options: Any) -> None:
        make(aliaser, *arguments, **options)
        if aliaser._event_aliases == EVENT_ALIASES:
            aliaser._alias_name_cache = names

    return sharing
