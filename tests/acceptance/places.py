"""Where a run is played: on the embedded AWS, or in the account of the current credentials."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore

from acceptance import private_cas
from acceptance.permissions import policy_for
from iot_certificates_local import EmbeddedAws
from iot_certificates_local.environment import cdk_environment, client_environment
from iot_certificates_local.session import session_for

if TYPE_CHECKING:
    from collections.abc import Iterator

EMBEDDED_PREFIX = "accept-0e3b"
NEIGHBOUR = "210987654321"
USER = "acceptance"
_STATES = Path(".acceptance")
_ON_ANYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["kms:CreateAlias", "kms:DeleteAlias"], "Resource": "*"}],
}
"""What MiniStack evaluates on ``*``, whatever the request names: an alias is in none of its members called KeyId."""
MQTT_PORT = 8883


@dataclass(frozen=True)
class Place:
    """An account and Region, and how it is reached.

    * ``origin``: what the recordings say of where they come from.
    * ``other``: a session of a second account, for transfers.
    * ``environment``: of the CDK CLI. ``poll_seconds``: how often a stack is asked for.
    * ``runtime``, ``architecture``: what the function is built for; empty for the defaults.
    """

    session: boto3.Session
    account: str
    region: str
    prefix: str
    state_file: Path
    origin: str
    caller: str
    is_embedded: bool = False
    other: boto3.Session | None = None
    other_account: str = ""
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    folder: Path = _STATES
    poll_seconds: float = 3.0
    runtime: str = ""
    architecture: str = ""
    mqtt: tuple[str, int] = ("", MQTT_PORT)
    mqtt_ca_file: Path = Path(botocore.__file__).parent / "cacert.pem"
    aws: EmbeddedAws | None = None
    private_cas: str = ""
    """Where AWS Private CA is, if it is not where all of AWS is."""

    def endpoint_of(self, service: str) -> dict[str, str]:
        """Return the options of a service's client."""
        return {"endpoint_url": self.private_cas} if service == "acm-pca" and self.private_cas else {}

    @property
    def partition(self) -> str:
        """The partition of the Region: ``aws``."""
        return self.session.get_partition_for_region(self.region)


@contextlib.contextmanager
def embedded(prefix: str = EMBEDDED_PREFIX, aws: EmbeddedAws | None = None) -> Iterator[Place]:
    """Start an embedded AWS, or take one that runs with IAM enforced, with a user who has the run's policy only."""
    with contextlib.ExitStack() as at_the_end:
        running = aws or at_the_end.enter_context(EmbeddedAws(enforce_iam=True))
        key, secret = _user(running, prefix)
        folder = running.folder / f"acceptance-{prefix}"
        folder.mkdir(exist_ok=True)
        session = session_for(
            running.endpoint_url, running.ca_file, access_key=key, region=running.region, secret_key=secret
        )
        credentials = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
        environment = client_environment(running.folder, endpoint=running.endpoint_url, region=running.region)
        yield Place(
            session,
            running.account,
            running.region,
            prefix,
            folder / "state.json",
            f"embedded AWS (MiniStack {version('ministack')}, strict layer, a fake AWS Private CA), NOT AWS",
            session.client("sts").get_caller_identity()["Arn"],
            is_embedded=True,
            other=running.session(account=NEIGHBOUR),
            other_account=NEIGHBOUR,
            environment=cdk_environment(running.folder, {**environment, **credentials}),
            folder=folder,
            poll_seconds=0.2,
            runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
            architecture="arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64",
            mqtt=(running.mqtt_host, running.mqtt_port),
            mqtt_ca_file=running.mqtt_ca_file,
            aws=running,
            private_cas=at_the_end.enter_context(private_cas.served(running.account, running.region)),
        )


def of_credentials(region: str, prefix: str, other_profile: str = "") -> Place:
    """Return the account of the current credentials; botocore's errors where there are none."""
    session = boto3.Session(region_name=region)
    caller: Any = session.client("sts").get_caller_identity()
    other = boto3.Session(profile_name=other_profile, region_name=region) if other_profile else None
    endpoint: Any = session.client("iot").describe_endpoint(endpointType="iot:Data-ATS")
    folder = _STATES.resolve()
    folder.mkdir(exist_ok=True)
    return Place(
        session,
        caller["Account"],
        region,
        prefix,
        folder / f"{caller['Account']}-{region}-{prefix}.json",
        "AWS",
        caller["Arn"],
        other=other,
        other_account=other.client("sts").get_caller_identity()["Account"] if other else "",
        environment={**os.environ, "AWS_REGION": region, "AWS_DEFAULT_REGION": region},
        folder=folder,
        mqtt=(endpoint["endpointAddress"], MQTT_PORT),
    )


def _user(aws: EmbeddedAws, prefix: str) -> tuple[str, str]:
    """Make a user who may do what the run's policy says and nothing else; return the access key and its secret."""
    iam: Any = aws.session().client("iam")
    name = f"{USER}-{prefix}"
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_user(UserName=name)
    document = policy_for(prefix, aws.account, aws.region, "aws")
    iam.put_user_policy(UserName=name, PolicyName="acceptance", PolicyDocument=json.dumps(document))
    iam.put_user_policy(UserName=name, PolicyName="ministack", PolicyDocument=json.dumps(_ON_ANYTHING))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]
