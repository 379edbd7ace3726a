"""What is in use stays: what users do to secrets, transfers and codes, on the embedded AWS with its CloudFormation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import issuing
from integration.in_use import (
    ADOPT,
    ATTACHED,
    DETACHING,
    POLICY,
    RETAINED,
    THING,
    broken,
    custom,
    issued,
    new_pem,
    outlast_the_clocks,
    remove,
    self_signed,
    wait_until_detached,
)

if TYPE_CHECKING:
    from integration.in_use import Account

pytestmark = pytest.mark.emulator

KEEP_LOGICAL_ID = "Keep its logical id (override_logical_id)"


def decision(certificate_id: str, **more: Any) -> dict[str, Any]:
    properties = {"CertificateId": certificate_id, "Decision": "ACCEPT", "OnDelete": "DELETE", **more}
    return custom("CertificateTransferDecision", properties)


def adopter(pem: str, status: str = "INACTIVE", *, after: str | None = None, **more: Any) -> dict[str, Any]:
    properties = {"CertificatePem": pem, "CertificateMode": "SNI_ONLY", "Status": status, **ADOPT, **more}
    return custom("DeviceCertificate", properties, after)


def owner(pem: str, **more: Any) -> dict[str, Any]:
    return custom("DeviceCertificate", {"CertificatePem": pem, "CertificateMode": "SNI_ONLY", **more})


def transfer(account: Account, certificate_id: str, **more: Any) -> dict[str, Any]:
    properties = {"CertificateId": certificate_id, "TargetAwsAccount": account.neighbours_id, **more}
    return custom("CertificateTransfer", properties)


class TestADecision:
    def test_that_is_renamed_keeps_the_certificate(self, account_in_use: Account) -> None:
        certificate_id, _ = account_in_use.incoming()
        name, _ = account_in_use.create({"Old": decision(certificate_id)})
        reasons = account_in_use.refused_update(name, {"New": decision(certificate_id)})
        assert f"Old of this stack has already accepted the certificate. Renamed? {KEEP_LOGICAL_ID}" in reasons
        assert account_in_use.status(certificate_id) == "INACTIVE"
        account_in_use.delete(name)
        assert account_in_use.status(certificate_id) == "gone"

    def test_that_is_removed_or_changed_leaves_what_an_adopter_uses(self, account_in_use: Account) -> None:
        (first, pem), (second, _) = account_in_use.incoming(), account_in_use.incoming()
        pump = adopter(pem, after="Decision")
        name, _ = account_in_use.create({"Decision": decision(first), "Pump": pump})
        account_in_use.update(name, {"Decision": decision(second), "Pump": pump})
        assert (account_in_use.status(first), account_in_use.status(second)) == ("INACTIVE", "INACTIVE")
        account_in_use.update(name, {"Pump": adopter(pem)})
        assert (account_in_use.status(first), account_in_use.status(second)) == ("INACTIVE", "gone")

    def test_leaves_what_another_stack_has_registered_since(self, account_in_use: Account) -> None:
        certificate_id, pem = account_in_use.incoming()
        name, _ = account_in_use.create({"Decision": decision(certificate_id)})
        account_in_use.iot.delete_certificate(certificateId=certificate_id)
        outlast_the_clocks()
        account_in_use.create({"Pump": owner(pem, Status="ACTIVE")})
        account_in_use.delete(name)
        assert account_in_use.status(certificate_id) == "ACTIVE"


class TestASecret:
    """Of a self-signed CA, and of a device that another one issues."""

    @pytest.fixture(params=["CA", "device"])
    def kept(self, request: pytest.FixtureRequest, account_in_use: Account) -> Kept:
        return Kept(account_in_use, is_ca=request.param == "CA")

    def test_keeps_its_label_when_a_rename_is_rolled_back(self, kept: Kept) -> None:
        account, secret = kept.account, kept.account.secret()
        name, ids = account.create({"Old": kept.declare(secret)})
        for _ in range(2):
            reasons = account.refused_update(name, {"New": kept.declare(secret), "Broken": broken("New")})
            assert f"Renamed? {KEEP_LOGICAL_ID}" in reasons
            assert account.held_by(secret)["certificateId"] == ids["Old"]
            assert kept.status(ids["Old"]) == "ACTIVE"

    def test_keeps_its_label_when_a_rotation_is_rolled_back(self, kept: Kept) -> None:
        account, secret = kept.account, kept.account.secret()
        name, ids = account.create({"Key": kept.declare(secret)})
        rotated = kept.declare(secret, Generation="2", KeyAlgorithm="EC_P384")
        account.refused_update(name, {"Key": rotated, "Broken": broken("Key")})
        assert account.held_by(secret)["certificateId"] == ids["Key"]
        assert kept.status(ids["Key"]) == "ACTIVE"
        changed = account.update(name, {"Key": rotated})
        assert account.held_by(secret)["certificateId"] == changed["Key"] != ids["Key"]
        assert (kept.status(changed["Key"]), kept.status(ids["Key"])) == ("ACTIVE", "gone")

    def test_with_a_password_stays_as_it_is(self, kept: Kept) -> None:
        account, secret = kept.account, kept.account.secret('{"password": "correct horse"}')
        reasons = account.refused({"Key": kept.declare(secret)})
        assert "the secret holds a value that no certificate resource wrote" in reasons
        assert account.held_by(secret) == {"password": "correct horse"}

    def test_of_another_stack_stays_as_it_is(self, kept: Kept) -> None:
        account, secret = kept.account, kept.account.secret()
        _, ids = account.create({"Key": kept.declare(secret)})
        assert "holds the key of another resource" in account.refused({"Other": kept.declare(secret)})
        assert account.held_by(secret)["certificateId"] == ids["Key"]
        assert kept.status(ids["Key"]) == "ACTIVE"

    def test_that_is_scheduled_for_deletion_keeps_nothing_on(self, kept: Kept) -> None:
        account, secret = kept.account, kept.account.secret()
        name, ids = account.create({"Key": kept.declare(secret)})
        secrets = account.session.client("secretsmanager")
        secrets.delete_secret(SecretId=secret)
        off = "INACTIVE" if kept.is_ca else "REVOKED"
        account.update(name, {"Key": kept.declare(secret, Status=off)})
        assert kept.status(ids["Key"]) == off


class Kept:
    """A type whose key is made in the function and kept in a secret."""

    def __init__(self, account: Account, *, is_ca: bool) -> None:
        self.account, self.is_ca = account, is_ca
        self._issuer = issuing.make_ca("Issuer of the kept")
        if not is_ca:
            account.iot.register_ca_certificate(
                caCertificate=self._issuer.pem, certificateMode="SNI_ONLY", setAsActive=True
            )
            self._issuers_secret = account.secret(self._issuer.key_pem())

    def declare(self, secret: str, **more: Any) -> dict[str, Any]:
        if self.is_ca:
            return self_signed(secret, **more)
        return issued({"CACertificatePem": self._issuer.pem, "SecretArn": self._issuers_secret}, secret, **more)

    def status(self, certificate_id: str) -> str:
        if not self.is_ca:
            return self.account.status(certificate_id)
        try:
            found = self.account.iot.describe_ca_certificate(certificateId=certificate_id)
        except self.account.iot.exceptions.ResourceNotFoundException:
            return "gone"
        return str(found["certificateDescription"]["status"])


class TestATransfer:
    @pytest.mark.parametrize("by", ["another stack", "a person"])
    def test_of_another_owner_is_not_cancelled(self, account_in_use: Account, by: str) -> None:
        certificate_id = account_in_use.active()
        first, _ = account_in_use.create({"Transfer": transfer(account_in_use, certificate_id)})
        account_in_use.neighbour.reject_certificate_transfer(certificateId=certificate_id)
        outlast_the_clocks()
        if by == "another stack":
            account_in_use.create({"Transfer": transfer(account_in_use, certificate_id)})
        else:
            account_in_use.iot.transfer_certificate(
                certificateId=certificate_id, targetAwsAccount=account_in_use.neighbours_id
            )
        account_in_use.delete(first)
        assert account_in_use.target_of(certificate_id) == account_in_use.neighbours_id

    def test_that_is_renamed_stays_pending(self, account_in_use: Account) -> None:
        certificate_id = account_in_use.active()
        name, _ = account_in_use.create({"Old": transfer(account_in_use, certificate_id)})
        reasons = account_in_use.refused_update(name, {"New": transfer(account_in_use, certificate_id)})
        assert f"Old of this stack transfers the certificate already. Renamed? {KEEP_LOGICAL_ID}" in reasons
        assert "cancel-certificate-transfer" not in reasons
        assert account_in_use.target_of(certificate_id) == account_in_use.neighbours_id

    def test_that_a_sibling_fails_beside_attaches_again(self, account_in_use: Account) -> None:
        certificate_id = account_in_use.active(attach=True)
        leaving = transfer(account_in_use, certificate_id, **DETACHING)
        account_in_use.refused({"Transfer": leaving, "Broken": broken("Transfer")})
        assert account_in_use.status(certificate_id) == "ACTIVE"
        assert account_in_use.attached(certificate_id) == {POLICY, THING}

    def test_that_was_rejected_attaches_again_when_it_goes(self, account_in_use: Account) -> None:
        certificate_id = account_in_use.active(attach=True)
        name, _ = account_in_use.create({"Transfer": transfer(account_in_use, certificate_id, **DETACHING)})
        assert account_in_use.attached(certificate_id) == set()
        account_in_use.neighbour.reject_certificate_transfer(certificateId=certificate_id)
        account_in_use.delete(name)
        assert account_in_use.status(certificate_id) == "ACTIVE"
        assert account_in_use.attached(certificate_id) == {POLICY, THING}


class TestAnAttachment:
    """That an owner, who would leave the certificate, and an adopter in another stack have in common."""

    def test_of_an_adopter_that_goes_stays_where_the_owner_declares_it_too(self, account_in_use: Account) -> None:
        pem = new_pem()
        home, ids = account_in_use.create({"Device": {**owner(pem), **RETAINED}})
        account_in_use.wait_until_found(ids["Device"])
        away, _ = account_in_use.create({"Device": adopter(pem, "ACTIVE", after=None, **ATTACHED)})
        account_in_use.update(home, {"Device": {**owner(pem, **ATTACHED), **RETAINED}})
        account_in_use.delete(away)
        assert account_in_use.attached(ids["Device"]) == {POLICY, THING}

    def test_that_the_owner_leaves_out_stays_where_an_adopter_declares_it(self, account_in_use: Account) -> None:
        pem = new_pem()
        home, ids = account_in_use.create({"Device": {**owner(pem), **RETAINED}})
        account_in_use.wait_until_found(ids["Device"])
        _, adopted = account_in_use.create({"Device": adopter(pem, "ACTIVE", after=None, **ATTACHED)})
        account_in_use.wait_until_found(adopted["Device"])
        account_in_use.update(home, {"Device": {**owner(pem, **ATTACHED), **RETAINED}})
        account_in_use.update(home, {"Device": {**owner(pem), **RETAINED}})
        assert account_in_use.attached(ids["Device"]) == {POLICY, THING}


class TestACa:
    @pytest.mark.parametrize("sweep", ["DELETE_WITH_THINGS", "DEACTIVATE"])
    def test_that_goes_leaves_what_another_stack_declares(self, account_in_use: Account, sweep: str) -> None:
        ca = issuing.make_ca(f"Sweeping CA {sweep}")
        declared, field_device = issuing.make_device(ca, "declared"), issuing.make_device(ca, "in the field")
        authority = {"CACertificatePem": ca.pem, "CertificateMode": "SNI_ONLY", "DeviceCertificatesOnDelete": sweep}
        first, _ = account_in_use.create({"Ca": custom("CaCertificate", authority)})
        gate = {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": "gate"}}
        device = custom("DeviceCertificate", {"CertificatePem": declared.pem, "CACertificatePem": ca.pem})
        _, ids = account_in_use.create({"Gate": gate, "Device": device})
        answer = account_in_use.iot.register_certificate(
            certificatePem=field_device.pem, caCertificatePem=ca.pem, status="ACTIVE"
        )
        account_in_use.iot.attach_thing_principal(thingName="gate", principal=answer["certificateArn"])
        account_in_use.delete(first)
        assert account_in_use.status(answer["certificateId"]) == ("INACTIVE" if sweep == "DEACTIVATE" else "gone")
        assert account_in_use.status(ids["Device"]) == "ACTIVE"
        assert account_in_use.iot.describe_thing(thingName="gate")["thingName"] == "gate"
        if sweep == "DEACTIVATE":
            remove(account_in_use.iot, answer["certificateId"])  # a thing that has a certificate cannot be deleted
        wait_until_detached(account_in_use.iot, "gate")

    @pytest.mark.parametrize("secrets", ["its own secret", "the same secret"])
    def test_that_is_self_signed_and_renamed_keeps_its_field_devices(
        self, account_in_use: Account, secrets: str
    ) -> None:
        declared = {"Old": self_signed(account_in_use.secret(), DeviceCertificatesOnDelete="DELETE")}
        name, ids = account_in_use.create(declared)
        in_the_field = self._issue(account_in_use, declared["Old"]["Properties"]["PrivateKeySecretArn"])
        if secrets == "the same secret":
            assert f"Renamed? {KEEP_LOGICAL_ID}" in account_in_use.refused_update(name, {"New": declared["Old"]})
        else:
            renamed = self_signed(account_in_use.secret(), DeviceCertificatesOnDelete="DELETE")
            assert account_in_use.update(name, {"New": renamed})["New"] != ids["Old"]
        assert account_in_use.status(in_the_field) == "ACTIVE"

    @staticmethod
    def _issue(account: Account, secret: str) -> str:
        """Register a device's certificate of the CA whose key is in a secret, as a factory does."""
        ca = issuing.loaded(account.held_by(secret))
        pem = issuing.make_device(ca, "in the field").pem
        answer = account.iot.register_certificate(certificatePem=pem, caCertificatePem=ca.pem, status="ACTIVE")
        return str(answer["certificateId"])


def test_a_code_stays_while_another_stack_declares_one(account_in_use: Account) -> None:
    code = {"Code": custom("RegistrationCode", {"OnDelete": "DELETE"})}
    first, _ = account_in_use.create(code)
    second, _ = account_in_use.create(code)
    before = account_in_use.iot.get_registration_code()["registrationCode"]
    account_in_use.delete(first)
    assert account_in_use.iot.get_registration_code()["registrationCode"] == before
    account_in_use.delete(second)
    assert account_in_use.iot.get_registration_code()["registrationCode"] != before


def test_a_device_that_is_certified_by_request_is_not_taken_off_line_by_a_rename(account_in_use: Account) -> None:
    device = custom("DeviceCertificate", {"CertificateSigningRequest": issuing.make_csr("pump").pem})
    name, ids = account_in_use.create({"Old": device})
    reasons = account_in_use.refused_update(name, {"New": device})
    assert (
        f"this update removes Old of this stack, whose certificate has the same key. Renamed? {KEEP_LOGICAL_ID}"
        in reasons
    )
    assert account_in_use.status(ids["Old"]) == "ACTIVE"
