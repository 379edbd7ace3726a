"""``--upload``: a manifest to S3, under its own SHA-256; manifest.json comes last, so that half of one is none."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.aws.error_mapping import mapping_errors
from iot_certificates_cli.fleet.making import MANIFEST
from iot_certificates_cli.fleet.stored import Bucket

if TYPE_CHECKING:
    from pathlib import Path

    import boto3

    from iot_certificate_provider.fleet.manifest import Manifest
    from iot_certificates_cli.inventory import Watch

_THREADS = 8
_LIST = 1000


def upload(folder: Path, manifest: Manifest, url: str, session: boto3.Session, watch: Watch) -> str:
    """Upload a manifest below ``url``; return ``s3://bucket/prefix/<sha256>``.

    What is there already is not sent again: the place says what it is, and a PUT is whole or nothing.
    """
    bucket = Bucket(f"{url.rstrip('/')}/{manifest.sha256}", session)
    there = _sizes(bucket)
    missing = [each for each in manifest.partitions if there.get(each.file) != (folder / each.file).stat().st_size]
    watch.begin(len(missing) + 1)
    with mapping_errors(f"s3://{bucket.name}/{bucket.prefix}"), ThreadPoolExecutor(_THREADS) as pool:
        try:
            for _ in pool.map(lambda each: _put(bucket, folder, each.file, each.sha256), missing):
                watch.done()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        if MANIFEST not in there:
            _put(bucket, folder, MANIFEST, manifest.sha256)
        watch.done()
    return f"s3://{bucket.name}/{bucket.prefix.rstrip('/')}"


def _put(bucket: Bucket, folder: Path, name: str, sha256: str) -> None:
    bucket.client.put_object(
        Bucket=bucket.name,
        Key=f"{bucket.prefix}{name}",
        Body=(folder / name).read_bytes(),
        ChecksumSHA256=base64.b64encode(bytes.fromhex(sha256)).decode("ascii"),
        ContentType="application/json" if name == MANIFEST else "application/jsonl",
    )


def _sizes(bucket: Bucket) -> dict[str, int]:
    """ListObjectsV2: the names below the manifest's prefix, with their sizes."""
    pages: Any = bucket.client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket.name, Prefix=bucket.prefix, PaginationConfig={"PageSize": _LIST}
    )
    with mapping_errors(f"s3://{bucket.name}/{bucket.prefix}"):
        return {
            each["Key"].removeprefix(bucket.prefix): each["Size"] for page in pages for each in page.get("Contents", [])
        }
