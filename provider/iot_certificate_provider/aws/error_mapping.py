"""Mapping AWS errors: every error of the AWS SDK becomes one of ours, with a sentence that names the fix."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from iot_certificate_provider.aws.clients import QUOTA_EXCEEDED, WAITED
from iot_certificate_provider.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    ConflictError,
    InProgressError,
    InUseError,
    KeyAccessDeniedError,
    LimitExceededError,
    NotFoundError,
    ProviderError,
    RefusedError,
    ThrottledError,
    TransferCompletedError,
    UnusableError,
    UpstreamError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_THROTTLED = "AWS throttled it until the time ran out; try again later"
_NOT_ALLOWED = "the function's role does not allow it"
_KMS_NOT_ALLOWED = "the function's role cannot use the KMS key that encrypts it"
_NOT_ACCEPTED = "AWS does not accept the request"
_CHANGED = "it is being changed by another caller; try again"
_FAILED = "AWS failed; try again"

_CODES: dict[tuple[type[ProviderError], str], tuple[str, ...]] = {
    (NotFoundError, "does not exist"): (
        "ResourceNotFoundException",
        "NotFoundException",
        "ChangeSetNotFound",
        "NoSuchBucket",
        "NoSuchKey",
        "NoSuchUpload",
        "ExecutionDoesNotExist",
        "StateMachineDoesNotExist",
    ),
    # IoT API reference: "You can't transfer the certificate because authorization policies are still attached."
    (InUseError, "policies or things are still attached"): ("DeleteConflictException", "TransferConflictException"),
    (TransferCompletedError, "its transfer is already complete"): ("TransferAlreadyCompletedException",),
    (InProgressError, "it is still being issued; try again"): ("RequestInProgressException",),
    (ConflictError, "the status of the certificate, or of its CA, does not allow this"): ("CertificateStateException",),
    (ConflictError, "several registered CAs have the issuer's name"): ("CertificateConflictException",),
    (ConflictError, "it is disabled"): ("DisabledException",),
    (ConflictError, "its status does not allow this"): (
        "InvalidStateException",
        "KMSInvalidStateException",
        "KmsInvalidStateException",
    ),
    (ConflictError, "it exists already"): ("ResourceExistsException", "ExecutionAlreadyExists"),
    (ConflictError, "it is being deleted"): ("StateMachineDeleting",),
    (ConflictError, "it is archived; restore it"): ("InvalidObjectState",),
    (ConflictError, _CHANGED): (
        "ConflictException",
        "ConflictingResourceUpdateException",
        "VersionConflictException",
    ),
    (LimitExceededError, "a quota of the account is used up"): (
        "LimitExceededException",
        "ExecutionLimitExceeded",
        QUOTA_EXCEEDED,
    ),
    (ThrottledError, _THROTTLED): (
        "ThrottlingException",
        "Throttling",
        "TooManyRequestsException",
        "KmsThrottlingException",
        "SlowDown",
    ),
    (RefusedError, _NOT_ACCEPTED): (
        "InvalidAggregationException",
        "InvalidRequestException",
        "InvalidParameterException",
        "InvalidArgsException",
        "InvalidGrantTokenException",
        "InvalidExecutionInput",
        "InvalidName",
        "InvalidRequest",
        "InvalidWriteOffset",
        "TooManyParts",
        "ValidationError",
        "ValidationException",
    ),
    (RefusedError, "AWS answered a dry run"): ("DryRunOperationException",),
    (RefusedError, "AWS does not accept its ARN"): ("InvalidArnException", "InvalidArn"),
    (RefusedError, "the KMS key has another key usage"): ("InvalidKeyUsageException", "UnsupportedOperationException"),
    (RefusedError, "AWS does not accept the certificate signing request"): ("MalformedCSRException",),
    (RefusedError, "AWS could not issue the certificate"): ("RequestFailedException",),
    (RefusedError, "AWS does not accept the policy"): ("MalformedPolicyException",),
    (AccessDeniedError, _NOT_ALLOWED): (
        "UnauthorizedException",
        "AccessDeniedException",
        "AccessDenied",
        "NotAuthorized",
        "KmsAccessDeniedException",
    ),
    (RefusedError, "the bucket has another type of encryption"): ("EncryptionTypeMismatch",),
    (AccessDeniedError, "the secret's KMS key could not be used: allow kms:GenerateDataKey"): ("EncryptionFailure",),
    (AccessDeniedError, "the secret's KMS key could not be used: allow kms:Decrypt"): ("DecryptionFailure",),
    (AccessDeniedError, "the account has not opted in to the service or the Region"): ("OptInRequired",),
    (AccessDeniedError, "AWS does not accept the function's credentials"): (
        "UnrecognizedClientException",
        "InvalidClientTokenId",
    ),
    (AccessDeniedError, "the function's credentials have expired"): ("ExpiredTokenException",),
    (AccessDeniedError, "the request was signed too long ago"): ("RequestExpired",),
    (AccessDeniedError, "the request's signature is incomplete"): ("IncompleteSignature",),
    (UpstreamError, _FAILED): (
        "DependencyTimeoutException",
        "InternalException",
        "InternalFailure",
        "InternalFailureException",
        "InternalServerException",
        "InternalServiceError",
        "KMSInternalException",
    ),
    (UpstreamError, "AWS was not available; try again"): ("ServiceUnavailable", "ServiceUnavailableException"),
    (UpstreamError, "the KMS key is not available at the moment; try again"): ("KeyUnavailableException",),
    (UpstreamError, "the fleet index is not ready; try again"): ("IndexNotReadyException",),
}
"""Our error and its meaning, in a few words, with the error codes that AWS has for it."""

_ERRORS = {code: (kind, meaning) for (kind, meaning), codes in _CODES.items() for code in codes}

_ACTION = re.compile(r"not authorized to perform: ([\w-]+:\w+)")

_REJECTED: dict[str, str] = {
    "CertificateValidationException": "Check the certificate, and that its CA is registered and active",
    "RegistrationCodeValidationException": (
        "Sign the verification certificate again: its common name must be this account's and Region's registration code"
    ),
}


CA_IS_MISSING: dict[str, tuple[str, str]] = {
    "CertificateConflictException": ("several registered CAs have the issuer's name", "Declare CACertificatePem"),
    "CertificateStateException": (
        "its CA is not registered in this account and Region, or is not ACTIVE",
        "Add DependsOn to a CA of the same stack; register or activate any other CA first",
    ),
    "CertificateValidationException": (
        "AWS IoT refused the certificate",
        "Check that its CA is ACTIVE and registered first (DependsOn for a CA of the same stack)",
    ),
}
"""Answers of RegisterCertificate without its CA, with the problem and the fix: the pages do not say which it is."""

_SAID = frozenset({"CertificateStateException", "CertificateValidationException"})
"""About certificates, which are public: what AWS says of a key or a secret is not repeated."""


@contextmanager
def mapping_errors(
    what: str,
    unusable: Mapping[str, tuple[str, str]] | None = None,
    grant: str | None = None,
    *,
    carries_secret: bool = False,
) -> Iterator[None]:
    """Raise our error in place of the SDK's; ``what`` names the subject of the call, in a few words.

    ``unusable``: error codes that say what is wrong with a key or a CA that a property names, each with the problem
    and the fix of the UnusableError that is raised for it. ``grant``: how such a use is allowed; access that
    is denied is a KeyAccessDeniedError then, which says so. ``carries_secret``: a value of the call is a secret, or a
    key may stand in its place; AWS can quote it, so its error code takes the place of its words.
    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if unusable is not None and code in unusable:
            said = _without_pem(error.response["Error"].get("Message", "")) if code in _SAID else ""
            raise UnusableError(*unusable[code], said) from error
        raise map_error(error, what, grant, carries_secret=carries_secret) from error
    except ParamValidationError as error:
        # Not its text, which quotes the parameters.
        raise RefusedError(f"{what}: AWS's API does not accept a value") from error
    except BotoCoreError as error:
        kind = type(error).__name__
        raise UpstreamError(f"{what}: AWS could not be reached or did not answer ({kind}). Try again") from error


def map_error(
    error: ClientError, what: str, grant: str | None = None, *, carries_secret: bool = False
) -> ProviderError:
    """Return our error for an error code of AWS; a code that the tables lack is an UpstreamError that names it."""
    details = error.response.get("Error", {})
    code, message = details.get("Code", "Unknown"), details.get("Message", "")
    said = "" if carries_secret else _without_pem(message)
    if code == "ResourceAlreadyExistsException":
        return _already_exists(error)
    if code in _REJECTED:
        return UnusableError(f"AWS IoT refused {what}", _REJECTED[code], said)
    kind, meaning = _ERRORS.get(code, (UpstreamError, f"AWS answered {code}"))
    if carries_secret:
        meaning = _without_words(code, meaning, message)
    if kind is AccessDeniedError:
        action = _ACTION.search(message)
        problem = f"{action.group(1) if action else error.operation_name} on {what}{_waited(details)}: {meaning}"
        # Where AWS names no action, something else is denied: the KMS key that a secret is encrypted with, say.
        return _access_denied(problem, said, grant if action or grant is None else "")
    return kind(f"{error.operation_name} of {what}{_waited(details)}: {meaning}", said=said)


def _without_words(code: str, meaning: str, message: str) -> str:
    """Return the meaning of an error code with what AWS's words, which are not passed on, say beyond it."""
    if meaning == _NOT_ALLOWED:
        return _KMS_NOT_ALLOWED if "KMS" in message and not _ACTION.search(message) else meaning
    return f"{meaning} ({code})" if code in _ERRORS else meaning


def _waited(details: Mapping[str, object]) -> str:
    """Return for how long the call was made again, where that took seconds."""
    seconds = details.get(WAITED, 0)
    return f" for {seconds} s" if seconds else ""


def _without_pem(said: str) -> str:
    """Cut what AWS said before a PEM: its messages about a value that is too long, say, quote the value."""
    return said.partition("-----BEGIN")[0]


def _access_denied(problem: str, said: str, grant: str | None) -> AccessDeniedError:
    """Put the action first: AWS says it last, behind an ARN of a role that leaves no room for it."""
    if grant is None:
        return AccessDeniedError(f"Access denied: {problem}", said=said)
    return KeyAccessDeniedError(problem, grant, said)


def _already_exists(error: ClientError) -> AlreadyExistsError:
    response: dict[str, object] = {**error.response}
    arn = str(response.get("resourceArn", ""))
    # The resource that registers it finds the owner, and the fix.
    return AlreadyExistsError(
        f"Registered already: {arn}", certificate_id=str(response.get("resourceId", "")), certificate_arn=arn
    )
