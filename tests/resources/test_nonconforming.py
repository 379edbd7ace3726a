"""The corpus of files that other tools refuse, in the function: read, registered on the fake AWS, deleted."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat

import issuing
from iot_certificate_provider.contract import MAX_REASON_CHARACTERS
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.pki import Certificate
from nonconforming import drafts
from nonconforming.cases import CASES, Case, Kind
from resources.stage import KEY_SECRET, Stage

SNI_ONLY = {"CertificateMode": "SNI_ONLY"}
every = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


def properties(case: Case) -> dict[str, Any]:
    if case.kind is Kind.CA:
        return {"CACertificatePem": case.text, **SNI_ONLY}
    if case.kind is Kind.REQUEST:
        return {"CertificateSigningRequest": case.text}
    return {"CertificatePem": case.text, **({"CACertificatePem": drafts.CA.pem} if case.by_the_ca else SNI_ONLY)}


@every
def test_each_file_is_registered_and_deleted_or_refused(case: Case) -> None:
    stage = Stage()
    stage.iot.RegisterCACertificate(drafts.CA.pem, setAsActive=True, certificateMode="SNI_ONLY")
    resource = stage.ca if case.kind is Kind.CA else stage.device
    if case.refusal is not None:
        with pytest.raises(InvalidPropertyError) as caught:
            stage.create(resource, properties(case))
        assert case.refusal in str(caught.value)
        assert len(str(caught.value)) <= MAX_REASON_CHARACTERS
        assert len(stage.iot.cas) == 1
        assert not stage.iot.certificates
        return
    outcome = stage.create(resource, properties(case))
    if case.kind is not Kind.REQUEST:
        assert outcome.physical_id == Certificate.from_pem(case.text).id
    assert outcome.physical_id in {**stage.iot.cas, **stage.iot.certificates}
    stage.delete(resource, outcome.physical_id, properties(case))
    assert outcome.physical_id not in {**stage.iot.cas, **stage.iot.certificates}


@pytest.mark.parametrize("case", [c for c in CASES if c.kind is Kind.CA and c.refusal is None], ids=lambda c: c.name)
def test_a_ca_that_other_tools_refuse_proves_that_it_has_its_key(case: Case) -> None:
    """The function issues a verification certificate under the CA's name, whatever that is written in."""
    stage = Stage()
    key = drafts.CA_KEY if "RSA" not in case.name else drafts.RSA_CA_KEY
    stage.aws.secrets.values[KEY_SECRET] = issuing.key_pem(key)
    outcome = stage.create(stage.ca, {"CACertificatePem": case.text, "VerificationKey": {"SecretArn": KEY_SECRET}})
    assert stage.iot.cas[outcome.physical_id].mode == "DEFAULT"


NOT_KEYS = {
    "a certificate": drafts.CA.pem,
    "a JSON object": '{"privateKey": "x"}',
    "half a key": issuing.key_pem(drafts.CA_KEY)[:90],
    "another key": issuing.key_pem(drafts.DEVICE_KEY),
    "a legacy key without line ends": issuing.folded(
        issuing.key_pem(drafts.CA_KEY, "a passphrase", PrivateFormat.TraditionalOpenSSL)
    ),
    "nothing": " ",
}


@pytest.mark.parametrize("text", NOT_KEYS.values(), ids=NOT_KEYS.keys())
def test_what_is_wrong_with_a_key_names_its_secret_and_its_ca(text: str) -> None:
    stage = Stage()
    stage.aws.secrets.values[KEY_SECRET] = text
    with pytest.raises(InvalidPropertyError) as caught:
        stage.create(stage.ca, {"CACertificatePem": drafts.CA.pem, "VerificationKey": {"SecretArn": KEY_SECRET}})
    assert str(caught.value).startswith("VerificationKey.SecretArn: ")
    assert "(secret factory/ca-key-AbCdEf, CA CN=Factory CA)" in str(caught.value)
    assert len(str(caught.value)) <= MAX_REASON_CHARACTERS
    assert not any(word in str(caught.value) for word in text.split() if len(word) >= 20)


def test_a_name_that_is_no_secrets_is_not_shown_and_that_of_a_bad_key_is() -> None:
    stage = Stage()
    stage.aws.secrets.values[KEY_SECRET] = "no key"
    for given, shown in (("hidden-text", "(CA CN=Factory CA)"), ("factory/ca-key", "(secret factory/ca-key, CA CN")):
        properties = {"CACertificatePem": drafts.CA.pem, "VerificationKey": {"SecretArn": given}}
        with pytest.raises(InvalidPropertyError, match=re.escape(shown)) as caught:
            stage.create(stage.ca, properties)
        assert "hidden-text" not in str(caught.value)


def test_a_key_of_openssh_with_written_out_line_ends_proves_possession() -> None:
    stage = Stage()
    text = issuing.key_pem(drafts.CA_KEY, format=PrivateFormat.OpenSSH)
    stage.aws.secrets.values[KEY_SECRET] = text.replace("\n", "\\n")
    outcome = stage.create(stage.ca, {"CACertificatePem": drafts.CA.pem, "VerificationKey": {"SecretArn": KEY_SECRET}})
    assert stage.iot.cas[outcome.physical_id].mode == "DEFAULT"
