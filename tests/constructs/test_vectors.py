"""Every test vector in every argument that takes a certificate or a signing request, as whoever writes an app gives it.

Each is accepted, or refused in a sentence that names the argument and says what to do; OpenSSL says which it has to be.
Validity is not asked: at synth it only warns.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

import issuing
import vectors
from iot_certificate_provider.contract import MAX_REASON_CHARACTERS
from iot_certificates import (
    CaCertificate,
    CertificateDeclarationError,
    CertificateMode,
    DeviceCertificate,
    ExistingCertificate,
    ProofOfPossession,
)
from time_limit import limited_to
from vectors import needs_openssl, telling_words
from vectors_explained import NOT_ISSUED_FOR_US

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_cdk import Stack

    Declare = Callable[[Stack, str, str], object]
    """Declare a construct with this id in a stack; the last argument names the vector."""

pytestmark = needs_openssl
FACTORY_CA = issuing.make_ca("Factory CA")


@pytest.fixture
def accepted(new_stack: Callable[..., Stack]) -> Callable[[Declare, Mapping[str, str], str], set[str]]:
    """Declare all, each with a second of processor time; check every refusal for its form, and return the others."""

    def run(declare: Declare, texts: Mapping[str, str], argument: str) -> set[str]:
        stack = new_stack()
        findings = vectors.Findings()
        for number, (name, text) in enumerate(texts.items()):
            started = time.perf_counter()
            try:
                with limited_to(1.0):
                    declare(stack, f"Vector{number}", name)
            except CertificateDeclarationError as error:
                findings.refused[name] = f"{error.name}: {error.problem}. {error.fix}"
                _check_sentence(error, f"Stack/Vector{number}", argument, text)
            else:
                findings.accepted[name] = ""
            findings.timed(name, time.perf_counter() - started)
        print(f"\n{argument}\n{findings.table()}")  # noqa: T201 - for whoever runs it with -s
        return set(findings.accepted)

    return run


def _check_sentence(error: CertificateDeclarationError, path: str, argument: str, text: str) -> None:
    said = str(error)
    assert said.startswith(f"{path}: {argument} ")
    assert error.problem, said
    assert error.fix, said
    assert len(said) <= MAX_REASON_CHARACTERS
    assert not [word for word in telling_words(text) if word in said]


def test_certificate_pem_of_a_ca_certificate(accepted: Callable[..., set[str]]) -> None:
    texts = vectors.certificate_texts()

    def declare(stack: Stack, construct_id: str, name: str) -> None:
        CaCertificate(stack, construct_id, certificate_pem=texts[name], certificate_mode=CertificateMode.SNI_ONLY)

    fit = {name for name, judged in vectors.fit_certificates().items() if judged.ca}
    assert accepted(declare, texts, "certificate_pem") == fit


def test_certificate_pem_of_a_device_certificate(accepted: Callable[..., set[str]]) -> None:
    texts = vectors.certificate_texts()

    def declare(stack: Stack, construct_id: str, name: str) -> None:
        # Some vectors are the same certificate: two that adopt can be in one stack.
        adopt = ExistingCertificate.ADOPT
        DeviceCertificate(stack, construct_id, certificate_pem=texts[name], existing_certificate=adopt)

    assert accepted(declare, texts, "certificate_pem") == vectors.fit_certificates().keys()


def test_certificate_signing_request(accepted: Callable[..., set[str]]) -> None:
    texts = vectors.request_texts()

    def declare(stack: Stack, construct_id: str, name: str) -> None:
        DeviceCertificate(stack, construct_id, certificate_signing_request=texts[name])

    fit = {name for name, is_fit in vectors.judged_requests().items() if is_fit}
    assert accepted(declare, texts, "certificate_signing_request") == fit


def test_verification_certificate(accepted: Callable[..., set[str]]) -> None:
    texts = vectors.certificate_texts()

    def declare(stack: Stack, construct_id: str, name: str) -> None:
        CaCertificate(
            stack,
            construct_id,
            certificate_pem=vectors.issuers().get(name, FACTORY_CA.pem),
            proof_of_possession=ProofOfPossession.verification_certificate(texts[name]),
            existing_certificate=ExistingCertificate.ADOPT,
        )

    issued = vectors.issuers().keys() - NOT_ISSUED_FOR_US.keys()
    assert accepted(declare, texts, "proof_of_possession") == issued
