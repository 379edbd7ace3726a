"""In DEFAULT mode one account in a Region can have a CA certificate."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from issuing import Issued, make_ca, make_verification_certificate
from local.fresh_accounts import ACCOUNTS
from local.strict_stage import Stage

if TYPE_CHECKING:
    from iot_certificates_local import EmbeddedAws


def _id(ca: Issued) -> str:
    return hashlib.sha256(ca.der).hexdigest()


def _proof(ca: Issued, iot: Any) -> str:
    return make_verification_certificate(ca, iot.get_registration_code()["registrationCode"]).pem


CA = make_ca()
ID = _id(CA)


def _status(stage: Stage, mode: str | None, elsewhere: str, owner: str = "444455556666") -> int:
    stage.registry.cas_elsewhere = [(owner, {"certificateId": ID, "certificateMode": elsewhere})]
    members = {"caCertificate": CA.pem} | ({"certificateMode": mode} if mode else {})
    return stage.ask("POST", "/cacertificate", members)[0]


def test_the_second_account_is_refused() -> None:
    stage = Stage()
    assert _status(stage, None, "DEFAULT") == 409
    assert _status(stage, "DEFAULT", "DEFAULT") == 409
    assert _status(stage, "DEFAULT", "SNI_ONLY") == 200
    assert _status(stage, "SNI_ONLY", "DEFAULT") == 200
    stage.registry.cas_elsewhere = []
    assert stage.ask("POST", "/cacertificate", {"caCertificate": CA.pem})[0] == 200


@pytest.mark.emulator
def test_on_the_embedded_aws_the_other_account_finds_nothing(unthrottled_aws: EmbeddedAws) -> None:
    ca = make_ca()
    clients: list[Any] = [unthrottled_aws.session(account=str(next(ACCOUNTS))).client("iot") for _ in range(2)]
    first, second = clients
    first.register_ca_certificate(caCertificate=ca.pem, verificationCertificate=_proof(ca, first))
    with pytest.raises(second.exceptions.ResourceAlreadyExistsException) as refused:
        second.register_ca_certificate(caCertificate=ca.pem, verificationCertificate=_proof(ca, second))
    assert refused.value.response["resourceId"] == _id(ca)
    with pytest.raises(second.exceptions.ResourceNotFoundException):
        second.describe_ca_certificate(certificateId=_id(ca))
    elsewhere: Any = unthrottled_aws.session(account=str(next(ACCOUNTS)), region="us-east-1").client("iot")
    elsewhere.register_ca_certificate(caCertificate=ca.pem, verificationCertificate=_proof(ca, elsewhere))
    first.delete_ca_certificate(certificateId=_id(ca))
    second.register_ca_certificate(caCertificate=ca.pem, verificationCertificate=_proof(ca, second))
