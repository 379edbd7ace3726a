"""The commands, their options and their exit statuses."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from importlib.metadata import version

# Typer reads the annotations when the program runs.
from pathlib import Path  # noqa: TC003
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from iot_certificate_provider.aws.pace import CALLS_PER_SECOND
from iot_certificate_provider.errors import ProviderError
from iot_certificate_provider.printable import printable
from iot_certificates_cli import screen
from iot_certificates_cli.connection import connect
from iot_certificates_cli.doctor import DISTRIBUTION, Health, examine
from iot_certificates_cli.errors import CommandError, UsageError, sentence_of
from iot_certificates_cli.filed import Filed
from iot_certificates_cli.fleet.commands import fleet
from iot_certificates_cli.formats import Format, writer_of
from iot_certificates_cli.inventory import Inventory
from iot_certificates_cli.known_certificates import KnownCertificates
from iot_certificates_cli.options import EXIT_STATUSES, EndpointUrl, Profile, Rate, Region
from iot_certificates_cli.selection import Selection
from iot_certificates_cli.stack_owners import find_stack_owners
from iot_certificates_cli.sweep import Swept, check_owners_are_known, delete_all, find_leftovers
from iot_certificates_cli.sweep_report import by_ca, show_found, show_swept
from iot_certificates_cli.tally import Tally, counted, names_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iot_certificates_cli.connection import Connection
    from iot_certificates_cli.inventory import Entry
    from iot_certificates_cli.stack_owners import StackOwners


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version(DISTRIBUTION))
        raise typer.Exit


app = typer.Typer(
    name="iot-certificates",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(fleet, name="fleet")


@app.callback(epilog=EXIT_STATUSES)
def iot_certificates(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """List the certificates of AWS IoT Core, and delete the orphans of test environments."""


@app.command(name="inventory", epilog=EXIT_STATUSES)
def show_inventory(
    format: Annotated[Format, typer.Option(help="Output format.")] = Format.TABLE,  # noqa: A002 - the option's name
    html: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Also write an HTML page with charts, in one file.")
    ] = None,
    expiry: Annotated[
        bool,
        typer.Option("--expiry/--no-expiry", help="Read subject and expiry: a call for each new certificate."),
    ] = True,
    attachments: Annotated[
        bool, typer.Option("--attachments/--no-attachments", help="List policies and things: a call for each of them.")
    ] = True,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
    rate: Rate = CALLS_PER_SECOND,
) -> None:
    """List every CA and device certificate of the account and Region.

    With status, CA, policies, things, expiry, and the CloudFormation stacks that own it. A certificate's content never
    changes, and is kept on disk, so that only the first run takes long.
    """
    if html is not None and not expiry:
        raise UsageError("--html draws the expiry. Remove --no-expiry")
    started, remarks, tally = time.monotonic(), screen.remarks(), Tally()
    connection = connect(profile, region, endpoint_url, rate)
    place = connection.place  # first, because it shows the caller, and whether AWS can be reached
    owners = _write_inventory(connection, format, tally, expiry=expiry, attachments=attachments)
    if html is not None:
        _write_page(html, tally, place)
    calls, seconds = connection.clients.calls.total(), time.monotonic() - started
    remarks.print(f"{tally.sentence()} in {place}; {calls:,} calls to AWS in {seconds:.1f} s.", soft_wrap=True)
    if not tally.cas and not tally.devices:
        remarks.print(
            "No certificate is registered there. If you expect some, give another --profile or --region.",
            soft_wrap=True,
        )
    _tell_unknown_owners(owners)


@app.command(epilog=EXIT_STATUSES)
def sweep(
    ca: Annotated[
        list[str] | None,
        typer.Option(help="Certificates of this CA: its id, the first digits of the id, or its ARN. Repeatable."),
    ] = None,
    ca_tag: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY[=VALUE]", help="Certificates of a CA with this tag. Repeatable: with all of them."),
    ] = None,
    subject: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Certificates with such a subject: 'CN=test-*'.")
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Certificates registered longer ago: 12h, 7d, 2w.")
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(help="Certificates with this status, such as PENDING_ACTIVATION. Repeatable: with any of them."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List them only.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without a confirmation.")] = False,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
    rate: Rate = CALLS_PER_SECOND,
) -> None:
    """Delete device certificates that no CloudFormation stack owns.

    Selected are the certificates that meet every option. At least one of --ca, --subject and
    --older-than is required. They are listed, and after a confirmation detached from everything, deactivated and
    deleted. After an interruption or a failure, the same command continues with the rest.
    """
    selection = Selection.parse(ca or [], ca_tag or [], subject, older_than, status or [])
    if not selection.is_narrow_enough and not dry_run:
        raise UsageError(
            "Selection too wide: most certificates belong to no stack. Give --ca, --subject or --older-than"
        )
    connection = connect(profile, region, endpoint_url, rate)
    place = connection.place
    with (
        _nothing_deleted_yet(),
        KnownCertificates() as known,
        Filed() as filed,
        screen.Counts(screen.remarks(), "certificates") as counts,
    ):
        found = find_leftovers(connection, known, filed, selection, counts)
    show_found(found, place)
    if found.leftovers and not dry_run:
        _delete_found(connection, found.leftovers, asking=not yes)
    elif found.leftovers:
        raise typer.Exit(1)


@app.command(epilog=EXIT_STATUSES)
def doctor(profile: Profile = None, region: Region = None, endpoint_url: EndpointUrl = None) -> None:
    """Check the credentials, clock, Region, registration code, quota, and the deployed functions.

    Changes nothing, except that AWS IoT creates a registration code where the account has none.
    """
    results, findings = screen.results(), []
    for finding in examine(connect(profile, region, endpoint_url, CALLS_PER_SECOND)):
        findings.append(finding)
        results.print(f"{finding.health} {finding.what:<20} {escape(printable(finding.sentence))}", soft_wrap=True)
    if any(finding.health is Health.TROUBLE for finding in findings):
        raise typer.Exit(1)


def _write_inventory(
    connection: Connection, kind: Format, tally: Tally, *, expiry: bool, attachments: bool
) -> StackOwners:
    """Write every certificate and count it; return the stacks that own them."""
    # JSON and CSV on a terminal show by themselves how far they are.
    shown = kind is Format.TABLE or not sys.stdout.isatty()
    with (
        KnownCertificates() as known,
        Filed() as filed,
        screen.Counts(screen.remarks(), "certificates", shown=shown) as counts,
    ):
        writer = writer_of(kind, screen.results(), sys.stdout, counts.hidden, attachments=attachments)
        inventory = Inventory(connection, known, filed, expiry=expiry, attachments=attachments, watch=counts)
        try:
            for entry in inventory.entries():
                writer.write(entry)
                tally.count(entry)
        except KeyboardInterrupt:
            writer.abandon()
            _tell_interrupted(counts)
            raise
        writer.close()
    return inventory.owners


def _tell_interrupted(counts: screen.Counts) -> None:
    of = "" if counts.total is None else f" of {counts.total:,}"
    screen.remarks().print(
        f"Interrupted: {counts.count:,}{of} device certificates are listed, and the rest is missing. Their subjects "
        "and dates are kept for the next run.",
        soft_wrap=True,
    )


def _delete_found(connection: Connection, leftovers: list[Entry], *, asking: bool) -> None:
    remarks, place = screen.remarks(), connection.place
    question = f"Delete {counted(len(leftovers), 'certificate')} in {place}: {by_ca(leftovers)}?"
    with _nothing_deleted_yet():
        if asking and not typer.confirm(question, err=True):
            remarks.print("Nothing was deleted.")
            raise typer.Exit(1)
        # Anew: the question may have stood there for long.
        owners = find_stack_owners(connection.cloudformation_client)
        check_owners_are_known(owners)
    unowned, swept = [entry for entry in leftovers if entry.id not in owners.stacks_of], Swept()
    try:
        with screen.Counts(remarks, "certificates deleted", len(unowned)) as counts:
            delete_all(connection, unowned, swept, counts.done)
    except KeyboardInterrupt:
        show_swept(swept, place)
        remarks.print("Interrupted. The same command continues with the rest.")
        raise
    except ProviderError:
        show_swept(swept, place)
        raise
    show_swept(swept, place)
    if swept.failures:
        raise typer.Exit(1)


@contextmanager
def _nothing_deleted_yet() -> Iterator[None]:
    """Answer Ctrl-C, which Click makes an Abort of while a question stands there."""
    try:
        yield
    except (KeyboardInterrupt, typer.Abort):
        screen.remarks().print("\nInterrupted: nothing was deleted.")
        raise


def _write_page(file: Path, tally: Tally, place: str) -> None:
    # Not before it is asked for: the charting library takes a second to load.
    from iot_certificates_cli.html_page import page_of  # noqa: PLC0415

    try:
        file.write_text(page_of(tally, place), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} could not be written: {error.strerror}") from error


def _tell_unknown_owners(owners: StackOwners) -> None:
    if owners.unreadable:
        name, error = next(iter(owners.unreadable.items()))
        sentence = (
            f"Owners may be missing: these stacks could not be read: {names_of(owners.unreadable)}. "
            f"Of {name}: {sentence_of(error)}"
        )
        screen.remarks().print(escape(sentence), soft_wrap=True)


def main() -> None:
    """Run the command line; every failure is a sentence on standard error and an exit status."""
    try:
        app()
    except (CommandError, ProviderError) as error:
        screen.remarks().print(f"[red]Error:[/red] {escape(sentence_of(error))}", soft_wrap=True)
        sys.exit(error.exit_status if isinstance(error, CommandError) else 1)
