"""The resource that a policy has to name for an operation: MiniStack evaluates some of AWS IoT's on ``*``.

Service Authorization Reference, "Actions, resources, and condition keys for AWS IoT", the column of resource types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iot_certificates_local.strict.certificates import parsed
from iot_certificates_local.strict.messages import CURRENT, REFUSAL, Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from iot_certificates_local.strict.messages import Request

    Handler = Callable[..., Awaitable[tuple[int, dict[str, str], bytes]]]

# The kind of resource that the path names, and its parameter.
_IN_PATH = {
    "DescribeCACertificate": ("cacert", "caCertificateId"),
    "UpdateCACertificate": ("cacert", "caCertificateId"),
    "DeleteCACertificate": ("cacert", "caCertificateId"),
    "ListTargetsForPolicy": ("policy", "policyName"),
    "TransferCertificate": ("cert", "certificateId"),
    "AcceptCertificateTransfer": ("cert", "certificateId"),
    "RejectCertificateTransfer": ("cert", "certificateId"),
}
_TARGET = ("AttachPolicy", "DetachPolicy")
_THING_AND_PRINCIPAL = ("AttachThingPrincipal", "DetachThingPrincipal")


def correct_ministack() -> None:
    """Let MiniStack, with ``AUTH=true``, evaluate policies on the resources that AWS evaluates them on.

    It asks ``iot_resource_arns`` which resources a request names, and evaluates the policies on each of them; that
    happens in the middle of its authorization, where other actions can be checked as well.
    """
    from ministack import app  # noqa: PLC0415 - reads its environment when imported
    from ministack.core import iam_actions  # noqa: PLC0415

    app.SERVICE_HANDLERS["iot"] = _unless_refused(app.SERVICE_HANDLERS["iot"])
    of_ministack = iam_actions.iot_resource_arns

    def iot_resource_arns(method: str, path: str, body: bytes, region: str, account_id: str) -> Any:
        request = CURRENT.get()
        if request is None:
            return of_ministack(method, path, body, region, account_id)
        for action, resource, keys in dependent_actions(request, region, account_id):
            _check(request, action, resource, keys)
        return resources_of(request, region, account_id) or of_ministack(method, path, body, region, account_id)

    iam_actions.iot_resource_arns = iot_resource_arns
    tags_of_ministack = iam_actions.request_tag_context

    def request_tag_context(service: str, iam_action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        keys = stack_keys(params) if service == "cloudformation" else {}
        return {**tags_of_ministack(service, iam_action, body, params), **keys}

    iam_actions.request_tag_context = request_tag_context


_STACK_KEYS = {"RoleARN": "cloudformation:RoleArn", "TemplateURL": "cloudformation:TemplateUrl"}


def stack_keys(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the condition keys of a request to CloudFormation, which MiniStack does not know.

    Service Authorization Reference, "Actions, resources, and condition keys for AWS CloudFormation".
    """
    given = {key: parameters.get(name) for name, key in _STACK_KEYS.items()}
    return {key: value[0] if isinstance(value, list) else str(value) for key, value in given.items() if value}


def _unless_refused(handler: Handler) -> Handler:
    """Return a handler that gives the refusal which a rule has for the request: authorized it is by then."""

    async def answer(*request: Any) -> tuple[int, dict[str, str], bytes]:
        refusal = REFUSAL.get()
        if refusal is None:
            return await handler(*request)
        refused = refusal.answer
        headers = {name.decode("ascii"): value.decode("ascii") for name, value in refused.headers}
        # MiniStack counts the body itself.
        headers.pop("content-length")
        return refused.status, headers, refused.body

    return answer


def resources_of(request: Request, region: str, account: str) -> list[str]:
    """Return the ARNs that a policy has to allow, all of them; none where MiniStack knows them itself."""
    prefix = f"arn:aws:iot:{region}:{account}"
    if request.operation == "CancelCertificateTransfer":
        return [_of_target(request, region, account)]
    if request.operation in _IN_PATH:
        kind, parameter = _IN_PATH[request.operation]
        return [f"{prefix}:{kind}/{request.path[parameter]}"]
    if request.operation in _TARGET:
        return [request.text("target")]
    if request.operation in ("ListPrincipalThings", "ListPrincipalThingsV2"):
        return [request.headers.get("x-amzn-principal", "*")]
    if request.operation in _THING_AND_PRINCIPAL:
        thing = f"{prefix}:thing/{request.path['thingName']}"
        return [thing, request.headers.get("x-amzn-principal", "*")]
    return []


def _of_target(request: Request, region: str, account: str) -> str:
    """Return the ARN of a certificate in the account that it is on its way to.

    Developer guide, IAM policy actions, iot:CancelCertificateTransfer: "The AWS account specified in the ARN must be
    the account to which the certificate is being transferred."
    """
    certificate_id = request.path["certificateId"]
    record = request.registry.certificate(certificate_id)
    target = record.get("transferredTo") if record is not None else None
    return f"arn:aws:iot:{region}:{target or account}:cert/{certificate_id}"


def dependent_actions(request: Request, region: str, account: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield what else a policy has to allow: the action, the resource and the condition keys.

    API reference, RegisterCACertificate and UpdateCACertificate: the caller hands AWS IoT the role of
    registrationConfig, hence iam:PassRole. Service Authorization Reference: tags take iot:TagResource.
    """
    if request.operation not in ("RegisterCACertificate", "UpdateCACertificate"):
        return
    configuration = request.members.get("registrationConfig")
    if isinstance(configuration, dict) and isinstance(configuration.get("roleArn"), str):
        yield "iam:PassRole", configuration["roleArn"], {"iam:PassedToService": "iot.amazonaws.com"}
    certificate = parsed(request.text("caCertificate"))
    if request.members.get("tags") and certificate is not None:
        yield "iot:TagResource", f"arn:aws:iot:{region}:{account}:cacert/{certificate.id}", {}


def _check(request: Request, action: str, resource: str, keys: dict[str, str]) -> None:
    from ministack.core.iam_evaluator import AuthError, enforce  # noqa: PLC0415
    from ministack.core.router import extract_access_key_id  # noqa: PLC0415

    key, (_, region) = extract_access_key_id(request.headers), request.registry.place
    denied = enforce(key, action, "iot", region, resource_arn=resource, service_context=keys)
    # Bad credentials are MiniStack's to refuse, in the action that follows.
    if denied is not None and not isinstance(denied, AuthError):
        message = f"User: {denied.principal_arn} is not authorized to perform: {action} on resource: {resource}"
        raise Refusal("AccessDeniedException", message, 403)
