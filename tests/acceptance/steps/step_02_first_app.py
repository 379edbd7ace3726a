"""Step 2: the first app of a reader, with the CDK CLI, in fresh stacks; an update brings another kind of construct."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acceptance.cdk import ROOT, CdkFailedError, PlayedApp
from acceptance.getting_started import first_app
from acceptance.stacks import PlayedStack
from acceptance.step import Reliance, Step

if TYPE_CHECKING:
    from acceptance.stage import Stage

STACKS, ON_THE_EMBEDDED = 5, 1
ANOTHER_KIND = """
from iot_certificates import SelfSignedCaCertificate

test_ca = SelfSignedCaCertificate(stack, "TestCa", subject={subject!r}, certificate_mode=CertificateMode.SNI_ONLY)
# CloudFormation's name for it would begin with the logical id, and not with the run's prefix.
test_ca.private_key_secret.node.default_child.name = {subject!r}
"""


def play(stage: Stage) -> None:
    """Every stack has a role and policies of its own, which take their time to be effective."""
    for number in range(stage.count(STACKS, ON_THE_EMBEDDED, "stacks")):
        _play_one(stage, number)


def _play_one(stage: Stage, number: int) -> None:
    ca, device, secret = f"ca:factory{number}", f"device:factory{number}:1", f"{stage.prefix}-{number}/ca-key"
    stage.client("secretsmanager").create_secret(Name=secret, SecretString=stage.material.key_pem(ca))
    stack = PlayedStack(stage, f"factory-{number}")
    source = first_app(ROOT).replace('"factory/ca-key"', repr(secret)).replace('"Factory"', repr(stack.name))
    app = PlayedApp(stage, f"app-{number}", source)
    for file, name in (("factory-ca.pem", ca), ("thermostat.pem", device)):
        (app.folder / file).write_text(stage.material[name], encoding="ascii")
    if not _deploy(stage, app, f"the first app, stack {number}"):
        return
    for operation, name in (("DescribeCACertificate", ca), ("DescribeCertificate", device)):
        found = stage.ask("iot", operation, certificateId=stage.material.id(name))
        status = found.members.get("certificateDescription", {}).get("status")
        stage.check(status == "ACTIVE", f"{name} after cdk deploy: {found}")
    more = ANOTHER_KIND.format(subject=stage.name(f"test-ca-{number}")).replace(
        "import SelfSigned", "import CertificateMode, SelfSigned"
    )
    app.write(source.replace("app.synth()", f"{more}\napp.synth()"))
    _deploy(stage, app, f"another kind of construct, stack {number}")
    failed = [event for event in stack.events() if event["ResourceStatus"].endswith("_FAILED")]
    reasons = [str(event.get("ResourceStatusReason")) for event in failed]
    stage.check(not reasons, f"stack {number} has failures in its events: {reasons}")
    status = stack.delete()
    stage.check(status == "DELETE_COMPLETE", f"deletion of stack {number}: {status}, {stack.reasons()}")


def _deploy(stage: Stage, app: PlayedApp, what: str) -> bool:
    try:
        app.deploy()
    except CdkFailedError as error:
        return stage.check(False, f"{what}: {error}")
    return stage.check(True, what)


STEP = Step(
    number=2,
    settles="the first app; IAM propagation",
    assumption=(
        "The app of docs/getting-started.md deploys at the first attempt in fresh stacks, and an update with another "
        "kind of construct does"
    ),
    relies_on=(
        Reliance("iot_certificate_provider.aws.propagation:PERMISSION_SECONDS", "how long a permission is waited for"),
        Reliance("iot_certificates.ca_certificate:CaCertificate", "is what the first app declares"),
        Reliance("iot_certificates.bundling:bundle", "builds the asset"),
        Reliance("iot_certificate_provider.protocol.delivery:Delivery", "puts the answer"),
    ),
    if_false=(
        "Raise PERMISSION_SECONDS in aws/propagation.py, or make the construct depend on the policy that it needs."
    ),
    play=play,
    minutes=12,
    dollars=0.05,
    timeout_minutes=45,
)
