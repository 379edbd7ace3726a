"""Certificates that change hands between accounts: five operations that MiniStack does not have.

API reference: TransferCertificate, AcceptCertificateTransfer, RejectCertificateTransfer, CancelCertificateTransfer and
ListOutgoingCertificates, and the types CertificateDescription, TransferData and OutgoingCertificate. MiniStack is still
asked first, for it authorizes; what it makes of an operation that it does not know is dropped.

What those pages leave open is assumed: that both accounts see a certificate that is on its way, and its status; that
nothing but the transfer's end changes it meanwhile; that the ARN on its way is the target's, as in the examples of the
AWS CLI's reference; that REVOKED certificates stay where they are; and what an account that does not exist leads to.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from iot_certificates_local.strict.messages import Answer, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_certificates_local.strict.messages import HandOn, Request
    from iot_certificates_local.strict.registry import Record, Registry

PENDING = "PENDING_TRANSFER"

# API reference, TransferCertificate: the length constraint of transferMessage; RejectCertificateTransfer: rejectReason.
LONGEST_MESSAGE = 128

NO_ACCOUNT = "000000000000"
"""Every account comes into being here with its first request; this one alone does not exist."""

_DENIED = (401, 403)
_NOT_MEANWHILE = ("UpdateCertificate", "DeleteCertificate")


class Transfers:
    """Answers the operations, and shows in the others what has become of a certificate.

    * ``shows_attached``: whether a policy that was detached from a target still shows as attached.
    * ``now``: seconds since the epoch.
    """

    def __init__(self, shows_attached: Callable[[Request, str], bool], now: Callable[[], float] = time.time) -> None:
        self._shows_attached = shows_attached
        self._now = now
        self._own = {
            "TransferCertificate": self._transfer,
            "AcceptCertificateTransfer": self._accept,
            "RejectCertificateTransfer": self._reject,
            "CancelCertificateTransfer": self._cancel,
            "ListOutgoingCertificates": _outgoing,
        }

    async def __call__(self, request: Request, hand_on: HandOn) -> Answer:
        """Do what is asked once MiniStack has let it pass, or complete its answer."""
        do = self._own.get(request.operation)
        if do is not None:
            answer = await hand_on(request)
            return answer if answer.status in _DENIED else _answered(do(request))
        if request.operation in _NOT_MEANWHILE:
            _check_not_on_its_way(request)
        answer = await hand_on(request)
        if request.operation == "UpdateCertificate" and answer.is_success:
            _present(request)["lastModifiedDate"] = self._now()
        if request.operation == "DescribeCertificate" and answer.status not in _DENIED:
            return _described(request, answer)
        if request.operation == "ListCertificates" and answer.is_success:
            return _listed(request, answer)
        return answer

    def _transfer(self, request: Request) -> dict[str, Any]:
        record, target = _present(request), request.query.get("targetAwsAccount", "")
        _check_text(request, "transferMessage")
        _check_target(request, target)
        _check_status(record)
        # Its error, TransferConflictException: "You can't transfer the certificate because authorization policies are
        # still attached." Developer guide, "Transfer a certificate to another account": nor may things be.
        arn = record["certificateArn"]
        if request.registry.policies_of(arn) or self._shows_attached(request, arn) or record.get("attachedThings"):
            raise Refusal("TransferConflictException", "Policies or things are attached to the certificate.", 409)
        data: dict[str, Any] = {"transferDate": self._now()}
        if request.text("transferMessage"):
            data["transferMessage"] = request.text("transferMessage")
        record |= {"status": PENDING, "transferredTo": target, "transferData": data, "lastModifiedDate": self._now()}
        return {"transferredCertificateArn": _arn_in(record, target)}

    def _accept(self, request: Request) -> dict[str, Any]:
        record = self._arrived(request)
        account, _ = request.registry.place
        source = request.registry.elsewhere(record["ownedBy"])
        active = request.query.get("setAsActive", "false").lower() == "true"
        source.remove_certificate(record["certificateId"])
        request.registry.put_certificate(
            {
                **record,
                "certificateArn": _arn_in(record, account),
                "status": "ACTIVE" if active else "INACTIVE",
                "ownedBy": account,
                "previousOwnedBy": record["ownedBy"],
                "transferredTo": None,
                "transferData": {**record["transferData"], "acceptDate": self._now()},
                "lastModifiedDate": self._now(),
            }
        )
        return {}

    def _reject(self, request: Request) -> dict[str, Any]:
        _check_text(request, "rejectReason")
        record = self._arrived(request)
        data = {"rejectDate": self._now(), "rejectReason": request.text("rejectReason")}
        self._return(record, {name: value for name, value in data.items() if value})
        return {}

    def _cancel(self, request: Request) -> dict[str, Any]:
        record = request.registry.certificate(request.path["certificateId"])
        if record is None and _moved_on(request.registry, request.path["certificateId"]) is not None:
            # "After the destination account has accepted the transfer, the transfer cannot be cancelled."
            raise _completed()
        record = _present(request)
        if record["status"] != PENDING:
            raise _completed()
        self._return(record, {})
        return {}

    def _return(self, record: Record, data: dict[str, Any]) -> None:
        # "… the certificate will be returned to the source's account in the INACTIVE state", also when cancelled.
        changed = {"transferredTo": None, "transferData": {**record["transferData"], **data}}
        record |= {"status": "INACTIVE", "lastModifiedDate": self._now(), **changed}

    def _arrived(self, request: Request) -> Record:
        """Return the certificate that is on its way to the account of the request."""
        certificate_id, own = request.path["certificateId"], request.registry.certificate(request.path["certificateId"])
        record = _incoming(request.registry).get(certificate_id)
        if own is not None and own["status"] == PENDING:
            # "This operation can only be called by the transfer destination."
            raise Refusal("InvalidRequestException", "The certificate is being transferred from this account.")
        if own is not None:
            raise _completed()
        if record is None:
            raise _unknown(request)
        return record


def _check_text(request: Request, member: str) -> None:
    if len(request.text(member)) > LONGEST_MESSAGE:
        raise Refusal("InvalidRequestException", f"{member} must have length less than or equal to {LONGEST_MESSAGE}.")


def _check_target(request: Request, target: str) -> None:
    account, _ = request.registry.place
    if not re.fullmatch(r"[0-9]{12}", target) or target in (account, NO_ACCOUNT):
        raise Refusal("InvalidRequestException", f"Invalid target AWS account: {target}")


def _check_status(record: Record) -> None:
    # "The certificate being transferred must not be in the ACTIVE state."
    if record["status"] != "INACTIVE":
        what = f"The certificate is {record['status']}, and cannot be transferred. Id: {record['certificateId']}"
        raise Refusal("CertificateStateException", what, 406)


def _check_not_on_its_way(request: Request) -> None:
    record = request.registry.certificate(request.path["certificateId"])
    if record is not None and record["status"] == PENDING:
        raise Refusal("CertificateStateException", f"The certificate is {PENDING}. Id: {record['certificateId']}", 406)


def _completed() -> Refusal:
    # API reference, TransferAlreadyCompletedException: "You can't revert the certificate transfer because the transfer
    # is already complete."
    return Refusal("TransferAlreadyCompletedException", "The transfer is already complete.", 410)


def _unknown(request: Request) -> Refusal:
    return Refusal("ResourceNotFoundException", f"The certificate {request.path['certificateId']} does not exist.", 404)


def _present(request: Request) -> Record:
    record = request.registry.certificate(request.path["certificateId"])
    if record is None:
        raise _unknown(request)
    return record


def _incoming(registry: Registry) -> dict[str, Record]:
    account, _ = registry.place
    return {
        record["certificateId"]: record
        for record in registry.certificates_of_all_accounts()
        if record.get("transferredTo") == account
    }


def _moved_on(registry: Registry, certificate_id: str) -> Record | None:
    account, _ = registry.place
    for record in registry.certificates_of_all_accounts():
        if record["certificateId"] == certificate_id and record.get("previousOwnedBy") == account:
            return record
    return None


def _arn_in(record: Record, account: str) -> str:
    owner, arn = record["ownedBy"], record["certificateArn"]
    return str(arn.replace(f":{owner}:", f":{account}:", 1))


def _outgoing(request: Request) -> dict[str, Any]:
    """Return the certificates "that are being transferred but not yet accepted"."""
    entries = [
        {
            "certificateArn": _arn_in(record, record["transferredTo"]),
            "certificateId": record["certificateId"],
            "transferredTo": record["transferredTo"],
            "transferDate": record["transferData"]["transferDate"],
            "transferMessage": record["transferData"].get("transferMessage"),
            "creationDate": record["creationDate"],
        }
        for record in request.registry.device_certificates()
        if record["status"] == PENDING
    ]
    return {"outgoingCertificates": entries}


def _described(request: Request, answer: Answer) -> Answer:
    """Add what MiniStack does not know of; a certificate on its way is described to its target, too."""
    record = request.registry.certificate(request.path["certificateId"])
    if record is not None and answer.is_success:
        description = answer.document["certificateDescription"]
        return answer.with_document({"certificateDescription": {**description, **_transfer_members(record)}})
    record = _incoming(request.registry).get(request.path["certificateId"])
    if record is None:
        return answer
    shown = ("certificateId", "certificatePem", "certificateMode", "status", "ownedBy", "creationDate")
    account, _ = request.registry.place
    description = {name: record[name] for name in shown} | {"certificateArn": _arn_in(record, account)}
    return _answered({"certificateDescription": {**description, **_transfer_members(record)}})


def _transfer_members(record: Record) -> dict[str, Any]:
    members = {name: record.get(name) for name in ("previousOwnedBy", "transferData")}
    members["lastModifiedDate"] = record.get("lastModifiedDate", record.get("creationDate"))
    return {name: value for name, value in members.items() if value is not None}


def _listed(request: Request, answer: Answer) -> Answer:
    # AcceptCertificateTransfer: "To check for pending certificate transfers, call ListCertificates …"
    account, _ = request.registry.place
    members = ("certificateId", "status", "creationDate")
    coming = [
        {**{name: record[name] for name in members}, "certificateArn": _arn_in(record, account)}
        for record in _incoming(request.registry).values()
    ]
    document = answer.document
    return answer.with_document({**document, "certificates": [*document["certificates"], *coming]})


def _answered(document: dict[str, Any]) -> Answer:
    return Answer(200, ((b"content-type", b"application/json"),), b"").with_document(document)
