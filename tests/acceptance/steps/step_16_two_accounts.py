"""Step 16, with a second account: transfers, and a CA in DEFAULT mode that another account has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acceptance.step import NotTriedError, Reliance, Step

if TYPE_CHECKING:
    from acceptance.stage import Stage

NAME, CA = "alone:1", "ca:shared"


def play(stage: Stage) -> None:
    """Nothing stays in the second account: what it accepts is never a certificate."""
    if stage.place.other is None:
        raise NotTriedError("there is no second account: give its profile, OTHER_PROFILE=…")
    _transfers(stage)
    _one_ca_in_two_accounts(stage)


def _transfers(stage: Stage) -> None:
    certificate_id, target = stage.material.id(NAME), stage.place.other_account
    stage.ask("iot", "RegisterCertificateWithoutCA", certificatePem=stage.material[NAME], status="ACTIVE")
    active = _transfer(stage, certificate_id, target)
    stage.check(active.code == "CertificateStateException", f"the transfer of an ACTIVE certificate: {active}")
    stage.ask("iot", "UpdateCertificate", certificateId=certificate_id, newStatus="INACTIVE")
    begun = _transfer(stage, certificate_id, target)
    arn = str(begun.members.get("transferredCertificateArn", ""))
    stage.check(f":{target}:" in arn, f"the ARN of a certificate on its way: {begun}")
    _is(stage, "on its way", certificate_id, "PENDING_TRANSFER")
    seen = stage.ask("iot", "DescribeCertificate", other=True, certificateId=certificate_id)
    stage.check(seen.is_success, f"what the target sees of it: {seen}")
    listed = stage.ask("iot", "ListCertificates", other=True, pageSize=250)
    ids = [each["certificateId"] for each in listed.members.get("certificates", [])]
    stage.check(certificate_id in ids, "the target's ListCertificates does not show a transfer that is pending")
    cancelled = stage.ask("iot", "CancelCertificateTransfer", certificateId=certificate_id)
    stage.check(cancelled.is_success, f"cancelling: {cancelled}")
    _is(stage, "cancelled", certificate_id, "INACTIVE")
    _transfer(stage, certificate_id, target)
    rejected = stage.ask(
        "iot", "RejectCertificateTransfer", other=True, certificateId=certificate_id, rejectReason="acceptance run"
    )
    stage.check(rejected.is_success, f"rejecting: {rejected}")
    _is(stage, "rejected", certificate_id, "INACTIVE")
    over = stage.ask("iot", "CancelCertificateTransfer", certificateId=certificate_id)
    stage.check(not over.is_success, "a transfer that was rejected can be cancelled")


def _transfer(stage: Stage, certificate_id: str, target: str):  # type: ignore[no-untyped-def]
    return stage.ask("iot", "TransferCertificate", certificateId=certificate_id, targetAwsAccount=target)


def _is(stage: Stage, when: str, certificate_id: str, status: str) -> None:
    found = stage.ask("iot", "DescribeCertificate", certificateId=certificate_id)
    shown = found.members.get("certificateDescription", {}).get("status")
    stage.check(shown == status, f"{when}, the certificate is {shown}: {found}")


def _one_ca_in_two_accounts(stage: Stage) -> None:
    """The other account's code signs the proof there; a CA that is registered all the same is removed at once."""
    stage.ask("iot", "GetRegistrationCode", other=True)
    stage.ask("iot", "GetRegistrationCode")
    ours, theirs = stage.material["verification:shared"], stage.material["verification:shared:other"]
    pem = stage.material[CA]
    first = stage.ask("iot", "RegisterCACertificate", caCertificate=pem, verificationCertificate=ours)
    stage.check(first.is_success, f"a CA in DEFAULT mode: {first}")
    second = stage.ask("iot", "RegisterCACertificate", other=True, caCertificate=pem, verificationCertificate=theirs)
    stage.check(second.code == "ResourceAlreadyExistsException", f"the same CA in another account: {second}")
    if second.is_success:
        stage.client("iot", other=True).delete_ca_certificate(certificateId=stage.material.id(CA))
    elsewhere = stage.ask("iot", "DescribeCACertificate", other=True, certificateId=stage.material.id(CA))
    stage.check(elsewhere.code == "ResourceNotFoundException", f"what the other account sees of it: {elsewhere}")


STEP = Step(
    number=16,
    settles="transfers; one CA in two accounts",
    assumption=(
        "A transfer is cancelled on the target's ARN, and the target sees it; a CA of another account 'exists already'"
    ),
    relies_on=(
        Reliance("iot_certificate_provider.aws.iot:IotGateway.cancel_certificate_transfer", "cancels what is pending"),
        Reliance(
            "iot_certificate_provider.resources.transfer.certificate_transfer:CertificateTransferResource",
            "takes PENDING_TRANSFER for its own",
        ),
        Reliance(
            "iot_certificate_provider.resources.ca.registration:CaCertificateRegistration", "reads 'exists already'"
        ),
    ),
    if_false=(
        "Change resources/transfer, or the message of a CA that exists elsewhere, in resources/ca/registration.py."
    ),
    play=play,
    minutes=1,
)
