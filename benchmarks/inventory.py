"""The command line's inventory of a whole account, at a rate: how much of it is used."""

from __future__ import annotations

import math
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import Spread, timed
from benchmarks.report import Row, Section
from iot_certificate_provider.aws.pace import Pace
from iot_certificate_provider.deadline import Deadline
from iot_certificates_cli.connection import Connection
from iot_certificates_cli.filed import Filed
from iot_certificates_cli.inventory import Inventory
from iot_certificates_cli.known_certificates import KnownCertificates
from scale.population import populate, unhurried_aws

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_certificates_local import EmbeddedAws

TITLE = "Inventory"
LIMIT = 0.93
CERTIFICATES = 2_000
RATE = 8.0
SPEED = 4
"""How much faster than the clock on the wall the command's time passes."""

_REMARKS = (
    (
        f"`iot-certificates inventory --rate {RATE:g}` with {CERTIFICATES:,} certificates, none of them known from an "
        "earlier run: what each says, and its things, take a call each. The ratio is certificates a second, lists "
        f"included, divided by the rate. The command's clock runs {SPEED} times as fast as the one on the wall."
    ),
)


def run(say: Callable[[str], None]) -> Section:
    """Measure."""
    with unhurried_aws() as aws:
        populate(aws.session().client("iot"), CERTIFICATES)
        say(f"{CERTIFICATES:,} certificates are registered")
        seconds = timed(lambda: _take_inventory(aws)) * SPEED
    share = CERTIFICATES / seconds / RATE
    return Section(TITLE, (Row("certificates a second / the rate", Spread((share,)), LIMIT, at_least=True),), _REMARKS)


def _take_inventory(aws: EmbeddedAws) -> None:
    sped_up = Deadline(lambda: math.inf, sleep=lambda seconds: time.sleep(seconds / SPEED))
    connection = Connection(aws.session(), Pace(RATE, clock=lambda: time.monotonic() * SPEED), sped_up)
    with tempfile.TemporaryDirectory() as folder, KnownCertificates(Path(folder)) as known, Filed() as filed:
        found = sum(1 for _ in Inventory(connection, known, filed).device_certificates())
    for client in (connection.iot_client, connection.cloudformation_client):
        client.close()
    if found != CERTIFICATES:
        raise RuntimeError(f"{found} certificates were found")
