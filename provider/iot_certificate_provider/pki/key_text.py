"""The text of a private key before it is read: made readable where that is safe, else what is wrong with it.

No sentence here quotes the text, not even a part of it: whatever stands where a key belongs can be a key.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import json
import re

from iot_certificate_provider.contract import CredentialsField
from iot_certificate_provider.errors import CertificateRejectedError

MAX_KEY_CHARACTERS = 32_768
"""An RSA key of 8,192 bits has about 6,400 characters; certificates and attributes can stand beside it."""

OPENSSH = "OPENSSH PRIVATE KEY"
_PRIVATE_KEY = "PRIVATE KEY"
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_HEADER = re.compile(r"(Proc-Type|DEK-Info):")
_DASHES = "-----BEGIN … PRIVATE KEY-----"
_STORE_THE_KEY = "Store the PEM text of the private key"

_OTHERS = {
    "PuTTY-User-Key-File": (
        "holds a key in PuTTY's format",
        "Export it with puttygen as OpenSSH key, without passphrase",
    ),
    "-----BEGIN PGP": ("holds a key of PGP", "Use the CA's RSA or EC key"),
    "---- BEGIN SSH2": ("holds a key in SSH2's format", "Convert it to PEM: ssh-keygen -i -f FILE"),
}


def prepared(text: str) -> str:
    r"""Return the text with real line ends where they are written out as ``\n``.

    Neither base64 nor a header of PEM has a backslash, so that nothing else can be meant.
    """
    if "\\n" not in text or _is_json(text) or _BLOCK.search(text) is None:
        return text
    return text.replace("\\r\\n", "\n").replace("\\n", "\n")


def check_key_text(text: str) -> str:
    """Return the label of the private key in ``text``, which is ``prepared``.

    Raises CertificateRejectedError where there is none, or one that would cost too much to open.
    """
    if len(text) > MAX_KEY_CHARACTERS:
        raise CertificateRejectedError(
            f"holds {len(text):,} characters, more than a private key has", "Store the PEM text of one private key"
        )
    if _is_json(text):
        raise _json(text)
    labels = _BLOCK.findall(text)
    keys: list[str] = [label for label in labels if label.endswith(_PRIVATE_KEY)]
    if not keys:
        raise _another_thing(text, labels)
    body = _body(text, keys[0])
    if "ENCRYPTED" in keys[0]:
        _check_cost(body)
    return keys[0]


def _body(text: str, label: str) -> str:
    """Return what stands between the lines of the key; refuse one that is cut off or damaged."""
    rest = text.partition(f"-----BEGIN {label}-----")[2]
    body, end, _ = rest.partition(f"-----END {label}-----")
    if not end:
        raise CertificateRejectedError(
            "holds a private key that is cut off: its END line is missing", "Store the whole PEM text"
        )
    if _HEADER.search(body):
        _check_headers(body)
    elif not _is_base64(body):
        raise CertificateRejectedError(
            "holds a private key whose base64 is damaged", "Store the PEM text again, whole and unchanged"
        )
    return body


def _is_base64(body: str) -> bool:
    try:
        return bool(base64.b64decode("".join(body.split()), validate=True))
    except (binascii.Error, ValueError):
        return False


def _check_headers(body: str) -> None:
    """RFC 1421, 4.4: a line for each header, and an empty one after them."""
    lines = [line.strip() for line in body.strip().splitlines()]
    headers = [line for line in lines if _HEADER.match(line)]
    if len(headers) != len(_HEADER.findall(body)) or "" not in lines or any(len(line) > 80 for line in headers):
        raise CertificateRejectedError(
            "holds an encrypted key that has lost its line ends: Proc-Type and DEK-Info need lines of their own",
            "Store it with its line ends, or as PKCS #8",
        )


def _check_cost(body: str) -> None:
    # Imported when it is needed: hardly any CA's key is encrypted, and a cold start is the shorter.
    cost = importlib.import_module("iot_certificate_provider.pki.key_encryption_cost")
    cost.check_cost(base64.b64decode("".join(body.split())))


def _another_thing(text: str, labels: list[str]) -> CertificateRejectedError:
    """Name what is in the place of the key."""
    if labels:
        return CertificateRejectedError(f"holds {_kind(labels[0])}, not a private key", _STORE_THE_KEY)
    for mark, (problem, fix) in _OTHERS.items():
        if mark in text:
            return CertificateRejectedError(problem, fix)
    return CertificateRejectedError(
        f"holds no PEM: it has no line '{_DASHES}'",
        f"{_STORE_THE_KEY}, not its path, its DER or bare base64",
    )


def _kind(label: str) -> str:
    if label.endswith("CERTIFICATE REQUEST"):
        return "a certificate signing request"
    if label.endswith("CERTIFICATE"):
        return "a certificate"
    return "a public key" if label.endswith("PUBLIC KEY") else "PEM of another kind"


def _is_json(text: str) -> bool:
    return text.lstrip().startswith("{")


def _json(text: str) -> CertificateRejectedError:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    if isinstance(fields, dict) and "kty" in fields:
        return CertificateRejectedError("holds a JSON Web Key", "Store the key as PEM")
    if isinstance(fields, dict):
        known = CredentialsField.PRIVATE_KEY in fields
        field = f": JsonField {CredentialsField.PRIVATE_KEY}" if known else ""
        return CertificateRejectedError(
            "holds a JSON object, and JsonField is not given", f"Name the field that has the key in JsonField{field}"
        )
    return CertificateRejectedError("holds JSON that is damaged", "Store the PEM text itself, or a whole JSON object")
