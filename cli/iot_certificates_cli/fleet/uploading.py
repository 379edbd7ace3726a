"""``--upload``: a manifest to S3, under its own SHA-256; manifest.json comes last, so that half of one is none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from iot_certificates_cli.fleet.making import MANIFEST
from iot_certificates_cli.fleet.stored import Bucket

if TYPE_CHECKING:
    from pathlib import Path

    from iot_certificate_provider.aws.s3 import S3Gateway
    from iot_certificate_provider.fleet.manifest import Manifest
    from iot_certificates_cli.inventory import Watch

_THREADS = 8


def upload(folder: Path, manifest: Manifest, url: str, s3: S3Gateway, watch: Watch) -> str:
    """Upload a manifest below ``url``; return ``s3://bucket/prefix/<sha256>``.

    What is there already is not sent again: its place says what it is, and a PUT is whole or nothing.
    """
    place = f"{url.rstrip('/')}/{manifest.sha256}"
    bucket = Bucket(place, s3)
    there = bucket.names()
    missing = [each.file for each in manifest.partitions if each.file not in there]
    watch.begin(len(missing) + 1)
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for _ in pool.map(lambda name: bucket.write(name, (folder / name).read_bytes()), missing):
                watch.done()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if MANIFEST not in there:
        bucket.write(MANIFEST, manifest.to_json())
    watch.done()
    return place
