"""The strict layer without MiniStack: an application behind it that answers what it is told, and a clock of its own."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from iot_certificates_local.strict import StrictAws, Strictness

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

Record = dict[str, Any]

ACCOUNT = "111122223333"
REGION = "eu-central-1"


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeRegistry:
    """What is registered, for the rules; the same for every request of a place."""

    place: tuple[str, str] = (ACCOUNT, REGION)
    cas: dict[str, Record] = field(default_factory=dict)
    certificates: dict[str, Record] = field(default_factory=dict)
    policies: dict[str, Record] = field(default_factory=dict)
    things: dict[str, list[str]] = field(default_factory=dict)
    cas_elsewhere: list[tuple[str, Record]] = field(default_factory=list)

    def ca_certificates(self) -> list[Record]:
        return list(self.cas.values())

    def ca_certificates_of_all_accounts(self) -> list[tuple[str, Record]]:
        return [*((self.place[0], record) for record in self.cas.values()), *self.cas_elsewhere]

    def ca_certificate(self, certificate_id: str) -> Record | None:
        return self.cas.get(certificate_id)

    def certificate(self, certificate_id: str) -> Record | None:
        return self.certificates.get(certificate_id)

    def device_certificates(self) -> list[Record]:
        return list(self.certificates.values())

    def certificates_of_all_accounts(self) -> list[Record]:
        return self.device_certificates()

    def put_certificate(self, record: Record) -> None:
        self.certificates[record["certificateId"]] = record

    def remove_certificate(self, certificate_id: str) -> None:
        del self.certificates[certificate_id]

    def elsewhere(self, account: str) -> FakeRegistry:
        return FakeRegistry((account, REGION))

    def policy(self, name: str) -> Record | None:
        return self.policies.get(name)

    def policies_of(self, target: str) -> list[str]:
        return [name for name, policy in self.policies.items() if target in policy["targets"]]

    def principals_of(self, thing: str) -> list[str]:
        return self.things.get(thing, [])

    def things_of(self, principal: str) -> set[str]:
        return {thing for thing, principals in self.things.items() if principal in principals}


class Stage:
    """``answers``: the wrapped application's documents by method and path, an empty object for what is not there."""

    def __init__(self, strictness: Strictness | None = None) -> None:
        self.clock = Clock()
        self.registry = FakeRegistry()
        self.answers: dict[tuple[str, str], Any] = {}
        self.asked: list[tuple[str, str]] = []
        self.on_ask: Callable[[], None] = lambda: None
        self.role_ages: dict[tuple[str, str], float] = {}
        self.strict = StrictAws(
            self._application,
            strictness,
            clock=self.clock,
            registries=lambda headers, query: self._registry(headers),
            role_age=lambda account, arn: self.role_ages.get((account, arn)),
        )

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: str = "",
        signed_for: str = "iot",
        account: str = ACCOUNT,
        principal: str = "",
    ) -> tuple[int, dict[str, Any]]:
        """Send a request through the layer; return the status and the document."""
        sent: list[MutableMapping[str, Any]] = []
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [
                (
                    b"Authorization",
                    f"AWS4-HMAC-SHA256 Credential=AKID/20260101/{REGION}/{signed_for}/aws4_request".encode(),
                ),
                (b"x-account", account.encode()),
                (b"x-amzn-principal", principal.encode()),
            ],
        }

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": b"" if body is None else json.dumps(body).encode()}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        asyncio.run(self.strict(scope, receive, send))
        return sent[0]["status"], json.loads(b"".join(message["body"] for message in sent[1:]))

    def _registry(self, headers: Any) -> FakeRegistry:
        registry = self.registry
        return replace(registry, place=(headers["x-account"], REGION))

    async def _application(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await receive()
        self.asked.append((scope["method"], scope["path"]))
        self.on_ask()
        document = self.answers.get((scope["method"], scope["path"]), {})
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"999")]})
        await send({"type": "http.response.body", "body": json.dumps(document).encode()})
