"""Step 7: certificates are set INACTIVE and deleted at once: how often that is refused, and for how long."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from acceptance.step import Reliance, Step
from iot_certificate_provider.aws.propagation import STATUS_SECONDS

if TYPE_CHECKING:
    from acceptance.stage import Stage

CERTIFICATES = 50
ON_THE_EMBEDDED = 6


def play(stage: Stage) -> None:
    """Do it once after another, so that no quota is met."""
    refused: Counter[str] = Counter()
    longest = 0.0
    for number in range(stage.count(CERTIFICATES, ON_THE_EMBEDDED, "certificates")):
        name = f"alone:{number}"
        stage.ask("iot", "RegisterCertificateWithoutCA", certificatePem=stage.material[name], status="ACTIVE")
        certificate_id = stage.material.id(name)
        active = stage.ask("iot", "DeleteCertificate", certificateId=certificate_id)
        stage.check(active.code == "CertificateStateException", f"deleting an ACTIVE certificate: {active}")
        stage.ask("iot", "UpdateCertificate", certificateId=certificate_id, newStatus="INACTIVE")
        answer, took = stage.ask_until(
            lambda answer: answer.is_success, 60.0, "iot", "DeleteCertificate", certificateId=certificate_id
        )
        stage.check(answer.is_success, f"deleting an INACTIVE certificate: {answer}")
        refused.update(each["code"] for each in stage.recording.calls[-1].answers if "code" in each)
        longest = max(longest, took)
    stage.check(
        longest < STATUS_SECONDS, f"a deletion was refused for {longest:.1f} s, and {STATUS_SECONDS} are waited"
    )
    unknown = refused.keys() - {"CertificateStateException"}
    stage.check(not unknown, f"a deletion that comes too early is answered {sorted(unknown)}")
    stage.time("longest", longest)


STEP = Step(
    number=7,
    settles="how long a status lags",
    assumption=(
        "Deleting a certificate right after INACTIVE is refused with CertificateStateException, for less than 10 s"
    ),
    relies_on=(
        Reliance("iot_certificate_provider.aws.propagation:STATUS_SECONDS", "how long the deletion is tried again"),
        Reliance(
            "iot_certificate_provider.resources.removal.device_certificate:DeviceCertificateRemoval.remove_live",
            "deactivates, then deletes",
        ),
    ),
    if_false="Raise STATUS_SECONDS in aws/propagation.py, and status_seconds of the strict layer to what was measured.",
    play=play,
    minutes=1.5,
)
