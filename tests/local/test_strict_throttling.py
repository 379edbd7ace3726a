"""Ten requests a second: of one operation, in one account and Region."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from iot_certificates_local.strict import Strictness
from local.strict_stage import Stage

if TYPE_CHECKING:
    from iot_certificates_local import EmbeddedAws

DESCRIBE = ("GET", "/cacertificate/" + "ab" * 32)


def outcomes(stage: Stage, count: int, method: str = "GET", path: str = DESCRIBE[1], **options: str) -> list[int]:
    return [stage.ask(method, path, **options)[0] for _ in range(count)]


def test_a_second_of_requests_at_once_and_no_more() -> None:
    stage = Stage()
    assert outcomes(stage, 12) == [200] * 10 + [400] * 2
    assert stage.asked == [DESCRIBE] * 10


def test_the_refusal_is_the_one_of_aws() -> None:
    stage = Stage(Strictness(requests_per_second=1))
    stage.ask(*DESCRIBE)
    assert stage.ask(*DESCRIBE) == (400, {"__type": "ThrottlingException", "message": "Rate exceeded"})


def test_the_bucket_fills_evenly_and_not_above_a_second() -> None:
    stage = Stage()
    outcomes(stage, 10)
    stage.clock.now = 0.25
    assert outcomes(stage, 3) == [200, 200, 400]
    stage.clock.now = 100
    assert outcomes(stage, 11) == [200] * 10 + [400]


def test_policies_may_be_attached_fifteen_times_a_second() -> None:
    assert outcomes(Stage(), 16, "PUT", "/target-policies/telemetry") == [200] * 15 + [400]


def test_each_operation_account_and_service_by_itself() -> None:
    stage = Stage(Strictness(requests_per_second=1))
    assert outcomes(stage, 2) == [200, 400]
    assert outcomes(stage, 1, "PUT") == [200]
    assert outcomes(stage, 2, account="444455556666") == [200, 400]
    assert outcomes(stage, 2, signed_for="s3") == [200, 200]


def test_what_aws_does_not_limit_like_that_is_not_limited() -> None:
    assert outcomes(Stage(Strictness(requests_per_second=1)), 30, "GET", "/things") == [200] * 30


def test_can_be_slowed_down_and_switched_off() -> None:
    slow = Stage(Strictness(requests_per_second=0.5))
    assert outcomes(slow, 2) == [200, 400]
    slow.clock.now = 2
    assert outcomes(slow, 2) == [200, 400]
    assert outcomes(Stage(Strictness(requests_per_second=math.inf)), 50) == [200] * 50


def test_a_reset_fills_the_buckets() -> None:
    stage = Stage(Strictness(requests_per_second=1))
    outcomes(stage, 2)
    stage.ask("POST", "/_ministack/reset", signed_for="none")
    assert outcomes(stage, 1) == [200]


@pytest.mark.emulator
def test_the_sdk_reads_it_and_retries(embedded_aws: EmbeddedAws) -> None:
    session = embedded_aws.session(account="100000000001")
    impatient = session.client("iot", config=Config(retries={"total_max_attempts": 1}, max_pool_connections=30))

    def ask(_: int) -> str:
        try:
            impatient.get_registration_code()
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "done"

    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(ask, range(60)))
    assert set(answers) == {"done", "ThrottlingException"}
    patient = session.client("iot", config=Config(retries={"total_max_attempts": 10, "mode": "standard"}))
    assert patient.get_registration_code()["registrationCode"]
