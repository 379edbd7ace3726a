"""``Custom::IotSelfSignedCaCertificate``: a CA whose key the function makes, and keeps in Secrets Manager only.

AWS IoT is called as for any CA certificate; this file decides on the certificate.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import (
    DeviceCertificatesOnDelete,
    PreviousCertificate,
    ResourceType,
    SelfSignedCaCertificateAttribute,
    SelfSignedCaCertificateProperty,
)
from iot_certificate_provider.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidPropertyError,
    readable,
)
from iot_certificate_provider.physical_id import is_certificate_id
from iot_certificate_provider.pki.private_key import generate_private_key
from iot_certificate_provider.pki.self_signed import self_signed_ca
from iot_certificate_provider.properties.self_signed_ca_certificate import SelfSignedCaCertificateProperties
from iot_certificate_provider.protocol.response import Outcome, noted, with_attribute_that_fits
from iot_certificate_provider.resources.ca.ca_certificate import CaCertificateResource
from iot_certificate_provider.resources.ca.deletion import left
from iot_certificate_provider.resources.ca.outcome import attributes_of_lost
from iot_certificate_provider.resources.keys.credentials import (
    CredentialsStore,
    SecretOutOfReachError,
    properties_digest,
)
from iot_certificate_provider.resources.lifecycle import ownership
from iot_certificate_provider.resources.lifecycle.cancellation import is_rollback, is_without_answer
from iot_certificate_provider.resources.lifecycle.overlap import (
    delete_each,
    of_present_certificate,
    physical_id_after,
)
from iot_certificate_provider.resources.lifecycle.ownership import among
from iot_certificate_provider.resources.lifecycle.redelivery import check_awaited, remember_earlier_delivery
from iot_certificate_provider.resources.lifecycle.rollback import returned_to_nothing
from iot_certificate_provider.resources.lifecycle.undo import abandoned_on_failure, undo_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackResource
    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.pki import Certificate
    from iot_certificate_provider.pki.private_key import CaPrivateKey
    from iot_certificate_provider.properties.ca_certificate import CaCertificateProperties
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.keys.secret_version import Credentials


class SelfSignedCaCertificateResource:
    """Makes, registers, rotates and deregisters a CA of the stack's own."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        self._ca_certificates = CaCertificateResource(aws, now)
        self._stacks = aws.stacks
        self._secrets = aws.secrets
        self._now = now

    def create(self, request: Request) -> Outcome:
        """Make the key and the certificate, keep them, register the CA, and let the secret's readers have the key."""
        wanted = SelfSignedCaCertificateProperties.read(request.properties)
        remember_earlier_delivery(request, self._now())
        made = self._store(wanted).of_request(request) or self._make(request, wanted)
        with abandoned_on_failure(request, partial(self._store(wanted).give_up, request)):
            declared = wanted.of_certificate(made.certificate, made.key)
            outcome = self._ca_certificates.create_declared(request, declared, made.certificate)
        return self._current(request, wanted, made, outcome)

    def update(self, request: Request) -> Outcome:
        """Change what differs in place; another subject, algorithm, validity or generation is a rotation."""
        try:
            return self._update(request)
        except (AccessDeniedError, InvalidPropertyError) as error:
            lost = partial(attributes_of_lost, request=request)
            outcome = returned_to_nothing(request, self._stacks, self._ca_certificates.registered, lost, error)
            if outcome is None:
                raise
            old = readable(SelfSignedCaCertificateProperties.read, request.old_properties)
            request = of_present_certificate(request)
            left_by, note = (None, "") if old is None else self._left_by_update(request, old)
            try:
                note = self._ca_certificates.remove_left_by_update(request, left_by) or note
            except AccessDeniedError:
                note = note or _not_removed(request, left_by)
            return replace(outcome, note=note or outcome.note)

    def _update(self, request: Request) -> Outcome:
        wanted = SelfSignedCaCertificateProperties.read(request.properties)
        old = readable(SelfSignedCaCertificateProperties.read, request.old_properties)
        request = of_present_certificate(request)
        is_same = old is not None and old.identity() == wanted.identity()
        live = self._ca_certificates.registered(request.existing_id) if is_same else self._before_the_update(request)
        made = self._found(request, wanted, live)
        if made is None and live is not None:
            return self._change_without_key(request, wanted, old, live)
        made = made or self._make(request, wanted)
        before, unread = self._old(request, wanted, old, made.certificate, made.key)
        declared = wanted.of_certificate(made.certificate, made.key)
        outcome = self._ca_certificates.update_declared(request, declared, made.certificate, before)
        answer = self._with_kept(request, wanted, old, noted(outcome, unread))
        try:
            return self._current(request, wanted, made, answer)
        except ConflictError:
            # Another resource has taken the secret meanwhile: no version of it may name this CA any more.
            undo_now(request, partial(self._ca_certificates.remove_abandoned, request, outcome))
            raise

    def delete(self, request: Request) -> Outcome:
        """Deregister the CA, and do to its devices what was declared. The secret is the stack's, and goes with it.

        Where a secret goes on, its readers are given a CA that is registered, if a version has one.
        """
        declared = readable(SelfSignedCaCertificateProperties.read, request.properties)
        outcome = self._delete(request, declared)
        if declared is not None:
            self._store(declared).settle()
        return outcome

    def _delete(self, request: Request, declared: SelfSignedCaCertificateProperties | None) -> Outcome:
        deleted = delete_each(request, partial(self._delete_own, request))
        if deleted is not None:
            return deleted
        nothing = ownership.deletion_after_a_failed_create(request.existing_id, readable=declared is not None)
        if nothing is not None or declared is None:
            return left(request, nothing or ownership.deletion_of_nothing(request.existing_id))
        try:
            return self._ca_certificates.remove_leftovers(request, lambda: self._left_by_create(request, declared))
        except SecretOutOfReachError:
            return left(request, ownership.left_unread(request, is_ca=True))

    def _delete_own(self, request: Request, certificate_id: str) -> Outcome:
        """Deregister the CA. Of one that was renamed, the devices stay, as those of a Generation do."""
        name = SelfSignedCaCertificateProperty.DEVICE_CERTIFICATES_ON_DELETE
        if request.properties.get(name, DeviceCertificatesOnDelete.RETAIN) == DeviceCertificatesOnDelete.RETAIN:
            return self._ca_certificates.delete_own(request, certificate_id)
        heir = self._heir(request, certificate_id)
        if heir is None:
            return self._ca_certificates.delete_own(request, certificate_id)
        kept = {**request.properties, name: DeviceCertificatesOnDelete.RETAIN}
        outcome = self._ca_certificates.delete_own(replace(request, properties=kept), certificate_id)
        note = ownership.devices_left(certificate_id, among([heir], request)).reason
        return replace(outcome, note=outcome.note or note)

    def _heir(self, request: Request, certificate_id: str) -> StackResource | None:
        """Return another resource of the stack with a CA of the same subject, in an update: a new logical id."""
        own = self._ca_certificates.registered(certificate_id)
        if own is None or not self._stacks.is_being_updated(request.stack_id):
            return None
        for each in self._stacks.resources(request.stack_id):
            is_other = each.type == ResourceType.SELF_SIGNED_CA_CERTIFICATE and each.logical_id != request.logical_id
            if is_other and not each.is_going and is_certificate_id(each.physical_id):
                other = self._ca_certificates.registered(each.physical_id)
                if other is not None and other.subject == own.subject:
                    return each
        return None

    def _found(
        self, request: Request, wanted: SelfSignedCaCertificateProperties, live: Certificate | None
    ) -> Credentials | None:
        """Return the key that the request or the resource has; to turn a CA off that is ``live`` needs no secret."""
        try:
            with nullcontext() if live is None else self._secrets.expecting_denial():
                return self._store(wanted).of_request(request) or self._kept(request, wanted)
        except (AccessDeniedError, InvalidPropertyError):
            if live is None:
                raise
            return None

    def _before_the_update(self, request: Request) -> Certificate | None:
        """Return the CA that a rollback returns to, by the log, where it is registered still: it needs no secret."""
        if not is_rollback(request, self._stacks):
            return None
        before = self._stacks.id_before_update(request.stack_id, request.logical_id)
        return None if before is None else self._ca_certificates.registered(before)

    def _change_without_key(
        self,
        request: Request,
        wanted: SelfSignedCaCertificateProperties,
        old: SelfSignedCaCertificateProperties | None,
        kept: Certificate,
    ) -> Outcome:
        """Change the changeable properties of a CA whose key was removed from the secret, without a rotation."""
        before, unread = self._old(request, wanted, old, kept, None)
        outcome = self._ca_certificates.update_declared(request, wanted.of_certificate(kept, None), kept, before)
        outcome = self._with_kept(request, wanted, old, noted(outcome, unread))
        return with_attribute_that_fits(request, outcome, SelfSignedCaCertificateAttribute.CERTIFICATE_PEM, kept.pem)

    def _with_kept(
        self,
        request: Request,
        wanted: SelfSignedCaCertificateProperties,
        old: SelfSignedCaCertificateProperties | None,
        outcome: Outcome,
    ) -> Outcome:
        """Change the CA before the last rotation as the present one was; return the id that names what is kept."""
        is_kept = request.keeps and wanted.previous is PreviousCertificate.KEEP
        is_in_place = outcome.physical_id == request.existing_id
        if is_kept and is_in_place and old is not None and old.identity() == wanted.identity():
            ca = self._ca_certificates.registered(request.keeps)
            if ca is not None:
                self._ca_certificates.change_kept(
                    request, wanted.of_certificate(ca, None), ca, old.of_certificate(ca, None)
                )
        physical_id = physical_id_after(request, self._stacks, outcome.physical_id, wanted.previous)
        return replace(outcome, physical_id=physical_id)

    def _make(self, request: Request, wanted: SelfSignedCaCertificateProperties) -> Credentials:
        check_awaited(request, self._stacks, self._now())
        self._store(wanted).check_writable(request)
        key = generate_private_key(wanted.key_algorithm)
        certificate = self_signed_ca(key, wanted.subject, self._now(), wanted.validity)
        return self._store(wanted).write(request, _digest(request, wanted), key, certificate)

    def _kept(self, request: Request, wanted: SelfSignedCaCertificateProperties) -> Credentials | None:
        """Return the resource's credentials, or those that a rollback returns to: never an abandoned key."""

        def is_kept(made: Credentials) -> bool:
            return (
                made.certificate.id == request.existing_id
                or (made.certificate.id != request.keeps and self._ca_certificates.is_own(request, made.certificate))
                or is_rollback(request, self._stacks)
            )

        return self._store(wanted).find(_digest(request, wanted), is_kept)

    def _old(
        self,
        request: Request,
        wanted: SelfSignedCaCertificateProperties,
        old: SelfSignedCaCertificateProperties | None,
        present: Certificate,
        key: CaPrivateKey | None,
    ) -> tuple[CaCertificateProperties | None, str]:
        """Return the old properties with their certificate; None where that was never made, or why it is not known."""
        is_kept = present.id == request.existing_id
        if old is not None and old.identity() == wanted.identity():
            return (old.of_certificate(present, key) if is_kept else None), ""
        # Of what was deleted outside the stack, a rollback may have made another one.
        is_back = is_kept or (request.progress.is_rollback and is_without_answer(request, self._stacks))
        return self._left_by_update(request, old) if old is not None and is_back else (None, "")

    def _left_by_update(
        self, request: Request, old: SelfSignedCaCertificateProperties
    ) -> tuple[CaCertificateProperties | None, str]:
        """Return the properties of what the Update has left that is rolled back, or why that is not known.

        Only the secret tells.
        """
        digest = _digest(request, old)
        try:
            found = [each for each in self._store(old).left(request) if each.certificate.id != request.keeps]
        except SecretOutOfReachError:
            return None, ownership.left_unread(request, is_ca=True).reason
        before = next((each for each in found if each.digest == digest), None)
        return (None if before is None else old.of_certificate(before.certificate, before.key)), ""

    def _left_by_create(self, request: Request, declared: SelfSignedCaCertificateProperties) -> Iterator[str]:
        digest = _digest(request, declared)
        yield from (made.certificate.id for made in self._store(declared).left(request) if made.digest == digest)

    def _current(
        self, request: Request, wanted: SelfSignedCaCertificateProperties, made: Credentials, outcome: Outcome
    ) -> Outcome:
        """Move the secret to the certificate that is registered by now: never before, so that readers can use it."""
        objection = self._store(wanted).make_current(request, made.version_id)
        if objection and not is_rollback(request, self._stacks):
            raise ConflictError(objection)
        outcome = noted(outcome, objection)
        return with_attribute_that_fits(
            request, outcome, SelfSignedCaCertificateAttribute.CERTIFICATE_PEM, made.certificate.pem
        )

    def _store(self, properties: SelfSignedCaCertificateProperties) -> CredentialsStore:
        name = SelfSignedCaCertificateProperty.PRIVATE_KEY_SECRET_ARN
        return CredentialsStore(self._secrets, properties.secret_arn, name, self._is_registered, is_of_ca=True)

    def _is_registered(self, certificate_id: str) -> bool:
        return self._ca_certificates.registered(certificate_id) is not None


def _not_removed(request: Request, left_by: CaCertificateProperties | None) -> str:
    """Return why the CA may be left of an Update that never answered, where the role may not look or remove it."""
    if left_by is None or left_by.certificate is None:
        return ownership.left_unread(request, is_ca=True).reason
    return ownership.orphan_not_checked(left_by.certificate.id, is_ca=True).reason


def _digest(request: Request, properties: SelfSignedCaCertificateProperties) -> str:
    return properties_digest(request, properties.identity())
