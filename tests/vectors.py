"""Every certificate, key and signing request of pyca/cryptography's test vectors, and what OpenSSL says of each.

Provenance: the package ``cryptography_vectors``, whose documentation (cryptography.io, "Test vectors") says where each
file comes from. ``x509/PKITS_data`` is NIST's Public Key Interoperability Test Suite.

The judge is the command ``openssl``, whose parser is not the one that cryptography reads certificates with. It is asked
about a folder at a time, since a process for each of a thousand files would take longer than the tests. Where it and
the provider differ, ``vectors_explained`` says why.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cryptography_vectors
import pytest

from vectors_explained import (
    FIT_FOR_OPENSSL_ALONE,
    FIT_FOR_US_ALONE,
    KEYS_FIT_FOR_US_ALONE,
    KEYS_FOR_OPENSSL_ALONE,
    READ_BY_OPENSSL_ALONE,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VECTORS = Path(cryptography_vectors.__file__).parent

PASSPHRASES = ("123456", "a123456", "password")
"""Most of the encrypted keys have one of these, as the vectors' README files say."""

_PEM_SUFFIXES = frozenset({".pem", ".pub", ".key", ".txt", ".crt", ".der"})
_REQUEST = re.compile(r"-----BEGIN (NEW )?CERTIFICATE REQUEST-----")
_PRIVATE_KEY = re.compile(r"-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----")
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----\n(.*?)-----END CERTIFICATE-----\n", re.DOTALL)
_AWS_CURVE = re.compile(r"ASN1 OID: (prime256v1|secp384r1|secp521r1)\n")
_WRONG_PASSPHRASE = "of no vector"


def _openssl_is_here() -> bool:
    """Whether there is an OpenSSL whose ``storeutl`` reads folders: not LibreSSL, nor anything before 3."""
    if shutil.which("openssl") is None:
        return False
    version = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=False).stdout
    return re.match(r"OpenSSL ([3-9]|\d\d)\.", version) is not None


needs_openssl = pytest.mark.skipif(not _openssl_is_here(), reason="no OpenSSL 3 or newer on this machine")


# The files, in the forms in which they can end up in a template or in a secret


@cache
def texts() -> dict[str, str]:
    """Return every vector that has PEM in it, by its path."""
    found = {}
    for path in sorted(VECTORS.rglob("*")):
        if path.suffix in _PEM_SUFFIXES:
            content = path.read_bytes()
            if b"-----BEGIN" in content:
                found[path.relative_to(VECTORS).as_posix()] = content.decode("utf-8", "replace")
    return found


@cache
def encoded() -> dict[str, bytes]:
    """Return every certificate (and what is near one) that comes as DER, by its path."""
    return _read([*VECTORS.glob("x509/PKITS_data/certs/*.crt"), *VECTORS.glob("x509/**/*.der")])


@cache
def encoded_keys() -> dict[str, bytes]:
    """Return every key, private or public, that comes as DER, by its path."""
    return _read(VECTORS.glob("asymmetric/**/*.der"))


def _read(paths: Iterable[Path]) -> dict[str, bytes]:
    return {path.relative_to(VECTORS).as_posix(): path.read_bytes() for path in sorted(paths)}


def as_pem(der: bytes, label: str = "CERTIFICATE") -> str:
    body = base64.encodebytes(der).decode("ascii")
    return f"-----BEGIN {label}-----\n{body}-----END {label}-----\n"


@cache
def pasted() -> dict[str, str]:
    """Return what comes as DER as whoever reads such a file as text gets it, and OpenSSH's public keys."""
    files = {**encoded(), **encoded_keys(), **_read(VECTORS.glob("asymmetric/OpenSSH/**/*.pub"))}
    return {f"{name} as text": content.decode("latin-1") for name, content in files.items()}


def _labelled(files: Mapping[str, bytes], label: str) -> dict[str, str]:
    return {f"{name} as {label}": as_pem(der, label) for name, der in files.items()}


@cache
def certificate_texts() -> dict[str, str]:
    """Return all that is tried where a certificate is wanted."""
    return {**texts(), **pasted(), **_labelled({**encoded(), **encoded_keys()}, "CERTIFICATE")}


@cache
def request_texts() -> dict[str, str]:
    """Return all that is tried where a signing request is wanted."""
    return {**texts(), **pasted(), **_labelled({**encoded(), **encoded_keys()}, "CERTIFICATE REQUEST")}


@cache
def key_texts() -> dict[str, str]:
    """Return all that is tried where a private key is wanted."""
    keys = {f"{name} as key": as_pem(der, _key_label(name)) for name, der in encoded_keys().items()}
    return {**texts(), **pasted(), **_labelled(encoded(), "PRIVATE KEY"), **keys}


def _key_label(name: str) -> str:
    """Return the label of the form that the vectors' documentation says a key in DER has."""
    if "enc-" in name.replace("unenc-", "") or "enc2-" in name or "-enc" in name or "encrypted" in name:
        return "ENCRYPTED PRIVATE KEY"
    if "ec_private_key" in name or "EC/" in name:
        return "EC PRIVATE KEY"
    return "RSA PRIVATE KEY" if "testrsa" in name else "PRIVATE KEY"


# The judge


@dataclass(frozen=True)
class JudgedCertificate:
    """The one certificate that OpenSSL reads in a text, with what it prints of it.

    * ``registrable``: the key and the signature are of kinds that AWS IoT accepts; ``ca``: so is the CA's flag.
    * ``subject``, ``issuer``: the name as OpenSSL prints it, and the key identifier where there is one.
    * ``expires``: None where that is no time.
    """

    der: bytes
    registrable: bool
    ca: bool
    subject: tuple[str, str]
    issuer: tuple[str, str]
    expires: datetime | None

    @property
    def id(self) -> str:
        return hashlib.sha256(self.der).hexdigest()

    @property
    def current(self) -> bool:
        return self.expires is not None and self.expires > datetime.now(UTC)


@cache
def judged_certificates() -> dict[str, JudgedCertificate]:
    """Return what OpenSSL reads in those texts in which it finds exactly one certificate."""
    answers = _printed_of_all("-certs", certificate_texts(), _WRONG_PASSPHRASE)
    return {name: _judged(answer) for name, answer in answers.items() if len(_BLOCK.findall(answer)) == 1}


def _judged(printed: str) -> JudgedCertificate:
    block = _BLOCK.search(printed)
    assert block is not None
    registrable = _has_accepted_key(printed) and _has_accepted_signature(printed)
    return JudgedCertificate(
        der=base64.b64decode(block.group(1)),
        registrable=registrable,
        ca=registrable and "CA:TRUE" in printed,
        subject=(_value("Subject", printed), _key_identifier("Subject", printed)),
        issuer=(_value("Issuer", printed), _key_identifier("Authority", printed)),
        expires=_time(_value("Not After ", printed)),
    )


def _has_accepted_key(printed: str) -> bool:
    """Developer guide, "Create your own client certificates": RSA of 2048 bits and more, EC on three curves."""
    if _value("Public Key Algorithm", printed) in ("rsaEncryption", "rsassaPss"):
        bits = re.search(r"Public-Key: \((\d+) bit", printed)
        return bits is not None and int(bits.group(1)) >= 2048
    return _AWS_CURVE.search(printed) is not None


def _has_accepted_signature(printed: str) -> bool:
    """Developer guide, in the same place: SHA-256, SHA-384 or SHA-512."""
    name = _value("Signature Algorithm", printed)
    if name == "rsassaPss":
        name = _value("Hash Algorithm", printed)
    return re.search(r"sha(256|384|512)", name, re.IGNORECASE) is not None


def _key_identifier(whose: str, printed: str) -> str:
    match = re.search(rf"X509v3 {whose} Key Identifier:.*\n\s+(?:keyid:)?([0-9A-F:]+)\n", printed)
    return "" if match is None else match.group(1)


def _value(name: str, printed: str) -> str:
    match = re.search(rf"^ *{name}:(.*)$", printed, re.MULTILINE)
    return "" if match is None else match.group(1).strip()


def _time(printed: str) -> datetime | None:
    try:
        return datetime.strptime(printed, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
    except ValueError:
        return None


@cache
def judged_keys(passphrase: str | None) -> dict[str, bool]:
    """Return the texts in which OpenSSL reads one RSA or EC key, and whether AWS IoT accepts one of its size.

    Without a passphrase: those that need none; with one: only those that need it.
    """
    candidates = {
        name: text
        for name, text in key_texts().items()
        if _PRIVATE_KEY.search(text) and ("ENCRYPTED" in text) == (passphrase is not None)
    }
    return {
        name: _is_accepted_size(printed)
        for name, printed in _printed_of_all("-keys", candidates, passphrase or _WRONG_PASSPHRASE).items()
        if len(re.findall(r"^(RSA-PSS )?Private-Key: ", printed, re.MULTILINE)) == 1 and _is_rsa_or_ec(printed)
    }


def _is_rsa_or_ec(printed: str) -> bool:
    return any(mark in printed for mark in (" primes)", "ASN1 OID: ", "Field Type: "))


def _is_accepted_size(printed: str) -> bool:
    rsa_bits = re.search(r"Private-Key: \((\d+) bit, \d+ primes\)", printed)
    return int(rsa_bits.group(1)) >= 2048 if rsa_bits is not None else _AWS_CURVE.search(printed) is not None


@cache
def judged_requests() -> dict[str, bool]:
    """Return the texts in which OpenSSL reads a signing request, and whether AWS IoT can act on it.

    ``storeutl`` knows no signing requests: those texts that are to hold one are looked at, in a process each.
    """
    judged = {}
    for name, text in request_texts().items():
        if not name.endswith(" as text") and (name.startswith("x509/requests") or name in _holding_requests()):
            command = ["openssl", "req", "-noout", "-text", "-verify"]
            run = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
            if "Certificate Request:" in run.stdout:
                signed = "verify OK" in run.stdout + run.stderr
                judged[name] = signed and _has_accepted_key(run.stdout) and _has_accepted_signature(run.stdout)
    return judged


def _holding_requests() -> set[str]:
    return {name for name, text in texts().items() if _REQUEST.search(text)}


def _printed_of_all(kind: str, files: Mapping[str, str], passphrase: str) -> dict[str, str]:
    """Have OpenSSL print what there is of one kind in all files at once; return what it printed, by name."""
    names = list(files)
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(files.values()):
            (Path(folder) / f"{number}.pem").write_text(text, encoding="utf-8", newline="")
        command = ["openssl", "storeutl", "-text", "-r", "-passin", f"pass:{passphrase}", kind, folder]
        # Its exit code says how many files it could not read.
        printed = subprocess.run(command, capture_output=True, check=False).stdout.decode("utf-8", "replace")
    sections = re.split(r"^\d+: Name: .*/(\d+)\.pem$", printed, flags=re.MULTILINE)
    return {names[int(number)]: section for number, section in zip(sections[1::2], sections[2::2], strict=True)}


# What is to be accepted: OpenSSL's verdict, but for the differences that are explained


_REFUSED = (*READ_BY_OPENSSL_ALONE, *FIT_FOR_OPENSSL_ALONE)


@cache
def fit_certificates() -> dict[str, JudgedCertificate]:
    """Return the certificates that the provider has to find fit for a device; those with ``ca``, for a CA as well."""
    return {
        name: judged
        for name, judged in judged_certificates().items()
        if not name.startswith(_REFUSED) and (judged.registrable or name in FIT_FOR_US_ALONE)
    }


@cache
def issuers() -> dict[str, str]:
    """Return the texts of the CA certificates that issued those fit certificates, by name and key identifier."""
    fit = fit_certificates()
    cas = {judged.subject: certificate_texts()[name] for name, judged in fit.items() if judged.ca and judged.current}
    return {name: cas[judged.issuer] for name, judged in fit.items() if judged.issuer in cas and all(judged.issuer)}


def with_passphrase(name: str, passphrase: str | None) -> str:
    """Return how a key is called that is tried with a passphrase."""
    return name if passphrase is None else f"{name} with {passphrase}"


@cache
def fit_keys() -> set[str]:
    """Return the texts from which the provider has to read a key that can be that of a registered CA."""
    fit = {
        with_passphrase(name, passphrase)
        for passphrase in (None, *PASSPHRASES)
        for name, is_fit in judged_keys(passphrase).items()
        if is_fit and name not in KEYS_FOR_OPENSSL_ALONE
    }
    return fit | KEYS_FIT_FOR_US_ALONE.keys()


# What became of them


@dataclass
class Findings:
    """What became of all vectors in one place: ids of those that were accepted, and what was said of the others."""

    accepted: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    slowest: tuple[float, str] = (0.0, "")

    def timed(self, name: str, seconds: float) -> None:
        self.slowest = max(self.slowest, (seconds, name))

    def table(self) -> str:
        """Return how many there were of each, by the kinds of what was said."""
        problems = (said.partition(". ")[0] for said in self.refused.values())
        kinds = Counter(re.sub(r"'.*'|\d[\d,.-]*", "…", problem) for problem in problems)
        lines = [f"{len(self.accepted):6} accepted", *(f"{count:6} {kind}" for kind, count in kinds.most_common())]
        return "\n".join([*lines, f"       slowest: {self.slowest[0] * 1000:.0f} ms, {self.slowest[1]}"])


def telling_words(text: str) -> list[str]:
    """Return what would tell something of a key or a certificate, were it repeated in a sentence or a log."""
    return [word for word in text.split() if len(word) >= 40]
