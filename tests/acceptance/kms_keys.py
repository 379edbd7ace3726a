"""Keys of AWS KMS: found again by their aliases, and scheduled for deletion with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acceptance.holdings import TAG

if TYPE_CHECKING:
    from acceptance.stage import Stage


@dataclass(frozen=True)
class MadeKey:
    """A key, by id and ARN."""

    id: str
    arn: str


def make_key(stage: Stage, what: str, **specification: Any) -> MadeKey:
    """Make a key with an alias of the run's. A key costs until it is scheduled for deletion: cents for the run."""
    client = stage.client("kms")
    description = f"Made by an acceptance run of cdk-iot-certificates: {stage.name(what)}"
    # By the tag its deletion is allowed, and that of no other key.
    tags = [{"TagKey": TAG, "TagValue": stage.place.prefix}]
    made = client.create_key(Description=description, Tags=tags, **specification)["KeyMetadata"]
    client.create_alias(AliasName=f"alias/{stage.name(what)}", TargetKeyId=made["KeyId"])
    return MadeKey(made["KeyId"], made["Arn"])


SIGNING = {"KeyUsage": "SIGN_VERIFY", "KeySpec": "ECC_NIST_P256"}
"""What a CA's key is made with."""
