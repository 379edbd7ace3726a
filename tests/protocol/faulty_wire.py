"""The way to the embedded AWS, with microburst on it: a proxy that throttles, fails, delays and cuts connections.

Over TLS on both sides, in a thread of this process, so that a test says directly what is to go wrong.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web
from microburst.core.pipeline import Microburst
from microburst.detection import rest_operations

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from iot_certificates_local import EmbeddedAws

Rule = dict[str, Any]
"""One of microburst's: ``service``, ``operation``, and what happens."""

ARRIVAL_SECONDS = 0.2
SETTLE_SECONDS = 30.0


class FaultyWire:
    """Hands every request on to the embedded AWS, but for those that a rule is for."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self._ca_file: Path = aws.ca_file
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # The embedded AWS's own certificate: it is for every port of this address.
        self._server.load_cert_chain(aws.folder / "server.pem", aws.folder / "server.key")
        self._proxy = Microburst(aws.endpoint_url, resign=False)
        for service in ("iot", "secretsmanager"):
            rest_operations(service)  # it reads the model at the first request, which would time out
        self._in_flight = 0
        self._given_up = False
        self._landed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.endpoint_url: str = self._run(self._start())

    def close(self) -> None:
        """Stop, and leave no thread and no connection behind."""
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def break_by(self, *rules: Rule) -> None:
        """Have these rules hold from now on, and none of those before."""
        self._proxy.engine.set_rules(list(rules))

    @property
    def struck(self) -> int:
        """How often the rules have struck since they hold."""
        return sum(rule.fired_count for rule in self._proxy.engine.rules)

    def give_up(self) -> None:
        """Say that the function waits for a request no longer."""
        self._given_up = True

    def settle(self) -> None:
        """Wait until every request has landed, those too that the function waits for no longer."""
        if self._given_up:
            # One that was given up on a busy machine may not even have been read yet.
            self._run(asyncio.sleep(ARRIVAL_SECONDS))
            self._given_up = False
        with self._landed:
            if not self._landed.wait_for(lambda: self._in_flight == 0, SETTLE_SECONDS):
                raise TimeoutError(f"{self._in_flight} requests are still on their way")

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SETTLE_SECONDS)

    async def _start(self) -> str:
        trust = ssl.create_default_context(cafile=str(self._ca_file))
        # In place of the proxy's own, which would trust the machine's authorities only.
        self._proxy.upstream.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust, limit=0), auto_decompress=False
        )
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._hand_on)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._server)
        await site.start()
        # A name without a dot: microburst reads the models of all services to make sense of any other.
        return f"https://localhost:{self._runner.addresses[0][1]}"

    async def _stop(self) -> None:
        await self._runner.cleanup()
        await self._proxy.upstream.stop()
        # Closing over TLS waits half a minute for the other side to say goodbye, which those that were cut never do.
        for transport in _open_transports(self._loop):
            transport.abort()
        await asyncio.sleep(0.01)

    async def _hand_on(self, request: web.Request) -> web.StreamResponse:
        """Let microburst decide. A client that leaves does not keep its request from landing."""
        self._count(1)
        try:
            answer: web.StreamResponse = await self._proxy.handle_proxy(request)
        except ConnectionResetError:
            return web.Response()  # to nobody
        finally:
            self._count(-1)
        return answer

    def _count(self, change: int) -> None:
        with self._landed:
            self._in_flight += change
            self._landed.notify_all()


def _open_transports(loop: asyncio.AbstractEventLoop) -> list[Any]:
    selector: Any = loop._selector  # type: ignore[attr-defined]
    listeners = [key.data[0]._callback for key in selector.get_map().values() if key.data and key.data[0]]
    owners = [getattr(listener, "__self__", None) for listener in listeners]
    return [owner for owner in owners if isinstance(owner, asyncio.Transport)]


def rule_for(name: str, effect: Mapping[str, Any], times: int | None = None) -> Rule:
    """Return the rule by which an effect strikes calls such as ``iot.RegisterCertificate``, all or so many of them."""
    service, _, operation = name.partition(".")
    return {"service": service, "operation": operation, **effect, **({} if times is None else {"times": times})}
