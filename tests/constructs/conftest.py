"""A stage for the constructs: apps that bundle nothing, and templates in a form that assertions can read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, Environment, Stack

from synthesised import Synthesised

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HERE = f"{Path(__file__).parent}/"
NO_BUNDLING: Mapping[str, Any] = {"aws:cdk:bundling-stacks": []}


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests in one process: jsii takes seconds to start."""
    for item in items:
        if str(item.path).startswith(HERE):
            item.add_marker(pytest.mark.xdist_group("constructs"))


@pytest.fixture(scope="session")
def new_app() -> Callable[..., App]:
    """Make an app that bundles nothing; context may be given by key."""

    def make(context: Mapping[str, Any] | None = None) -> App:
        return App(context={**NO_BUNDLING, **(context or {})}, analytics_reporting=False)

    return make


@pytest.fixture(scope="session")
def new_stack(new_app: Callable[..., App]) -> Callable[..., Stack]:
    """Make a stack in an app of its own."""

    def make(region: str | None = None, context: Mapping[str, Any] | None = None) -> Stack:
        env = None if region is None else Environment(account="123456789012", region=region)
        return Stack(new_app(context), "Stack", env=env)

    return make


@pytest.fixture(scope="session")
def synthesise() -> Callable[[Stack], Synthesised]:
    """Synthesise a stack."""
    return Synthesised
