"""A program on a terminal of a given size: what it sends there, what is on the screen in the end, and Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# ECMA-48, control sequences: CSI, parameters, final byte.
_SEQUENCE = re.compile(r"\x1b\[([0-?]*)[ -/]*([@-~])|\x1b[()].|\x1b.")


@dataclass(frozen=True)
class Shown:
    """All that a terminal was sent, and the program's exit status."""

    status: int
    sent: str

    @property
    def lines(self) -> list[str]:
        """The lines that are left on the screen, and above it."""
        return screen_of(self.sent)


def show(
    command: Sequence[str],
    environment: Mapping[str, str],
    columns: int,
    *,
    interrupt_when: Callable[[str], bool] = lambda _: False,
    results: int | None = None,
) -> Shown:
    """Run a program with a terminal for both of its outputs; Ctrl-C is pressed once ``interrupt_when`` sees fit.

    ``results``: a file descriptor that takes standard output instead.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    variables = {**environment, "TERM": "xterm-256color"}
    program = subprocess.Popen(
        command, env=variables, stdin=theirs, stdout=results or theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    sent = _read(ours, program, interrupt_when)
    os.close(ours)
    return Shown(program.wait(timeout=60), sent)


def _read(terminal: int, program: subprocess.Popen[bytes], interrupt_when: Callable[[str], bool]) -> str:
    sent, is_interrupted, end = b"", False, time.monotonic() + 120
    while time.monotonic() < end:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux: EIO when the last program has closed it
            break
        if not chunk:
            break
        sent += chunk
        if not is_interrupted and interrupt_when(sent.decode(errors="replace")):
            program.send_signal(2)
            is_interrupted = True
    return sent.decode(errors="replace")


def screen_of(sent: str) -> list[str]:
    """Return the lines that a terminal shows, for the few sequences that progress bars are drawn with."""
    lines, row, column, place = [""], 0, 0, 0
    while place < len(sent):
        found = _SEQUENCE.match(sent, place)
        if found is not None:
            place = found.end()
            row, lines = _obey(lines, row, found)
            continue
        character, place = sent[place], place + 1
        if character == "\r":
            column = 0
        elif character == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        else:
            lines[row] = f"{lines[row][:column].ljust(column)}{character}{lines[row][column + 1 :]}"
            column += 1
    return [line.rstrip() for line in lines]


def _obey(lines: list[str], row: int, sequence: re.Match[str]) -> tuple[int, list[str]]:
    number = int(sequence[1]) if (sequence[1] or "").isdigit() else 1
    if sequence[2] == "A":
        return max(row - number, 0), lines
    if sequence[2] == "K" and sequence[1] == "2":
        return row, [*lines[:row], "", *lines[row + 1 :]]
    return row, lines
