"""The command line against the embedded AWS: each test in a Region of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from iot_certificates_cli import application

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from iot_certificates_local import EmbeddedAws

_ACCOUNTS = count(600000000001)
POLICY = '{"Version": "2012-10-17", "Statement": []}'


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def entries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.out)
        return found


@dataclass
class Account:
    """An account of its own, with certificates to order."""

    aws: EmbeddedAws
    id: str
    cas: dict[str, issuing.Issued] = field(default_factory=dict)
    devices: dict[str, issuing.Issued] = field(default_factory=dict)
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: Any) -> Any:
        """Return the one client of a service: making one takes longer than what most tests ask it."""
        if service not in self._clients:
            self._clients[service] = self.aws.session(account=self.id).client(service)
        return self._clients[service]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    @property
    def iot(self) -> Any:
        return self.client("iot")

    def register_ca(self, name: str, tags: dict[str, str] | None = None) -> str:
        self.cas[name] = issuing.make_ca(name)
        answer = self.iot.register_ca_certificate(
            caCertificate=self.cas[name].pem,
            certificateMode="SNI_ONLY",
            setAsActive=True,
            tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
        )
        return str(answer["certificateId"])

    def register(self, name: str, ca: str, status: str = "ACTIVE") -> str:
        device = self.devices[name] = issuing.make_device(self.cas[ca], name)
        answer = self.iot.register_certificate(
            certificatePem=device.pem, caCertificatePem=self.cas[ca].pem, status=status
        )
        return str(answer["certificateId"])

    def attach(self, certificate_id: str, policy: str, thing: str) -> None:
        arn = self.iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]["certificateArn"]
        self.iot.create_policy(policyName=policy, policyDocument=POLICY)
        self.iot.attach_policy(policyName=policy, target=arn)
        self.iot.create_thing(thingName=thing)
        self.iot.attach_thing_principal(thingName=thing, principal=arn)

    def make_stack(self, name: str, resources: dict[str, Any] | str) -> None:
        """Create a stack of resources, or of a whole template as text."""
        cloudformation = self.client("cloudformation")
        body = resources if isinstance(resources, str) else json.dumps({"Resources": resources})
        cloudformation.create_stack(StackName=name, TemplateBody=body)
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )

    def ids(self) -> set[str]:
        pages = self.iot.get_paginator("list_certificates").paginate()
        return {one["certificateId"] for page in pages for one in page["certificates"]}


@pytest.fixture
def account(embedded_aws: EmbeddedAws) -> Iterator[Account]:
    account = Account(embedded_aws, str(next(_ACCOUNTS)))
    yield account
    account.close()


@pytest.fixture
def environment(account: Account, tmp_path: Path) -> dict[str, str]:
    return {**account.aws.environment(account.id), "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def run(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """Run a command by the function that the console script calls."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["iot-certificates", *arguments])
        with pytest.raises(SystemExit) as exit_status:
            application.main()
        out, err = capsys.readouterr()
        return Ran(int(exit_status.value.code or 0), out, err)

    return run


@pytest.fixture
def run_program(environment: dict[str, str]) -> Callable[..., Ran]:
    """Run a command as a program of its own; ``more`` are further variables of its environment."""

    def run(*arguments: str, say: str = "", **more: str) -> Ran:
        command = [sys.executable, "-W", "error", "-m", "iot_certificates_cli", *arguments]
        done = subprocess.run(
            command, env={**environment, **more}, input=say, capture_output=True, text=True, check=False
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run
