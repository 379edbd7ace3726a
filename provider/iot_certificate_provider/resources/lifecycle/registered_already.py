"""The answer to a certificate that is registered already and is not the resource's: CA or device, Create or Update."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from iot_certificate_provider.contract import CaCertificateProperty, CertificateMode, ExistingCertificate
from iot_certificate_provider.errors import AlreadyExistsError, InvalidPropertyError
from iot_certificate_provider.physical_id import certificate_id_in, is_adopted
from iot_certificate_provider.resources.lifecycle.cancellation import is_rollback
from iot_certificate_provider.resources.lifecycle.holders import UNKNOWN
from iot_certificate_provider.resources.lifecycle.inquiry import Inquiry
from iot_certificate_provider.resources.lifecycle.ownership import Action, among, not_its_own_any_more

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackGateway, StackResource
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.protocol.response import Outcome
    from iot_certificate_provider.resources.lifecycle.ownership import Decision


class Existing(Protocol):
    """A registered certificate, as much of it as a refusal names."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def arn(self) -> str:
        """Its ARN."""
        ...

    @property
    def status(self) -> str:
        """Its status."""
        ...

    @property
    def created(self) -> datetime:
        """When it was registered; aware."""
        ...


class RegisteredAlready:
    """Answers a request that meets a certificate of another owner."""

    def __init__(self, stacks: StackGateway, now: Callable[[], datetime]) -> None:
        self._stacks = stacks
        self._inquiry = Inquiry(stacks, now)

    def error(self, request: Request, live: Existing, decision: Decision) -> AlreadyExistsError:
        """Return the error for a certificate that is another owner's, or may be, as ``decision`` says."""
        return _error(request, live, self._inquiry.holders_to_name(request, live), decision)

    def refuse_or_keep(self, request: Request, live: Existing, decision: Decision, outcome: Outcome) -> Outcome:
        """Refuse it; but a rollback never refuses: return the outcome with the id that the resource had."""
        if not is_rollback(request, self._stacks):
            raise self.error(request, live, decision)
        had = self._stacks.id_before_update(request.stack_id, request.logical_id) or ""
        if certificate_id_in(had) == live.id:
            outcome = replace(outcome, physical_id=had)
        return replace(outcome, note=not_its_own_any_more(live.id).reason)


def _error(
    request: Request, live: Existing, holders: Sequence[StackResource], decision: Decision
) -> AlreadyExistsError:
    if decision.action is Action.WAIT:
        problem, fix = f"Registered already. {decision.reason}", "Deploy again when that is complete"
        return AlreadyExistsError(problem, live.id, live.arn, fix)
    owners = [each for each in holders if each != UNKNOWN and not is_adopted(each.physical_id)]
    # Its own was deleted, and another owner has registered it: its Delete leaves that.
    was_own = certificate_id_in(request.physical_id or "") == live.id
    if owners:
        problem = f"Registered already by {among(owners, request)}"
        fix = (
            "To move it here, a deployment each: "
            "Retain there (DeletionPolicy and UpdateReplacePolicy); ADOPT here; remove it there; drop ADOPT"
        )
        if owners[0].stack_id == request.stack_id:
            fix = "Renamed? Keep its logical id (override_logical_id); declared twice? Once is enough"
        elif was_own:
            fix = "Remove this resource; then, to use it here, declare it with ADOPT"
        return AlreadyExistsError(problem, live.id, live.arn, fix)
    adopt = f"{CaCertificateProperty.EXISTING_CERTIFICATE} {ExistingCertificate.ADOPT}"
    users = [each for each in holders if is_adopted(each.physical_id)]
    problem = f"Registered already by another owner ({live.status}, {live.created:%Y-%m-%d}): {live.arn}"
    if users:
        problem = f"Registered already by another owner, and used by {among(users, request)}: {live.arn}"
        fix = f"Use it with {adopt}"
    elif holders:
        fix = f"Use it with {adopt}"
    else:
        fix = f"Use it with {adopt}, or delete it first if nobody uses it"
    if was_own:
        fix = "Remove this resource; then, to use it here, declare it with ADOPT"
    return AlreadyExistsError(problem, live.id, live.arn, fix)


def unseen(error: AlreadyExistsError, mode: CertificateMode | None = None) -> AlreadyExistsError | InvalidPropertyError:
    """Return the error for a certificate that AWS IoT has "already", and does not find; ``mode`` is a CA's.

    Developer guide, "Manage your CA certificates": in DEFAULT mode one account in a Region can have a CA.
    """
    if mode is CertificateMode.DEFAULT:
        return InvalidPropertyError(
            CaCertificateProperty.CA_CERTIFICATE_PEM,
            "another account has the CA in this Region in CertificateMode DEFAULT, which allows one account",
            "Use SNI_ONLY, or delete the CA there; if it was deleted a moment ago, try again",
        )
    problem = f"Registered already: {error.certificate_arn}, but AWS IoT does not find it"
    return AlreadyExistsError(problem, error.certificate_id, error.certificate_arn, "Try again")
