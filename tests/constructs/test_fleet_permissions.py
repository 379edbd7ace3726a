"""What the roles of a fleet may do is what its functions do, and nothing else.

The functions run on the fakes; a call that the role of its function may not make is refused as IAM refuses it.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Environment, Stack
from aws_cdk import aws_kms as kms

from fakes.refusal import Refusal
from fleet.stage import BUCKET, CA, MANIFESTS, STACK_ID, Stage, device, line
from iot_certificate_provider.fleet.manifest import Defaults
from iot_certificates import DeviceCertificateFleet, FleetManifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aws_cdk import App

    from synthesised import Synthesised

Statements = list[dict[str, Any]]
ROLES = ("Begin", "Work", "Bookkeeping")
ROLE_OF = {
    "plan": "Bookkeeping",
    "work": "Work",
    "settle": "Bookkeeping",
    "answer": "Bookkeeping",
    "died": "Bookkeeping",
}
KEY = "arn:aws:kms:eu-west-1:123456789012:key/0f6e3a54-0000-4000-8000-0f6e3a540f6e"
_S3 = {"ListObjectsV2": "ListBucket", "DeleteObjects": "DeleteObject", "CreateMultipartUpload": "PutObject"}
_MULTIPART = {"s3:AbortMultipartUpload"}
"""Only an upload of 8 MiB that fails takes it."""
_LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}


@pytest.fixture(scope="module")
def template(new_app: Callable[..., App], synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    stack = Stack(new_app(), "Stack", env=Environment(account="123456789012", region="eu-west-1"))
    key = kms.Key.from_key_arn(stack, "Key", KEY)
    manifest = FleetManifest.from_s3(BUCKET, f"{MANIFESTS}/{'ab' * 32}/", 20, encryption_key=key)
    DeviceCertificateFleet(stack, "Fleet", manifest=manifest)
    return synthesise(stack)


@pytest.fixture(scope="module")
def granted(template: Synthesised) -> dict[str, Statements]:
    """Return the statements of each role, inline and attached."""
    return {role: list(_statements(template, role)) for role in ROLES}


def _statements(template: Synthesised, role: str) -> Iterator[dict[str, Any]]:
    (name,) = (each for each in template.of_type("AWS::IAM::Role") if each.startswith(f"FleetProvider{role}Role"))
    for policy in template.resources[name]["Properties"]["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]
    for policy in template.of_type("AWS::IAM::Policy").values():
        if f"${{{name}}}" in policy["Properties"]["Roles"]:
            yield from policy["Properties"]["PolicyDocument"]["Statement"]


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


@dataclass
class GuardedStage(Stage):
    """A stage on which each function may do what its role may."""

    granted: dict[str, Statements] = field(default_factory=dict)
    used: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    denied: list[str] = field(default_factory=list)
    role: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.aws.cloudformation.stack_id = STACK_ID
        for name, role in ROLE_OF.items():
            setattr(self.functions, name, self._as(role, getattr(self.functions, name)))

    def begin(self, event: dict[str, Any]) -> None:
        self._as("Begin", super().begin)(event)

    def _as(self, role: str, invoke: Callable[..., Any]) -> Callable[..., Any]:
        def invoked(*arguments: Any) -> Any:
            before, self.role = self.role, role
            try:
                return invoke(*arguments)
            finally:
                self.role = before

        return invoked

    def _before(self, call: Any) -> None:
        if self.role:
            for action, resource, prefix in _authorized(call):
                self.used[self.role].add(action)
                if not any(_allows(statement, action, resource, prefix) for statement in self.granted[self.role]):
                    self.denied.append(f"{self.role}: {action} on {resource}")
                    raise Refusal("AccessDeniedException", f"not authorized to perform {action}", 403)
        super()._before(call)


def _authorized(call: Any) -> Iterator[tuple[str, str, str]]:
    """Yield what IAM is asked: action and resource; and the prefix of a list."""
    service, operation = call.name.split(".")
    parameters = call.parameters
    if service == "s3":
        listing = operation == "ListObjectsV2"
        key = "" if listing else f"/{parameters.get('Key') or parameters['Delete']['Objects'][0]['Key']}"
        bucket = parameters["Bucket"]
        # The stage has manifests and runs in one bucket.
        own = bucket if key.startswith(f"/{MANIFESTS}/") else "${FleetProviderBucket}"
        yield f"s3:{_S3.get(operation, operation)}", f"{own}{key}", parameters.get("Prefix", "")
        if own == bucket and operation == "GetObject":
            # S3 user guide, "Using server-side encryption with AWS KMS keys": of a user's key, for manifests.
            yield "kms:Decrypt", KEY, ""
        return
    prefix = {"stepfunctions": "states"}.get(service, service)
    yield f"{prefix}:{operation}", "", ""


def _allows(statement: dict[str, Any], action: str, resource: str, prefix: str) -> bool:
    if action not in _listed(statement["Action"]):
        return False
    condition = statement.get("Condition", {}).get("StringLike", {}).get("s3:prefix")
    if condition is not None and not fnmatchcase(prefix, condition):
        return False
    if action == "kms:Decrypt":
        return bool(statement["Resource"] == resource)
    if not action.startswith("s3:"):
        return True
    return any(_matches(resource, pattern) for pattern in _listed(statement["Resource"]))


def _matches(resource: str, pattern: str) -> bool:
    """Compare an object or a bucket with an ARN, whose bucket of the fleet is a reference."""
    bucket, _, key = pattern.removeprefix("arn:${AWS::Partition}:s3:::").partition("/")
    own = bucket.startswith("${FleetProviderBucket")
    wanted_bucket, _, wanted_key = resource.partition("/")
    return own == wanted_bucket.startswith("${FleetProviderBucket") and fnmatchcase(wanted_key, key)


def _play(stage: GuardedStage) -> None:
    """Play all that takes a permission."""
    things = Defaults(CA.pem, policy_names=("telemetry",))
    stage.iot.CreateThing("there")
    stage.iot.RegisterCertificateWithoutCA(certificatePem=device(9)[1], status="ACTIVE")
    lines = [line(number, thing_name=f"pump-{number}", attributes={"site": "north"}) for number in range(4)]
    created = stage.request("Create", stage.upload([*lines, line(4, thing_name="there"), line(9)], defaults=things))
    assert created.status == "SUCCESS", (created.reason, stage.denied)
    changed = [line(0, thing_name="pump-0", attributes={"site": "south"}), line(1, status="INACTIVE"), line(9)]
    updated = stage.request("Update", stage.upload(changed, defaults=Defaults(CA.pem)))
    assert updated.status == "SUCCESS", (updated.reason, stage.denied)
    without_ca = stage.request("Update", stage.upload([line(5)], defaults=Defaults(None)))
    assert without_ca.status == "SUCCESS", (without_ca.reason, stage.denied)
    _stop_one(stage)
    _rename(stage)
    deleted = stage.request("Delete")
    assert deleted.status == "SUCCESS", (deleted.reason, stage.denied)
    assert stage.own_objects() == []


def _rename(stage: GuardedStage) -> None:
    """Create a fleet of another logical id in an update that removes this one."""
    stack = stage.aws.cloudformation
    stack.resources["Fleet"] = ("fleet/x", "CREATE_COMPLETE")
    stack.types["Fleet"] = "Custom::IotDeviceCertificateFleet"
    stack.template = json.dumps({"Resources": {"Renamed": {"Type": stack.types["Fleet"]}}})
    renamed = stage.request("Create", stage.upload([line(7), line(8)]), LogicalResourceId="Renamed")
    assert "override_logical_id" in renamed.reason, (renamed.reason, stage.denied)
    assert stage.request("Delete", LogicalResourceId="Renamed").status == "SUCCESS"


def _stop_one(stage: GuardedStage) -> None:
    """Begin an update that is cancelled as a part begins, one that another one stops, and one that comes late."""
    cancelled = stage.event("Update", stage.upload([line(6)]))
    run = stage.fleet.run(cancelled["RequestId"])

    def cancel(name: str) -> None:
        if stage.role == "Work" and name == "after s3.PutObject":
            stage.objects.setdefault(run.cancel, b"{}")

    stage.begin(cancelled)
    stage.hook = cancel
    stage.run_machines()
    stage.hook = lambda _: None
    assert stage.answer_to(cancelled).status == "FAILED"
    stage.begin(stage.event("Update", stage.upload([line(6)])))
    event = stage.event("Update", stage.upload([line(7)]))
    stage.begin(event)
    stage.run_machines()
    assert stage.answer_to(event).status == "SUCCESS", (stage.answer_to(event).reason, stage.denied)
    late = stage.event("Update", stage.upload([line(8)]))
    stage.time.sleep(120)
    stage.begin(late)
    assert late["RequestId"] not in {each.request_id for each in stage.answers}, stage.denied


@pytest.fixture(scope="module")
def played(granted: dict[str, Statements]) -> GuardedStage:
    stage = GuardedStage(granted=granted)
    _play(stage)
    return stage


def test_what_is_granted_is_enough(played: GuardedStage) -> None:
    assert played.denied == []


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_granted_that_no_function_of_the_role_does(
    role: str, played: GuardedStage, granted: dict[str, Statements]
) -> None:
    actions = {action for statement in granted[role] for action in _listed(statement["Action"])}
    assert actions - _LOGS - _MULTIPART == played.used[role]


def _told(stage: GuardedStage, caplog: pytest.LogCaptureFixture) -> str:
    """Return all that is told of a failure: by answers, the machine's history, the fleet's bucket and the log."""
    kept = (content.decode() for key, content in stage.objects.items() if key.startswith("fleets/"))
    return "\n".join([*(each.reason for each in stage.answers), *stage.errors, *kept, caplog.text])


def test_without_any_one_of_them_something_fails_and_names_it(
    granted: dict[str, Statements], played: GuardedStage, caplog: pytest.LogCaptureFixture
) -> None:
    """``PERMISSIONS=all`` in the environment tries each of them, otherwise every fifth is tried."""
    withheld = [(role, action) for role in ROLES for action in sorted(played.used[role])]
    assert len(withheld) > 30
    for role, action in withheld[:: 1 if os.environ.get("PERMISSIONS") == "all" else 5]:
        less = {
            name: [
                {**each, "Action": [one for one in _listed(each["Action"]) if (name, one) != (role, action)]}
                for each in statements
            ]
            for name, statements in granted.items()
        }
        stage = GuardedStage(granted=less)
        caplog.clear()
        with pytest.raises(AssertionError):
            _play(stage)
        assert any(each.startswith(f"{role}: {action} on ") for each in stage.denied)
        assert re.search(rf"(authorized to perform|grant|and) {action}\b", _told(stage, caplog)), (role, action)
