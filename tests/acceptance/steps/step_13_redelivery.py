"""Step 13: a request that is delivered again after it was answered changes nothing; killed invocations are repeated."""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

import botocore.auth
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest

from acceptance.provider import bucket_of
from acceptance.stacks import PlayedStack, device
from acceptance.step import Reliance, Step

if TYPE_CHECKING:
    from acceptance.stage import Stage

NAME = "alone:1"
_ANSWER_SECONDS, _KILLED_SECONDS = 90.0, 420.0
_LONG_ENOUGH, _TOO_SHORT = 300, 1


def play(stage: Stage) -> None:
    """Deliver a Create by hand: while the stack has the resource, and after the stack was deleted."""
    stack = PlayedStack(stage, "again")
    resource = device(stage.material[NAME])
    status = stack.create({"Device": resource})
    stage.check(status == "CREATE_COMPLETE", f"creation: {status}, {stack.reasons()}")
    said = _deliver(stage, stack, resource["Properties"])
    stage.observe("a Create after the Create was answered", said.get("Status", "no answer"))
    _is(stage, "after a Create that was delivered again", "ACTIVE")
    stack.delete()
    said = _deliver(stage, stack, resource["Properties"])
    stage.observe("a Create after the stack was deleted", said.get("Status", "no answer"))
    _is(stage, "after a Create that was delivered when the stack was gone", "")
    if stage.place.is_embedded:
        stage.leave_out("a killed invocation", "MiniStack repeats none")
        return
    _killed(stage)


def _deliver(stage: Stage, stack: PlayedStack, properties: dict[str, Any]) -> dict[str, Any]:
    """Invoke the function with a Create, whose answer goes to the run's bucket; return the answer."""
    provider, place = stage.run.provider, stage.place
    bucket, key = bucket_of(place.prefix, place.account), f"answers/{uuid.uuid4()}"
    objects = stage.client("s3")
    event = {
        "RequestType": "Create",
        "ServiceToken": provider.service_token(),
        "ResponseURL": _signed_two_minutes_ago(stage, bucket, key),
        "StackId": stack.id,
        "RequestId": str(uuid.uuid4()),
        "LogicalResourceId": "Device",
        "ResourceType": "Custom::IotDeviceCertificate",
        "ResourceProperties": {**properties, "ServiceToken": provider.service_token()},
    }
    payload = json.dumps(event).encode()
    stage.client("lambda").invoke(FunctionName=provider.function_name(), InvocationType="Event", Payload=payload)
    deadline = time.monotonic() + _ANSWER_SECONDS
    while time.monotonic() < deadline:
        listed = objects.list_objects_v2(Bucket=bucket, Prefix=key)
        if listed.get("KeyCount"):
            answer: dict[str, Any] = json.loads(objects.get_object(Bucket=bucket, Key=key)["Body"].read())
            return answer
        time.sleep(place.poll_seconds)
    stage.check(False, f"the function has not answered within {_ANSWER_SECONDS:g} s")
    return {}


def _signed_two_minutes_ago(stage: Stage, bucket: str, key: str) -> str:
    """Return the URL that the answer is put to; its X-Amz-Date says when CloudFormation has sent the request."""
    url = stage.client("s3").generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key})
    credentials: Any = stage.place.session.get_credentials()
    signer = S3SigV4QueryAuth(credentials, "s3", stage.place.region, expires=3600)
    request = AWSRequest(method="PUT", url=url.partition("?")[0])
    then = (datetime.now(UTC) - timedelta(minutes=2)).replace(tzinfo=None)
    with mock.patch.object(botocore.auth, "get_current_datetime", return_value=then):
        signer.add_auth(request)
    return str(request.url)


def _is(stage: Stage, when: str, status: str) -> None:
    found = stage.ask("iot", "DescribeCertificate", certificateId=stage.material.id(NAME))
    shown = found.members.get("certificateDescription", {}).get("status", "")
    stage.check(shown == status, f"{when} the certificate is {shown or found.code}")


def _killed(stage: Stage) -> None:
    """Let Lambda kill the first invocation: it delivers the event again after a minute, to one that has time."""
    client, name = stage.client("lambda"), stage.run.provider.function_name()
    client.update_function_configuration(FunctionName=name, Timeout=_TOO_SHORT)
    client.get_waiter("function_updated_v2").wait(FunctionName=name)
    stack, started = PlayedStack(stage, "killed"), time.monotonic()
    stack.begin({"Device": device(stage.material["alone:2"])})
    time.sleep(20)
    client.update_function_configuration(FunctionName=name, Timeout=_LONG_ENOUGH)
    status, took = stack.rest(), time.monotonic() - started
    stage.check(status == "CREATE_COMPLETE", f"a Create whose first invocation was killed: {status}, {stack.reasons()}")
    stage.check(took < _KILLED_SECONDS, f"a killed invocation is repeated after {took:.0f} s")
    stage.time("creation with a killed invocation", took)
    stack.delete()


STEP = Step(
    number=13,
    settles="redelivery",
    assumption=("A redelivered request changes nothing; one whose invocation is killed is repeated in a minute"),
    relies_on=(
        Reliance("iot_certificate_provider.resources.lifecycle.redelivery:check_awaited", "refuses what is over"),
        Reliance("iot_certificate_provider.resources.lifecycle.redelivery:may_be_repeated", "a killed one comes back"),
    ),
    if_false=(
        "Change resources/lifecycle/redelivery.py; without a repetition a killed Create waits for its ServiceTimeout."
    ),
    play=play,
    minutes=5,
)
