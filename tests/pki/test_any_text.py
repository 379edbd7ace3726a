"""Whatever the text: it is read and round-trips, or it is refused; nothing else ever happens."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import TYPE_CHECKING

from cryptography import x509
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import issuing
from iot_certificate_provider.contract import MAX_REASON_CHARACTERS
from iot_certificate_provider.pki import Certificate, SigningRequest, UnusableError, load_private_key

if TYPE_CHECKING:
    from collections.abc import Callable

bounded = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

CA = issuing.make_ca()
DEVICE = issuing.make_device(CA)
CSR = issuing.make_csr()
BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"

READERS: dict[str, Callable[[str], object]] = {
    "a certificate": Certificate.from_pem,
    "a signing request": SigningRequest.from_pem,
    "a private key": lambda text: load_private_key(text, None),
    "a private key with a passphrase": lambda text: load_private_key(text, "a passphrase"),
}

# Arbitrary text with a taste for what PEM is made of; surrogates too, since JSON can hold them.
fragments = st.one_of(
    st.text(st.characters(), max_size=20),
    st.text("ABCDEFabcdef0189+/= \n", max_size=80),
    st.sampled_from(
        [
            BEGIN,
            END,
            "-----BEGIN ",
            "-----END ",
            "-----",
            "PRIVATE KEY",
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN CERTIFICATE REQUEST-----",
            "-----END CERTIFICATE REQUEST-----",
            "Proc-Type: 4,ENCRYPTED\n",
            "\r\n",
            "MII",
            DEVICE.pem,
            CSR.pem,
        ]
    ),
)
any_text = st.lists(fragments, max_size=8).map("".join)
white_space = st.text(" \t\r\n", max_size=4)
readers = st.sampled_from(sorted(READERS)).map(READERS.__getitem__)


def read_or_refuse(read: Callable[[str], object], text: str) -> None:
    """Read; let a refusal pass that is fit to be shown, and nothing else."""
    refused = None
    try:
        read(text)
    except UnusableError as error:
        refused = error
    if refused is not None:
        assert refused.problem
        assert refused.fix
        assert len(f"CertificateSigningRequest: {refused}") <= MAX_REASON_CHARACTERS


@bounded
@given(read=readers, text=any_text)
def test_any_text_is_read_or_refused(read: Callable[[str], object], text: str) -> None:
    read_or_refuse(read, text)


@bounded
@given(content=st.binary(max_size=200), label=st.sampled_from(["CERTIFICATE", "CERTIFICATE REQUEST", "PRIVATE KEY"]))
def test_any_bytes_in_pem_are_read_or_refused(content: bytes, label: str) -> None:
    text = f"-----BEGIN {label}-----\n{base64.b64encode(content).decode()}\n-----END {label}-----\n"

    for read in READERS.values():
        read_or_refuse(read, text)


@st.composite
def mutated(draw: st.DrawFn, original: str) -> str:
    """Delete, insert or replace up to four characters."""
    text = original
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text) - 1))
        removed = draw(st.integers(0, 1))
        added = draw(st.one_of(st.just(""), st.sampled_from("AMZaz09+/=- \n*"), st.characters()))
        text = text[:at] + added + text[at + removed :]
    return text


@bounded
@given(text=mutated(DEVICE.pem))
def test_a_changed_certificate_is_refused_or_is_readable_again_under_the_same_id(text: str) -> None:
    with suppress(UnusableError):
        certificate = Certificate.from_pem(text)
        assert Certificate.from_pem(certificate.pem) == certificate
        assert (certificate.pem == DEVICE.pem) == (certificate.id == Certificate.from_pem(DEVICE.pem).id)


@bounded
@given(text=mutated(CSR.pem))
def test_a_changed_signing_request_is_refused_or_is_readable_again(text: str) -> None:
    with suppress(UnusableError):
        request = SigningRequest.from_pem(text)
        assert SigningRequest.from_pem(request.pem) == request
        # Nothing but white space and what stands around the block: its own signature covers the rest.
        assert request.subject == SigningRequest.from_pem(CSR.pem).subject


@bounded
@given(at=st.integers(0, len(DEVICE.der) - 1), byte=st.integers(0, 255), other=st.integers(0, len(DEVICE.der) - 1))
def test_changed_bytes_under_the_base64_are_refused_or_round_trip(at: int, byte: int, other: int) -> None:
    der = bytearray(DEVICE.der)
    der[at] = byte
    der[other] ^= 0x20
    assume(bytes(der) != DEVICE.der)

    with suppress(UnusableError):
        certificate = Certificate.from_pem(f"{BEGIN}\n{base64.b64encode(der).decode()}\n{END}")
        assert Certificate.from_pem(certificate.pem) == certificate
        assert certificate.id != Certificate.from_pem(DEVICE.pem).id


@bounded
@given(data=st.data())
def test_white_space_alone_never_changes_the_certificate(data: st.DataObject) -> None:
    body = DEVICE.pem.removeprefix(BEGIN).removesuffix(f"{END}\n")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    parts = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]

    text = data.draw(white_space) + BEGIN + "".join(part + data.draw(white_space) for part in parts) + END

    assert Certificate.from_pem(text) == Certificate.from_pem(DEVICE.pem)


@bounded
@given(before=st.text(max_size=200), after=st.text(max_size=200))
def test_what_stands_around_the_block_never_changes_the_certificate(before: str, after: str) -> None:
    assume("-----BEGIN" not in before + after)

    assert Certificate.from_pem(f"{before}\n{DEVICE.pem}{after}") == Certificate.from_pem(DEVICE.pem)


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=15)


@settings(bounded, max_examples=60)
@given(name=names, serial=st.integers(1, 2**159 - 1), critical=st.booleans(), value=st.binary(max_size=40))
def test_any_certificate_that_can_be_made_round_trips(name: str, serial: int, critical: bool, value: bytes) -> None:
    own = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.2"), value)
    issued = issuing.make_device(
        CA, subject=issuing.common_name(name), key=DEVICE.key, serial=serial, extensions=[(own, critical)]
    )

    certificate = Certificate.from_pem(issued.pem)

    assert certificate.pem == issued.pem
    assert int(certificate.serial_number, 16) == serial
    assert len(certificate.serial_number) % 2 == 0
    assert Certificate.from_pem(certificate.pem) == certificate
