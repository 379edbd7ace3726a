"""The text of a private key before it is read: repaired where that is safe, else refused with the cause.

No message quotes the text, not even in part, because any text in the place of a key can be a key.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import json
import re
from dataclasses import field

from iot_certificate_provider.contract import CredentialsField
from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.pki import pem

MAX_KEY_CHARACTERS = 32_768
"""An RSA key of 8,192 bits has about 6,400 characters; certificates and attributes can stand beside it."""

OPENSSH = "OPENSSH PRIVATE KEY"
_PRIVATE_KEY = "PRIVATE KEY"
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_WRITTEN_OUT = re.compile(r"(?:\\r)?\\n(?:\r?\n)?")
_HEADER = re.compile(r"(Proc-Type|DEK-Info):")
_DASHES = "-----BEGIN … PRIVATE KEY-----"
_STORE_THE_KEY = "Store the PEM text of the private key"

_OTHERS = {
    "PuTTY-User-Key-File": (
        "holds a key in PuTTY's format",
        "Export it with puttygen as OpenSSH key, without passphrase",
    ),
    "-----BEGIN PGP": ("holds a PGP key", "Use the CA's RSA or EC key"),
    "---- BEGIN SSH2": ("holds a key in SSH2's format", "Convert it to PEM: ssh-keygen -i -f FILE"),
}


@dataclass(frozen=True)
class KeyBlock:
    """A private key's block: its label, and its text alone, with the line ends that RFC 7468 and RFC 1421 ask for."""

    label: str
    text: str = field(repr=False)


def key_block(text: str) -> KeyBlock:
    r"""Return the first private key in ``text``, whose line ends can be written out as ``\n``.

    Raises UnusableError where there is none, or one that would cost too much to open.
    """
    if len(text) > MAX_KEY_CHARACTERS:
        raise UnusableError(
            f"holds {len(text):,} characters, more than a private key has", "Store the PEM text of one private key"
        )
    if text.lstrip().startswith("{"):
        raise _json(text)
    # Neither base64 nor a header of PEM has a backslash, so that nothing else can be meant.
    text = _WRITTEN_OUT.sub("\n", text)
    labels = _BLOCK.findall(text)
    keys: list[str] = [label for label in labels if label.endswith(_PRIVATE_KEY)]
    if not keys:
        raise _another_thing(text, labels)
    return KeyBlock(keys[0], _block(text, keys[0]))


def _block(text: str, label: str) -> str:
    """Return the key's block; refuse one that is cut off, damaged, or too expensive."""
    begin, end = f"-----BEGIN {label}-----", f"-----END {label}-----"
    body, found, _ = text.partition(begin)[2].partition(end)
    if not found:
        raise UnusableError("holds a truncated private key: its END line is missing", "Store the whole PEM text")
    if _HEADER.search(body):
        return "\n".join([begin, *_lines_with_headers(body), end, ""])
    content = _decoded(body)
    if not content:
        raise UnusableError(
            "holds a private key whose base64 is damaged", "Store the PEM text again, whole and unchanged"
        )
    if "ENCRYPTED" in label:
        # Imported when it is needed: hardly any CA's key is encrypted, and a cold start is the shorter.
        importlib.import_module("iot_certificate_provider.pki.key_encryption_cost").check_cost(content)
    return pem.write(content, label)


def _decoded(body: str) -> bytes:
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _lines_with_headers(body: str) -> list[str]:
    """Return the lines of a body with headers; RFC 1421, 4.4: a line for each, and an empty one after them."""
    lines = [line.strip() for line in body.strip().splitlines()]
    headers = [line for line in lines if _HEADER.match(line)]
    if len(headers) != len(_HEADER.findall(body)) or "" not in lines or any(len(line) > 80 for line in headers):
        raise UnusableError(
            "holds an encrypted key without line breaks: Proc-Type and DEK-Info must be on separate lines",
            "Store it with its line breaks, or as PKCS #8",
        )
    return lines


def _another_thing(text: str, labels: list[str]) -> UnusableError:
    """Name what is in the place of the key."""
    for mark, (problem, fix) in _OTHERS.items():
        if mark in text:
            return UnusableError(problem, fix)
    if labels:
        return UnusableError(f"holds {_kind(labels[0])}, not a private key", _STORE_THE_KEY)
    return UnusableError(
        f"holds no PEM: it has no line '{_DASHES}'",
        f"{_STORE_THE_KEY}, not its path, its DER or bare base64",
    )


def _kind(label: str) -> str:
    if label.endswith("CERTIFICATE REQUEST"):
        return "a certificate signing request"
    if label.endswith("CERTIFICATE"):
        return "a certificate"
    return "a public key" if label.endswith("PUBLIC KEY") else "PEM of another kind"


def _json(text: str) -> UnusableError:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    if isinstance(fields, dict) and "kty" in fields:
        return UnusableError("holds a JSON Web Key", "Store the key as PEM")
    if isinstance(fields, dict):
        known = CredentialsField.PRIVATE_KEY in fields
        field = f": JsonField {CredentialsField.PRIVATE_KEY}" if known else ""
        return UnusableError(
            "holds a JSON object, but JsonField is not given", f"Name the field that has the key in JsonField{field}"
        )
    return UnusableError("holds damaged JSON", "Store the PEM text itself, or a whole JSON object")
