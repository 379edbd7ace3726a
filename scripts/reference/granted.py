"""What the constructs ask for, of each type: read from the policies of synthesised stacks, one for each use of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aws_cdk import App, CfnParameter, RemovalPolicy, Stack
from aws_cdk import aws_acmpca as acmpca
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager

from iot_certificate_provider.contract import (
    ResourceType,
)
from iot_certificates import (
    AcceptedCertificateOnDelete,
    AutoRegistration,
    CaCertificate,
    CertificateGeneration,
    CertificateIssuer,
    CertificateMode,
    CertificateTransfer,
    CertificateTransferDecision,
    DeviceCertificate,
    DeviceCertificateFleet,
    DeviceCertificatesOnDelete,
    FleetManifest,
    IotCertificateProvider,
    IssuedDeviceCertificate,
    ProofOfPossession,
    RegistrationCode,
    SelfSignedCaCertificate,
    TransferDecision,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Declare = Callable[[Stack], object]
    Permissions = frozenset[tuple[str, str]]

ALWAYS = "always"


class Grant(NamedTuple):
    """Actions on a resource, and which uses of the type need them."""

    needed_by: str
    actions: tuple[str, ...]
    resource: str


_ACCOUNT = "123456789012"
_KEY_SECRET = f"arn:aws:secretsmanager:eu-west-1:{_ACCOUNT}:secret:ca-key-AbCdEf"
_PASSPHRASE_SECRET = f"arn:aws:secretsmanager:eu-west-1:{_ACCOUNT}:secret:passphrase-AbCdEf"
_KEPT_SECRETS = f"arn:aws:secretsmanager:eu-west-1:{_ACCOUNT}:secret:kept-by-"
_KMS_KEY = f"arn:aws:kms:eu-west-1:{_ACCOUNT}:key/ca-key"
_KMS_KEY_OF_SECRET = f"arn:aws:kms:eu-west-1:{_ACCOUNT}:key/of-secret"
_PRIVATE_CA = f"arn:aws:acm-pca:eu-west-1:{_ACCOUNT}:certificate-authority/ca"
_ROLE = f"arn:aws:iam::{_ACCOUNT}:role/provisioning"

_CALLED = {
    _KEY_SECRET: "the secret of `SecretArn`",
    _PASSPHRASE_SECRET: "the secret of `PassphraseSecretArn`",
    _KMS_KEY: "the key of `KmsKeyId`",
    _KMS_KEY_OF_SECRET: "the KMS key of the secret",
    _PRIVATE_CA: "the CA of `CertificateAuthorityArn`",
    _ROLE: "the role of `RoleArn`",
    "${AWS::StackId}": "this stack",
}


def permissions_of_types() -> Mapping[str, list[Grant]]:
    """Return for each type what is allowed; first what always is."""
    app = App(analytics_reporting=False)
    stacks: dict[tuple[str, str], Stack] = {}
    for resource_type, uses in USES.items():
        for number, (use, declare) in enumerate(uses.items()):
            stack = Stack(app, f"{resource_type.removeprefix('Custom::')}{number}")
            code = lambda_.Code.from_inline("handler = None")
            IotCertificateProvider(stack, IotCertificateProvider.__name__, code=code)
            declare(stack)
            stacks[resource_type, use] = stack
    assembly = app.synth()
    found: dict[str, dict[str, Permissions]] = {}
    for (name, use), stack in stacks.items():
        template = assembly.get_stack_by_name(stack.stack_name).template
        found.setdefault(name, {})[use] = frozenset(_allowed(template))
    return {resource_type: list(_grants(uses)) for resource_type, uses in found.items()}


def _grants(uses: Mapping[str, Permissions]) -> Iterator[Grant]:
    found: dict[tuple[str, str], list[str]] = {}
    for action, resource in sorted(frozenset().union(*uses.values())):
        needing = {use: (action, resource) in allowed for use, allowed in uses.items()}
        found.setdefault((_needed_by(needing), resource), []).append(action)
    for (needed_by, resource), actions in sorted(found.items(), key=lambda each: (each[0][0] != ALWAYS, each[0])):
        yield Grant(needed_by, tuple(actions), resource)


def _needed_by(needing: Mapping[str, bool]) -> str:
    """Say which uses need it; those after the first are the first with something more, or in another way."""
    first, *_ = needing
    others = [use for use, needs in needing.items() if not needs]
    if not others:
        return ALWAYS
    if not needing[first]:
        return _told([use for use, needs in needing.items() if needs])
    properties = {use.partition(" `")[0] for use in others}
    is_another = len(properties) == 1 and first.partition(" `")[0] not in properties
    return f"unless {_told(others)}" if len(others) == 1 or is_another else first


def _told(uses: list[str]) -> str:
    """Name the property of several values once."""
    values: dict[str, list[str]] = {}
    for use in uses:
        name, _, value = use.partition(" `")
        values.setdefault(name, []).append(f"`{value}" if value else "")
    return "; ".join(f"{name} {', '.join(each)}".strip() for name, each in values.items())


def _allowed(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what the policies of a template allow; not the role's own inline ones, which are Lambda's own need."""
    for resource in template["Resources"].values():
        if resource["Type"] != "AWS::IAM::Policy":
            continue
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
            for action in _listed(statement["Action"]):
                for arn in _listed(statement["Resource"]):
                    yield action, _called(_written_out(arn))


_OF_FLEET = re.compile(r"\$\{FleetProvider([A-Z][a-z]+)[0-9A-F]{8}(?:\.\w+)?\}")


def _called(arn: str) -> str:
    if (match := _OF_FLEET.search(arn)) is not None:
        of = {"Bucket": "the fleet's bucket", "Machine": "the fleet's state machine"}
        what = of.get(match[1], "the fleet's functions")
        return f"executions of {what}" if "execution:" in arn else what
    if arn.startswith("${IotCertificateProvider"):
        return "the function"
    if arn.startswith(_KEPT_SECRETS):
        return "the secret that keeps the key"
    return _CALLED.get(arn) or f"`{arn.rpartition('${AWS::AccountId}:')[2]}`"


def _written_out(arn: Any) -> str:
    match arn:
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Join": [separator, items]}:
            return str(separator).join(map(_written_out, items))
    return str(arn)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(stack: Stack, name: str) -> str:
    """Return what is known at deploy time only, so that no certificate has to be made for this."""
    return CfnParameter(stack, name).value_as_string


def _secret(stack: Stack, name: str, arn: str) -> secretsmanager.ISecret:
    return secretsmanager.Secret.from_secret_complete_arn(stack, name, arn)


def _kept(stack: Stack) -> str:
    """Return the ARN of a secret that no other stack keeps a key in."""
    return f"{_KEPT_SECRETS}{stack.stack_name}-AbCdEf"


def _private_ca(stack: Stack) -> acmpca.ICertificateAuthority:
    return acmpca.CertificateAuthority.from_certificate_authority_arn(stack, "PrivateCa", _PRIVATE_CA)


def _provisioning(stack: Stack) -> AutoRegistration:
    role = iam.Role.from_role_arn(stack, "Role", _ROLE)
    return AutoRegistration(template_body='{"Resources": {}}', role=role)


def _ca(stack: Stack, **given: Any) -> None:
    properties = {"certificate_mode": CertificateMode.SNI_ONLY, **given}
    CaCertificate(stack, "Ca", certificate_pem=_text(stack, "Pem"), **properties)


def _proving(stack: Stack, proof: ProofOfPossession) -> None:
    _ca(stack, certificate_mode=CertificateMode.DEFAULT, proof_of_possession=proof)


def _proving_by_secret(stack: Stack) -> None:
    key = _secret(stack, "Key", _KEY_SECRET)
    passphrase = _secret(stack, "Passphrase", _PASSPHRASE_SECRET)
    _proving(stack, ProofOfPossession.private_key_secret(key, passphrase=passphrase))


def _self_signed(stack: Stack, **given: Any) -> None:
    properties = {"private_key_secret": _secret(stack, "Kept", _kept(stack)), **given}
    SelfSignedCaCertificate(stack, "Ca", subject="CA", **properties)


def _encrypted(stack: Stack) -> secretsmanager.ISecret:
    key = kms.Key.from_key_arn(stack, "OfSecret", _KMS_KEY_OF_SECRET)
    return secretsmanager.Secret.from_secret_attributes(
        stack, "Encrypted", secret_complete_arn=_kept(stack), encryption_key=key
    )


def _device(stack: Stack, **given: Any) -> None:
    DeviceCertificate(stack, "Device", certificate_pem=_text(stack, "Pem"), **given)


def _by_request(stack: Stack) -> None:
    DeviceCertificate(stack, "Device", certificate_signing_request=_text(stack, "Csr"))


def _code(stack: Stack, **given: Any) -> None:
    RegistrationCode(stack, "Code", **given)


def _issued(stack: Stack, issuer: CertificateIssuer | None = None, **given: Any) -> None:
    if issuer is None:
        issuer = CertificateIssuer.private_key_secret(_text(stack, "Pem"), _secret(stack, "Key", _KEY_SECRET))
    properties = {"subject": "device", "credentials_secret": _secret(stack, "Kept", _kept(stack)), **given}
    IssuedDeviceCertificate(stack, "Device", issuer=issuer, **properties)


def _issued_by_kms(stack: Stack) -> None:
    _issued(stack, CertificateIssuer.kms_key(_text(stack, "Pem"), kms.Key.from_key_arn(stack, "Key", _KMS_KEY)))


def _issued_for_request(stack: Stack) -> None:
    _issued(stack, subject=None, credentials_secret=None, certificate_signing_request=_text(stack, "Csr"))


def _transfer(stack: Stack, **given: Any) -> None:
    arn = f"arn:aws:iot:eu-west-1:{_ACCOUNT}:cert/{'0' * 64}"
    certificate = DeviceCertificate.from_certificate_arn(stack, "Device", arn)
    CertificateTransfer(stack, "Transfer", certificate=certificate, target_aws_account="210987654321", **given)


def _decision(stack: Stack, decision: TransferDecision, **given: Any) -> None:
    CertificateTransferDecision(stack, "Decision", certificate_id="0" * 64, decision=decision, **given)


def _fleet(stack: Stack) -> None:
    bucket = s3.Bucket.from_bucket_name(stack, "Manifests", "manifests")
    manifest = FleetManifest.from_s3(bucket, f"fleets/{'0' * 64}/", 1)
    DeviceCertificateFleet(stack, "Fleet", manifest=manifest)


def _with(declare: Callable[..., None], **given: Any) -> Declare:
    return lambda stack: declare(stack, **given)


def _swept(declare: Callable[..., None]) -> Mapping[str, Declare]:
    name = "device_certificates_on_delete"
    return {
        f"`DeviceCertificatesOnDelete` `{what}`": _with(declare, **{name: what})
        for what in DeviceCertificatesOnDelete
        if what is not DeviceCertificatesOnDelete.RETAIN
    }


USES: Mapping[ResourceType, Mapping[str, Declare]] = {
    ResourceType.CA_CERTIFICATE: {
        "`CertificateMode` `SNI_ONLY`": _ca,
        "`VerificationKey` `SecretArn`": _proving_by_secret,
        "`VerificationKey` `KmsKeyId`": lambda stack: _proving(
            stack, ProofOfPossession.kms_key(kms.Key.from_key_arn(stack, "Key", _KMS_KEY))
        ),
        "`VerificationKey` `CertificateAuthorityArn`": lambda stack: _proving(
            stack, ProofOfPossession.private_ca(_private_ca(stack))
        ),
        "`RegistrationConfig` `TemplateBody`": lambda stack: _ca(stack, auto_registration=_provisioning(stack)),
        **_swept(_ca),
    },
    ResourceType.DEVICE_CERTIFICATE: {
        "`CertificatePem`": _device,
        "`CertificateMode` `SNI_ONLY`": _with(_device, certificate_mode=CertificateMode.SNI_ONLY),
        "`CertificateSigningRequest`": _by_request,
        "`PolicyNames`": _with(_device, policies=["policy"]),
        "`ThingNames`": _with(_device, things=["thing"]),
    },
    ResourceType.SELF_SIGNED_CA_CERTIFICATE: {
        "`CertificateMode` `DEFAULT`": _self_signed,
        "`CertificateMode` `SNI_ONLY`": _with(_self_signed, certificate_mode=CertificateMode.SNI_ONLY),
        "a secret with a KMS key of its own": lambda stack: _self_signed(stack, private_key_secret=_encrypted(stack)),
        "`RegistrationConfig` `TemplateBody`": lambda stack: _self_signed(
            stack, auto_registration=_provisioning(stack)
        ),
        **_swept(_self_signed),
    },
    ResourceType.ISSUED_DEVICE_CERTIFICATE: {
        "`Issuer` `SecretArn`": _issued,
        "`Issuer` `KmsKeyId`": _issued_by_kms,
        "`Issuer` `CertificateAuthorityArn`": lambda stack: _issued(
            stack, CertificateIssuer.private_ca(_private_ca(stack))
        ),
        "a secret with a KMS key of its own": lambda stack: _issued(stack, credentials_secret=_encrypted(stack)),
        "`CertificateSigningRequest`": _issued_for_request,
        "`PolicyNames`": _with(_issued, policies=["policy"]),
        "`ThingNames`": _with(_issued, things=["thing"]),
    },
    ResourceType.REGISTRATION_CODE: {
        "`OnDelete` `RETAIN`": _code,
        "`OnDelete` `DELETE`": _with(_code, removal_policy=RemovalPolicy.DESTROY),
    },
    ResourceType.CERTIFICATE_TRANSFER: {
        "`DetachOnTransfer` `false`": _transfer,
        "`DetachOnTransfer` `true`": _with(_transfer, detach_on_transfer=True),
    },
    ResourceType.CERTIFICATE_TRANSFER_DECISION: {
        "`Decision` `ACCEPT`": _with(_decision, decision=TransferDecision.ACCEPT),
        "`Decision` `REJECT`": _with(_decision, decision=TransferDecision.REJECT),
        "`OnDelete` `DELETE`": _with(
            _decision, decision=TransferDecision.ACCEPT, on_delete=AcceptedCertificateOnDelete.DELETE
        ),
    },
    ResourceType.CERTIFICATE_GENERATION: {
        "`Requested`": lambda stack: CertificateGeneration(stack, "Generation", requested="1")
    },
    ResourceType.DEVICE_CERTIFICATE_FLEET: {"`ManifestPrefix`": _fleet},
}
