"""Step 17, opt-in, because it costs: certificates that AWS Private CA issues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import issuing
from acceptance.holdings import TAG
from acceptance.stacks import PlayedStack
from acceptance.step import NotTriedError, Reliance, Step

if TYPE_CHECKING:
    from acceptance.stage import Stage

ROOT, VALID_DAYS = "ca:root", 5
"""A CA for short-lived certificates costs an eighth of one for others, and allows seven days."""

_READY_SECONDS = 300.0


def play(stage: Stage) -> None:
    """Create a private CA, register it by a proof that it issues, and have it issue for a device."""
    if not (stage.run.private_ca or stage.place.is_embedded):
        raise NotTriedError("it costs: opt in with MORE=--private-ca")
    arn = _private_ca(stage)
    if not arn:
        return
    stage.run.provider.allow(CertificateAuthorityArns=arn)
    stack = PlayedStack(stage, "private-ca")
    status = stack.create(_resources(stage, arn))
    if not stage.check(status == "CREATE_COMPLETE", f"a private CA and its device: {status}, {stack.reasons()}"):
        return
    found = stage.ask("iot", "DescribeCACertificate", certificateId=stack.physical_id("Ca"))
    description = found.members.get("certificateDescription", {})
    stage.check(description.get("certificateMode") == "DEFAULT", f"the registration of a private CA: {found}")
    issued = stage.ask("iot", "DescribeCertificate", certificateId=stack.physical_id("Device"))
    if stage.check(issued.is_success, f"the certificate that it issued: {issued}"):
        _is_as_checked(stage, issued.members["certificateDescription"]["certificatePem"])
    status = stack.delete()
    stage.check(status == "DELETE_COMPLETE", f"deletion: {status}, {stack.reasons()}")


def _private_ca(stage: Stage) -> str:
    """Create a private CA below a root of the run's, and install its certificate; return the ARN."""
    name, client = stage.name("private-ca"), stage.client("acm-pca")
    configuration = {
        "KeyAlgorithm": "EC_prime256v1",
        "SigningAlgorithm": "SHA256WITHECDSA",
        "Subject": {"CommonName": name},
    }
    arn: str = client.create_certificate_authority(
        CertificateAuthorityConfiguration=configuration,
        CertificateAuthorityType="SUBORDINATE",
        UsageMode="SHORT_LIVED_CERTIFICATE",
        Tags=[{"Key": TAG, "Value": stage.place.prefix}],
    )["CertificateAuthorityArn"]
    stage.disguise.learn(arn, "private ca")
    csr, took = stage.ask_until(
        lambda answer: answer.is_success,
        _READY_SECONDS,
        "acm-pca",
        "GetCertificateAuthorityCsr",
        CertificateAuthorityArn=arn,
    )
    if not stage.check(csr.is_success, f"the request of a new private CA after {took:.0f} s: {csr}"):
        return ""
    request = x509.load_pem_x509_csr(csr.members["Csr"].encode())
    root = stage.material.issued(ROOT)
    pem = issuing.certify_ca(request.public_key(), request.subject, root, valid=stage.material.validity())
    stage.disguise.learn(pem, "private ca's certificate")
    imported = stage.ask(
        "acm-pca",
        "ImportCertificateAuthorityCertificate",
        CertificateAuthorityArn=arn,
        Certificate=pem.encode(),
        CertificateChain=root.pem.encode(),
    )
    return arn if stage.check(imported.is_success, f"installing its certificate: {imported}") else ""


def _resources(stage: Stage, arn: str) -> dict[str, Any]:
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": stage.name("device")}}
    device = {
        "Issuer": {"CertificateAuthorityArn": arn},
        "Subject": {"CommonName": stage.name("device")},
        "ValidityDays": str(VALID_DAYS),
        "CredentialsSecretArn": {"Ref": "Secret"},
    }
    return {
        "Secret": secret,
        # Nothing but its ARN: its certificate is read from there.
        "Ca": {"Type": "Custom::IotCaCertificate", "Properties": {"VerificationKey": {"CertificateAuthorityArn": arn}}},
        "Device": {"Type": "Custom::IotIssuedDeviceCertificate", "DependsOn": ["Ca"], "Properties": device},
    }


def _is_as_checked(stage: Stage, pem: str) -> None:
    """Check what the template has made: subject, validity, purposes."""
    made = x509.load_pem_x509_certificate(pem.encode())
    names = [str(each.value) for each in made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    stage.check(names == [stage.name("device")], f"its subject is {made.subject.rfc4514_string()}")
    days = (made.not_valid_after_utc - made.not_valid_before_utc).total_seconds() / 86_400
    stage.check(VALID_DAYS <= days < VALID_DAYS + 1, f"it is valid for {days:.2f} days")
    purposes = list(made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    stage.check(purposes == [ExtendedKeyUsageOID.CLIENT_AUTH], f"its purposes are {purposes}")
    extensions = sorted(f"{each.oid.dotted_string} {each.critical}" for each in made.extensions)
    stage.observe("extensions, and whether they are critical", extensions)


STEP = Step(
    number=17,
    settles="AWS Private CA",
    assumption="AWS Private CA issues by the templates that the role is allowed, with the profile that is checked",
    relies_on=(
        Reliance("iot_certificate_provider.aws.acm_pca:PrivateCaGateway", "issues, and waits for the certificate"),
        Reliance("iot_certificate_provider.pki.profiles:check_end_entity_profile", "checks what was issued"),
        Reliance("iot_certificates.permission_statements:issuing", "allows templates by their names"),
    ),
    if_false="Change aws/acm_pca.py and the templates in contract.py; then tests/fakes/acm_pca.py.",
    play=play,
    minutes=4,
    dollars=0.30,
    timeout_minutes=25,
)
