"""One request of CloudFormation's, and where it is served."""

from __future__ import annotations

import dataclasses
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from iot_certificate_provider.deadline import Deadline


class RequestType(StrEnum):
    """The three things that CloudFormation asks for."""

    CREATE = "Create"
    UPDATE = "Update"
    DELETE = "Delete"


@dataclass(frozen=True)
class AwsEnvironment:
    """The function's environment, and so that of its calls to AWS: partition, Region and account."""

    partition: str
    region: str
    account: str

    @classmethod
    def of_function_arn(cls, arn: str) -> AwsEnvironment:
        """Read ``arn:{partition}:lambda:{region}:{account}:function:…``, as Lambda's context has it."""
        return cls.of_arn(arn)

    @classmethod
    def of_arn(cls, arn: str) -> AwsEnvironment:
        """Read the ARN of anything that has a Region and an account."""
        _, partition, _, region, account = arn.split(":")[:5]
        return cls(partition, region, account)

    def certificate_arn(self, certificate_id: str) -> str:
        """Return the ARN of a device certificate registered here (Service Authorization Reference, "AWS IoT")."""
        return f"arn:{self.partition}:iot:{self.region}:{self.account}:cert/{certificate_id}"

    def ca_certificate_arn(self, certificate_id: str) -> str:
        """Return the ARN of a CA certificate registered here."""
        return f"arn:{self.partition}:iot:{self.region}:{self.account}:cacert/{certificate_id}"


@dataclasses.dataclass
class Progress:
    """The progress of a request, for the answer of one that fails half-way.

    * ``registered``: the physical id of what this request registered, or adopted, and has not undone. A failed Create
      answers with it, so that the Delete which CloudFormation sends next finds it.
    * ``uncertain``: AWS did not answer a registration, which may have happened all the same: the Delete has to look.
    * ``asked_at``: how many calls were made when CloudFormation was last asked whether it still waits for an Update;
      None where it was not asked.
    * ``is_undone``: what the request had registered is removed again.
    * ``is_rollback``: the request is known to be the Update of a rollback.
    * ``is_way_back``: it undoes an Update that was cancelled; ``has_failed``: and which had failed by itself; ``made``:
      the physical id of what that Update has registered or adopted, if anything; ``left``: why that stays, if it does.
    * ``doubtful``: ids of certificates that may be its own, beside which a rollback has another one issued.
    """

    registered: str | None = None
    uncertain: bool = False
    asked_at: int | None = None
    is_undone: bool = False
    is_rollback: bool = False
    is_way_back: bool = False
    has_failed: bool = False
    made: str = ""
    left: str = ""
    doubtful: list[str] = dataclasses.field(default_factory=list)


@dataclass(frozen=True)
class Request:
    """One request of CloudFormation's, read and checked; properties as they came, strings and all."""

    type: RequestType
    resource_type: str
    request_id: str
    stack_id: str
    logical_id: str
    physical_id: str | None
    properties: Mapping[str, Any]
    old_properties: Mapping[str, Any]
    home: AwsEnvironment
    deadline: Deadline
    progress: Progress = field(default_factory=Progress)
    sent: datetime | None = None
    """When CloudFormation sent it, aware; None where that is not known."""
    keeps: str = ""
    """The certificate before the last rotation, of a resource that keeps it: ``physical_id`` is without it then."""

    @property
    def existing_id(self) -> str:
        """The physical id of an Update or a Delete, which always have one."""
        if self.physical_id is None:
            raise ValueError(f"a {self.type} has no physical id")
        return self.physical_id
