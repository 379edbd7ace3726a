"""What may be a key or a passphrase, in its place or in a wrong one, is quoted by no error and no log line."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.kms import Key
from fakes.refusal import Refusal
from handler.played import Place, Played, event_of, places_in, put
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.properties.shapes import Map, Maps, Pem, Shape, Text
from samples import CA, CSR, IN_KMS, SAMPLES, SECRET, Samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fakes.aws import Call
    from handler.listening import Everything

KEY = issuing.make_ca("Leaked").key_pem()
PASSPHRASE = "correct horse"

IN_HEX = "f3a91c0de7b24468aa5fd01993cbe872"

MISPLACED = {
    "a passphrase": PASSPHRASE,
    "a line of a key": KEY.splitlines()[1][:44],
    "the last line of a key": f"{KEY.splitlines()[-2][:24]}==",
    "a key in hex": IN_HEX,
    "a PEM of an own kind": "-----BEGIN PASSWORD OF HORSE-----\nbattery staple\n-----END PASSWORD OF HORSE-----",
    "a key": KEY,
}

SELF_SIGNED = {"Subject": {"CommonName": "Made CA"}, "PrivateKeySecretArn": SECRET, "CertificateMode": "SNI_ONLY"}


def key_like(shape: Shape, at: Place = ()) -> Iterator[Place]:
    """Every place of a type where a PEM, a secret, or a key belongs, by its name."""
    for declared in shape.properties:
        place = (*at, str(declared.name))
        if isinstance(declared, Pem) or (isinstance(declared, Text) and declared.secret):
            yield place
        if isinstance(declared, Map):
            yield from key_like(declared.shape, place)
        assert not isinstance(declared, Maps) or not [*key_like(declared.shape)]


def pieces(secret: str) -> Iterator[str]:
    """Every part of eight characters, any of which is a quotation, but those of a key's own BEGIN and END lines."""
    for line in secret.replace("-----BEGIN PRIVATE KEY-----", "").replace("-----END PRIVATE KEY-----", "").splitlines():
        words = line.removeprefix("-----BEGIN ").removeprefix("-----END ").removesuffix("-----")
        yield from (words[start : start + 8] for start in range(len(words) - 7))


def assert_unquoted(secret: str, answers: list[bytes], log: Everything) -> None:
    told = json.dumps([json.loads(each) for each in answers], ensure_ascii=False) + log.text
    assert [piece for piece in pieces(secret) if piece in told] == []


def refuse_with_all_that_was_sent(code: str, message: str) -> Any:
    def refuse(call: Call) -> None:
        if not call.name.startswith(("iot.", "cloudformation.")):
            raise Refusal(code, message.format(*call.parameters.values(), *[""] * 9))

    return refuse


def test_the_places_where_keys_belong_are_known() -> None:
    names = {place[-1] for sample in SAMPLES for place in key_like(sample.shape)}
    assert names == {
        "CACertificatePem",
        "CertificatePem",
        "CertificateSigningRequest",
        "VerificationCertificatePem",
        "SecretArn",
        "JsonField",
        "PassphraseSecretArn",
        "KmsKeyId",
        "CertificateAuthorityArn",
        "PrivateKeySecretArn",
        "CredentialsSecretArn",
    }


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ResourceNotFoundException", "Can't find {}."),
        ("NotFoundException", "Invalid keyId {}"),
        ("ValidationException", "Value '{}' at 'secretId' failed to satisfy a constraint"),
        (
            "AccessDeniedException",
            "User: x is not authorized to perform: secretsmanager:GetSecretValue on resource: {}",
        ),
        ("InvalidRequestException", "{}"),
        ("InternalServiceError", "{}"),
        ("SomethingNew", "{}"),
    ],
    ids=lambda value: value.partition(" ")[0],
)
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.type.removeprefix("Custom::Iot"))
def test_where_a_key_or_its_name_belongs(sample: Samples, code: str, message: str, log: Everything) -> None:
    played = Played()
    played.aws.before = refuse_with_all_that_was_sent(code, message)
    for accepted in sample.accepted:
        for place in set(key_like(sample.shape)) & set(places_in(accepted)):
            for secret in MISPLACED.values():
                event = event_of("Create", sample, accepted)
                put(event["ResourceProperties"], place, secret)
                assert_unquoted(secret, played.answers_to(event), log)
                log.records.clear()


@pytest.mark.parametrize("kind", ["Create", "Update"])
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.type.removeprefix("Custom::Iot"))
def test_in_a_wrong_place(sample: Samples, kind: str, log: Everything) -> None:
    """A passphrase cannot be told from a name; what looks like a key is quoted nowhere, also not as a name."""
    played = Played()
    for accepted in sample.accepted:
        for place in places_in(accepted):
            if set(map(str, place)) & {"Subject", "TransferMessage", "RejectReason", "Tags", "Generation"}:
                # These become public, in a certificate or in AWS IoT, and are not refused.
                continue
            for name, secret in MISPLACED.items():
                if name != "a passphrase":
                    event = event_of(kind, sample, accepted)
                    put(event["ResourceProperties"], place, secret)
                    assert_unquoted(secret, played.answers_to(event), log)
                    log.records.clear()


@pytest.mark.parametrize("name", [KEY.splitlines()[1][:44], KEY, IN_HEX])
def test_as_the_name_of_a_property(name: str, log: Everything) -> None:
    event = event_of("Create", SAMPLES[1], {**SAMPLES[1].accepted[0], name: "x"})
    answers = Played().answers_to(event)
    assert b"is not a property of this type" in answers[0]
    assert_unquoted(name, answers, log)


@pytest.mark.parametrize("code", ["InvalidRequestException", "LimitExceededException", "EncryptionFailure", "New"])
@pytest.mark.parametrize(
    "properties",
    [
        (ResourceType.SELF_SIGNED_CA_CERTIFICATE, SELF_SIGNED, "PrivateKeySecretArn"),
        (
            ResourceType.ISSUED_DEVICE_CERTIFICATE,
            {
                "Issuer": {"CACertificatePem": CA.pem, **IN_KMS},
                "Subject": {"CommonName": "pump"},
                "CredentialsSecretArn": SECRET,
            },
            "CredentialsSecretArn",
        ),
    ],
    ids=lambda each: each[0].removeprefix("Custom::Iot"),
)
def test_of_a_key_that_was_made_when_its_secret_does_not_take_it(
    properties: tuple[ResourceType, dict[str, Any], str], code: str, log: Everything
) -> None:
    """AWS quotes what it was sent; our words, and the error code, take the place of AWS's."""
    resource_type, declared, name = properties
    played = Played()
    played.aws.secrets.add_empty(SECRET)
    played.aws.kms.keys["alias/factory-ca"] = Key(CA.key)
    sent: list[str] = []

    def refuse(call: Call) -> None:
        if call.name == "secretsmanager.PutSecretValue":
            sent.append(call.parameters["SecretString"])
            raise Refusal(code, f"Value '{call.parameters['SecretString']}' failed to satisfy a constraint")

    played.aws.before = refuse
    sample = next(each for each in SAMPLES if each.type == resource_type)
    answers = played.answers_to(event_of("Create", sample, declared))
    reason = json.loads(answers[0])["Reason"]
    assert "PutSecretValue of the secret" in reason or name in reason
    assert code.replace("LimitExceeded", "") in reason.replace("QuotaExceeded", "Exception").replace(
        "LimitExceeded", ""
    )
    assert "AWS:" not in reason
    assert_unquoted(json.loads(sent[0])["privateKey"], answers, log)


def test_a_signing_request_where_a_certificate_belongs_is_named_without_a_quotation(log: Everything) -> None:
    properties = copy.deepcopy(SAMPLES[1].accepted[1])
    properties["CertificatePem"] = CSR.pem
    answers = Played().answers_to(event_of("Create", SAMPLES[1], properties))
    assert b"is a certificate signing request" in answers[0]
    assert [line for line in CSR.pem.splitlines()[1:-1] if line in answers[0].decode() + log.text] == []
