"""Whether anything grows with what is registered already: the ratio of a Create to bare boto3, the function's memory.

The emulator itself slows down with what it holds: it is the ratio of the two sides at one population that is compared
with their ratio at another, not the times. And whether a sweep is linear.
"""

from __future__ import annotations

import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import bare_calls, events, lambda_runtime
from benchmarks.account import account
from benchmarks.certificates import Factory
from benchmarks.measuring import Spread, in_turn, ratios, timed
from benchmarks.report import Row, Section, counted
from iot_certificate_provider.aws.pace import RATE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.account import Account

TITLE = "Growth"
POPULATIONS = (1, 100, 1_000, 10_000)
LIMIT = 1.15
"""Of the ratio at a population to the ratio at the first: flat, but for the noise of a quotient of quotients."""

MEMORY_LIMIT = 1.05
ROUNDS = 21
BATCH = 5

MEMORY_ROUNDS = 7
EVENTS = 30
"""Creates that a function serves before its memory is looked at."""

SWEPT = (100, 400)
SWEEP_ROUNDS = 7
MOST_SWEPT = 2_000
"""Swept once: what grows with the number would show, and it takes a minute."""

SWEEP_MEMORY = (100, 400, MOST_SWEPT)
SWEEP_LIMIT = 1.15

_LOGICAL_ID = "Device"
_REMARKS = (
    (
        "With so many certificates registered: a Create by the handler divided by the same calls made with bare "
        "boto3, and that divided by what it is at the first population; and the peak of the memory of a function that "
        f"has served {EVENTS} Creates (the process's VmHWM, which holds Python and boto3 as well)."
    ),
    (
        "The sweep: the Delete of a CA with so many device certificates, per certificate, divided by what it is for "
        "the fewest, without a pace: only the function's own work shows; the calls are counted. And the peak of the "
        "memory of a function that has done nothing else."
    ),
)


def run(say: Callable[[str], None]) -> Section:
    """Measure."""
    with account() as aws, tempfile.TemporaryDirectory() as folder:
        creates = _Creates(aws)
        function = _Function(aws, creates, Path(folder))
        created, memory = {}, {}
        for population in POPULATIONS:
            say(f"registering up to {population:,} certificates")
            creates.populate(population)
            created[population] = creates.ratios(say)
            memory[population] = [function.memory() for _ in range(MEMORY_ROUNDS)]
        with account() as sweeping:
            swept = [*_sweeps(sweeping, say), *_sweep_memory(sweeping, function, say)]
    return Section(TITLE, (*_flat(created), *_flat_memory(memory), *swept), _REMARKS)


def _flat(created: dict[int, Spread]) -> list[Row]:
    first = created[POPULATIONS[0]].median
    rows = [Row(f"Create / bare boto3, {POPULATIONS[0]:,} registered", created[POPULATIONS[0]])]
    for population in POPULATIONS[1:]:
        grown = Spread(tuple(ratio / first for ratio in created[population].pairs))
        rows.append(Row(f"the same with {population:,} / with {POPULATIONS[0]:,}", grown, LIMIT))
    return rows


def _flat_memory(memory: dict[int, list[float]]) -> list[Row]:
    first = memory[POPULATIONS[0]]
    return [
        Row(
            f"memory with {population:,} / with {POPULATIONS[0]:,}",
            ratios(memory[population], first),
            MEMORY_LIMIT,
        )
        for population in POPULATIONS[1:]
    ]


class _Creates:
    """Creates of device certificates in an account that fills up."""

    def __init__(self, aws: Account) -> None:
        self._aws = aws
        self._factory = Factory()
        self._registered = 0
        aws.register_ca(self._factory.ca)
        self._stack_id = aws.stack("factory", {_LOGICAL_ID: "thermostat"})

    def populate(self, population: int) -> None:
        """Register as many as are missing."""
        missing = [self._factory.device().pem for _ in range(population - self._registered)]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda pem: bare_calls.create(self._aws.preparing, pem, self._factory.ca.pem), missing))
        self._registered = population

    def ratios(self, say: Callable[[str], None]) -> Spread:
        """Compare the two sides as the account is now; both leave nothing behind."""
        seconds = in_turn(
            {"handler": self._by_handler, "bare": self._bare},
            ROUNDS,
            lambda told: say(f"{self._registered:,} certificates, {told}"),
        )
        return ratios(seconds["handler"], seconds["bare"])

    def events(self, count: int) -> list[dict[str, object]]:
        """Return Creates, each of another certificate."""
        return [self._event(self._factory.device().pem) for _ in range(count)]

    def remove(self, certificate_id: str) -> None:
        """Take a certificate away again."""
        bare_calls.delete(self._aws.preparing, f"arn:aws:iot:{self._aws.region}:123456789012:cert/{certificate_id}")

    def _by_handler(self) -> float:
        took = 0.0
        for _ in range(BATCH):
            device = self._factory.device()
            took += self._aws.serve(self._event(device.pem)) - self._aws.put_answer()
            self.remove(device.id)
        return took

    def _bare(self) -> float:
        took = 0.0
        for _ in range(BATCH):
            device = self._factory.device()
            took += timed(lambda pem=device.pem: self._create_bare(pem))  # type: ignore[misc]
            self.remove(device.id)
        return took

    def _create_bare(self, pem: str) -> None:
        bare_calls.create(self._aws.iot, pem, self._factory.ca.pem)
        self._aws.cloudformation.describe_stack_resource(StackName=self._stack_id, LogicalResourceId=_LOGICAL_ID)

    def _event(self, pem: str) -> dict[str, object]:
        properties = {"CertificatePem": pem, "CACertificatePem": self._factory.ca.pem}
        return events.event(
            "Create",
            events.DEVICE,
            properties,
            url=self._aws.url,
            stack_id=self._stack_id,
            logical_id=_LOGICAL_ID,
        )


class _Function:
    """The function as Lambda has it, in a process of its own."""

    def __init__(self, aws: Account, creates: _Creates, folder: Path) -> None:
        self._aws, self._creates, self._folder = aws, creates, folder
        asset, runtime = lambda_runtime.unpack_asset(folder), lambda_runtime.make_runtime(folder)
        lambda_runtime.add_module(lambda_runtime.SERVING, asset)
        self._command = lambda_runtime.command(asset, runtime, "serving.handler", folder / "events.json")

    def memory(self) -> float:
        """Have a new process serve Creates; return the peak of its memory in KiB."""
        peak = self.memory_of(self._creates.events(EVENTS), self._aws)
        for answer in self._aws.take_answers():
            self._creates.remove(answer["PhysicalResourceId"])
        return peak

    def memory_of(self, served: list[dict[str, object]], aws: Account) -> float:
        """Have a new process serve events of an account, in a hurry; return the peak of its memory in KiB."""
        peak = self._folder / "memory.txt"
        lambda_runtime.write_event(self._folder / "events.json", {"Events": served, "MemoryFile": str(peak)})
        environment = {**aws.environment(), RATE_VARIABLE: "1000000"}
        subprocess.run(self._command, env=environment, check=True, capture_output=True)
        return float(peak.read_text())


def _sweeps(aws: Account, say: Callable[[str], None]) -> list[Row]:
    sweeps = {count: _Sweep(aws, count) for count in (*SWEPT, MOST_SWEPT)}
    sides = {str(count): sweeps[count].act for count in SWEPT}
    seconds = in_turn(sides, SWEEP_ROUNDS, lambda told: say(f"sweeps, {told}"))
    each = {count: Spread(tuple(took / count for took in seconds[str(count)])) for count in SWEPT}
    each[MOST_SWEPT] = Spread((sweeps[MOST_SWEPT].act() / MOST_SWEPT,))
    say(f"swept {MOST_SWEPT:,}")
    fewest, rows = SWEPT[0], []
    for count in (*SWEPT[1:], MOST_SWEPT):
        what = f"of {count:,}, per certificate / of {fewest}"
        median = each[fewest].median
        grown = Spread(tuple(one / median for one in each[count].pairs))
        rows.append(Row(f"time of a sweep {what}", grown, SWEEP_LIMIT))
        calls = sweeps[count].calls_each / sweeps[fewest].calls_each
        rows.append(counted(f"calls of a sweep {what}", calls, 1.0))
    return rows


def _sweep_memory(aws: Account, function: _Function, say: Callable[[str], None]) -> list[Row]:
    memory = {}
    for count in SWEEP_MEMORY:
        memory[count] = function.memory_of([_Sweep(aws, count).event()], aws)
        (answer,) = aws.take_answers()
        if answer["Status"] != "SUCCESS":
            raise RuntimeError(answer["Reason"])
        say(f"memory of a sweep of {count:,}")
    fewest = SWEEP_MEMORY[0]
    return [
        counted(f"memory of a sweep of {count:,} / of {fewest}", memory[count] / memory[fewest], MEMORY_LIMIT)
        for count in SWEEP_MEMORY[1:]
    ]


class _Sweep:
    """The Delete of a CA with this many device certificates."""

    def __init__(self, aws: Account, count: int) -> None:
        self._aws, self._count = aws, count
        self.calls_each = 0.0

    def act(self) -> float:
        """Register them, and have them swept; return the seconds of the sweep."""
        took = self._aws.serve(self.event())
        self.calls_each = sum(self._aws.calls.values()) / self._count
        return took

    def event(self) -> dict[str, object]:
        """Register them; return the event that asks for the sweep."""
        factory = Factory()
        ca_id = self._aws.register_ca(factory.ca)
        pems = [factory.device().pem for _ in range(self._count)]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda pem: bare_calls.create(self._aws.preparing, pem, factory.ca.pem), pems))
        return self._aws.deletion_of(factory.ca, ca_id)
