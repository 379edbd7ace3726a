"""A fleet's life: created, changed by difference, shrunk, deleted."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from embedded_metrics import metrics_in
from fakes.refusal import Refusal
from fleet.stage import CA, Stage, device, line
from iot_certificate_provider.embedded_metrics import publish_metrics
from iot_certificate_provider.fleet import arithmetic, shard
from iot_certificate_provider.fleet.ledger import Declared, Entry
from iot_certificate_provider.fleet.manifest import Defaults, Line, Partition
from iot_certificate_provider.fleet.part_metrics import PartMetrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iot_certificate_provider.aws.s3 import S3Gateway


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "MOST_LINES_A_PART", 3)


def test_a_fleet_is_created_and_deleted() -> None:
    stage = Stage()
    created = stage.request("Create", stage.upload([line(number) for number in range(20)]))
    assert created.status == "SUCCESS", created.reason
    assert created.data["Registered"] == "20"
    assert set(stage.iot.certificates) == {device(number)[0] for number in range(20)}
    assert Counter(each["outcome"] for each in stage.results(created)) == {"Registered": 20}
    deleted = stage.request("Delete")
    assert deleted.status == "SUCCESS", deleted.reason
    assert stage.iot.certificates == {}
    assert stage.own_objects() == []


def test_an_update_is_the_difference() -> None:
    stage = Stage()
    stage.request("Create", stage.upload([line(number) for number in range(20)]))
    stage.aws.calls.clear()
    updated = stage.request("Update", stage.upload([line(number) for number in range(1, 21)]))
    assert updated.status == "SUCCESS", updated.reason
    summary = stage.summary(updated)
    assert summary["counts"] == {"Registered": 1, "Unchanged": 19}
    assert summary["removals"] == {"Removed": 1}
    assert set(stage.iot.certificates) == {device(number)[0] for number in range(1, 21)}
    assert stage.aws.names().count("iot.RegisterCertificate") == 1
    assert stage.aws.names().count("iot.DeleteCertificate") == 1


def test_an_update_to_the_same_manifest_asks_aws_iot_nothing() -> None:
    stage = Stage()
    properties = stage.upload([line(number) for number in range(20)])
    stage.request("Create", properties)
    stage.aws.calls.clear()
    updated = stage.request("Update", {**properties, "MaxRegistrationsPerSecond": "5"})
    assert (updated.status, updated.data["Registered"]) == ("SUCCESS", "20")
    assert [each for each in stage.aws.names() if each.startswith("iot.")] == []


def test_policies_things_and_status_are_changed() -> None:
    stage = Stage()
    lines = [line(0, thing_name="zero", attributes={"a": "1"}), line(1, policy_names=("telemetry",)), line(2)]
    assert stage.request("Create", stage.upload(lines)).status == "SUCCESS"
    assert stage.iot.attributes["zero"] == {"a": "1"}
    lines = [line(0, thing_name="zwei"), line(1), line(2, status="INACTIVE", policy_names=("telemetry",))]
    updated = stage.request("Update", stage.upload(lines))
    assert stage.summary(updated)["counts"] == {"Updated": 3}
    arns = [stage.iot.certificates[device(number)[0]].arn for number in range(3)]
    assert stage.iot.things == {"zwei": {arns[0]}}
    assert stage.iot.policies == {"telemetry": {arns[2]}}
    assert stage.iot.certificates[device(2)[0]].status == "INACTIVE"
    assert stage.request("Delete").status == "SUCCESS"
    assert stage.iot.things == {}
    assert stage.iot.certificates == {}


def test_a_fleet_without_a_ca_is_registered_without_one() -> None:
    stage = Stage()
    created = stage.request("Create", stage.upload([line(0)], defaults=Defaults(None, "INACTIVE", ("telemetry",))))
    assert created.status == "SUCCESS", created.reason
    (record,) = stage.iot.certificates.values()
    assert (record.mode, record.status) == ("SNI_ONLY", "INACTIVE")
    assert stage.iot.policies["telemetry"] == {record.arn}
    assert CA.pem


@pytest.mark.parametrize(("before", "after"), [(20, 0), (0, 20), (0, 0)])
def test_a_manifest_may_be_empty(before: int, after: int) -> None:
    stage = Stage()
    assert stage.request("Create", stage.upload([line(number) for number in range(before)])).status == "SUCCESS"
    updated = stage.request("Update", stage.upload([line(number) for number in range(after)]))
    assert updated.status == "SUCCESS", updated.reason
    assert len(stage.iot.certificates) == after
    assert stage.request("Delete").status == "SUCCESS"
    assert stage.own_objects() == []


@pytest.mark.parametrize(("before", "after"), [(0, 5), (5, 0), (3, 4), (4, 3), (1, 6)])
def test_a_fleet_may_be_divided_anew(before: int, after: int) -> None:
    stage = Stage()
    stage.request("Create", stage.upload([line(number) for number in range(20)], before))
    stage.aws.calls.clear()
    updated = stage.request("Update", stage.upload([line(number) for number in range(2, 22)], after))
    assert updated.status == "SUCCESS", updated.reason
    assert stage.summary(updated)["counts"] == {"Registered": 2, "Unchanged": 18}
    assert set(stage.iot.certificates) == {device(number)[0] for number in range(2, 22)}
    assert stage.request("Delete").status == "SUCCESS"
    assert stage.iot.certificates == {}


class _Endless(io.RawIOBase):
    """An object of S3's that is made while it is read, so that a test's own memory does not count."""

    def __init__(self, number: int) -> None:
        self._lines, self._rest = _lines_of(number), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while len(self._rest) < len(buffer) and (line := next(self._lines, None)) is not None:
            self._rest += line
        chunk, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(chunk)] = chunk
        return len(chunk)


def _lines_of(number: int) -> Iterator[bytes]:
    pem = device(0)[1]
    return (Line(f"{each:064x}", pem, policy_names=("telemetry",)).to_json() for each in range(number))


def _peak_of_reading(number: int) -> int:
    content = hashlib.sha256()
    for each in _lines_of(number):
        content.update(each)
    gateway = SimpleNamespace(stream=lambda *_: io.BufferedReader(_Endless(number)))
    partition = Partition("", number, content.hexdigest())
    source = shard.Source(cast("S3Gateway", gateway), "bucket", "", partition, Defaults())
    entries = (Entry(f"{each:064x}", Declared("ACTIVE"), (1,)) for each in range(1, number, 2))
    tracemalloc.start()
    finding = shard.check(source)
    count = sum(1 for _ in shard.items(source, finding, entries))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (finding, count) == (shard.Finding(), number)
    return peak


def test_a_shard_is_read_in_constant_memory() -> None:
    _peak_of_reading(10)
    assert _peak_of_reading(5_000) <= 1.05 * _peak_of_reading(200)


def test_each_part_is_published_once() -> None:
    stage = Stage()
    throttled = iter([Refusal("ThrottlingException", "Rate exceeded", 429)] * 2)

    def throttle(name: str) -> None:
        if name == "before iot.RegisterCertificate" and (refusal := next(throttled, None)) is not None:
            raise refusal

    def retry(refusal: Refusal, attempt: int, _attempts: int, name: str) -> bool:
        operation = SimpleNamespace(name=name.partition(".")[2])
        return stage._paced._when_throttled((None, refusal.parsed()), attempt, operation) is not None

    stage.hook, stage.aws.retry = throttle, retry
    lines: list[Line | bytes] = [line(number) for number in range(4)]
    created = stage.request("Create", {**stage.upload([*lines, b"poison\n"], 0), "ToleratedFailurePercentage": "20"})
    assert created.status == "SUCCESS", created.reason
    assert [each["Registered"] for each in stage.published] == [3, 1]
    assert [each["Failed"] for each in stage.published] == [0, 1]
    assert [each["Throttled"] for each in stage.published] == [2, 0]
    assert all(0 < each["RatePerSecond"] < 100 for each in stage.published)
    assert {(each["FunctionName"], each["Fleet"]) for each in stage.published} == {("fleet", created.physical_id[6:])}
    stage.published.clear()
    stage.request("Update", stage.upload(lines, 0))
    names = ("Registered", "Failed", "Throttled", "RatePerSecond")
    assert [sum(each.get(name, 0) for name in names) for each in stage.published] == [0, 0]
    stage.request("Delete")
    assert sum("RatePerSecond" in each for each in stage.published) == 2


def test_the_metrics_of_a_part_are_one_line_that_cloudwatch_reads(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = PartMetrics(publish_metrics, "work", "name", lambda: 3)
    metrics.add(Counter({"Removed": 100, "Refused": 1, "Invalid": 1}), 12.5, datetime(2026, 11, 29, tzinfo=UTC))
    metrics.add(Counter({"Unchanged": 100}), 0.0, datetime(2026, 11, 29, tzinfo=UTC))
    first, second = metrics_in(capsys.readouterr().out.splitlines())
    values = {"Registered": 0, "Failed": 2, "Throttled": 3, "RatePerSecond": 8.0}
    assert first == {"_aws": first["_aws"], **values, "FunctionName": "work", "Fleet": "name"}
    assert first["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["FunctionName"]]
    assert second["Throttled"] == 0
    assert "RatePerSecond" not in second
