"""The account and Region that a command is about, found as the AWS CLI finds them."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError

from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.error_mapping import mapping_errors
from iot_certificate_provider.aws.gateways import Gateways
from iot_certificate_provider.aws.pace import Pace
from iot_certificate_provider.deadline import Deadline
from iot_certificates_cli.errors import UsageError

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_iot import IoTClient

    from iot_certificate_provider.aws.iot import IotGateway

_PATIENCE = 15
"""Attempts of a call that is throttled: a minute, with the pauses between them."""


@dataclass(frozen=True)
class Connection:
    """A session with what the commands ask it by. Its clients may be used from any thread."""

    session: boto3.Session
    pace: Pace
    deadline: Deadline = field(default_factory=lambda: Deadline(lambda: math.inf))
    """No deadline except the operator's Ctrl-C. It waits, on a clock that tests can set."""
    clients: AwsClients = field(init=False)
    aws: Gateways = field(init=False)

    def __post_init__(self) -> None:
        # A denial is reported at once: the operator can change it.
        clients = AwsClients(self.session, pace=self.pace, permission_seconds=0.0, patience=_PATIENCE)
        clients.begin(self.deadline)
        object.__setattr__(self, "clients", clients)
        object.__setattr__(self, "aws", Gateways(clients))
        # Now, for a Region or a URL that no client can be made for.
        for service in ("iot", "cloudformation"):
            clients.client(service)

    @property
    def iot(self) -> IotGateway:
        """AWS IoT, one method a call."""
        return self.aws.iot

    @property
    def iot_client(self) -> IoTClient:
        """AWS IoT, for the lists of a whole account, which the gateway does not have."""
        return self.clients.client("iot")

    @property
    def cloudformation_client(self) -> CloudFormationClient:
        """CloudFormation."""
        return self.clients.client("cloudformation")

    @cached_property
    def account(self) -> str:
        """The account of the credentials, which needs no permission to be told (GetCallerIdentity)."""
        with mapping_errors("the credentials"):
            return str(self.clients.client("sts").get_caller_identity()["Account"])

    @property
    def region(self) -> str:
        """The Region."""
        return str(self.session.region_name)

    @property
    def place(self) -> str:
        """Account and Region, in words."""
        return f"account {self.account}, Region {self.region}"


def connect(profile: str | None, region: str | None, endpoint_url: str | None, rate: float) -> Connection:
    """Return the connection; raise UsageError for a profile, a Region or credentials that there are not."""
    session = open_session(profile, region, endpoint_url)
    try:
        return Connection(session, Pace(rate))
    except (BotoCoreError, ValueError) as error:  # a Region, or a URL, that no client can be made for
        raise UsageError(f"{str(error).rstrip('.')}. Check --region and --endpoint-url") from error


def open_session(profile: str | None, region: str | None, endpoint_url: str | None) -> boto3.Session:
    """Return a boto3 session that has a Region and credentials."""
    try:
        # Of the two variables, boto3 reads AWS_DEFAULT_REGION alone.
        named = region or os.environ.get("AWS_REGION") or None
        session = _Session(endpoint_url, profile_name=profile, region_name=named)
        credentials = session.get_credentials()
    except BotoCoreError as error:
        raise UsageError(f"{error}. Check --profile and the AWS configuration") from error
    if session.region_name is None:
        raise UsageError("No Region is configured. Name one with --region, or set AWS_REGION")
    if credentials is None:
        raise UsageError("No AWS credentials were found. Sign in (aws sso login, say), or name a --profile")
    return session


class _Session(boto3.Session):
    """A session whose clients are all at one endpoint: boto3 itself takes that from the environment only."""

    def __init__(self, endpoint_url: str | None, **options: Any) -> None:
        super().__init__(**options)
        self._endpoint_url = endpoint_url

    def client(self, *args: Any, **options: Any) -> Any:
        """Make a client at the endpoint, where one was named."""
        if self._endpoint_url is not None:
            options["endpoint_url"] = self._endpoint_url
        return super().client(*args, **options)
