"""Lives of all types: keys in secrets, transfers, decisions and codes beside CAs and devices; and how to play them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fakes.refusal import Refusal
from fakes.transfers import PENDING
from iot_certificate_provider.physical_id import without_kept
from protocol import invariants, material, native, neighbours, transfers
from protocol.invariants import require
from protocol.neighbours import RETAINED, SECRETS, Hand, Neighbourhood, Wish, status_of_ca
from protocol.referee import DEVICE, ISSUED_DEVICE, Declared
from protocol.several_owners import delete_outside

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fakes.iot import CertificateRecord
    from protocol.function import Cloud
    from protocol.neighbours import Step

PASSWORD = "correct horse battery staple"
CODE = "Custom::IotRegistrationCode"
WITH_PASSWORD = SECRETS
"""The number of the secret that somebody keeps a password in."""

LEAVING, COMING = 0, len(transfers.LEAVING)
"""Which certificate of ``transfers`` leaves the account, and which one comes to it."""

_KEPT = {"own-ca": "PrivateKeySecretArn", "issued": "CredentialsSecretArn"}
NEVER_SENT = "f" * 64
"""The id of a certificate that no transfer brings: a decision on it fails in the end."""

_DECIDED = {"ACTIVE": "INACTIVE", "INACTIVE": "ACTIVE", "REVOKED": "INACTIVE"}
"""What is accepted is INACTIVE where nothing is said; a decision does not revoke."""


def secret(number: int) -> str:
    """Return the ARN of a secret that all stacks may name."""
    return material.kept_secret("shared", number)


def declare(wish: Wish) -> Declared:
    """Write a resource as a template has it."""
    write = _WRITERS.get(wish.certificate)
    declared = neighbours.declare(wish) if write is None else write(wish)
    return replace(declared, **RETAINED[wish.retain])


def _own_ca(wish: Wish) -> Declared:
    more = {"Status": status_of_ca(wish), "DeviceCertificatesOnDelete": wish.sweep, "CertificateMode": "SNI_ONLY"}
    more["PreviousCertificate"] = wish.keep
    return material.self_signed_ca(wish.generation, PrivateKeySecretArn=secret(wish.secret), **more)


def _issued(wish: Wish) -> Declared:
    return material.issued_here(wish.generation, CredentialsSecretArn=secret(wish.secret), **_issued_device(wish))


def _requested(wish: Wish) -> Declared:
    return material.issued_by_request(wish.generation, **_issued_device(wish))


def _issued_device(wish: Wish) -> dict[str, Any]:
    return {"PreviousCertificate": wish.keep, **_device(wish)}


def _device(wish: Wish) -> dict[str, Any]:
    policies = [name for name in wish.attached if name in material.POLICIES]
    things = [name for name in wish.attached if name in material.THINGS]
    exclusively = {"ThingPrincipalType": "EXCLUSIVE_THING"} if wish.on_delete == "RETAIN" and len(things) == 1 else {}
    return {"Status": wish.status, "PolicyNames": policies, "ThingNames": things, **exclusively}


def _leaving(wish: Wish) -> Declared:
    account = transfers.TARGET if wish.generation % 2 == 0 else transfers.THIRD
    detach = {"DetachOnTransfer": "true"} if wish.on_delete == "DELETE" else {}
    message = {"TransferMessage": "again"} if wish.secret else {}
    return transfers.to(id_of("leaving"), account, **detach, **message)


def _coming(wish: Wish) -> Declared:
    certificate_id = NEVER_SENT if wish.generation else id_of("coming")
    return transfers.decide(certificate_id, Status=_DECIDED[wish.status], OnDelete=wish.on_delete)


def _brought(wish: Wish) -> Declared:
    pem = transfers.PEMS[COMING]
    adopting = {"CertificatePem": pem, "CertificateMode": "SNI_ONLY", "ExistingCertificate": "ADOPT"}
    status = wish.status if wish.status == "REVOKED" else _DECIDED[wish.status]
    return Declared(DEVICE, {**adopting, **_device(wish), "Status": status})


def _code(wish: Wish) -> Declared:
    return Declared(CODE, {"OnDelete": wish.on_delete})


_WRITERS = {
    "own-ca": _own_ca,
    "issued": _issued,
    "requested": _requested,
    "leaving": _leaving,
    "coming": _coming,
    "brought": _brought,
    "code": _code,
}


def id_of(certificate: str) -> str:
    """Return the id of the certificate that leaves or comes."""
    return transfers.issuing_id(transfers.PEMS[LEAVING if certificate == "leaving" else COMING])


class AccountInUse(Neighbourhood):
    """One life being played on one account, between two others."""

    def __init__(self, cloud: Cloud) -> None:
        self.write = self._declare
        transfers.furnish(cloud)
        for number in range(SECRETS):
            cloud.add_empty_secret(secret(number))
        cloud.add_empty_secret(secret(WITH_PASSWORD))
        self._store_password(cloud, WITH_PASSWORD)
        self._written = {secret(WITH_PASSWORD)}
        super().__init__(cloud)

    def _declare(self, wish: Wish) -> Declared:
        """Do as ``declare``; ``kin`` is the certificate that a resource here has made, or the one that it keeps."""
        if wish.certificate != "kin":
            return declare(wish)
        made = [live for stack in self.stacks for live in stack.live.values() if live.declared.type == ISSUED_DEVICE]
        wanted = [without_kept(live.physical_id)[min(wish.generation, 1)] for live in made]
        records = [self.cloud.iot.certificates[each] for each in wanted if each in self.cloud.iot.certificates]
        if not records:
            return declare(replace(wish, certificate="device"))
        properties = {"CertificatePem": records[0].pem, "CertificateMode": records[0].mode, **_device(wish)}
        adopting = {"ExistingCertificate": "ADOPT"} if wish.adopt else {}
        return Declared(DEVICE, {**properties, **adopting}, **RETAINED[wish.retain])

    @staticmethod
    def _store_password(cloud: Cloud, number: int) -> None:
        token = f"{len(cloud.aws.secrets.versions[secret(number)]):032x}"
        cloud.aws.secrets.PutSecretValue(secret(number), token, f"{PASSWORD} {token}", ["AWSCURRENT"])

    # Hands from outside

    def _lend_a_hand(self, step: Hand) -> None:
        with suppress(Refusal):
            self._do_by_hand(step)

    def _do_by_hand(self, step: Hand) -> None:
        what, cloud = step.what, self.cloud
        if what == "delete-code":
            cloud.iot.DeleteRegistrationCode()
            cloud.possessions.arrangements.code_deleted()
        elif what in ("write", "schedule", "restore"):
            self._change_secret(what, 0)
        elif step.certificate in _KEPT or step.certificate == "requested":
            self._change_own(what, step.certificate)
        elif step.certificate == "leaving":
            self._end_or_begin_transfer(what)
        elif step.certificate in ("coming", "brought"):
            self._change_coming(what)
        else:
            super()._lend_a_hand(step)

    def _change_secret(self, what: str, number: int) -> None:
        arn = secret(number)
        if what == "write":
            if arn not in self.cloud.aws.secrets.scheduled_for_deletion:
                self._store_password(self.cloud, number)
                self._written.add(arn)
                self.cloud.keys.replaced_outside(arn)
        elif what == "schedule":
            self.cloud.aws.secrets.scheduled_for_deletion.add(arn)
        else:
            self.cloud.aws.secrets.scheduled_for_deletion.discard(arn)

    def _change_own(self, what: str, certificate: str) -> None:
        """Change a certificate that one of the stacks has made."""
        of_kind = [
            had.certificate_id
            for (_, logical_id), had in self.cloud.possessions.held.items()
            if logical_id.startswith(Wish(certificate).type_name)
        ]
        if of_kind and what == "delete":
            delete_outside(self.cloud, of_kind[0])
        elif of_kind and what in ("deactivate", "detach", "attach", "connect"):
            self._change(what, of_kind[0])

    def _end_or_begin_transfer(self, what: str) -> None:
        certificate_id = id_of("leaving")
        record = self.cloud.iot.certificates.get(certificate_id)
        if record is None:
            return
        if record.status == PENDING and what in ("accept", "reject", "cancel"):
            self._end_transfer(what, record)
        elif record.status != PENDING and what == "transfer":
            self.cloud.excuses.handled_outside.add(certificate_id)
            native.detach(self.cloud, record.arn)
            self.cloud.iot.UpdateCertificate(certificateId=certificate_id, newStatus="INACTIVE")
            self.cloud.iot.TransferCertificate(certificate_id, transfers.TARGET)
            self.cloud.possessions.arrangements.transferred_by_hand(certificate_id)

    def _end_transfer(self, what: str, record: CertificateRecord) -> None:
        assert record.transfer is not None
        target = self.cloud.iot.neighbours[record.transfer.account]
        self.cloud.excuses.handled_outside.add(record.id)
        self.cloud.possessions.arrangements.ended(record.id)
        if what == "accept":
            target.AcceptCertificateTransfer(record.id)
        elif what == "reject":
            target.RejectCertificateTransfer(record.id)
        else:
            self.cloud.iot.CancelCertificateTransfer(record.id)

    def _change_coming(self, what: str) -> None:
        certificate_id, other = id_of("coming"), self.cloud.other
        here, there = self.cloud.iot.certificates.get(certificate_id), other.certificates.get(certificate_id)
        if what == "send" and here is None:
            if there is None:
                other.RegisterCertificateWithoutCA(transfers.PEMS[COMING])
            other.TransferCertificate(certificate_id, self.cloud.iot.account)
        elif what == "call back":
            other.CancelCertificateTransfer(certificate_id)
        elif what == "accept":
            self.cloud.iot.AcceptCertificateTransfer(certificate_id)
            self.cloud.possessions.registered(certificate_id)
            self.cloud.made.pop(certificate_id, None)
            self.cloud.foreign[certificate_id] = invariants.picture(self.cloud, certificate_id)
        elif what == "register" and here is None and not self._is_on_its_way(certificate_id):
            registered: Mapping[str, Any] = _brought(Wish("brought")).properties
            native.register(self.cloud, registered)
            self.cloud.made.pop(certificate_id, None)
            self.cloud.foreign[certificate_id] = invariants.picture(self.cloud, certificate_id)
        elif here is not None and what == "delete":
            self.used.discard(certificate_id)
            self.cloud.foreign.pop(certificate_id, None)
            self.cloud.possessions.arrangements.ended(certificate_id)
            delete_outside(self.cloud, certificate_id)

    # What has to hold

    def _look(self, step: Step | None = None) -> None:
        super()._look(step)
        for arn in self._written:
            text = str(self.cloud.current_text(arn))
            require(
                text.startswith(PASSWORD), "I3", "what somebody keeps in a secret is not its current value any more"
            )

    def _end(self) -> None:
        super()._end()
        pending = {each.id: each.transfer for each in self.cloud.iot.certificates.values() if each.status == PENDING}
        named = self.cloud.excuses.left_pending
        left = [each for each, made in pending.items() if named.get(each) is not made]
        left = [each for each in left if each not in self.cloud.possessions.arrangements.by_hand]
        require(not left, "I2", "a certificate is still on its way, though its stack is gone")
