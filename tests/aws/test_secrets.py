"""The text of a secret, and what is wrong with one that does not serve: never its text."""

from __future__ import annotations

import json

import pytest

from fakes.aws import FakeAws
from fakes.refusal import Refusal
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.secrets import SecretsGateway
from iot_certificate_provider.errors import (
    AccessDeniedError,
    ConflictError,
    KeyAccessDeniedError,
    UnusableError,
    UpstreamError,
)

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
    with pytest.raises(UnusableError, match=problem) as caught:
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


class TestVersions:
    @pytest.fixture
    def aws(self) -> FakeAws:
        aws = FakeAws()
        aws.secrets.add_empty(ARN)
        return aws

    @pytest.fixture
    def secrets(self, aws: FakeAws) -> SecretsGateway:
        return SecretsGateway(AwsClients(aws.session()))

    def test_of_a_new_secret_there_are_none(self, secrets: SecretsGateway) -> None:
        assert secrets.labels(ARN) == {}
        assert secrets.version(ARN, "1" * 64) is None

    def test_the_first_is_pending_and_current(self, secrets: SecretsGateway) -> None:
        secrets.put_pending(ARN, "1" * 64, "first")
        assert secrets.labels(ARN) == {"AWSPENDING": "1" * 64, "AWSCURRENT": "1" * 64}
        assert secrets.text(ARN) == "first"

    def test_another_becomes_current_only_when_it_is_made_so(self, secrets: SecretsGateway) -> None:
        secrets.put_pending(ARN, "1" * 64, "first")
        secrets.put_pending(ARN, "2" * 64, "second")
        assert secrets.text(ARN) == "first"
        secrets.make_current(ARN, "2" * 64, instead_of="1" * 64)
        assert secrets.text(ARN) == "second"
        assert secrets.labels(ARN)["AWSPREVIOUS"] == "1" * 64
        assert secrets.version(ARN, "1" * 64) == "first"

    def test_the_same_again_is_no_error_and_another_text_is_a_conflict(self, secrets: SecretsGateway) -> None:
        secrets.put_pending(ARN, "1" * 64, "first")
        secrets.put_pending(ARN, "1" * 64, "first")
        with pytest.raises(ConflictError) as caught:
            secrets.put_pending(ARN, "1" * 64, "hidden-text")
        assert "hidden-text" not in str(caught.value)

    def test_a_secret_that_does_not_exist_is_refused(self, secrets: SecretsGateway) -> None:
        with pytest.raises(UnusableError, match="does not exist"):
            secrets.labels(f"{ARN}-other")
        with pytest.raises(UnusableError, match="does not exist"):
            secrets.put_pending(f"{ARN}-other", "1" * 64, "hidden-text")


CREATE = "Create it in this account and Region, with a value"
GRANT = "Name it in the provider stack's ReadableSecretArns, or grant it"
COMPLETE = "Give its name, or its complete ARN: this one ends like a complete ARN, in a hyphen and six characters"
OR_NAME = "; or give its name, if that ends in a hyphen and six characters"


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("factory-ca-key", COMPLETE),
        ("factory-ca/key", COMPLETE),
        ("factory-signer", OR_NAME),
        ("factory-keys01", OR_NAME),
        ("Factory-Signer", OR_NAME),
        ("FACTORY-SIGNER", OR_NAME),
        ("factory-key-AbCd3f", ""),
    ],
)
def test_a_partial_arn_that_is_taken_for_a_complete_one_is_named_as_the_cause(
    name: str, fix: str, *, refused: bool
) -> None:
    """Secrets Manager takes an ARN that ends in a hyphen and six characters for a complete one."""
    arn = f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}"
    aws = FakeAws()
    aws.secrets.values[f"{arn}-AbCdEf"] = "value"
    if refused:
        aws.denials = {"secretsmanager.GetSecretValue": 1}
    with pytest.raises((UnusableError, KeyAccessDeniedError)) as caught:
        SecretsGateway(AwsClients(aws.session())).text(arn)
    usual = GRANT if refused else CREATE
    assert caught.value.fix == (fix if fix == COMPLETE else usual + fix)


def test_so_it_is_where_the_first_call_reads_a_version() -> None:
    aws = FakeAws(denials={"secretsmanager.GetSecretValue": 1})
    arn = ARN.replace("key-AbCdEf", "factory-ca-key")
    with pytest.raises(KeyAccessDeniedError) as caught:
        SecretsGateway(AwsClients(aws.session())).version(arn, "1" * 64)
    assert caught.value.fix == COMPLETE


def test_the_name_of_such_a_secret_finds_it() -> None:
    aws = FakeAws()
    aws.secrets.values[f"{ARN.replace('key-AbCdEf', 'factory-ca-key')}-AbCdEf"] = "value"
    assert SecretsGateway(AwsClients(aws.session())).text("factory-ca-key") == "value"
