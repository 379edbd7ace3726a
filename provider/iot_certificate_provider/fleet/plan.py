"""What a run is to do, as ``plan.json`` has it, and the items of the Distributed Map."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.errors import AccessDeniedError, InvalidPropertyError, NotFoundError, attributing_to
from iot_certificate_provider.fleet.arithmetic import lines_a_part, rate_of_a_child
from iot_certificate_provider.fleet.manifest import Defaults, Manifest, Partition, canonical
from iot_certificate_provider.fleet.shard import Source
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.pki import Certificate, check_ca
from iot_certificate_provider.protocol.request import RequestType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iot_certificate_provider.aws.s3 import S3Gateway
    from iot_certificate_provider.properties.fleet import DeviceCertificateFleetProperties

PREFIX = "ManifestPrefix"


@dataclass(frozen=True)
class Desired:
    """The manifest that a run brings about, without its partitions."""

    bucket: str
    prefix: str
    sha256: str
    count: int
    defaults: Defaults

    @property
    def ca(self) -> Certificate | None:
        """The issuer of all certificates; None where they are registered without one."""
        pem = self.defaults.ca_certificate_pem
        return None if pem is None else Certificate.from_pem(pem)

    def source(self, s3: S3Gateway, partition: Partition) -> Source:
        """Return where the shard of a partition is."""
        return Source(s3, self.bucket, self.prefix, partition, self.defaults)

    def identity(self, partition: Partition) -> str:
        """Return what says that a partition is as this manifest has it: its lines, and the defaults."""
        defaults = hashlib.sha256(canonical(self.defaults.as_json())).hexdigest()
        return f"{partition.sha256}:{defaults}"


@dataclass(frozen=True)
class Plan:
    """What a run is to do.

    * ``desired``: None for a Delete. ``rate``: certificates a second, of all children together.
    * ``children``: how many shards the machine works on at a time.
    * ``ends``: no part is begun that would not have ended by then; None: there is no such time.
    * ``items``: how many partitions are worked on. ``unchanged``: certificates of the others, of which
      ``already_registered`` are another owner's.
    """

    operation: RequestType
    desired: Desired | None
    rate: float
    tolerated_percentage: float
    waits: bool
    ends: datetime | None
    children: int
    items: int = 0
    unchanged: int = 0
    already_registered: int = 0

    @property
    def rate_of_a_child(self) -> float:
        """Certificates a second that a worker may act on: there may be fewer partitions than children."""
        return rate_of_a_child(self.rate, max(1, min(self.children, self.items)))

    @property
    def lines_a_part(self) -> int:
        """How many items a part has."""
        return lines_a_part(self.rate_of_a_child)

    @property
    def count(self) -> int:
        """How many lines the manifest has."""
        return 0 if self.desired is None else self.desired.count

    def as_json(self) -> dict[str, Any]:
        """Return what ``plan.json`` says."""
        desired = self.desired
        return {
            "operation": self.operation.value,
            "manifest": desired
            and {"bucket": desired.bucket, "prefix": desired.prefix, "sha256": desired.sha256, "count": desired.count},
            "defaults": desired and desired.defaults.as_json(),
            "maxRegistrationsPerSecond": self.rate,
            "toleratedFailurePercentage": self.tolerated_percentage,
            "waitForCompletion": self.waits,
            "ends": self.ends and self.ends.isoformat(),
            "children": self.children,
            "items": self.items,
            "unchanged": self.unchanged,
            "alreadyRegistered": self.already_registered,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Plan:
        """Return the plan that ``as_json`` wrote."""
        desired, defaults = raw["manifest"], raw["defaults"]
        return cls(
            RequestType(raw["operation"]),
            desired and Desired(**desired, defaults=Defaults.from_json(defaults)),
            raw["maxRegistrationsPerSecond"],
            raw["toleratedFailurePercentage"],
            raw["waitForCompletion"],
            raw["ends"] and datetime.fromisoformat(raw["ends"]),
            raw["children"],
            raw["items"],
            raw["unchanged"],
            raw["alreadyRegistered"],
        )


def read_manifest(s3: S3Gateway, properties: DeviceCertificateFleetProperties) -> tuple[Desired, Manifest]:
    """Read manifest.json; raise InvalidPropertyError if it is missing, invalid, or does not match its prefix."""
    key = f"{properties.prefix}manifest.json"
    try:
        content = s3.get(properties.bucket, key)
    except (NotFoundError, AccessDeniedError) as error:
        raise InvalidPropertyError(
            PREFIX,
            "the bucket has no manifest.json there, or the function is not allowed to read it",
            "Upload it with `iot-certificates fleet manifest --upload`; grant s3:GetObject, and kms:Decrypt on its key",
        ) from error
    with attributing_to(PREFIX):
        manifest = Manifest.from_json(content)
        sha256 = hashlib.sha256(content).hexdigest()
        if f"/{properties.prefix}".rsplit("/", 2)[1] != sha256:
            raise InvalidPropertyError(
                PREFIX,
                f"does not end with the SHA-256 of its manifest.json, {sha256[:12]}…",
                "Do not change a manifest in place. Make another one, and declare its prefix",
            )
        desired = Desired(properties.bucket, properties.prefix, sha256, manifest.count, manifest.defaults)
        if (ca := desired.ca) is not None:
            check_ca(ca)
    return desired, manifest


def partition_as_json(partition: Partition | None) -> dict[str, Any]:
    """Return what an item of the map says."""
    if partition is None:
        return {"partition": None}
    return {"partition": {"key": partition.key, "count": partition.count, "sha256": partition.sha256}}


def partition_of(item: Mapping[str, Any]) -> Partition | None:
    """Return the partition of an item of the map; None where the manifest has none."""
    return item["partition"] and Partition(**item["partition"])
