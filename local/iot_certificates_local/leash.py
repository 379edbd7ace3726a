"""Runs a command so that nothing of it can outlive us, however we end.

Between us and the command stands a small process, the leash: this file, run as a script. It leads a session, and so a
process group, of its own, and its standard input is a pipe of which we hold the other end. When we close that pipe, or
the kernel does because we crashed or were killed, the leash ends its whole group and removes the command's folder. The
leash can be killed too: a second process of its group, its spare, then does the same when we are gone.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

GRACE_SECONDS = 2.0
"""Between SIGTERM and SIGKILL."""

STOP_SECONDS = 15.0
"""The wait for the leash's work before this process does it."""


class LeashedProcess:
    """A running command; a context manager that ends its whole process group.

    * ``stdout``: where its standard output and error go; ``subprocess.PIPE`` makes it readable as ``output``.
    * ``remove_folder``: removed with the command when that is stopped, also by the leash alone.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        stdout: int | IO[bytes],
        cwd: Path | None = None,
        remove_folder: Path | None = None,
    ) -> None:
        self._process = subprocess.Popen(
            # -I: the leash needs the standard library and nothing else, whatever the command's environment says.
            [sys.executable, "-I", __file__, str(remove_folder or ""), *command],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            # Away from the terminal's process group: Ctrl-C reaches us alone, and we end the rest in order.
            start_new_session=True,
        )
        self.process_group = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def output(self) -> IO[bytes]:
        """The command's output, when ``stdout`` was ``subprocess.PIPE``."""
        if self._process.stdout is None:
            raise ValueError("The command does not print into a pipe")
        return self._process.stdout

    def exit_status(self) -> int | None:
        """Return the exit status of a command that has ended by itself, None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float) -> int:
        """Wait until the command ends by itself and return its exit status; subprocess.TimeoutExpired after that."""
        return self._process.wait(seconds)

    def stop(self) -> None:
        """End the command with all that it has started. Harmless when nothing runs any more."""
        try:
            self._let_go()
        finally:
            # The group of a command that ended by itself may have members left; so may an abandoned leash.
            self.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()

    def kill(self) -> None:
        """Kill the whole group at once; ``stop`` is still to be called."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process_group, signal.SIGKILL)

    def _let_go(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)


def main(folder: str, *command: str) -> int:
    """Run ``command`` until it ends or the parent does; remove ``folder``, unless that is empty, in the second case."""
    # A handler, not SIG_IGN: the command would inherit that. The leash is the last of its group to go.
    signal.signal(signal.SIGTERM, lambda *_: None)
    dismiss, spare = _fork_spare(folder)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    ended, tell = os.pipe()
    threading.Thread(target=_tell_end, args=(process, tell), daemon=True).start()
    # The parent never writes: its pipe becomes readable when it is closed.
    parent = sys.stdin.fileno()
    readable, _, _ = select.select([parent, ended], [], [])
    if parent in readable:
        _ask_to_end(process.wait, folder)
        # Before the group, and with it this process: the parent waits for this process alone, and then finds no other.
        process.kill()
        process.wait()
        os.kill(spare, signal.SIGKILL)
        os.waitpid(spare, 0)
        _kill_group()
    status = process.wait()
    os.write(dismiss, b"done")
    os.waitpid(spare, 0)
    return status if status >= 0 else 128 - status


def _fork_spare(folder: str) -> tuple[int, int]:
    """Start the spare; return the file descriptor that dismisses it when it is written to, and its process id."""
    alive, dismiss = os.pipe()
    # Before there are threads, and without exec: it shares the leash's memory.
    spare = os.fork()
    if spare:
        os.close(alive)
        return dismiss, spare
    os.close(dismiss)
    # Nothing to read: the leash was killed. The parent may still stop everything itself.
    if not os.read(alive, 1):
        select.select([sys.stdin.fileno()], [], [])
        _ask_to_end(time.sleep, folder)
        _kill_group()
    os._exit(0)


def _tell_end(process: subprocess.Popen[bytes], tell: int) -> None:
    process.wait()
    os.close(tell)


def _ask_to_end(wait: Callable[[float], object], folder: str) -> None:
    os.killpg(os.getpgrp(), signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        wait(GRACE_SECONDS)
    if folder:
        _remove(Path(folder))


def _kill_group() -> None:
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _remove(folder: Path) -> None:
    # Those who did not heed SIGTERM may still be writing.
    deadline = time.monotonic() + GRACE_SECONDS
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
