"""The bundled function, deployed once to the embedded AWS."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

import pytest

from integration.accounts import Account
from integration.stacks import Stacks
from less_patient import bundled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from iot_certificates_local import EmbeddedAws

ROLE_ARN = "arn:aws:iam::000000000000:role/certificates"
HANDLER = "iot_certificate_provider.handler.handler"


@pytest.fixture(scope="session")
def account_for(guarded_aws: EmbeddedAws) -> Callable[[], Account]:
    """Return accounts that nobody has used, each with the bundle in a bucket; IAM is enforced."""
    runtime, asset = bundled()
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
    runtime, asset = bundled()
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
