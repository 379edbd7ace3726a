"""Amazon S3: a fleet's manifest, which is read, and its own objects. A missing object is None, or not in a list.

For a role that can list a prefix only, GetObject of a missing object is denied (API reference, GetObject,
"Permissions"). Existence is therefore read from a list of the prefix.
"""

from __future__ import annotations

import io
import tempfile
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, BinaryIO

from botocore.exceptions import ClientError

from iot_certificate_provider.aws.error_mapping import mapping_errors
from iot_certificate_provider.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from iot_certificate_provider.aws.clients import AwsClients

    _Part = tempfile.SpooledTemporaryFile[bytes]

PART_BYTES = 8 * 1024 * 1024
"""Of a multipart upload: 5 MiB at least, and 10,000 of them at most (S3 User Guide, "multipart upload limits")."""

_IN_MEMORY_BYTES = 256 * 1024
"""Of a part; the rest is in a file of /tmp, of which a function has 512 MiB."""

_DELETED_AT_ONCE = 1_000
"""DeleteObjects takes no more keys."""

_IS_THERE = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class S3Gateway:
    """The calls on one bucket's objects, by key."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    @property
    def _s3(self) -> Any:
        return self._clients.client("s3")

    def get(self, bucket: str, key: str) -> bytes:
        """GetObject, whole; NotFoundError, or AccessDeniedError, where there is none."""
        with closing(self.stream(bucket, key)) as stream:
            return stream.read()

    def find(self, bucket: str, key: str) -> bytes | None:
        """GetObject of what ListObjectsV2 names; None where it names nothing."""
        if not self.exists(bucket, key):
            return None
        with suppress(NotFoundError):  # deleted since
            return self.get(bucket, key)
        return None

    def stream(self, bucket: str, key: str) -> BinaryIO:
        """GetObject, to be read as it arrives, and closed; with the errors of ``get``."""
        with mapping_errors(f"object {key}"):
            body = self._s3.get_object(Bucket=bucket, Key=key)["Body"]
        return io.BufferedReader(_Body(body, key))

    def put(self, bucket: str, key: str, content: bytes | _Part) -> None:
        """PutObject, in the place of what may be there."""
        with mapping_errors(f"object {key}"):
            self._s3.put_object(Bucket=bucket, Key=key, Body=content)

    def put_new(self, bucket: str, key: str, content: bytes) -> bool:
        """PutObject where there is no object of the key; return whether there was none."""
        try:
            with mapping_errors(f"object {key}"):
                self._put_new(bucket, key, content)
        except ConflictError:
            return False
        return True

    def _put_new(self, bucket: str, key: str, content: bytes) -> None:
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=content, IfNoneMatch="*")
        except ClientError as error:
            # S3 User Guide, "conditional writes": 412 where there is one, 409 where another write was faster.
            if error.response.get("Error", {}).get("Code") in _IS_THERE:
                raise ConflictError(f"object {key} exists already") from error
            raise

    def upload(self, bucket: str, key: str, chunks: Iterable[bytes]) -> None:
        """PutObject, or a multipart upload, of what arrives in chunks: at most 256 KiB of it are in memory."""
        rest = iter(chunks)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as part:
            _fill(part, rest)
            if part.tell() < PART_BYTES:
                part.seek(0)
                self.put(bucket, key, part)
            else:
                self._upload_parts(bucket, key, part, rest)

    def _upload_parts(self, bucket: str, key: str, part: _Part, rest: Iterator[bytes]) -> None:
        """Upload a full part and those of the rest; nothing is left of an upload that fails."""
        with mapping_errors(f"object {key}"):
            upload_id = self._s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
            upload = {"Bucket": bucket, "Key": key, "UploadId": upload_id}
            try:
                etags: list[dict[str, Any]] = []
                while part.tell():
                    part.seek(0)
                    number = len(etags) + 1
                    answer = self._s3.upload_part(**upload, PartNumber=number, Body=part)
                    etags.append({"PartNumber": number, "ETag": answer["ETag"]})
                    part.seek(0)
                    part.truncate()
                    _fill(part, rest)
                self._s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": etags})
            except BaseException:
                with suppress(ClientError):
                    self._s3.abort_multipart_upload(**upload)
                raise

    def exists(self, bucket: str, key: str) -> bool:
        """ListObjectsV2 of the key: whether there is an object of it."""
        with mapping_errors(f"object {key}"):
            page = self._s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
        return any(each["Key"] == key for each in page.get("Contents", []))

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """ListObjectsV2, all pages: the keys that begin with ``prefix``, in order."""
        for page in self._pages(bucket, prefix):
            yield from (each["Key"] for each in page.get("Contents", []))

    def folders(self, bucket: str, prefix: str) -> list[str]:
        """ListObjectsV2 with the delimiter ``/``, all pages: the prefixes below ``prefix``, without their slash."""
        pages = self._pages(bucket, prefix, Delimiter="/")
        return [each["Prefix"].rstrip("/") for page in pages for each in page.get("CommonPrefixes", [])]

    def delete(self, bucket: str, keys: Iterable[str]) -> None:
        """DeleteObjects: what is not there counts as deleted."""
        batch: list[str] = []
        for key in keys:
            batch.append(key)
            if len(batch) == _DELETED_AT_ONCE:
                self._delete_batch(bucket, batch)
                batch = []
        if batch:
            self._delete_batch(bucket, batch)

    def _delete_batch(self, bucket: str, keys: list[str]) -> None:
        objects = [{"Key": key} for key in keys]
        with mapping_errors("the fleet's objects"):
            answer = self._s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
            for error in answer.get("Errors", []):
                raise ClientError({"Error": {"Code": error["Code"], "Message": error["Message"]}}, "DeleteObjects")

    def _pages(self, bucket: str, prefix: str, **more: str) -> Iterator[Any]:
        with mapping_errors("the list of the fleet's objects"):
            yield from self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **more)


class _Body(io.RawIOBase):
    """The body of an answer, as a raw stream: botocore's own has no ``readline`` with a limit."""

    def __init__(self, body: Any, key: str) -> None:
        self._body, self._key = body, key

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with mapping_errors(f"object {self._key}"):
            chunk = self._body.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._body.close()
        super().close()


def _fill(part: _Part, chunks: Iterator[bytes]) -> None:
    """Write chunks up to the size of a part."""
    while part.tell() < PART_BYTES and (chunk := next(chunks, None)) is not None:
        part.write(chunk)
