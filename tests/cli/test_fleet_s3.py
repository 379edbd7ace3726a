"""Manifests in S3, of the embedded AWS: uploaded, resumed, compared, planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import issuing
from iot_certificate_provider.fleet.manifest import Manifest
from iot_certificates_cli.fleet.making import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.conftest import Account, Ran

pytestmark = pytest.mark.emulator

CA = issuing.make_ca("Factory CA")


@pytest.fixture
def bucket(account: Account) -> str:
    name = f"manifests-{account.id}"
    account.client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": account.client("s3").meta.region_name}
    )
    return name


@pytest.fixture
def pems(tmp_path: Path) -> Path:
    folder = tmp_path / "pems"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.pem").write_text(issuing.make_device(CA, f"pump-{number}").pem)
    return folder


def keys(account: Account, bucket: str) -> list[str]:
    return sorted(each["Key"] for each in account.client("s3").list_objects_v2(Bucket=bucket).get("Contents", []))


def test_is_uploaded_under_its_sha256(
    account: Account, run: Callable[..., Ran], bucket: str, pems: Path, tmp_path: Path
) -> None:
    out, url = tmp_path / "fleet", f"s3://{bucket}/fleets/pumps/"
    ran = run("fleet", "manifest", str(pems), "--out", str(out), "--upload", url)
    sha256 = Manifest.from_json((out / MANIFEST).read_bytes()).sha256
    assert (ran.status, ran.out) == (0, f"s3://{bucket}/fleets/pumps/{sha256}\n"), ran.err
    prefix = f"fleets/pumps/{sha256}"
    assert f"Declare it as FleetManifest.from_s3(bucket, '{prefix}/', 3)." in ran.err
    assert keys(account, bucket) == [f"{prefix}/{MANIFEST}", f"{prefix}/shards/all.jsonl"]
    for name in (MANIFEST, "shards/all.jsonl"):
        there = account.client("s3").get_object(Bucket=bucket, Key=f"{prefix}/{name}")["Body"].read()
        assert there == (out / name).read_bytes()

    for manifest in (ran.out.strip(), str(out)):
        assert run("fleet", "diff", ran.out.strip(), manifest).status == 0
        assert "3 certificates in 1 shard: 3 to register" in run("fleet", "plan", manifest).out


def test_an_upload_that_was_interrupted_goes_on(
    account: Account, run: Callable[..., Ran], bucket: str, pems: Path, tmp_path: Path
) -> None:
    arguments = ("fleet", "manifest", str(pems), "--out", str(tmp_path / "fleet"), "--upload", f"s3://{bucket}")
    place = run(*arguments).out.strip()
    s3, prefix = account.client("s3"), place.rpartition("/")[2]
    sent = s3.get_object(Bucket=bucket, Key=f"{prefix}/shards/all.jsonl")["LastModified"]
    s3.delete_object(Bucket=bucket, Key=f"{prefix}/{MANIFEST}")
    assert "does not exist. Name what `fleet manifest --upload` printed" in run("fleet", "plan", place).err
    assert run(*arguments).out.strip() == place
    assert len(keys(account, bucket)) == 2
    assert s3.get_object(Bucket=bucket, Key=f"{prefix}/shards/all.jsonl")["LastModified"] == sent


def test_a_bucket_that_there_is_not(run: Callable[..., Ran], pems: Path, tmp_path: Path) -> None:
    ran = run("fleet", "manifest", str(pems), "--out", str(tmp_path / "fleet"), "--upload", "s3://nobody-s-bucket")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("Error: ")
    assert "NoSuchBucket" in ran.err or "does not exist" in ran.err
    assert (tmp_path / "fleet" / MANIFEST).is_file()
