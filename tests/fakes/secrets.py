"""Secrets Manager, as far as the provider goes: values, versions and their staging labels."""

from __future__ import annotations

import re
from typing import Any

from fakes.refusal import Refusal

# ruff: noqa: N802, N803, N806 - operations and parameters have AWS's names


class FakeSecrets:
    """Secrets by ARN: a str is a SecretString, bytes a SecretBinary, None one without a value.

    ``values`` are the current ones. ``versions`` and ``labels`` are those of secrets that the provider writes.
    """

    def __init__(self) -> None:
        self.values: dict[str, str | bytes | None] = {}
        self.scheduled_for_deletion: set[str] = set()
        self.versions: dict[str, dict[str, str]] = {}
        self.labels: dict[str, dict[str, str]] = {}

    def add_empty(self, arn: str) -> None:
        """Add a secret as CloudFormation makes one without a value: it has no version."""
        self.values[arn] = None
        self.versions[arn] = {}
        self.labels[arn] = {}

    def remove(self, arn: str) -> None:
        """Remove a secret, as DeleteSecret does that does not wait."""
        for kept in (self.values, self.versions, self.labels):
            kept.pop(arn, None)

    def GetSecretValue(self, SecretId: str, VersionId: str | None = None) -> dict[str, Any]:
        SecretId = self.arn_of(SecretId)
        self._check(SecretId)
        value = self.values.get(SecretId)
        if VersionId is not None:
            value = self.versions.get(SecretId, {}).get(VersionId)
        if value is None:
            # The same code for a secret that does not exist and for one without a version AWSCURRENT.
            raise Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        return {"SecretString": value} if isinstance(value, str) else {"SecretBinary": value}

    def DescribeSecret(self, SecretId: str) -> dict[str, Any]:
        SecretId = self.arn_of(SecretId)
        self._check(SecretId, also_without_value=True)
        stages: dict[str, list[str]] = {}
        for label, version_id in self.labels.get(SecretId, {}).items():
            stages.setdefault(version_id, []).append(label)
        # API reference: versions without a staging label are not in the answer; without any, the member is left out.
        return {"ARN": SecretId, **({"VersionIdsToStages": stages} if stages else {})}

    def PutSecretValue(
        self, SecretId: str, ClientRequestToken: str, SecretString: str, VersionStages: list[str]
    ) -> dict[str, Any]:
        SecretId = self.arn_of(SecretId)
        self._check(SecretId, also_without_value=True)
        versions, labels = self.versions[SecretId], self.labels[SecretId]
        there = versions.get(ClientRequestToken)
        if there not in (None, SecretString):
            # API reference, ClientRequestToken: "you can't modify an existing secret version".
            raise Refusal("ResourceExistsException", "You can't modify an existing version.")
        if there is None:
            versions[ClientRequestToken] = SecretString
            if "AWSCURRENT" in VersionStages and "AWSCURRENT" in labels:
                # API reference: AWSPREVIOUS moves "to the version that AWSCURRENT was removed from".
                labels["AWSPREVIOUS"] = labels["AWSCURRENT"]
            labels.update(dict.fromkeys(VersionStages, ClientRequestToken))
            # API reference: the first version of a secret gets AWSCURRENT by itself.
            labels.setdefault("AWSCURRENT", ClientRequestToken)
            self.values[SecretId] = versions[labels["AWSCURRENT"]]
        return {"ARN": SecretId, "VersionId": ClientRequestToken}

    def UpdateSecretVersionStage(
        self,
        SecretId: str,
        VersionStage: str,
        MoveToVersionId: str | None = None,
        RemoveFromVersionId: str | None = None,
    ) -> dict[str, Any]:
        SecretId = self.arn_of(SecretId)
        self._check(SecretId, also_without_value=True)
        versions, labels = self.versions[SecretId], self.labels[SecretId]
        if MoveToVersionId is None:
            if VersionStage == "AWSCURRENT" or labels.get(VersionStage) != RemoveFromVersionId:
                # API reference, InvalidParameterException; that AWSCURRENT can only be moved, the user guide says.
                raise Refusal("InvalidParameterException", "The label cannot be removed from this version.")
            del labels[VersionStage]
            return {"ARN": SecretId}
        if MoveToVersionId not in versions:
            raise Refusal("ResourceNotFoundException", "The version does not exist.")
        if labels.get(VersionStage) != RemoveFromVersionId:
            # API reference, RemoveFromVersionId: when the label is on another version, the operation fails.
            raise Refusal("InvalidParameterException", "The label is attached to another version.")
        if VersionStage == "AWSCURRENT" and VersionStage in labels:
            labels["AWSPREVIOUS"] = labels[VersionStage]
        labels[VersionStage] = MoveToVersionId
        self.values[SecretId] = versions[labels["AWSCURRENT"]]
        return {"ARN": SecretId}

    def arn_of(self, secret_id: str) -> str:
        """Return the ARN that a SecretId names; itself where it names none."""
        # Secrets Manager user guide: a name, or an ARN without its last seven characters; but a partial ARN that ends
        # in a hyphen and six characters, of whatever kind, is taken for a complete one (aws-cdk #27530, #18555).
        if secret_id in self.values or re.search(r"^arn:.*:secret:.*-.{6}$", secret_id):
            return secret_id
        named = (arn for arn in self.values if secret_id in (arn[:-7], arn[:-7].rpartition(":secret:")[2]))
        return next(named, secret_id)

    def _check(self, arn: str, *, also_without_value: bool = False) -> None:
        if arn in self.scheduled_for_deletion:
            # API reference, GetSecretValue: InvalidRequestException when the secret is scheduled for deletion.
            raise Refusal("InvalidRequestException", "You can't perform this operation on the secret: marked deleted")
        if also_without_value and arn not in self.values:
            raise Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
