"""CloudFormation's use of a custom resource's answers, where MiniStack drops them.

User guide, "Custom resource response objects" and "Custom resource request types":

* A FAILED answer names a physical id, too: after a Create, the Delete that follows has it; after an Update, the Update
  back. Without an answer, CloudFormation invents an id.
* "The value must be a non-empty string and can be up to 1 KB in length": else the resource fails, "Invalid
  PhysicalResourceId".
* ResponseURL is a presigned URL of Amazon S3, with the query parameters of Signature Version 4.
"""

from __future__ import annotations

import secrets
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_certificates_local.strict.cloudformation.event_log import Stack

LONGEST_PHYSICAL_ID = 1024
MODIFIED_SERVICE_TOKEN = "Modifying service token is not allowed."  # noqa: S105 - CloudFormation's sentence

_URL_SECONDS = 7200


class ModifiedServiceTokenError(ValueError):
    """An update names another function: nothing is sent to either."""

    def __init__(self) -> None:
        super().__init__(MODIFIED_SERVICE_TOKEN)


@dataclass
class _Sent:
    """A request, and the answer when there is one."""

    stack_id: str
    logical_id: str
    resource_type: str
    properties: dict[str, Any]
    answer: dict[str, Any] = field(default_factory=dict)

    @property
    def answered_id(self) -> str:
        named = self.answer.get("PhysicalResourceId")
        return named if isinstance(named, str) and len(named.encode()) <= LONGEST_PHYSICAL_ID else ""


_SENT: ContextVar[_Sent | None] = ContextVar("sent", default=None)


def is_custom(resource_type: str) -> bool:
    """Whether a type is a custom resource's."""
    return resource_type.startswith("Custom::") or resource_type == "AWS::CloudFormation::CustomResource"


def check_service_token(resource_type: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Raise ModifiedServiceTokenError when an update changes a custom resource's ServiceToken.

    Its text is CloudFormation's, as the AWS CDK's users report it (aws-cdk, "Modifying service token is not allowed").
    """
    if is_custom(resource_type) and old.get("ServiceToken") != new.get("ServiceToken"):
        raise ModifiedServiceTokenError


class Requests:
    """Watches the requests to custom resources, and keeps what those answered that failed."""

    def __init__(self) -> None:
        self._by_token: dict[str, _Sent] = {}
        self._failed: dict[tuple[str, str], _Sent] = {}

    def sending(self, invoke: Callable[..., Any]) -> Callable[..., Any]:
        """Return MiniStack's ``invoke_custom_resource``, watched."""

        def invoke_custom_resource(  # noqa: PLR0917 - MiniStack's parameters
            request_type: str,
            logical_id: str,
            props: dict[str, Any],
            stack_name: str,
            stack_id: str,
            resource_type: str,
            physical_id: str | None = None,
            old_props: dict[str, Any] | None = None,
        ) -> Any:
            sent = _Sent(stack_id, logical_id, resource_type, props)
            token = _SENT.set(sent)
            try:
                more = (props, stack_name, stack_id, resource_type, physical_id, old_props)
                return invoke(request_type, logical_id, *more)
            except Exception as error:
                # Where there is no such function nothing was sent, and so nothing is deleted.
                if "ServiceToken" not in str(error):
                    self._failed[stack_id, logical_id] = sent
                raise
            finally:
                _SENT.reset(token)

        return invoke_custom_resource

    def signing(self, response_url: Callable[[str], str]) -> Callable[[str], str]:
        """Return MiniStack's ``_response_url``, with the parameters of a presigned URL."""

        def signed(token: str) -> str:
            sent = _SENT.get()
            if sent is not None:
                self._by_token[token] = sent
            query = {
                "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
                "X-Amz-Date": datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"),
                "X-Amz-SignedHeaders": "host",
                "X-Amz-Expires": str(_URL_SECONDS),
                "X-Amz-Signature": secrets.token_hex(32),
            }
            return f"{response_url(token)}?{urlencode(query)}"

        return signed

    def delivering(self, deliver: Callable[[str, dict[str, Any]], bool]) -> Callable[[str, dict[str, Any]], bool]:
        """Return MiniStack's ``deliver_response``, that takes an answer as CloudFormation does."""

        def deliver_response(token: str, response: dict[str, Any]) -> bool:
            sent = self._by_token.pop(token, None)
            if sent is None:
                # The answer is there already, or the request is not ours: the first one counts.
                return deliver(token, response)
            sent.answer = response
            if response.get("Status") == "SUCCESS" and not sent.answered_id:
                response = {**response, "Status": "FAILED", "Reason": "Invalid PhysicalResourceId"}
            return deliver(token, response)

        return deliver_response

    def answered_id(self, stack_id: str, logical_id: str) -> str:
        """Return the physical id of the answer that a resource failed with; empty when it named none."""
        sent = self._failed.get((stack_id, logical_id))
        return sent.answered_id if sent is not None else ""

    def note_failure(self, stack: Stack, logical_id: str, status: str, reason: str) -> str:
        """Keep a resource that could not be created in its stack, to be deleted; return its physical id."""
        if status != "CREATE_FAILED":
            return self.answered_id(stack["StackId"], logical_id)
        sent = self._failed.pop((stack["StackId"], logical_id), None)
        if sent is None:
            return ""
        physical_id = sent.answered_id or _invented(stack["StackName"], logical_id)
        stack.setdefault("_resources", {})[logical_id] = {
            "PhysicalResourceId": physical_id,
            "ResourceType": sent.resource_type,
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
            "LogicalResourceId": logical_id,
            "Properties": sent.properties,
            "Attributes": {},
            "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        return physical_id

    def forget(self, stack_id: str, logical_id: str) -> None:
        """Forget that a resource failed in an earlier operation."""
        self._failed.pop((stack_id, logical_id), None)


def _invented(stack_name: str, logical_id: str) -> str:
    """Return an id as CloudFormation invents one: ``<stack>-<logical id>-<12 or so letters and digits>``."""
    return f"{stack_name}-{logical_id}-{secrets.token_hex(6).upper()}"
