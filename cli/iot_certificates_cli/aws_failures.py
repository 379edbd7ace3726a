"""Failures of AWS or the network, in words for the operator, read from the error of the SDK."""

from __future__ import annotations

import re
import socket
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError, NoCredentialsError, SSOError
from botocore.exceptions import TokenRetrievalError as _TokenRetrievalError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGN_IN = "Sign in again (aws sso login, say), or name a --profile"
_CREDENTIALS = (CredentialRetrievalError, NoCredentialsError, SSOError, _TokenRetrievalError)
# AWS API references, "Common Errors", of the JSON, REST and query protocols.
_NOT_ACCEPTED = frozenset({
    "ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException",
    "InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature", "MissingAuthenticationToken",
})  # fmt: skip
_DENIED = frozenset({
    "AccessDenied", "AccessDeniedException", "UnauthorizedException", "NotAuthorized", "UnauthorizedOperation",
})  # fmt: skip
_ACTION = re.compile(r"not authorized to perform: ([\w-]+:\w+)")
# Of AWS IoT is every operation that is not named here; the actions of all of them are called like the operations.
_SERVICES = {
    "ListStacks": "cloudformation",
    "ListStackResources": "cloudformation",
    "DescribeStacks": "cloudformation",
    "GetTemplate": "cloudformation",
    "ListExports": "cloudformation",
    "ListFunctions": "lambda",
    "GetCallerIdentity": "sts",
    "GetFunctionConfiguration": "lambda",
    "GetObject": "s3",
    "PutObject": "s3",
    "DescribeExecution": "states",
}
# An operation with several actions, or one that is called otherwise.
_ACTIONS = {"ListObjectsV2": "s3:ListBucket"}


def explain(error: BaseException | None) -> str | None:
    """Return URL, cause and fix, or the action that is denied, for an error of the SDK; None for any other error."""
    if isinstance(error, ClientError):
        return _explain_answer(error)
    if isinstance(error, _CREDENTIALS):
        return f"The credentials cannot be read: {str(error).rstrip('.')}. {_SIGN_IN}"
    if isinstance(error, BotoCoreError):
        return _explain_connection(error)
    return None


def _explain_answer(error: ClientError) -> str | None:
    details = error.response.get("Error", {})
    code, said = details.get("Code", ""), details.get("Message", "").rstrip(". ")
    if code in _NOT_ACCEPTED:
        return f"AWS did not accept your credentials: {said or code}. {_SIGN_IN}"
    if code not in _DENIED:
        return None
    named = _ACTION.search(said)
    operation = error.operation_name
    action = named[1] if named else _ACTIONS.get(operation, f"{_SERVICES.get(operation, 'iot')}:{operation}")
    return f"Access denied: your credentials do not allow {action}. Allow {action} to them. AWS: {said or code}"


def _explain_connection(error: BotoCoreError) -> str | None:
    details: dict[str, Any] = getattr(error, "kwargs", {})
    url = details.get("proxy_url") or details.get("endpoint_url")
    if url is None:
        return None
    place = f"{'The proxy' if 'proxy_url' in details else 'AWS'} at {_without_path(str(url))}"
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{place}: its certificate is not trusted, {cause.verify_message}. {_TRUST}"
        if isinstance(cause, ssl.SSLError):
            return f"{place}: TLS failed, {cause.reason or cause}. {_TRUST}"
        if isinstance(cause, socket.gaierror):
            return f"{place}: its name does not resolve, {cause.strerror}. {_REACH}"
        if isinstance(cause, OSError) and type(cause).__module__ == "builtins":
            return f"{place} cannot be reached: {cause.strerror or cause}. {_REACH}"
    return f"{place} did not answer ({type(error).__name__}). {_REACH}"


_TRUST = "Name the file of the CA certificates to trust with AWS_CA_BUNDLE"
_REACH = "Check the Region, the network and its proxy, and --endpoint-url or AWS_ENDPOINT_URL"


def _without_path(url: str) -> str:
    """Return scheme, host and port: a proxy's URL may have a password before them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield what led to an error of botocore, the innermost last; some errors of botocore are OSErrors themselves."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop(0)
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [getattr(each, "kwargs", {}).get("error"), each.__cause__, each.__context__]
