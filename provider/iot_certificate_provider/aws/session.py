"""boto3's session and clients as a function makes them: botocore does the same, with less work."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

import boto3
import botocore.session
from botocore.loaders import Loader
from botocore.utils import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

ServiceName = Literal[
    "iot", "secretsmanager", "cloudformation", "lambda", "kms", "acm-pca", "sts", "s3", "stepfunctions"
]

_OF_CREDENTIALS = ("sso", "sso-oidc", "signin")
"""botocore's sources of credentials without the environment: not in Lambda, but on an emulator, for example."""


class _Loader(Loader):
    """Knows which services there are, without a look into the hundreds of folders of all of AWS's: twice a client."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002
        return [*get_args(ServiceName), *_OF_CREDENTIALS]


def new_session() -> boto3.Session:
    """Return a session for the services that the provider calls."""
    session = botocore.session.get_session()
    session.register_component("data_loader", _Loader())
    read_dates_fast(session)
    return boto3.Session(botocore_session=session)


def read_dates_fast(session: botocore.session.Session) -> None:
    """Read the dates in answers by Python's own parser, for the clients that are made from now on.

    botocore's takes a tenth of a millisecond for each. A page of a stack's events has a hundred.
    """
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_date)


def _date(value: Any) -> datetime:
    if isinstance(value, str) and "T" in value:
        with suppress(ValueError):
            date = datetime.fromisoformat(value)
            if date.tzinfo is not None:
                return date
    return parse_timestamp(value)


def load_authorities_once(client: Any) -> None:
    """Have the connections of a client load the file with the certificate authorities once, together.

    Edge: urllib3 loads it for each connection, into the context that all of them share: 17 ms of a whole processor, of
    which a function of 512 MiB has a third. Where botocore is built in another way, that stays so.
    """
    with suppress(AttributeError, KeyError):
        context = client._endpoint.http_session._manager.connection_pool_kw["ssl_context"]  # noqa: SLF001 - see above
        context.load_verify_locations = _once(context.load_verify_locations)


def _once(load: Callable[..., None]) -> Callable[..., None]:
    loaded: set[tuple[Any, ...]] = set()
    lock = threading.Lock()

    def load_once(*locations: Any) -> None:
        with lock:
            if locations not in loaded:
                load(*locations)
                loaded.add(locations)

    return load_once
