"""A CA certificate that is read from AWS Private CA: which one it is, through renewals, rollbacks and the CA's end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.acm_pca import PrivateCa
from fakes.refusal import Refusal
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.physical_id import ADOPTED
from iot_certificate_provider.protocol.request import RequestType
from resources.stage import LOGICAL_ID, PRIVATE_CA, UNREAD_CA

if TYPE_CHECKING:
    from iot_certificate_provider.protocol.response import Outcome
    from resources.stage import Stage

OF_PRIVATE_CA: dict[str, Any] = {"VerificationKey": {"CertificateAuthorityArn": PRIVATE_CA}}
INACTIVE = {**OF_PRIVATE_CA, "Status": "INACTIVE"}
ROOT = issuing.make_ca("Root CA")
FIRST = issuing.make_ca("Line 1 CA", issuer=ROOT, serial=1)
RENEWED = issuing.make_ca("Line 1 CA", issuer=ROOT, serial=2)


@pytest.fixture
def private_ca(stage: Stage) -> PrivateCa:
    ca = stage.aws.acm_pca.cas[PRIVATE_CA] = PrivateCa(FIRST)
    return ca


def registered(stage: Stage) -> list[issuing.Issued]:
    """Which of the two certificates are registered."""
    certificates = [ca.parsed for ca in stage.iot.cas.values()]
    return [issued for issued in (FIRST, RENEWED) if issued.certificate in certificates]


def roll_back(stage: Stage, physical_id: str, old: dict[str, Any], new: dict[str, Any]) -> Outcome:
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    return stage.update(stage.ca, physical_id, old, new)


class TestCreate:
    def test_registers_the_direct_issuer_not_the_root(self, stage: Stage, private_ca: PrivateCa) -> None:
        outcome = stage.create(stage.ca, OF_PRIVATE_CA)
        assert registered(stage) == [FIRST]
        assert outcome.attributes["Subject"] == "CN=Line 1 CA"
        assert outcome.attributes["Issuer"] == "CN=Root CA"

    def test_of_one_that_is_gone_says_so(self, stage: Stage) -> None:
        with pytest.raises(InvalidPropertyError, match=r"^VerificationKey.CertificateAuthorityArn: the private CA"):
            stage.create(stage.ca, OF_PRIVATE_CA)

    def test_of_one_whose_certificate_is_no_cas_says_so(self, stage: Stage, private_ca: PrivateCa) -> None:
        private_ca.issuer = issuing.make_ca(ca=False)
        with pytest.raises(InvalidPropertyError, match=r"CertificateAuthorityArn: is not a CA certificate"):
            stage.create(stage.ca, OF_PRIVATE_CA)

    def test_that_comes_again_takes_up_what_it_registered_though_the_ca_was_renewed(
        self, stage: Stage, private_ca: PrivateCa
    ) -> None:
        request = stage.request(RequestType.CREATE, OF_PRIVATE_CA)
        stage.log("", "CREATE_IN_PROGRESS")
        first = stage.ca.create(request)
        private_ca.issuer = RENEWED
        again = replace(request, sent=stage.now() - timedelta(hours=1))
        assert stage.ca.create(again).physical_id == first.physical_id
        stage.log(first.physical_id, "CREATE_COMPLETE")
        assert stage.ca.create(again).physical_id == first.physical_id
        assert registered(stage) == [FIRST]

    def test_adopts_what_is_registered_already(self, stage: Stage, private_ca: PrivateCa) -> None:
        stage.iot.RegisterCACertificate(FIRST.pem, certificateMode="SNI_ONLY", setAsActive=True)
        next(iter(stage.iot.cas.values())).mode = "DEFAULT"
        outcome = stage.create(stage.ca, {**OF_PRIVATE_CA, "ExistingCertificate": "ADOPT"})
        assert outcome.physical_id.endswith(ADOPTED)


class TestUpdate:
    def test_of_the_same_ca_changes_in_place(self, stage: Stage, private_ca: PrivateCa) -> None:
        created = stage.create(stage.ca, OF_PRIVATE_CA)
        assert stage.update(stage.ca, created.physical_id, OF_PRIVATE_CA, INACTIVE) == created
        assert stage.iot.cas[created.physical_id].status == "INACTIVE"
        assert "acm-pca.IssueCertificate" not in stage.aws.names()

    def test_of_a_renewed_ca_is_a_replacement(self, stage: Stage, private_ca: PrivateCa) -> None:
        created = stage.create(stage.ca, OF_PRIVATE_CA)
        private_ca.issuer = RENEWED
        replaced = stage.update(stage.ca, created.physical_id, OF_PRIVATE_CA, INACTIVE)
        assert replaced.physical_id != created.physical_id
        assert registered(stage) == [FIRST, RENEWED]
        stage.delete(stage.ca, created.physical_id, OF_PRIVATE_CA)
        assert registered(stage) == [RENEWED]

    def test_from_a_pem_to_the_private_ca_that_has_it_changes_nothing(
        self, stage: Stage, private_ca: PrivateCa
    ) -> None:
        with_pem = {**OF_PRIVATE_CA, "CACertificatePem": FIRST.pem}
        created = stage.create(stage.ca, with_pem)
        assert stage.update(stage.ca, created.physical_id, with_pem, OF_PRIVATE_CA) == created
        assert stage.aws.writes() == []
        assert stage.update(stage.ca, created.physical_id, OF_PRIVATE_CA, with_pem) == created
        assert stage.aws.writes() == []

    @pytest.mark.parametrize("status", ["DELETED", "EXPIRED"])
    def test_of_a_ca_that_has_ended_still_changes_the_rest(
        self, stage: Stage, private_ca: PrivateCa, status: str
    ) -> None:
        created = stage.create(stage.ca, OF_PRIVATE_CA)
        private_ca.status = status
        assert stage.update(stage.ca, created.physical_id, OF_PRIVATE_CA, INACTIVE) == created
        assert stage.iot.cas[created.physical_id].status == "INACTIVE"

    def test_to_another_ca_that_does_not_exist_fails(self, stage: Stage, private_ca: PrivateCa) -> None:
        created = stage.create(stage.ca, OF_PRIVATE_CA)
        other = {"VerificationKey": {"CertificateAuthorityArn": f"{PRIVATE_CA}0"}}
        with pytest.raises(InvalidPropertyError, match="the private CA does not exist"):
            stage.update(stage.ca, created.physical_id, OF_PRIVATE_CA, other)


class TestRollback:
    def test_of_a_replacement_returns_to_what_was_before(self, stage: Stage, private_ca: PrivateCa) -> None:
        created = stage.create(stage.ca, OF_PRIVATE_CA)
        private_ca.issuer = RENEWED
        replaced = stage.update(stage.ca, created.physical_id, OF_PRIVATE_CA, INACTIVE)
        assert roll_back(stage, replaced.physical_id, INACTIVE, OF_PRIVATE_CA) == created
        stage.delete(stage.ca, replaced.physical_id, INACTIVE)
        assert registered(stage) == [FIRST]

    def test_works_without_the_private_ca(self, stage: Stage, private_ca: PrivateCa) -> None:
        created = stage.create(stage.ca, OF_PRIVATE_CA)
        private_ca.issuer = RENEWED
        replaced = stage.update(stage.ca, created.physical_id, OF_PRIVATE_CA, INACTIVE)
        stage.aws.acm_pca.cas.clear()
        assert roll_back(stage, replaced.physical_id, INACTIVE, OF_PRIVATE_CA) == created

    def test_removes_what_an_update_registered_that_never_answered(self, stage: Stage, private_ca: PrivateCa) -> None:
        created = stage.create(stage.ca, OF_PRIVATE_CA)
        stage.iot.cas[created.physical_id].created -= timedelta(hours=1)
        private_ca.issuer = RENEWED
        stage.log(created.physical_id, "CREATE_COMPLETE", ago=60)
        request = stage.request(RequestType.UPDATE, INACTIVE, created.physical_id, OF_PRIVATE_CA)
        stage.aws.cloudformation.begin_update()
        stage.log(created.physical_id, "UPDATE_IN_PROGRESS")
        stage.ca.update(request)
        assert registered(stage) == [FIRST, RENEWED]
        stage.log(created.physical_id, "UPDATE_FAILED")
        assert roll_back(stage, created.physical_id, INACTIVE, OF_PRIVATE_CA) == created
        assert registered(stage) == [FIRST]

    def test_from_another_private_ca_leaves_the_status_that_somebody_has_set_since(
        self, stage: Stage, private_ca: PrivateCa
    ) -> None:
        created = stage.create(stage.ca, OF_PRIVATE_CA)
        stage.iot.cas[created.physical_id].status = "INACTIVE"
        other = {"VerificationKey": {"CertificateAuthorityArn": f"{PRIVATE_CA}0"}, "Status": "INACTIVE"}
        assert roll_back(stage, created.physical_id, other, OF_PRIVATE_CA) == created
        assert stage.iot.cas[created.physical_id].status == "INACTIVE"

    def test_to_the_renewed_certificate_removes_what_an_update_to_another_private_ca_registered(
        self, stage: Stage, private_ca: PrivateCa
    ) -> None:
        stage.aws.acm_pca.cas[f"{PRIVATE_CA}0"] = PrivateCa(issuing.make_ca("Line 2 CA", issuer=ROOT))
        other = {"VerificationKey": {"CertificateAuthorityArn": f"{PRIVATE_CA}0"}}
        created = stage.create(stage.ca, OF_PRIVATE_CA)
        stage.aws.cloudformation.begin_update()
        stage.log(created.physical_id, "UPDATE_IN_PROGRESS")
        stage.ca.update(stage.request(RequestType.UPDATE, other, created.physical_id, OF_PRIVATE_CA))
        stage.log(created.physical_id, "UPDATE_FAILED")
        del stage.iot.cas[created.physical_id]
        private_ca.issuer = RENEWED
        returned = roll_back(stage, created.physical_id, other, OF_PRIVATE_CA)
        assert list(stage.iot.cas) == [returned.physical_id]
        assert registered(stage) == [RENEWED]

    def test_needs_no_permission_that_only_the_newer_template_had(self, stage: Stage, private_ca: PrivateCa) -> None:
        with_pem = {**OF_PRIVATE_CA, "CACertificatePem": FIRST.pem}
        created = stage.create(stage.ca, with_pem)

        def refuse(call: Any) -> None:
            if call.name == "iot.ListCACertificates":
                raise Refusal("AccessDeniedException", "not authorized to perform: iot:ListCACertificates", 403)

        stage.aws.before = refuse
        outcome = roll_back(stage, created.physical_id, OF_PRIVATE_CA, with_pem)
        assert outcome == created
        assert outcome.note.startswith(UNREAD_CA)


class TestDelete:
    @pytest.mark.parametrize("gone", [True, False])
    def test_does_not_ask_the_private_ca(self, stage: Stage, private_ca: PrivateCa, gone: bool) -> None:
        created = stage.create(stage.ca, OF_PRIVATE_CA)
        if gone:
            stage.aws.acm_pca.cas.clear()
        private_ca.status = "DISABLED"
        stage.delete(stage.ca, created.physical_id, OF_PRIVATE_CA)
        assert stage.iot.cas == {}
        assert not [name for name in stage.aws.names() if name.startswith("acm-pca")]

    @pytest.mark.parametrize("physical_id", ["create-unfinished/a3a4", "factory-Certificate-1KJ2H3"])
    def test_of_a_create_that_never_answered_finds_it_by_its_tags(
        self, stage: Stage, private_ca: PrivateCa, physical_id: str
    ) -> None:
        foreign = issuing.make_ca("Foreign CA")
        stage.log("", "CREATE_IN_PROGRESS")
        stage.ca.create(stage.request(RequestType.CREATE, OF_PRIVATE_CA))
        stage.iot.RegisterCACertificate(foreign.pem, certificateMode="SNI_ONLY")
        stage.aws.acm_pca.cas.clear()
        stage.log(physical_id, "CREATE_FAILED")
        stage.log(physical_id, "DELETE_IN_PROGRESS")
        stage.delete(stage.ca, physical_id, OF_PRIVATE_CA)
        assert [ca.parsed for ca in stage.iot.cas.values()] == [foreign.certificate]

    def test_of_an_invented_id_leaves_what_the_resource_registered_in_an_earlier_life(
        self, stage: Stage, private_ca: PrivateCa
    ) -> None:
        created = stage.create(stage.ca, OF_PRIVATE_CA)
        stage.iot.cas[created.physical_id].created -= timedelta(hours=1)
        stage.log(created.physical_id, "DELETE_SKIPPED")
        stage.log("", "CREATE_IN_PROGRESS")
        stage.log("create-failed/a3a4", "CREATE_FAILED")
        stage.delete(stage.ca, "create-failed/a3a4", OF_PRIVATE_CA)
        assert list(stage.iot.cas) == [created.physical_id]

    def test_of_a_resource_that_the_log_does_not_know_deletes_nothing(
        self, stage: Stage, private_ca: PrivateCa
    ) -> None:
        stage.aws.cloudformation.resources.pop(LOGICAL_ID, None)
        stage.delete(stage.ca, "create-failed/a3a4", OF_PRIVATE_CA)
        assert stage.iot_calls() == []
