"""The owner of a registered CA certificate: its tags name the stack, the resource and the request."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import STACK_TAG
from iot_certificate_provider.errors import NotFoundError
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.resources.lifecycle import ownership
from iot_certificate_provider.resources.lifecycle.history import CLOCKS_DIFFER, held
from iot_certificate_provider.resources.lifecycle.inquiry import Inquiry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.lifecycle.holders import Standing
    from iot_certificate_provider.resources.lifecycle.inquiry import Registration
    from iot_certificate_provider.resources.lifecycle.ownership import Decision


class CaCertificateOwnership:
    """Gathers the facts from AWS IoT and CloudFormation; ``ownership`` decides."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        self._iot = aws.iot
        self._stacks = aws.stacks
        self._inquiry = Inquiry(aws.stacks, now)

    def tags(self, request: Request, certificate_id: str) -> Mapping[str, str] | None:
        """Return the tags of a CA certificate; None when it is not registered.

        One without tags is asked for as well: for what is gone, a list of tags may be empty.
        """
        with suppress(NotFoundError):
            tags = self._iot.tags(request.home.ca_certificate_arn(certificate_id))
            if tags or self._iot.find_ca_certificate(certificate_id) is not None:
                return tags
        return None

    def is_own(self, request: Request, certificate_id: str) -> bool:
        """Whether this resource has registered the CA, by its tags."""
        tags = self.tags(request, certificate_id)
        return tags is not None and ownership.tagged_by(request, tags)

    def of_existing(self, request: Request, live: Registration) -> Decision:
        """Decide whose a CA is that turns out to be registered already.

        The request's tag says that this request registered it. What an Update returns to has an older request's, and so
        has what an earlier Update registered that never answered, where the stack did not roll back. A Create, which
        has had nothing before, reads no log for that.
        """
        tags = self.tags(request, live.id) or {}
        if ownership.tagged_by_request(request, tags):
            return ownership.taken_up(live.id)
        if request.type is RequestType.UPDATE and tags.get(STACK_TAG) == request.stack_id:
            events = self._stacks.events_since(request.stack_id, request.logical_id, live.created - CLOCKS_DIFFER)
            if held(events, live.id):
                return ownership.of_the_resource(live.id)
            if ownership.tagged_by(request, tags) and self._inquiry.is_made_now(request, live):
                return ownership.of_the_resource(live.id)
        return ownership.of_another(live.id)

    def is_anothers_by_now(
        self, request: Request, certificate_id: str, tags: Mapping[str, str], *, retained: bool = False
    ) -> bool:
        """Whether another owner has registered the CA since the resource last had it.

        The stack's tag says so, as long as that stack has anything to do with it; ``retained``: or has retained it.
        Otherwise the date of its registration does: where there is no tag, and where an earlier version let two stacks
        have one CA.
        """
        if tags.get(STACK_TAG) == request.stack_id:
            return False
        if STACK_TAG in tags and self._inquiry.is_used_in(tags[STACK_TAG], certificate_id, retained=retained):
            return True
        live = self._iot.find_ca_certificate(certificate_id)
        return live is not None and self._inquiry.is_registered_anew(request, live)

    def deletion(self, request: Request, certificate_id: str, tags: Mapping[str, str], standing: Standing) -> Decision:
        """Decide on deregistering a CA that the resource had."""
        live = self._iot.find_ca_certificate(certificate_id) if standing.others else None
        keeping = standing.keeping(None if live is None else live.created)
        anew = self.is_anothers_by_now(request, certificate_id, tags, retained=True)
        return ownership.deletion(certificate_id, request, anew=anew, keeping=keeping, is_ca=True)

    def leftover(self, request: Request, certificate_id: str) -> Decision:
        """Decide on what a Create or an Update may have left that never answered."""
        tags = self.tags(request, certificate_id)
        if tags is None:
            return ownership.deletion_of_nothing(certificate_id)
        live = self._iot.find_ca_certificate(certificate_id)
        if live is None:
            return ownership.deletion_of_nothing(certificate_id)
        # The tag is also that of one which the template has retained, of an earlier operation of the resource.
        if not ownership.tagged_by(request, tags) or not self._inquiry.is_made_now(request, live):
            return ownership.left_unowned(certificate_id)
        keeping = self._inquiry.standing(request, certificate_id).keeping(live.created)
        return ownership.orphan(certificate_id, request, at_work=None, keeping=keeping, is_ca=True)

    def undoing(self, request: Request, certificate_id: str) -> Decision:
        """Decide on undoing the registration of this request."""
        live = self._iot.find_ca_certificate(certificate_id)
        keeping = () if live is None else self._inquiry.keeping_undone(request, live)
        return ownership.deletion(certificate_id, request, anew=False, keeping=keeping, is_ca=True)
