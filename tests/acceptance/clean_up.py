"""Removes what a run has made, by its prefix, and nothing else. It never deletes the registration code."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from acceptance.answers import EXPIRED, CredentialsExpiredError
from acceptance.holdings import MARKER, Holding, Holdings
from acceptance.provider import STACK, bucket_of
from iot_certificate_provider.aws.pace import Pace
from iot_certificate_provider.errors import ProviderError
from iot_certificate_provider.resources.removal.device_certificate import DeviceCertificateRemoval
from iot_certificates_cli.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from acceptance.places import Place
    from acceptance.state import State

ROUNDS_SECONDS = 420.0
"""How long it tries: AWS IoT shows a policy that was detached for up to five minutes."""

_GONE = frozenset(
    {"ResourceNotFoundException", "NoSuchEntity", "NoSuchBucket", "NotFoundException", "KMSInvalidStateException"}
)


class NotOursError(Exception):
    """Something that has not the prefix was to be removed: a mistake in the run, which is stopped by it."""


class CleanUp:
    """Removes everything of a prefix, in rounds: what is refused is tried again as long as there is time."""

    def __init__(self, place: Place, state: State, say: Callable[[str], None] = lambda _text: None) -> None:
        self.holdings = Holdings(place, state)
        self._place = place
        self._say = say
        self.connection = Connection(place.session, Pace(8.0))

    def ours(self) -> list[Holding]:
        """Return what is the run's, the marker last."""
        found = [each for each in self.holdings.all() if each.is_ours]
        return sorted(found, key=lambda each: each.name == self.marker)

    @property
    def marker(self) -> str:
        """The name of the thing that says whose the prefix is."""
        return f"{self._place.prefix}-{MARKER}"

    def mark(self) -> None:
        """Claim the prefix."""
        attributes = {"attributes": {"made-by": "cdk-iot-certificates-acceptance"}}
        self.holdings.client("iot").create_thing(thingName=self.marker, attributePayload=attributes)

    def is_marked(self) -> bool:
        """Whether a run has claimed the prefix."""
        try:
            self.holdings.client("iot").describe_thing(thingName=self.marker)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return False
            raise
        return True

    def remove_all(self, *, keep_provider: bool = False, seconds: float = ROUNDS_SECONDS) -> list[str]:
        """Remove everything of the run; return what could not be removed, and why.

        ``keep_provider``: the function that the next step needs, its bucket and the marker stay.
        """
        deadline, pause = time.monotonic() + seconds, self._place.poll_seconds
        while True:
            found = [each for each in self.ours() if not (keep_provider and self._is_shared(each))]
            failed = [text for each in found if (text := self._try(each))]
            if not failed:
                return []
            if time.monotonic() > deadline:
                return failed
            time.sleep(min(pause, 10.0))
            pause *= 1.5

    def _is_shared(self, holding: Holding) -> bool:
        """Whether it is not one step's."""
        name = holding.name.removeprefix("/aws/lambda/")
        code = bucket_of(self._place.prefix, self._place.account)
        return holding.name == code or name.startswith((f"{self._place.prefix}-{STACK}", self.marker))

    def _try(self, holding: Holding) -> str:
        """Remove one; return why not, empty where it is gone."""
        if not holding.is_ours:
            raise NotOursError(str(holding))
        self._say(f"removing {holding}")
        try:
            _REMOVALS[holding.kind](self, holding)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in EXPIRED:
                raise CredentialsExpiredError(str(error)) from error
            return "" if code in _GONE else f"{holding}: {error}"
        except ProviderError as error:
            return f"{holding}: {error}"
        return ""

    def _client(self, service: str) -> Any:
        return self.holdings.client(service)

    def _stack(self, holding: Holding) -> None:
        client = self._client("cloudformation")
        (stack,) = client.describe_stacks(StackName=holding.key)["Stacks"]
        if stack["StackStatus"].endswith("_IN_PROGRESS") and stack["StackStatus"] != "DELETE_IN_PROGRESS":
            self._rest(holding.key)
        client.delete_stack(StackName=holding.key)
        if (status := self._rest(holding.key)) == "DELETE_FAILED":
            # The second time its resources are left to this clean-up, which finds them by their names.
            rows = client.list_stack_resources(StackName=holding.key)["StackResourceSummaries"]
            kept = [row["LogicalResourceId"] for row in rows if row["ResourceStatus"] == "DELETE_FAILED"]
            client.delete_stack(StackName=holding.key, RetainResources=kept)
            status = self._rest(holding.key)
        if status != "DELETE_COMPLETE":
            raise ProviderError(f"the stack is {status}")

    def _rest(self, stack_id: str) -> str:
        client = self._client("cloudformation")
        while True:
            try:
                (stack,) = client.describe_stacks(StackName=stack_id)["Stacks"]
            except ClientError as error:
                if "does not exist" in str(error):
                    return "DELETE_COMPLETE"
                raise
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return str(stack["StackStatus"])
            time.sleep(self._place.poll_seconds)

    def _device_certificate(self, holding: Holding) -> None:
        client, certificate_id = self._client("iot"), holding.key
        described = client.describe_certificate(certificateId=certificate_id)["certificateDescription"]
        if described["status"] == "PENDING_TRANSFER":
            client.cancel_certificate_transfer(certificateId=certificate_id)
        live = self.connection.iot.describe_certificate(certificate_id)
        DeviceCertificateRemoval(self.connection.aws).remove_live(live, self.connection.deadline, seconds=60.0)

    def _ca_certificate(self, holding: Holding) -> None:
        client, certificate_id = self._client("iot"), holding.key
        client.update_ca_certificate(
            certificateId=certificate_id, newStatus="INACTIVE", newAutoRegistrationStatus="DISABLE"
        )
        client.delete_ca_certificate(certificateId=certificate_id)

    def _policy(self, holding: Holding) -> None:
        client = self._client("iot")
        for version in client.list_policy_versions(policyName=holding.key)["policyVersions"]:
            if not version["isDefaultVersion"]:
                client.delete_policy_version(policyName=holding.key, policyVersionId=version["versionId"])
        client.delete_policy(policyName=holding.key)

    def _role(self, holding: Holding) -> None:
        client, name = self._client("iam"), holding.key
        for policy in client.list_role_policies(RoleName=name)["PolicyNames"]:
            client.delete_role_policy(RoleName=name, PolicyName=policy)
        for attached in client.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            client.detach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"])
        client.delete_role(RoleName=name)

    def _key(self, holding: Holding) -> None:
        client = self._client("kms")
        client.schedule_key_deletion(KeyId=holding.key, PendingWindowInDays=7)
        if holding.name != holding.key:
            client.delete_alias(AliasName=f"alias/{holding.name}")

    def _private_ca(self, holding: Holding) -> None:
        client = self._client("acm-pca")
        described = client.describe_certificate_authority(CertificateAuthorityArn=holding.key)
        if described["CertificateAuthority"]["Status"] == "ACTIVE":
            client.update_certificate_authority(CertificateAuthorityArn=holding.key, Status="DISABLED")
        client.delete_certificate_authority(CertificateAuthorityArn=holding.key, PermanentDeletionTimeInDays=7)

    def _bucket(self, holding: Holding) -> None:
        client, bucket = self._client("s3"), holding.key
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                client.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for each in page.get("Contents", []):
                client.delete_object(Bucket=bucket, Key=each["Key"])
        client.delete_bucket(Bucket=bucket)


def _simple(service: str, operation: str, member: str, **more: Any) -> Callable[[CleanUp, Holding], None]:
    def remove(here: CleanUp, holding: Holding) -> None:
        getattr(here.holdings.client(service), operation)(**{member: holding.key}, **more)

    return remove


_REMOVALS: dict[str, Callable[[CleanUp, Holding], None]] = {
    "stack": CleanUp._stack,
    "function": _simple("lambda", "delete_function", "FunctionName"),
    "device certificate": CleanUp._device_certificate,
    "CA certificate": CleanUp._ca_certificate,
    "provisioning template": _simple("iot", "delete_provisioning_template", "templateName"),
    "thing": _simple("iot", "delete_thing", "thingName"),
    "policy": CleanUp._policy,
    "secret": _simple("secretsmanager", "delete_secret", "SecretId", ForceDeleteWithoutRecovery=True),
    "KMS key": CleanUp._key,
    "private CA": CleanUp._private_ca,
    "role": CleanUp._role,
    "log group": _simple("logs", "delete_log_group", "logGroupName"),
    "bucket": CleanUp._bucket,
}
