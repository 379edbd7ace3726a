"""``Custom::IotCaCertificate``: a CA registered with AWS IoT, and what happens to its devices when it goes."""

from __future__ import annotations

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
    InvalidPropertyError,
    NotFoundError,
    UpstreamError,
)
from iot_certificate_provider.ownership import held_before
from iot_certificate_provider.pki import check_not_expired
from iot_certificate_provider.properties import (
    CaCertificateProperties,
    declared_device_certificates_on_delete,
    naming,
    readable,
)
from iot_certificate_provider.response import ensure_fits

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.aws.iot import IotGateway
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
        self._register(request, wanted, outcome)
        return outcome

    def update(self, request: Request) -> Outcome:
        """Change what differs from the old properties; another certificate is registered beside the old one."""
        wanted = CaCertificateProperties.read(request.properties)
        old = readable(CaCertificateProperties.read, request.old_properties)
        outcome = _outcome(wanted.certificate, request)
        if outcome.physical_id == request.existing_id:
            self._change(wanted, old, outcome)
            return outcome
        try:
            self._register(request, wanted, outcome)
        except AlreadyExistsError:
            if not self._held_before(request, outcome.physical_id):
                raise
            # A rollback: CloudFormation deletes the replaced certificate only in its clean-up, so it still exists.
            self._change(wanted, None, outcome)
        return outcome

    def delete(self, request: Request) -> Outcome:
        """Turn the CA off, do to its devices what was declared, and deregister it."""
        certificate_id = request.existing_id
        outcome = Outcome(certificate_id)
        if not is_certificate_id(certificate_id):
            return outcome  # the marker of a Create that registered nothing
        try:
            # Auto-registration first: a device that is swept now must not come back with its next connection.
            self._iot.update_ca_certificate(
                certificate_id,
                status=CaCertificateStatus.INACTIVE,
                auto_registration=AutoRegistrationStatus.DISABLE,
            )
            self._sweep_devices(request)
            self._iot.delete_ca_certificate(certificate_id)
        except NotFoundError:
            return outcome  # deleted before, by us or by somebody else
        return outcome

    def _register(self, request: Request, wanted: CaCertificateProperties, outcome: Outcome) -> None:
        now = self._now()
        with naming(CaCertificateProperty.CA_CERTIFICATE_PEM):
            check_not_expired(wanted.certificate, now)
        ensure_fits(request, outcome)
        verification = self._proof.verification_certificate(wanted.certificate, wanted.verification, now)
        registered = self._iot.register_ca_certificate(
            wanted.certificate.pem,
            verification_pem=None if verification is None else verification.pem,
            mode=wanted.mode,
            status=wanted.status,
            auto_registration=wanted.auto_registration,
            config=wanted.registration_config,
            tags=wanted.tags,
        )
        request.progress.registered = registered.id
        if registered.id != outcome.physical_id:
            self._undo(request, registered.id)
            raise UpstreamError(
                "AWS IoT gave the CA certificate another id than the SHA-256 of its DER. Its registration is undone"
            )

    def _undo(self, request: Request, certificate_id: str) -> None:
        with request.deadline.undoing():
            self._iot.update_ca_certificate(certificate_id, status=CaCertificateStatus.INACTIVE)
            self._iot.delete_ca_certificate(certificate_id)
        request.progress.registered = None

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
        if changed:
            self._iot.tag(arn, changed)
        if removed:
            self._iot.untag(arn, removed)

    def _sweep_devices(self, request: Request) -> None:
        what = declared_device_certificates_on_delete(request.properties)
        if what is DeviceCertificatesOnDelete.RETAIN:
            return
        if self._stacks.physical_id(request.stack_id, request.logical_id) != request.physical_id:
            return  # the CA was replaced: its devices stay
        held = self._stacks.held_ids(request.stack_id)
        self._sweep.run(request.existing_id, what, held, request.deadline)

    def _held_before(self, request: Request, certificate_id: str) -> bool:
        return held_before(self._stacks.completed_states(request.stack_id, request.logical_id, certificate_id))


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
