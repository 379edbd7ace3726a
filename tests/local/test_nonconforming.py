"""The corpus of files that other tools refuse, sent to the embedded AWS as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from iot_certificate_provider.pki import Certificate
from nonconforming import drafts
from nonconforming.cases import CASES, Case, Kind
from nonconforming.writing import UTF8, common_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from boto3 import Session
    from types_boto3_iot import IoTClient

    from iot_certificates_local import EmbeddedAws

pytestmark = pytest.mark.emulator

CA_ID = Certificate.from_pem(drafts.CA.pem).id


@pytest.fixture(scope="module")
def iot(unthrottled_aws: EmbeddedAws) -> IoTClient:
    """Give a client of one account for all: what is registered by one file is in no other's way."""
    client: IoTClient = unthrottled_aws.session(account="299999999999").client("iot")
    client.register_ca_certificate(caCertificate=drafts.CA.pem, certificateMode="SNI_ONLY", setAsActive=True)
    return client


@pytest.fixture
def client_for(iot: IoTClient, account: Session) -> Callable[[Case], IoTClient]:
    """Choose the client: a CA of the same name, in the same account, is in the way of its devices."""

    def choose(case: Case) -> IoTClient:
        return account.client("iot") if case.kind is Kind.CA else iot

    return choose


def register(iot: IoTClient, case: Case) -> str:
    if case.kind is Kind.CA:
        return iot.register_ca_certificate(caCertificate=case.text, certificateMode="SNI_ONLY")["certificateId"]
    if case.kind is Kind.REQUEST:
        return iot.create_certificate_from_csr(certificateSigningRequest=case.text)["certificateId"]
    if not case.by_the_ca:
        return iot.register_certificate_without_ca(certificatePem=case.text)["certificateId"]
    # The issuer is found by its name.
    return iot.register_certificate(certificatePem=case.text)["certificateId"]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_each_file_is_registered_or_refused(client_for: Callable[[Case], IoTClient], case: Case) -> None:
    iot = client_for(case)
    if case.refusal is not None:
        with pytest.raises(ClientError) as caught:
            register(iot, case)
        code = caught.value.response["Error"]["Code"]
        assert code in ("CertificateValidationException", "InvalidRequestException")
        return
    certificate_id = register(iot, case)
    if case.kind is not Kind.REQUEST:
        assert certificate_id == Certificate.from_pem(case.text).id
    if case.kind is Kind.DEVICE and case.by_the_ca:
        described = iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]
        assert described["caCertificateId"] == CA_ID


@pytest.mark.parametrize("named", [True, False], ids=["by the CA that is named", "by the CA that is found"])
def test_a_wrong_signature_and_a_wrong_name_are_told_apart(iot: IoTClient, named: bool) -> None:
    forged = drafts.Certificate(issuer=common_name(b"FACTORY CA", UTF8), signing_key=drafts.DEVICE_KEY)
    ca: dict[str, Any] = {"caCertificatePem": drafts.CA.pem} if named else {}
    with pytest.raises(iot.exceptions.CertificateValidationException, match="The signature of the certificate failed"):
        iot.register_certificate(certificatePem=forged.pem, **ca)

    renamed = drafts.Certificate(issuer=common_name(b"Another CA", UTF8))
    expected: Any = (
        pytest.raises(
            iot.exceptions.CertificateValidationException, match="The issuer of the certificate did not match"
        )
        if named
        else pytest.raises(iot.exceptions.CertificateStateException)
    )
    with expected:
        iot.register_certificate(certificatePem=renamed.pem, **ca)
