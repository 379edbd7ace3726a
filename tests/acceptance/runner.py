"""Plays steps one after another; whatever ends the run, what it made is removed, by it or by the next one."""

from __future__ import annotations

import contextlib
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from acceptance.answers import EXPIRED, CredentialsExpiredError
from acceptance.clean_up import CleanUp, NotOursError
from acceptance.comparing import differences
from acceptance.provider import Provider
from acceptance.recording import FOLDER, Recording
from acceptance.stack_permissions import refused
from acceptance.stage import Run, Stage
from acceptance.step import Kind, NotTriedError, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import FrameType

    from acceptance.places import Place
    from acceptance.state import State
    from acceptance.step import Step


class StepTimeoutError(Exception):
    """A step took longer than it may."""


class KilledError(BaseException):
    """The process was asked to end (SIGTERM); not an Exception, so that no step takes it for an answer."""


@dataclass
class Outcome:
    """How a run ended.

    * ``left``: what could not be removed. ``unlike``: answers that are not the recorded ones.
    * ``broken``: steps that an error or their time limit has ended, which settle nothing.
    """

    ended_by: str = ""
    left: list[str] = field(default_factory=list)
    unlike: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether all was played, and nothing is left."""
        return not self.ended_by and not self.left


class Runner:
    """One run. ``record``: write recordings, in place of comparing with those that there are."""

    def __init__(
        self,
        place: Place,
        state: State,
        say: Callable[[str], None] = lambda _text: None,
        *,
        record: bool = False,
        folder: Path = FOLDER,
        private_ca: bool = False,
    ) -> None:
        self.clean_up = CleanUp(place, state, say)
        self._place = place
        self._state = state
        self._say = say
        self._record = record or not place.is_embedded
        self._folder = folder
        self._run = Run(place, state, Provider(place), self.clean_up, say, private_ca)
        self.outcome = Outcome()

    def run(self, steps: Sequence[Step]) -> Outcome:
        """Play the steps that are not finished; remove at the end what they made."""
        with _ended_by_sigterm():
            try:
                self._begin()
                for step in steps:
                    if not step.always and step.name not in self._state.finished:
                        self._play(step)
            except KeyboardInterrupt:
                self.outcome.ended_by = "Interrupted"
            except KilledError:
                self.outcome.ended_by = "Asked to end"
            except CredentialsExpiredError as error:
                self.outcome.ended_by = f"The credentials are not accepted any more: {error}"
                return self.outcome
            self._end([step for step in steps if step.always])
        return self.outcome

    def _begin(self) -> None:
        """Remove what an interrupted run has left, and claim the prefix."""
        if self.clean_up.is_marked():
            self._say("looking for what the last run left")
            self.outcome.left = self.clean_up.remove_all()
        self.clean_up.mark()
        if self._state.before is None:
            self._state.before = self._inventory()
            self._state.save()

    def _end(self, steps: Sequence[Step]) -> None:
        """Play the steps that are played always; a second interruption ends that, too."""
        try:
            for step in steps or ():
                self._play(step)
            if not steps:
                self.outcome.left = self.clean_up.remove_all()
        except (KeyboardInterrupt, KilledError):
            self.outcome.ended_by = "Interrupted while it cleaned up"
        except CredentialsExpiredError as error:
            self.outcome.ended_by = f"The credentials are not accepted any more: {error}"

    def _play(self, step: Step) -> None:
        stage, started = Stage(step, self._run), time.monotonic()
        self._say(f"step {step.name}: {step.settles}")
        self._state.begin(step.name)
        try:
            with _time_limit(step.timeout_minutes * 60):
                step.play(stage)
            if self._place.is_embedded and not step.always:
                for text in refused(self._place, stage.prefix):
                    stage.check(False, text)
            verdict = stage.verdict()
        except NotTriedError as reason:
            verdict = Verdict(Kind.NOT_TRIED, (str(reason),))
        except StepTimeoutError:
            verdict = self._broken(step, f"it was abandoned after {step.timeout_minutes:g} minutes")
        except (CredentialsExpiredError, NotOursError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a step fails with, the others are played, and all is removed
            _raise_if_expired(error)
            verdict = self._broken(step, f"it ended with {type(error).__name__}: {error}")
        if not step.always:
            self._remove_its_own()
        self._state.finish(step.name, verdict, time.monotonic() - started)
        self._keep(stage, verdict)

    def _broken(self, step: Step, why: str) -> Verdict:
        self.outcome.broken.append(f"step {step.name}: {why}")
        return Verdict(Kind.NOT_TRIED, (why,))

    def _remove_its_own(self) -> None:
        """Remove what the step made; what cannot be removed now is, at the latest, removed at the end."""
        try:
            left = self.clean_up.remove_all(keep_provider=True)
        except (ClientError, BotoCoreError) as error:
            _raise_if_expired(error)
            left = [str(error)]
        if left:
            self._say(f"not removed yet: {'; '.join(left)}")

    def _keep(self, stage: Stage, verdict: Verdict) -> None:
        """Write the recording of a step that was played, or compare it with the one that there is."""
        recording = stage.recording
        recording.verdict = Verdict(verdict.kind, tuple(stage.disguise.of(list(verdict.said))))
        file = self._folder / f"{recording.step}.json"
        if verdict.kind is Kind.NOT_TRIED:
            if file.exists() and not self._record:
                self.outcome.unlike.append(f"step {recording.step}: it was recorded, and is not tried now")
            return
        if self._record:
            if file.exists() and Recording.load(file).is_of_aws and not recording.is_of_aws:
                return
            recording.save(self._folder)
        elif file.exists():
            self.outcome.unlike += differences(Recording.load(file), recording)
        else:
            how = f"make acceptance STEP={recording.step} MORE=--record"
            self.outcome.unlike.append(f"step {recording.step}: it is not recorded yet. Record it: {how}")

    def _inventory(self) -> dict[str, str]:
        found = self.clean_up.holdings.all()
        return {str(each): each.fingerprint for each in found if not each.is_ours}


def _raise_if_expired(error: Exception) -> None:
    response = getattr(error, "response", {})
    if response.get("Error", {}).get("Code") in EXPIRED:
        raise CredentialsExpiredError(str(error)) from error


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise StepTimeoutError in the block when its time is over, whatever it waits for."""

    def over(_number: int, _frame: FrameType | None) -> None:
        raise StepTimeoutError

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    def end(_number: int, _frame: FrameType | None) -> None:
        raise KilledError

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
