"""Regions of the partitions ``aws-cn`` and ``aws-us-gov`` have ARNs of their partition: MiniStack knows ``aws`` alone.

AWS General Reference, "Amazon Resource Names (ARNs)": "A partition is a group of AWS Regions. … The following are the
supported partitions: aws - AWS Regions; aws-cn - China Regions; aws-us-gov - AWS GovCloud (US) Regions."

MiniStack keeps ``arn:aws:`` inside. At its edges ARNs are rewritten: those of requests on their way in, those of
answers on their way out, where the request is signed for such a Region; and those that a function of such a Region is
invoked with. Objects in Amazon S3 stay as they are. ``AWS::Partition`` in a template still is ``aws`` where it stands
for itself, and not in an ARN.
"""

from __future__ import annotations

import json
import re
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from iot_certificates_local.strict.asgi import read_body, replayed
from iot_certificates_local.strict.cloudformation.internals import check_parameters, replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_certificates_local.strict.asgi import AsgiApplication, Message, Receive, Send

    Headers = list[tuple[bytes, bytes]]

_SIGNED_FOR = re.compile(rb"Credential=[^/]*/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_FOREIGN = re.compile(rb"(arn(?::|%3A))aws-(?:cn|us-gov)((?::|%3A))", re.IGNORECASE)
_OWN = re.compile(rb"(arn(?::|%3A))aws((?::|%3A))", re.IGNORECASE)
_UNTOUCHED_SERVICES = ("s3",)

_AS_SENT: ContextVar[tuple[Message, bytes] | None] = ContextVar("as_sent", default=None)
"""The request as its sender signed it, where it was rewritten: its scope and its body."""


def partition_of(region: str) -> str:
    """Return the partition that a Region belongs to."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def into_ministack(text: bytes) -> bytes:
    """Rewrite the ARNs of every partition to those that MiniStack knows."""
    return _FOREIGN.sub(rb"\1aws\2", text)


def out_of_ministack(text: bytes, partition: str) -> bytes:
    """Rewrite MiniStack's ARNs to those of a partition."""
    return _OWN.sub(rb"\g<1>" + partition.encode("ascii") + rb"\2", text)


class Partitions:
    """An ASGI application around ``app``, that knows ``arn:aws:`` alone."""

    def __init__(self, app: AsgiApplication) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer as ASGI has it."""
        partition, service = _signed_for(scope)
        is_answer = scope.get("path", "").startswith("/_ministack/cfn-response/")
        if service in _UNTOUCHED_SERVICES or (partition == "aws" and not is_answer):
            await self._app(scope, receive, send)
            return
        body = await read_body(receive)
        if body is None:
            return
        token = _AS_SENT.set((scope, body))
        try:
            inner = replayed(into_ministack(body), receive)
            await self._app(_rewritten(scope, body), inner, _rewriting(send, partition))
        finally:
            _AS_SENT.reset(token)


def keep_signatures_and_events() -> None:
    """Let MiniStack verify requests as they were signed, and invoke functions with the ARNs of their Region."""
    from ministack import app  # noqa: PLC0415 - reads its environment when imported
    from ministack.core.lambda_runtime import Worker  # noqa: PLC0415

    def pinning(pin: Callable[..., None]) -> Callable[..., None]:
        def pin_signed_request(method: str, raw_path: str, query_params: Any, headers: Any, **more: Any) -> None:
            as_sent = _AS_SENT.get()
            if as_sent is not None:
                sent, _ = as_sent
                raw_path, headers = (sent.get("raw_path") or raw_path.encode()).decode("latin-1"), sent["headers"]
                query_params = parse_qs(sent.get("query_string", b"").decode(), keep_blank_values=True)
            pin(method, raw_path, query_params, headers, **more)

        return pin_signed_request

    def pinning_body(pin: Callable[[bytes], None]) -> Callable[[bytes], None]:
        def pin_signed_body(body: bytes) -> None:
            sent = _AS_SENT.get()
            pin(body if sent is None else sent[1])

        return pin_signed_body

    replace(app, "pin_signed_request", "method raw_path query_params raw_headers handshake", pinning)
    replace(app, "pin_signed_body", "body", pinning_body)
    check_parameters(Worker.invoke, "self event request_id trace_id depth durable invoked_function_arn")
    Worker.invoke = _invoking(Worker.invoke)


def _invoking(invoke: Callable[..., Any]) -> Callable[..., Any]:
    def invoke_with_its_arns(
        worker: Any, event: Any, request_id: str, *, invoked_function_arn: str | None = None, **more: Any
    ) -> Any:
        arn = invoked_function_arn if invoked_function_arn is not None else worker.config.get("FunctionArn", "")
        partition = partition_of(arn.split(":")[3]) if arn.count(":") > 3 else "aws"
        if partition != "aws":
            event = json.loads(out_of_ministack(json.dumps(event).encode(), partition))
            arn = out_of_ministack(arn.encode(), partition).decode()
        return invoke(worker, event, request_id, invoked_function_arn=arn, **more)

    return invoke_with_its_arns


def _signed_for(scope: Message) -> tuple[str, str]:
    """Return the partition and the service of a request; those of none are ``aws`` and empty."""
    if scope["type"] != "http":
        return "aws", ""
    header = next((value for name, value in scope["headers"] if name.lower() == b"authorization"), b"")
    found = _SIGNED_FOR.search(header)
    return (partition_of(found[1].decode()), found[2].decode()) if found else ("aws", "")


def _rewritten(scope: Message, body: bytes) -> Message:
    headers: Headers = []
    for name, value in scope["headers"]:
        if name.lower() == b"content-length":
            headers.append((name, str(len(into_ministack(body))).encode("ascii")))
        else:
            headers.append((name, value if name.lower() == b"authorization" else into_ministack(value)))
    texts = {name: into_ministack(scope[name]) for name in ("raw_path", "query_string") if scope.get(name)}
    return {**scope, **texts, "path": into_ministack(scope["path"].encode()).decode(), "headers": headers}


def _rewriting(send: Send, partition: str) -> Send:
    """Return a ``send`` that waits for the whole answer and rewrites it."""
    started: list[Message] = []
    parts: list[bytes] = []

    async def rewrite(message: Message) -> None:
        if message["type"] == "http.response.start":
            started.append(message)
            return
        parts.append(message.get("body", b""))
        if message.get("more_body", False):
            return
        body = out_of_ministack(b"".join(parts), partition)
        length = str(len(body)).encode("ascii")
        headers = [
            (name, length if name.lower() == b"content-length" else out_of_ministack(value, partition))
            for name, value in started[0].get("headers", [])
        ]
        await send({**started[0], "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return rewrite
