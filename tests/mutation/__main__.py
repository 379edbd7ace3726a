"""``make mutate``: tries out all mutants, and says which of them no test notices.

It fails when a survivor is not listed in ``survivors.toml`` with a reason, or when fewer than 90 % die. With an
argument, a regular expression, only the mutants are tried whose name has it; with ``EVERY=10`` in the environment,
every tenth of them. A listed survivor counts as one, and is tried with ``LISTED=tried`` only: it takes as long as all
the tests that execute its line, which a mutant that dies does not.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import sys
import tempfile
import tomllib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mutation.mutants import Mutant, mutants_of
from mutation.trial import Observed, Test, Verdict, Workplace, warm_up

if TYPE_CHECKING:
    from collections.abc import Iterator

MUTATED = ("embedded_metrics.py", "expiry.py", "handler.py", "protocol/*.py", "resources/**/*.py")
LEAST_KILLED = 0.9
EVERY = int(os.environ.get("EVERY") or "1")
TRIES_LISTED = os.environ.get("LISTED") == "tried"
SURVIVORS = Path(__file__).parent / "survivors.toml"

_workplace: Workplace


def main(wanted: str = "") -> int:
    """Try out all mutants whose name has ``wanted``, a regular expression; return the exit code."""
    warm_up()
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        workplace = Workplace(Path(folder) / "observed")
        mutants = [mutant for mutant in all_mutants(workplace.package) if re.search(wanted, mutant.name)][::EVERY]
        if not mutants:
            _say(f"no mutant's name has '{wanted}'")
            return 2
        observed = workplace.observe()
        _check_that_mutants_are_active(observed)
        _say(f"{len(mutants)} mutants, {len(observed.tests)} tests")
        verdicts = _try_out(mutants, observed, workplace.package)
    return _report(mutants, verdicts, whole=not wanted and EVERY == 1)


def all_mutants(package: Path) -> list[Mutant]:
    """Return the mutants of what is mutated of the package."""
    paths = [path for pattern in MUTATED for path in sorted(package.glob(pattern))]
    return [
        mutant
        for path in paths
        for mutant in mutants_of(path.relative_to(package).as_posix(), path.read_text(encoding="utf-8"))
    ]


def _check_that_mutants_are_active(observed: Observed) -> None:
    """Make sure that each suite runs the copy that is mutated."""
    for suite, called in (
        ("tests/resources", ("resources/ca/ca_certificate.py", "CaCertificateResource.create")),
        ("tests/handler", ("handler.py", "Function.__call__")),
        ("tests/protocol", ("handler.py", "Function.__call__")),
    ):
        if not any(test.node_id.startswith(suite) and called in test.calls for test in observed.tests):
            raise RuntimeError(f"{suite} does not execute the {called[1]} that is mutated")


def _try_out(mutants: list[Mutant], observed: Observed, package: Path) -> dict[str, Verdict]:
    believed = set() if TRIES_LISTED else listed_survivors()
    verdicts = {mutant.name: Verdict.LISTED for mutant in mutants if mutant.name in believed}
    tried = [mutant for mutant in mutants if mutant.name not in believed]
    workers = int(os.environ.get("JOBS", "2"))
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, context, _start_worker, (package,)) as pool, _given_up_on_failure(pool):
        jobs = {pool.submit(_verdict_on, mutant, observed.noticing(mutant)): mutant for mutant in tried}
        for number, job in enumerate(as_completed(jobs), 1):
            name = jobs[job].name
            verdicts[name] = job.result()
            if verdicts[name] is not Verdict.KILLED or number % 50 == 0:
                _say(f"{number}/{len(tried)} {verdicts[name]}: {name}")
    return verdicts


@contextmanager
def _given_up_on_failure(pool: ProcessPoolExecutor) -> Iterator[None]:
    try:
        yield
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _start_worker(package: Path) -> None:
    """Copy what was observed, not the tree: somebody may be working on that meanwhile."""
    global _workplace  # noqa: PLW0603 - what a worker of a pool starts with has to be global
    _workplace = Workplace(package.parents[1] / str(os.getpid()), package)


def _verdict_on(mutant: Mutant, tests: list[Test]) -> Verdict:
    return _workplace.try_out(mutant, tests)


def _report(mutants: list[Mutant], verdicts: dict[str, Verdict], *, whole: bool) -> int:
    listed = listed_survivors()
    alive = [name for name, verdict in verdicts.items() if verdict not in (Verdict.KILLED, Verdict.TIMED_OUT)]
    unlisted = sorted(set(alive) - listed)
    killed = 1 - len(alive) / len(mutants)
    _say(_table(mutants, verdicts))
    if whole and TRIES_LISTED:
        for name in sorted(listed - set(alive)):
            _say(f"listed, and no survivor any more: {name}")
    for name in unlisted:
        _say(f"SURVIVED, and not listed: {name}")
    _say(f"{killed:.1%} of {len(mutants)} mutants killed; {len(alive)} survived, {len(unlisted)} of them unlisted")
    return int(bool(unlisted) or (whole and killed < LEAST_KILLED))


def listed_survivors() -> set[str]:
    """Return the survivors that have a reason."""
    groups = tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))["survivors"]
    return {name for group in groups if group["reason"].strip() for name in group["mutants"]}


def _table(mutants: list[Mutant], verdicts: dict[str, Verdict]) -> str:
    rows = [f"{'module':45}" + "".join(f"{verdict:>10}" for verdict in Verdict)]
    for module in dict.fromkeys(mutant.module for mutant in mutants):
        counts = Counter(verdicts[mutant.name] for mutant in mutants if mutant.module == module)
        rows.append(f"{module:45}" + "".join(f"{counts[verdict]:10}" for verdict in Verdict))
    return "\n".join(rows)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the command's output


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
