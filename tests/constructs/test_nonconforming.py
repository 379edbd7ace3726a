"""The corpus of files that other tools refuse, at synth; and 1,000 damaged certificates, there and in the function."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

import issuing
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.pki import Certificate, check_registrable
from iot_certificate_provider.properties.device_certificate import DeviceCertificateProperties
from iot_certificates import CaCertificate, CertificateDeclarationError, CertificateMode, DeviceCertificate
from iot_certificates.declared.literal_pem import NONCONFORMING_WARNING, read_certificate
from nonconforming.cases import CASES, Case, Kind
from nonconforming.drafts import pem

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import Stack

MUTATIONS = 1_000


def declare(stack: Stack, construct_id: str, case: Case) -> None:
    if case.kind is Kind.CA:
        CaCertificate(stack, construct_id, certificate_pem=case.text, certificate_mode=CertificateMode.SNI_ONLY)
    elif case.kind is Kind.REQUEST:
        DeviceCertificate(stack, construct_id, certificate_signing_request=case.text)
    else:
        DeviceCertificate(stack, construct_id, certificate_pem=case.text, certificate_mode=CertificateMode.SNI_ONLY)


@pytest.fixture(scope="module")
def stack(new_stack: Callable[..., Stack]) -> Stack:
    return new_stack()


@pytest.mark.parametrize(("number", "case"), [*enumerate(CASES)], ids=[case.name for case in CASES])
def test_each_file_is_declared_with_a_warning_or_refused(stack: Stack, number: int, case: Case) -> None:
    if case.refusal is not None:
        with pytest.raises(CertificateDeclarationError) as caught:
            declare(stack, f"Case{number}", case)
        assert case.refusal in str(caught.value)
        return
    declare(stack, f"Case{number}", case)
    warnings = [
        str(entry.data)
        for entry in stack.node.find_child(f"Case{number}").node.metadata
        if NONCONFORMING_WARNING in str(entry.data)
    ]
    assert len(warnings) == bool(case.findings)
    assert all(rule in warnings[0] for rule in case.findings)
    assert not warnings or "AWS IoT and each" in warnings[0]


def damaged(number: int) -> str:
    """Return the PEM of a certificate of the corpus with a bit of it turned over, or a byte taken away or put in."""
    chance = random.Random(number)  # noqa: S311 - the same damage each time
    originals = [case for case in CASES if case.kind is not Kind.REQUEST and case.refusal is None]
    content = bytearray(issuing.base64_of(chance.choice(originals).text))
    at, kind = chance.randrange(len(content)), chance.random()
    if kind < 0.8:
        content[at] ^= 1 << chance.randrange(8)
    elif kind < 0.9:
        del content[at]
    else:
        content.insert(at, chance.randrange(256))
    return pem(bytes(content))


def test_synth_and_function_agree_about_damaged_certificates(stack: Stack) -> None:
    verdicts = {"accepted": 0, "accepted with findings": 0, "refused": 0}
    for number in range(MUTATIONS):
        text = damaged(number)
        at_synth = _at_synth(stack, text)
        assert at_synth == _in_the_function(text), number
        verdicts[
            "refused" if isinstance(at_synth, str) else "accepted with findings" if at_synth[1] else "accepted"
        ] += 1
    assert all(count >= 50 for count in verdicts.values()), verdicts


Verdict = str | tuple[str, tuple[str, ...]]


def _at_synth(stack: Stack, text: str) -> Verdict:
    try:
        certificate = read_certificate(stack, "certificate_pem", text, check_registrable)
    except CertificateDeclarationError as error:
        return f"{error.problem}. {error.fix}"
    assert certificate is not None
    return certificate.id, tuple(map(str, certificate.findings))


def _in_the_function(text: str) -> Verdict:
    try:
        certificate = DeviceCertificateProperties.read({"CertificatePem": text}).identity
    except InvalidPropertyError as error:
        return f"{error.problem}. {error.fix}"
    assert isinstance(certificate, Certificate)
    return certificate.id, tuple(map(str, certificate.findings))
