"""Certificates that AWS Private CA issues, and what is wrong with a CA that does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

import issuing
from fakes.acm_pca import PrivateCa
from fakes.aws import FakeAws
from fakes.refusal import Refusal
from iot_certificate_provider.aws.acm_pca import PrivateCaGateway, signing_algorithm
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.contract import PrivateCaTemplate
from iot_certificate_provider.errors import AccessDeniedError, NotFoundError, RefusedError, UnusableError
from iot_certificate_provider.pki import Certificate
from iot_certificate_provider.pki.certificate_signer import signature_hash

if TYPE_CHECKING:
    from fakes.aws import Call

ARN = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/0f6e3a54-0000-4000-8000-000000000001"
CHINA = ARN.replace("arn:aws:", "arn:aws-cn:")


class Stage:
    def __init__(self) -> None:
        self.aws = FakeAws()
        self.now = datetime.now(UTC)
        self.ca = PrivateCa(issuing.make_ca("Private CA", issuer=issuing.make_ca("Root CA")))
        self.aws.acm_pca.cas[ARN] = self.ca
        self.gateway = PrivateCaGateway(AwsClients(self.aws.session()))

    def issue(
        self,
        days: float = 1,
        csr: str | None = None,
        template: PrivateCaTemplate = PrivateCaTemplate.END_ENTITY,
    ) -> str:
        return self.gateway.issue_certificate(
            ARN,
            csr or issuing.make_csr("code").pem,
            algorithm="SHA256WITHECDSA",
            not_after=self.now + timedelta(days=days),
            template=template,
        )

    def sent(self) -> Any:
        return next(call for call in self.aws.calls if call.name == "acm-pca.IssueCertificate").parameters


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_the_certificate_is_the_cas_own_without_its_chain(stage: Stage) -> None:
    assert Certificate.from_pem(stage.gateway.ca_certificate(ARN)).parsed == stage.ca.issuer.certificate


def test_a_certificate_is_none_until_it_is_issued(stage: Stage) -> None:
    arn = stage.issue()
    assert stage.gateway.certificate(ARN, arn) is None
    issued = stage.gateway.certificate(ARN, arn)
    assert issued is not None
    parsed = x509.load_pem_x509_certificate(issued.encode())
    assert parsed.subject.rfc4514_string() == "CN=code"


@pytest.mark.parametrize("template", list(PrivateCaTemplate))
def test_the_template_is_named_in_the_partition_of_the_ca(stage: Stage, template: PrivateCaTemplate) -> None:
    stage.issue(template=template)
    assert stage.sent()["TemplateArn"] == f"arn:aws:acm-pca:::template/{template}"
    stage.aws.calls.clear()
    with pytest.raises(UnusableError):
        stage.gateway.issue_certificate(
            CHINA, issuing.make_csr().pem, algorithm="SHA256WITHRSA", not_after=stage.now, template=template
        )
    assert stage.sent()["TemplateArn"] == f"arn:aws-cn:acm-pca:::template/{template}"


def test_the_same_request_again_is_one_certificate(stage: Stage) -> None:
    csr = issuing.make_csr("code").pem
    assert stage.issue(csr=csr) == stage.issue(csr=csr)
    assert len(stage.ca.issued) == 1
    others = [
        stage.issue(csr=issuing.make_csr("another").pem),
        stage.issue(csr=csr, days=2),
        stage.issue(csr=csr, template=PrivateCaTemplate.CLIENT_AUTH),
    ]
    assert len({stage.issue(csr=csr), *others}) == 4


@pytest.mark.parametrize("mode", ["GENERAL_PURPOSE", "SHORT_LIVED_CERTIFICATE"])
def test_both_usage_modes_take_an_end_within_the_day(stage: Stage, mode: str) -> None:
    stage.ca.usage_mode = mode
    assert stage.issue(days=0.5)


def test_a_ca_of_short_lived_certificates_refuses_more_than_seven_days(stage: Stage) -> None:
    stage.ca.usage_mode = "SHORT_LIVED_CERTIFICATE"
    with pytest.raises(RefusedError, match="seven days"):
        stage.issue(days=8)


@pytest.mark.parametrize(
    ("kind", "hash_name", "expected"),
    [
        ("p256", "sha512", "SHA256WITHECDSA"),
        ("p384", "sha256", "SHA384WITHECDSA"),
        ("p521", "sha256", "SHA512WITHECDSA"),
        ("rsa2048", "sha256", "SHA256WITHRSA"),
        ("rsa3072", "sha512", "SHA512WITHRSA"),
    ],
)
def test_the_algorithm_is_of_the_family_of_the_cas_key(kind: str, hash_name: str, expected: str) -> None:
    ca = Certificate.from_pem(issuing.make_ca(key_kind=kind, hash_name=hash_name).pem)
    assert signing_algorithm(ca, signature_hash(ca)) == expected


@pytest.mark.parametrize("status", ["DISABLED", "EXPIRED", "PENDING_CERTIFICATE", "DELETED"])
def test_one_that_is_not_active_does_not_issue(stage: Stage, status: str) -> None:
    stage.ca.status = status
    with pytest.raises(UnusableError, match="the private CA is not ACTIVE"):
        stage.issue()


def test_one_that_is_gone(stage: Stage) -> None:
    stage.aws.acm_pca.cas.clear()
    with pytest.raises(UnusableError, match="the private CA does not exist"):
        stage.gateway.ca_certificate(ARN)


def test_a_certificate_that_is_not_there_is_not_the_ca(stage: Stage) -> None:
    with pytest.raises(NotFoundError, match="the certificate of the private CA: does not exist"):
        stage.gateway.certificate(ARN, f"{ARN}/certificate/none")


def test_a_request_that_failed_says_so(stage: Stage) -> None:
    def fail(call: Call) -> None:
        if call.name == "acm-pca.GetCertificate":
            raise Refusal("RequestFailedException", "The request has failed")

    arn = stage.issue()
    stage.aws.before = fail
    with pytest.raises(RefusedError, match="AWS could not issue the certificate"):
        stage.gateway.certificate(ARN, arn)


def test_not_being_allowed_is_no_bad_ca(stage: Stage) -> None:
    def refuse(_: object) -> None:
        said = "User: arn is not authorized to perform: acm-pca:IssueCertificate on resource: arn"
        raise Refusal("AccessDeniedException", said)

    stage.aws.before = refuse
    with pytest.raises(AccessDeniedError, match="acm-pca:IssueCertificate on the private CA"):
        stage.issue()
