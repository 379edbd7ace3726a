"""Detaching a device certificate that stays registered from this resource's own attachments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import ExistingCertificate, ResourceType
from iot_certificate_provider.errors import ProviderError
from iot_certificate_provider.resources.lifecycle.cancellation import is_rollback
from iot_certificate_provider.resources.lifecycle.holders import Holders, is_of_before
from iot_certificate_provider.resources.lifecycle.ownership import among, left_attached
from iot_certificate_provider.resources.lifecycle.template import declared_in
from iot_certificate_provider.resources.removal.attachments import Attachments, Kind, detach
from iot_certificate_provider.resources.removal.device_certificate import DeviceCertificateRemoval

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackResource
    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.lifecycle.holders import Standing


class Releasing:
    """Finds the attachments that can be detached, and detaches them."""

    def __init__(self, aws: Gateways) -> None:
        self._iot = aws.iot
        self._stacks = aws.stacks
        self._holders = Holders(aws.stacks)
        self._removal = DeviceCertificateRemoval(aws)

    def standing(self, request: Request, certificate_id: str, attached: Attachments) -> Standing:
        """Return who holds a certificate before some of what is ``attached`` is detached: then those of all stacks."""
        look = self._holders.standing_of_attachers if attached else self._holders.standing
        return look(request, certificate_id)

    def keeping(self, request: Request, certificate_id: str, created: datetime | None) -> list[StackResource]:
        """Return the others, of all stacks, that can have attached something to a certificate that was ``created``."""
        standing = self._holders.standing_of_attachers(request, certificate_id)
        return attaching(standing.keeping(created), created)

    def detachable(
        self, request: Request, certificate_id: str, created: datetime | None, attached: Attachments
    ) -> tuple[Attachments, str]:
        """Return which of what an Update declares no more it can detach, and why the rest stays attached."""
        if not attached:
            return attached, ""
        keeping = self.keeping(request, certificate_id, created)
        own = self._declared_by_no_other(request, attached, keeping)
        kept = [each.name for each in attached.without(own)]
        return own, left_attached(kept, among(keeping, request)).reason if kept else ""

    def releasable(
        self, request: Request, attached: Attachments, keeping: Sequence[StackResource], *, is_known: bool = True
    ) -> Attachments:
        """Return those that no other holder declares as well.

        Where that is not known (whether it may be asked depends on ADOPT, and an earlier version's id ``is_known`` not
        to tell), those that are the stack's own policies and things: it may be about to delete them.
        """
        keeping = attaching(keeping)
        if not attached or (is_known and not keeping):
            return attached
        theirs = self._declared_by(keeping) if is_known and may_ask(request) else None
        if theirs is not None:
            return attached.without(theirs)
        return attached.among(self._stacks.held_ids(request.stack_id))

    def _declared_by_no_other(
        self, request: Request, leaving: Attachments, keeping: Sequence[StackResource]
    ) -> Attachments:
        """Return those of an Update that no other holder declares as well; none where that is not known.

        Also of the stack's own policies and things: an adopter's device goes on using them. A rollback deletes what the
        update had made of them, and so does as ``releasable``.
        """
        if not keeping or is_rollback(request, self._stacks):
            return self.releasable(request, leaving, keeping)
        with self._stacks.expecting_denial():
            theirs = self._declared_by(keeping)
        return leaving.among(()) if theirs is None else leaving.without(theirs)

    def release(self, request: Request, certificate_id: str, attached: Attachments) -> None:
        """Detach, and wait until the policies and things can be deleted."""
        arn = request.home.certificate_arn(certificate_id)
        detach(self._iot, arn, attached)
        self.wait_until_released(request, certificate_id, attached)

    def wait_until_released(self, request: Request, certificate_id: str, detached: Attachments) -> None:
        """Wait until the policies and things that the certificate was detached from can be deleted."""
        arn = request.home.certificate_arn(certificate_id)
        self._removal.wait_until_released(detached, arn, request.deadline)

    def release_new(
        self, request: Request, certificate_id: str, attached: Attachments, resources: Iterable[StackResource]
    ) -> None:
        """Detach the policies and things that the stack has made in this operation: it is to delete them next.

        They were not attached before. Attachments of unknown origin stay attached.
        """
        names = {each.name for each in attached}
        made = {
            resource.physical_id
            for resource in resources
            if resource.physical_id in names and self._is_new(request, resource.logical_id)
        }
        self.release(request, certificate_id, attached.among(made))

    def _is_new(self, request: Request, logical_id: str) -> bool:
        return next(self._stacks.rows_before_update(request.stack_id, logical_id), None) is None

    def _declared_by(self, keeping: Sequence[StackResource]) -> Attachments | None:
        """Read what other holders declare in their templates; None where one of them does not say."""
        theirs: tuple[Any, ...] = ()
        for holder in keeping:
            try:
                declared = declared_in(self._stacks.template(holder.stack_id), holder.logical_id)
                names = {kind: self._names(holder, declared.properties, kind) for kind in Kind}
            except ProviderError:
                return None
            if None in names.values():
                return None
            theirs += Attachments.named(names[Kind.POLICY] or (), names[Kind.THING] or ()).all
        return Attachments(theirs)

    def _names(self, holder: StackResource, properties: Mapping[str, Any] | None, kind: Kind) -> list[str] | None:
        """Resolve the names that a holder declares: texts, and references to resources of its stack."""
        declared = None if properties is None else properties.get(kind.property_name, [])
        if not isinstance(declared, list):
            return None
        if all(isinstance(each, str) for each in declared):
            return declared
        ids = {each.logical_id: each.physical_id for each in self._stacks.resources(holder.stack_id)}
        names = [each if isinstance(each, str) else ids.get(_referenced(each), "") for each in declared]
        return names if all(names) else None


def may_ask(request: Request) -> bool:
    """Whether the function's role may ask what other holders declare."""
    return bool(request.properties.get("ExistingCertificate") == ExistingCertificate.ADOPT)


def attaching(holders: Iterable[StackResource], created: datetime | None = None) -> list[StackResource]:
    """Return those that can have attached something to a certificate that was ``created`` then, where that is known.

    A decision accepts a certificate, and attaches nothing. What an adopter attached goes with an earlier registration.
    """
    attachers = (each for each in holders if each.type != ResourceType.CERTIFICATE_TRANSFER_DECISION)
    return [each for each in attachers if not is_of_before(each, created)]


def _referenced(value: object) -> str:
    name = value.get("Ref") if isinstance(value, dict) and len(value) == 1 else None
    return name if isinstance(name, str) else ""
