"""The bundled function, deployed once to the embedded AWS."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import pytest

from integration import in_use
from integration.accounts import Account
from integration.stacks import Stacks
from less_patient import bundled
from local.deleting import until_accepted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from iot_certificates_local import EmbeddedAws

ROLE_ARN = "arn:aws:iam::000000000000:role/certificates"
NEIGHBOUR = "210987654321"
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
def deployed(
    aws: EmbeddedAws, name: str, environment: Mapping[str, str] | None = None, clocks_differ: int | None = None
) -> Iterator[Stacks]:
    """Deploy the bundle as the function ``name`` for as long as the block lasts."""
    session = aws.session()
    client = session.client("lambda")
    runtime, asset = bundled(clocks_differ)
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


@pytest.fixture(scope="module")
def shared_account(embedded_aws: EmbeddedAws) -> Iterator[in_use.Account]:
    """Give one account, with its function, to all tests of a module that play who else uses a thing."""
    with deployed(embedded_aws, "in-use", clocks_differ=in_use.CLOCKS_DIFFER) as stacks:
        iot, neighbour = stacks.session.client("iot"), embedded_aws.session(account=NEIGHBOUR).client("iot")
        iot.create_policy(policyName=in_use.POLICY, policyDocument=in_use.DOCUMENT)
        iot.create_thing(thingName=in_use.THING)
        quick = replace(stacks, every_seconds=0.1)
        yield in_use.Account(embedded_aws, quick, iot, neighbour, NEIGHBOUR)
        iot.delete_thing(thingName=in_use.THING)
        until_accepted(iot.delete_policy, policyName=in_use.POLICY)


@pytest.fixture
def account_in_use(shared_account: in_use.Account) -> Iterator[in_use.Account]:
    """Give the account of ``shared_account``, in which nothing is registered but a policy and a thing."""
    assert shared_account.iot.list_certificates()["certificates"] == []
    yield shared_account
    shared_account.close()
