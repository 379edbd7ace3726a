"""The doctor: what is well, what is not, and that one ailment does not hide another."""

from __future__ import annotations

import io
import re
import time
import zipfile
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from iot_certificate_provider.errors import AccessDeniedError
from iot_certificates_cli.doctor import Health, _clock, _missing, _unknown
from iot_certificates_cli.service_tokens import Services
from iot_certificates_cli.stack_owners import StackOwners

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.conftest import Account, Ran

VERSION = version("cdk-iot-certificates")
NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)

IDLE = "def handler(event, context): pass\n"
ANSWERING = """\
import json, urllib.request

def handler(event, context):
    echoed = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    body = json.dumps({"Status": "SUCCESS", "PhysicalResourceId": "code", **echoed}).encode()
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT"))
"""

PROVIDER_STACK = """\
Resources:
  Parameter: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: x}}
Outputs:
  Token:
    Value: !Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:answering'
    Export: {Name: ProviderServiceToken}
"""
FACTORY_STACK = """\
Resources:
  Code:
    Type: Custom::IotRegistrationCode
    Properties:
      ServiceToken: !ImportValue ProviderServiceToken
"""

emulator = [pytest.mark.emulator]


class TestExamination:
    pytestmark = emulator

    def test_all_is_well(self, account: Account, run_program: Callable[..., Ran]) -> None:
        account.register_ca("Factory CA")
        _deploy(account, "factory-provider", f"For CloudFormation (cdk-iot-certificates {VERSION})")
        _deploy(account, "something-else", "Of somebody else")
        ran = run_program("doctor")
        assert (ran.status, ran.err) == (0, "")
        lines = [re.sub(r"^(\S+) ([\w ]+?)  +", r"\1 \2: ", line) for line in ran.out.splitlines()]
        clock = lines.pop(0)
        assert re.fullmatch(r"✓ clock: \d+ seconds away from AWS's\.", clock)
        assert lines == [
            f"✓ credentials: arn:aws:iam::{account.id}:root, of account {account.id}.",
            "✓ Region: eu-central-1.",
            "✓ registration code: Can be read.",
            "✓ quota: 0 of at most 10 CA certificates share their subject and key.",
            f"✓ provider function: factory-provider has version {VERSION}, as installed here.",
        ]

    def test_no_function_yet(self, run: Callable[..., Ran]) -> None:
        ran = run("doctor")
        assert (ran.status, ran.err) == (0, "")
        assert "✓ provider functions   None is deployed here." in ran.out

    @pytest.mark.parametrize("beside_another", [False, True])
    def test_a_function_that_was_deleted_before_its_resources(
        self, account: Account, run: Callable[..., Ran], beside_another: bool
    ) -> None:
        _deploy(account, "answering", f"(cdk-iot-certificates {VERSION})", ANSWERING)
        if beside_another:
            _deploy(account, "another", f"(cdk-iot-certificates {VERSION})")
        token = f"arn:aws:lambda:eu-central-1:{account.id}:function:answering"
        code = {"Type": "Custom::IotRegistrationCode", "Properties": {"ServiceToken": token}}
        other = {"Type": "Custom::Other", "Properties": {"ServiceToken": token}}
        account.make_stack("telemetry", {"Code": code, "Other": other})
        account.make_stack("factory", {"Code": code, "Same": code})
        assert run("doctor").status == 0
        account.client("lambda").delete_function(FunctionName="answering")
        ran = run("doctor")
        assert (ran.status, ran.err) == (1, "")
        assert ran.out.splitlines()[-1] == (
            "✗ provider function    answering does not exist, so CloudFormation cannot change or delete 3 resources "
            "(factory: Code, Same; telemetry: Code). Create a function of this name again, as docs/operations.md "
            'describes under "The function was deleted before its resources".'
        )
        assert ("✓ provider function    another has version" in ran.out) == beside_another

    def test_a_stack_that_failed_to_delete_after_its_function(self, account: Account, run: Callable[..., Ran]) -> None:
        """The function is another stack's, which exports its ARN; the template is YAML, as in docs/cloudformation."""
        _deploy(account, "another", f"(cdk-iot-certificates {VERSION})")
        _deploy(account, "answering", f"(cdk-iot-certificates {VERSION})", ANSWERING)
        account.make_stack("provider", PROVIDER_STACK)
        account.make_stack("factory", FACTORY_STACK)
        account.client("lambda").delete_function(FunctionName="answering")
        cloudformation = account.client("cloudformation")
        cloudformation.delete_stack(StackName="factory")
        _wait_for(account, "factory", "DELETE_FAILED")
        ran = run("doctor")
        assert ran.status == 1
        assert "✗ provider function    answering does not exist" in ran.out
        assert "1 resource (factory: Code)" in ran.out
        assert ran.out.splitlines()[-1] == (
            "✗ stack                factory is in DELETE_FAILED, in which CloudFormation updates no stack. Delete it, "
            'as docs/operations.md describes under "A stack that is not deleted".'
        )

    def test_stacks_that_cannot_be_read(self, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
        unreadable = StackOwners(unreadable={"secret-stack": AccessDeniedError("no permission")})
        monkeypatch.setattr("iot_certificates_cli.doctor.find_stack_owners", lambda _: unreadable)
        ran = run("doctor")
        assert ran.status == 0
        sentence = "Stacks that may need one could not be read: secret-stack. Of secret-stack: No permission."
        assert f"! provider functions   {sentence}" in ran.out

    def test_functions_of_other_versions(self, account: Account, run: Callable[..., Ran]) -> None:
        _deploy(account, "old", "For CloudFormation (cdk-iot-certificates 0.0.1)")
        _deploy(account, "older", "For CloudFormation (cdk-iot-certificates)")
        ran = run("doctor")
        assert ran.status == 1
        fix = f"and {VERSION} is installed here. Deploy its stack again."
        assert f"old has version 0.0.1, {fix}" in ran.out
        assert f"older has an unknown version, {fix}" in ran.out

    @pytest.mark.parametrize(("count", "health", "status"), [(7, "✓", 0), (8, "!", 0), (10, "✗", 1)])
    def test_the_quota_of_cas_of_one_name(
        self, account: Account, run: Callable[..., Ran], count: int, health: str, status: int
    ) -> None:
        code = account.iot.get_registration_code()["registrationCode"]
        for _ in range(count):
            ca = issuing.make_ca("Rotated CA")
            proof = issuing.make_verification_certificate(ca, code)
            account.iot.register_ca_certificate(caCertificate=ca.pem, verificationCertificate=proof.pem)
        ran = run("doctor")
        (line,) = (line for line in ran.out.splitlines() if "quota" in line)
        assert line.startswith(health)
        assert f"{count} of at most 10 CA certificates share their subject and key." in line
        assert ran.status == status

    def test_a_region_that_there_is_not(self, run: Callable[..., Ran]) -> None:
        ran = run("doctor", "--region", "eu-middle-1")
        assert (
            "! Region               eu-middle-1 is not a Region in which boto3 knows AWS IoT. Check its spelling."
            in ran.out
        )

    def test_an_ailment_hides_no_other(self, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("iot_certificate_provider.aws.clients.CONFIG.retries", {"total_max_attempts": 1})
        ran = run("doctor", "--endpoint-url", "https://127.0.0.1:1")
        assert ran.status == 1
        assert [line.split("  ")[0] for line in ran.out.splitlines()] == [
            "✗ credentials",
            "✓ Region",
            "✗ registration code",
            "✗ quota",
            "✗ provider functions",
        ]


@pytest.mark.parametrize(
    ("skew", "health"),
    [(0, Health.FINE), (59, Health.FINE), (-61, Health.NOTE), (299, Health.NOTE), (-300, Health.TROUBLE)],
)
def test_the_clock(skew: int, health: Health) -> None:
    said = (NOW + timedelta(seconds=skew)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    (finding,) = _clock(said, NOW)
    assert finding.health is health
    assert finding.sentence.startswith(f"{abs(skew)} seconds away from AWS's.")


def test_an_answer_without_a_date() -> None:
    (finding,) = _clock(None, NOW)
    assert finding.health is Health.NOTE


def test_what_cannot_be_looked_at_is_no_ailment() -> None:
    """A function of another account, and a template that cannot be followed: worth knowing, and no reason to fail."""
    elsewhere = "arn:aws:lambda:eu-central-1:999999999999:function:Provider"
    services = Services({elsewhere: [("factory", "Ca")]}, {"telemetry": "its template is not readable YAML."})
    here: Any = SimpleNamespace(account="123456789012", region="eu-central-1")
    function, template = [*_missing(services, set(), here), *_unknown(services, StackOwners())]
    assert {function.health, template.health} == {Health.NOTE}
    assert function.sentence == (
        f"{elsewhere} is of another account or Region, and cannot be checked from here. "
        "It serves 1 resource (factory: Ca)."
    )
    assert template.sentence == ("The function of stack telemetry is unknown: its template is not readable YAML.")


def _wait_for(account: Account, stack: str, status: str) -> None:
    for _ in range(300):
        if account.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == status:
            return
        time.sleep(0.1)
    raise AssertionError(f"{stack} never was {status}")


def _deploy(account: Account, name: str, description: str, program: str = IDLE) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", program)
    account.client("lambda").create_function(
        FunctionName=name,
        Description=description,
        Runtime="python3.13",
        Handler="index.handler",
        Role=f"arn:aws:iam::{account.id}:role/nobody",
        Code={"ZipFile": code.getvalue()},
    )
