"""What an operator reads when AWS, or the way to it, refuses: from the errors that botocore raises, sockets and all."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, UnauthorizedSSOTokenError, UnknownSignatureVersionError

from iot_certificate_provider.aws.error_mapping import mapping_errors
from iot_certificate_provider.errors import ProviderError
from iot_certificates_cli.errors import sentence_of

if TYPE_CHECKING:
    from collections.abc import Callable

REACH = "Check the Region, the network and its proxy, and --endpoint-url or AWS_ENDPOINT_URL."
SIGN_IN = "Sign in again (aws sso login, say), or name a --profile."


def _sentence(fail: Callable[[], Any]) -> str:
    with pytest.raises(ProviderError) as raised, mapping_errors("the CA certificates"):
        fail()
    return sentence_of(raised.value)


def _list_ca_certificates(url: str, **more: Any) -> None:
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=0.3, read_timeout=0.3, **more)
    session = boto3.Session("test", "test", region_name="eu-central-1")
    with closing(session.client("iot", endpoint_url=url, config=config)) as iot:
        iot.list_ca_certificates()


def test_a_name_that_does_not_resolve() -> None:
    sentence = _sentence(lambda: _list_ca_certificates("https://iot.nowhere.invalid"))
    assert sentence.startswith("AWS at https://iot.nowhere.invalid: its name does not resolve, ")
    assert sentence.endswith(REACH)


def test_a_port_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        sentence = _sentence(lambda: _list_ca_certificates(url))
    assert sentence == f"AWS at {url} cannot be reached: timed out. {REACH}"


def test_a_proxy_without_its_password() -> None:
    proxies = {"https": "http://me:secret@127.0.0.1:1"}
    sentence = _sentence(lambda: _list_ca_certificates("https://example.com", proxies=proxies))
    assert sentence == f"The proxy at http://127.0.0.1:1 cannot be reached: Connection refused. {REACH}"


def _raise(error: BotoCoreError | ClientError) -> None:
    raise error


def _refusal(operation: str, code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ExpiredToken", "The security token included in the request is expired"),
        ("ExpiredTokenException", "The security token included in the request is expired."),
        ("InvalidClientTokenId", "The security token included in the request is invalid."),
        ("SignatureDoesNotMatch", "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z"),
    ],
)
def test_credentials_that_are_not_accepted(code: str, message: str) -> None:
    sentence = _sentence(lambda: _raise(_refusal("ListCACertificates", code, message)))
    assert sentence == f"AWS did not accept your credentials: {message.rstrip('.')}. {SIGN_IN}"


def test_credentials_that_cannot_be_read() -> None:
    sentence = _sentence(lambda: _raise(UnauthorizedSSOTokenError()))
    assert sentence.startswith("The credentials cannot be read: The SSO session associated with this profile")
    assert sentence.endswith(SIGN_IN)


@pytest.mark.parametrize(
    ("operation", "code", "message", "action"),
    [
        ("ListStacks", "AccessDenied", "User: arn is not authorized to perform: cloudformation:ListStacks", None),
        ("DetachThingPrincipal", "UnauthorizedException", "", "iot:DetachThingPrincipal"),
        ("ListStackResources", "AccessDenied", "no", "cloudformation:ListStackResources"),
        ("ListFunctions", "AccessDeniedException", "no", "lambda:ListFunctions"),
        ("ListObjectsV2", "AccessDenied", "Access Denied", "s3:ListBucket"),
        ("GetObject", "AccessDenied", "Access Denied", "s3:GetObject"),
        # What is denied may be another action than the one that was called.
        ("ListFunctions", "AccessDeniedException", "not authorized to perform: kms:Decrypt", "kms:Decrypt"),
    ],
)
def test_a_permission_that_is_denied(operation: str, code: str, message: str, action: str | None) -> None:
    sentence = _sentence(lambda: _raise(_refusal(operation, code, message)))
    action = action or "cloudformation:ListStacks"
    assert sentence == (
        f"Access denied: your credentials do not allow {action}. Allow {action} to them. AWS: {message or code}."
    )


def test_other_errors_are_those_of_the_gateways() -> None:
    sentence = _sentence(lambda: _raise(_refusal("ListStacks", "ValidationError", "odd\x1b[2J")))
    assert sentence.startswith("ListStacks of the CA certificates: ")
    assert "\x1b" not in sentence
    assert "UnknownSignatureVersionError" in _sentence(
        lambda: _raise(UnknownSignatureVersionError(signature_version="9"))
    )
