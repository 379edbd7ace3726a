"""Step 0: what the Region has, what the quotas are, and what is in the account before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acceptance.step import Reliance, Step
from iot_certificates_cli.doctor import Health, examine
from iot_certificates_local.strict.operations import OPERATIONS

if TYPE_CHECKING:
    from acceptance.stage import Stage

_QUOTAS = ("ListCACertificates", "RegisterCertificate", "UpdateCertificate", "DeleteCertificate", "AttachPolicy")


def play(stage: Stage) -> None:
    """Ask what the function asks first, and read the quotas that its pace is taken from."""
    for finding in examine(stage.run.clean_up.connection):
        stage.check(finding.health is not Health.TROUBLE, f"{finding.what}: {finding.sentence}")
    first = stage.ask("iot", "GetRegistrationCode")
    again = stage.ask("iot", "GetRegistrationCode")
    stage.check(first.is_success and first.members == again.members, "the registration code is another one each time")
    listed = stage.ask("iot", "ListCACertificates", pageSize=250)
    stage.check(listed.is_success, f"ListCACertificates with 250 a page: {listed}")
    _compare_quotas(stage)


def _compare_quotas(stage: Stage) -> None:
    rates = {each.name: each.rate for each in OPERATIONS}
    quotas = stage.client("service-quotas")
    if stage.place.is_embedded:
        stage.leave_out("the quotas", "the embedded AWS has no Service Quotas")
        return
    for page in quotas.get_paginator("list_service_quotas").paginate(ServiceCode="iotcore"):
        for quota in page["Quotas"]:
            name = quota["QuotaName"].split()[0]
            if name in _QUOTAS and "second" in quota["QuotaName"].lower():
                stage.observe(f"quota of {name}", quota["Value"])
                said = f"{name} may be called {quota['Value']:g} times a second, and {rates[name]} was assumed"
                stage.check(quota["Value"] >= (rates[name] or 0), said)


STEP = Step(
    number=0,
    settles="doctor; inventory; quotas",
    assumption="AWS IoT is here, the registration code is the same each time, and the quotas are the documented ones",
    relies_on=(
        Reliance("iot_certificate_provider.aws.pace:Pace", "the pace of registrations is the quota of ten a second"),
        Reliance("iot_certificate_provider.aws.iot:IotGateway.registration_code", "a proof is signed over the code"),
    ),
    if_false="Change the rates in local/iot_certificates_local/strict/operations.py and the pace in aws/pace.py.",
    play=play,
    minutes=0.5,
)
