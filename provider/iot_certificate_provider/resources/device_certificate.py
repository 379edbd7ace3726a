"""``Custom::IotDeviceCertificate``: a device's certificate, with the policies and things it is attached to."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import (
    CertificateMode,
    DeviceCertificateAttribute,
    DeviceCertificateProperty,
    DeviceCertificateStatus,
    Outcome,
    is_certificate_id,
)
from iot_certificate_provider.errors import AlreadyExistsError, InvalidPropertyError, ProviderError, UpstreamError
from iot_certificate_provider.ownership import held_before
from iot_certificate_provider.pki import Certificate, check_not_expired
from iot_certificate_provider.properties import (
    DeviceCertificateProperties,
    declared_policy_names,
    naming,
    readable,
)
from iot_certificate_provider.response import ensure_fits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.aws.iot import IotGateway, Registered
    from iot_certificate_provider.contract import Request
    from iot_certificate_provider.pki import SigningRequest
    from iot_certificate_provider.resources.device_certificate_removal import DeviceCertificateRemoval


class DeviceCertificateResource:
    """Registers, changes and deregisters a device certificate."""

    def __init__(
        self,
        iot: IotGateway,
        stacks: StackGateway,
        removal: DeviceCertificateRemoval,
        now: Callable[[], datetime],
    ) -> None:
        self._iot = iot
        self._stacks = stacks
        self._removal = removal
        self._now = now

    def create(self, request: Request) -> Outcome:
        """Register the certificate, or have AWS IoT issue it, and attach its policies and things."""
        wanted = DeviceCertificateProperties.read(request.properties)
        if wanted.signing_request is not None:
            return self._issue(request, wanted, wanted.signing_request)
        return self._register(request, wanted, _given(wanted))

    def update(self, request: Request) -> Outcome:
        """Change what differs from the old properties; another certificate is registered beside the old one."""
        wanted = DeviceCertificateProperties.read(request.properties)
        old = readable(DeviceCertificateProperties.read, request.old_properties)
        if wanted.signing_request is not None:
            return self._update_issued(request, wanted, wanted.signing_request, old)
        certificate = _given(wanted)
        if certificate.id == request.existing_id:
            return self._change(request, wanted, old, certificate)
        try:
            return self._register(request, wanted, certificate)
        except AlreadyExistsError:
            if not self._held_before(request, certificate.id):
                raise
            # A rollback: CloudFormation deletes the replaced certificate only in its clean-up, so it still exists.
            return self._change(request, wanted, None, certificate)

    def delete(self, request: Request) -> Outcome:
        """Detach whatever is attached, deactivate by the live status, delete; then wait for the declared policies."""
        certificate_id = request.existing_id
        if is_certificate_id(certificate_id):
            arn = self._removal.remove(certificate_id, request.deadline)
            if arn is not None:
                self._removal.wait_until_released(declared_policy_names(request.properties), arn, request.deadline)
        return Outcome(certificate_id)

    # Creating

    def _register(self, request: Request, wanted: DeviceCertificateProperties, certificate: Certificate) -> Outcome:
        with naming(DeviceCertificateProperty.CERTIFICATE_PEM):
            check_not_expired(certificate, self._now())
        outcome = _outcome(certificate, wanted.ca, request)
        ensure_fits(request, outcome)
        registered = self._call_register(wanted, certificate)
        with self._undone_on_failure(request, registered.id):
            _check_id(registered.id, certificate.id)
            self._attach(_Attachments.of(wanted), registered.arn)
        return outcome

    def _call_register(self, wanted: DeviceCertificateProperties, certificate: Certificate) -> Registered:
        if wanted.mode is CertificateMode.SNI_ONLY:
            return self._iot.register_certificate_without_ca(certificate.pem, status=wanted.status)
        ca_pem = None if wanted.ca is None else wanted.ca.pem
        return self._iot.register_certificate(certificate.pem, ca_pem=ca_pem, status=wanted.status)

    def _issue(self, request: Request, wanted: DeviceCertificateProperties, signing: SigningRequest) -> Outcome:
        ensure_fits(request, _expected_outcome(signing, request))
        issued = self._iot.create_certificate_from_csr(signing.pem, active=wanted.status == "ACTIVE")
        with self._undone_on_failure(request, issued.id):
            outcome = _outcome(Certificate.from_pem(issued.pem), None, request, issued=True)
            ensure_fits(request, outcome)
            _check_id(issued.id, outcome.physical_id)
            self._attach(_Attachments.of(wanted), issued.arn)
            if wanted.status is DeviceCertificateStatus.REVOKED:
                self._iot.update_certificate(issued.id, wanted.status)
        return outcome

    @contextmanager
    def _undone_on_failure(self, request: Request, certificate_id: str) -> Iterator[None]:
        """Remove the certificate just registered when the rest fails; where even that fails, the answer names it."""
        request.progress.registered = certificate_id
        try:
            yield
        except BaseException:
            with suppress(ProviderError), request.deadline.undoing():
                self._removal.remove(certificate_id, request.deadline)
                request.progress.registered = None
            raise

    # Changing

    def _update_issued(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        signing: SigningRequest,
        old: DeviceCertificateProperties | None,
    ) -> Outcome:
        if old is None or old.signing_request is None or old.signing_request.pem != signing.pem:
            return self._issue(request, wanted, signing)
        live = self._iot.describe_certificate(request.existing_id)
        return self._change(request, wanted, old, Certificate.from_pem(live.pem))

    def _change(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        old: DeviceCertificateProperties | None,
        certificate: Certificate,
    ) -> Outcome:
        """Bring a registered certificate from ``old`` to ``wanted``, a call a difference; from anything without old."""
        if old is not None:
            self._check_possible(old, wanted, certificate.id)
        arn = request.home.certificate_arn(certificate.id)
        before, after = _Attachments.of(old), _Attachments.of(wanted)
        self._attach(after.without(before), arn)
        self._detach(before.without(after), arn)
        if old is None or old.status is not wanted.status:
            self._iot.update_certificate(certificate.id, wanted.status)
        return _outcome(certificate, wanted.ca, request, issued=wanted.signing_request is not None)

    def _check_possible(
        self, old: DeviceCertificateProperties, wanted: DeviceCertificateProperties, certificate_id: str
    ) -> None:
        """Refuse what AWS IoT cannot change, by what is live: the rollback of a refused change declares just that."""
        name = DeviceCertificateProperty
        revoked = old.status is DeviceCertificateStatus.REVOKED and wanted.status is not old.status
        if old.mode is wanted.mode and not revoked:
            return
        live = self._iot.describe_certificate(certificate_id)
        if live.mode != wanted.mode:
            raise InvalidPropertyError(
                name.CERTIFICATE_MODE,
                f"AWS IoT cannot change it from {live.mode} to {wanted.mode} for a registered certificate",
                "Deploy without this certificate first, then with the new mode; or use another certificate",
            )
        if live.status == DeviceCertificateStatus.REVOKED and wanted.status != live.status:
            raise InvalidPropertyError(
                name.STATUS,
                f"REVOKED is final and cannot become {wanted.status}",
                "Give the device another certificate",
            )

    def _attach(self, attachments: _Attachments, arn: str) -> None:
        for policy_name in attachments.policy_names:
            self._iot.attach_policy(policy_name, arn)
        for thing_name in attachments.thing_names:
            self._iot.attach_thing(thing_name, arn)

    def _detach(self, attachments: _Attachments, arn: str) -> None:
        for policy_name in attachments.policy_names:
            self._iot.detach_policy(policy_name, arn)
        for thing_name in attachments.thing_names:
            self._iot.detach_thing(thing_name, arn)

    def _held_before(self, request: Request, certificate_id: str) -> bool:
        return held_before(self._stacks.completed_states(request.stack_id, request.logical_id, certificate_id))


@dataclass(frozen=True)
class _Attachments:
    policy_names: tuple[str, ...] = ()
    thing_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, properties: DeviceCertificateProperties | None) -> _Attachments:
        return cls() if properties is None else cls(properties.policy_names, properties.thing_names)

    def without(self, other: _Attachments) -> _Attachments:
        return _Attachments(
            tuple(name for name in self.policy_names if name not in other.policy_names),
            tuple(name for name in self.thing_names if name not in other.thing_names),
        )


def _given(wanted: DeviceCertificateProperties) -> Certificate:
    if wanted.certificate is None:
        raise ValueError("neither certificate nor signing request: properties.py lets none such through")
    return wanted.certificate


def _check_id(answered: str, computed: str) -> None:
    if answered != computed:
        raise UpstreamError(
            "AWS IoT gave the certificate another id than the SHA-256 of its DER. Its registration is undone"
        )


def _outcome(certificate: Certificate, ca: Certificate | None, request: Request, *, issued: bool = False) -> Outcome:
    attribute = DeviceCertificateAttribute
    return Outcome(
        certificate.id,
        {
            attribute.ARN: request.home.certificate_arn(certificate.id),
            attribute.ID: certificate.id,
            attribute.CA_CERTIFICATE_ID: "" if ca is None else ca.id,
            attribute.CERTIFICATE_PEM: certificate.pem if issued else "",
            attribute.SUBJECT: certificate.subject,
            attribute.ISSUER: certificate.issuer,
            attribute.SERIAL_NUMBER: certificate.serial_number,
            attribute.NOT_BEFORE: certificate.not_before.isoformat(),
            attribute.NOT_AFTER: certificate.not_after.isoformat(),
        },
    )


def _expected_outcome(signing: SigningRequest, request: Request) -> Outcome:
    """As large as the outcome can be once AWS IoT has issued the certificate."""
    unknown_id, unknown_date = "0" * 64, "0000-00-00T00:00:00+00:00"
    attribute = DeviceCertificateAttribute
    return Outcome(
        unknown_id,
        {
            attribute.ARN: request.home.certificate_arn(unknown_id),
            attribute.ID: unknown_id,
            attribute.CA_CERTIFICATE_ID: "",
            # JSON writes each line end as two characters.
            attribute.CERTIFICATE_PEM: "x" * (signing.longest_certificate + signing.longest_certificate // 64),
            attribute.SUBJECT: signing.subject,
            attribute.ISSUER: "x" * 120,
            attribute.SERIAL_NUMBER: "0" * 40,
            attribute.NOT_BEFORE: unknown_date,
            attribute.NOT_AFTER: unknown_date,
        },
    )
