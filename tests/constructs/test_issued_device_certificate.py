"""What the construct IssuedDeviceCertificate writes into templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk import aws_acmpca as acmpca
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Annotations, Match

import issuing
from iot_certificates import (
    CertificateDeclarationError,
    CertificateIssuer,
    CertificateSubject,
    DeviceCertificateStatus,
    IotCertificateProvider,
    IssuedDeviceCertificate,
    KeyAlgorithm,
    SelfSignedCaCertificate,
)
from synthesised import Synthesised

if TYPE_CHECKING:
    from collections.abc import Callable

CA = issuing.make_ca("Factory CA")
REQUEST = issuing.make_csr()
TYPE = "Custom::IotIssuedDeviceCertificate"
SECRET = "AWS::SecretsManager::Secret"
PRIVATE_CA = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/0f6e3a54-0000-4000-8000-000000000001"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/0f6e3a54-0000-4000-8000-000000000002"
READ = {"secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"}
VERSIONS = {*READ, "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"}
ATTRIBUTES = (
    "certificate_id certificate_arn certificate_pem ca_certificate_id subject issuer serial_number not_before not_after"
)


@pytest.fixture(scope="module")
def template(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    stack = new_stack()
    ca = SelfSignedCaCertificate(stack, "Ca", subject="Test CA")
    minimal = IssuedDeviceCertificate(stack, "Minimal", issuer=ca, subject="pump-1")
    for name in ATTRIBUTES.split():
        CfnOutput(stack, name.replace("_", ""), value=getattr(minimal, name))
    minimal.grant_read(iam.Role(stack, "Reader", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com")))
    _full(stack, ca)
    _by_other_issuers(stack)
    return synthesise(stack)


def _full(stack: Stack, ca: SelfSignedCaCertificate) -> None:
    IssuedDeviceCertificate(
        stack,
        "Full",
        issuer=ca,
        subject=CertificateSubject("pump-2", organization="Plant"),
        subject_alternative_names=[
            "DNS:pump-2.example.com",
            "URI:urn:dev:pump-2",
            "IP:fe80::1",
            "email:line@example.com",
            CfnParameter(stack, "AlternativeName").value_as_string,
        ],
        key_algorithm=KeyAlgorithm.EC_P384,
        validity=Duration.days(7),
        generation="2",
        encryption_key=kms.Key(stack, "KeyOfKey"),
        status=DeviceCertificateStatus.INACTIVE,
        policies=[iot.CfnPolicy(stack, "Policy", policy_document={}), "shared-policy"],
        things=[iot.CfnThing(stack, "Thing"), "gateway"],
        removal_policy=RemovalPolicy.RETAIN,
    )


def _by_other_issuers(stack: Stack) -> None:
    secret = secretsmanager.Secret.from_secret_name_v2(stack, "CaKey", "ca-key")
    passphrase = secretsmanager.Secret.from_secret_name_v2(stack, "Passphrase", "passphrase")
    private_ca = acmpca.CertificateAuthority.from_certificate_authority_arn(stack, "PrivateCa", PRIVATE_CA)
    key = kms.Key.from_key_arn(stack, "Key", KEY)
    issuers = {
        "OfSecret": CertificateIssuer.private_key_secret(issuing.folded(CA.pem), secret),
        "OfField": CertificateIssuer.private_key_secret(CA.pem, secret, json_field="key", passphrase=passphrase),
        "OfKms": CertificateIssuer.kms_key(CA.pem, key),
        "OfPrivateCa": CertificateIssuer.private_ca(private_ca),
        "OfKnownPrivateCa": CertificateIssuer.private_ca(private_ca, CA.pem),
    }
    for name, issuer in issuers.items():
        request = issuing.folded(REQUEST.pem)
        IssuedDeviceCertificate(stack, name, issuer=issuer, certificate_signing_request=request)


def test_defaults_are_left_out(template: Synthesised) -> None:
    declared = template.declared("Minimal", TYPE)
    assert declared.pop("CredentialsSecretArn").startswith("${MinimalSecret")
    assert declared.pop("Issuer")
    assert declared == {"Subject": {"CommonName": "pump-1"}}


def test_everything_that_is_given_is_written(template: Synthesised) -> None:
    declared = template.declared("Full", TYPE)
    assert declared.pop("CredentialsSecretArn").startswith("${FullSecret")
    assert declared.pop("Issuer")
    assert declared == {
        "Subject": {"CommonName": "pump-2", "Organization": "Plant"},
        "SubjectAlternativeNames": [
            "DNS:pump-2.example.com",
            "URI:urn:dev:pump-2",
            "IP:fe80::1",
            "email:line@example.com",
            "${AlternativeName}",
        ],
        "ValidityDays": 7,
        "Generation": "2",
        "KeyAlgorithm": "EC_P384",
        "Status": "INACTIVE",
        "PolicyNames": ["${Policy}", "shared-policy"],
        "ThingNames": ["${Thing}", "gateway"],
    }


def test_attributes(template: Synthesised) -> None:
    attributes = [output["Value"]["Fn::GetAtt"][1] for output in template.raw["Outputs"].values()]
    assert attributes == [
        "Id",
        "Arn",
        "CertificatePem",
        "CACertificateId",
        "Subject",
        "Issuer",
        "SerialNumber",
        "NotBefore",
        "NotAfter",
    ]


def test_the_self_signed_ca_is_the_issuer(template: Synthesised) -> None:
    issuer = template.declared("Minimal", TYPE)["Issuer"]
    (ca,) = template.of_type("Custom::IotSelfSignedCaCertificate")
    (secret,) = (name for name in template.of_type(SECRET) if name.startswith("CaSecret"))
    assert issuer == {
        "CACertificatePem": f"${{{ca}.CertificatePem}}",
        "CACertificateId": f"${{{ca}.Id}}",
        "SecretArn": f"${{{secret}}}",
        "JsonField": "privateKey",
    }


OWN_SECRET = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:"
ISSUERS = {
    "OfSecret": {"CACertificatePem": CA.pem, "SecretArn": "ca-key"},
    "OfField": {
        "CACertificatePem": CA.pem,
        "SecretArn": "ca-key",
        "JsonField": "key",
        "PassphraseSecretArn": "passphrase",
    },
    "OfKms": {"CACertificatePem": CA.pem, "KmsKeyId": KEY},
    "OfPrivateCa": {"CertificateAuthorityArn": PRIVATE_CA},
    "OfKnownPrivateCa": {"CACertificatePem": CA.pem, "CertificateAuthorityArn": PRIVATE_CA},
}


@pytest.mark.parametrize(("name", "issuer"), ISSUERS.items())
def test_other_issuers_and_a_signing_request(template: Synthesised, name: str, issuer: dict[str, str]) -> None:
    assert template.declared(name, TYPE) == {"Issuer": issuer, "CertificateSigningRequest": REQUEST.pem}


def test_the_key_of_another_issuer_is_granted_and_nothing_else(template: Synthesised) -> None:
    secret, passphrase = f"{OWN_SECRET}ca-key-??????", f"{OWN_SECRET}passphrase-??????"
    assert template.allowed("OfSecretPermissions") == {secret: READ}
    assert template.allowed("OfFieldPermissions") == {secret: READ, passphrase: READ}
    assert template.allowed("OfKmsPermissions") == {KEY: {"kms:GetPublicKey", "kms:Sign"}}
    assert template.allowed("OfPrivateCaPermissions") == {
        PRIVATE_CA: {
            "acm-pca:GetCertificate",
            "acm-pca:GetCertificateAuthorityCertificate",
            "acm-pca:IssueCertificate",
        }
    }
    policy = template.named("OfPrivateCaPermissions", "AWS::IAM::Policy")["Properties"]["PolicyDocument"]
    assert [statement["Condition"] for statement in policy["Statement"] if "Condition" in statement] == [
        {"StringLike": {"acm-pca:TemplateArn": "arn:*:acm-pca:::template/EndEntityClientAuthCertificate/V1"}}
    ]


def test_the_template_holds_secrets_without_a_value_and_none_for_a_signing_request(template: Synthesised) -> None:
    secrets = template.of_type(SECRET)
    assert sorted(name.partition("Secret")[0] for name in secrets) == ["Ca", "Full", "Minimal"]
    for secret in secrets.values():
        assert not {"SecretString", "GenerateSecretString"} & set(secret["Properties"])
    assert "PRIVATE KEY" not in str(template.raw)


def test_the_secret_lives_as_long_as_the_certificate(template: Synthesised) -> None:
    for name, policy in (("Minimal", "Delete"), ("Full", "Retain")):
        certificate, secret = template.named(name, TYPE), template.named(name, SECRET)
        assert (secret["DeletionPolicy"], secret["UpdateReplacePolicy"]) == (policy, policy)
        # Else RETAIN would leave a certificate at every rotation.
        assert (certificate["DeletionPolicy"], certificate["UpdateReplacePolicy"]) == (policy, "Delete")


def test_versions_of_exactly_that_secret_may_be_written(template: Synthesised) -> None:
    for name in ("Minimal", "Full"):
        ((resource, actions),) = template.allowed(f"{name}Permissions").items()
        assert resource.startswith(f"${{{name}Secret")
        assert actions == VERSIONS


def test_permissions_on_certificates_are_shared_by_the_stack(template: Synthesised) -> None:
    shared = template.allowed("DeviceCertificatePermissions")
    assert _of_iot(shared["*"]) == {"iot:RegisterCertificate", "iot:ListAttachedPolicies", "iot:ListCertificates"}
    assert "iot:AttachPolicy" in shared["cert/*"]
    assert shared["cert/* thing/*"] == {"iot:AttachThingPrincipal", "iot:DetachThingPrincipal"}


def _of_iot(actions: set[str]) -> set[str]:
    return {action for action in actions if action.startswith("iot:")}


def test_each_waits_for_its_permissions(template: Synthesised) -> None:
    depends_on = template.named("Minimal", TYPE)["DependsOn"]
    waits = [name.partition("Permissions")[0] for name in depends_on if "Permissions" in name]
    assert sorted(waits) == ["DeviceCertificate", "Minimal"]


def test_a_grantee_can_read_only_the_secret_of_the_credentials(template: Synthesised) -> None:
    ((secret, actions),) = template.allowed("ReaderDefaultPolicy").items()
    assert secret.startswith("${MinimalSecret")
    assert actions == READ


def test_without_a_signing_request_certificates_are_not_listed(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    stack = new_stack()
    ca = SelfSignedCaCertificate(stack, "Ca", subject="Test CA")
    IssuedDeviceCertificate(stack, "Pump", issuer=ca, subject="pump-1")
    allowed = synthesise(stack).allowed("DeviceCertificatePermissions")
    assert _of_iot(allowed["*"]) == {"iot:RegisterCertificate", "iot:ListAttachedPolicies"}


def test_a_ca_of_another_stack_and_function(new_app: Callable[..., App]) -> None:
    app = new_app()
    ca_stack, stack = Stack(app, "CaStack"), Stack(app, "Stack")
    ca = SelfSignedCaCertificate(ca_stack, "Ca", subject="Test CA")
    IssuedDeviceCertificate(stack, "Pump", issuer=ca, subject="pump-1")
    allowed = Synthesised(stack).allowed("PumpPermissions")
    (imported,) = (on for on in allowed if on.startswith("${import CaStack:"))
    assert allowed[imported] == READ


def test_a_ca_of_another_stack_with_the_same_function_needs_no_further_grant(new_app: Callable[..., App]) -> None:
    app = new_app()
    ca_stack, stack = Stack(app, "CaStack"), Stack(app, "Stack")
    provider = IotCertificateProvider(ca_stack, "Provider")
    ca = SelfSignedCaCertificate(ca_stack, "Ca", subject="Test CA", provider=provider)
    IssuedDeviceCertificate(stack, "Pump", issuer=ca, subject="pump-1", provider=provider)
    ((secret, actions),) = Synthesised(stack).allowed("PumpPermissions").items()
    assert secret.startswith("${PumpSecret")
    assert actions == VERSIONS


@pytest.mark.parametrize(("devices", "warns"), [(19, False), (20, True)])
def test_more_secrets_than_a_role_has_room_for_warn(new_stack: Callable[..., Stack], devices: int, warns: bool) -> None:
    stack = new_stack()
    ca = SelfSignedCaCertificate(stack, "Ca", subject="Test CA")
    for number in range(devices):
        IssuedDeviceCertificate(stack, f"Pump{number}", issuer=ca, subject="pump")
    text = Match.string_like_regexp("^The function keeps keys in more than 20 secrets, .* another IotCertificateProv")
    found = Annotations.from_stack(stack).find_warning("/Stack/IotCertificateProvider", text)
    assert len(found) == warns


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no CA": (
        {"issuer": CA.pem},
        (
            f"issuer is a text of {len(CA.pem)} characters. "
            "Give a SelfSignedCaCertificate, or what CertificateIssuer.private_key_secret, .kms_key "
            "or .private_ca return"
        ),
    ),
    "an issuer that is no CA": (
        {"issuer": "device"},
        (
            "issuer is not a CA certificate: it lacks the extension basicConstraints with CA:TRUE. "
            "Declare a device's certificate as a device certificate; issue a CA certificate again, with CA:TRUE"
        ),
    ),
    "a name without its kind": (
        {"subject_alternative_names": ["pump-1.example.com"]},
        (
            "subject_alternative_names 'pump-1.example.com' does not begin with DNS:, URI:, IP: or email:. "
            "Write DNS:host.example.com, URI:urn:dev:mac:…, IP:192.0.2.1 or email:name@example.com"
        ),
    ),
    "a text": (
        {"subject_alternative_names": "DNS:pump-1"},
        "subject_alternative_names is 'DNS:pump-1', not a list. Give a list of names: ['DNS:host.example.com']",
    ),
    "too many names": (
        {"subject_alternative_names": [f"DNS:pump-{number}" for number in range(21)]},
        "subject_alternative_names has 21 items, more than 20. Remove the names that no client uses",
    ),
    "a policy's name that is none": (
        {"policies": ["telemetry", "a b c!"]},
        "policies has 'a b c!', which is not a valid name. A name matches [\\w+=,.@-]{1,128}",
    ),
    "a thing's name that is none": (
        {"things": ["pump/4"]},
        "things has 'pump/4', which is not a valid name. A name matches [a-zA-Z0-9:_-]{1,128}",
    ),
    "too many policies": (
        {"policies": [f"policy-{number}" for number in range(11)]},
        (
            "policies has 11 items, and AWS IoT attaches at most 10 to a certificate. "
            "Put several statements into one policy"
        ),
    ),
    "no days": (
        {"validity": Duration.days(0)},
        "validity is 0 days. Give whole days, from 1 to 36,500: Duration.days(365)",
    ),
    "no subject": (
        {"subject": None},
        "subject is missing. Give a common name as text, or a certificate_signing_request",
    ),
    "a subject for a request": (
        {"certificate_signing_request": REQUEST.pem},
        ("subject cannot be combined with certificate_signing_request, which has the name and the key. Remove it"),
    ),
    "a key for a request": (
        {"certificate_signing_request": REQUEST.pem, "subject": None, "key_algorithm": KeyAlgorithm.RSA_2048},
        (
            "key_algorithm cannot be combined with certificate_signing_request, which has the name and the key. "
            "Remove it"
        ),
    ),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals_name_path_property_problem_and_fix(
    new_stack: Callable[..., Stack], arguments: dict[str, Any], message: str
) -> None:
    stack = new_stack()
    secret = secretsmanager.Secret.from_secret_name_v2(stack, "CaKey", "ca-key")
    if arguments.get("issuer") == "device":
        arguments = {"issuer": CertificateIssuer.private_key_secret(issuing.make_device(CA).pem, secret)}
    issuer = CertificateIssuer.private_key_secret(CA.pem, secret)
    with pytest.raises(CertificateDeclarationError) as caught:
        IssuedDeviceCertificate(stack, "Pump", **{"issuer": issuer, "subject": "pump-1", **arguments})
    assert str(caught.value) == f"Stack/Pump: {message}"


def test_with_a_signing_request_there_is_no_secret_to_read(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    ca = SelfSignedCaCertificate(stack, "Ca", subject="Test CA")
    request = CfnParameter(stack, "Request").value_as_string
    device = IssuedDeviceCertificate(stack, "Pump", issuer=ca, certificate_signing_request=request)
    with pytest.raises(CertificateDeclarationError, match="credentials_secret does not exist with certificate_signing"):
        device.grant_read(iam.ServicePrincipal("ec2.amazonaws.com"))
