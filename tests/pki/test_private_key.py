"""A private key: the forms that are read, refusals that give nothing away, and the kinds that are made."""

from __future__ import annotations

import json
import re
import traceback
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

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
from nonconforming import drafts
from nonconforming.writing import NULL, integer, octet_string, oid, sequence
from pki import making
from time_limit import limited_to

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

    assert error.problem == "holds an encrypted private key, but no passphrase is given"
    assert "PassphraseSecretArn" in error.fix


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_superfluous_passphrase_is_refused_and_its_property_named(form: PrivateFormat) -> None:
    error = refusal(issuing.key_pem(key(), format=form), PASSPHRASE)

    assert "an unencrypted private key" in error.problem
    assert "PassphraseSecretArn" in error.fix


NO_PEM, CUT_OFF, DAMAGED = "holds no PEM", "holds a truncated private key", "whose base64 is damaged"
JSON_KEY = json.dumps({"key": issuing.key_pem(key())})
OPENSSH = issuing.key_pem(key(), format=PrivateFormat.OpenSSH)
LEGACY = issuing.key_pem(key(), PASSPHRASE, TRADITIONAL)

NO_KEY = {
    "an empty text": ("", NO_PEM),
    "garbage": ("this is not a key at all, but it is quite long", NO_PEM),
    "bare base64": ("".join(issuing.key_pem(key()).splitlines()[1:-1]), NO_PEM),
    "a path": ("/etc/ssl/private/ca.key", NO_PEM),
    "a key of 32 bytes in hexadecimal": ("ab" * 32, NO_PEM),
    "a certificate": (issuing.make_ca().pem, "holds a certificate, not a private key"),
    "OpenSSL's trusted certificate": (
        issuing.make_ca().pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
        "holds a certificate, not a private key",
    ),
    "a certificate with written-out line ends": (
        issuing.make_ca().pem.replace("\n", "\\n"),
        "holds a certificate, not a private key",
    ),
    "a chain": (issuing.make_ca().pem * 2, "holds a certificate, not a private key"),
    "a signing request": (issuing.make_csr().pem, "holds a certificate signing request, not a private key"),
    "a public key": (
        key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "holds a public key, not a private key",
    ),
    "EC parameters alone": (EC_PARAMETERS, "holds PEM of another kind, not a private key"),
    "a key under another label": (
        issuing.key_pem(key()).replace("PRIVATE KEY", "SECRET KEY"),
        "holds PEM of another kind, not a private key",
    ),
    "half a key": (issuing.key_pem(key())[:100], CUT_OFF),
    "a key without END": (issuing.key_pem(key()).partition("-----END")[0], CUT_OFF),
    "a key with a damaged line": (issuing.key_pem(key()).replace("\nM", "\n*", 1), DAMAGED),
    "a key with half a surrogate pair": (issuing.key_pem(key()).replace("\nM", "\n\ud800", 1), DAMAGED),
    "a key with a zero character": (issuing.key_pem(key()).replace("\nM", "\n\0", 1), DAMAGED),
    "nothing between the lines": ("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", DAMAGED),
    "JSON around a key": (JSON_KEY, "holds a JSON object, but JsonField is not given"),
    "our own JSON": (json.dumps({"privateKey": issuing.key_pem(key())}), "holds a JSON object, but JsonField is not"),
    "JSON with real line ends": (f'{{"key": "{issuing.key_pem(key())}"}}', "holds damaged JSON"),
    "a JSON Web Key": (json.dumps({"kty": "EC", "crv": "P-256", "d": "x" * 43}), "holds a JSON Web Key"),
    "PuTTY's form": ("PuTTY-User-Key-File-3: ecdsa-sha2-nistp256\nEncryption: none", "holds a key in PuTTY's format"),
    "PGP": ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nxjME\n-----END PGP PRIVATE KEY BLOCK-----", "holds a PGP key"),
    "a DEK-Info key with blanks for line ends": (issuing.folded(LEGACY), "holds an encrypted key without line"),
    "a DEK-Info key without line ends": (LEGACY.replace("\n", ""), "holds an encrypted key without line"),
    "too long a text": (issuing.key_pem(key()) * 200, "characters, more than a private key has"),
}


@pytest.mark.parametrize(("text", "problem"), NO_KEY.values(), ids=NO_KEY.keys())
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE], ids=["without passphrase", "with one"])
def test_any_other_text_is_refused_by_what_it_is_and_not_repeated(
    text: str, problem: str, passphrase: str | None
) -> None:
    assert problem in refusal(text, passphrase).problem


def test_the_field_of_our_own_json_is_named_in_the_fix() -> None:
    assert refusal(NO_KEY["our own JSON"][0]).fix.endswith("JsonField: JsonField privateKey")


@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "rsa2048"])
def test_openssh_writes_its_own_form_which_is_read(kind: str) -> None:
    text = issuing.key_pem(key(kind), format=PrivateFormat.OpenSSH)

    for given in (text, issuing.folded(text), text.replace("\n", "\\n"), f"# the line's key\n{text}"):
        assert load_private_key(given, None).public_key() == key(kind).public_key()


def test_a_damaged_key_of_openssh_is_refused_with_the_way_to_convert_it() -> None:
    lines = OPENSSH.splitlines()

    assert "ssh-keygen -p -m PKCS8" in refusal("\n".join([*lines[:2], *lines[3:]])).fix


@pytest.mark.parametrize("end", ["\\n", "\\r\\n", "\\n\n"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE], ids=["plain", "encrypted"])
def test_written_out_line_ends_are_read(end: str, form: PrivateFormat, passphrase: str | None) -> None:
    text = issuing.key_pem(key(), passphrase, form).replace("\n", end)

    assert load_private_key(text, passphrase).public_key() == key().public_key()


# --- What it would cost ----------------------------------------------------------------------------------------------


def encrypted(algorithm: bytes) -> str:
    """Return an encrypted PKCS #8 key (RFC 5958, 3) that nobody can open, as long as nobody tries."""
    return drafts.pem(sequence(algorithm, octet_string(bytes(64))), "ENCRYPTED PRIVATE KEY")


def pbes2(derivation: bytes) -> bytes:
    aes = sequence(oid("2.16.840.1.101.3.4.1.42"), octet_string(bytes(16)))
    return sequence(oid("1.2.840.113549.1.5.13"), sequence(derivation, aes))


def pbkdf2(iterations: int) -> str:
    hash_algorithm = sequence(oid("1.2.840.113549.2.9"), NULL)
    parameters = sequence(octet_string(bytes(8)), integer(iterations), hash_algorithm)
    return encrypted(pbes2(sequence(oid("1.2.840.113549.1.5.12"), parameters)))


def scrypt(n: int, r: int, p: int) -> str:
    parameters = sequence(octet_string(bytes(8)), integer(n), integer(r), integer(p))
    return encrypted(pbes2(sequence(oid("1.3.6.1.4.1.11591.4.11"), parameters)))


def pbes1(iterations: int) -> str:
    parameters = sequence(octet_string(bytes(8)), integer(iterations))
    return encrypted(sequence(oid("1.2.840.113549.1.12.1.3"), parameters))


EXPENSIVE = {
    "PBKDF2 with 150 million iterations": (pbkdf2(150_000_000), "takes 150,000,000 iterations to open"),
    "PBKDF2 with iterations beyond 32 bits": (pbkdf2(2**40), "iterations to open"),
    "PBKDF2 with iterations below 0": (pbkdf2(-1), "iterations to open"),
    "PKCS #12's derivation with 150 million iterations": (pbes1(150_000_000), "takes 150,000,000 iterations to open"),
    "scrypt with a large N": (scrypt(2**30, 8, 1), "whose scrypt cost is 8,589,934,592"),
    "scrypt with a large p": (scrypt(2**14, 8, 2**20), "whose scrypt cost is"),
}


@pytest.mark.parametrize(("text", "problem"), EXPENSIVE.values(), ids=EXPENSIVE.keys())
def test_what_would_take_minutes_is_refused_before_it_is_computed(text: str, problem: str) -> None:
    with limited_to(1.0):
        assert problem in refusal(text, PASSPHRASE).problem


@pytest.mark.parametrize("text", [pbkdf2(600_000), scrypt(2**14, 8, 1), pbes1(2_048)])
def test_what_openssl_and_owasp_recommend_is_tried(text: str) -> None:
    assert refusal(text, PASSPHRASE).problem == "holds no private key that the passphrase opens"


@pytest.mark.parametrize("bits", [8_193, 16_384])
def test_a_huge_rsa_key_is_refused_before_its_numbers_are_checked(bits: int) -> None:
    """Of such a key only the size is right: to make a real one takes minutes, and to check it as well."""
    modulus = (1 << bits - 1) | 1
    half = 1 << bits // 2 - 1 | 1
    numbers = (0, modulus, 65_537, modulus - 2, half, half - 2, half - 4, half - 6, half - 8)
    text = drafts.pem(sequence(*map(integer, numbers)), "RSA PRIVATE KEY")

    with limited_to(1.0):
        assert refusal(text).problem == f"holds an RSA key of {bits:,} bits, above 8,192"


def test_an_rsa_key_whose_numbers_do_not_fit_is_refused() -> None:
    rsa_key = key("rsa2048")
    assert isinstance(rsa_key, rsa.RSAPrivateKey)
    numbers = rsa_key.private_numbers()
    public = numbers.public_numbers
    parts = (0, public.n, public.e, numbers.d + 2, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)

    assert (
        refusal(drafts.pem(sequence(*map(integer, parts)), "RSA PRIVATE KEY")).problem
        == "holds no readable private key"
    )


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE], ids=["plain", "encrypted"])
def test_a_key_of_another_kind_is_refused_by_its_kind(passphrase: str | None) -> None:
    error = refusal(issuing.key_pem(key("ed25519"), passphrase), passphrase)

    assert error.problem == "holds a private key of a type that AWS IoT does not support: Ed25519"


@pytest.mark.parametrize("kind", KINDS)
def test_another_cas_key_is_refused_before_it_signs(kind: str) -> None:
    ca = Certificate.from_pem(issuing.make_ca().pem)
    other = load_private_key(issuing.key_pem(issuing.key_of(kind, "another CA")), None)

    with pytest.raises(UnusableError, match=r"^holds a key that does not match the CA certificate"):
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
