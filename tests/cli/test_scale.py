"""Hundreds of certificates: few calls, and no more memory than for the first of them. ``make scale`` tries 20,000."""

from __future__ import annotations

import gc
import json
import logging
import math
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificate_provider.aws.pace import Pace
from iot_certificate_provider.deadline import Deadline
from iot_certificates_cli.connection import Connection
from iot_certificates_cli.filed import Filed
from iot_certificates_cli.inventory import Inventory
from iot_certificates_cli.known_certificates import KnownCertificates
from scale.measuring import run_inventory
from scale.population import NAMES, attach_some, populate, unhurried_aws

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from iot_certificates_cli.inventory import Entry
    from iot_certificates_local import EmbeddedAws

CERTIFICATES = 600
PAGES = math.ceil(CERTIFICATES / 250)
# Under each CA: 330, 180, 60 and 30 certificates.
PAGES_BY_CA = 2 + 1 + 1 + 1
# Of the CAs, of all certificates and of each CA's; the stacks; and whose account it is.
LISTS = 1 + PAGES + PAGES_BY_CA + 1 + 1
HELD_BYTES = 150
"""What an inventory may have grown by for each certificate: a tenth of what holding one takes."""
_MIDDLE, _END = 300, 550

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def fleet() -> Iterator[EmbeddedAws]:
    with unhurried_aws() as aws:
        populate(aws.session().client("iot"), CERTIFICATES)
        yield aws


def test_calls_and_results(fleet: EmbeddedAws, tmp_path: Path) -> None:
    iot = fleet.session().client("iot")
    arns = [one["certificateArn"] for one in iot.list_certificates(pageSize=3)["certificates"]]
    attach_some(iot, arns)
    environment = {**fleet.environment(), "XDG_CACHE_HOME": str(tmp_path)}

    lists = run_inventory(environment, tmp_path, "--no-expiry", "--no-attachments")
    assert lists.calls == LISTS + len(NAMES)
    first = run_inventory(environment, tmp_path, "--no-attachments")
    assert first.calls == LISTS + CERTIFICATES
    everything = run_inventory(environment, tmp_path)
    assert everything.calls == LISTS + 2 + CERTIFICATES  # the policies, the targets of one, and things

    entries = json.loads(everything.output.read_text())
    devices = [entry for entry in entries if entry["kind"] == "device"]
    assert len({entry["certificateId"] for entry in devices}) == len(devices) == CERTIFICATES
    assert {entry["caSubject"] for entry in devices} == {f"CN={name}" for name in NAMES}
    assert all(entry["notAfter"] for entry in devices)
    assert {entry["certificateArn"] for entry in devices if entry["policies"] and entry["things"]} == {*arns}


def test_things_and_descriptions_do_not_wait_for_each_other(fleet: EmbeddedAws, tmp_path: Path) -> None:
    """Each operation has a quota of its own: --rate 8 is at least 7.5 certificates a second. Time runs doubly fast."""
    twice = Deadline(lambda: math.inf, sleep=lambda seconds: time.sleep(seconds / 2))
    connection = Connection(fleet.session(), Pace(8, clock=lambda: time.monotonic() * 2), twice)
    count = connection.clients.calls
    certificates = 96
    with KnownCertificates(tmp_path) as known, Filed() as filed:
        entries: Any = Inventory(connection, known, filed).device_certificates()
        next(entries)  # the lists, and the first certificates, which are asked about at once
        already, started = count["iot.DescribeCertificate"], time.monotonic()
        asked = [next(entries) for _ in range(certificates)]
        seconds, calls = (time.monotonic() - started) * 2, count["iot.DescribeCertificate"] - already
        entries.close()
    _close(connection)
    assert (certificates - 8) / seconds >= 7.5  # a second's calls were made before, at once
    assert calls / seconds <= 8 * 1.2
    assert all(entry.said for entry in asked)
    assert count["iot.ListPrincipalThings"] >= certificates


def test_memory_does_not_grow_with_the_certificates(fleet: EmbeddedAws, tmp_path: Path) -> None:
    with _entries(fleet, tmp_path) as entries:
        assert _growth(entries, []) < HELD_BYTES


def test_the_measure_sees_what_is_held(fleet: EmbeddedAws, tmp_path: Path) -> None:
    held: list[Entry] = []
    with _entries(fleet, tmp_path, attachments=False) as entries:
        assert _growth(entries, held, hold=True) > HELD_BYTES
    assert len(held) == _END + 1


class _entries:  # noqa: N801 - used like a function
    def __init__(self, aws: EmbeddedAws, cache: Path, *, attachments: bool = True) -> None:
        self._attachments = attachments
        self._connection = Connection(aws.session(), Pace(1e6))
        self._known, self._filed = KnownCertificates(cache), Filed()

    def __enter__(self) -> Iterator[Entry]:
        inventory = Inventory(self._connection, self._known, self._filed, attachments=self._attachments)
        return inventory.device_certificates()

    def __exit__(self, *_: object) -> None:
        self._known.__exit__()
        self._filed.__exit__()
        _close(self._connection)


def _close(connection: Connection) -> None:
    for client in (connection.iot_client, connection.cloudformation_client):
        client.close()


def _growth(entries: Iterator[Entry], held: list[Entry], *, hold: bool = False) -> float:
    """Return the bytes by which memory has grown for each certificate between two moments.

    Both are equally far into a page, and at both everything that was asked ahead has been answered: what is under way
    would differ.
    """
    found: list[int] = []
    logging.disable()  # pytest keeps what is logged
    try:
        for number, entry in enumerate(entries):
            if number == _MIDDLE - 100:  # not from the first on: everything takes three times as long
                tracemalloc.start()
            if hold:
                held.append(entry)
            if number in (_MIDDLE, _END):
                found.append(_memory_when_quiet())
            if number == _END:
                break
    finally:
        tracemalloc.stop()
        logging.disable(logging.NOTSET)
    return (found[1] - found[0]) / (_END - _MIDDLE)


def _memory_when_quiet() -> int:
    """Return the bytes that are held once no thread asks for anything any more."""
    before = -1
    while before != (before := _traced()):
        time.sleep(0.1)
    return before


def _traced() -> int:
    gc.collect()  # answers of botocore are in circles, which are let go of now and then
    return tracemalloc.get_traced_memory()[0]
