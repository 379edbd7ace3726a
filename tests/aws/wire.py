"""A boto3 session that takes part in everything but the network: requests are answered where they would be sent."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.awsrequest import AWSResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Answer:
    """What comes back over the wire."""

    status: int = 200
    body: dict[str, Any] = field(default_factory=dict)
    error: str | None = None


class Wire:
    """Unlike FakeAws, which answers before a request is signed, this one shows retries, headers and parsing."""

    def __init__(self, answer: Callable[[Any], Answer]) -> None:
        self._answer = answer
        self.requests: list[Any] = []

    def session(self) -> boto3.Session:
        core = botocore.session.get_session()
        core.set_credentials("fake", "fake")
        core.set_config_variable("region", "eu-west-1")
        answer: Any = self._send
        core.register("before-send", answer)
        return boto3.Session(botocore_session=core)

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        self.requests.append(request)
        answer = self._answer(request)
        headers: Any = {"content-type": "application/json"}
        if answer.error is not None:
            headers["x-amzn-errortype"] = answer.error
        return AWSResponse(request.url, answer.status, headers, _Raw(json.dumps(answer.body).encode()))


class _Raw(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()
