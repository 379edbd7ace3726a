"""One AWS for all sides of a benchmark: the embedded AWS, the function beside it, and the URL that it answers to.

The function is the installed one, in this process, as a warm instance is; its AWS calls and its answers go over TLS, as
those of the side that it is compared with do.
"""

from __future__ import annotations

import http.client
import io
import json
import math
import ssl
import tempfile
import time
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import events
from benchmarks.measuring import timed
from handler.endpoint import Endpoint, server_tls
from handler.stage import LambdaContext
from iot_certificate_provider.aws.clients import THROTTLED, AwsClients
from iot_certificate_provider.aws.pace import Pace
from iot_certificate_provider.aws.session import read_dates_fast
from iot_certificate_provider.embedded_metrics import publish_metric
from iot_certificate_provider.handler import Function
from iot_certificate_provider.protocol.delivery import Delivery
from iot_certificates_local import EmbeddedAws, Strictness

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping

    import issuing

_UNPACED = 1e6
POLICY_DOCUMENT = '{"Version": "2012-10-17", "Statement": []}'


class Account:
    """What the sides share.

    * ``iot``, ``cloudformation``: bare clients, boto3's with its defaults, for the side that the function is compared
      with. ``preparing``: one more, for what is not measured.
    * ``away``: the seconds that each request of either side is on its way to AWS. The embedded AWS is on this machine.
    * ``throttled``: how often AWS asked either side to slow down.
    * ``is_throttling``: whether AWS IoT's own quotas apply. ``paced``: whether the function keeps to its share of them.
    """

    def __init__(self, aws: EmbeddedAws, endpoint: Endpoint, trust: Path, *, is_throttling: bool, paced: bool) -> None:
        self.is_throttling = is_throttling
        self.away = 0.0
        self.throttled = 0
        session = aws.session()
        session.events.register("before-send", self._travel)
        session.events.register("needs-retry", self._count_throttled)
        self.region = aws.region
        self.preparing: Any = aws.session().client("iot")
        self.iot: Any = session.client("iot")
        self.cloudformation: Any = session.client("cloudformation")
        self._aws, self._endpoint, self._trust = aws, endpoint, trust
        # As the function's own session does; the bare clients are made by now.
        read_dates_fast(session._session)  # noqa: SLF001 - a boto3.Session does not show it
        # One for each: the delivery has sockets of its own in its context.
        self._tls, delivering = (ssl.create_default_context(cafile=str(trust)) for _ in range(2))
        self._context = _Context(aws.region)
        self._clients = AwsClients(session, pace=None if paced else Pace(_UNPACED))
        self._function = Function(self._clients, lambda: datetime.now(UTC), Delivery(delivering), publish_metric)

    @property
    def url(self) -> str:
        """Where answers go."""
        return f"https://{self._endpoint.address}"

    def serve(self, event: Mapping[str, Any]) -> float:
        """Have the function serve an event, its answer included; return the seconds. Raises what it answers FAILED."""
        with redirect_stdout(io.StringIO()):  # the metric of each request, which Lambda takes
            took = timed(lambda: self._function(dict(event), self._context))
        answer = self._endpoint.received.pop().answer
        if answer["Status"] != "SUCCESS":
            raise RuntimeError(answer["Reason"])
        return took

    @property
    def calls(self) -> Counter[str]:
        """The AWS calls of the request that was served last."""
        return self._clients.calls

    def put_answer(self) -> float:
        """Return the seconds that an answer takes without a function: one PUT over a new connection."""
        body = json.dumps({"Status": "SUCCESS", "Data": {"Arn": "x" * 900}}).encode()
        took = timed(lambda: self._put(body))
        self._endpoint.received.pop()
        return took

    def delete_ca(self, ca: issuing.Issued, ca_id: str) -> float:
        """Have the function delete a CA with the device certificates under it; return the seconds."""
        return self.serve(self.deletion_of(ca, ca_id))

    def deletion_of(self, ca: issuing.Issued, ca_id: str) -> dict[str, Any]:
        """Return the event that asks for the deletion of a CA with the device certificates under it."""
        properties = {"CACertificatePem": ca.pem, "CertificateMode": "SNI_ONLY", "DeviceCertificatesOnDelete": "DELETE"}
        logical_id = "FactoryCa"
        stack_id = self.stack(f"factory-{ca_id[:8]}", {logical_id: ca_id})
        return events.event(
            "Delete",
            events.CA,
            properties,
            url=self.url,
            stack_id=stack_id,
            logical_id=logical_id,
            physical_id=ca_id,
        )

    def environment(self) -> dict[str, str]:
        """Return the environment of a function that runs in a process of its own."""
        return {**self._aws.environment(), "SSL_CERT_FILE": str(self._trust), "AWS_LAMBDA_FUNCTION_NAME": "provider"}

    def take_answers(self) -> list[dict[str, Any]]:
        """Return the answers since the last time."""
        answers = [received.answer for received in self._endpoint.received]
        self._endpoint.received.clear()
        return answers

    def stack(self, name: str, resources: Mapping[str, str]) -> str:
        """Make a stack whose resources have these physical ids, by their logical ids; return its ARN.

        The resources are things, whose physical ids are their names: CloudFormation is asked for no more than those.
        """
        template = {
            "Resources": {
                logical_id: {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": physical_id}}
                for logical_id, physical_id in resources.items()
            }
        }
        stack_id = self.cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))["StackId"]
        self.cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
        return str(stack_id)

    def register_ca(self, ca: issuing.Issued) -> str:
        """Register a CA, without the proof of possession that DEFAULT mode takes; return its id."""
        answer = self.preparing.register_ca_certificate(
            caCertificate=ca.pem, certificateMode="SNI_ONLY", setAsActive=True
        )
        return str(answer["certificateId"])

    def _travel(self, **_: object) -> None:
        if self.away:
            time.sleep(self.away)

    def _count_throttled(self, response: Any, **_: object) -> None:
        code = response[1].get("Error", {}).get("Code") if response is not None else None
        self.throttled += code in THROTTLED

    def _put(self, body: bytes) -> None:
        connection = http.client.HTTPSConnection(self._endpoint.address, context=self._tls)
        connection.request("PUT", "/response", body, {"content-type": ""})
        connection.getresponse().read()
        connection.close()


class _Context(LambdaContext):
    """Lambda's context in the Region of the account: the function makes the certificates' ARNs of it."""

    def __init__(self, region: str) -> None:
        super().__init__()
        self.invoked_function_arn = f"arn:aws:lambda:{region}:123456789012:function:provider"


@contextmanager
def account(
    *, throttling: bool = False, paced: bool = False, status_seconds: float = 0.0, thing_seconds: float = 0.0
) -> Iterator[Account]:
    """Start an account that throttles nobody, and where a change shows at once: both sides would wait the same time.

    ``throttling``: AWS IoT's own quotas. ``status_seconds``, ``thing_seconds``: how late changes show.
    """
    quota = None if throttling else math.inf
    strict = Strictness(
        requests_per_second=quota,
        detach_seconds=0.0,
        thing_detach_seconds=thing_seconds,
        status_seconds=status_seconds,
        stack_reads_per_second=quota,
        stack_index_seconds=0.0,
    )
    with tempfile.TemporaryDirectory() as folder, EmbeddedAws(strict=strict) as aws:
        tls, trust = server_tls(Path(folder))
        endpoint = Endpoint(tls)
        try:
            yield Account(aws, endpoint, trust, is_throttling=throttling, paced=paced)
        finally:
            endpoint.close()
