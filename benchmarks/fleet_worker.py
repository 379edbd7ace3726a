"""The worker of a fleet on shards, in a process of its own, where S3 is a folder and AWS IoT forgets.

``python -m benchmarks.fleet_worker FOLDER BUCKET RUN FILE KEY…``: time is virtual; the peak of the memory (VmHWM, in
KiB) goes to FILE.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import re
import shutil
import ssl
import sys
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from fakes.aws import FakeAws
from fakes.refusal import Refusal
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.deadline import Deadline
from iot_certificate_provider.fleet.functions import FleetFunctionError, Functions, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iot_certificate_provider.aws.concurrency import Work

# ruff: noqa: D102, N802, N803 - operations and parameters have AWS's names

_SECONDS = 900
_RETRIES = 6


class Forgetful:
    """AWS IoT that registers whatever it is given, and keeps nothing."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock

    def RegisterCertificate(self, certificatePem: str, **_: Any) -> dict[str, str]:
        certificate_id = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificatePem)).hexdigest()
        arn = f"arn:aws:iot:eu-west-1:123456789012:cert/{certificate_id}"
        return {"certificateId": certificate_id, "certificateArn": arn}

    def DescribeCertificate(self, certificateId: str) -> dict[str, Any]:
        raise Refusal("ResourceNotFoundException", f"{certificateId} does not exist", 404)


class Files:
    """Amazon S3 with its objects in a folder, which is the bucket."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def GetObject(self, Bucket: str, Key: str) -> dict[str, Any]:
        file = self._folder / Bucket / Key
        if not file.is_file():
            raise Refusal("NoSuchKey", "The specified key does not exist.", 404)
        return {"Body": file.open("rb")}

    def PutObject(self, Bucket: str, Key: str, Body: Any = b"", IfNoneMatch: str | None = None) -> dict[str, Any]:
        file = self._folder / Bucket / Key
        if IfNoneMatch == "*" and file.exists():
            raise Refusal("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as out:
            _copy(Body, out)
        return {"ETag": "-"}

    def ListObjectsV2(self, Bucket: str, Prefix: str, MaxKeys: int = 1_000, ContinuationToken: str = "") -> Any:
        """List what is in one folder: the worker lists parts, and asks for single keys."""
        folder, _, name = f"{Bucket}/{Prefix}".rpartition("/")
        found = sorted(file.name for file in (self._folder / folder).glob(f"{name}*") if file.is_file())
        keys = [f"{folder}/{each}".removeprefix(f"{Bucket}/") for each in found]
        after = [key for key in keys if key > ContinuationToken]
        page = after[:MaxKeys]
        answer: dict[str, Any] = {"IsTruncated": len(after) > len(page), "Contents": [{"Key": key} for key in page]}
        return answer | ({"NextContinuationToken": page[-1]} if answer["IsTruncated"] else {})

    def CreateMultipartUpload(self, Bucket: str, Key: str) -> dict[str, str]:
        (self._folder / Bucket / f"{Key}.upload").parent.mkdir(parents=True, exist_ok=True)
        (self._folder / Bucket / f"{Key}.upload").write_bytes(b"")
        return {"UploadId": "upload"}

    def UploadPart(self, Bucket: str, Key: str, UploadId: str, PartNumber: int, Body: Any) -> dict[str, str]:  # noqa: ARG002
        with (self._folder / Bucket / f"{Key}.upload").open("ab") as file:
            _copy(Body, file)
        return {"ETag": "-"}

    def CompleteMultipartUpload(self, Bucket: str, Key: str, UploadId: str, MultipartUpload: Any) -> dict[str, str]:  # noqa: ARG002
        (self._folder / Bucket / f"{Key}.upload").rename(self._folder / Bucket / Key)
        return {"ETag": "-"}


def _copy(body: Any, out: BinaryIO) -> None:
    """Write what is sent, bytes or a file, without reading it into memory."""
    shutil.copyfileobj(io.BytesIO(body) if isinstance(body, bytes) else body, out)


class _Time:
    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return self.now.timestamp()


class _Context:
    function_name = "work"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:work"

    def __init__(self, time: _Time) -> None:
        self._time, self._ends = time, time() + timedelta(seconds=_SECONDS)

    def get_remaining_time_in_millis(self) -> int:
        return int((self._ends - self._time()).total_seconds() * 1000)


def _one_after_the_other(works: Sequence[Work], _stop: Work) -> None:
    for work in works:
        work()


def _attempted(functions: Functions, given: dict[str, str], time: _Time) -> dict[str, Any]:
    """Invoke, with the machine's Retry: a ledger of so many parts may not fit the end of an invocation."""
    for _ in range(_RETRIES):
        with suppress(FleetFunctionError):
            return functions.work(given, _Context(time))
    raise RuntimeError("The worker failed again and again")


def main(folder: str, bucket: str, run: str, file: str, *keys: str) -> None:
    """Work on the shards to their ends, one invocation after the other."""
    time, numbers = _Time(), itertools.count(1)
    aws: Any = FakeAws()
    aws.iot, aws.s3, aws.calls = Forgetful(time), Files(Path(folder)), deque(maxlen=1)
    aws.before = lambda _: time.sleep(0.05)
    made: dict[float | None, AwsClients] = {}
    functions = Functions(
        World(
            lambda pace: made.setdefault(
                None if pace is None else pace.rate,
                AwsClients(aws.session(), pace=pace, run=_one_after_the_other, clock=time.monotonic),
            ),
            time,
            lambda _url, _body: True,
            lambda: f"{next(numbers):016x}",
            partial(Deadline, sleep=time.sleep),
            time.monotonic,
        )
    )
    for key in keys:
        given = {"bucket": bucket, "run": run, "shard": key}
        while _attempted(functions, given, time)["more"]:
            pass
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = re.search(r"VmHWM:\s*(\d+)", status)
    assert peak is not None  # noqa: S101
    Path(file).write_text(peak[1], encoding="ascii")


if __name__ == "__main__":
    main(*sys.argv[1:])
