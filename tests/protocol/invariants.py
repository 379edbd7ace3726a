"""The invariants: a legend, and functions that say what is wrong; I5 is in ``possessions``, I6 in ``current_keys``."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fakes.transfers import PENDING
from iot_certificate_provider.contract import OUR_TAGS, ResourceType
from iot_certificate_provider.physical_id import (
    REGISTRATION_CODE_ID,
    certificate_id_in,
    generation_in,
    is_adopted,
    is_certificate_id,
    without_kept,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from protocol.function import Cloud, Invocation, Owner
    from protocol.referee import Stack

TRANSFER, DECISION = ResourceType.CERTIFICATE_TRANSFER, ResourceType.CERTIFICATE_TRANSFER_DECISION
LEGEND = {
    "I1": "every request gets exactly one valid answer, in time",
    "I2": "no certificate is left without a resource",
    "I3": "nothing is touched that the resource did not register, unless its template says so",
    "I4": "every resource that CloudFormation lists is registered, after a rollback as before",
    "I5": "each resource keeps what its last completed event reported",
    "I6": "a secret's AWSCURRENT, once a resource's registered certificate's, is its own as long as that one exists",
}
"""What failures print, and ``README.md`` explains."""

MAX_BYTES = 4096
MAX_ID = 1024
MAX_REASON = 240
_MEMBERS = {"Status", "Reason", "PhysicalResourceId", "StackId", "RequestId", "LogicalResourceId", "NoEcho", "Data"}
_SECRET = re.compile(r"-----BEGIN [A-Z ]+-----\s*[A-Za-z0-9+/=]{8}|[A-Za-z0-9+/]{100}|https?://|Signature=")


class ViolationError(AssertionError):
    """An invariant does not hold."""


def said(invariant: str, what: str) -> str:
    """Return what a failure prints: the invariant with its sentence from the legend, and what breaks it."""
    return f"{invariant} ({LEGEND[invariant]}): {what}"


def require(holds: object, invariant: str, what: str) -> None:
    """Raise ViolationError unless it ``holds``; without an invariant it is a premise of the sequence that does not."""
    if not holds:
        raise ViolationError(said(invariant, what) if invariant else what)


def answered_once(invocation: Invocation, sent: datetime, service_timeout: float) -> None:
    """Every request gets exactly one valid response, in time."""
    event, count = invocation.event, len(invocation.answers)
    name = f"{event['RequestType']} of {event['LogicalResourceId']}"
    require(count <= 1, "I1", f"{name} was answered {count} times")
    excused = invocation.died or invocation.undelivered or invocation.handed_on is not None
    require(count or excused, "I1", f"{name} was not answered")
    require(not count or invocation.handed_on is None, "I1", f"{name} was answered, and handed on")
    for answer in invocation.answers:
        require(answer.at < invocation.ends, "I1", f"{name} was answered after the function's deadline")
        require(answer.at < sent + timedelta(seconds=service_timeout), "I1", f"{name}: after its ServiceTimeout")
        did_nothing = event["RequestType"] == "Delete" and not any(map(_is_write, invocation.log))
        require(answer.body["Reason"] or not did_nothing, "I1", f"{name} did nothing, and gave no reason")
        failures = [int(answer.body["Status"] == "FAILED")]
        require(invocation.failures == failures, "I1", f"{name}: the metric Failures says {invocation.failures}")
        require(len(answer.raw) <= MAX_BYTES, "I1", f"{name}: the answer has {len(answer.raw)} bytes")
        _check_body(answer.body, event, name)


def _is_write(line: str) -> bool:
    """Whether a line of an invocation's log is a call that changes something: ``12.30 DeleteCertificate``."""
    time, _, operation = line.partition(" ")
    return time[:1].isdigit() and not operation.startswith(("Get", "List", "Describe"))


def _check_body(body: Mapping[str, Any], event: Mapping[str, Any], name: str) -> None:
    require(set(body) <= _MEMBERS, "I1", f"{name}: the answer has unknown members: {set(body) - _MEMBERS}")
    require(body["Status"] in ("SUCCESS", "FAILED"), "I1", f"{name}: status {body['Status']}")
    for member in ("StackId", "RequestId", "LogicalResourceId"):
        require(body[member] == event[member], "I1", f"{name}: {member} is not the request's")
    physical_id = body["PhysicalResourceId"]
    require(isinstance(physical_id, str) and 0 < len(physical_id.encode()) <= MAX_ID, "I1", f"{name}: physical id")
    failed = body["Status"] == "FAILED"
    require(body["Reason"] or not failed, "I1", f"{name}: FAILED without a reason")
    require(len(body["Reason"]) <= MAX_REASON or not failed, "I1", f"{name}: a reason of {len(body['Reason'])}")
    require(not _SECRET.search(body["Reason"]), "I1", f"{name}: the reason shows a PEM, a secret or a URL")
    require("PRIVATE KEY" not in str(body["Data"]), "I1", f"{name}: an attribute shows a private key")
    if failed and event["RequestType"] != "Create":
        require(physical_id == event["PhysicalResourceId"], "I1", f"{name}: FAILED, with another id than the request's")


def check(stack: Stack) -> None:
    """All that holds whenever no operation runs on the stack."""
    nothing_left_behind(stack)
    nothing_foreign_touched(stack.cloud)
    everything_is_there(stack)
    stack.cloud.keys.check()


def released(stack: Stack, event: Mapping[str, Any], certificate_id: str) -> None:
    """A thing that an Update has detached can be deleted right after the answer: CloudFormation tries it once."""
    dropped = {*event["OldResourceProperties"].get("ThingNames", ())} - {
        *event["ResourceProperties"].get("ThingNames", ())
    }
    deliveries = [each for each in stack.cloud.invocations if each.event["RequestId"] == event["RequestId"]]
    record = stack.cloud.iot.certificates.get(certificate_id)
    if record is None or any(each.faults for each in deliveries):
        return
    shown = sorted(name for name in dropped if record.arn in stack.cloud.iot._still_shown(name))
    who = event["LogicalResourceId"]
    require(not shown, "I1", f"{who} was answered while {', '.join(shown)} cannot be deleted yet")


def nothing_left_behind(stack: Stack) -> None:
    """Whatever the stack registered is now a resource of its own, or gone; all of it is gone with the stack."""
    # Any stack's: an orphan that another one uses is not left, it is used.
    lives = [live for each in stack.cloud.stacks for live in each.live.values()]
    held = {certificate_id_in(live.physical_id) for live in lives} | {kept_in(live.physical_id) for live in lives}
    registered = {*stack.cloud.iot.certificates, *stack.cloud.iot.cas}
    for certificate_id, (stack_id, logical_id) in stack.cloud.made.items():
        if stack_id != stack.ledger.stack_id or certificate_id in held | stack.excused:
            continue
        require(
            certificate_id not in registered, "I2", f"{logical_id} left a certificate behind, {stack.ledger.status}"
        )


def nothing_foreign_touched(cloud: Cloud) -> None:
    """Nothing that the stack did not make is changed or deleted; and what broke a rule during an invocation."""
    require(not cloud.violations, "", "; ".join(cloud.violations))
    if any(stack.is_at_work for stack in cloud.stacks):
        return  # others are at work: what they do is looked at when they are done
    resources = [live for stack in cloud.stacks for live in stack.live.values()]
    adopted = {certificate_id_in(live.physical_id) for live in resources if is_adopted(live.physical_id)}
    handed_over = {live.declared.properties.get("CertificateId") for live in resources}
    for certificate_id, before in cloud.foreign.items():
        if certificate_id in adopted or certificate_id in handed_over | cloud.excuses.handled_outside:
            continue  # the template says what to do with it; it is to be as before once the stack is gone
        if _is_owned(cloud, certificate_id) or _is_left_pending(cloud, certificate_id):
            continue
        now = picture(cloud, certificate_id)
        require(now in _as_it_may_be(cloud, certificate_id, before, now), "I3", "a foreign certificate was changed")


def _is_owned(cloud: Cloud, certificate_id: str) -> bool:
    """Whether a resource has taken the ownership of what it had adopted, as its template says."""
    owner = cloud.made.get(certificate_id)
    has = None if owner is None else cloud.possessions.held.get(owner)
    return has is not None and has.certificate_id == certificate_id and not has.adopted


def _is_left_pending(cloud: Cloud, certificate_id: str) -> bool:
    """Whether it is still in the very transfer that a Delete has left, and named, in doubt."""
    record, left = cloud.iot.certificates.get(certificate_id), cloud.excuses.left_pending.get(certificate_id)
    return record is not None and record.status == PENDING and left is not None and record.transfer is left


def _as_it_may_be(cloud: Cloud, certificate_id: str, before: Picture | None, now: Picture | None) -> list[Any]:
    """Return how a foreign certificate may look: as before, save what nobody can put back or tell, as documented."""
    if before is None or now is None:
        return [before]
    lost = certificate_id in cloud.excuses.detached_by_a_transfer and now.attached <= before.attached
    kept = certificate_id in cloud.excuses.half_adopted and now.attached >= before.attached
    expected = replace(before, attached=now.attached) if lost or kept else before
    return [expected, replace(expected, status="INACTIVE")] if certificate_id in cloud.excuses.forgotten else [expected]


def everything_is_there(stack: Stack) -> None:
    """What CloudFormation believes to be there is there, unless it was deleted outside the stack."""
    for logical_id, live in stack.live.items():
        if live.declared.type == ResourceType.REGISTRATION_CODE:
            require(live.physical_id == REGISTRATION_CODE_ID, "I4", f"{logical_id} has another physical id")
            continue
        if live.declared.type == ResourceType.CERTIFICATE_GENERATION:
            require(generation_in(live.physical_id), "I4", f"{logical_id} has no generation")
            continue
        if live.declared.type in (TRANSFER, DECISION):
            _handed_over_as_said(stack, logical_id)
            continue
        certificate_id = certificate_id_in(live.physical_id)
        there = certificate_id in stack.cloud.iot.certificates or certificate_id in stack.cloud.iot.cas
        if certificate_id not in stack.cloud.excuses.deleted_outside:
            require(there, "I4", f"{logical_id} is not registered, {stack.ledger.status}")
        _kept_as_declared(stack, logical_id)


def _kept_as_declared(stack: Stack, logical_id: str) -> None:
    """One certificate at most is kept, only where that is declared; it is there, and as its last change left it."""
    live = stack.live[logical_id]
    kept_id = kept_in(live.physical_id)
    if not kept_id or kept_id in stack.cloud.excuses.deleted_outside:
        return
    declared = live.declared.properties
    require(declared.get("PreviousCertificate") == "KEEP", "I4", f"{logical_id} keeps one that is to be deleted")
    require(picture(stack.cloud, kept_id) is not None, "I4", f"{logical_id} keeps one that is not registered")
    require(kept_id != certificate_id_in(live.physical_id), "I4", f"{logical_id} has come back to the one that it kept")


def secrets_follow(stack: Stack) -> None:
    """Whoever reads a secret finds the key of the certificate that the resource has."""
    for logical_id, live in stack.live.items():
        properties = live.declared.properties
        arn = properties.get("PrivateKeySecretArn") or properties.get("CredentialsSecretArn")
        certificate_id = certificate_id_in(live.physical_id)
        if arn is None or certificate_id in stack.cloud.excuses.deleted_outside or logical_id in stack.skipped:
            continue
        current = json.loads(stack.cloud.secret_text(arn))["certificateId"]
        require(current == certificate_id, "I4", f"{logical_id}'s secret has another key, {stack.ledger.status}")


def _handed_over_as_said(stack: Stack, logical_id: str) -> None:
    """A transfer is on its way where its physical id says; a decision is carried out, as its physical id says."""
    live = stack.live[logical_id]
    certificate_id, _, what = live.physical_id.partition("/")
    if certificate_id in stack.cloud.excuses.handled_outside | stack.cloud.excuses.deleted_outside:
        return
    if (stack.ledger.stack_id, logical_id) in stack.cloud.excuses.overtaken:
        return
    record = stack.cloud.iot.certificates.get(certificate_id)
    if live.declared.type == DECISION:
        require((record is None) == (what == "rejected"), "I4", f"{logical_id} is not decided, {stack.ledger.status}")
        return
    account = record.transfer.account if record and record.transfer and record.status == PENDING else None
    require(account == what.split("/")[1], "I4", f"{logical_id} is on its way to {account}, not as {what} says")
    message = record.transfer.data.get("transferMessage") if record and record.transfer else None
    declared = live.declared.properties.get("TransferMessage")
    # A rollback that is in doubt whose the transfer is leaves it as the update has made it, and names it.
    same = message == declared or _is_left_pending(stack.cloud, certificate_id)
    require(same, "I4", f"{logical_id} is on its way with the message {message}, not {declared}")


def _undone(stack: Stack, logical_id: str) -> frozenset[str]:
    """Return the names that the update has declared from which a resource was rolled back."""
    old = next(each for each in reversed(stack.sent) if each["LogicalResourceId"] == logical_id)
    properties = old.get("OldResourceProperties", {})
    return frozenset((*properties.get("PolicyNames", ()), *properties.get("ThingNames", ())))


def _left_attached(cloud: Cloud) -> frozenset[str]:
    return frozenset(name for names in cloud.excuses.left_attached.values() for name in names)


def keepers(cloud: Cloud, certificate_id: str) -> list[Owner]:
    """Return the resources that keep a certificate after a rotation."""
    return [
        (stack.ledger.stack_id, name)
        for stack in cloud.stacks
        for name, live in stack.live.items()
        if kept_in(live.physical_id) == certificate_id
    ]


def rolled_back_to(stack: Stack, before: Snapshot, revoking: set[str], skipped: set[str]) -> None:
    """After a rollback each certificate is as it was, or as declared; one that was to be REVOKED may be that."""
    require(set(stack.live) == set(before.ids), "I4", "the rollback ended with other resources")
    for logical_id, old_id in before.ids.items():
        live = stack.live[logical_id]
        if certificate_id_in(old_id) in stack.cloud.excuses.deleted_outside or logical_id in skipped:
            continue
        if live.declared.type == TRANSFER:
            # That the certificate was ACTIVE is known better at one time than at another.
            parts = [each.removesuffix("/was-active") for each in (live.physical_id, old_id)]
            require(parts[0] == parts[1], "I4", f"{logical_id} is another transfer after the rollback")
            continue
        require(live.physical_id == old_id, "I4", f"{logical_id} has another physical id after the rollback")
        kept_id = kept_in(old_id)
        if kept_id and kept_id not in stack.cloud.excuses.deleted_outside and old_id not in revoking:
            was, now = before.pictures[kept_id], picture(stack.cloud, kept_id)
            # As of the present one: it is as it was, or as declared.
            statuses = {was and was.status, live.declared.properties.get("Status", "ACTIVE")}
            left = _left_attached(stack.cloud)
            # Likewise its attachments: the rollback attaches what its Update was to detach, though it was not attached,
            # and detaches what its Update attached, though it was (docs/resources/issued-device-certificate.md).
            names = (*live.declared.properties.get("PolicyNames", ()), *live.declared.properties.get("ThingNames", ()))
            users = stack.cloud.possessions.attached_to(kept_id) | left | frozenset(names)
            same = (
                was
                and now
                and now.status in statuses
                and _is_same_but_for(users, was, now, left | _undone(stack, logical_id))
            )
            require(same, "I4", f"the certificate that {logical_id} keeps is another after the rollback")
        if live.declared.type in (ResourceType.REGISTRATION_CODE, ResourceType.CERTIFICATE_GENERATION, DECISION):
            continue  # ``registration_code`` looks at the code itself
        declared = live.declared.properties
        was, now = before.pictures[old_id], picture(stack.cloud, certificate_id_in(old_id))
        require(now is not None, "I4", f"{logical_id} is gone after the rollback")
        assert was is not None
        assert now is not None
        statuses = {was.status, declared.get("Status", "ACTIVE")} | ({"REVOKED"} if old_id in revoking else set())
        holders = stack.cloud.possessions.holders(certificate_id_in(old_id))
        # A decision is a holder, too.
        accepted = stack.cloud.possessions.arrangements.accepted
        holders += [owner for owner, each in accepted.items() if each == certificate_id_in(old_id)]
        holders += keepers(stack.cloud, certificate_id_in(old_id))
        if len(holders) > 1:
            # Another holder can set the status meanwhile; its event says so when its update has ended.
            at_work = {each.ledger.stack_id for each in stack.cloud.stacks if each is not stack and each.is_at_work}
            is_being_set = any(stack_id in at_work for stack_id, _ in holders)
            statuses.add(
                now.status if is_being_set else stack.cloud.possessions.statuses.get(certificate_id_in(old_id))
            )
        require(now.status in statuses, "I4", f"{logical_id} is {now.status} after the rollback, not {was.status}")
        wanted = {*declared.get("PolicyNames", ()), *declared.get("ThingNames", ())}
        require(
            was.attached & wanted <= now.attached, "I4", f"{logical_id} lost {was.attached & wanted - now.attached}"
        )
        extra = now.attached - was.attached - wanted
        # What others attach meanwhile is theirs.
        others_at_work = any(each is not stack and each.is_at_work for each in stack.cloud.stacks)
        me = (stack.ledger.stack_id, logical_id)
        # Likewise what another's rollback has left attached, and named, because this resource may have attached it.
        others = stack.cloud.possessions.attached_by_others(me) | _left_attached(stack.cloud)
        is_unknown = others_at_work or certificate_id_in(old_id) in stack.cloud.excuses.half_adopted
        require(is_unknown or not extra - others, "I4", f"{logical_id} is attached to {extra} after the rollback")
        as_before = now.settings == was.settings or not was.settings
        # Of a CA that was adopted: the tags of its last owner, which is gone, are overwritten where ownership is taken.
        as_before = as_before or (is_adopted(old_id) and now.settings == _without_our_tags(was.settings))
        require(as_before, "I4", f"{logical_id}: {now.settings}, {was.settings}")


def _is_same_but_for(users: frozenset[str], was: Picture, now: Picture, nobodys: frozenset[str] = frozenset()) -> bool:
    """Whether nothing was changed but the status, and what ``users`` have attached; ``nobodys``: or has left so."""
    return now.settings == was.settings and was.attached - nobodys <= now.attached <= was.attached | users


def _without_our_tags(settings: tuple[Any, ...]) -> tuple[Any, ...]:
    *others, tags = settings
    return (*others, tuple(tag for tag in tags if tag[0] not in OUR_TAGS))


@dataclass(frozen=True)
class Picture:
    """A certificate as it is: its status, what is attached to it, and a CA's settings and tags."""

    status: str
    attached: frozenset[str]
    settings: tuple[Any, ...]


@dataclass(frozen=True)
class Snapshot:
    """The stack's certificates before an update."""

    ids: Mapping[str, str]
    pictures: Mapping[str, Picture | None]

    @classmethod
    def of(cls, stack: Stack) -> Snapshot:
        ids = {logical_id: live.physical_id for logical_id, live in stack.live.items()}
        known = [each for each in ids.values() if is_certificate_id(certificate_id_in(each))]
        pictures = {each: picture(stack.cloud, certificate_id_in(each)) for each in known}
        kept = {kept_in(each) for each in known} - {""}
        return cls(ids, {**pictures, **{each: picture(stack.cloud, each) for each in kept}})


def picture(cloud: Cloud, certificate_id: str) -> Picture | None:
    ca, device = cloud.iot.cas.get(certificate_id), cloud.iot.certificates.get(certificate_id)
    if ca is not None:
        config = tuple(sorted((ca.config or {}).items()))
        return Picture(ca.status, frozenset(), (ca.auto_registration, config, tuple(sorted(ca.tags.items()))))
    if device is None:
        return None
    kinds = (cloud.iot.policies, cloud.iot.things)
    attached = frozenset(name for kind in kinds for name, arns in kind.items() if device.arn in arns)
    return Picture(device.status, attached, ())


def kept_in(physical_id: str) -> str:
    """Return the certificate that a physical id names beside the resource's own; an empty text where it names none."""
    return without_kept(physical_id)[1]


def remember_foreign(cloud: Cloud) -> None:
    """Take everything that is registered now for somebody else's: nothing may happen to it."""
    cloud.foreign = {each: picture(cloud, each) for each in {*cloud.iot.certificates, *cloud.iot.cas}}
