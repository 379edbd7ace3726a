"""The text of a secret, and what is wrong with one that does not serve: never its text."""

from __future__ import annotations

import json

import pytest

from fakes.aws import FakeAws
from fakes.refusal import Refusal
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.secrets import SecretsGateway
from iot_certificate_provider.errors import AccessDeniedError, CertificateRejectedError, UpstreamError

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:key-AbCdEf"


def gateway(value: str | bytes | None) -> SecretsGateway:
    aws = FakeAws()
    aws.secrets.values[ARN] = value
    return SecretsGateway(AwsClients(aws.session()))


def test_is_returned_as_it_is() -> None:
    assert gateway(" a text\n").text(ARN) == " a text\n"


def test_is_returned_from_the_field_of_a_json_object() -> None:
    assert gateway(json.dumps({"key": "a text", "other": 1})).text(ARN, "key") == "a text"


@pytest.mark.parametrize(
    ("value", "json_field", "problem"),
    [
        (None, None, "does not exist"),
        ("", None, "is empty"),
        (" \n", None, "is empty"),
        (b"hidden-text", None, "is binary"),
        ("hidden-text", "key", "is not a JSON object"),
        ('["hidden-text"]', "key", "is not a JSON object"),
        ('"hidden-text"', "key", "is not a JSON object"),
        ("[" * 60_000, "key", "is not a JSON object"),
        ('{"other": "hidden-text"}', "key", "has no text under JsonField"),
        ('{"key": {"deep": "hidden-text"}}', "key", "has no text under JsonField"),
        ('{"key": " "}', "key", "has no text under JsonField"),
    ],
)
def test_that_does_not_serve_is_refused_without_quoting_it(
    value: str | bytes | None, json_field: str | None, problem: str
) -> None:
    with pytest.raises(CertificateRejectedError, match=problem) as caught:
        gateway(value).text(ARN, json_field)
    assert "hidden-text" not in str(caught.value) + repr(caught.value.__cause__) + repr(caught.value.__context__)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AccessDeniedException", AccessDeniedError),
        ("DecryptionFailure", AccessDeniedError),
        ("InternalServiceError", UpstreamError),
    ],
)
def test_that_cannot_be_reached_is_not_a_bad_secret(code: str, expected: type[Exception]) -> None:
    aws = FakeAws()

    def refuse(_: object) -> None:
        raise Refusal(code, "No")

    aws.before = refuse
    with pytest.raises(expected):
        SecretsGateway(AwsClients(aws.session())).text(ARN)
