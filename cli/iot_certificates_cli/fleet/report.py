"""What the commands about fleets print."""

from __future__ import annotations

import math
import textwrap
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.markup import escape

from iot_certificate_provider.fleet import arithmetic
from iot_certificate_provider.printable import printable
from iot_certificates_cli import screen
from iot_certificates_cli.fleet import prices
from iot_certificates_cli.fleet.difference import Kind
from iot_certificates_cli.fleet.stored import S3, bucket_and_prefix
from iot_certificates_cli.tally import counted, names_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator

    from iot_certificate_provider.fleet.manifest import Manifest
    from iot_certificates_cli.fleet.deployed import DeployedFleet
    from iot_certificates_cli.fleet.difference import Different
    from iot_certificates_cli.fleet.estimate import Estimate
    from iot_certificates_cli.fleet.making import Refusals
    from iot_certificates_cli.fleet.runs import Progress
    from iot_certificates_cli.fleet.tally import DifferenceTally

_SHARE = "benchmarks/results.md, Fleet"
_FORMULAS = "docs/scale.md"
_LABEL = len("money  ")
_LEAST_SHOWN = 0.0001
_ERRORS = 10


def show_left_out(left_out: Counter[str]) -> None:
    """Say which files of folders were left out."""
    if left_out:
        kinds = names_of(f"{count:,} {printable(suffix)}" for suffix, count in left_out.most_common())
        _remark(f"Left out, because their names are not those of certificates: {kinds}.")


def show_refusals(refusals: Refusals) -> None:
    """Print what was refused, and that nothing was written."""
    for each in refusals.first:
        screen.remarks().print(f"[red]Refused:[/red] {escape(f'{each.place}: {each.problem}')}.", soft_wrap=True)
    more = refusals.count - len(refusals.first)
    if more:
        where = f"all are in {refusals.file}" if refusals.file else "--refused FILE takes all of them"
        _remark(f"… and {more:,} more: {where}.")
    _remark(f"Nothing was written, because {refusals.count:,} of the inputs cannot be in a manifest.")


def show_made(manifest: Manifest, place: str) -> None:
    """Print where the manifest is, to standard output, and what it has."""
    shards = counted(len(manifest.partitions), "shard")
    _remark(f"{counted(manifest.count, 'certificate')} in {shards}; SHA-256 of manifest.json: {manifest.sha256}.")
    if place.startswith(S3):
        prefix = bucket_and_prefix(place)[1]
        _remark(f"Declare it as FleetManifest.from_s3(bucket, '{prefix}', {manifest.count}).")
    screen.results().print(escape(printable(place)), soft_wrap=True)


def listed(differences: Iterable[Different], *, shown: bool) -> Iterator[Different]:
    """Pass differences on, and print each certificate that differs where that is wanted."""
    results = screen.results()
    for each in differences:
        if shown and each.kind is not Kind.UNCHANGED:
            thing = f" {each.line.thing_name}" if each.line.thing_name else ""
            results.print(f"{each.kind} {each.line.certificate_id}{escape(printable(thing))}", soft_wrap=True)
        yield each


def show_difference(tally: DifferenceTally) -> None:
    """Print the counts of a difference."""
    work, results = tally.work, screen.results()
    untouched = max(tally.shards - work.shards, 0)
    results.print(f"{Kind.REGISTER} {work.register:,} to register", soft_wrap=True)
    results.print(f"{Kind.CHANGE} {work.change:,} to change", soft_wrap=True)
    results.print(f"{Kind.REMOVE} {work.remove:,} to remove", soft_wrap=True)
    results.print(
        f"{Kind.UNCHANGED} {tally.unchanged:,} unchanged; {untouched:,} of {tally.shards:,} shards need no child",
        soft_wrap=True,
    )


def show_plan(estimate: Estimate, quota: float) -> None:
    """Print what a run comes to, with the formula or the source of each number."""
    for line in plan_lines(estimate, quota):
        _print(line)


def _print(line: str) -> None:
    """Print a line of results; on a terminal in as many as it is wide for."""
    results = screen.results()
    for part in _wrapped(line, results.width) if results.is_terminal else [line]:
        results.print(escape(part), soft_wrap=True)


def plan_lines(estimate: Estimate, quota: float) -> Iterator[str]:
    """Yield the lines of the plan: time, the hour, the quota, money, and where the numbers come from."""
    work, rate = estimate.work, estimate.rate
    yield f"work   {counted(work.certificates, 'certificate')} in {counted(work.shards, 'shard')}: {_kinds(estimate)}"
    yield (
        f"time   {duration(estimate.seconds)} = {work.slowest:,} calls / ({arithmetic.SHARE} x {rate:g} a second)"
        f"; {counted(estimate.children, 'child').replace('childs', 'children')} at a time"
    )
    yield f"hour   {_hour(estimate)}"
    yield f"quota  {_quota(estimate, quota)}"
    yield f"money  {usd(estimate.usd)} in US East (N. Virginia), without any free tier:"
    for cost in estimate.costs:
        if cost.count:
            yield f"       {usd(cost.usd):>9}  {cost.what}: {math.ceil(cost.count):,}"
    yield "sources"
    yield from (f"  {line}" for line in _sources(estimate))


def _wrapped(line: str, width: int) -> list[str]:
    """Return a line in as many as a narrow terminal needs; those that follow begin where its text does."""
    indent = _LABEL if len(line) > _LABEL and line[_LABEL - 1] == " " else len(line) - len(line.lstrip()) + 2
    hanging = " " * min(indent, width // 4)
    return textwrap.wrap(line, width, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False)


def _kinds(estimate: Estimate) -> str:
    work = estimate.work
    attached = (
        f"; {work.policies:,} policies and {work.things:,} things attached" if work.policies + work.things else ""
    )
    return f"{work.register:,} to register, {work.change:,} to change, {work.remove:,} to remove{attached}"


def _hour(estimate: Estimate) -> str:
    arithmetics = f"{arithmetic.SHARE} x {estimate.rate:g} x {arithmetic.SECONDS_PLANNED:,} s = {estimate.fits:,} fit"
    if estimate.is_within_the_hour:
        return f"CloudFormation waits long enough: {arithmetics}"
    return (
        f"CloudFormation does not wait that long: {arithmetics}. Raise the rate to {estimate.rate_needed:,}, split the "
        "manifest, or set wait_for_completion=False; repeat a removal until nothing is left"
    )


def _quota(estimate: Estimate, quota: float) -> str:
    there = f"{quota:g} a second is the present quota"
    if estimate.rate > quota:
        return f"ask AWS for {_calls_a_second(estimate.rate)}; {there}"
    if not estimate.is_within_the_hour:
        return f"to fit the hour, ask AWS for {_calls_a_second(estimate.rate_needed)}; {there}"
    return f"{quota:g} a second is enough for {estimate.rate:g} a second"


def _calls_a_second(rate: float) -> str:
    operations = "RegisterCertificate, and for the removal of UpdateCertificate and DeleteCertificate"
    return f"{math.ceil(rate):,} a second of {operations}"


def _sources(estimate: Estimate) -> Iterator[str]:
    yield f"{arithmetic.SHARE}, of the rate that is used in fact: measured ({_SHARE}); formulas: {_FORMULAS}"
    yield str(prices.ONE_HOUR)
    yield str(prices.QUOTA)
    yield from dict.fromkeys(str(cost.figure) for cost in estimate.costs if cost.count)


def show_progress(fleet: DeployedFleet, progress: Progress) -> None:
    """Print how far a run is."""
    for line in progress_lines(fleet, progress):
        _print(line)


def progress_lines(fleet: DeployedFleet, progress: Progress) -> Iterator[str]:
    """Yield what there is to say about a run."""
    yield f"fleet  {fleet.name}, in s3://{fleet.bucket}/{fleet.keys.prefix}/"
    yield f"run    {progress.run.name}: {progress.operation or 'not planned yet'}, {_state(progress)}"
    yield f"begun  {progress.begun:%Y-%m-%d %H:%M:%S} UTC"
    yield f"done   {_done(progress)}"
    if progress.counts:
        yield "       " + ", ".join(f"{count:,} {outcome}" for outcome, count in progress.counts.most_common())
    if progress.summary is not None and progress.summary.get("reason"):
        yield f"why    {printable(str(progress.summary['reason']))}"
    yield from (f"error  {printable(each)}" for each in progress.errors[:_ERRORS])


def _state(progress: Progress) -> str:
    if progress.summary is not None:
        answered = "answered" if progress.is_answered else "not answered yet"
        return f"{progress.summary.get('status', '')}, {answered}"
    state = progress.execution or "not begun"
    return f"{state}, cancelled" if progress.is_cancelled else state


def _done(progress: Progress) -> str:
    of = f" of {progress.total:,}" if progress.total else ""
    if not progress.are_counts_known:
        return f"{progress.part_count:,} parts{of and f' of a manifest of {progress.total:,} certificates'}"
    done = progress.done + (0 if progress.summary is not None else progress.unchanged)
    words = [f"{done:,}{of} certificates"]
    rate = progress.rate
    if rate is not None and not progress.is_over:
        words.append(f"{rate:.1f} a second")
        if progress.total > done:
            words.append(f"about {duration((progress.total - done) / rate)} left")
    return ", ".join(words)


def cancelled(fleet: DeployedFleet, *, was_new: bool) -> str:
    """Return the sentence of a cancellation."""
    if not was_new:
        return f"{fleet.name} was cancelled already."
    return (
        f"Cancelled {fleet.name}: work in progress is finished, which takes about a minute, and nothing new is started."
    )


def usd(amount: float) -> str:
    """Return an amount with as many digits as it needs to be told from nothing."""
    if amount == 0:
        return "$0"
    if amount < _LEAST_SHOWN:
        return f"<${_LEAST_SHOWN}"
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.4f}"


def duration(seconds: float) -> str:
    """Return seconds as ``3:39:18``, and days where there are any."""
    return str(timedelta(seconds=math.ceil(seconds)))


def _remark(sentence: str) -> None:
    screen.remarks().print(escape(sentence), soft_wrap=True)
