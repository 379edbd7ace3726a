"""Every error of the SDK as one of ours: that none is missing, and that none quotes what was sent."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from aws.wire import Answer, Wire
from iot_certificate_provider.aws import acm_pca, cloudformation, iot, iot_fleet, kms, s3, secrets, states
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.error_mapping import map_error, mapping_errors
from iot_certificate_provider.aws.iot import IotGateway
from iot_certificate_provider.contract import DeviceCertificateStatus
from iot_certificate_provider.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    ConflictError,
    InProgressError,
    InUseError,
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
    from types import ModuleType

    from botocore.exceptions import BotoCoreError

_MODELS = botocore.session.get_session()
_GATEWAYS: dict[str, tuple[ModuleType, ...]] = {
    "acm-pca": (acm_pca,),
    "cloudformation": (cloudformation,),
    "iot": (iot, iot_fleet),
    "kms": (kms,),
    "s3": (s3,),
    "secretsmanager": (secrets,),
    "stepfunctions": (states,),
}


def operations(service: str) -> list[str]:
    """Find the operations that a gateway's source names, as a method of a client or of a paginator."""
    trees = [ast.walk(ast.parse(inspect.getsource(module))) for module in _GATEWAYS[service]]
    tree = [node for tree in trees for node in tree]
    named = {n.attr if isinstance(n, ast.Attribute) else getattr(n, "value", None) for n in tree}
    return [name for name in _MODELS.get_service_model(service).operation_names if xform_name(name) in named]


OPERATIONS = [(service, operation) for service in _GATEWAYS for operation in operations(service)]


def declared_errors() -> list[tuple[str, str]]:
    """Return (operation, error code) for all errors that the service models declare, each once."""
    shapes = (
        (operation, shape)
        for service, operation in OPERATIONS
        for shape in _MODELS.get_service_model(service).operation_model(operation).error_shapes
    )
    return [(operation, shape.metadata.get("error", {}).get("code", shape.name)) for operation, shape in shapes]


def error_of(code: str, message: str = "", operation: str = "DescribeCertificate", **members: str) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, **members}
    return ClientError(answer, operation)


def test_the_gateways_make_the_calls_that_the_role_allows() -> None:
    assert sorted(f"{service}.{operation}" for service, operation in OPERATIONS) == [
        "acm-pca.GetCertificate",
        "acm-pca.GetCertificateAuthorityCertificate",
        "acm-pca.IssueCertificate",
        "cloudformation.DescribeStackEvents",
        "cloudformation.DescribeStackResource",
        "cloudformation.DescribeStackResources",
        "cloudformation.DescribeStacks",
        "cloudformation.GetTemplate",
        "cloudformation.ListStackResources",
        "cloudformation.ListStacks",
        "iot.AcceptCertificateTransfer",
        "iot.AttachPolicy",
        "iot.AttachThingPrincipal",
        "iot.CancelCertificateTransfer",
        "iot.CreateCertificateFromCsr",
        "iot.CreateThing",
        "iot.DeleteCACertificate",
        "iot.DeleteCertificate",
        "iot.DeleteRegistrationCode",
        "iot.DeleteThing",
        "iot.DescribeCACertificate",
        "iot.DescribeCertificate",
        "iot.DescribeThing",
        "iot.DetachPolicy",
        "iot.DetachThingPrincipal",
        "iot.GetRegistrationCode",
        "iot.ListAttachedPolicies",
        "iot.ListCACertificates",
        "iot.ListCertificates",
        "iot.ListCertificatesByCA",
        "iot.ListOutgoingCertificates",
        "iot.ListPrincipalThings",
        "iot.ListTagsForResource",
        "iot.ListTargetsForPolicy",
        "iot.ListThingPrincipals",
        "iot.RegisterCACertificate",
        "iot.RegisterCertificate",
        "iot.RegisterCertificateWithoutCA",
        "iot.RejectCertificateTransfer",
        "iot.TagResource",
        "iot.TransferCertificate",
        "iot.UntagResource",
        "iot.UpdateCACertificate",
        "iot.UpdateCertificate",
        "iot.UpdateThing",
        "kms.GetPublicKey",
        "kms.Sign",
        "s3.AbortMultipartUpload",
        "s3.CompleteMultipartUpload",
        "s3.CreateMultipartUpload",
        "s3.DeleteObjects",
        "s3.GetObject",
        "s3.ListObjectsV2",
        "s3.PutObject",
        "s3.UploadPart",
        "secretsmanager.DescribeSecret",
        "secretsmanager.GetSecretValue",
        "secretsmanager.PutSecretValue",
        "secretsmanager.UpdateSecretVersionStage",
        "stepfunctions.DescribeExecution",
        "stepfunctions.StartExecution",
        "stepfunctions.StopExecution",
    ]


@pytest.mark.parametrize(("operation", "code"), declared_errors())
def test_no_error_that_an_operation_declares_is_missing(operation: str, code: str) -> None:
    mapped = map_error(error_of(code, "AWS's own words", operation), "certificate x")
    assert f"AWS answered {code}" not in str(mapped)
    assert type(mapped) is not ProviderError


# Errors that every service can give, of the pages "Common Errors" of the five API references; no model declares them.
COMMON_ERRORS = {
    "AccessDenied": AccessDeniedError,
    "AccessDeniedException": AccessDeniedError,
    "ExpiredTokenException": AccessDeniedError,
    "IncompleteSignature": AccessDeniedError,
    "InternalFailure": UpstreamError,
    "InvalidClientTokenId": AccessDeniedError,
    "NotAuthorized": AccessDeniedError,
    "OptInRequired": AccessDeniedError,
    "RequestExpired": AccessDeniedError,
    "ServiceUnavailable": UpstreamError,
    "Throttling": ThrottledError,
    "ThrottlingException": ThrottledError,
    "UnrecognizedClientException": AccessDeniedError,
    "ValidationError": RefusedError,
    "ValidationException": RefusedError,
}


@pytest.mark.parametrize(("code", "expected"), COMMON_ERRORS.items())
def test_no_error_that_all_services_have_is_missing(code: str, expected: type[ProviderError]) -> None:
    mapped = map_error(error_of(code), "certificate x")
    assert type(mapped) is expected
    assert f"AWS answered {code}" not in str(mapped)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ResourceNotFoundException", NotFoundError),
        ("ResourceAlreadyExistsException", AlreadyExistsError),
        ("DeleteConflictException", InUseError),
        ("CertificateStateException", ConflictError),
        ("CertificateConflictException", ConflictError),
        ("TransferConflictException", InUseError),
        ("TransferAlreadyCompletedException", TransferCompletedError),
        ("CertificateValidationException", UnusableError),
        ("RegistrationCodeValidationException", UnusableError),
        ("LimitExceededException", LimitExceededError),
        ("UnauthorizedException", AccessDeniedError),
        ("DecryptionFailure", AccessDeniedError),
        ("InternalServiceError", UpstreamError),
        ("RequestInProgressException", InProgressError),
        ("KeyUnavailableException", UpstreamError),
    ],
)
def test_each_has_the_kind_that_the_resources_go_by(code: str, expected: type[ProviderError]) -> None:
    assert type(map_error(error_of(code), "certificate x")) is expected


def test_an_unknown_code_is_reported_by_its_name() -> None:
    mapped = map_error(error_of("TeapotException"), "certificate x")
    assert type(mapped) is UpstreamError
    assert "AWS answered TeapotException" in str(mapped)


def test_the_sentence_begins_with_the_operation_and_what_it_was_about() -> None:
    mapped = map_error(error_of("ResourceNotFoundException", "No such policy", "AttachPolicy"), "policy telemetry")
    assert str(mapped) == "AttachPolicy of policy telemetry: does not exist. AWS: No such policy"


def test_what_is_wrong_with_a_thing_that_a_property_names_is_said_in_its_own_words() -> None:
    unusable = {"DisabledException": ("the key is disabled", "Enable it")}
    disabled = error_of("DisabledException", "arn:aws:kms:… is disabled.", "Sign")
    refusal = pytest.raises(UnusableError, match=r"^the key is disabled\. Enable it$")
    with refusal, mapping_errors("the KMS key", unusable):
        raise disabled
    with pytest.raises(NotFoundError), mapping_errors("the KMS key", unusable):
        raise error_of("NotFoundException", "No such key", "Sign")


def test_what_has_to_be_allowed_survives_the_cut_to_240_characters() -> None:
    arn = "arn:aws:sts::123456789012:assumed-role/factory-ProviderServiceRole-1ABCDEFGHIJKL/provider"
    said = f"User: {arn} is not authorized to perform: iot:UpdateCertificate on resource: arn:aws:iot:…"
    mapped = map_error(error_of("UnauthorizedException", said, "UpdateCertificate"), f"certificate {'ab' * 32}")
    kept = mapped.within(240)
    assert kept.startswith("Access denied: iot:UpdateCertificate on certificate abab")
    assert "the function's role does not allow it" in kept


@pytest.mark.parametrize("code", ["ValidationException", "InvalidRequestException", "CertificateValidationException"])
def test_a_pem_that_aws_quotes_is_not_repeated(code: str) -> None:
    said = "Value '-----BEGIN CERTIFICATE-----\nMIIB0123456789' at 'certificatePem' failed to satisfy constraint"
    mapped = map_error(error_of(code, said), "the certificate")
    assert "MIIB" not in str(mapped)
    assert "-----BEGIN" not in str(mapped)


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://iot.eu-west-1.amazonaws.com/cert/secret-value"),
        ConnectTimeoutError(endpoint_url="https://iot.eu-west-1.amazonaws.com/cert/secret-value"),
        ReadTimeoutError(endpoint_url="https://iot.eu-west-1.amazonaws.com/cert/secret-value"),
        NoCredentialsError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_aws_that_cannot_be_reached_is_named_by_its_kind_only(error: BotoCoreError) -> None:
    with (
        pytest.raises(UpstreamError, match=rf"^certificate x: .*\({type(error).__name__}\)") as caught,
        mapping_errors("certificate x"),
    ):
        raise error
    assert "secret-value" not in str(caught.value)
    assert caught.value.__cause__ is error


def test_parameters_that_the_sdk_does_not_take_are_never_quoted_and_not_to_be_tried_again() -> None:
    error = ParamValidationError(report="Invalid type for parameter certificatePem, value: secret-value")
    with pytest.raises(RefusedError) as caught, mapping_errors("certificate x"):
        raise error
    assert "secret-value" not in str(caught.value)
    assert "ry again" not in str(caught.value)


def test_own_errors_and_unrelated_ones_pass_through() -> None:
    for error in (NotFoundError("ours"), ZeroDivisionError("nobody's")):
        with pytest.raises(type(error)) as caught, mapping_errors("certificate x"):
            raise error
        assert caught.value is error


def test_already_exists_says_which_certificate_as_it_comes_over_the_wire() -> None:
    arn = f"arn:aws-cn:iot:cn-north-1:123456789012:cert/{'ab' * 32}"
    body = {"message": "It exists", "resourceId": "ab" * 32, "resourceArn": arn}
    wire = Wire(lambda _: Answer(409, body, "ResourceAlreadyExistsException"))
    gateway = IotGateway(AwsClients(wire.session()))
    with pytest.raises(AlreadyExistsError, match="Registered already") as caught:
        gateway.register_certificate("pem", ca_pem=None, status=DeviceCertificateStatus.ACTIVE)
    assert (caught.value.certificate_id, caught.value.certificate_arn) == ("ab" * 32, arn)
    assert arn in str(caught.value)
