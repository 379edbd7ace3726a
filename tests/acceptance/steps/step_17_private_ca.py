"""Step 17, opt-in, because it costs: certificates that AWS Private CA issues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acceptance.step import NotTriedError, Reliance, Step

if TYPE_CHECKING:
    from acceptance.stage import Stage


def play(stage: Stage) -> None:
    """Say why it is not tried."""
    if stage.place.is_embedded:
        raise NotTriedError("MiniStack has no AWS Private CA")
    if not stage.run.private_ca:
        raise NotTriedError("it costs about 2 US dollars: opt in with MORE=--private-ca")
    raise NotTriedError("the step is not written yet")


STEP = Step(
    number=17,
    settles="AWS Private CA",
    assumption="AWS Private CA issues by the templates that the role is allowed, with the profile that is checked",
    relies_on=(
        Reliance("iot_certificate_provider.aws.acm_pca:PrivateCaGateway", "issues, and waits for the certificate"),
        Reliance("iot_certificate_provider.pki.profiles:check_end_entity_profile", "checks what was issued"),
    ),
    if_false="Change aws/acm_pca.py and the templates in contract.py.",
    play=play,
    minutes=0,
)
