"""The bundled function, deployed once to the embedded AWS."""

from __future__ import annotations

import io
import platform
import re
import sys
import zipfile
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

import pytest

from integration.accounts import Account
from integration.stacks import Stacks
from iot_certificates.bundling import Target, bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from iot_certificates_local import EmbeddedAws

ROLE_ARN = "arn:aws:iam::000000000000:role/certificates"
HANDLER = "iot_certificate_provider.handler.handler"
PROPAGATION = "iot_certificate_provider/aws/propagation.py"
PERMISSION_SECONDS = 7.0
"""For which the function waits for a permission: the embedded AWS takes one, and the longest pause is of five."""


def _asset() -> tuple[str, bytes]:
    """Build the bundle for the interpreter that MiniStack runs it with; return that runtime and the archive."""
    processor = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    runtime = f"python3.{sys.version_info.minor}"
    return runtime, _less_patient(bundle(Target(runtime, processor)).path.read_bytes())


def _less_patient(asset: bytes) -> bytes:
    """Return the real bundle but for one constant, so that a permission that never comes does not take a minute."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(asset)) as real, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED, 1) as less:
        for item in real.infolist():
            content = real.read(item)
            if item.filename == PROPAGATION:
                shorter = f"PERMISSION_SECONDS = {PERMISSION_SECONDS}".encode()
                content, count = re.subn(rb"(?m)^PERMISSION_SECONDS = .*$", shorter, content)
                assert count == 1
            less.writestr(item, content)
        assert PROPAGATION in less.namelist()
    return changed.getvalue()


@pytest.fixture(scope="session")
def account_for(guarded_aws: EmbeddedAws) -> Callable[[], Account]:
    """Return accounts that nobody has used, each with the bundle in a bucket; IAM is enforced."""
    runtime, asset = _asset()
    numbers = count(300000000001)
    return lambda: Account(guarded_aws.session(account=str(next(numbers))), runtime, asset)


@pytest.fixture(scope="session")
def stacks(embedded_aws: EmbeddedAws) -> Iterator[Stacks]:
    """Deploy the real bundle as a function, as CDK would, and remove it again."""
    with deployed(embedded_aws, "certificates") as stacks:
        yield stacks


@contextmanager
def deployed(aws: EmbeddedAws, name: str, environment: Mapping[str, str] | None = None) -> Iterator[Stacks]:
    """Deploy the bundle as the function ``name`` for as long as the block lasts."""
    session = aws.session()
    client = session.client("lambda")
    runtime, asset = _asset()
    made = client.create_function(
        FunctionName=name,
        Runtime=runtime,
        Handler=HANDLER,
        Role=ROLE_ARN,
        Code={"ZipFile": asset},
        Environment={"Variables": dict(environment or {})},
        Timeout=60,
        MemorySize=512,
    )
    yield Stacks(session, made["FunctionArn"], count(1), name)
    client.delete_function(FunctionName=name)
