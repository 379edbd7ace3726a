"""Step 14: a sweep that needs more than sixteen invocations: Lambda's loop detection lets it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from acceptance.stacks import PlayedStack
from acceptance.step import NotTriedError, Reliance, Step

if TYPE_CHECKING:
    from acceptance.stage import Stage

INVOCATIONS, DEVICES = 16, 900
_SHORT, _USUAL = 39, 300


def play(stage: Stage) -> None:
    """Give each invocation little time, and the CA many devices."""
    if stage.place.is_embedded:
        raise NotTriedError("MiniStack detects no loops; tests/integration plays a sweep of two invocations")
    stack = PlayedStack(stage, "sweep")
    ca = {
        "CACertificatePem": stage.material["ca:sweep"],
        "CertificateMode": "SNI_ONLY",
        "DeviceCertificatesOnDelete": "DELETE",
    }
    status = stack.create({"Ca": {"Type": "Custom::IotCaCertificate", "Properties": ca}})
    stage.check(status == "CREATE_COMPLETE", f"the CA: {status}, {stack.reasons()}")
    _register(stage)
    client, name = stage.client("lambda"), stage.run.provider.function_name()
    client.update_function_configuration(FunctionName=name, Timeout=_SHORT)
    client.get_waiter("function_updated_v2").wait(FunctionName=name)
    try:
        status = stack.delete()
    finally:
        client.update_function_configuration(FunctionName=name, Timeout=_USUAL)
    stage.check(status == "DELETE_COMPLETE", f"the deletion: {status}, {stack.reasons()}")
    invocations = _invocations(stage, name)
    stage.check(invocations > INVOCATIONS, f"the sweep took {invocations} invocations, too few to tell")
    stage.observe("invocations of the sweep", invocations)


def _register(stage: Stage) -> None:
    ca_pem, client = stage.material["ca:sweep"], stage.client("iot")
    for number in range(DEVICES):
        pem = stage.material[f"device:sweep:{number}"]
        client.register_certificate(certificatePem=pem, caCertificatePem=ca_pem, status="ACTIVE")


def _invocations(stage: Stage, function: str) -> int:
    """Count the invocations that one deletion took, by the function's log."""
    pages: Any = stage.client("logs").get_paginator("filter_log_events")
    found = pages.paginate(logGroupName=f"/aws/lambda/{function}", filterPattern='"Delete"')
    events = [event["message"] for page in found for event in page["events"]]
    return len({request for text in events for request in re.findall(r"RequestId: ([0-9a-f-]{36})", text)})


STEP = Step(
    number=14,
    settles="sweeps longer than Lambda's loop detection",
    assumption="With RecursiveLoop Allow a function may invoke itself more than sixteen times in a row",
    relies_on=(
        Reliance("iot_certificate_provider.protocol.continuation:hand_on", "continues in another invocation"),
        Reliance("iot_certificates.provider:IotCertificateProvider", "declares RecursiveLoop Allow"),
    ),
    if_false="Use another path between invocations than Lambda itself: docs/design/0015 has the alternatives.",
    play=play,
    minutes=14,
    dollars=0.05,
    timeout_minutes=60,
)
