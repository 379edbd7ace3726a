"""Secrets Manager, as far as reading goes."""

from __future__ import annotations

from typing import Any

from fakes.refusal import Refusal


class FakeSecrets:
    """Secrets by ARN: a str is a SecretString, bytes a SecretBinary, None one without a value."""

    def __init__(self) -> None:
        self.values: dict[str, str | bytes | None] = {}
        self.scheduled_for_deletion: set[str] = set()

    def GetSecretValue(self, SecretId: str) -> dict[str, Any]:  # noqa: N802, N803 - AWS's names
        if SecretId in self.scheduled_for_deletion:
            # API reference, GetSecretValue: InvalidRequestException when the secret is scheduled for deletion.
            raise Refusal("InvalidRequestException", "You can't perform this operation on the secret: marked deleted")
        value = self.values.get(SecretId)
        if value is None:
            # The same code for a secret that does not exist and for one without a version AWSCURRENT.
            raise Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        return {"SecretString": value} if isinstance(value, str) else {"SecretBinary": value}
