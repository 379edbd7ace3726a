"""S3: what is missing where only a prefix may be listed, conditional writes, pages, streams and uploads."""

from __future__ import annotations

import itertools
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from fakes.aws import FakeAws
from fakes.refusal import Refusal
from iot_certificate_provider.aws import s3 as s3_module
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.gateways import Gateways
from iot_certificate_provider.errors import AccessDeniedError, NotFoundError, ProviderError

if TYPE_CHECKING:
    from iot_certificate_provider.aws.s3 import S3Gateway


@pytest.fixture
def aws() -> FakeAws:
    aws = FakeAws()
    aws.s3.buckets["bucket"] = {f"fleet/{number}": str(number).encode() for number in range(7)}
    return aws


@pytest.fixture
def s3(aws: FakeAws) -> S3Gateway:
    return Gateways(AwsClients(aws.session())).s3


def test_an_object_is_read_whole_found_or_missing(s3: S3Gateway) -> None:
    assert s3.get("bucket", "fleet/1") == b"1"
    assert s3.find("bucket", "fleet/1") == b"1"
    assert s3.find("bucket", "fleet") is None
    with pytest.raises(AccessDeniedError):
        s3.get("bucket", "fleet/x")


def test_a_role_that_may_list_the_bucket_is_told_what_is_missing(aws: FakeAws, s3: S3Gateway) -> None:
    aws.s3.may_list = True
    for bucket, key in (("bucket", "x"), ("other", "x")):
        with pytest.raises(NotFoundError):
            s3.get(bucket, key)


def test_an_object_that_is_deleted_after_the_list_is_not_found(aws: FakeAws, s3: S3Gateway) -> None:
    aws.s3.may_list = True
    aws.after = lambda call: aws.s3.buckets["bucket"].clear() if call.name == "s3.ListObjectsV2" else None
    assert s3.find("bucket", "fleet/1") is None


def test_a_stream_gives_lines_with_a_limit(aws: FakeAws, s3: S3Gateway) -> None:
    aws.s3.buckets["bucket"]["fleet/lines"] = b"one\ntwo\n" + b"x" * 100_000
    with s3.stream("bucket", "fleet/lines") as stream:
        assert [stream.readline(10) for _ in range(3)] == [b"one\n", b"two\n", b"x" * 10]


def test_an_object_is_written_once_where_it_must_be_new(aws: FakeAws, s3: S3Gateway) -> None:
    assert s3.put_new("bucket", "fleet/new", b"a")
    assert not s3.put_new("bucket", "fleet/new", b"b")
    assert aws.s3.buckets["bucket"]["fleet/new"] == b"a"
    s3.put("bucket", "fleet/new", b"c")
    assert aws.s3.buckets["bucket"]["fleet/new"] == b"c"


def test_a_concurrent_write_counts_as_one_that_was_faster(aws: FakeAws, s3: S3Gateway) -> None:
    def refuse(call: object) -> None:
        raise Refusal("ConditionalRequestConflict", "A conflicting operation occurred", 409)

    aws.before = refuse
    assert not s3.put_new("bucket", "fleet/new", b"a")


def test_another_refusal_of_a_conditional_write_is_an_error(s3: S3Gateway) -> None:
    with pytest.raises(NotFoundError):
        s3.put_new("other", "fleet/new", b"a")


def test_lists_have_all_pages_and_folders(aws: FakeAws, s3: S3Gateway) -> None:
    assert list(s3.keys("bucket", "fleet/")) == [f"fleet/{number}" for number in range(7)]
    assert list(s3.keys("bucket", "nothing/")) == []
    aws.s3.buckets["bucket"].update({f"fleet/run{number}/x": b"" for number in range(5)})
    assert s3.folders("bucket", "fleet/") == [f"fleet/run{number}" for number in range(5)]


def test_objects_are_deleted_a_thousand_at_a_time(aws: FakeAws, s3: S3Gateway) -> None:
    aws.s3.buckets["bucket"] = {f"fleet/{number}": b"" for number in range(2_500)}
    aws.s3.page = 1_000
    s3.delete("bucket", [*s3.keys("bucket", "fleet/"), "fleet/none"])
    assert aws.s3.buckets["bucket"] == {}
    assert aws.names().count("s3.DeleteObjects") == 3


def test_a_key_that_could_not_be_deleted_is_an_error(
    aws: FakeAws, s3: S3Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"Errors": [{"Key": "fleet/1", "Code": "AccessDenied", "Message": "Access Denied"}]}
    monkeypatch.setattr(aws.s3, "DeleteObjects", lambda **_: answer)
    with pytest.raises(AccessDeniedError):
        s3.delete("bucket", ["fleet/1"])


def test_little_is_put_and_much_is_uploaded_in_parts(aws: FakeAws, s3: S3Gateway) -> None:
    s3.upload("bucket", "fleet/empty", [])
    s3.upload("bucket", "fleet/little", [b"a", b"b"])
    assert aws.s3.buckets["bucket"]["fleet/empty"] == b""
    assert aws.s3.buckets["bucket"]["fleet/little"] == b"ab"
    megabyte = b"x" * 1024 * 1024
    s3.upload("bucket", "fleet/much", (megabyte for _ in range(19)))
    assert aws.s3.buckets["bucket"]["fleet/much"] == megabyte * 19
    assert aws.names().count("s3.UploadPart") == 3


def test_an_upload_takes_a_megabyte_of_memory(aws: FakeAws, s3: S3Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws.s3, "UploadPart", lambda **_: {"ETag": "-"})
    monkeypatch.setattr(aws.s3, "CompleteMultipartUpload", lambda **_: {})
    chunk = b"x" * 1024 * 128
    s3.upload("bucket", "fleet/little", [chunk])
    tracemalloc.start()
    s3.upload("bucket", "fleet/much", itertools.repeat(chunk, 8 * 20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1024 * 1024


def test_an_upload_that_fails_leaves_nothing(aws: FakeAws, s3: S3Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_module, "PART_BYTES", 2)
    with pytest.raises(ProviderError):  # S3 takes no parts as small as that
        s3.upload("bucket", "fleet/much", [b"aa", b"bb", b"c"])
    assert aws.s3.uploads == {}
