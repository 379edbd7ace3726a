"""A private key: the forms that are read, refusals that give nothing away, and the kinds that are made."""

from __future__ import annotations

import re
import traceback
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat

import issuing
from iot_certificate_provider.contract import KeyAlgorithm
from iot_certificate_provider.pki import (
    Certificate,
    PrivateKeySigner,
    UnusableError,
    generate_private_key,
    load_private_key,
    private_key_pem,
)
from pki import making

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSPHRASE = "correct horse battery staple"
TRADITIONAL = PrivateFormat.TraditionalOpenSSL

KINDS = ("p256", "p384", "p521", "rsa2048", "rsa3072")
FORMS = {"PKCS #8": PrivateFormat.PKCS8, "PKCS #1 or SEC 1": TRADITIONAL}


def key(kind: str = "p256") -> issuing.PrivateKey:
    return issuing.key_of(kind, "a CA")


def refusal(text: str, passphrase: str | None = None) -> UnusableError:
    """Return the refusal of a key, once it is certain that nothing secret is in it or in what led to it."""
    with pytest.raises(UnusableError) as caught:
        load_private_key(text, passphrase)
    told = " ".join([*_all_words(caught.value), *traceback.format_exception(caught.value)])
    for secret in [passphrase, *re.findall(r"[A-Za-z0-9+/=]{20,}", text)]:
        assert not secret or secret not in told
    assert len(f"VerificationKey.PassphraseSecretArn: {caught.value}") <= 240
    return caught.value


def _all_words(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield f"{error} {error!r} {error.args!r} {vars(error)!r}"
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE], ids=["plain", "encrypted"])
def test_a_key_is_read_in_every_form(kind: str, form: PrivateFormat, passphrase: str | None) -> None:
    text = issuing.key_pem(key(kind), passphrase, form)

    assert load_private_key(text, passphrase).public_key() == key(kind).public_key()


def test_the_forms_are_the_ones_that_are_meant() -> None:
    assert issuing.key_pem(key()).startswith("-----BEGIN PRIVATE KEY-----")
    assert issuing.key_pem(key(), PASSPHRASE).startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert issuing.key_pem(key(), format=TRADITIONAL).startswith("-----BEGIN EC PRIVATE KEY-----")
    assert issuing.key_pem(key("rsa2048"), format=TRADITIONAL).startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert "Proc-Type: 4,ENCRYPTED" in issuing.key_pem(key(), PASSPHRASE, TRADITIONAL)


EC_PARAMETERS = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"

SAME_KEY = {
    "with CRLF line endings": issuing.key_pem(key()).replace("\n", "\r\n"),
    # The Secrets Manager console's form for keys and values has one line a value.
    "folded into one line with spaces": issuing.folded(issuing.key_pem(key())),
    "on one line without spaces": issuing.key_pem(key()).replace("\n", ""),
    "indented": issuing.key_pem(key()).replace("\n", "\n  "),
    "below the attributes that openssl pkcs12 writes": f"Bag Attributes\n  localKeyID: 01\n{issuing.key_pem(key())}",
    "below the parameters that openssl ecparam writes": EC_PARAMETERS + issuing.key_pem(key(), format=TRADITIONAL),
    "below its certificate": issuing.make_ca(key=key()).pem + issuing.key_pem(key()),
    "above its certificate": issuing.key_pem(key()) + issuing.make_ca(key=key()).pem,
}


@pytest.mark.parametrize("text", SAME_KEY.values(), ids=SAME_KEY.keys())
def test_the_same_key_in_other_text_is_read(text: str) -> None:
    assert load_private_key(text, None).public_key() == key().public_key()


def test_an_encrypted_key_folded_into_one_line_is_read() -> None:
    text = issuing.folded(issuing.key_pem(key(), PASSPHRASE))

    assert load_private_key(text, PASSPHRASE).public_key() == key().public_key()


def test_a_passphrase_outside_ascii_is_utf8() -> None:
    text = issuing.key_pem(key(), "Schlüssel zum Tor")

    assert load_private_key(text, "Schlüssel zum Tor").public_key() == key().public_key()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("kind", ["p256", "rsa2048"])
@pytest.mark.parametrize("wrong", ["another secret", PASSPHRASE + "\n", PASSPHRASE.upper(), "\ud800", "x" * 5_000])
def test_a_wrong_passphrase_is_refused(wrong: str, kind: str, form: PrivateFormat) -> None:
    error = refusal(issuing.key_pem(key(kind), PASSPHRASE, form), wrong)

    assert error.problem == "holds no private key that the passphrase opens"


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_missing_passphrase_is_refused_and_its_property_named(form: PrivateFormat) -> None:
    error = refusal(issuing.key_pem(key(), PASSPHRASE, form))

    assert error.problem == "holds an encrypted private key, and no passphrase is given"
    assert "PassphraseSecretArn" in error.fix


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_superfluous_passphrase_is_refused_and_its_property_named(form: PrivateFormat) -> None:
    error = refusal(issuing.key_pem(key(), format=form), PASSPHRASE)

    assert "is not encrypted" in error.problem
    assert "PassphraseSecretArn" in error.fix


NO_KEY = {
    "an empty text": "",
    "garbage": "this is not a key at all, but it is quite long",
    "a certificate": issuing.make_ca().pem,
    "a signing request": issuing.make_csr().pem,
    "a path": "/etc/ssl/private/ca.key",
    "half a key": issuing.key_pem(key())[:100],
    "a key without END": issuing.key_pem(key()).partition("-----END")[0],
    "a key with a damaged line": issuing.key_pem(key()).replace("\nM", "\n*", 1),
    "a key with half a surrogate pair": issuing.key_pem(key()).replace("\nM", "\n\ud800", 1),
    "a key with a zero character": issuing.key_pem(key()).replace("\nM", "\n\0", 1),
    "JSON around a key": f'{{"key": "{issuing.key_pem(key())}"}}'.replace("\n", "\\n"),
    "a key under another label": issuing.key_pem(key()).replace("PRIVATE KEY", "SECRET KEY"),
}


@pytest.mark.parametrize("text", NO_KEY.values(), ids=NO_KEY.keys())
def test_any_other_text_is_refused_and_not_repeated(text: str) -> None:
    assert refusal(text).problem == "holds no readable private key"
    assert refusal(text, PASSPHRASE).problem == "holds no private key that the passphrase opens"


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE], ids=["plain", "encrypted"])
def test_a_key_of_another_kind_is_refused_by_its_kind(passphrase: str | None) -> None:
    error = refusal(issuing.key_pem(key("ed25519"), passphrase), passphrase)

    assert error.problem == "holds a private key of a kind that AWS IoT does not know: Ed25519"


@pytest.mark.parametrize("kind", KINDS)
def test_another_cas_key_is_refused_before_it_signs(kind: str) -> None:
    ca = Certificate.from_pem(issuing.make_ca().pem)
    other = load_private_key(issuing.key_pem(issuing.key_of(kind, "another CA")), None)

    with pytest.raises(UnusableError, match=r"^holds another key than the CA certificate's"):
        PrivateKeySigner(ca, other)


# --- Made ------------------------------------------------------------------------------------------------------------

MADE: dict[KeyAlgorithm, tuple[type, int]] = {
    KeyAlgorithm.EC_P256: (ec.SECP256R1, 256),
    KeyAlgorithm.EC_P384: (ec.SECP384R1, 384),
    KeyAlgorithm.RSA_2048: (rsa.RSAPrivateKey, 2048),
    KeyAlgorithm.RSA_3072: (rsa.RSAPrivateKey, 3072),
    KeyAlgorithm.RSA_4096: (rsa.RSAPrivateKey, 4096),
}


def test_the_table_of_kinds_that_are_made_is_whole() -> None:
    assert set(MADE) == set(KeyAlgorithm)


@pytest.mark.parametrize("algorithm", MADE)
def test_a_key_is_made_of_the_kind_that_was_asked_for(algorithm: KeyAlgorithm) -> None:
    kind, bits = MADE[algorithm]
    made = making.key(algorithm, "CA")

    assert made.key_size == bits
    assert isinstance(made.curve if isinstance(made, ec.EllipticCurvePrivateKey) else made, kind)
    if isinstance(made, rsa.RSAPrivateKey):
        assert made.public_key().public_numbers().e == 65_537


@pytest.mark.parametrize("algorithm", [KeyAlgorithm.EC_P256, KeyAlgorithm.EC_P384, KeyAlgorithm.RSA_2048])
def test_no_key_is_made_twice(algorithm: KeyAlgorithm) -> None:
    assert generate_private_key(algorithm).public_key() != generate_private_key(algorithm).public_key()


@pytest.mark.parametrize("algorithm", MADE)
def test_what_is_written_is_pkcs_8_and_read_again(algorithm: KeyAlgorithm) -> None:
    made = making.key(algorithm, "CA")
    text = private_key_pem(made)

    assert text.startswith("-----BEGIN PRIVATE KEY-----\n")
    assert text.endswith("\n-----END PRIVATE KEY-----\n")
    assert load_private_key(text, None).public_key() == made.public_key()
