"""Step 99, always: everything is removed, and the account is as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acceptance.step import Reliance, Step

if TYPE_CHECKING:
    from acceptance.stage import Stage


def play(stage: Stage) -> None:
    """Remove everything of the run, then compare the inventory with that of the beginning."""
    clean_up = stage.run.clean_up
    left = clean_up.remove_all()
    stage.check(not left, f"not removed: {'; '.join(left)}")
    found = clean_up.holdings.all()
    ours = [str(each) for each in found if each.is_ours]
    stage.check(not ours, f"still there: {', '.join(ours)}")
    after = {str(each): each.fingerprint for each in found if not each.is_ours}
    before = stage.run.state.before or {}
    _compare(stage, before, after)
    code = stage.ask("iot", "GetRegistrationCode")
    stage.check(code.is_success, f"the registration code: {code}")


def _compare(stage: Stage, before: dict[str, str], after: dict[str, str]) -> None:
    """Everything that is not the run's is what it was, or somebody else was at work in the account."""
    for what, names in {
        "gone": before.keys() - after.keys(),
        "new": after.keys() - before.keys(),
        "changed": {name for name in before.keys() & after.keys() if before[name] != after[name]},
    }.items():
        stage.check(not names, f"{what}, and not by this run's names: {', '.join(sorted(names))}")


STEP = Step(
    number=99,
    settles="nothing is left",
    assumption="After destroying and sweeping by the prefix, the account is as it was",
    relies_on=(
        Reliance(
            "iot_certificate_provider.resources.removal.device_certificate:DeviceCertificateRemoval",
            "a certificate can be deleted once it is detached and INACTIVE",
        ),
        Reliance("iot_certificate_provider.aws.propagation:POLICY_SECONDS", "how long a detached policy is waited for"),
    ),
    if_false=(
        "Run it again: what is refused today is often accepted in five minutes. Then remove by hand what is named."
    ),
    play=play,
    minutes=4,
    timeout_minutes=60,
    always=True,
)
