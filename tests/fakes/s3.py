"""Amazon S3 in memory: strongly consistent, lists in pages, conditional writes, ranges, and errors as S3 gives them."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, BinaryIO

from fakes.refusal import Refusal

WRITTEN = datetime(2026, 11, 29, 12, tzinfo=UTC)
"""Of every object: nobody here asks which is the newer."""

PAGE = 3
"""Small, so that whoever forgets the second page is found out; S3's is 1,000."""

# ruff: noqa: N802, N803 - operations and parameters have AWS's names


@dataclass
class FakeS3:
    """The buckets of an account. Tests look at ``buckets``, and change it "from outside"."""

    buckets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    may_list: bool = False
    """Whether the role may list whole buckets. One that may list prefixes only is not told that an object is missing:
    GetObject is AccessDenied (API reference, GetObject, "Permissions")."""
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    page: int = PAGE
    read_bytes: int = 0
    """How many bytes readers took."""

    def GetObject(self, Bucket: str, Key: str, Range: str | None = None, IfMatch: str | None = None) -> dict[str, Any]:
        content = self._object(Bucket, Key)
        if IfMatch is not None and IfMatch != _etag(content):
            raise Refusal("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)
        part = content if Range is None else content[_range(Range, len(content))]
        return {"Body": _Body(self, part), "ContentLength": len(part), "ETag": _etag(content)}

    def PutObject(
        self,
        Bucket: str,
        Key: str,
        Body: bytes | BinaryIO = b"",
        IfNoneMatch: str | None = None,
        IfMatch: str | None = None,
    ) -> dict[str, Any]:
        objects = self._bucket(Bucket)
        if IfNoneMatch == "*" and Key in objects:
            # S3 User Guide, "Add preconditions to S3 operations with conditional requests".
            raise Refusal("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)
        if IfMatch is not None and (Key not in objects or _etag(objects[Key]) != IfMatch):
            raise Refusal("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)
        objects[Key] = _sent(Body)
        return {"ETag": _etag(objects[Key])}

    def ListObjectsV2(
        self,
        Bucket: str,
        Prefix: str = "",
        Delimiter: str | None = None,
        MaxKeys: int = 1_000,
        ContinuationToken: str | None = None,
    ) -> dict[str, Any]:
        if not Prefix and not self.may_list:
            raise Refusal("AccessDenied", "Access Denied", 403)
        entries = sorted({_entry(key, Prefix, Delimiter) for key in self._bucket(Bucket) if key.startswith(Prefix)})
        after = [each for each in entries if ContinuationToken is None or each > ContinuationToken]
        size = min(self.page, MaxKeys)
        page, is_truncated = after[:size], len(after) > size
        folders = [each for each in page if Delimiter and each.endswith(Delimiter)]
        answer: dict[str, Any] = {
            "IsTruncated": is_truncated,
            "KeyCount": len(page),
            "Contents": [
                {"Key": each, "Size": len(self.buckets[Bucket][each]), "LastModified": WRITTEN}
                for each in page
                if each not in folders
            ],
            "CommonPrefixes": [{"Prefix": each} for each in folders],
        }
        if is_truncated:
            answer["NextContinuationToken"] = page[-1]
        # An empty list is left out of the XML.
        return {name: value for name, value in answer.items() if value != []}

    def DeleteObjects(self, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:
        assert 0 < len(Delete["Objects"]) <= 1_000
        for each in Delete["Objects"]:
            self._bucket(Bucket).pop(each["Key"], None)
        return {}

    def CreateMultipartUpload(self, Bucket: str, Key: str) -> dict[str, Any]:
        self._bucket(Bucket)
        upload_id = f"{Bucket}/{Key}/{len(self.uploads)}"
        self.uploads[upload_id] = {}
        return {"UploadId": upload_id}

    def UploadPart(
        self, Bucket: str, Key: str, UploadId: str, PartNumber: int, Body: bytes | BinaryIO
    ) -> dict[str, Any]:
        self.uploads[UploadId][PartNumber] = content = _sent(Body)
        return {"ETag": _etag(content)}

    def CompleteMultipartUpload(
        self, Bucket: str, Key: str, UploadId: str, MultipartUpload: dict[str, Any]
    ) -> dict[str, Any]:
        parts = self.uploads.pop(UploadId)
        sizes = [len(parts[number]) for number in sorted(parts)]
        if any(size < 5 * 1024 * 1024 for size in sizes[:-1]):
            raise Refusal("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", 400)
        assert [each["PartNumber"] for each in MultipartUpload["Parts"]] == sorted(parts)
        self._bucket(Bucket)[Key] = b"".join(parts[number] for number in sorted(parts))
        return {}

    def AbortMultipartUpload(self, Bucket: str, Key: str, UploadId: str) -> dict[str, Any]:
        if self.uploads.pop(UploadId, None) is None:
            raise Refusal("NoSuchUpload", "The specified upload does not exist", 404)
        return {}

    def _bucket(self, name: str) -> dict[str, bytes]:
        if name not in self.buckets:
            raise Refusal("NoSuchBucket", "The specified bucket does not exist", 404)
        return self.buckets[name]

    def _object(self, bucket: str, key: str) -> bytes:
        objects = self._bucket(bucket)
        if key not in objects:
            if self.may_list:
                raise Refusal("NoSuchKey", "The specified key does not exist.", 404)
            raise Refusal("AccessDenied", "Access Denied", 403)
        return objects[key]


def _sent(body: bytes | BinaryIO) -> bytes:
    return bytes(body) if isinstance(body, (bytes, bytearray)) else body.read()


class _Body(io.BytesIO):
    def __init__(self, s3: FakeS3, content: bytes) -> None:
        super().__init__(content)
        self._s3 = s3

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self._s3.read_bytes += len(content)
        return content


def _entry(key: str, prefix: str, delimiter: str | None) -> str:
    rest = key[len(prefix) :]
    if delimiter and delimiter in rest:
        return prefix + rest[: rest.index(delimiter) + 1]
    return key


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def _range(text: str, size: int) -> slice:
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", text)
    assert match is not None
    if int(match[1]) >= size:
        # API reference, GetObject: a range beyond the end.
        raise Refusal("InvalidRange", "The requested range is not satisfiable", 416)
    return slice(int(match[1]), int(match[2]) + 1 if match[2] else None)
