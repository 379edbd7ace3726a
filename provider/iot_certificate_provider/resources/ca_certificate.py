"""``Custom::IotCaCertificate``: a CA registered with AWS IoT, and what happens to its devices when it goes."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import (
    AutoRegistrationStatus,
    CaCertificateAttribute,
    CaCertificateProperty,
    CaCertificateStatus,
    DeviceCertificatesOnDelete,
    Outcome,
    is_certificate_id,
)
from iot_certificate_provider.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidPropertyError,
    NotFoundError,
    ProviderError,
    UpstreamError,
)
from iot_certificate_provider.ownership import tagged_by, tags_of
from iot_certificate_provider.pki import check_not_expired
from iot_certificate_provider.properties.ca_certificate import (
    CaCertificateProperties,
    declared_device_certificates_on_delete,
)
from iot_certificate_provider.properties.reader import naming, readable
from iot_certificate_provider.resources.registration import (
    check_still_wanted,
    find_leftover,
    uncertain_without_answer,
)
from iot_certificate_provider.response import ensure_fits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.aws.iot import IotGateway, Registered
    from iot_certificate_provider.contract import CertificateMode, Request
    from iot_certificate_provider.pki import Certificate
    from iot_certificate_provider.resources.device_certificate_sweep import DeviceCertificateSweep
    from iot_certificate_provider.resources.proof_of_possession import ProofOfPossession


class CaCertificateResource:
    """Registers, changes and deregisters a CA certificate."""

    def __init__(
        self,
        iot: IotGateway,
        stacks: StackGateway,
        proof: ProofOfPossession,
        sweep: DeviceCertificateSweep,
        now: Callable[[], datetime],
    ) -> None:
        self._iot = iot
        self._stacks = stacks
        self._proof = proof
        self._sweep = sweep
        self._now = now

    def create(self, request: Request) -> Outcome:
        """Register the CA certificate, with proof of possession unless it is SNI_ONLY."""
        wanted = CaCertificateProperties.read(request.properties)
        outcome = _outcome(wanted.certificate, request)
        try:
            self._register(request, wanted, outcome)
        except AlreadyExistsError:
            # The same request once more, or an answer of AWS IoT's that was lost on its way.
            if not self._is_own(request, outcome):
                raise
            self._take_up(request, wanted, outcome)
        return outcome

    def update(self, request: Request) -> Outcome:
        """Change what differs from the old properties; another certificate is registered beside the old one."""
        wanted = CaCertificateProperties.read(request.properties)
        old = readable(CaCertificateProperties.read, request.old_properties)
        outcome = _outcome(wanted.certificate, request)
        if outcome.physical_id == request.existing_id:
            self._change_or_register(request, wanted, old, outcome)
            self._remove_leftover(request, old)
            return outcome
        try:
            self._register(request, wanted, outcome)
        except ProviderError:
            # A rollback returns to a CA that CloudFormation deletes only in its clean-up: it is registered still, and
            # what a registration would need (the key in the secret, say) need not be there any more.
            if not self._is_own(request, outcome):
                raise
            self._change(wanted, None, outcome)
        return outcome

    def delete(self, request: Request) -> Outcome:
        """Turn the CA off, do to its devices what was declared, and deregister it."""
        certificate_id = self._certificate_to_delete(request)
        if certificate_id is not None:
            # Auto-registration first: a device that is swept now must not come back with its next connection.
            self._turn_off(certificate_id)
            self._sweep_devices(request)
            with suppress(NotFoundError):
                self._iot.delete_ca_certificate(certificate_id)
        return Outcome(request.existing_id)

    def _register(self, request: Request, wanted: CaCertificateProperties, outcome: Outcome) -> None:
        now = self._now()
        with naming(CaCertificateProperty.CA_CERTIFICATE_PEM):
            check_not_expired(wanted.certificate, now)
        ensure_fits(request, outcome)
        verification = self._proof.verification_certificate(wanted.certificate, wanted.verification, now)
        registered = self._call_register(request, wanted, verification)
        with self._undone_on_failure(request, registered.id):
            if registered.id != outcome.physical_id:
                raise UpstreamError(
                    "AWS IoT gave the CA certificate another id than the SHA-256 of its DER. Its registration is undone"
                )
            check_still_wanted(request, self._stacks)

    def _call_register(
        self, request: Request, wanted: CaCertificateProperties, verification: Certificate | None
    ) -> Registered:
        with uncertain_without_answer(request):
            return self._iot.register_ca_certificate(
                wanted.certificate.pem,
                verification_pem=None if verification is None else verification.pem,
                mode=wanted.mode,
                status=wanted.status,
                auto_registration=wanted.auto_registration,
                config=wanted.registration_config,
                tags={**wanted.tags, **tags_of(request)},
            )

    def _take_up(self, request: Request, wanted: CaCertificateProperties, outcome: Outcome) -> None:
        """Go on with a CA that an earlier delivery of this Create registered; undo it only if it was given up."""
        request.progress.registered = outcome.physical_id
        self._change(wanted, None, outcome)
        try:
            check_still_wanted(request, self._stacks)
        except ConflictError:
            self._undo(request, outcome.physical_id)
            raise

    @contextmanager
    def _undone_on_failure(self, request: Request, certificate_id: str) -> Iterator[None]:
        """Deregister the CA just registered when the rest fails; where even that fails, the answer names it."""
        request.progress.registered = certificate_id
        try:
            yield
        except BaseException:
            self._undo(request, certificate_id)
            raise

    def _undo(self, request: Request, certificate_id: str) -> None:
        with suppress(ProviderError), request.deadline.undoing():
            self._deregister(certificate_id)
            request.progress.registered = None

    def _deregister(self, certificate_id: str) -> None:
        self._turn_off(certificate_id)
        with suppress(NotFoundError):
            self._iot.delete_ca_certificate(certificate_id)

    def _turn_off(self, certificate_id: str) -> None:
        with suppress(NotFoundError):
            self._iot.update_ca_certificate(
                certificate_id,
                status=CaCertificateStatus.INACTIVE,
                auto_registration=AutoRegistrationStatus.DISABLE,
            )

    def _change_or_register(
        self,
        request: Request,
        wanted: CaCertificateProperties,
        old: CaCertificateProperties | None,
        outcome: Outcome,
    ) -> None:
        try:
            self._change(wanted, old, outcome)
        except NotFoundError:
            # Deleted outside the stack: what is declared is to be there again.
            self._register(request, wanted, outcome)

    def _change(self, wanted: CaCertificateProperties, old: CaCertificateProperties | None, outcome: Outcome) -> None:
        """Bring a registered CA from ``old`` to ``wanted``, in one call and one for tags; from anything without old."""
        if old is not None and old.mode is not wanted.mode:
            self._check_mode(outcome.physical_id, wanted.mode)
        if old is None or _settings(old) != _settings(wanted):
            self._change_settings(wanted, old, outcome.physical_id)
        self._change_tags(wanted, old, outcome.attributes[CaCertificateAttribute.ARN])

    def _check_mode(self, certificate_id: str, wanted: CertificateMode) -> None:
        # The live mode decides: the rollback of a refused change of mode declares what is registered.
        live = self._iot.ca_certificate_mode(certificate_id)
        if live != wanted:
            raise InvalidPropertyError(
                CaCertificateProperty.CERTIFICATE_MODE,
                f"AWS IoT cannot change it from {live} to {wanted} for a registered CA",
                "Deploy without this CA first, then with the new mode; or use another CA certificate",
            )

    def _change_settings(
        self, wanted: CaCertificateProperties, old: CaCertificateProperties | None, certificate_id: str
    ) -> None:
        had_config = old is None or old.registration_config is not None
        if wanted.registration_config is None and had_config:
            # The only way to clear the configuration. It turns auto-registration off too, so that is set afterwards.
            self._iot.update_ca_certificate(certificate_id, status=wanted.status, remove_auto_registration=True)
            if wanted.auto_registration is AutoRegistrationStatus.ENABLE:
                self._iot.update_ca_certificate(certificate_id, auto_registration=wanted.auto_registration)
            return
        self._iot.update_ca_certificate(
            certificate_id,
            status=wanted.status,
            auto_registration=wanted.auto_registration,
            config=wanted.registration_config,
        )

    def _change_tags(self, wanted: CaCertificateProperties, old: CaCertificateProperties | None, arn: str) -> None:
        before = {} if old is None else old.tags
        changed = {key: value for key, value in wanted.tags.items() if before.get(key) != value}
        removed = [key for key in before if key not in wanted.tags]
        # Room first: there may be as many tags as AWS takes.
        if removed:
            self._iot.untag(arn, removed)
        if changed:
            self._iot.tag(arn, changed)

    def _sweep_devices(self, request: Request) -> None:
        what = declared_device_certificates_on_delete(request.properties)
        if what is DeviceCertificatesOnDelete.RETAIN:
            return
        resource = self._stacks.resource(request.stack_id, request.logical_id)
        if resource is None or resource.physical_id != request.physical_id:
            return  # the CA was replaced: its devices stay
        held = self._stacks.held_ids(request.stack_id)
        self._sweep.run(request.existing_id, what, held, request.deadline)

    # Whose is it?

    def _is_own(self, request: Request, outcome: Outcome) -> bool:
        try:
            return tagged_by(request, self._iot.tags(outcome.attributes[CaCertificateAttribute.ARN]))
        except NotFoundError:
            return False

    def _remove_leftover(self, request: Request, old: CaCertificateProperties | None) -> None:
        """Remove what an Update registered that never answered: only the old properties of its rollback name it."""
        if old is None or old.certificate.id == request.existing_id:
            return
        if self._is_own(request, _outcome(old.certificate, request)):
            self._deregister(old.certificate.id)

    def _certificate_to_delete(self, request: Request) -> str | None:
        """Return what the physical id names; when that is an invented one, what its Create left behind, if anything."""
        if is_certificate_id(request.existing_id):
            return request.existing_id
        declared = readable(CaCertificateProperties.read, request.properties)
        if declared is None:
            return None  # refused before anything was sent
        outcome = _outcome(declared.certificate, request)
        return find_leftover(request, lambda: outcome.physical_id if self._is_own(request, outcome) else None)


def _settings(properties: CaCertificateProperties) -> tuple[object, ...]:
    return properties.status, properties.auto_registration, properties.registration_config


def _outcome(certificate: Certificate, request: Request) -> Outcome:
    attribute = CaCertificateAttribute
    return Outcome(
        certificate.id,
        {
            attribute.ARN: request.home.ca_certificate_arn(certificate.id),
            attribute.ID: certificate.id,
            attribute.SUBJECT: certificate.subject,
            attribute.ISSUER: certificate.issuer,
            attribute.SERIAL_NUMBER: certificate.serial_number,
            attribute.NOT_BEFORE: certificate.not_before.isoformat(),
            attribute.NOT_AFTER: certificate.not_after.isoformat(),
        },
    )
