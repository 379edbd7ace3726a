"""Reading exactly one block of PEM text, and refusing any other with the cause.

RFC 7468 describes the format. The reader is as lenient as it allows about text around the block and about
white space inside it (YAML and environment variables fold lines), and strict about the block itself.
"""

from __future__ import annotations

import base64
import binascii
import re
import textwrap
from typing import NoReturn

from iot_certificate_provider.contract import MAX_CSR_CHARACTERS, MAX_PEM_CHARACTERS
from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.frozen import dataclass

TRUSTED_CERTIFICATE = "TRUSTED CERTIFICATE"


@dataclass(frozen=True)
class PemForm:
    """The form of PEM of one kind: its labels, the usual one first, and AWS IoT's limit of characters."""

    labels: tuple[str, ...]
    longest: int


CERTIFICATE = PemForm(("CERTIFICATE", "X509 CERTIFICATE", TRUSTED_CERTIFICATE), MAX_PEM_CHARACTERS)
SIGNING_REQUEST = PemForm(("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"), MAX_CSR_CHARACTERS)

_OTHER_LABELS = ("X509 CRL", "PKCS7", "CMS", "EC PARAMETERS", "DH PARAMETERS")
"""Labels that errors name. They quote no other, since whatever stands where a PEM belongs may be a key."""

_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_WHITE_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Block:
    """A block: its label, and the bytes that its base64 stands for."""

    label: str
    content: bytes


def write(content: bytes, label: str) -> str:
    """Write a block as RFC 7468, 2, has it: 64 columns."""
    body = "\n".join(textwrap.wrap(base64.b64encode(content).decode("ascii"), 64))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"


def read(text: str, form: PemForm) -> Block:
    """Return the one block in ``text``, whose label is one of ``form``.

    Raises UnusableError for anything else: no block or several, another kind of block, one that
    is cut off, damaged base64, too many characters. Text around it is ignored.
    """
    wanted = form.labels[0]
    if len(text) > form.longest:
        raise UnusableError(
            f"is {len(text):,} characters long, above AWS IoT's limit of {form.longest:,}",
            f"Give the PEM of one {_kind(wanted)} only",
        )
    found = list(_BEGIN.finditer(text))
    _refuse_private_keys([match.group(1) for match in found])
    if not found:
        raise UnusableError(
            f"is not PEM: it has no line '-----BEGIN {wanted}-----'",
            "Give the text of the .pem file itself, not its path, its DER or bare base64",
        )
    if len(found) > 1:
        raise UnusableError(
            f"holds {len(found)} PEM blocks, not one",
            f"Keep the {_kind(wanted)} itself and drop the rest of the chain",
        )
    label = found[0].group(1)
    if label not in form.labels:
        raise UnusableError(f"is a {_kind(label)}, not a {_kind(wanted)}", _where(label, wanted))
    return Block(label, _decode(text[found[0].end() :], label))


def _refuse_private_keys(labels: list[str]) -> None:
    if any(label.endswith("PRIVATE KEY") for label in labels):
        refuse_private_key()


def refuse_private_key() -> NoReturn:
    """Refuse a private key where a certificate or a request belongs."""
    raise UnusableError(
        "holds a private key",
        "Remove it, and replace the key: templates are not secret. Keys belong in Secrets Manager",
    )


def _decode(rest: str, label: str) -> bytes:
    body, end, _ = rest.partition(f"-----END {label}-----")
    if not end:
        raise UnusableError(f"is truncated: the line '-----END {label}-----' is missing", "Give the whole PEM text")
    try:
        return base64.b64decode(_WHITE_SPACE.sub("", body), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnusableError("has damaged base64 between its BEGIN and END lines", _mend(body)) from error


def _mend(body: str) -> str:
    if "\\n" in body:
        return "Its line ends are the two characters \\n: replace them with real ones"
    return "Copy the PEM text again, whole and unchanged"


def _kind(label: str) -> str:
    if label in SIGNING_REQUEST.labels:
        return "certificate signing request"
    if label in CERTIFICATE.labels:
        return "certificate"
    if label.endswith("PUBLIC KEY"):
        return "public key"
    return f"PEM block '{label}'" if label in _OTHER_LABELS else "PEM block of another kind"


def _where(label: str, wanted: str) -> str:
    if label in SIGNING_REQUEST.labels:
        return "Declare a signing request as CertificateSigningRequest, and let AWS IoT issue the certificate"
    if label in CERTIFICATE.labels:
        return "Declare a certificate as CertificatePem"
    return f"Give the text that begins with '-----BEGIN {wanted}-----'"
