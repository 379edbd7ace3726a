"""A CSV file of certificates: a row for each, with what else is to be said about it."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from iot_certificate_provider.printable import printable
from iot_certificates_cli.errors import UsageError
from iot_certificates_cli.fleet.given import Given, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CERTIFICATE_PEM = "certificatePem"
CERTIFICATE_FILE = "certificateFile"
STATUS = "status"
THING_NAME = "thingName"
POLICY_NAMES = "policyNames"
ATTRIBUTE = "attribute."
"""``attribute.site`` is the column of the thing's attribute ``site``."""

COLUMNS = (CERTIFICATE_PEM, CERTIFICATE_FILE, STATUS, THING_NAME, POLICY_NAMES, f"{ATTRIBUTE}…")

_BETWEEN_NAMES = ";"


def count(path: Path) -> int:
    """Return the number of rows, without the one of names."""
    return max(0, sum(1 for row in _rows(path) if row[1]) - 1)


def read(path: Path, read_file: Callable[[Path], bytes | str]) -> Iterator[Given | Refused]:
    """Yield the certificates of the rows; raise UsageError for columns that there are not, and for what is no CSV.

    ``read_file`` returns the content of a file that ``certificateFile`` names, or why it cannot be a certificate.
    """
    rows = _rows(path)
    _, names = next(rows, (0, []))
    _check_names(path, names)
    for line, cells in rows:
        if cells:
            yield _given(path, printable(f"{path}:{line}"), names, cells, read_file)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the line in which it begins."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            begins = 1
            for cells in reader:
                yield begins, cells
                begins = reader.line_num + 1
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8. Save it as CSV with that encoding") from error
    except csv.Error as error:
        raise UsageError(f"{path}:{begins} is not CSV (RFC 4180): {error}. Check the quotation marks") from error


def _check_names(path: Path, names: list[str]) -> None:
    columns = f"The first row names the columns: {', '.join(COLUMNS)}"
    repeated = {name for name in names if names.count(name) > 1}
    unknown = [name for name in names if not _is_column(name)]
    if unknown or repeated:
        problem = f"has no use for the column {unknown[0]!r}" if unknown else f"has {min(repeated)!r} twice"
        raise UsageError(f"{path} {problem}. {columns}")
    if CERTIFICATE_PEM not in names and CERTIFICATE_FILE not in names:
        raise UsageError(f"{path} has neither {CERTIFICATE_PEM} nor {CERTIFICATE_FILE}. {columns}")


def _is_column(name: str) -> bool:
    return name in COLUMNS[:-1] or (name.startswith(ATTRIBUTE) and name != ATTRIBUTE)


def _given(
    path: Path, place: str, names: list[str], cells: list[str], read_file: Callable[[Path], bytes | str]
) -> Given | Refused:
    if len(cells) != len(names):
        return Refused(place, f"has {len(cells)} cells for {len(names)} columns. Check commas and quotation marks")
    row = dict(zip(names, map(str.strip, cells), strict=True))
    pem, file = row.get(CERTIFICATE_PEM, ""), row.get(CERTIFICATE_FILE, "")
    if bool(pem) == bool(file):
        both = "both" if pem else "neither"
        return Refused(place, f"has {both} of {CERTIFICATE_PEM} and {CERTIFICATE_FILE}. Give one of them")
    # Neither base64 nor the lines around it have a backslash: spreadsheets write line ends so.
    content = read_file(path.parent / file) if file else pem.replace("\\n", "\n").encode()
    place = printable(f"{place}, {path.parent / file}") if file else place
    if isinstance(content, str):
        return Refused(place, content)
    return Given(
        place,
        content,
        status=row.get(STATUS, ""),
        thing_name=row.get(THING_NAME, ""),
        policy_names=_names(row[POLICY_NAMES]) if row.get(POLICY_NAMES) else None,
        attributes={name.removeprefix(ATTRIBUTE): value for name, value in row.items() if _is_attribute(name, value)},
    )


def _is_attribute(name: str, value: str) -> bool:
    return name.startswith(ATTRIBUTE) and bool(value)


def _names(cell: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in cell.split(_BETWEEN_NAMES) if name.strip())
