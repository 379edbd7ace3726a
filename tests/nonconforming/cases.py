"""The corpus: files as devices, tools and people hand them over, each with its provenance and one expected verdict.

The verdict holds in all four places: at synth, in the function, in the command line's list, and in the embedded AWS.
None of the files is stored: each is made here, and says by which rule it is wrong and who makes one like it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import issuing
from nonconforming.drafts import (
    A_CAS,
    A_DEVICES,
    BASIC_CONSTRAINTS,
    CA,
    CA_KEY,
    CA_NAME,
    DEVICE_KEY,
    ECDSA_SHA1,
    ECDSA_SHA256_NULL,
    ECDSA_SHA384,
    FROM,
    KEY_USAGE,
    NAMES,
    PURPOSES,
    RSA_CA_KEY,
    RSA_SHA256_BARE,
    Certificate,
    Request,
    key_info,
    pem,
)
from nonconforming.writing import (
    BMP,
    GENERALIZED_TIME,
    IA5,
    NUMERIC,
    PRINTABLE,
    T61,
    UNIVERSAL,
    UTC_TIME,
    UTF8,
    bit_string,
    boolean,
    common_name,
    element,
    extension,
    integer,
    name,
    octet_string,
    oid,
    sequence,
    with_indefinite_length,
    with_long_length,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class Kind(Enum):
    """What a file is declared as."""

    DEVICE = "a device certificate"
    CA = "a CA certificate"
    REQUEST = "a signing request"


@dataclass(frozen=True)
class Case:
    """A file.

    * ``rule``: the rule that it breaks, or the one that allows it; ``provenance``: what makes such files.
    * ``findings``: the rules that it is warned about by, exactly; empty where nothing is to be said.
    * ``refusal``: a part of the refusal, None where it is left to AWS IoT, and registered.
    * ``openssl``: whether ``openssl`` reads it. ``by_the_ca``: of a device's certificate, whether ``CA`` issued it.
    """

    name: str
    kind: Kind
    text: str
    rule: str
    provenance: str
    findings: tuple[str, ...] = ()
    refusal: str | None = None
    openssl: bool = True
    by_the_ca: bool = True

    @property
    def refers_to_aws(self) -> bool:
        """Whether the rule is one of AWS IoT's."""
        return self.rule.startswith("AWS IoT")


def _device(title: str, draft: Certificate, rule: str, provenance: str, *findings: str) -> Case:
    return Case(title, Kind.DEVICE, draft.pem, rule, provenance, findings or (rule,))


def _fine(title: str, draft: Certificate, rule: str, provenance: str) -> Case:
    return Case(title, Kind.DEVICE, draft.pem, rule, provenance)


def _refused(title: str, text: str, rule: str, provenance: str, refusal: str, *, openssl: bool = False) -> Case:
    return Case(title, Kind.DEVICE, text, rule, provenance, (), refusal, openssl)


_ISSUER, _SUBJECT = "RFC 5280, 4.1.2.4; X.680, 41", "RFC 5280, 4.1.2.6; X.680, 41"
_ATECC = (
    "provisioning scripts for secure elements that write names from a template, as PrintableString whatever is in it"
)
_HAND_MADE = "firmware that writes its self-made certificate with an ASN.1 encoder of its own"


def _strings() -> Iterator[Case]:
    for character in "_@&*":
        subject = common_name(f"dev{character}0001".encode(), PRINTABLE)
        yield _device(f"'{character}' in a PrintableString", Certificate(subject=subject), _SUBJECT, _ATECC)
    yield _device(
        "Latin-1 in a T61String",
        Certificate(subject=common_name("Prüfgerät".encode("latin-1"), T61)),
        _SUBJECT,
        "OpenSSL with string_mask = nombstr: letters outside ASCII become a T61String",
    )
    yield _device(
        "Latin-1 in a PrintableString",
        Certificate(subject=common_name("Prüfgerät".encode("latin-1"), PRINTABLE)),
        _SUBJECT,
        "label printers' software that pastes a name into a template",
    )
    yield _fine(
        "'-' in a NumericString",
        Certificate(subject=name(("2.5.4.5", NUMERIC, b"0024-7"))),
        _SUBJECT,
        "serial numbers with a hyphen, of meters and the like",
    )
    yield _fine(
        "UTF-8 in an IA5String",
        Certificate(subject=name(("1.2.840.113549.1.9.1", IA5, "gerät@example.com".encode()))),
        _SUBJECT,
        "enrolment portals that copy mail addresses from a directory",
    )
    yield Case(
        "'_' in the issuer's PrintableString",
        Kind.DEVICE,
        Certificate(issuer=common_name(b"Factory_CA", PRINTABLE)).pem,
        _ISSUER,
        "lines whose CA is called by a host's or a database's name",
        (_ISSUER,),
        by_the_ca=False,
    )
    yield _refused(
        "half a character in a BMPString",
        Certificate(subject=common_name(b"\0d\0e\0", BMP)).pem,
        "X.680, 41",
        "truncated fields of a smart-card profile",
        "has a name with bytes that are not characters",
    )
    yield _refused(
        "bytes that are no UTF-8 in a UTF8String",
        Certificate(subject=common_name(b"dev\xff1")).pem,
        "RFC 5280, 4.1.2.4",
        "flash that was read before it was written",
        "has a name with bytes that are not characters",
    )
    for title, subject in {
        "a BMPString": common_name("device".encode("utf-16-be"), BMP),
        "a UniversalString": common_name("device".encode("utf-32-be"), UNIVERSAL),
        "UTF-8 in a T61String": common_name("Gerät".encode(), T61),
        "a country of three letters": name(("2.5.4.6", PRINTABLE, b"DEU"), ("2.5.4.3", UTF8, b"device-1")),
        "a common name of 70 characters": common_name(b"d" * 70),
        "an empty subject": sequence(),
    }.items():
        yield _fine(title, Certificate(subject=subject), "RFC 5280, 4.1.2.4", "CAs of vendors")


_DER_DEFAULT, _DER_TRUE = "RFC 5280, 4.1; X.690, 11.5", "RFC 5280, 4.1; X.690, 11.1"
_ECDSA_RULE = "RFC 5280, 4.1.1.2; RFC 5758, 3.2"


def _encodings() -> Iterator[Case]:
    written = extension(BASIC_CONSTRAINTS, sequence(boolean(0)), boolean(0xFF))
    yield _device(
        "cA FALSE written out",
        Certificate(extensions=(written,)),
        _DER_DEFAULT,
        "encoders that write every field, the default as well",
    )
    not_critical = extension(BASIC_CONSTRAINTS, sequence(), boolean(0))
    yield _device(
        "critical FALSE written out",
        Certificate(extensions=(not_critical,)),
        _DER_DEFAULT,
        "encoders that write every field, the default as well",
    )
    one = extension(BASIC_CONSTRAINTS, sequence(), boolean(1))
    yield _device("critical TRUE as 0x01", Certificate(extensions=(one,)), _DER_TRUE, _HAND_MADE)
    yield _device(
        "a length in four bytes inside",
        Certificate(subject=with_long_length(common_name(b"device-1"))),
        "RFC 5280, 4.1; X.690, 10.1",
        "encoders that leave room for a length and come back to it",
    )
    yield _refused(
        "a length in four bytes outside",
        Certificate(whole=with_long_length).pem,
        "X.690, 10.1: its id, the SHA-256 of the DER, is not known",
        "encoders that leave room for a length and come back to it",
        "is not DER",
        openssl=True,
    )
    yield _refused(
        "an indefinite length outside",
        Certificate(whole=with_indefinite_length).pem,
        "X.690, 10.1: its id, the SHA-256 of the DER, is not known",
        "encoders of streams, which do not know a length beforehand",
        "is not DER",
        openssl=True,
    )


def _algorithms() -> Iterator[Case]:
    null = Certificate(algorithm=ECDSA_SHA256_NULL)
    yield _device("ECDSA with NULL parameters", null, _ECDSA_RULE, "encoders that treat every algorithm like RSA's")
    yield _device(
        "ECDSA with NULL parameters inside alone",
        Certificate(algorithm=ECDSA_SHA256_NULL, outer_algorithm=sequence(oid("1.2.840.10045.4.3.2"))),
        "RFC 5280, 4.1.1.2",
        "certificates that are put together from a signed part and a template",
        "RFC 5280, 4.1.1.2",
        _ECDSA_RULE,
    )
    rsa_key = issuing.key_of("rsa2048", "a device that nobody else has")
    bare = sequence(sequence(oid("1.2.840.113549.1.1.1")), bit_string(_rsa_numbers(rsa_key)))
    yield _fine("an RSA key without NULL", Certificate(key=bare), "RFC 5280, 4.1.2.7; RFC 3279, 2.3.1", _HAND_MADE)
    yield _fine(
        "an inner algorithm that is another than the outer",
        Certificate(algorithm=ECDSA_SHA384, outer_algorithm=sequence(oid("1.2.840.10045.4.3.2"))),
        "RFC 5280, 4.1.1.2",
        "certificates that are put together from a signed part and a template",
    )


def _rsa_numbers(key: issuing.PrivateKey) -> bytes:
    assert isinstance(key, rsa.RSAPrivateKey)
    numbers = key.public_key().public_numbers()
    return sequence(integer(numbers.n), integer(numbers.e))


_UTC, _GENERALIZED = "RFC 5280, 4.1.2.5.1", "RFC 5280, 4.1.2.5.2"


def _dates() -> Iterator[Case]:
    no_clock = "devices that write a date by hand, without a clock or a zone"
    for title, tag, text, rule in (
        ("a UTCTime without seconds", UTC_TIME, b"4901010000Z", _UTC),
        ("a UTCTime with an offset", UTC_TIME, b"490101000000+0100", _UTC),
        ("a GeneralizedTime with a fraction", GENERALIZED_TIME, b"20540101000000.5Z", _GENERALIZED),
        ("a GeneralizedTime with an offset", GENERALIZED_TIME, b"20540101000000-0500", _GENERALIZED),
        ("a GeneralizedTime without a zone", GENERALIZED_TIME, b"20540101000000", _GENERALIZED),
        ("a GeneralizedTime without seconds", GENERALIZED_TIME, b"205401010000Z", _GENERALIZED),
    ):
        yield _device(title, Certificate(validity=(FROM, element(tag, text))), rule, no_clock)
    yield _fine(
        "a GeneralizedTime before 2050",
        Certificate(validity=(FROM, element(GENERALIZED_TIME, b"20400101000000Z"))),
        "RFC 5280, 4.1.2.5",
        "CAs that write all dates alike",
    )
    yield _fine(
        "no end",
        Certificate(validity=(FROM, element(GENERALIZED_TIME, b"99991231235959Z"))),
        "RFC 5280, 4.1.2.5",
        "IEEE 802.1AR device identities",
    )
    for title, text in (("the 99th of a month", b"540199000000Z"), ("text for a date", b"forever")):
        yield _refused(
            title,
            Certificate(validity=(FROM, element(UTC_TIME, text))).pem,
            "RFC 5280, 4.1.2.5",
            "uninitialised fields",
            "has a notAfter that is not a date",
            openssl=True,
        )


_VERSION, _SERIAL = "RFC 5280, 4.1.2.1", "RFC 5280, 4.1.2.2"


def _numbers() -> Iterator[Case]:
    yield _device(
        "version 1 written out",
        Certificate(version=element(0xA0, integer(0)), extensions=None),
        f"{_VERSION}; X.690, 11.5",
        "encoders that write every field, the default as well",
    )
    yield _device(
        "version 2",
        Certificate(version=element(0xA0, integer(1)), extensions=None),
        _VERSION,
        "tools that count from 1",
    )
    yield _fine(
        "version 1 with extensions", Certificate(version=b""), _VERSION, "templates to which extensions were added"
    )
    yield _device("version 4", Certificate(version=element(0xA0, integer(3))), _VERSION, "tools that count from 1")
    yield _fine(
        "version 1", Certificate(version=b"", extensions=None), _VERSION, "openssl x509 -req without extensions"
    )
    yield _fine("version 3 without extensions", Certificate(extensions=None), _VERSION, _HAND_MADE)
    long = element(2, b"\x01" * 24)
    yield _fine("a serial number of 24 bytes", Certificate(serial=long), _SERIAL, "serial numbers from a hash")
    yield _fine("a serial number of 0", Certificate(serial=integer(0)), _SERIAL, "openssl x509 -set_serial 0")
    yield _fine(
        "a negative serial number",
        Certificate(serial=element(2, b"\xff\x01")),
        _SERIAL,
        "random bytes taken as a number",
    )
    padded = Certificate(serial=element(2, b"\0\0\0\x2a"))
    rule = f"{_SERIAL}; X.690, 8.3.2"
    # OpenSSL 3 refuses it as well; OpenSSL 1.0 read it.
    name_of_it, fixed = "a serial number with superfluous zeros", "serial numbers of a fixed width"
    yield Case(name_of_it, Kind.DEVICE, padded.pem, rule, fixed, (rule,), openssl=False)


def _extensions() -> Iterator[Case]:
    usage_rule = "RFC 5280, 4.2.1.3; X.690, 11.2"
    for title, value, rule, provenance in (
        ("keyUsage with unused bits", bit_string(b"\x87", 7), usage_rule, _HAND_MADE),
        ("a keyUsage without usage", bit_string(b""), "RFC 5280, 4.2.1.3", "CA templates with every box left empty"),
    ):
        draft = Certificate(extensions=(A_DEVICES, extension(KEY_USAGE, value, boolean(0xFF))))
        made = _fine if value == bit_string(b"") else _device
        yield made(title, draft, rule, provenance)
    for title, kind, value, rule, provenance in (
        (
            "an empty extended key usage",
            PURPOSES,
            sequence(),
            "RFC 5280, 4.2.1.12",
            "CA templates with every box left empty",
        ),
        (
            "alternative names of another structure",
            NAMES,
            octet_string(b"x"),
            "RFC 5280, 4.2.1.6",
            "names put in as text",
        ),
        ("a policy of another structure", "2.5.29.32", sequence(integer(1)), "RFC 5280, 4.2.1.4", "hand-made policies"),
        ("an inhibitAnyPolicy below 0", "2.5.29.54", integer(-1), "RFC 5280, 4.2.1.14", "PKI test suites"),
        ("a name constraint without mask", "2.5.29.30", _constraint(), "RFC 5280, 4.2.1.10", "plant networks' CAs"),
    ):
        draft = Certificate(extensions=(A_DEVICES, extension(kind, value)))
        yield _device(title, draft, rule, provenance)
    yield _device(
        "the same extension twice",
        Certificate(extensions=(A_DEVICES, A_DEVICES)),
        "RFC 5280, 4.2",
        "a profile and a request that both ask for it",
    )
    path = extension(BASIC_CONSTRAINTS, sequence(integer(0)), boolean(0xFF))
    yield _device(
        "a path length of no CA",
        Certificate(extensions=(path,)),
        "RFC 5280, 4.2.1.9",
        "a public CA: cryptography's vector wosign-bc-invalid.pem",
    )
    bytes_after = extension(BASIC_CONSTRAINTS, sequence() + b"\0\0", boolean(0xFF))
    yield _device(
        "bytes after an extension's value", Certificate(extensions=(bytes_after,)), "RFC 5280, 4.2", "padded templates"
    )
    unknown = extension("1.3.6.1.4.1.99999.1", b"\x05\x00", boolean(0xFF))
    yield _fine(
        "a critical extension that nobody knows", Certificate(extensions=(unknown,)), "RFC 5280, 4.2", "vendors"
    )


def _constraint() -> bytes:
    return sequence(element(0xA0, sequence(element(0x87, b"\x0a\0\0\0\xff\0\xff\0"))))


def _containers() -> Iterator[Case]:
    slot = "RFC 5280, 4.1"
    elements = "fixed-size slots of secure elements"
    yield _device("0xFF after it", Certificate(whole=lambda der: der + b"\xff" * 10), slot, elements)
    yield _device("zeros after it", Certificate(whole=lambda der: der.ljust(1024, b"\0")), slot, elements)
    yield _device("a line end after it", Certificate(whole=lambda der: der + b"\r\n"), slot, "files sent as text")
    trusted = Certificate(label="TRUSTED CERTIFICATE", whole=lambda der: der + sequence(element(12, b"alias")))
    yield _device("OpenSSL's trusted certificate", trusted, "RFC 7468, 5.1", "openssl x509 -trustout")
    yield _fine(
        "the label X509 CERTIFICATE",
        Certificate(label="X509 CERTIFICATE"),
        "RFC 7468, 5.1",
        "tools from before RFC 7468",
    )
    yield _refused(
        "two certificates in one block",
        pem(Certificate().der + CA.der),
        slot,
        "cat of two .der files",
        "is followed by another structure",
        openssl=True,
    )
    pkcs8 = issuing.key_of("p256", "an unlucky device")
    der = pkcs8.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    yield _refused(
        "a private key after it",
        pem(Certificate().der + der),
        slot,
        "dumps of a whole flash page",
        "holds a private key",
        openssl=True,
    )
    yield _refused("a private key in its place", pem(der), "RFC 7468, 10", "renamed files", "holds a private key")
    yield _refused(
        "a public key in its place", pem(key_info(DEVICE_KEY)), "RFC 7468, 13", "renamed files", "not a readable X.509"
    )
    csr = issuing.make_csr().request.public_bytes(Encoding.DER)
    yield _refused(
        "a request in its place", pem(csr), "RFC 7468, 7", "renamed files", "is a certificate signing request"
    )
    pkcs7 = sequence(oid("1.2.840.113549.1.7.2"), element(0xA0, sequence()))
    yield _refused("PKCS #7 in its place", pem(pkcs7), "RFC 7468, 8", "Windows exports (.p7b)", "is a PKCS #7 file")
    yield _refused("half of it", pem(Certificate().der[:100]), slot, "transfers that stopped", "is truncated")


def _issuers() -> Iterator[Case]:
    rule = "RFC 5280, 7.1"
    two = "a root of one tool and a line's CA of another: openssl writes UTF8String, Windows PrintableString"
    for title, issuer in {
        "the issuer as UTF8String": common_name(b"Factory CA", UTF8),
        "the issuer as BMPString": common_name("Factory CA".encode("utf-16-be"), BMP),
        "the issuer in other case": common_name(b"FACTORY ca"),
        "the issuer with other blanks": common_name(b" Factory   CA "),
    }.items():
        yield _fine(title, Certificate(issuer=issuer), rule, two)


def _aws_rules() -> Iterator[Case]:
    odd = common_name(b"dev_0001", PRINTABLE)
    guide = "AWS IoT developer guide, X.509 client certificates"
    weak, koblitz = (issuing.key_of(kind, "a weak device") for kind in ("rsa1024", "secp256k1"))
    for title, draft, refusal in (
        ("an RSA key of 1024 bits", Certificate(subject=odd, key=key_info(weak)), "has a weak key: RSA with 1024 bits"),
        ("a key on secp256k1", Certificate(subject=odd, key=key_info(koblitz)), "has an EC key on secp256k1"),
        (
            "a signature over SHA-1",
            Certificate(subject=odd, algorithm=ECDSA_SHA1, hash=hashes.SHA1()),  # noqa: S303 - to be refused
            "hash sha1",
        ),
        (
            "a key of GOST",
            Certificate(key=sequence(sequence(oid("1.2.643.2.2.19")), bit_string(b"\0" * 64))),
            "has a key of a type or encoding that AWS IoT does not support",
        ),
    ):
        yield _refused(f"'_', and {title}", draft.pem, guide, _ATECC, refusal, openssl=True)


def _cas() -> Iterator[Case]:
    own, key = common_name(b"Own_CA", PRINTABLE), key_info(CA_KEY)
    underscore = Certificate(subject=own, issuer=own, key=key, extensions=(A_CAS,))
    rules = (_ISSUER, _SUBJECT)
    yield Case("a CA with '_'", Kind.CA, underscore.pem, rules[0], "lines whose CA is called by a host's name", rules)
    one = extension(BASIC_CONSTRAINTS, sequence(boolean(1)), boolean(0xFF))
    true = Certificate(subject=CA_NAME, key=key, extensions=(one,), serial=integer(3))
    yield Case("a CA with cA TRUE as 0x01", Kind.CA, true.pem, _DER_TRUE, _HAND_MADE, (_DER_TRUE,))
    bare = Certificate(
        subject=CA_NAME,
        key=key_info(RSA_CA_KEY),
        extensions=(A_CAS,),
        algorithm=RSA_SHA256_BARE,
        signing_key=RSA_CA_KEY,
    )
    # cryptography reads it, with a warning.
    yield Case(
        "an RSA signature without NULL", Kind.CA, bare.pem, "RFC 4055, 5", "encoders that leave out what is empty"
    )
    negative = extension(BASIC_CONSTRAINTS, sequence(boolean(0xFF), integer(-1)), boolean(0xFF))
    below = Certificate(subject=CA_NAME, key=key, extensions=(negative,), serial=integer(4))
    yield Case("a path length below 0", Kind.CA, below.pem, "RFC 5280, 4.2.1.9", "unset fields", ("RFC 5280, 4.2.1.9",))
    flag = extension(BASIC_CONSTRAINTS, sequence(boolean(0)), boolean(0xFF))
    no_ca = Certificate(subject=CA_NAME, key=key, extensions=(flag,), serial=integer(5))
    yield Case(
        "a CA with cA FALSE written out",
        Kind.CA,
        no_ca.pem,
        "AWS IoT developer guide, Manage your CA certificates",
        "a device's certificate, swapped",
        (),
        "is not a CA certificate",
    )


def _requests() -> Iterator[Case]:
    bare = "RFC 2986, 4.1"
    for title, draft, rule, provenance in (
        (
            "a request without attributes",
            Request(attributes=b""),
            bare,
            "encoders of embedded TLS libraries that leave out what is empty",
        ),
        ("a request of version 2", Request(version=integer(1)), bare, "tools that count from 1"),
        ("a request with '_'", Request(subject=common_name(b"dev_1", PRINTABLE)), _SUBJECT, _ATECC),
        (
            "a request with NULL parameters",
            Request(algorithm=ECDSA_SHA256_NULL),
            _ECDSA_RULE,
            "encoders that treat every algorithm like RSA's",
        ),
        (
            "a request with 0xFF after it",
            Request(whole=lambda der: der + b"\xff" * 8),
            "RFC 2986, 4",
            "fixed-size slots",
        ),
    ):
        yield Case(title, Kind.REQUEST, draft.pem, rule, provenance, (rule,))
    yield Case(
        "a request with the label NEW CERTIFICATE REQUEST",
        Kind.REQUEST,
        Request(label="NEW CERTIFICATE REQUEST").pem,
        "RFC 7468, 7",
        "Microsoft's certreq",
    )
    yield Case(
        "a request without attributes, signed over SHA-1",
        Kind.REQUEST,
        Request(attributes=b"", algorithm=ECDSA_SHA1, hash=hashes.SHA1()).pem,  # noqa: S303 - to be refused
        "AWS IoT API reference, CreateCertificateFromCsr",
        "old firmware",
        (),
        "hash sha1",
    )
    yield Case(
        "a request without attributes, signed by another key",
        Kind.REQUEST,
        Request(attributes=b"", signing_key=CA_KEY).pem,
        "RFC 2986, 3",
        "mixed-up files",
        (),
        "is not signed with the key",
        openssl=True,
    )
    yield Case(
        "a certificate in a request's place",
        Kind.REQUEST,
        pem(Certificate().der, "CERTIFICATE REQUEST"),
        "RFC 2986, 4",
        "renamed files",
        (),
        "not a readable certificate signing request",
        openssl=False,
    )


def cases() -> list[Case]:
    """Return the corpus, the same files every time but for their signatures."""
    parts = (
        _strings,
        _encodings,
        _algorithms,
        _dates,
        _numbers,
        _extensions,
        _containers,
        _issuers,
        _aws_rules,
        _cas,
        _requests,
    )
    return [case for part in parts for case in part()]


CASES = cases()
