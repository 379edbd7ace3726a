"""The table of argument values: construct, argument, value, verdict.

A verdict is what is refused, or the property that the template has. ``made`` marks a value that needs a stack.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aws_cdk import CfnParameter, Duration, Fn, RemovalPolicy, SecretValue
from aws_cdk import aws_acmpca as acmpca
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm

import issuing
from iot_certificates import (
    AutoRegistration,
    CaCertificate,
    CertificateIssuer,
    CertificateSubject,
    DeviceCertificate,
    DeviceCertificateStatus,
    FleetManifest,
    IotCertificateProvider,
    KeyAlgorithm,
    ProofOfPossession,
    SelfSignedCaCertificate,
    TransferDecision,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import Stack

ACCOUNT, REGION = "123456789012", "eu-west-1"
ARN = f"arn:aws:{{}}:{REGION}:{ACCOUNT}:{{}}"
CA = issuing.make_ca("Table CA")
DEVICE_ID = "ab" * 32


@dataclass(frozen=True)
class made:  # noqa: N801 - it reads as a word of the table
    """A value that is made in the stack of its row, whose id is given too."""

    make: Callable[[Stack, str], Any]


@dataclass(frozen=True)
class Refused:
    """The sentence that the error begins with, after the construct's path."""

    message: str


@dataclass(frozen=True)
class Written:
    """The property and its value in the template, as it stands there; ``also`` are further arguments."""

    property: str
    value: Any
    also: dict[str, Any] = field(default_factory=dict)


Row = tuple[str, str, Any, Refused | Written]


def parameter(kind: str = "String") -> Callable[[Stack, str], CfnParameter]:
    return lambda stack, row: CfnParameter(stack, f"{row}Parameter", type=kind)


def of_parameter(attribute: str, kind: str = "String") -> made:
    return made(lambda stack, row: getattr(parameter(kind)(stack, row), attribute))


def looked_up(form: str = "{}") -> made:
    """A context lookup that was not made yet."""
    return made(lambda stack, row: form.format(ssm.StringParameter.value_from_lookup(stack, f"/{row}")))


def secret(name: str) -> made:
    return made(lambda stack, row: secretsmanager.Secret.from_secret_name_v2(stack, f"{row}Secret", name))


def own_secret(stack: Stack, row: str) -> secretsmanager.ISecret:
    return secretsmanager.Secret.from_secret_name_v2(stack, f"{row}Key", f"key-of-{row}")


def role(stack: Stack, row: str, name: str = "provisioning") -> iam.IRole:
    return iam.Role.from_role_arn(stack, f"{row}Role", f"arn:aws:iam::{ACCOUNT}:role/{name}")


def provisioning_template(stack: Stack, row: str) -> iot.CfnProvisioningTemplate:
    arn = f"arn:aws:iam::{ACCOUNT}:role/provisioning"
    return iot.CfnProvisioningTemplate(
        stack, f"{row}Template", provisioning_role_arn=arn, template_body="{}", template_type="JITP"
    )


def config(**fields: Any) -> made:
    """An AutoRegistration with a role, unless one is given."""

    def make(stack: Stack, row: str) -> AutoRegistration:
        made_fields = {name: f.make(stack, row) if isinstance(f, made) else f for name, f in fields.items()}
        return AutoRegistration(**{"role": made_fields.get("role") or role(stack, row), **made_fields})

    return made(make)


LIST = "CommaDelimitedList"
NO_CERTIFICATE = "certificate_pem is not PEM: it has no line '-----BEGIN CERTIFICATE-----'"
STATUSES = "Use DeviceCertificateStatus.ACTIVE, DeviceCertificateStatus.INACTIVE or DeviceCertificateStatus.REVOKED"
DUMMY = "dummy-value-for-/{row}"
REF, PARAMETER = "{row}Parameter", {"Ref": "{row}Parameter"}
SUBJECT_FIX = "Give the common name as text, or a CertificateSubject("
DAYS = "Give a Duration of aws_cdk: Duration.days("
SECRET_FIX = "Give the secret itself: secretsmanager.Secret("

DEVICES: list[Row] = [
    (
        "DeviceCertificate",
        "certificate_pem",
        5,
        Refused("certificate_pem is a number, not a text. Give the PEM text itself"),
    ),
    ("DeviceCertificate", "certificate_pem", b"-----", Refused("certificate_pem is a bytes, not a text. Give the PEM")),
    ("DeviceCertificate", "certificate_pem", ["a"], Refused("certificate_pem is a list, not a text. Give the PEM")),
    ("DeviceCertificate", "certificate_pem", "", Refused("certificate_pem ")),
    ("DeviceCertificate", "certificate_pem", "pump.pem", Refused(NO_CERTIFICATE)),
    ("DeviceCertificate", "certificate_pem", CA.key_pem(), Refused("certificate_pem holds a private key.")),
    ("DeviceCertificate", "certificate_pem", of_parameter("value_as_string"), Written("CertificatePem", PARAMETER)),
    ("DeviceCertificate", "certificate_pem", looked_up(), Written("CertificatePem", DUMMY)),
    (
        "DeviceCertificate",
        "certificate_pem",
        made(lambda stack, row: Fn.get_att(iot.CfnThing(stack, f"{row}Thing").logical_id, "Pem")),
        Written("CertificatePem", {"Fn::GetAtt": ["{row}Thing", "Pem"]}),
    ),
    (
        "DeviceCertificate",
        "certificate_signing_request",
        of_parameter("value_as_string"),
        Written("CertificateSigningRequest", PARAMETER, {"certificate_pem": None}),
    ),
    ("DeviceCertificate", "ca_certificate", CA.pem, Refused("ca_certificate is a text of")),
    ("DeviceCertificate", "ca_certificate", ARN.format("iot", "cacert/ab"), Refused("ca_certificate is ")),
    (
        "DeviceCertificate",
        "ca_certificate",
        made(
            lambda stack, row: DeviceCertificate(
                stack, f"{row}Other", certificate_signing_request=issuing.make_csr().pem
            )
        ),
        Refused("ca_certificate is a DeviceCertificate. Give the CaCertificate"),
    ),
    (
        "DeviceCertificate",
        "ca_certificate",
        made(lambda stack, row: SelfSignedCaCertificate(stack, f"{row}Ca", subject="a CA")),
        Written("CACertificatePem", {"Fn::GetAtt": ["{row}Ca*", "CertificatePem"]}),
    ),
    (
        "DeviceCertificate",
        "certificate_mode",
        "sni",
        Refused("certificate_mode is 'sni'. Use CertificateMode.DEFAULT or "),
    ),
    (
        "DeviceCertificate",
        "certificate_mode",
        of_parameter("value_as_string"),
        Refused("certificate_mode is known only at deployment, and the template depends on it. Use CertificateMode."),
    ),
    ("DeviceCertificate", "certificate_mode", "SNI_ONLY", Written("CertificateMode", "SNI_ONLY")),
    ("DeviceCertificate", "status", "Active", Refused(f"status is 'Active'. {STATUSES}")),
    ("DeviceCertificate", "status", True, Refused(f"status is True. {STATUSES}")),
    ("DeviceCertificate", "status", TransferDecision.ACCEPT, Refused("status is TransferDecision.ACCEPT. Use ")),
    ("DeviceCertificate", "status", "REVOKED", Written("Status", "REVOKED")),
    ("DeviceCertificate", "status", None, Written("Status", None)),
    ("DeviceCertificate", "status", of_parameter("value_as_string"), Written("Status", PARAMETER)),
    ("DeviceCertificate", "status", looked_up(), Written("Status", DUMMY)),
    (
        "DeviceCertificate",
        "policies",
        "telemetry",
        Refused("policies is 'telemetry', not a list. Give a list: [policy]"),
    ),
    (
        "DeviceCertificate",
        "policies",
        made(lambda stack, row: iot.CfnPolicy(stack, f"{row}Policy", policy_document={})),
        Refused("policies is a CfnPolicy, not a list. Give a list: [policy]"),
    ),
    ("DeviceCertificate", "policies", {"a": "b"}, Refused("policies is a dict, not a list")),
    ("DeviceCertificate", "policies", 7, Refused("policies is 7, not a list")),
    (
        "DeviceCertificate",
        "policies",
        ["a b"],
        Refused("policies has 'a b', which is not a valid name. A name matches "),
    ),
    ("DeviceCertificate", "policies", [7], Refused("policies has 7. Give a CfnPolicy, or its name")),
    (
        "DeviceCertificate",
        "policies",
        of_parameter("value_as_string"),
        Refused("policies is a text that is known only at deployment, not a list. Give value_as_list of a parameter"),
    ),
    (
        "DeviceCertificate",
        "policies",
        made(lambda stack, row: [*parameter(LIST)(stack, row).value_as_list, "telemetry"]),
        Refused("policies has a list that is known only at deployment among other items. Give that list alone"),
    ),
    (
        "DeviceCertificate",
        "policies",
        [f"p{n}" for n in range(11)],
        Refused("policies has 11 items, and AWS IoT attaches"),
    ),
    ("DeviceCertificate", "policies", ("telemetry",), Written("PolicyNames", ["telemetry"])),
    ("DeviceCertificate", "policies", {"telemetry"}, Written("PolicyNames", ["telemetry"])),
    ("DeviceCertificate", "policies", [], Written("PolicyNames", None)),
    ("DeviceCertificate", "policies", made(lambda *_: map(str, ["a", "b"])), Written("PolicyNames", ["a", "b"])),
    ("DeviceCertificate", "policies", made(lambda *_: filter(None, ["a", ""])), Written("PolicyNames", ["a"])),
    ("DeviceCertificate", "policies", of_parameter("value_as_list", LIST), Written("PolicyNames", PARAMETER)),
    (
        "DeviceCertificate",
        "policies",
        made(lambda stack, row: [iot.CfnPolicy(stack, f"{row}Policy", policy_document={})]),
        Written("PolicyNames", [{"Ref": "{row}Policy"}]),
    ),
    (
        "DeviceCertificate",
        "policies",
        made(lambda stack, row: [ssm.StringParameter.value_from_lookup(stack, f"/{row}")]),
        Written("PolicyNames", [DUMMY]),
    ),
    (
        "DeviceCertificate",
        "things",
        made(lambda stack, row: [iot.CfnThing(stack, f"{row}Thing").thing_name]),
        Refused("things has None: a CfnThing without a name has none at synth. Give the CfnThing itself"),
    ),
    ("DeviceCertificate", "things", "pump", Refused("things is 'pump', not a list. Give a list: [thing]")),
    ("DeviceCertificate", "things", ["pump/4"], Refused("things has 'pump/4', which is not a valid name")),
    ("DeviceCertificate", "things", made(lambda *_: (t for t in ("a", "b"))), Written("ThingNames", ["a", "b"])),
    (
        "DeviceCertificate",
        "things",
        made(lambda stack, row: [iot.CfnThing.from_thing_name(stack, f"{row}Thing", "pump")]),
        Written("ThingNames", ["pump"]),
    ),
    (
        "DeviceCertificate",
        "things",
        made(lambda stack, row: Fn.split(",", parameter()(stack, row).value_as_string)),
        Written("ThingNames", {"Fn::Split": [",", PARAMETER]}),
    ),
    (
        "DeviceCertificate",
        "things",
        made(lambda stack, row: ssm.StringListParameter.value_for_typed_list_parameter(stack, "/things")),
        Written("ThingNames", {"Ref": "SsmParameterValuethings*"}),
    ),
    (
        "DeviceCertificate",
        "things",
        made(lambda stack, row: Fn.get_att(iot.CfnThing(stack, f"{row}Thing").logical_id, "Names")),
        Written("ThingNames", {"Fn::GetAtt": ["{row}Thing", "Names"]}),
    ),
    (
        "DeviceCertificate",
        "thing_principal_type",
        "exclusive",
        Refused("thing_principal_type is 'exclusive'. Use ThingPrincipalType."),
    ),
    ("DeviceCertificate", "existing_certificate", "adopt", Refused("existing_certificate is 'adopt'. Use Existing")),
    (
        "DeviceCertificate",
        "removal_policy",
        "retain",
        Refused("removal_policy is 'retain'. Use RemovalPolicy.DESTROY or "),
    ),
    (
        "DeviceCertificate",
        "removal_policy",
        RemovalPolicy.SNAPSHOT,
        Refused("removal_policy is RemovalPolicy.SNAPSHOT."),
    ),
    ("DeviceCertificate", "provider", "arn:aws:lambda", Refused("provider is 'arn:aws:lambda'. Give an IotCert")),
    ("DeviceCertificate", "provider", IotCertificateProvider, Refused("provider is the class IotCertificateProvider.")),
    (
        "DeviceCertificate.from_certificate_arn",
        "certificate_arn",
        "nonsense",
        Refused("certificate_arn is not what it sh"),
    ),
    ("DeviceCertificate.from_certificate_arn", "certificate_arn", None, Refused("certificate_arn is None, not a text")),
    ("DeviceCertificate.from_certificate_arn", "certificate_arn", looked_up(), Written("", None)),
]

CAS: list[Row] = [
    ("CaCertificate", "certificate_pem", CA, Refused("certificate_pem is an Issued, not a text")),
    ("CaCertificate", "certificate_pem", looked_up(), Written("CACertificatePem", DUMMY)),
    ("CaCertificate", "proof_of_possession", CA.key_pem(), Refused("proof_of_possession is a text of")),
    (
        "CaCertificate",
        "proof_of_possession",
        ProofOfPossession.private_key_secret("arn:aws:…"),  # type: ignore[arg-type]
        Refused(f"proof_of_possession.secret is a text of 9 characters. {SECRET_FIX}"),
    ),
    (
        "CaCertificate",
        "proof_of_possession",
        made(lambda stack, row: ProofOfPossession.private_key_secret(own_secret(stack, row), json_field=["a"])),  # type: ignore[arg-type]
        Refused("proof_of_possession.json_field is a list, not a text"),
    ),
    (
        "CaCertificate",
        "proof_of_possession",
        ProofOfPossession.kms_key("alias/factory"),  # type: ignore[arg-type]
        Refused("proof_of_possession.key is a text of 13 characters. Give the key itself: kms.Key("),
    ),
    (
        "CaCertificate",
        "proof_of_possession",
        ProofOfPossession.private_ca("arn:aws:acm-pca"),  # type: ignore[arg-type]
        Refused("proof_of_possession.certificate_authority is a text of 15 characters. Give the private CA itself"),
    ),
    (
        "CaCertificate",
        "proof_of_possession",
        ProofOfPossession.verification_certificate(None),  # type: ignore[arg-type]
        Refused("proof_of_possession.pem is None, not a text. Give the PEM text itself"),
    ),
    (
        "CaCertificate",
        "proof_of_possession",
        made(
            lambda stack, row: ProofOfPossession.verification_certificate(
                ssm.StringParameter.value_from_lookup(stack, f"/{row}")
            )
        ),
        Written("VerificationCertificatePem", DUMMY),
    ),
    (
        "CaCertificate",
        "proof_of_possession",
        made(
            lambda stack, row: ProofOfPossession.private_key_secret(
                secretsmanager.Secret.from_secret_name_v2(stack, f"{row}Any", "factory-*")
            )
        ),
        Refused("proof_of_possession.secret has a wildcard in its ARN, which would grant access to other resources"),
    ),
    (
        "CaCertificate",
        "proof_of_possession",
        made(
            lambda stack, row: ProofOfPossession.kms_key(
                kms.Key.from_key_arn(stack, f"{row}Key", ARN.format("kms", "key/*"))
            )
        ),
        Refused("proof_of_possession.key has a wildcard in its ARN"),
    ),
    (
        "CaCertificate",
        "proof_of_possession",
        made(
            lambda stack, row: ProofOfPossession.private_ca(
                acmpca.CertificateAuthority.from_certificate_authority_arn(
                    stack, f"{row}Pca", ARN.format("acm-pca", "certificate-authority/*")
                )
            )
        ),
        Refused("proof_of_possession.certificate_authority has a wildcard in its ARN"),
    ),
    ("CaCertificate", "auto_registration", True, Refused("auto_registration is True. Give an AutoRegistration")),
    (
        "CaCertificate",
        "auto_registration",
        AutoRegistration(template_body="{}", role="arn:aws:iam::1:role/a"),  # type: ignore[arg-type]
        Refused("auto_registration.role is 'arn:aws:iam::1:role/a'. Give the role itself: iam.Role("),
    ),
    (
        "CaCertificate",
        "auto_registration",
        config(template_body="{}", role=made(lambda stack, row: role(stack, row, "*"))),
        Refused("auto_registration.role has a wildcard in its ARN"),
    ),
    ("CaCertificate", "auto_registration", config(template_body=7), Refused("auto_registration.template_body is 7")),
    (
        "CaCertificate",
        "auto_registration",
        config(template_body="[]"),
        Refused("auto_registration.template_body is not a"),
    ),
    (
        "CaCertificate",
        "auto_registration",
        config(template_body={"a": object()}),
        Refused("auto_registration.template_body has something in it that is no JSON"),
    ),
    (
        "CaCertificate",
        "auto_registration",
        config(template_body={"Resources": {"Thing": {"Type": "AWS::IoT::Thing"}}}),
        Written("RegistrationConfig.TemplateBody", '{"Resources": {"Thing": {"Type": "AWS::IoT::Thing"}}}'),
    ),
    (
        "CaCertificate",
        "auto_registration",
        config(template_body=made(lambda stack, row: {"Site": parameter()(stack, row).value_as_string})),
        Written("RegistrationConfig.TemplateBody", {"Fn::Join": ["", ['{"Site":"', PARAMETER, '"}']]}),
    ),
    (
        "CaCertificate",
        "auto_registration",
        config(template_body=looked_up()),
        Written("RegistrationConfig.TemplateBody", DUMMY),
    ),
    (
        "CaCertificate",
        "auto_registration",
        config(template_name=made(provisioning_template)),
        Written("RegistrationConfig.TemplateName", {"Ref": "{row}Template"}),
    ),
    (
        "CaCertificate",
        "auto_registration",
        config(template_name=7),
        Refused("auto_registration.template_name is 7, not"),
    ),
    (
        "CaCertificate",
        "device_certificates_on_delete",
        "delete",
        Refused("device_certificates_on_delete is 'delete'. Use DeviceCertificatesOnDelete.RETAIN, "),
    ),
    ("CaCertificate", "status", "Active", Refused("status is 'Active'. Use CaCertificateStatus.ACTIVE or CaCertif")),
    ("CaCertificate", "status", DeviceCertificateStatus.REVOKED, Refused("status is DeviceCertificateStatus.REVOKED.")),
    ("CaCertificate", "certificate_mode", True, Refused("certificate_mode is True. Use CertificateMode.DEFAULT or ")),
    ("CaCertificate.from_ca_certificate_arn", "ca_certificate_arn", 7, Refused("ca_certificate_arn is 7, not a text")),
    (
        "CaCertificate.from_ca_certificate_arn",
        "ca_certificate_arn",
        ARN.format("iot", "cert/ab"),
        Refused("ca_certificate_arn is not what it should be: "),
    ),
    ("CaCertificate.from_ca_certificate_arn", "ca_certificate_arn", looked_up(), Written("", None)),
]

MADE_HERE: list[Row] = [
    ("SelfSignedCaCertificate", "subject", "/C=DE/O=x/CN=My CA", Refused("subject '/C=DE/O=x/CN=My CA' is a disting")),
    (
        "SelfSignedCaCertificate",
        "subject",
        "CN=My CA,O=x",
        Refused("subject 'CN=My CA,O=x' is a distinguished name, not"),
    ),
    ("SelfSignedCaCertificate", "subject", {"CN": "x"}, Refused(f"subject is a dict. {SUBJECT_FIX}")),
    ("SelfSignedCaCertificate", "subject", None, Refused(f"subject is None. {SUBJECT_FIX}")),
    (
        "SelfSignedCaCertificate",
        "subject",
        CertificateSubject(None),  # type: ignore[arg-type]
        Refused("subject.common_name is None, not a text"),
    ),
    (
        "SelfSignedCaCertificate",
        "subject",
        CertificateSubject("a", country="Austria"),
        Refused("subject.country 'Austria' is"),
    ),
    ("SelfSignedCaCertificate", "subject", CertificateSubject("a", state=7), Refused("subject.state is 7, not a text")),  # type: ignore[arg-type]
    (
        "SelfSignedCaCertificate",
        "subject",
        " spaced",
        Refused("subject.common_name ' spaced' begins or ends with a space"),
    ),
    (
        "SelfSignedCaCertificate",
        "subject",
        of_parameter("value_as_string"),
        Written("Subject", {"CommonName": PARAMETER}),
    ),
    ("SelfSignedCaCertificate", "subject", looked_up("CN=x{}"), Written("Subject", {"CommonName": f"CN=x{DUMMY}"})),
    ("SelfSignedCaCertificate", "key_algorithm", "RSA", Refused("key_algorithm is 'RSA'. Use KeyAlgorithm.EC_P256, ")),
    ("SelfSignedCaCertificate", "key_algorithm", "RSA_2048", Written("KeyAlgorithm", "RSA_2048")),
    ("SelfSignedCaCertificate", "validity", 365, Refused(f"validity is 365, not a Duration. {DAYS}365)")),
    ("SelfSignedCaCertificate", "validity", Duration.hours(5), Refused("validity is 0.208333 days. Give whole days")),
    ("SelfSignedCaCertificate", "validity", Duration.days(10), Written("ValidityDays", 10)),
    (
        "SelfSignedCaCertificate",
        "validity",
        made(lambda stack, row: Duration.days(parameter("Number")(stack, row).value_as_number)),
        Written("ValidityDays", PARAMETER),
    ),
    ("SelfSignedCaCertificate", "generation", ["2"], Refused("generation is a list, not a text")),
    ("SelfSignedCaCertificate", "generation", " ", Refused("generation is empty. Give it a text, or leave it out")),
    ("SelfSignedCaCertificate", "generation", 2, Written("Generation", "2")),
    (
        "SelfSignedCaCertificate",
        "private_key_secret",
        "arn:aws",
        Refused("private_key_secret is a text of 7 characters."),
    ),
    (
        "SelfSignedCaCertificate",
        "private_key_secret",
        SecretValue.unsafe_plain_text("-"),
        Refused(f"private_key_secret is a SecretValue. {SECRET_FIX}"),
    ),
    (
        "SelfSignedCaCertificate",
        "private_key_secret",
        secret("ca-*"),
        Refused("private_key_secret has a wildcard in its A"),
    ),
    (
        "SelfSignedCaCertificate",
        "encryption_key",
        "alias/x",
        Refused("encryption_key is a text of 7 characters. Give the key itself"),
    ),
    (
        "SelfSignedCaCertificate",
        "auto_registration",
        {},
        Refused("auto_registration is a dict. Give an AutoRegistration"),
    ),
    (
        "IssuedDeviceCertificate",
        "issuer",
        "CA",
        Refused("issuer is a text of 2 characters. Give a SelfSignedCaCertificate"),
    ),
    (
        "IssuedDeviceCertificate",
        "issuer",
        made(
            lambda stack, row: CaCertificate.from_ca_certificate_arn(stack, f"{row}Ca", ARN.format("iot", "cacert/ab"))
        ),
        Refused("issuer is an ImportedCaCertificate. Give a SelfSignedCaCertificate, or what CertificateIssuer."),
    ),
    (
        "IssuedDeviceCertificate",
        "issuer",
        made(lambda stack, row: CertificateIssuer.private_key_secret(None, own_secret(stack, row))),  # type: ignore[arg-type]
        Refused("issuer.certificate_pem is None, not a text. Give the PEM text itself"),
    ),
    (
        "IssuedDeviceCertificate",
        "issuer",
        CertificateIssuer.private_key_secret(CA.pem, "key"),  # type: ignore[arg-type]
        Refused(f"issuer.secret is a text of 3 characters. {SECRET_FIX}"),
    ),
    (
        "IssuedDeviceCertificate",
        "issuer",
        made(
            lambda stack, row: CertificateIssuer.private_key_secret(
                ssm.StringParameter.value_from_lookup(stack, f"/{row}"), own_secret(stack, row)
            )
        ),
        Written("Issuer.CACertificatePem", DUMMY),
    ),
    ("IssuedDeviceCertificate", "subject", 7, Refused(f"subject is 7. {SUBJECT_FIX}")),
    (
        "IssuedDeviceCertificate",
        "subject_alternative_names",
        "DNS:a",
        Refused("subject_alternative_names is 'DNS:a', not a list. Give a list of names: ['DNS:host.example.com']"),
    ),
    (
        "IssuedDeviceCertificate",
        "subject_alternative_names",
        [7],
        Refused("subject_alternative_names is 7, not a text"),
    ),
    ("IssuedDeviceCertificate", "subject_alternative_names", ["host"], Refused("subject_alternative_names 'host' ")),
    (
        "IssuedDeviceCertificate",
        "subject_alternative_names",
        ["DNS:a"] * 21,
        Refused("subject_alternative_names has 21 items, more than 20"),
    ),
    (
        "IssuedDeviceCertificate",
        "subject_alternative_names",
        made(lambda *_: (name for name in ["DNS:a"])),
        Written("SubjectAlternativeNames", ["DNS:a"]),
    ),
    (
        "IssuedDeviceCertificate",
        "subject_alternative_names",
        of_parameter("value_as_list", LIST),
        Written("SubjectAlternativeNames", PARAMETER),
    ),
    ("IssuedDeviceCertificate", "validity", "365", Refused("validity is '365', not a Duration.")),
    (
        "IssuedDeviceCertificate",
        "credentials_secret",
        secret("?"),
        Refused("credentials_secret has a wildcard in its ARN"),
    ),
    ("IssuedDeviceCertificate", "policies", "telemetry", Refused("policies is 'telemetry', not a list")),
    ("IssuedDeviceCertificate", "things", made(lambda *_: map(str, ["a"])), Written("ThingNames", ["a"])),
    (
        "IssuedDeviceCertificate",
        "thing_principal_type",
        "EXCLUSIVE_THING",
        Written("ThingPrincipalType", "EXCLUSIVE_THING"),
    ),
    ("IssuedDeviceCertificate", "key_algorithm", KeyAlgorithm.EC_P384, Written("KeyAlgorithm", "EC_P384")),
    ("IssuedDeviceCertificate", "status", "revoked", Refused(f"status is 'revoked'. {STATUSES}")),
]

OTHERS: list[Row] = [
    (
        "CertificateTransfer",
        "certificate",
        DEVICE_ID,
        Refused("certificate is a text of 64 characters. Give a DeviceCert"),
    ),
    (
        "CertificateTransfer",
        "certificate",
        made(lambda stack, row: SelfSignedCaCertificate(stack, f"{row}Ca", subject="a CA")),
        Refused("certificate is a SelfSignedCaCertificate. Give a DeviceCertificate"),
    ),
    (
        "CertificateTransfer",
        "target_aws_account",
        210987654321,
        Refused("target_aws_account is 210987654321, not a text."),
    ),
    (
        "CertificateTransfer",
        "target_aws_account",
        "1234",
        Refused("target_aws_account '1234' is not one. Give the 12 digits"),
    ),
    (
        "CertificateTransfer",
        "target_aws_account",
        ACCOUNT,
        Refused(f"target_aws_account is {ACCOUNT}, the stack's own"),
    ),
    ("CertificateTransfer", "target_aws_account", looked_up(), Written("TargetAwsAccount", DUMMY)),
    (
        "CertificateTransfer",
        "transfer_message",
        "a" * 129,
        Refused("transfer_message has 129 characters. AWS takes at"),
    ),
    (
        "CertificateTransfer",
        "transfer_message",
        " ",
        Refused("transfer_message is empty. Give it a text, or leave it out"),
    ),
    (
        "CertificateTransfer",
        "detach_on_transfer",
        "false",
        Refused("detach_on_transfer is 'false'. Give True or False"),
    ),
    ("CertificateTransfer", "detach_on_transfer", True, Written("DetachOnTransfer", "true")),
    (
        "CertificateTransferDecision",
        "certificate_id",
        "AB",
        Refused("certificate_id 'AB' is not one. Give the certificate"),
    ),
    ("CertificateTransferDecision", "certificate_id", looked_up(), Written("CertificateId", DUMMY)),
    (
        "CertificateTransferDecision",
        "decision",
        "accept",
        Refused("decision is 'accept'. Use TransferDecision.ACCEPT or "),
    ),
    (
        "CertificateTransferDecision",
        "reject_reason",
        "x",
        Refused("reject_reason cannot be combined with decision ACCEPT. Remove it"),
    ),
    (
        "CertificateTransferDecision",
        "on_delete",
        "RETAIN ",
        Refused("on_delete is 'RETAIN '. Use AcceptedCertificateOn"),
    ),
    ("CertificateTransferDecision", "status", "ACTIVE", Written("Status", "ACTIVE")),
    (
        "RegistrationCode",
        "removal_policy",
        RemovalPolicy.SNAPSHOT,
        Refused(
            "removal_policy is RemovalPolicy.SNAPSHOT, which a registration code does not have. Use RemovalPolicy.RE"
        ),
    ),
    ("IssuedDeviceCertificate", "previous_certificate", "KEEP", Written("PreviousCertificate", "KEEP")),
    (
        "IssuedDeviceCertificate",
        "previous_certificate",
        "keep",
        Refused("previous_certificate is 'keep'. Use Prev"),
    ),
    ("SelfSignedCaCertificate", "previous_certificate", "KEEP", Written("PreviousCertificate", "KEEP")),
    ("SelfSignedCaCertificate", "previous_certificate", "DELETE", Written("PreviousCertificate", None)),
    ("SelfSignedCaCertificate", "previous_certificate", True, Refused("previous_certificate is True. Use Previous")),
    ("RegistrationCode", "removal_policy", RemovalPolicy.DESTROY, Written("OnDelete", "DELETE")),
    ("CertificateGeneration", "requested", "", Refused("requested is empty")),
    ("CertificateGeneration", "requested", "a b", Refused("requested 'a b' is")),
    ("CertificateGeneration", "requested", 7, Written("Requested", "7")),
    ("CertificateGeneration", "requested", of_parameter("value_as_string"), Written("Requested", PARAMETER)),
    (
        "CertificateRenewal",
        "every",
        300,
        Refused("every is 300, not a Duration. Give a Duration of aws_cdk"),
    ),
    ("CertificateRenewal", "every", Duration.hours(30), Refused("every is 1.25 days. Give whole days")),
    ("CertificateRenewal", "every", Duration.hours(12), Refused("every is 0.5 days. Give whole days")),
    ("CertificateRenewal", "provider", 7, Refused("provider is 7. Give an IotCertificateProvider")),
    ("CertificateRenewal", "log_retention", 30, Refused("log_retention is 30. Use RetentionDays.")),
    (
        "CertificateRenewal",
        "log_group",
        "/aws/lambda/x",
        Refused("log_group is '/aws/lambda/x'. Give the log group it"),
    ),
    ("CertificateGeneration", "provider", 7, Refused("provider is 7. Give an IotCertificateProvider")),
    ("RegistrationCode", "provider", 7, Refused("provider is 7. Give an IotCertificateProvider")),
    ("IotCertificateProvider", "runtime", "python3.13", Refused("runtime is 'python3.13'. Give lambda_.Runtime.")),
    ("IotCertificateProvider", "architecture", "arm64", Refused("architecture is 'arm64'. Give lambda_.Architecture.")),
    ("IotCertificateProvider", "memory_size", "512", Refused("memory_size is '512'. Give a whole number, 128 or more")),
    ("IotCertificateProvider", "memory_size", 64, Refused("memory_size is 64. Give a whole number, 128 or more")),
    ("IotCertificateProvider", "timeout", 300, Refused("timeout is 300, not a Duration.")),
    ("IotCertificateProvider", "log_retention", 30, Refused("log_retention is 30. Use RetentionDays.")),
    (
        "IotCertificateProvider",
        "log_group",
        "/aws/lambda/x",
        Refused("log_group is '/aws/lambda/x'. Give the log group it"),
    ),
    ("IotCertificateProvider", "vpc", "vpc-1", Refused("vpc is 'vpc-1'. Give the VPC itself")),
    (
        "IotCertificateProvider",
        "reserved_concurrent_executions",
        True,
        Refused("reserved_concurrent_executions is True."),
    ),
    ("IotCertificateProvider", "tracing", "Active", Refused("tracing is 'Active'. Use Tracing.")),
    ("IotCertificateProvider", "code", "asset.zip", Refused("code is 'asset.zip'. Give lambda_.Code.from_asset(")),
    ("IotCertificateProvider.from_service_token", "service_token", None, Refused("service_token is None, not a text.")),
    (
        "IotCertificateProvider.from_service_token",
        "service_token",
        "arn:aws:sns",
        Refused(
            "service_token 'arn:aws:sns' is not the ARN of a function. Give the ARN of the function, or Fn.import_"
        ),
    ),
    ("IotCertificateProvider.from_service_token", "service_token", looked_up(), Written("", None)),
    ("IotCertificateProvider.from_function", "function", "x", Refused("function is 'x'. Give the function: lambda_.")),
    (
        "IotCertificateProviderStack",
        "code_location",
        "s3://b/k",
        Refused("code_location is 's3://b/k'. Give s3.Location("),
    ),
    ("CertificateExpirySchedule", "provider", None, Refused("provider is None. Give an IotCertificateProvider")),
    (
        "CertificateExpirySchedule",
        "schedule",
        Duration.days(1),
        Refused("schedule is a Duration. Give events.Schedule."),
    ),
    (
        "CertificateAlarms",
        "days_to_expiry",
        Duration.days(30),
        Refused("days_to_expiry is a Duration. Give a whole number"),
    ),
    ("CertificateAlarms", "actions", "arn:aws:sns", Refused("actions is 'arn:aws:sns', not a list")),
    ("CertificateAlarms", "actions", ["arn:aws:sns"], Refused("actions is 'arn:aws:sns'. Give alarm actions")),
    ("CertificateDashboard", "dashboard_name", 7, Refused("dashboard_name is 7, not a text")),
]

SHA256 = "cd" * 32
FLEETS: list[Row] = [
    (
        "DeviceCertificateFleet",
        "manifest",
        "manifest",
        Refused("manifest is 'manifest'. Give FleetManifest.from_file("),
    ),
    ("DeviceCertificateFleet", "max_registrations_per_second", 0, Refused("max_registrations_per_second is 0. Give ")),
    ("DeviceCertificateFleet", "max_registrations_per_second", 0.0625, Refused("max_registrations_per_second is 0.06")),
    ("DeviceCertificateFleet", "max_registrations_per_second", True, Refused("max_registrations_per_second is True")),
    (
        "DeviceCertificateFleet",
        "tolerated_failure_percentage",
        101,
        Refused("tolerated_failure_percentage is 101. Give"),
    ),
    ("DeviceCertificateFleet", "wait_for_completion", "no", Refused("wait_for_completion is 'no'. Give True or False")),
    ("DeviceCertificateFleet", "ca_certificate", "Ca", Refused("ca_certificate is a text")),
    ("DeviceCertificateFleet", "policies", "telemetry", Refused("policies is 'telemetry', not a list. Give a list")),
    ("DeviceCertificateFleet", "policies", ["telemetry"], Refused("policies is 'telemetry'. Give an iot.CfnPolicy of")),
    ("DeviceCertificateFleet", "removal_policy", "RETAIN", Refused("removal_policy is 'RETAIN'. Use RemovalPolicy.")),
    ("DeviceCertificateFleet", "provider", 7, Refused("provider is 7. Give an IotCertificateProvider")),
    ("DeviceCertificateFleet", "max_registrations_per_second", 60, Written("MaxRegistrationsPerSecond", "60")),
    ("DeviceCertificateFleet", "tolerated_failure_percentage", 2.5, Written("ToleratedFailurePercentage", "2.5")),
    (
        "IotCertificateFleetProviderStack",
        "code_location",
        "s3://b/k",
        Refused("code_location is 's3://b/k'. Give s3.Location("),
    ),
]

TABLE: list[Row] = [*DEVICES, *CAS, *MADE_HERE, *OTHERS, *FLEETS]


def other_arguments(construct: str, stack: Stack, row: str) -> dict[str, Any]:
    """Return what the construct cannot do without, besides the row's own argument."""
    if construct == "DeviceCertificate":
        return {"certificate_pem": issuing.make_device(CA, row).pem}
    if construct == "CaCertificate":
        return {"certificate_pem": issuing.make_ca(row).pem, **_proof(stack, row)}
    if construct == "SelfSignedCaCertificate":
        return {"subject": "a CA"}
    if construct == "IssuedDeviceCertificate":
        issuer = CertificateIssuer.private_key_secret(CA.pem, secretsmanager.Secret(stack, f"{row}IssuerKey"))
        return {"issuer": issuer, "subject": "device"}
    if construct == "CertificateTransfer":
        certificate = DeviceCertificate.from_certificate_arn(
            stack, f"{row}Device", ARN.format("iot", f"cert/{DEVICE_ID}")
        )
        return {"certificate": certificate, "target_aws_account": "210987654321"}
    if construct == "CertificateTransferDecision":
        return {"certificate_id": DEVICE_ID, "decision": TransferDecision.ACCEPT}
    if construct in ("CertificateExpirySchedule", "CertificateAlarms", "CertificateDashboard"):
        return {"provider": IotCertificateProvider.get_or_create(stack)}
    return dict(_CONSTANT.get(construct, {}))


_CONSTANT: dict[str, dict[str, Any]] = {
    "CertificateGeneration": {"requested": "1"},
    "DeviceCertificateFleet": {"manifest": FleetManifest.from_s3("bucket", f"north/{SHA256}/", 1_000)},
}
"""What needs nothing of a stack."""


def _proof(stack: Stack, row: str) -> dict[str, Any]:
    key = secretsmanager.Secret(stack, f"{row}CaKey")
    return {"proof_of_possession": ProofOfPossession.private_key_secret(key)}
