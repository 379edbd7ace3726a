"""The function in this process, as a principal that may do what a stack's policies say, or all of it but one thing."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session

from iot_certificate_provider import handler
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.deadline import UNDO_SECONDS, Deadline
from iot_certificate_provider.embedded_metrics import publish_metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeAlias

    from iot_certificates_local import EmbeddedAws
    from synthesised import Synthesised

    Probe: TypeAlias = Callable[["Function"], None]

USER = "function"
NAME_IN_STACK = "Subject"
"""The logical id of the resource whose requests are served."""

FUNCTION = "${IotCertificateProviderFunction55570987.Arn}"
"""The function's ARN, in a stack whose provider is the default one."""

_LOADED = botocore.session.get_session().get_component("data_loader")
"""AWS's models, read from their files once for all accounts."""

_ACCOUNTS = count(400000000001)
_REQUESTS = count(1)
_ACTIONS = {"lambda:Invoke": "lambda:InvokeFunction"}
"""Actions that are not named like their operation (Service Authorization Reference)."""

_REFERENCE = re.compile(r"\$\{([^}]+)\}")


@dataclass(frozen=True, order=True)
class Permission:
    """One action on one resource, as the template has it: ``iot:DeleteThing`` on ``thing/*``."""

    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


def permissions_of(template: Synthesised) -> dict[Permission, dict[str, Any]]:
    """Return what the policies of a stack allow, each with its statement's conditions.

    Left out are the role's own inline policies, which allow what Lambda itself does.
    """
    found: dict[Permission, dict[str, Any]] = {}
    for policy in template.of_type("AWS::IAM::Policy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            for action in _listed(statement["Action"]):
                for resource in _listed(statement["Resource"]):
                    found[Permission(action, resource)] = statement.get("Condition", {})
    return found


class Function:
    """The handler, in an account of its own where nobody else is. ``iot`` is the account's root user's client.

    ``other_account`` is another one, for transfers.
    """

    def __init__(self, aws: EmbeddedAws, allowed: Mapping[Permission, dict[str, Any]]) -> None:
        self.account, self.other_account = str(next(_ACCOUNTS)), str(next(_ACCOUNTS))
        self.root, self.other_root = (_root(aws, account) for account in (self.account, self.other_account))
        self.iot: Any = self.root.client("iot")
        self.region = aws.region
        self.calls: Counter[str] = Counter()
        self.stack_id = f"arn:aws:cloudformation:{self.region}:{self.account}:stack/factory/none"
        self._allowed = allowed
        self.names: dict[str, str] = {}
        """What a name in a template is called here: AWS KMS gives its keys names of its own."""
        self._denied: list[str] = []
        self._number = 0
        self._context = _Context(self.region, self.account)
        iam = self.root.client("iam")
        iam.create_user(UserName=USER)
        key = iam.create_access_key(UserName=USER)["AccessKey"]
        self._clients = Impatient(UserSession(self.root, key["AccessKeyId"], key["SecretAccessKey"]))

    def actions(self) -> frozenset[str]:
        """Return the actions that were called: ``iot:DeleteThing``."""
        names = (name.replace(".", ":") for name in self.calls)
        return frozenset(_ACTIONS.get(name, name) for name in names)

    def deny(self, *actions: str) -> None:
        """Deny what is allowed, for a probe that needs a failure."""
        self._denied += actions

    def have_seconds(self, seconds: float) -> None:
        """Have less time than five minutes."""
        self._context.seconds = seconds

    def run_out_of_time(self, operation: str) -> None:
        """Have no time left for work once AWS IoT has answered this."""
        events = self._clients.client("iot").meta.events
        events.register(f"after-call.iot.{operation}", lambda **_: self._context.run_out())

    def create_stack(self, resources: Mapping[str, Any], *, wait: bool = True) -> None:
        """Make the stack that the requests come from, of plain resources: its log and its holders are CloudFormation's.

        With a policy that has a certificate's id as its name a resource holds that physical id. Without ``wait`` for a
        resource that never is ready (``never``): the operation on it runs.
        """
        self.stack_id = self._create("factory", resources)
        self._wait("CREATE", until_ready=wait)

    def create_other_stack(self, resources: Mapping[str, Any], until: str = "CREATE_COMPLETE") -> str:
        """Make a stack that the requests do not come from, of plain resources; return its id."""
        stack_id = self._create("other", resources)
        while self._status(stack_id) != until:
            time.sleep(0.02)
        return stack_id

    def update_stack(self, resources: Mapping[str, Any]) -> None:
        """Change the stack to resources of which the last is never ready: the update runs."""
        self._update(self.stack_id, resources)
        self._wait("UPDATE", until_ready=False)

    def update_other_stack(self, stack_id: str, resources: Mapping[str, Any]) -> None:
        """Change another stack likewise."""
        self._update(stack_id, resources)
        while self._status(stack_id) != "UPDATE_IN_PROGRESS":
            time.sleep(0.02)

    def _update(self, stack_id: str, resources: Mapping[str, Any]) -> None:
        client = self.root.client("cloudformation")
        client.update_stack(StackName=stack_id, TemplateBody=json.dumps({"Resources": resources}))

    def _create(self, name: str, resources: Mapping[str, Any]) -> str:
        client = self.root.client("cloudformation")
        created = client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))
        return str(created["StackId"])

    def _wait(self, kind: str, *, until_ready: bool) -> None:
        while not self._has_begun(kind, until_ready=until_ready):
            time.sleep(0.02)

    def _has_begun(self, kind: str, *, until_ready: bool) -> bool:
        if until_ready:
            status = self._status(self.stack_id)
            assert status in (f"{kind}_IN_PROGRESS", f"{kind}_COMPLETE")
            return status == f"{kind}_COMPLETE"
        events = self.root.client("cloudformation").describe_stack_events(StackName=self.stack_id)["StackEvents"]
        return any(event["LogicalResourceId"] == NAME_IN_STACK for event in events)

    def roll_back(self) -> None:
        """Have an update of the stack that the requests come from fail, and be rolled back."""
        policy = {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "same", "PolicyDocument": {}}}
        template = json.dumps({"Resources": {"First": policy, "Second": {**policy, "DependsOn": "First"}}})
        self.root.client("cloudformation").update_stack(StackName=self.stack_id, TemplateBody=template)
        while (status := self._status(self.stack_id)) != "UPDATE_ROLLBACK_COMPLETE":
            assert status.endswith("_IN_PROGRESS"), status
            time.sleep(0.02)

    def _status(self, stack_id: str) -> str:
        client = self.root.client("cloudformation")
        return str(client.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"])

    def invoke(
        self,
        kind: str,
        resource_type: str,
        properties: Mapping[str, Any],
        physical_id: str | None = None,
        old: Mapping[str, Any] | None = None,
        *,
        ago: timedelta = timedelta(0),
        again: bool = False,
    ) -> dict[str, Any]:
        """Serve one request that was sent some time ago; return the answer, empty when it is left to another.

        ``again``: it is the request before it, delivered once more.
        """
        self._put_policy()
        if not again:
            self._number = next(_REQUESTS)
        event = {
            "RequestType": kind,
            "RequestId": f"{self._number:08x}-0000-4000-8000-000000000000",
            "ResponseURL": f"https://example.invalid/?X-Amz-Date={datetime.now(UTC) - ago:%Y%m%dT%H%M%SZ}",
            "ResourceType": resource_type,
            "LogicalResourceId": NAME_IN_STACK,
            "StackId": self.stack_id,
            "ResourceProperties": {"ServiceToken": "arn", **properties},
            **({"PhysicalResourceId": physical_id} if physical_id is not None else {}),
            **({"OldResourceProperties": {"ServiceToken": "arn", **old}} if old is not None else {}),
        }
        bodies: list[bytes] = []

        def deliver(_: str, body: bytes) -> bool:
            bodies.append(body)
            return True

        brief = partial(Deadline, sleep=lambda seconds: time.sleep(min(seconds, 0.1)))
        function = handler.Function(self._clients, lambda: datetime.now(UTC), deliver, publish_metric, deadline=brief)
        function(event, self._context)
        self.calls += self._clients.calls
        answer: dict[str, Any] = json.loads(bodies[0]) if bodies else {}
        assert len(bodies) <= 1
        return answer

    def succeeds(self, *request: Any, **options: Any) -> dict[str, Any]:
        """Serve a request that has to succeed."""
        answer = self.invoke(*request, **options)
        assert answer.get("Status") == "SUCCESS", answer.get("Reason")
        return answer

    def fails(self, reason: str, *request: Any, **options: Any) -> None:
        """Serve a request that has to fail for a reason, which no lack of permission is."""
        answer = self.invoke(*request, **options)
        assert answer.get("Status") == "FAILED"
        assert reason in answer["Reason"], answer["Reason"]

    def _put_policy(self) -> None:
        statements: list[dict[str, Any]] = [
            {
                "Effect": "Allow",
                "Action": permission.action,
                "Resource": self._resolved(permission.resource),
                "Condition": self._conditions(condition),
            }
            for permission, condition in self._allowed.items()
        ]
        if self._denied:
            statements.append({"Effect": "Deny", "Action": self._denied, "Resource": "*"})
        self.root.client("iam").put_user_policy(
            UserName=USER,
            PolicyName="all",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        )

    def _conditions(self, condition: Mapping[str, Any]) -> Any:
        return json.loads(self._resolved(json.dumps(condition)))

    def _resolved(self, text: str) -> str:
        values = {
            "AWS::Partition": "aws",
            "AWS::Region": self.region,
            "AWS::AccountId": self.account,
            "AWS::StackId": self.stack_id,
            FUNCTION[2:-1]: self._context.invoked_function_arn,
        }
        for name, real in self.names.items():
            text = text.replace(name, real)
        return _REFERENCE.sub(lambda match: values[match.group(1)], text)


def _root(aws: EmbeddedAws, account: str) -> boto3.Session:
    """Return the session of an account's root user."""
    session = aws.session(account=account)
    session._session.register_component("data_loader", _LOADED)
    return session


class Impatient(AwsClients):
    """Takes a denial for an answer at once: what a probe is denied is never allowed later."""

    def begin(self, deadline: Deadline) -> None:
        super().begin(deadline)
        self._permission_seconds = 0.0


class UserSession(boto3.Session):
    """A session whose clients are those of the root user's, with another's credentials."""

    def __init__(self, root: boto3.Session, key_id: str, key: str) -> None:
        super().__init__(region_name=root.region_name, botocore_session=root._session)
        self._keys = {"aws_access_key_id": key_id, "aws_secret_access_key": key}

    def client(self, *arguments: Any, **options: Any) -> Any:
        return super().client(*arguments, **{**self._keys, **options})


class _Context:
    function_name = "provider"
    aws_request_id = "7b0c2f2e-0000-4000-8000-00000000000f"

    def __init__(self, region: str, account: str) -> None:
        self.invoked_function_arn = f"arn:aws:lambda:{region}:{account}:function:provider"
        self.seconds = 300.0

    def run_out(self) -> None:
        self.seconds = handler.DEADLINE_MARGIN_SECONDS + UNDO_SECONDS - 1

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@dataclass(frozen=True)
class Feature:
    """What a stack declares, in words; the permissions that its template has; and the probes that need them."""

    name: str
    permissions: Mapping[Permission, dict[str, Any]]
    probes: tuple[Probe, ...]

    def play(self, aws: EmbeddedAws, probe: Callable[[Function], None], without: Iterable[Permission] = ()) -> Function:
        """Run a probe; raises what it raises."""
        allowed = {each: self.permissions[each] for each in self.permissions if each not in set(without)}
        function = Function(aws, allowed)
        probe(function)
        return function


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
