"""What ``fleet plan`` takes a fleet's requests for is what its functions make, counted on the fakes."""

from __future__ import annotations

import pytest

from fleet import stage
from iot_certificates_cli.fleet.estimate import Estimate, Work

READS = {"GetObject"}
FREE = {"DeleteObjects", "AbortMultipartUpload"}
RATE = 8


@pytest.mark.parametrize(("certificates", "bits"), [(0, 0), (150, 0), (450, 0), (320, 4)])
def test_the_requests_of_s3(certificates: int, bits: int) -> None:
    fleet = stage.Stage()
    properties = fleet.upload([stage.line(number) for number in range(certificates)], bits)
    assert fleet.request("Create", properties).status == "SUCCESS"
    made = [name.partition(".")[2] for name in fleet.aws.names() if name.startswith("s3.")]
    reads = sum(name in READS for name in made)
    writes = sum(name not in READS | FREE for name in made)
    shards = 2**bits if certificates else 0
    costs = {each.what: each.count for each in Estimate(Work(register=certificates, shards=shards), RATE).costs}
    assert costs["S3, writes and lists"] == pytest.approx(writes, rel=0.15)
    assert costs["S3, reads"] == pytest.approx(reads, rel=0.15)
