"""One certificate in many texts, and many texts that are not one certificate."""

from __future__ import annotations

import base64
import hashlib
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import cryptography_vectors
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

import issuing
from iot_certificate_provider.contract import MAX_PEM_CHARACTERS
from iot_certificate_provider.physical_id import is_certificate_id
from iot_certificate_provider.pki import Certificate, SigningRequest, UnusableError

if TYPE_CHECKING:
    from collections.abc import Callable

VECTORS = Path(cryptography_vectors.__file__).parent
DEVICE = issuing.make_device(issuing.make_ca(), serial=0x0A_BC_DE)

BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"

TEXT_DUMP = """\
Certificate:
    Data:
        Version: 3 (0x2)
        Serial Number: 703710 (0xabcde)
        Issuer: CN = Factory CA
"""


def refusal(text: str) -> str:
    with pytest.raises(UnusableError) as caught:
        Certificate.from_pem(text)
    return str(caught.value)


def body_of(pem: str) -> str:
    return "".join(line for line in pem.splitlines() if not line.startswith("-----"))


def public_key_pem(format: PublicFormat) -> str:  # noqa: A002
    key = issuing.key_of("rsa2048", "somebody").public_key()
    return key.public_bytes(Encoding.PEM, format).decode("ascii")


def revocation_list_pem() -> str:
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    key = issuing.key_of("p256", "somebody")
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    builder = x509.CertificateRevocationListBuilder(issuing.common_name("Factory CA"), moment, moment)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode("ascii")


# --- What is read -----------------------------------------------------------------------------------------------------


def test_the_id_is_the_sha256_of_the_der_in_lowercase_hexadecimal() -> None:
    certificate = Certificate.from_pem(DEVICE.pem)

    assert certificate.id == hashlib.sha256(DEVICE.der).hexdigest()
    assert is_certificate_id(certificate.id)


def test_names_dates_and_serial_number_are_the_certificates() -> None:
    certificate = Certificate.from_pem(DEVICE.pem)

    assert certificate.subject == "CN=device-1"
    assert certificate.issuer == "CN=Factory CA"
    assert certificate.not_before == issuing.VALID_FROM
    assert certificate.not_after == issuing.VALID_TO
    assert certificate.not_after.tzinfo is UTC
    assert certificate.public_key == DEVICE.key.public_key()


@pytest.mark.parametrize(
    ("serial", "printed"), [(1, "01"), (0x0A_BC_DE, "0ABCDE"), (0xFF, "FF"), (0x1_00, "0100"), (0x10_00, "1000")]
)
def test_the_serial_number_is_printed_in_whole_bytes_as_openssl_does(serial: int, printed: str) -> None:
    assert Certificate.from_pem(issuing.make_ca(serial=serial).pem).serial_number == printed


def test_a_certificate_that_cryptography_made_equals_the_same_one_read_from_text() -> None:
    assert Certificate.from_x509(DEVICE.certificate) == Certificate.from_pem(DEVICE.pem)


def test_certificates_with_the_same_names_and_key_but_another_serial_number_differ() -> None:
    first, second = issuing.make_device(issuing.make_ca()), issuing.make_device(issuing.make_ca())

    assert Certificate.from_pem(first.pem) != Certificate.from_pem(second.pem)
    assert Certificate.from_pem(first.pem).id != Certificate.from_pem(second.pem).id


SAME_CERTIFICATE = {
    "with CRLF line endings": DEVICE.pem.replace("\n", "\r\n"),
    "with CR line endings": DEVICE.pem.replace("\n", "\r"),
    "without the last line ending": DEVICE.pem.rstrip("\n"),
    "with blank lines before and after": f"\n\n{DEVICE.pem}\n\n",
    "below OpenSSL's text dump": TEXT_DUMP + DEVICE.pem,
    "with comments around it": f"# device 1, of lot 7\n{DEVICE.pem}# the end\n",
    "indented, as in YAML": textwrap.indent(DEVICE.pem, "    "),
    "with tabs at its line ends": DEVICE.pem.replace("\n", "\t\n"),
    "folded into one line with spaces": issuing.folded(DEVICE.pem),
    "on one line without spaces": DEVICE.pem.replace("\n", ""),
    "wrapped at 76 columns": f"{BEGIN}\n{base64.encodebytes(DEVICE.der).decode()}{END}\n",
    "after a byte order mark": f"\ufeff{DEVICE.pem}",
    "under the old label X509 CERTIFICATE": DEVICE.pem.replace("CERTIFICATE", "X509 CERTIFICATE"),
    "with another END line after it": f"{DEVICE.pem}{END}\n",
    "with bytes after it, as in a slot of a fixed size": (
        f"{BEGIN}\n{base64.b64encode(DEVICE.der + bytes(9)).decode()}\n{END}"
    ),
    "under OpenSSL's label TRUSTED CERTIFICATE": DEVICE.pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
}


@pytest.mark.parametrize("text", SAME_CERTIFICATE.values(), ids=SAME_CERTIFICATE.keys())
def test_the_same_certificate_in_other_text_is_equal(text: str) -> None:
    plain, other = Certificate.from_pem(DEVICE.pem), Certificate.from_pem(text)

    assert other == plain
    assert hash(other) == hash(plain)
    assert other.id == plain.id
    assert other.pem == plain.pem == DEVICE.pem


def test_a_text_of_exactly_the_longest_length_is_read_and_one_character_more_is_not() -> None:
    longest = DEVICE.pem + "\n" * (MAX_PEM_CHARACTERS - len(DEVICE.pem))

    assert Certificate.from_pem(longest).pem == DEVICE.pem
    assert "is 65,537 characters long, above AWS IoT's limit of 65,536" in refusal(longest + "\n")


# --- What is odd but readable -----------------------------------------------------------------------------------------


def test_a_version_1_certificate_is_readable() -> None:
    text = (VECTORS / "x509" / "v1_cert.pem").read_text()

    assert Certificate.from_pem(text).parsed.version is x509.Version.v1


def test_a_negative_serial_number_is_readable_and_keeps_its_sign() -> None:
    text = (VECTORS / "x509" / "custom" / "negative_serial.pem").read_text()

    assert Certificate.from_pem(text).serial_number == "-04316693ED"


def test_a_serial_number_of_zero_is_readable() -> None:
    # No builder makes one: the serial number of a finished certificate is overwritten, which no signature check sees.
    der = issuing.make_ca(serial=1).der.replace(b"\x02\x01\x01", b"\x02\x01\x00", 1)

    assert Certificate.from_pem(f"{BEGIN}\n{base64.b64encode(der).decode()}\n{END}").serial_number == "00"


@pytest.mark.parametrize("critical", [True, False])
def test_an_unknown_extension_is_readable_critical_or_not(critical: bool) -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")

    issued = issuing.make_device(issuing.make_ca(), extensions=[(unknown, critical)])

    assert Certificate.from_pem(issued.pem).id == hashlib.sha256(issued.der).hexdigest()


def test_names_outside_ascii_are_kept() -> None:
    subject = issuing.common_name("Prüfgerät, 上海")

    assert Certificate.from_pem(issuing.make_ca(subject=subject).pem).subject == "CN=Prüfgerät\\, 上海"


# --- What is refused --------------------------------------------------------------------------------------------------

PEM_LINES = DEVICE.pem.splitlines(keepends=True)
PKCS8, TRADITIONAL = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL
RSA_DEVICE = issuing.make_device(issuing.make_ca(), "device-2", key_kind="rsa2048")

REFUSED = {
    "an empty string": ("", "is not PEM"),
    "white space": (" \n\t", "is not PEM"),
    "a path": ("./certs/device.pem", "is not PEM"),
    "a path's URL": ("file:///certs/device.pem", "is not PEM"),
    "bare base64": (body_of(DEVICE.pem), "is not PEM"),
    "DER read as Latin-1": (DEVICE.der.decode("latin-1"), "is not PEM"),
    "a BEGIN line in lower case": (DEVICE.pem.replace("BEGIN", "begin"), "is not PEM"),
    "a missing BEGIN line": ("".join(PEM_LINES[1:]), "is not PEM"),
    "two certificates": (DEVICE.pem + issuing.make_ca().pem, "holds 2 PEM blocks, not one"),
    "the same certificate twice": (DEVICE.pem * 2, "holds 2 PEM blocks, not one"),
    "a chain of three": (DEVICE.pem * 3, "holds 3 PEM blocks, not one"),
    "a missing END line": ("".join(PEM_LINES[:-1]), "is truncated"),
    "a BEGIN line only": (BEGIN, "is truncated"),
    "another label at the end": (DEVICE.pem.replace(END, "-----END X509 CERTIFICATE-----"), "is truncated"),
    "a line cut in half": ("".join([*PEM_LINES[:-2], PEM_LINES[-2][:3], END]), "damaged base64"),
    "characters that are not base64": (DEVICE.pem.replace("M", "*", 1), "damaged base64"),
    "base64's URL alphabet": (f"{BEGIN}\n-_-_\n{END}", "damaged base64"),
    "a literal \\n in place of line ends": (DEVICE.pem.replace("\n", "\\n"), "damaged base64"),
    "letters outside ASCII": (DEVICE.pem.replace("M", "\u041c", 1), "damaged base64"),
    "half a surrogate pair": (DEVICE.pem.replace("M", "\ud800", 1), "damaged base64"),
    "headers inside the block": (DEVICE.pem.replace(BEGIN, f"{BEGIN}\nSubject: me\n"), "damaged base64"),
    "a whole line missing": ("".join(PEM_LINES[:3] + PEM_LINES[4:]), "not a readable X.509 certificate"),
    "nothing between the lines": (f"{BEGIN}\n{END}\n", "not a readable X.509 certificate"),
    "text in base64": (f"{BEGIN}\n{base64.b64encode(b'not a certificate').decode()}\n{END}", "not a readable X.509"),
    "a request under a certificate's label": (
        issuing.make_csr().pem.replace("CERTIFICATE REQUEST", "CERTIFICATE"),
        "not a readable X.509 certificate",
    ),
    "a signing request": (issuing.make_csr().pem, "is a certificate signing request, not a certificate"),
    "a signing request with the old label": (
        issuing.make_csr().pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
        "is a certificate signing request, not a certificate",
    ),
    "a public key": (public_key_pem(PublicFormat.SubjectPublicKeyInfo), "is a public key, not a certificate"),
    "an RSA public key": (public_key_pem(PublicFormat.PKCS1), "is a public key, not a certificate"),
    "a revocation list": (revocation_list_pem(), "is a PEM block 'X509 CRL', not a certificate"),
    "PKCS #7": (DEVICE.pem.replace("CERTIFICATE", "PKCS7"), "is a PEM block 'PKCS7', not a certificate"),
    "a label without end": (f"-----BEGIN {'A' * 60_000}-----", "is not PEM"),
}


@pytest.mark.parametrize(("text", "problem"), REFUSED.values(), ids=REFUSED.keys())
def test_any_other_text_is_refused_by_what_is_wrong_with_it(text: str, problem: str) -> None:
    message = refusal(text)

    assert problem in message
    assert len(f"CACertificatePem: {message}") <= 240


PRIVATE_KEYS: dict[str, Callable[[], str]] = {
    "PKCS #8": DEVICE.key_pem,
    "PKCS #8, encrypted": lambda: DEVICE.key_pem("a passphrase"),
    "SEC 1": lambda: DEVICE.key_pem(format=TRADITIONAL),
    "SEC 1, encrypted": lambda: DEVICE.key_pem("a passphrase", format=TRADITIONAL),
    "PKCS #1": lambda: RSA_DEVICE.key_pem(format=TRADITIONAL),
    "PKCS #1, encrypted": lambda: RSA_DEVICE.key_pem("a passphrase", format=TRADITIONAL),
    "OpenSSH": lambda: DEVICE.key_pem(format=PrivateFormat.OpenSSH),
    "Ed25519": lambda: issuing.key_pem(issuing.key_of("ed25519", "somebody")),
}


@pytest.mark.parametrize("key", PRIVATE_KEYS.values(), ids=PRIVATE_KEYS.keys())
@pytest.mark.parametrize("where", ["alone", "above the certificate", "below the certificate", "cut off"])
@pytest.mark.parametrize("read", [Certificate.from_pem, SigningRequest.from_pem])
def test_a_private_key_is_refused_and_not_repeated(
    read: Callable[[str], object], where: str, key: Callable[[], str]
) -> None:
    text = key()
    given = {
        "alone": text,
        "above the certificate": text + DEVICE.pem,
        "below the certificate": DEVICE.pem + text,
        "cut off": text[: len(text) // 2],
    }[where]

    with pytest.raises(UnusableError, match=r"^holds a private key") as caught:
        read(given)

    assert not any(line in str(caught.value) for line in text.splitlines() if line)


def test_an_extension_value_that_cryptography_does_not_know_is_a_finding() -> None:
    # TLS features (RFC 7633) with the number 12: cryptography raises KeyError.
    feature = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.24"), bytes.fromhex("300302010c"))

    certificate = Certificate.from_pem(issuing.make_ca(extensions=[(feature, False)]).pem)

    assert [finding.rule for finding in certificate.findings] == ["RFC 7633, 4.1"]


def test_a_certificate_whose_key_is_of_an_unknown_kind_is_read_and_its_key_refused() -> None:
    text = (VECTORS / "x509" / "custom" / "unsupported_subject_public_key_info.pem").read_text()

    certificate = Certificate.from_pem(text)

    assert certificate.subject
    with pytest.raises(UnusableError, match="has a key of a type or encoding that AWS IoT does not support"):
        _ = certificate.public_key


def test_what_cryptography_refuses_cannot_be_used_as_if_it_had_read_it() -> None:
    der = DEVICE.der.replace(b"\x01\x01\xff", b"\x01\x01\x01", 1)
    certificate = Certificate.from_pem(f"{BEGIN}\n{base64.b64encode(der).decode()}\n{END}")

    with pytest.raises(UnusableError, match="has critical TRUE written as 0x01 for basicConstraints"):
        _ = certificate.parsed


def test_written_out_line_ends_get_a_sentence_of_their_own() -> None:
    text = issuing.make_ca().pem.replace("\n", "\\n")
    with pytest.raises(UnusableError, match="two characters"):
        Certificate.from_pem(text)


def test_a_certificate_is_read_once_whatever_text_it_comes_in() -> None:
    """A CA's comes with each of its devices: in a stack of hundreds, hundreds of times."""
    assert Certificate.from_pem(DEVICE.pem) is Certificate.from_pem("\n" + DEVICE.pem.replace("\n", "\r\n"))
