"""The manifest: one form in bytes, and what is refused, without a word of what may be a key."""

from __future__ import annotations

import hashlib
import io
import json

import pytest

from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.fleet.arithmetic import children, fitting, rate_needed, rate_of_a_child, seconds
from iot_certificate_provider.fleet.cut import bits_for, has, key_of
from iot_certificate_provider.fleet.layout import FleetKeys, RunKeys, key_in
from iot_certificate_provider.fleet.manifest import (
    LONGEST_LINE_BYTES,
    BadLine,
    Defaults,
    Line,
    Manifest,
    Partition,
    lines_or_problems,
    read_lines,
)

A, B, C = "a" * 64, "b" * 64, "c" * 64


def _manifest() -> Manifest:
    return Manifest(
        3,
        (Partition("0", 1, "0" * 64), Partition("1", 2, "1" * 64)),
        Defaults("PEM", "INACTIVE", ("p",), {"model": "x"}),
    )


def test_a_manifest_reads_what_it_wrote_and_has_one_form() -> None:
    content = _manifest().to_json()
    assert Manifest.from_json(content) == _manifest()
    assert content == Manifest.from_json(json.dumps(json.loads(content), indent=3).encode()).to_json()
    assert content.endswith(b"\n")
    assert len(_manifest().sha256) == 64


def test_lines_read_what_was_written() -> None:
    lines = [
        Line(A, "PEM"),
        Line(B, "PEM", "INACTIVE", "thing", ("p", "q"), {"a": "b"}),
        Line(C, "PEM", None, None, ()),
    ]
    assert list(read_lines(io.BytesIO(b"".join(each.to_json() for each in lines)))) == lines


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"no json", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b'{"version": 2}', "a version other"),
        (b'{"version": 1, "count": "3"}', "whole number"),
        (b'{"version": 1, "count": 3}', "sum of the partitions"),
        (b'{"version": 1, "count": 0, "partitions": {}}', "partitions is a map"),
        (b'{"version": 1, "count": 0, "partitions": [1]}', "not an object"),
        (b'{"version": 1, "count": 0, "partitions": [{"key": "../x"}]}', "32 bits"),
        (b'{"version": 1, "count": 0, "partitions": [{"key": "01", "sha256": "x"}]}', "64 hex digits"),
        (b'{"version": 1, "count": 0, "defaults": {"status": "ON"}}', "status"),
        (b'{"version": 1, "count": 0, "defaults": []}', "defaults"),
        (b'{"version": 1, "count": 0, "defaults": {"policyNames": ["a b"]}}', "policy name"),
        (b'{"version": 1, "count": 0, "x": "-----BEGIN EC PRIVATE KEY-----"}', "private key"),
    ],
)
def test_a_manifest_that_is_none_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(UnusableError, match=problem):
        Manifest.from_json(content)


def test_partitions_of_two_lengths_or_out_of_order_are_refused() -> None:
    for keys in (("0", "10"), ("1", "0"), ("0", "0")):
        partitions = tuple(Partition(key, 0, "0" * 64) for key in keys)
        with pytest.raises(UnusableError, match="keys must ascend"):
            Manifest.from_json(Manifest(0, partitions).to_json())


@pytest.mark.parametrize(
    ("line", "problem", "has_id"),
    [
        (b"poison\n", "not a JSON object", False),
        (b'{"certificateId": "A"}\n', "no certificateId", False),
        (b'{"certificateId": "' + b"a" * 64 + b'", "certificatePem": 1}\n', "not a text", True),
        (b'{"certificateId": "' + b"a" * 64 + b'", "thingName": "a b"}\n', "thingName", True),
        (b'{"certificateId": "' + b"a" * 64 + b'", "attributes": {"a": 1}}\n', "attributes", True),
        (b'{"certificateId": "' + b"a" * 64 + b'", "certificatePem": "-----BEGIN PRIVATE KEY-----"}\n', "key", False),
        (b"x" * (3 * LONGEST_LINE_BYTES) + b"\n", "bytes", False),
    ],
)
def test_a_line_that_is_none_keeps_no_other(line: bytes, problem: str, *, has_id: bool) -> None:
    bad, good = lines_or_problems(io.BytesIO(line + Line(B, "PEM").to_json()))
    assert isinstance(bad, BadLine)
    assert problem in bad.problem
    assert (bad.number, bad.certificate_id) == (1, A if has_id else None)
    assert good == Line(B, "PEM")


def test_lines_out_of_order_twice_or_of_another_partition_are_refused_each_for_itself() -> None:
    content = b"".join(Line(each, "PEM").to_json() for each in ("ab" * 32, "ab" * 32, "aa" * 32, B, "ac" * 32))
    lines = list(lines_or_problems(io.BytesIO(content), "1010"))
    problems = [each.problem[:9] if isinstance(each, BadLine) else each.certificate_id for each in lines]
    assert problems == ["ab" * 32, "has the i", "is out of", "has an id", "ac" * 32]


def test_the_last_line_needs_no_newline() -> None:
    assert list(read_lines(io.BytesIO(Line(A, "PEM").to_json().rstrip()))) == [Line(A, "PEM")]


def test_the_first_bad_line_ends_a_strict_reading() -> None:
    with pytest.raises(UnusableError, match="line 1 is not a JSON object"):
        list(read_lines(io.BytesIO(b"x\n")))


def test_shards_have_1000_to_2000_lines_on_average_and_those_of_a_small_fleet_500() -> None:
    counts = {0: 0, 999: 0, 1_000: 1, 4_000: 3, 16_000: 5, 64_000: 5, 64_001: 6, 100_000: 6, 10_000_000: 13}
    assert {count: bits_for(count) for count in counts} == counts
    for count in range(64_001, 2_000_000, 9_973):
        assert 1_000 < count / 2 ** bits_for(count) <= 2_000


def test_a_certificate_is_in_one_shard_which_a_bit_more_divides() -> None:
    ids = [hashlib.sha256(bytes([number])).hexdigest() for number in range(64)]
    keys = [f"{number:03b}" for number in range(8)]
    for each in ids:
        (key,) = (key for key in keys if has(key, each))
        assert key == key_of(each, 3)
        assert key_of(each, 4)[:3] == key
        assert has("", each)
    assert [key_of(each, 5) for each in sorted(ids)] == sorted(key_of(each, 5) for each in ids)
    assert [key_of(f"{digit}0000000", 4) for digit in "06f"] == ["0000", "0110", "1111"]


def test_the_arithmetic_of_the_hour() -> None:
    assert fitting(10) == 32_490
    assert rate_needed(100_000) == 31
    assert fitting(rate_needed(100_000)) >= 100_000 > fitting(rate_needed(100_000) - 1)
    assert round(seconds(100_000, 10) / 3600, 1) == 2.9
    assert [children(rate) for rate in (1, 25, 26, 100)] == [1, 1, 2, 4]
    assert [rate_of_a_child(rate, 2) for rate in (8, 50, 80)] == [4, 25, 25]


def test_keys_lead_from_a_run_to_its_fleet_and_back() -> None:
    fleet = FleetKeys.of("fleets/", "stack", "Fleet")
    run = RunKeys(fleet.run("0b2e-id").prefix)
    assert run.fleet == fleet
    assert run.name == "0b2e-id"
    assert run.prefix.startswith("fleets/")
    assert FleetKeys.of("", "stack", "Fleet").prefix == fleet.prefix.removeprefix("fleets/")
    assert FleetKeys.of("", "stack", "Other").prefix not in fleet.prefix
    assert [key_in(run.item(key)) for key in ("", "01")] == ["", "01"]
    assert "/" not in fleet.run("an id/of another kind").name
