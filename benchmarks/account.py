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
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.embedded_metrics import publish_metric
from iot_certificate_provider.handler import Function
from iot_certificate_provider.protocol.delivery import Delivery
from iot_certificates_local import EmbeddedAws, Strictness

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping

    import issuing

POLICY_DOCUMENT = '{"Version": "2012-10-17", "Statement": []}'


class Account:
    """What the sides share.

    * ``iot``, ``cloudformation``: bare clients, boto3's with its defaults, for the side that the function is compared
      with. ``preparing``: one more, for what is not measured.
    * ``away``: the seconds that each request of either side is on its way to AWS. The embedded AWS is on this machine.
    """

    def __init__(self, aws: EmbeddedAws, endpoint: Endpoint, trust: Path) -> None:
        self.away = 0.0
        session = aws.session()
        session.events.register("before-send", self._travel)
        self.region = aws.region
        self.preparing: Any = aws.session().client("iot")
        self.iot: Any = session.client("iot")
        self.cloudformation: Any = session.client("cloudformation")
        self._aws, self._endpoint, self._trust = aws, endpoint, trust
        self._tls = ssl.create_default_context(cafile=str(trust))
        self._context = LambdaContext()
        self._clients = AwsClients(session)
        self._function = Function(self._clients, lambda: datetime.now(UTC), Delivery(self._tls), publish_metric)

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
        properties = {"CACertificatePem": ca.pem, "CertificateMode": "SNI_ONLY", "DeviceCertificatesOnDelete": "DELETE"}
        logical_id = "FactoryCa"
        stack_id = self.stack(f"factory-{ca_id[:8]}", {logical_id: ca_id})
        event = events.event(
            "Delete",
            events.CA,
            properties,
            url=self.url,
            stack_id=stack_id,
            logical_id=logical_id,
            physical_id=ca_id,
        )
        return self.serve(event)

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

    def _put(self, body: bytes) -> None:
        connection = http.client.HTTPSConnection(self._endpoint.address, context=self._tls)
        connection.request("PUT", "/response", body, {"content-type": ""})
        connection.getresponse().read()
        connection.close()


@contextmanager
def account(*, throttled: bool = False) -> Iterator[Account]:
    """Start an account where a change shows at once: both sides would wait the same time.

    It throttles nobody, unless it is ``throttled`` as AWS is.
    """
    quota = None if throttled else math.inf
    strict = Strictness(
        requests_per_second=quota,
        detach_seconds=0.0,
        thing_detach_seconds=0.0,
        status_seconds=0.0,
        stack_reads_per_second=quota,
        stack_index_seconds=0.0,
    )
    with tempfile.TemporaryDirectory() as folder, EmbeddedAws(strict=strict) as aws:
        tls, trust = server_tls(Path(folder))
        endpoint = Endpoint(tls)
        try:
            yield Account(aws, endpoint, trust)
        finally:
            endpoint.close()
