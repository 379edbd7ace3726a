"""Reading a certificate that cryptography refuses: its fields and the rules that it breaks, or the cause."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.pki import der, pem
from iot_certificate_provider.pki.certificate_findings import findings
from iot_certificate_provider.pki.der import Element, MalformedError
from iot_certificate_provider.pki.finding import Finding
from iot_certificate_provider.pki.serial_number import whole_bytes
from iot_certificate_provider.pki.tolerant_certificate import TolerantCertificate, read_name, read_time

_LOCATION = re.compile(r'"([A-Za-z0-9_:\[\]]+)"')
_PKCS_12_VERSION = 3


def certificate_in(block: pem.Block) -> tuple[bytes, tuple[Finding, ...]]:
    """Return the certificate at the beginning of the block, and a finding about what follows it.

    Raises UnusableError where there is none, or something else than padding follows.
    """
    try:
        element, rest = Element.first_of(block.content)
        if block.label != pem.TRUSTED_CERTIFICATE:
            _refuse_another_structure(rest)
    except MalformedError as error:
        raise unreadable(str(error)) from error
    following = Finding("RFC 5280, 4.1", f"is followed by {len(rest)} bytes that do not belong to it")
    return element.encoded, (following,) if rest else ()


def _refuse_another_structure(rest: bytes) -> None:
    if rest[:1] != bytes([der.SEQUENCE]):
        return
    try:
        element, _ = Element.first_of(rest)
    except MalformedError:
        return
    _refuse_other_structures(element)
    raise MalformedError("is followed by another structure in the same block")


def read(encoded: bytes, refusal: Exception) -> dict[str, Any]:
    """Return Certificate's fields; raise UnusableError, with the cause, where they cannot be read.

    ``refusal``: what cryptography has raised.
    """
    try:
        return _read(encoded, refusal)
    except MalformedError as error:
        raise unreadable(str(error)) from error


def _read(encoded: bytes, refusal: Exception) -> dict[str, Any]:
    element = Element.only(encoded)
    _refuse_other_structures(element)
    if not (element.has_definite_length and element.has_shortest_length):
        # The id is the SHA-256 of the DER: that of another encoding is not known.
        raise MalformedError("is not DER (RFC 5280, 4.1): its length has another form")
    certificate = TolerantCertificate.read(encoded)
    not_before, not_after = certificate.validity
    subject, issuer = read_name(certificate.subject), read_name(certificate.issuer)
    return {
        "id": hashlib.sha256(encoded).hexdigest(),
        "pem": pem.write(encoded, pem.CERTIFICATE.labels[0]),
        "subject": str(subject),
        "issuer": str(issuer),
        "serial_number": whole_bytes(certificate.serial_number.integer),
        "not_before": read_time(not_before, "notBefore"),
        "not_after": read_time(not_after, "notAfter"),
        "subject_name": subject,
        "issuer_name": issuer,
        "is_ca": certificate.is_ca,
        "signature": certificate.signature,
        "subject_key_identifier": certificate.subject_key_identifier,
        "findings": findings(certificate, reason_of(refusal)),
        "_key": certificate.public_key,
        "_strict": None,
    }


def _refuse_other_structures(element: Element) -> None:
    """Name what is encoded instead of a certificate."""
    if element.tag != der.SEQUENCE:
        raise MalformedError("is not an ASN.1 sequence")
    first, *others = element.children or (None,)
    if first is not None and first.tag == der.INTEGER and others:
        if first.integer != _PKCS_12_VERSION and len(others) > 1:
            pem.refuse_private_key()
        raise MalformedError("is a public key, or a PKCS #12 file")
    if first is not None and first.tag == der.OBJECT_IDENTIFIER:
        raise MalformedError("is a PKCS #7 file")
    if first is not None and _is_request(first):
        raise MalformedError("is a certificate signing request")


def _is_request(first: Element) -> bool:
    # RFC 2986, 4: a version, a name, a key, attributes.
    if not first.is_constructed or not 3 <= len(first.children) <= 4 or first.children[0].tag != der.INTEGER:
        return False
    return all(each.tag == der.SEQUENCE for each in first.children[1:3])


def unreadable(cause: str) -> UnusableError:
    """Return the refusal of what is no certificate; ``cause`` is a clause about it."""
    return UnusableError(
        f"is PEM, but not a readable X.509 certificate: it {cause}",
        "Check it with: openssl x509 -in FILE -noout -text",
    )


def reason_of(refusal: Exception) -> str:
    """Return what cryptography says, in one line."""
    said = str(refusal)
    places = _LOCATION.findall(said)
    kind = re.search(r"kind: ([A-Za-z]+)", said)
    if kind is None:
        return " ".join(said.split())[:80] or type(refusal).__name__
    return f"{kind.group(1)} at {places[-1]}" if places else kind.group(1)
