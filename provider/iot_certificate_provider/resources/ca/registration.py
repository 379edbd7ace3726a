"""Registering a CA certificate: what is undone when it fails, and what an earlier delivery registered."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import (
    AutoRegistrationStatus,
    CaCertificateProperty,
    CaCertificateStatus,
)
from iot_certificate_provider.errors import (
    AlreadyExistsError,
    NotFoundError,
    UpstreamError,
    attributing_to,
)
from iot_certificate_provider.physical_id import certificate_id_in
from iot_certificate_provider.pki import check_not_expired
from iot_certificate_provider.properties.verification import VerificationCertificate
from iot_certificate_provider.protocol.response import ensure_fits
from iot_certificate_provider.resources.ca.change import CaCertificateChange
from iot_certificate_provider.resources.ca.ownership import CaCertificateOwnership
from iot_certificate_provider.resources.ca.proof_of_possession import ProofOfPossession
from iot_certificate_provider.resources.lifecycle.cancellation import StillWanted, check_still_wanted, is_returned_to
from iot_certificate_provider.resources.lifecycle.ownership import tagged_by_request, tags_of
from iot_certificate_provider.resources.lifecycle.redelivery import uncertain_without_answer
from iot_certificate_provider.resources.lifecycle.registered_already import RegisteredAlready, unseen
from iot_certificate_provider.resources.lifecycle.undo import (
    undone_if_abandoned,
    undone_on_failure,
    undone_without_answer,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot import Registered
    from iot_certificate_provider.pki import Certificate
    from iot_certificate_provider.properties.ca_certificate import CaCertificateProperties
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.protocol.response import Outcome


class CaCertificateRegistration:
    """Registers at most one CA a request, and leaves none that the request does not answer with."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        self._iot = aws.iot
        self._stacks = aws.stacks
        self._now = now
        self._proof = ProofOfPossession(aws)
        self._registered_already = RegisteredAlready(aws.stacks, now)
        self._ownership = CaCertificateOwnership(aws, now)
        self._change = CaCertificateChange(aws)

    def register_or_take_up(
        self, request: Request, wanted: CaCertificateProperties, ca: Certificate, outcome: Outcome
    ) -> str:
        """Register the CA, or continue with an earlier delivery's; return a note about it."""
        try:
            self.register(request, wanted, ca, outcome)
        except AlreadyExistsError as error:
            live = self._iot.find_ca_certificate(outcome.physical_id)
            if live is None:
                raise unseen(error, wanted.mode) from error
            decision = self._ownership.of_existing(request, live)
            if not decision.proceeds:
                raise self._registered_already.error(request, live, decision) from error
            self._take_up(request, wanted, outcome)
            return decision.reason
        return ""

    def register(self, request: Request, wanted: CaCertificateProperties, ca: Certificate, outcome: Outcome) -> None:
        """Register it, with proof of possession unless it is SNI_ONLY; AlreadyExistsError when it is registered."""
        now = self._now()
        with attributing_to(CaCertificateProperty.CA_CERTIFICATE_PEM):
            check_not_expired(ca, now)
        ensure_fits(request, outcome)
        verification = self._proof.verification_certificate(ca, wanted.verification, request.deadline, now)
        StillWanted(request, self._stacks, self._now).check_before_registering()
        with undone_without_answer(request, self._stacks, partial(self.remove_abandoned, request, outcome)):
            registered = self._call_register(request, wanted, ca, verification)
        request.progress.uncertain = False
        with undone_on_failure(request, registered.id, partial(self._undo, request, registered.id)):
            if registered.id != outcome.physical_id:
                raise UpstreamError(
                    "AWS IoT returned an id that is not the SHA-256 of the CA certificate's DER. "
                    "The registration was undone"
                )
            check_still_wanted(request, self._stacks)

    def _call_register(
        self, request: Request, wanted: CaCertificateProperties, ca: Certificate, verification: Certificate | None
    ) -> Registered:
        with uncertain_without_answer(request, self._iot), attributing_to(_registered_properties(wanted)):
            return self._iot.register_ca_certificate(
                ca.pem,
                verification_pem=None if verification is None else verification.pem,
                mode=wanted.mode,
                status=wanted.status,
                auto_registration=wanted.auto_registration,
                config=wanted.registration_config,
                tags={**wanted.tags, **tags_of(request)},
            )

    def _take_up(self, request: Request, wanted: CaCertificateProperties, outcome: Outcome) -> None:
        """Continue with a CA that this request, or an earlier delivery, registered; undo it only if cancelled."""
        undo = partial(self._undo, request, outcome.physical_id)
        with undone_if_abandoned(request, self._stacks, outcome.physical_id, undo):
            self._change.bring(wanted, None, outcome)

    def _undo(self, request: Request, certificate_id: str) -> bool:
        """Deregister the CA, unless another resource has it now; return whether nothing of it is left."""
        is_left = is_returned_to(request, certificate_id, self._stacks)
        if is_left or not self._ownership.undoing(request, certificate_id).proceeds:
            return False
        self.deregister(certificate_id)
        return True

    def deregister(self, certificate_id: str) -> None:
        """Turn a CA off, and delete it; one that is gone counts as deleted."""
        self.turn_off(certificate_id)
        self.delete(certificate_id)

    def delete(self, certificate_id: str) -> None:
        """Delete a CA that is off; one that is gone counts as deleted."""
        with suppress(NotFoundError):
            self._iot.delete_ca_certificate(certificate_id)

    def turn_off(self, certificate_id: str) -> None:
        """Set a CA INACTIVE and end its auto-registration; one that is gone is off."""
        with suppress(NotFoundError):
            self._iot.update_ca_certificate(
                certificate_id,
                status=CaCertificateStatus.INACTIVE,
                auto_registration=AutoRegistrationStatus.DISABLE,
            )

    def remove_abandoned(self, request: Request, outcome: Outcome) -> bool:
        """Remove the CA that this request registered, and has never answered with; return whether it did.

        A Create that died has left it, after its Delete was served; or a rotation that fails. A CA whose id is in the
        stack's events stays, because its resource may have been retained.
        """
        tags = self._ownership.tags(request, outcome.physical_id)
        if tags is None or not tagged_by_request(request, tags):
            return False
        rows = self._stacks.rows(request.stack_id, request.logical_id)
        if any(row.settled and certificate_id_in(row.physical_id) == outcome.physical_id for row in rows):
            return False
        if not self._ownership.undoing(request, outcome.physical_id).proceeds:
            return False
        self.deregister(outcome.physical_id)
        return True


def _registered_properties(wanted: CaCertificateProperties) -> str:
    """Name what AWS IoT looks at in a registration; what it refuses may be the one or the other."""
    name = CaCertificateProperty
    declared = isinstance(wanted.verification, VerificationCertificate)
    return f"{name.CA_CERTIFICATE_PEM}, {name.VERIFICATION_CERTIFICATE_PEM}" if declared else name.CA_CERTIFICATE_PEM
