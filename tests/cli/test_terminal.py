"""The commands on a terminal: what is left on the screen, at any width, and after Ctrl-C."""

from __future__ import annotations

import io
import re
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from rich.console import Console

from cli.terminal import show
from iot_certificates_cli.screen import Counts, _Words
from iot_certificates_cli.shortened import shortened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.conftest import Account
    from cli.terminal import Shown

emulator = [pytest.mark.emulator]
# As CloudFormation names an AWS::IoT::Policy whose template gives it no name.
LONG_POLICY = "FactoryTelemetryStack-TelemetryPolicyForAllPumpsAndValves3F1A2B4C-{}-q7WcV2rTnYbK"
PROGRESS = re.compile(r"\d+ of \d+ certificates|listed …|a second|left$")


@pytest.fixture
def on_terminal(environment: dict[str, str]) -> Callable[..., Shown]:
    variables = {name: value for name, value in environment.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}

    def run(columns: int, *arguments: str, **more: object) -> Shown:
        command = [sys.executable, "-W", "error", "-m", "iot_certificates_cli", *arguments]
        return show(command, variables, columns, **more)  # type: ignore[arg-type]

    return run


@pytest.fixture
def seven(account: Account) -> Account:
    """Seven certificates, a CA among them, with long names."""
    account.register_ca("The CA of all pumps and valves, second generation")
    for number in range(6):
        name = f"pump-of-the-northern-waterworks-{number}.example.com"
        one = account.register(name, "The CA of all pumps and valves, second generation")
        account.attach(one, LONG_POLICY.format(number), f"thing-of-the-northern-waterworks-{number}")
    return account


class TestTheScreen:
    pytestmark = emulator

    @pytest.mark.parametrize(("columns", "most_lines"), [(200, 9), (120, 9), (80, 35), (40, 49)])
    def test_is_enough_for_seven_certificates(
        self, seven: Account, on_terminal: Callable[..., Shown], columns: int, most_lines: int
    ) -> None:
        shown = on_terminal(columns, "inventory")
        assert shown.status == 0
        end = next(number for number, line in enumerate(shown.lines) if line.startswith("1 CA certificate and 6 dev"))
        results = shown.lines[:end]
        assert max(map(cell_len, results)) <= columns
        assert len(results) <= most_lines
        # Whichever way they are shown, both ends of every name are.
        text = "\n".join(results)
        names = re.findall(r"CN=pu\S*", text)
        assert len(names) == 6
        assert all(name.endswith("com") for name in names)
        assert len(re.findall(r"Fact\S+YbK", text)) == 6

    def test_has_no_progress_left_on_it(self, seven: Account, on_terminal: Callable[..., Shown]) -> None:
        for columns in (80, 160):
            shown = on_terminal(columns, "inventory")
            assert PROGRESS.search(shown.sent)
            assert not [line for line in shown.lines if PROGRESS.search(line)]
            first = next(line for line in shown.lines if line)
            assert first.split()[:2] in (["kind", "id"], ["CA", first.split()[1]])

    def test_has_the_progress_while_results_go_to_a_file(
        self, seven: Account, on_terminal: Callable[..., Shown], tmp_path: Path
    ) -> None:
        with (tmp_path / "out.csv").open("wb") as out:
            shown = on_terminal(80, "inventory", "--format", "csv", results=out.fileno())
        assert re.search(r"[1-6] of 6 certificates", shown.sent)
        assert len((tmp_path / "out.csv").read_text().splitlines()) == 8

    def test_of_a_sweep_has_its_progress(self, seven: Account, on_terminal: Callable[..., Shown]) -> None:
        shown = on_terminal(80, "sweep", "--subject", "CN=pump-*", "--yes")
        assert shown.status == 0
        assert re.search(r"[1-6] of 6 certificates deleted", shown.sent)
        assert not [line for line in shown.lines if PROGRESS.search(line)]
        assert any(line.startswith("Deleted 6 certificates in account") for line in shown.lines)


class TestControlC:
    pytestmark = emulator

    def test_tells_how_far_it_came_and_keeps_what_was_read(
        self, account: Account, on_terminal: Callable[..., Shown]
    ) -> None:
        account.register_ca("Factory CA")
        for number in range(12):
            account.register(f"pump-{number}", "Factory CA")
        shown = on_terminal(
            80, "inventory", "--rate", "2", interrupt_when=lambda sent: re.search("[3-9] of 12 cert", sent) is not None
        )
        assert shown.status == 130
        words = " ".join(shown.lines)
        found = re.search(r"Interrupted: (\d+) of 12 device certificates are listed, and the rest is missing", words)
        assert found is not None
        assert 3 <= int(found[1]) < 12
        assert len(re.findall(r"device [0-9a-f]{12}", words)) == int(found[1])
        again = on_terminal(80, "inventory", "--no-expiry")
        assert len(re.findall(r"subject CN=pump-\d", " ".join(again.lines))) >= int(found[1])

    def test_leaves_json_incomplete(self, account: Account, on_terminal: Callable[..., Shown]) -> None:
        account.register_ca("Factory CA")
        for number in range(12):
            account.register(f"pump-{number}", "Factory CA")
        with tempfile.TemporaryFile() as out:
            shown = on_terminal(
                80, "inventory", "--rate", "2", "--format", "json", results=out.fileno(),
                interrupt_when=lambda sent: re.search("[3-9] of 12 cert", sent) is not None,
            )  # fmt: skip
            out.seek(0)
            written = out.read().decode()
        assert shown.status == 130
        assert written.startswith("[\n{")
        assert not written.rstrip().endswith("]")


def test_the_progress_has_counts_total_rate_and_time_left() -> None:
    now = [100.0]
    console = Console(file=io.StringIO(), force_terminal=True, width=90)
    with Counts(console, "certificates") as counts:
        counts._progress._tasks[counts._task]._get_time = lambda: now[0]
        counts._progress.get_time = lambda: now[0]
        counts.listed(250)
        words, task = _Words(), counts._progress.tasks[0]
        assert str(words.render(task)) == "250 certificates listed …"
        counts.begin(20_000)
        for _ in range(80):
            now[0] += 0.125
            counts.done()
        assert str(words.render(task)) == "80 of 20,000 certificates, 8.0 a second, 0:41:30 left"


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("telemetry", 9, "telemetry"),
        ("telemetry", 8, "tele…try"),
        ("telemetry", 2, "t…"),
        ("ポンプ-北部水道局-1", 10, "ポンプ…-1"),
        ("", 5, ""),
    ],
)
def test_a_name_is_shortened_in_the_middle(text: str, width: int, expected: str) -> None:
    assert shortened(text, width) == expected
    assert cell_len(expected) <= width
