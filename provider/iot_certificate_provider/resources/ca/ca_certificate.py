"""``Custom::IotCaCertificate``: a CA registered with AWS IoT, and what happens to its devices when it goes."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import (
    OUR_TAGS,
    REQUEST_TAG,
    STACK_TAG,
    AutoRegistrationStatus,
    CaCertificateAttribute,
    CaCertificateProperty,
    CaCertificateStatus,
    DeviceCertificatesOnDelete,
    ExistingCertificate,
)
from iot_certificate_provider.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    ConflictError,
    InvalidPropertyError,
    NotFoundError,
    ProviderError,
    UpstreamError,
)
from iot_certificate_provider.physical_id import adopted_id, certificate_id_in, is_adopted, is_certificate_id
from iot_certificate_provider.pki import Certificate, check_not_expired
from iot_certificate_provider.pki.fitness import shorten
from iot_certificate_provider.properties.ca_certificate import (
    CaCertificateProperties,
    declared_device_certificates_on_delete,
)
from iot_certificate_provider.properties.reader import naming, readable
from iot_certificate_provider.properties.verification import VerificationCertificate
from iot_certificate_provider.protocol.response import Outcome, ensure_fits
from iot_certificate_provider.resources.lifecycle.adoption import (
    Adoption,
    Difference,
    check_adoptable,
    is_superseded,
    registered_already,
)
from iot_certificate_provider.resources.lifecycle.ownership import tagged_by, tags_of
from iot_certificate_provider.resources.lifecycle.redelivery import (
    check_awaited,
    check_still_wanted,
    find_leftover,
    uncertain_without_answer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.aws.iot import CaCertificateDescription, IotGateway, Registered
    from iot_certificate_provider.contract import CertificateMode
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.ca.device_certificate_sweep import DeviceCertificateSweep
    from iot_certificate_provider.resources.ca.private_ca_identity import PrivateCaIdentity
    from iot_certificate_provider.resources.ca.proof_of_possession import ProofOfPossession


class CaCertificateResource:
    """Registers, changes and deregisters a CA certificate."""

    def __init__(
        self,
        iot: IotGateway,
        stacks: StackGateway,
        proof: ProofOfPossession,
        identity: PrivateCaIdentity,
        sweep: DeviceCertificateSweep,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._iot = iot
        self._stacks = stacks
        self._proof = proof
        self._identity = identity
        self._sweep = sweep
        self._now = now
        self._adoption = Adoption(stacks)

    def create(self, request: Request) -> Outcome:
        """Register the CA certificate, with proof of possession unless it is SNI_ONLY."""
        declared = CaCertificateProperties.read(request.properties)
        return self.create_declared(request, self._identity.of_create(request, declared))

    def update(self, request: Request) -> Outcome:
        """Change what differs from the old properties; another certificate is registered beside the old one."""
        declared = CaCertificateProperties.read(request.properties)
        old = readable(CaCertificateProperties.read, request.old_properties)
        return self.update_declared(request, self._identity.of_update(request, declared, old), old)

    def delete(self, request: Request) -> Outcome:
        """Turn the CA off, do to its devices what was declared, and deregister it; leave it when it was adopted."""
        if is_certificate_id(request.existing_id):
            return self._delete_named(request)
        if not is_adopted(request.existing_id):
            leftover = self._leftover_of_create(request)
            if leftover is not None:
                self.remove(request, leftover)
        return Outcome(request.existing_id)

    def remove(self, request: Request, certificate_id: str) -> None:
        """Do as ``delete`` with a CA that a Create left behind, and the devices that it brought in."""
        self._remove(request, certificate_id, sweep=True)

    def registered(self, certificate_id: str) -> Certificate | None:
        """Return the CA certificate as AWS IoT has it; None when it is not registered."""
        with suppress(NotFoundError):
            return Certificate.from_pem(self._iot.describe_ca_certificate(certificate_id).pem)
        return None

    def is_own(self, request: Request, certificate: Certificate) -> bool:
        """Whether this resource has registered the CA: its tags say so."""
        return self._is_own(request, _outcome(certificate, request))

    def _delete_named(self, request: Request) -> Outcome:
        current = self._stacks.resource(request.stack_id, request.logical_id)
        if is_superseded(request, current):
            return Outcome(request.existing_id)
        if self._is_another_ones(request, request.existing_id):
            return Outcome(request.existing_id, note="Not deregistered: another resource has registered it since")
        # Of a CA that was replaced, the devices stay.
        replaced = current is None or current.physical_id != request.existing_id
        self._remove(request, request.existing_id, sweep=not replaced)
        return Outcome(request.existing_id)

    def create_declared(self, request: Request, wanted: CaCertificateProperties) -> Outcome:
        """Do as ``create`` with properties that are read already, and have their certificate."""
        outcome = _outcome(_certificate(wanted), request)
        try:
            check_awaited(request, self._stacks, self._now())
        except ConflictError:
            self._remove_abandoned(request, outcome)
            raise
        if self._is_to_be_adopted(request, wanted, outcome):
            return self._adopt(request, wanted, outcome)
        self._register_or_take_up(request, wanted, outcome)
        return outcome

    def update_declared(
        self, request: Request, wanted: CaCertificateProperties, old: CaCertificateProperties | None
    ) -> Outcome:
        """Do as ``update`` with properties that are read already; ``old`` ones that are not valid are None.

        ``wanted`` has its certificate; ``old`` may have a private CA instead.
        """
        check_awaited(request, self._stacks, self._now())
        outcome = _outcome(_certificate(wanted), request)
        if outcome.physical_id == certificate_id_in(request.existing_id):
            outcome = self._change_or_register(request, wanted, old, outcome)
            self._remove_leftover(request, old)
            return outcome
        if self._is_to_be_adopted(request, wanted, outcome):
            return self._adopt(request, wanted, outcome)
        try:
            self._register(request, wanted, outcome)
        except ProviderError:
            # A rollback returns to a CA that CloudFormation deletes only in its clean-up: it is registered still, and
            # what a registration would need (the key in the secret, say) need not be there any more.
            if not self._is_own(request, outcome):
                raise
            self._change(wanted, None, outcome)
        return outcome

    def _register_or_take_up(self, request: Request, wanted: CaCertificateProperties, outcome: Outcome) -> None:
        try:
            self._register(request, wanted, outcome)
        except AlreadyExistsError as error:
            # The same request once more, or an answer of AWS IoT's that was lost on its way.
            if not self._is_own(request, outcome):
                raise self._foreign(error) from error
            self._take_up(request, wanted, outcome)

    def _register(self, request: Request, wanted: CaCertificateProperties, outcome: Outcome) -> None:
        ca, now = _certificate(wanted), self._now()
        with naming(CaCertificateProperty.CA_CERTIFICATE_PEM):
            check_not_expired(ca, now)
        ensure_fits(request, outcome)
        verification = self._proof.verification_certificate(ca, wanted.verification, request.deadline, now)
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
        with uncertain_without_answer(request), naming(_registered_properties(wanted)):
            return self._iot.register_ca_certificate(
                _certificate(wanted).pem,
                verification_pem=None if verification is None else verification.pem,
                mode=wanted.mode,
                status=wanted.status,
                auto_registration=wanted.auto_registration,
                config=wanted.registration_config,
                tags={**wanted.tags, **tags_of(request)},
            )

    def _take_up(self, request: Request, wanted: CaCertificateProperties, outcome: Outcome) -> None:
        """Go on with a CA that this request, or an earlier delivery, registered; undo it only if it was given up."""
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
    ) -> Outcome:
        """Change the CA that the resource has, or has adopted; return the outcome with the id that it has now."""
        physical_id = self._adoption.physical_id(request, wanted.existing, outcome.physical_id)
        try:
            self._change(wanted, old, outcome)
            if old is None or old.existing is not wanted.existing:
                self._change_owner(request, outcome, taken=not is_adopted(physical_id))
        except NotFoundError:
            # Deleted outside the stack: what is declared is to be there again.
            self._register_or_take_up(request, wanted, outcome)
            return outcome
        return replace(outcome, physical_id=physical_id)

    def _change(self, wanted: CaCertificateProperties, old: CaCertificateProperties | None, outcome: Outcome) -> None:
        """Bring a registered CA from ``old`` to ``wanted``, in one call and one for tags; from anything without old."""
        if old is not None and old.mode is not wanted.mode:
            self._check_mode(outcome.physical_id, wanted.mode)
        if old is None or _settings(old) != _settings(wanted):
            self._change_settings(wanted, old, outcome.physical_id)
        self._change_tags(wanted, old, outcome.attributes[CaCertificateAttribute.ARN])

    def _check_mode(self, certificate_id: str, wanted: CertificateMode) -> None:
        # The live mode decides: the rollback of a refused change of mode declares what is registered.
        live = self._iot.describe_ca_certificate(certificate_id)
        if live.mode != wanted:
            raise InvalidPropertyError(
                CaCertificateProperty.CERTIFICATE_MODE,
                f"AWS IoT cannot change it from {live.mode} to {wanted} for a registered CA",
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

    def _remove(self, request: Request, certificate_id: str, *, sweep: bool) -> None:
        # Auto-registration first: a device that is swept now must not come back with its next connection.
        self._turn_off(certificate_id)
        held = self._sweep_devices(request, certificate_id) if sweep else frozenset()
        with suppress(NotFoundError):
            self._iot.delete_ca_certificate(certificate_id)
        # The stack deletes its own policies next.
        self._sweep.wait_until_released(held, request.deadline)

    def _sweep_devices(self, request: Request, certificate_id: str) -> frozenset[str]:
        """Do to the devices what is declared; return the ids that resources of the stack have."""
        what = declared_device_certificates_on_delete(request.properties)
        if what is DeviceCertificatesOnDelete.RETAIN:
            return frozenset()
        held = frozenset(map(certificate_id_in, self._stacks.held_ids(request.stack_id)))
        self._sweep.run(certificate_id, what, held, request.deadline)
        return held

    # Adopting

    def _is_to_be_adopted(self, request: Request, wanted: CaCertificateProperties, outcome: Outcome) -> bool:
        """Look before registering: what is there already needs no proof of possession."""
        if wanted.existing is ExistingCertificate.FAIL or self._is_own(request, outcome):
            return False
        with suppress(NotFoundError):
            return bool(self._iot.describe_ca_certificate(outcome.physical_id))
        return False

    def _adopt(self, request: Request, wanted: CaCertificateProperties, outcome: Outcome) -> Outcome:
        if self._adoption.held_id(request, outcome.physical_id) is None:
            # Not in a rollback: whatever has happened to the CA since, there is no other to go back to.
            tags = self._iot.tags(outcome.attributes[CaCertificateAttribute.ARN])
            check_adoptable(_differences(self._iot.describe_ca_certificate(outcome.physical_id), tags, wanted))
        ensure_fits(request, outcome)
        return replace(outcome, physical_id=adopted_id(outcome.physical_id))

    def _change_owner(self, request: Request, outcome: Outcome, *, taken: bool) -> None:
        """Tag the CA as this resource's; or, in a rollback, take those tags away again."""
        arn, own = outcome.attributes[CaCertificateAttribute.ARN], self._is_own(request, outcome)
        if taken and not own:
            self._iot.tag(arn, tags_of(request))
        if own and not taken:
            self._iot.untag(arn, sorted(OUR_TAGS))

    # Whose is it?

    def _foreign(self, error: AlreadyExistsError) -> AlreadyExistsError:
        live = self._iot.describe_ca_certificate(error.certificate_id)
        return registered_already(live.arn, live.id, live.status, live.created)

    def _is_own(self, request: Request, outcome: Outcome) -> bool:
        try:
            return tagged_by(request, self._iot.tags(outcome.attributes[CaCertificateAttribute.ARN]))
        except NotFoundError:
            return False

    def _is_another_ones(self, request: Request, certificate_id: str) -> bool:
        """Whether another resource has registered the CA since a Delete that took effect and whose answer was lost."""
        with suppress(NotFoundError):
            tags = self._iot.tags(request.home.ca_certificate_arn(certificate_id))
            return STACK_TAG in tags and not tagged_by(request, tags)
        return False

    def _remove_leftover(self, request: Request, old: CaCertificateProperties | None) -> None:
        """Remove what an Update registered that never answered: only the old properties of its rollback name it."""
        for leftover in [] if old is None else self._left_by_update(request, old):
            self._deregister(leftover)

    def _left_by_update(self, request: Request, old: CaCertificateProperties) -> list[str]:
        if old.certificate is None:
            # Once the template names no private CA any more, the role may not look for what only tags can tell.
            with suppress(AccessDeniedError):
                return list(self._identity.left_by_update(request))
            return []
        kept = old.certificate.id == certificate_id_in(request.existing_id)
        return [] if kept or not self._is_own(request, _outcome(old.certificate, request)) else [old.certificate.id]

    def _remove_abandoned(self, request: Request, outcome: Outcome) -> None:
        """Remove what an earlier delivery of a Create registered, and died, after its Delete had come and gone.

        An id that CloudFormation has ever heard of is none such: it may have been retained, say.
        """
        with suppress(NotFoundError):
            tags = self._iot.tags(outcome.attributes[CaCertificateAttribute.ARN])
            if not tagged_by(request, tags) or tags.get(REQUEST_TAG) != request.request_id:
                return
            rows = self._stacks.rows(request.stack_id, request.logical_id)
            if not any(row.settled and certificate_id_in(row.physical_id) == outcome.physical_id for row in rows):
                self._deregister(outcome.physical_id)

    def _leftover_of_create(self, request: Request) -> str | None:
        """Return what the Create of an invented physical id left behind, if anything."""
        declared = readable(CaCertificateProperties.read, request.properties)
        if declared is None:
            return None  # refused before anything was sent
        if declared.certificate is None:
            return find_leftover(request, lambda: next(self._identity.made_now(request), None))
        outcome = _outcome(declared.certificate, request)
        return find_leftover(request, lambda: outcome.physical_id if self._is_own(request, outcome) else None)


def _certificate(wanted: CaCertificateProperties) -> Certificate:
    if wanted.certificate is None:
        raise ValueError("no certificate: the identity of a private CA was not looked up")
    return wanted.certificate


def _registered_properties(wanted: CaCertificateProperties) -> str:
    """Name what AWS IoT looks at in a registration; what it refuses may be the one or the other."""
    name = CaCertificateProperty
    declared = isinstance(wanted.verification, VerificationCertificate)
    return f"{name.CA_CERTIFICATE_PEM}, {name.VERIFICATION_CERTIFICATE_PEM}" if declared else name.CA_CERTIFICATE_PEM


def _differences(
    live: CaCertificateDescription, tags: Mapping[str, str], wanted: CaCertificateProperties
) -> Iterator[Difference]:
    """Yield what an adoption would have to change; tags that are not declared may stay."""
    name = CaCertificateProperty
    for property_name, has, declared in (
        (name.CERTIFICATE_MODE, live.mode, wanted.mode),
        (name.STATUS, live.status, wanted.status),
        (name.AUTO_REGISTRATION_STATUS, live.auto_registration, wanted.auto_registration),
    ):
        if has != declared:
            yield Difference(property_name, has, declared)
    if live.config != wanted.registration_config:
        yield Difference(
            name.REGISTRATION_CONFIG,
            "another one" if live.config else "none",
            "one" if wanted.registration_config else "none",
        )
    for key, value in wanted.tags.items():
        if tags.get(key) != value:
            yield Difference(
                name.TAGS,
                f"{shorten(key)}={shorten(tags[key])}" if key in tags else "no such tag",
                f"{shorten(key)}={shorten(value)}",
            )


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
