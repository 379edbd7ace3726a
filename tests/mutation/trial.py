"""Running tests against a changed provider: a process for each trial, forked from one that has imported the rest.

The provider is a copy of its own for each worker, which stands first on the path; the tests are those of the tree. A
mutant that waits for ever is ended by pytest-timeout, one that calculates for ever by a limit of processor time.
"""

from __future__ import annotations

import compileall
import contextlib
import functools
import itertools
import json
import os
import py_compile
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from fakes.service_models import fake_session
from mutation.mutants import MODULE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from mutation.mutants import Mutant

    TraceFunction = Callable[[FrameType, str, Any], Any]

ROOT = Path(__file__).parents[2]
PACKAGE = "iot_certificate_provider"
TESTS = (
    "tests/resources",
    "tests/test_expiry.py",
    "tests/test_history.py",
    "tests/test_template.py",
    "tests/test_decisions.py",
    "tests/test_response.py",
    "tests/handler",
    "tests/protocol/test_sequences.py",
    "tests/protocol/test_adoption.py",
    "tests/protocol/test_cancelled.py",
    "tests/protocol/test_delays.py",
    "tests/protocol/test_several_owners.py",
    "tests/protocol/test_in_use.py",
    "tests/protocol/test_kept_keys.py",
    "tests/protocol/test_overlap.py",
    "tests/protocol/test_certificate_generation.py",
    "tests/protocol/test_lives_that_broke.py",
    "tests/protocol/test_registration_code.py",
    "tests/protocol/test_renamed_or_moved.py",
    "tests/protocol/test_retained.py",
    "tests/protocol/test_transfers.py",
)
"""What is quick: no emulator, no CDK."""
LEFT_OUT = ("tests/handler/test_vectors.py",)
"""Thousands of inputs; what they test is not in what is mutated."""

DEADLOCK_SECONDS = 60
"""A test that takes longer has met a deadlock: the slowest takes a second or two, on a busy machine some more."""
MOST_SECONDS = float(os.environ.get("MOST_SECONDS") or "30")
"""Of tests in a trial, as long as they take while they are observed, which is three times as long as without.

A line that every event executes is in 2,000 tests: those that have noticed other mutants there come first, and the
quick ones. What none of them notices counts as a survivor.
"""
SPARE_SECONDS = 20.0
"""Of processor time, above twice what the tests of a trial take without a mutant."""
LOST_SECONDS = 900
"""After that, a process that nothing else has ended is killed."""

_NOTICED = (
    pytest.ExitCode.TESTS_FAILED,
    # A test module, or a conftest.py, could not be imported any more.
    pytest.ExitCode.INTERRUPTED,
    pytest.ExitCode.USAGE_ERROR,
)


class Verdict(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"
    LISTED = "listed"
    """As a survivor, with a reason: believed, and not tried."""
    UNTESTED = "untested"


Function = tuple[str, str]
"""A module and a qualified name in it."""


@dataclass(frozen=True)
class Test:
    """One test: how long it takes, what it executes of the provider, and whether it has another process do so.

    * ``lines``: by module, a bit for each line.
    """

    node_id: str
    seconds: float
    calls: frozenset[Function]
    lines: dict[str, int]
    starts_processes: bool


@dataclass(frozen=True)
class Observed:
    """What can notice a mutant where: all tests, and the functions that are called when the provider is imported."""

    tests: list[Test]
    imported: frozenset[Function]

    def noticing(self, mutant: Mutant) -> list[Test]:
        """Return the tests that execute the mutant's line; those of its module when importing it does so.

        Of a line that is executed when its function is defined, such as a default, those that call the function.
        """
        place = (mutant.module, mutant.definition)
        if mutant.definition == MODULE or place in self.imported:
            return [t for t in self.tests if not t.calls or t.starts_processes or t.lines.get(mutant.module)]
        first, last = mutant.lines
        bits = (1 << last + 1) - (1 << first)
        calling = [test for test in self.tests if place in test.calls or test.starts_processes]
        executing = [test for test in calling if test.starts_processes or test.lines.get(mutant.module, 0) & bits]
        return executing if any(test.calls for test in executing) else calling


def warm_up() -> None:
    """Import, before anything is forked, what every trial needs and no mutant changes."""
    for service in ("iot", "secretsmanager", "cloudformation"):
        fake_session().client(service)
    loaded = [name for name in sys.modules if name.partition(".")[0] == PACKAGE]
    if loaded:
        raise RuntimeError(f"no mutant would be active: {loaded} is imported already")


class Workplace:
    """A copy of the provider, in which one file at a time is changed.

    * ``package``: the copy.
    """

    def __init__(self, folder: Path, original: Path = ROOT / "provider" / PACKAGE) -> None:
        self.package = folder / PACKAGE
        self._log = folder / "pytest.log"
        self._noticed: defaultdict[str, Counter[str]] = defaultdict(Counter)
        shutil.copytree(original, self.package, ignore=shutil.ignore_patterns("__pycache__"))
        # Checked by the hash of the source: of a mutant's module it is stale, however quickly that was written.
        compileall.compile_dir(self.package, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)

    def try_out(self, mutant: Mutant, tests: Sequence[Test]) -> Verdict:
        """Run the tests until one fails on the mutant."""
        if not tests:
            return Verdict.UNTESTED
        places = (f"{mutant.module}:{mutant.definition}", mutant.module)
        tests = _first(tests, [self._noticed[place] for place in places])
        seconds = 2 * sum(test.seconds for test in tests) + SPARE_SECONDS
        selection = _Selection(tests, self._log.with_suffix(".noticed"))
        with self._changed(mutant):
            # Else the bytecode of a mutant's module would stay for the next trial.
            sys.dont_write_bytecode = True
            code = self._fork([selection], sorted({_file(test) for test in tests}), ["-x"], seconds)
        for place in places:
            self._noticed[place].update(selection.noticed_by())
        if code < 0:
            return Verdict.TIMED_OUT
        if code == pytest.ExitCode.OK:
            return Verdict.SURVIVED
        if code in _NOTICED or selection.noticed_by():
            return Verdict.KILLED
        raise RuntimeError(f"pytest ended with {code}: {mutant.name}\n{self._log.read_text()}")

    def observe(self) -> Observed:
        """Run all tests on the provider as it is; return what each of them calls."""
        report = self._log.with_suffix(".json")
        ignored = [f"--ignore={path}" for path in LEFT_OUT]
        if self._fork([_Witness(self.package, report)], TESTS, ignored, LOST_SECONDS) != pytest.ExitCode.OK:
            raise RuntimeError(f"the tests fail without any mutant:\n{self._log.read_text()}")
        seen = json.loads(report.read_text())
        tests = [
            Test(node_id, seconds, _functions(calls), lines, starts_processes)
            for node_id, seconds, calls, lines, starts_processes in seen["tests"]
        ]
        return Observed(tests, _functions(seen["imported"]))

    @contextlib.contextmanager
    def _changed(self, mutant: Mutant) -> Iterator[None]:
        path = self.package / mutant.module
        original = path.read_text(encoding="utf-8")
        path.write_text(mutant.code(original), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(original, encoding="utf-8")

    def _fork(self, plugins: list[Any], paths: Sequence[str], options: Sequence[str], cpu_seconds: float) -> int:
        """Run pytest in a process of its own; return its exit code, or minus the signal that ended it."""
        child = os.fork()
        if child == 0:
            self._run_pytest(plugins, paths, options, cpu_seconds)
        try:
            return _exit_code_of(child)
        except BaseException:
            # It is in a session of its own, which an interrupt does not reach.
            os.kill(child, signal.SIGKILL)
            raise

    def _run_pytest(
        self, plugins: list[Any], paths: Sequence[str], options: Sequence[str], cpu_seconds: float
    ) -> NoReturn:
        code = 70
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_seconds), int(cpu_seconds) + 5))
            with self._log.open("w") as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            os.chdir(ROOT)
            sys.path.insert(0, str(self.package.parent))
            os.environ["PYTHONPATH"] = str(self.package.parent)
            os.environ["MESSAGES"] = "unwatched"
            unused = [f"-pno:{plugin}" for plugin in ("cacheprovider", "xdist", "hypothesispytest")]
            fixed = ["-q", "--assert=plain", "--tb=native", f"--timeout={DEADLOCK_SECONDS}"]
            code = int(pytest.main([*unused, *fixed, *options, *paths], plugins))
        finally:
            os._exit(code)


def _exit_code_of(child: int) -> int:
    end = time.monotonic() + LOST_SECONDS
    while True:
        finished, status = os.waitpid(child, os.WNOHANG)
        if finished:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.killpg(child, signal.SIGKILL)
            end += LOST_SECONDS
        time.sleep(0.01)


def _file(test: Test) -> str:
    return test.node_id.partition("::")[0]


def _first(tests: Sequence[Test], noticed: Sequence[Counter[str]]) -> list[Test]:
    """Return the tests for a trial: those that have noticed other mutants there, then the quick; the others if time is.

    ``noticed``: how many mutants each test has noticed: of the mutant's function, and of its module.
    """
    ranked = sorted(tests, key=lambda test: (*(-each[test.node_id] for each in noticed), test.seconds))
    until = itertools.accumulate((test.seconds for test in ranked), initial=0.0)
    return [test for test, before in zip(ranked, until, strict=False) if before < MOST_SECONDS]


class _Selection:
    """A pytest plugin: the tests of a trial only, in their order.

    * ``report``: where the process of the trial tells which test fails.
    """

    def __init__(self, tests: Sequence[Test], report: Path) -> None:
        self._ranks = {test.node_id: rank for rank, test in enumerate(tests)}
        self._report = report
        report.unlink(missing_ok=True)

    def noticed_by(self) -> list[str]:
        """Return the test that has failed, if one has."""
        return [self._report.read_text()] if self._report.exists() else []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._ranks), key=lambda item: self._ranks[item.nodeid]
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._report.write_text(report.nodeid)


@dataclass(eq=False)
class _Witness:
    """A pytest plugin that writes down which lines of the provider each test executes, in whatever thread."""

    package: Path
    report: Path
    _called: set[Function] = field(default_factory=set)
    _lines: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    _imported: set[Function] = field(default_factory=set)
    _started_process: bool = False
    _tests: list[tuple[str, float, list[Function], dict[str, int], bool]] = field(default_factory=list)

    @pytest.hookimpl(wrapper=True)
    def pytest_load_initial_conftests(self) -> Iterator[None]:
        return (yield from self._importing())

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Iterator[None]:
        return (yield from self._importing())

    def _importing(self) -> Iterator[None]:
        with self._watching():
            result = yield
        self._imported |= self._called
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        started = time.process_time()
        with self._watching():
            result = yield
        seconds = time.process_time() - started
        self._tests.append((item.nodeid, seconds, sorted(self._called), dict(self._lines), self._started_process))
        return result

    def pytest_sessionfinish(self) -> None:
        self.report.write_text(json.dumps({"tests": self._tests, "imported": sorted(self._imported)}))

    @contextlib.contextmanager
    def _watching(self) -> Iterator[None]:
        self._called.clear()
        self._lines.clear()
        self._started_process = False
        threading.settrace(self._enter)
        sys.settrace(self._enter)
        try:
            yield
        finally:
            sys.settrace(None)
            threading.settrace(None)

    def _enter(self, frame: FrameType, event: str, argument: object) -> TraceFunction | None:
        del event, argument
        if frame.f_code is subprocess.Popen.__init__.__code__:
            self._started_process = True
        module = self._module_of(frame.f_code.co_filename)
        if module is None:
            return None
        self._called.add((module, frame.f_code.co_qualname))
        lines = self._lines

        def note(frame: FrameType, event: str, argument: object) -> TraceFunction:
            del event, argument
            lines[module] |= 1 << frame.f_lineno
            return note

        return note

    @functools.cache  # noqa: B019 - there is one witness
    def _module_of(self, file: str) -> str | None:
        return Path(file).relative_to(self.package).as_posix() if file.startswith(str(self.package)) else None


def _functions(listed: list[list[str]]) -> frozenset[Function]:
    return frozenset((module, name) for module, name in listed)
