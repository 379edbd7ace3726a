"""The properties of ``Custom::IotDeviceCertificateFleet``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import DeviceCertificateFleetProperty
from iot_certificate_provider.errors import readable
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.properties.reader import Reader
from iot_certificate_provider.properties.shapes import ALWAYS, DecimalNumber, Flag, Shape, Text, Update

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = DeviceCertificateFleetProperty

MAX_RATE = 10_000
DEFAULT_RATE = 8

MANIFEST_BUCKET = Text(
    _NAME.MANIFEST_BUCKET,
    about="name of the bucket that has the manifest",
    update=Update.IN_PLACE,
    exception=": the difference of the manifests, shard by shard",
    required=ALWAYS,
    missing="Give the name of the bucket that `iot-certificates fleet manifest` has uploaded to",
    pattern=re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    problem="is not the name of a bucket",
    fix="Give the name, without s3:// and without a path",
)
MANIFEST_PREFIX = Text(
    _NAME.MANIFEST_PREFIX,
    about="prefix of the manifest in the bucket, which ends with the SHA-256 of its `manifest.json`",
    update=Update.IN_PLACE,
    exception=": the difference of the manifests, shard by shard",
    required=ALWAYS,
    missing="Give the prefix that `iot-certificates fleet manifest` has printed",
    pattern=re.compile(r"(?:[^/]+/)*[0-9a-f]{64}/?"),
    problem="does not end with the SHA-256 of a manifest",
    fix="Give the prefix as `iot-certificates fleet manifest` prints it: …/<64 hex digits>/",
    longest=900,
)
MAX_REGISTRATIONS_PER_SECOND = DecimalNumber(
    _NAME.MAX_REGISTRATIONS_PER_SECOND,
    "0.1",
    MAX_RATE,
    DEFAULT_RATE,
    about="certificates a second that are registered, changed or removed; AWS IoT's default quota is 10",
    update=Update.IN_PLACE,
    problem="is not such a number",
)
TOLERATED_FAILURE_PERCENTAGE = DecimalNumber(
    _NAME.TOLERATED_FAILURE_PERCENTAGE,
    "0",
    100,
    0,
    about="of certificates: how many of a hundred may fail without failing the request",
    update=Update.IN_PLACE,
    problem="is not a percentage",
)
WAIT_FOR_COMPLETION = Flag(
    _NAME.WAIT_FOR_COMPLETION,
    default=True,
    about="whether a Create or an Update waits for the last certificate, an hour at most; a Delete always does",
    update=Update.IN_PLACE,
)

SHAPE = Shape(
    (
        MANIFEST_BUCKET,
        MANIFEST_PREFIX,
        MAX_REGISTRATIONS_PER_SECOND,
        TOLERATED_FAILURE_PERCENTAGE,
        WAIT_FOR_COMPLETION,
    )
)


@dataclass(frozen=True)
class DeviceCertificateFleetProperties:
    """The properties of a ``Custom::IotDeviceCertificateFleet`` declares. ``prefix`` ends with a slash."""

    bucket: str
    prefix: str
    rate: float
    tolerated_percentage: float
    waits: bool

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> DeviceCertificateFleetProperties:
        """Read the properties; raise InvalidPropertyError for the first that cannot work."""
        reader = Reader(raw, SHAPE)
        return cls(
            bucket=reader.text(MANIFEST_BUCKET),
            prefix=reader.text(MANIFEST_PREFIX).rstrip("/") + "/",
            rate=reader.decimal_number(MAX_REGISTRATIONS_PER_SECOND),
            tolerated_percentage=reader.decimal_number(TOLERATED_FAILURE_PERCENTAGE),
            waits=reader.flag(WAIT_FOR_COMPLETION),
        )


def declared_rate(raw: Mapping[str, Any]) -> float:
    """Read MaxRegistrationsPerSecond as a Delete needs it: the default where it is not valid."""
    name = str(MAX_REGISTRATIONS_PER_SECOND.name)
    only = {name: raw[name]} if name in raw else {}
    read = readable(lambda each: Reader(each, _RATE).decimal_number(MAX_REGISTRATIONS_PER_SECOND), only)
    return DEFAULT_RATE if read is None else read


_RATE = Shape((MAX_REGISTRATIONS_PER_SECOND,))
