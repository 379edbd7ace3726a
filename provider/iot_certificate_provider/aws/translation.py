"""Every error of the AWS SDK as one of ours, with a sentence that says what to do."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from iot_certificate_provider.aws.clients import QUOTA_EXCEEDED
from iot_certificate_provider.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    CertificateRejectedError,
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
    UpstreamError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ERRORS: dict[str, tuple[type[ProviderError], str]] = {
    "ResourceNotFoundException": (NotFoundError, "does not exist"),
    "DeleteConflictException": (InUseError, "policies or things are still attached"),
    "CertificateStateException": (ConflictError, "the status of the certificate, or of its CA, refuses this"),
    "CertificateConflictException": (
        ConflictError,
        "several registered CAs have the issuer's name: declare ca_certificate (CACertificatePem)",
    ),
    "NotFoundException": (NotFoundError, "does not exist"),
    "DisabledException": (ConflictError, "it is disabled"),
    "InvalidStateException": (ConflictError, "its status refuses this"),
    "KMSInvalidStateException": (ConflictError, "its state refuses this"),
    "RequestInProgressException": (InProgressError, "it is still being issued; try again"),
    "ResourceExistsException": (ConflictError, "it is there already"),
    "EncryptionFailure": (AccessDeniedError, "the secret's KMS key could not be used: allow kms:GenerateDataKey"),
    "ConflictException": (ConflictError, "it is being changed by somebody else; try again"),
    "ConflictingResourceUpdateException": (ConflictError, "it is being changed by somebody else; try again"),
    "InternalServerException": (UpstreamError, "AWS failed; try again"),
    "InvalidAggregationException": (RefusedError, "AWS does not accept the request"),
    "InvalidRequestException": (RefusedError, "AWS does not accept the request"),
    "InvalidParameterException": (RefusedError, "AWS does not accept the request"),
    "ValidationError": (RefusedError, "AWS does not accept the request"),
    "ValidationException": (RefusedError, "AWS does not accept the request"),
    "DryRunOperationException": (RefusedError, "AWS only tried it"),
    "InvalidArgsException": (RefusedError, "AWS does not accept the request"),
    "InvalidArnException": (RefusedError, "its ARN is not one that AWS takes here"),
    "InvalidGrantTokenException": (RefusedError, "AWS does not accept the request"),
    "InvalidKeyUsageException": (RefusedError, "the KMS key is not for this use"),
    "MalformedCSRException": (RefusedError, "AWS does not accept the certificate signing request"),
    "RequestFailedException": (RefusedError, "AWS could not issue the certificate"),
    "UnsupportedOperationException": (RefusedError, "the KMS key is not for this use"),
    "LimitExceededException": (LimitExceededError, "a quota of the account is used up"),
    QUOTA_EXCEEDED: (LimitExceededError, "a quota of the account is used up"),
    # IoT API reference: "You can't transfer the certificate because authorization policies are still attached."
    "TransferConflictException": (InUseError, "policies or things are still attached: detach them first"),
    "TransferAlreadyCompletedException": (TransferCompletedError, "its transfer is complete already"),
    "VersionConflictException": (ConflictError, "it was changed by somebody else; try again"),
    "DecryptionFailure": (AccessDeniedError, "the secret's KMS key could not be used: allow kms:Decrypt"),
    "ThrottlingException": (ThrottledError, "AWS throttled it for as long as there was time; try again later"),
    "Throttling": (ThrottledError, "AWS throttled it for as long as there was time; try again later"),
    "TooManyRequestsException": (ThrottledError, "AWS throttled it for as long as there was time; try again later"),
    "UnauthorizedException": (AccessDeniedError, "the function's role does not allow it"),
    "AccessDeniedException": (AccessDeniedError, "the function's role does not allow it"),
    "AccessDenied": (AccessDeniedError, "the function's role does not allow it"),
    "NotAuthorized": (AccessDeniedError, "the function's role does not allow it"),
    "OptInRequired": (AccessDeniedError, "the account has not opted in to the service or the Region"),
    "UnrecognizedClientException": (AccessDeniedError, "the function's credentials were not accepted"),
    "InvalidClientTokenId": (AccessDeniedError, "the function's credentials were not accepted"),
    "ExpiredTokenException": (AccessDeniedError, "the function's credentials have expired"),
    "RequestExpired": (AccessDeniedError, "the request was signed too long ago"),
    "IncompleteSignature": (AccessDeniedError, "the request was not signed as AWS wants it"),
    "DependencyTimeoutException": (UpstreamError, "AWS failed; try again"),
    "KMSInternalException": (UpstreamError, "AWS failed; try again"),
    "KeyUnavailableException": (UpstreamError, "the KMS key is not available at the moment; try again"),
    "InternalException": (UpstreamError, "AWS failed; try again"),
    "InternalFailure": (UpstreamError, "AWS failed; try again"),
    "InternalFailureException": (UpstreamError, "AWS failed; try again"),
    "InternalServiceError": (UpstreamError, "AWS failed; try again"),
    "ServiceUnavailable": (UpstreamError, "AWS was not available; try again"),
    "ServiceUnavailableException": (UpstreamError, "AWS was not available; try again"),
    "IndexNotReadyException": (UpstreamError, "the fleet index is not ready; try again"),
    "MalformedPolicyException": (RefusedError, "AWS does not accept the policy"),
}

_ACTION = re.compile(r"not authorized to perform: ([\w-]+:\w+)")

_REJECTED: dict[str, str] = {
    "CertificateValidationException": "Check the certificate, and that its CA is registered and active",
    "RegistrationCodeValidationException": (
        "Sign the verification certificate again: its common name has to be the account's registration code here"
    ),
}


@contextmanager
def translating(
    what: str, unusable: Mapping[str, tuple[str, str]] | None = None, grant: str | None = None
) -> Iterator[None]:
    """Raise our error for the SDK's; ``what`` names the thing that the call is about, in a few words.

    ``unusable``: error codes that say what is wrong with a key or a CA that a property names, each with the problem
    and the fix of the CertificateRejectedError that is raised for it. ``grant``: how such a use is allowed; access that
    is denied is a KeyAccessDeniedError then, which says so.
    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if unusable is not None and code in unusable:
            raise CertificateRejectedError(*unusable[code]) from error
        raise translate(error, what, grant) from error
    except ParamValidationError as error:
        # Not its text, which quotes the parameters.
        raise RefusedError(f"{what}: a value is not one that AWS's API takes") from error
    except BotoCoreError as error:
        kind = type(error).__name__
        raise UpstreamError(f"{what}: AWS could not be reached or did not answer ({kind}). Try again") from error


def translate(error: ClientError, what: str, grant: str | None = None) -> ProviderError:
    """Return our error for an error code of AWS's; codes that the tables lack are UpstreamErrors, by their name."""
    details = error.response.get("Error", {})
    code, said = details.get("Code", "Unknown"), _without_pem(details.get("Message", ""))
    if code == "ResourceAlreadyExistsException":
        return _already_exists(error)
    if code in _REJECTED:
        return CertificateRejectedError(f"{what} was refused by AWS IoT: {said.rstrip('. ')}", _REJECTED[code])
    kind, meaning = _ERRORS.get(code, (UpstreamError, f"AWS answered {code}"))
    if kind is AccessDeniedError:
        return _access_denied(error, f"{what}: {meaning}", said, grant)
    return kind(f"{error.operation_name} of {what}: {meaning}. AWS: {said}")


def _without_pem(said: str) -> str:
    """Cut what AWS said before a PEM: its messages about a value that is too long, say, quote the value."""
    return said.partition("-----BEGIN")[0]


def _access_denied(error: ClientError, problem: str, said: str, grant: str | None) -> AccessDeniedError:
    """Put the action first: AWS says it last, behind an ARN of a role that leaves no room for it."""
    named = _ACTION.search(said)
    denied = f"{named.group(1) if named else error.operation_name} on {problem}"
    if grant is None:
        return AccessDeniedError(f"Access denied: {denied}. AWS: {said}")
    # Where AWS names no action, it is something else that is denied: the KMS key that a secret is encrypted with, say.
    return KeyAccessDeniedError(denied, f"{grant}. AWS: {said}" if named else f"AWS: {said}")


def _already_exists(error: ClientError) -> AlreadyExistsError:
    response: dict[str, object] = {**error.response}
    arn = str(response.get("resourceArn", ""))
    return AlreadyExistsError(
        f"Registered already by somebody else: {arn}. Delete it first, or drop this resource",
        certificate_id=str(response.get("resourceId", "")),
        certificate_arn=arn,
    )
