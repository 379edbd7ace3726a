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
from iot_certificates_cli.tally import counted, names_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator

    from iot_certificate_provider.fleet.manifest import Manifest
    from iot_certificates_cli.fleet.difference import Different
    from iot_certificates_cli.fleet.estimate import Estimate
    from iot_certificates_cli.fleet.making import Refusals
    from iot_certificates_cli.fleet.tally import DifferenceTally

_SHARE = "benchmarks/results.md, Fleet"
_FORMULAS = "docs/scale.md"
_LABEL = len("money  ")


def show_left_out(left_out: Counter[str]) -> None:
    """Say which files of folders were left out."""
    if left_out:
        kinds = names_of(f"{count:,} {printable(suffix)}" for suffix, count in left_out.most_common())
        _remark(f"Left out, since they are no certificates by their names: {kinds}.")


def show_refusals(refusals: Refusals) -> None:
    """Print what was refused, and that nothing was written."""
    for each in refusals.first:
        screen.remarks().print(f"[red]Refused:[/red] {escape(f'{each.place}: {each.problem}')}.", soft_wrap=True)
    more = refusals.count - len(refusals.first)
    if more:
        where = f"all are in {refusals.file}" if refusals.file else "--refused FILE takes all of them"
        _remark(f"… and {more:,} more: {where}.")
    _remark(f"Nothing was written, because {refusals.count:,} of what was given cannot be in a manifest.")


def show_made(manifest: Manifest, place: str) -> None:
    """Print where the manifest is, to standard output, and what it has."""
    shards = counted(len(manifest.partitions), "shard")
    _remark(f"{counted(manifest.count, 'certificate')} in {shards}; SHA-256 of manifest.json: {manifest.sha256}.")
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
    results = screen.results()
    for line in plan_lines(estimate, quota):
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
        "manifest, or set wait_for_completion=False; a removal has to be begun again until nothing is left"
    )


def _quota(estimate: Estimate, quota: float) -> str:
    there = f"{quota:g} a second is what there is"
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


def usd(amount: float) -> str:
    """Return an amount with as many digits as it needs to be told from nothing."""
    if amount == 0:
        return "$0"
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.4f}"


def duration(seconds: float) -> str:
    """Return seconds as ``3:39:18``, and days where there are any."""
    return str(timedelta(seconds=math.ceil(seconds)))


def _remark(sentence: str) -> None:
    screen.remarks().print(escape(sentence), soft_wrap=True)
