"""Step 1: fourteen odd certificates, sent directly: which ones AWS IoT refuses, and what their ids are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acceptance.odd_certificates import NOT_A_CA, ODD
from acceptance.step import Reliance, Step

if TYPE_CHECKING:
    from acceptance.answers import Answer
    from acceptance.stage import Stage

CA = "ca:odd"
_REFUSALS = {"CertificateValidationException", "InvalidRequestException"}


def play(stage: Stage) -> None:
    """Register each under its CA and without one; the second time it is registered already, where it was taken."""
    taken = stage.ask(
        "iot", "RegisterCACertificate", caCertificate=stage.material[CA], certificateMode="SNI_ONLY", setAsActive=True
    )
    _check_id(stage, CA, taken)
    for name, is_refused in ODD.items():
        odd = f"odd:{name}"
        pem = stage.material[odd]
        under = stage.ask("iot", "RegisterCertificate", certificatePem=pem, caCertificatePem=stage.material[CA])
        _check(stage, odd, under, is_refused=is_refused)
        alone = stage.ask("iot", "RegisterCertificateWithoutCA", certificatePem=pem)
        _check_second(stage, odd, under, alone, is_refused=is_refused)
    no_ca = stage.material[f"odd:{NOT_A_CA}"]
    refused = stage.ask("iot", "RegisterCACertificate", caCertificate=no_ca, certificateMode="SNI_ONLY")
    stage.check(refused.code in _REFUSALS, f"a CA certificate without CA:TRUE: {refused}")


def _check(stage: Stage, name: str, answer: Answer, *, is_refused: bool) -> None:
    if is_refused:
        stage.check(answer.code in _REFUSALS, f"{name} was to be refused: {answer}")
    elif stage.check(answer.is_success, f"{name} was to be taken: {answer}"):
        _check_id(stage, name, answer)


def _check_second(stage: Stage, name: str, under: Answer, alone: Answer, *, is_refused: bool) -> None:
    if is_refused:
        stage.check(alone.code in _REFUSALS, f"{name} without a CA was to be refused: {alone}")
        return
    exists = alone.code == "ResourceAlreadyExistsException"
    stage.check(exists, f"{name} was registered already, and that is answered: {alone}")
    same = alone.members.get("resourceId") == under.members.get("certificateId")
    stage.check(same, f"{name}: the answer that it exists has another id: {alone.members}")


def _check_id(stage: Stage, name: str, answer: Answer) -> None:
    expected, found = stage.material.id(name), answer.members.get("certificateId")
    stage.check(found == expected, f"the id of {name} is no SHA-256 of the DER: {found}, not {expected}")


STEP = Step(
    number=1,
    settles="which certificates AWS IoT refuses; ids",
    assumption="AWS IoT refuses what our checks refuse and takes the rest; an id is the SHA-256 of the DER",
    relies_on=(
        Reliance("iot_certificate_provider.pki.fitness:check_registrable", "refuses keys and signatures in its place"),
        Reliance("iot_certificate_provider.pki.fitness:check_not_expired", "refuses what has expired, not the future"),
        Reliance("iot_certificate_provider.pki.fitness:check_ca", "refuses a CA certificate without CA:TRUE"),
        Reliance("iot_certificate_provider.pki.certificate:Certificate", "its id is known before it is registered"),
    ),
    if_false=(
        "Change the check in pki/fitness.py, its twin in local/iot_certificates_local/strict/certificates.py, and the "
        "table in tests/acceptance/odd_certificates.py. If ids are no SHA-256, docs/design/0003 does not hold."
    ),
    play=play,
    minutes=1,
)
