"""``iot-certificates fleet …``: the commands, their options and their exit statuses."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

# Typer reads the annotations when the program runs.
from pathlib import Path  # noqa: TC003
from typing import TYPE_CHECKING, Annotated

import typer

from iot_certificate_provider.contract import DeviceCertificateStatus
from iot_certificate_provider.fleet.manifest import Defaults
from iot_certificates_cli import screen
from iot_certificates_cli.connection import connect
from iot_certificates_cli.errors import UsageError
from iot_certificates_cli.fleet import report
from iot_certificates_cli.fleet.deployed import find_fleet
from iot_certificates_cli.fleet.difference import differences
from iot_certificates_cli.fleet.estimate import RATE, Estimate, Work
from iot_certificates_cli.fleet.making import Maker, Refusals, check_policy_names
from iot_certificates_cli.fleet.prices import QUOTA
from iot_certificates_cli.fleet.reading import Rules, read_ca
from iot_certificates_cli.fleet.runs import cancel as cancel_run
from iot_certificates_cli.fleet.runs import find_run, read_progress, results
from iot_certificates_cli.fleet.sources import Sources
from iot_certificates_cli.fleet.stored import StoredManifest, bucket_and_prefix
from iot_certificates_cli.fleet.tally import of_difference, of_manifest
from iot_certificates_cli.fleet.uploading import upload as upload_to
from iot_certificates_cli.options import EXIT_STATUSES, EndpointUrl, Profile, Region

if TYPE_CHECKING:
    from iot_certificate_provider.fleet.manifest import Manifest
    from iot_certificates_cli.connection import Connection
    from iot_certificates_cli.fleet.deployed import DeployedFleet

# Amazon S3 user guide, "Best practices design patterns": 3,500 writes and 5,500 reads a second of a prefix.
_RATE_OF_S3 = 500.0

fleet = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

_MANIFEST = typer.Argument(metavar="MANIFEST", help="A folder that `fleet manifest` wrote, or s3://BUCKET/PREFIX.")
Stack = Annotated[str, typer.Argument(metavar="STACK", help="The stack of the fleet.")]
FleetName = Annotated[str | None, typer.Option(metavar="LOGICAL_ID", help="The fleet, where the stack has several.")]
RunName = Annotated[
    str | None, typer.Option(metavar="NAME", help="A run, as `fleet status` lists it. Default: latest.")
]


@fleet.callback()
def many_certificates() -> None:
    """Prepare and watch a DeviceCertificateFleet: many device certificates, declared as one resource."""


@fleet.command(name="manifest", epilog=EXIT_STATUSES)
def make_manifest(
    certificates: Annotated[
        list[Path], typer.Argument(metavar="PEMS...", help="Folders, certificate files (PEM, DER), CSV files.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write; a manifest in it is replaced.")],
    ca: Annotated[Path | None, typer.Option(metavar="FILE", help="PEM of the CA that issued all of them.")] = None,
    status: Annotated[
        DeviceCertificateStatus, typer.Option(help="Status, unless a row has another.")
    ] = DeviceCertificateStatus.ACTIVE,
    policy: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Policy to attach, unless a row has others. Repeatable."),
    ] = None,
    refused: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the refused certificates to this file, as CSV.")
    ] = None,
    upload: Annotated[
        str | None, typer.Option(metavar="s3://BUCKET/PREFIX", help="Also upload it there, under its SHA-256.")
    ] = None,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
) -> None:
    """Check certificates, and write the manifest of a fleet.

    Each certificate is read and checked as the deployment does it: key, signature, expiry, and the CA of --ca. Where
    one is refused nothing is written. Without --ca they are registered without a CA, and devices have to send SNI.
    """
    if upload is not None:
        bucket_and_prefix(upload)  # before the work: it may be a slip of the pen
    connection = None if upload is None else connect(profile, region, endpoint_url, _RATE_OF_S3)
    now, sources, refusals = datetime.now(UTC), Sources(certificates), Refusals(refused)
    rules = Rules(now, None if ca is None else read_ca(ca, now))
    names = check_policy_names(policy or [])
    defaults = Defaults(None if rules.ca is None else rules.ca.pem, status.value, names)
    made = _made(Maker(rules, defaults), sources, out, refusals)
    report.show_left_out(sources.left_out)
    if made is None:
        report.show_refusals(refusals)
        raise typer.Exit(1)
    place = str(out)
    if connection is not None and upload is not None:
        with screen.Counts(screen.remarks(), "files uploaded") as counts:
            place = upload_to(out, made, upload, connection.aws.s3, counts)
    report.show_made(made, place)


def _made(maker: Maker, sources: Sources, out: Path, refusals: Refusals) -> Manifest | None:
    remarks = screen.remarks()
    try:
        with refusals.written(), screen.Counts(remarks, "certificates") as counts:
            if remarks.is_terminal:
                counts.begin(sources.count())
            return maker.make(sources, out, refusals, counts)
    except KeyboardInterrupt:
        remarks.print("\nInterrupted: nothing was written.")
        raise


@fleet.command(epilog=EXIT_STATUSES)
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The deployed manifest: a folder, or s3://….")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The manifest to deploy.")],
    ids: Annotated[bool, typer.Option("--ids", help="Also print each certificate that differs.")] = False,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
) -> None:
    """Compare two manifests: what an update from OLD to NEW registers, changes and removes.

    Exit status 1 when they differ.
    """
    before, after = (_open(place, profile, region, endpoint_url) for place in (old, new))
    tally = of_difference(report.listed(differences(before, after), shown=ids), before, after)
    report.show_difference(tally)
    if tally.work.certificates:
        raise typer.Exit(1)


@fleet.command(epilog=EXIT_STATUSES)
def plan(
    manifest: Annotated[str | None, _MANIFEST] = None,
    previous: Annotated[
        str | None, typer.Option(metavar="MANIFEST", help="The deployed manifest: plan the update from it.")
    ] = None,
    certificates: Annotated[
        int | None, typer.Option(min=1, help="Plan for this number of certificates, without a manifest.")
    ] = None,
    rate: Annotated[
        float, typer.Option(min=0.1, help="MaxRegistrationsPerSecond of the fleet: calls a second of each operation.")
    ] = RATE,
    quota: Annotated[
        float, typer.Option(min=0.1, help="The account's quota of RegisterCertificate a second.")
    ] = QUOTA.value,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
) -> None:
    """Print how long a fleet takes, what it costs, and which quota to ask for; each number with its source.

    Of a manifest, of the update from a --previous one, or of a number of --certificates.
    """
    if (manifest is None) == (certificates is None):
        raise UsageError("Give either a manifest, or a number of --certificates")
    if previous is not None and manifest is None:
        raise UsageError("--previous is allowed with a manifest only, not with --certificates")
    if certificates is not None:
        work = Work.of(certificates)
    else:
        after = _open(str(manifest), profile, region, endpoint_url)
        before = None if previous is None else _open(previous, profile, region, endpoint_url)
        tally = of_manifest(after) if before is None else of_difference(differences(before, after), before, after)
        work = tally.work
    report.show_plan(Estimate(work, rate), quota)


@fleet.command(epilog=EXIT_STATUSES)
def status(
    stack: Stack,
    fleet: FleetName = None,
    run: RunName = None,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
) -> None:
    """Show how far the fleet of a stack is: certificates by outcome, speed, and what went wrong.

    Exit status 1 when anything failed.
    """
    connection, found = _found(stack, fleet, profile, region, endpoint_url)
    progress = read_progress(connection, found, find_run(connection, found, run))
    report.show_progress(found, progress)
    if progress.has_failed:
        raise typer.Exit(1)


@fleet.command(name="results", epilog=EXIT_STATUSES)
def show_results(
    stack: Stack,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only certificates that failed, or were not reached.")
    ] = False,
    fleet: FleetName = None,
    run: RunName = None,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
) -> None:
    """Print what became of each certificate in a run that is over: a JSON object a line."""
    connection, found = _found(stack, fleet, profile, region, endpoint_url)
    for line in results(connection, found, find_run(connection, found, run), failed=failed):
        sys.stdout.write(line.decode("ascii", "backslashreplace"))


@fleet.command(epilog=EXIT_STATUSES)
def cancel(
    stack: Stack,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for a confirmation.")] = False,
    fleet: FleetName = None,
    run: RunName = None,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
) -> None:
    """Cancel the run of a fleet: what is under way is finished, and nothing else is begun.

    CloudFormation is answered that it failed, and rolls back.
    """
    connection, found = _found(stack, fleet, profile, region, endpoint_url)
    current, remarks = find_run(connection, found, run), screen.remarks()
    question = f"Cancel {found.name}, run {current.name}, in {connection.place}?"
    if not yes and not typer.confirm(question, err=True):
        remarks.print("Nothing was cancelled.")
        raise typer.Exit(1)
    was_new = cancel_run(connection, found, current)
    remarks.print(report.cancelled(found, was_new=was_new), soft_wrap=True, markup=False)


def _found(
    stack: str, name: str | None, profile: str | None, region: str | None, endpoint_url: str | None
) -> tuple[Connection, DeployedFleet]:
    connection = connect(profile, region, endpoint_url, _RATE_OF_S3)
    return connection, find_fleet(connection, stack, name)


def _open(place: str, profile: str | None, region: str | None, endpoint_url: str | None) -> StoredManifest:
    return StoredManifest.open(place, lambda: connect(profile, region, endpoint_url, _RATE_OF_S3).aws.s3)
