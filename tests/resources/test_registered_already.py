"""One answer to what is registered already: by a Create and by an Update, for a CA and for a device certificate."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.contract import MAX_REASON_CHARACTERS
from iot_certificate_provider.errors import ProviderError
from iot_certificate_provider.pki import Certificate
from resources.stage import LOGICAL_ID

if TYPE_CHECKING:
    from fakes.aws import Call
    from resources.stage import Stage

SNI_ONLY = {"CertificateMode": "SNI_ONLY"}


class Meeting:
    """A resource that meets a certificate which AWS IoT has already."""

    def __init__(self, stage: Stage, *, is_ca: bool, is_update: bool) -> None:
        self.stage = stage
        self.is_ca = is_ca
        self.resource = stage.ca if is_ca else stage.device
        self._is_update = is_update
        self.met = issuing.make_ca("Theirs")

    def error(self, **properties: str) -> ProviderError:
        """Return why the resource refuses the certificate."""
        name = "CACertificatePem" if self.is_ca else "CertificatePem"
        declared = {name: self.met.pem, **SNI_ONLY, **properties}
        if not self._is_update:
            with pytest.raises(ProviderError) as caught:
                self.stage.create(self.resource, declared)
            return caught.value
        own = {name: issuing.make_ca("Ours").pem, **SNI_ONLY}
        created = self.stage.create(self.resource, own)
        with pytest.raises(ProviderError) as caught:
            self.stage.update(self.resource, created.physical_id, own, declared)
        return caught.value

    def register(self) -> Any:
        """Have another owner register it, long ago; return the record."""
        iot = self.stage.iot
        if self.is_ca:
            answer = iot.RegisterCACertificate(self.met.pem, setAsActive=True, certificateMode="SNI_ONLY")
        else:
            answer = iot.RegisterCertificateWithoutCA(certificatePem=self.met.pem, status="ACTIVE")
        record: Any = {**iot.cas, **iot.certificates}[answer["certificateId"]]
        record.created -= timedelta(hours=1)
        return record

    def deny(self, name: str) -> None:
        """Have the role lack the permission for a call."""

        def refuse(call: Call) -> None:
            if call.name == name:
                raise Refusal("AccessDenied", "not authorized", 403)

        self.stage.aws.before = refuse

    def refuse_unseen(self) -> str:
        """Have AWS IoT refuse what a Describe does not find; return the ARN that it names."""
        certificate_id = Certificate.from_pem(self.met.pem).id
        arn = f"arn:aws:iot:eu-west-1:123456789012:{'cacert' if self.is_ca else 'cert'}/{certificate_id}"

        def refuse(call: Call) -> None:
            if call.name.startswith("iot.Register") and self.met.pem in call.parameters.values():
                raise Refusal(
                    "ResourceAlreadyExistsException", "It exists.", 409, resourceId=certificate_id, resourceArn=arn
                )

        self.stage.aws.before = refuse
        return arn


@pytest.fixture(params=["CA", "device"])
def is_ca(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "CA")


@pytest.fixture(params=["Create", "Update"])
def meeting(request: pytest.FixtureRequest, stage: Stage, *, is_ca: bool) -> Meeting:
    return Meeting(stage, is_ca=is_ca, is_update=request.param == "Update")


def test_without_a_holder_can_be_used(meeting: Meeting) -> None:
    record = meeting.register()
    assert str(meeting.error()) == (
        f"Registered already by another owner (ACTIVE, {record.created:%Y-%m-%d}): {record.arn}. "
        "Use it with ExistingCertificate ADOPT, or delete it first if nobody uses it"
    )


def test_that_only_adopters_hold_is_not_to_be_deleted(meeting: Meeting) -> None:
    record = meeting.register()
    meeting.stage.aws.cloudformation.beside("field").log("Pump", f"{record.id}/adopted", "CREATE_COMPLETE")
    assert str(meeting.error()) == (
        f"Registered already by another owner, and used by Pump of stack field: {record.arn}. "
        "Use it with ExistingCertificate ADOPT"
    )


def test_is_not_to_be_deleted_where_the_holders_are_not_known(meeting: Meeting) -> None:
    record = meeting.register()
    meeting.deny("cloudformation.DescribeStackResources")
    assert str(meeting.error()).endswith(f"{record.arn}. Use it with ExistingCertificate ADOPT")


def test_that_a_sibling_holds_is_declared_twice_or_renamed(meeting: Meeting) -> None:
    record = meeting.register()
    meeting.stage.aws.cloudformation.resources["Sibling"] = (record.id, "CREATE_COMPLETE")
    assert str(meeting.error()) == (
        "Registered already by Sibling of this stack. Renamed? Keep its logical id (override_logical_id); "
        "declared twice? Once is enough"
    )


def test_that_aws_iot_does_not_find_is_asked_for_again(meeting: Meeting) -> None:
    arn = meeting.refuse_unseen()
    assert str(meeting.error()) == f"Registered already: {arn}, but AWS IoT does not find it. Try again"


def test_that_was_this_resources_own_leads_to_its_removal(stage: Stage, *, is_ca: bool) -> None:
    """Another stack has registered it since: CloudFormation answers with the stack that asks, which hides the other."""
    meeting = Meeting(stage, is_ca=is_ca, is_update=False)
    record, stacks = meeting.register(), stage.aws.cloudformation
    stacks.log(LOGICAL_ID, record.id, "CREATE_COMPLETE", record.created - timedelta(hours=1))
    stacks.asker = lambda: stacks.stack_id
    stacks.beside("second").log("Pump", record.id, "CREATE_COMPLETE")
    declared = {"CACertificatePem" if is_ca else "CertificatePem": meeting.met.pem, **SNI_ONLY}
    with pytest.raises(ProviderError) as caught:
        stage.update(meeting.resource, record.id, declared, {**declared, "Status": "INACTIVE"})
    assert str(caught.value) == (
        "Registered already by Pump of stack second. Remove this resource; then, to use it here, declare it with ADOPT"
    )


def test_of_another_account_in_default_mode_is_a_cas_only(stage: Stage) -> None:
    for is_update in (False, True):
        meeting = Meeting(stage, is_ca=True, is_update=is_update)
        meeting.refuse_unseen()
        proof = issuing.make_verification_certificate(meeting.met, stage.iot.registration_code).pem
        reason = str(meeting.error(CertificateMode="DEFAULT", VerificationCertificatePem=proof))
        assert reason.startswith("CACertificatePem: another account has the CA in this Region"), reason


def test_the_way_out_is_not_what_is_cut_for_want_of_room(meeting: Meeting) -> None:
    record = meeting.register()
    other = meeting.stage.aws.cloudformation.beside("factory-" * 15)
    other.resources["A" * 200] = (record.id, "CREATE_COMPLETE")
    within = meeting.error().within(MAX_REASON_CHARACTERS)
    assert within.startswith("Registered already by AAAA")
    assert within.endswith("ADOPT here; remove it there; drop ADOPT")
