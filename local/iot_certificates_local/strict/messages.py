"""A request to AWS IoT, its answer, and the refusal that AWS's SDKs read as an error."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iot_certificates_local.strict.registry import Registry


@dataclass(frozen=True)
class Request:
    """``path``: its parameters, decoded; ``query``: the last value of each; ``headers``: names in lower case."""

    operation: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    registry: Registry

    @property
    def members(self) -> dict[str, Any]:
        """The members in the body; none when it is not a JSON object, which MiniStack answers."""
        try:
            members = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return members if isinstance(members, dict) else {}

    def text(self, member: str) -> str:
        """Return a member of the body, empty when it is missing or no text."""
        value = self.members.get(member)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True)
class Answer:
    """An HTTP response, as ASGI has it."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the operation was done."""
        return 200 <= self.status < 300

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object in the body."""
        document: dict[str, Any] = json.loads(self.body or b"{}")
        return document

    def with_document(self, document: Mapping[str, Any]) -> Answer:
        """Return the same answer with another JSON object."""
        body = json.dumps(document).encode("utf-8")
        kept = tuple(header for header in self.headers if header[0].lower() != b"content-length")
        return replace(self, headers=(*kept, (b"content-length", str(len(body)).encode("ascii"))), body=body)


HandOn = Callable[[Request], Awaitable[Answer]]
"""The handler after a rule: the next rule, and MiniStack after the last one."""

Rule = Callable[[Request, HandOn], Awaitable[Answer]]
"""Raises Refusal, or hands the request on and returns the answer, as it is or changed."""


class Refusal(Exception):  # noqa: N818 - an answer of AWS's, and no error of ours
    """The answer of AWS to what it does not do: an exception of the API reference with its HTTP status and members."""

    def __init__(self, code: str, message: str, status: int = 400, *, members: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.members = dict(members or {})

    @property
    def answer(self) -> Answer:
        """The error as the protocol rest-json has it: its name in a header and in the body."""
        headers = (
            (b"content-type", b"application/json"),
            (b"x-amzn-errortype", self.code.encode("ascii")),
            (b"x-amzn-requestid", str(uuid.uuid4()).encode("ascii")),
        )
        return Answer(self.status, headers, b"").with_document(
            {"__type": self.code, "message": self.message, **self.members}
        )


CURRENT: ContextVar[Request | None] = ContextVar("request", default=None)
"""The request that is being answered, for what MiniStack asks in the middle of it (``authorization``)."""

REFUSAL: ContextVar[Refusal | None] = ContextVar("refusal", default=None)
"""The answer to the request after MiniStack has authorized it (``authorization``)."""
