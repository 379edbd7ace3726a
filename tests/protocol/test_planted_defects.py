"""The referee is itself tested: with each of these defects in the provider, the named scenario has to fail."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificate_provider import handler
from iot_certificate_provider.aws.cloudformation import StackGateway
from iot_certificate_provider.aws.iot import IotGateway
from iot_certificate_provider.errors import ProviderError
from iot_certificate_provider.physical_id import CREATE_FAILED
from iot_certificate_provider.properties.ca_certificate import declared_device_certificates_on_delete
from iot_certificate_provider.protocol import continuation, response
from iot_certificate_provider.protocol.crhelper_once import CrHelperOnce
from iot_certificate_provider.protocol.response import Outcome
from iot_certificate_provider.resources.ca import registration as ca_registration
from iot_certificate_provider.resources.ca.ca_certificate import CaCertificateResource
from iot_certificate_provider.resources.ca.deletion import CaCertificateDeletion
from iot_certificate_provider.resources.ca.device_certificate_sweep import Held
from iot_certificate_provider.resources.ca.ownership import CaCertificateOwnership
from iot_certificate_provider.resources.ca.private_ca_identity import PrivateCaIdentity
from iot_certificate_provider.resources.ca.registration import CaCertificateRegistration
from iot_certificate_provider.resources.device import registration as device_registration
from iot_certificate_provider.resources.device.adopted_device_certificate import AdoptedDeviceCertificate
from iot_certificate_provider.resources.device.device_certificate import DeviceCertificateResource
from iot_certificate_provider.resources.device.ownership import DeviceCertificateOwnership
from iot_certificate_provider.resources.device.releasing import Releasing
from iot_certificate_provider.resources.lifecycle import cancellation, inquiry, ownership, undo
from iot_certificate_provider.resources.lifecycle.history import Origin
from iot_certificate_provider.resources.lifecycle.holders import Standing
from iot_certificate_provider.resources.lifecycle.inquiry import Inquiry
from iot_certificate_provider.resources.lifecycle.ownership import taken_up
from iot_certificate_provider.resources.removal.device_certificate import DeviceCertificateRemoval
from protocol import adoption, scenarios
from protocol.planted import is_caught_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iot_certificate_provider.protocol.request import Progress
    from protocol.function import Cloud
    from protocol.scenarios import Kind


@dataclass(frozen=True)
class Defect:
    """What is done to the provider, the scenario that must not pass with it, and the invariant that it breaks."""

    name: str
    plant: Callable[[pytest.MonkeyPatch], None]
    scenario: Callable[[Cloud, Kind], None]
    kind: str
    says: str


def asks_nobody(patch: pytest.MonkeyPatch) -> None:
    """Ownership by date alone: whoever registered it in the window."""
    patch.setattr(Inquiry, "of_existing", lambda _, __, live, **___: taken_up(live.id))


def deletes_without_asking_who_holds_it(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Inquiry, "_origin", lambda *_, **__: Origin.OWN)
    patch.setattr(CaCertificateOwnership, "is_anothers_by_now", lambda *_, **__: False)
    patch.setattr(Standing, "keeping", lambda *_: ())


def declares_what_others_attached(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AdoptedDeviceCertificate, "_check_not_attached", lambda *_: None)


def takes_old_policies_for_new(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Releasing, "_is_new", lambda *_: True)


def forgets_that_the_update_failed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AdoptedDeviceCertificate, "_has_failed", lambda *_: False)


def believes_any_date(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(inquiry, "is_of_an_attempt", lambda *_, **__: True)


def owns_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Inquiry, "is_made_now", lambda *_: False)


def believes_no_tags(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ownership, "tagged_by", lambda *_: False)


def believes_any_tags(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ownership, "tagged_by_request", lambda *_: True)


def ignores_old_properties(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CaCertificateResource, "_left_by_update", lambda *_: [])
    patch.setattr(DeviceCertificateResource, "_left_by_update", lambda *_: iter(()))


def looks_not_at_its_own_row(patch: pytest.MonkeyPatch) -> None:
    for module in (ca_registration, device_registration, cancellation, undo):
        patch.setattr(module, "check_still_wanted", lambda *_: None)


def undoes_nothing(patch: pytest.MonkeyPatch) -> None:
    for module in (ca_registration, device_registration):
        patch.setattr(module, "undone_on_failure", lambda *_, **__: nullcontext())


def forgets_what_it_could_not_undo(patch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def undone(request: Any, _: str, undo: Callable[[], bool], **__: bool) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with suppress(ProviderError):
                undo()
            request.progress.registered = None
            raise

    for module in (ca_registration, device_registration):
        patch.setattr(module, "undone_on_failure", undone)


def sweeps_before_disabling(patch: pytest.MonkeyPatch) -> None:
    def remove(deletion: Any, request: Any, certificate_id: str, **_: bool) -> None:
        what = declared_device_certificates_on_delete(request.properties)
        deletion._sweep.run(certificate_id, what, request)
        deletion._registration.deregister(certificate_id)

    patch.setattr(CaCertificateDeletion, "_remove", remove)


def sweeps_when_replaced(patch: pytest.MonkeyPatch) -> None:
    remove = CaCertificateDeletion._remove

    def eager(deletion: Any, request: Any, certificate_id: str, **_: bool) -> None:
        remove(deletion, request, certificate_id, sweep=True)

    patch.setattr(CaCertificateDeletion, "_remove", eager)
    patch.setattr(Held, "holder", lambda *_: None)


def issues_again_in_a_rollback(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(DeviceCertificateResource, "_issued_before", lambda *_, **__: None)


def never_finds_it_repeated(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(DeviceCertificateOwnership, "is_repeated", lambda *_: False)


def fails_when_it_is_gone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(IotGateway, "find_certificate", IotGateway.describe_certificate)


def deletes_by_declared_status(patch: pytest.MonkeyPatch) -> None:
    """What is declared INACTIVE is not deactivated before it is deleted, nor is what is thought to be so."""
    patch.setattr(DeviceCertificateRemoval, "deactivate", lambda *_: None)


def keeps_the_status_after_a_failure(patch: pytest.MonkeyPatch) -> None:
    def remove(removal: Any, live: Any, deadline: Any, *_: Any) -> None:
        removal.deactivate(live)
        removal._delete(live, deadline, lambda *_: None)

    patch.setattr(DeviceCertificateRemoval, "_remove_detached", remove)


def keeps_attachments(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(DeviceCertificateRemoval, "detach_all", lambda *_: None)


def deletes_the_old_in_update(patch: pytest.MonkeyPatch) -> None:
    update = DeviceCertificateResource.update

    def eager(resource: Any, request: Any) -> Outcome:
        outcome = update(resource, request)
        if outcome.physical_id != request.existing_id:
            resource._deletion._removal.undo(request.existing_id, request.deadline)
        return outcome

    patch.setattr(DeviceCertificateResource, "update", eager)


def reports_revoked_as_a_failure(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(StackGateway, "is_rolling_back", lambda *_: False)


def answers_of_another_request(patch: pytest.MonkeyPatch) -> None:
    body = response.body

    def wrong(request: Any, outcome: Outcome, *, failure: str | None = None) -> dict[str, Any]:
        return {**body(request, outcome, failure=failure), "RequestId": "00000000-0000-4000-8000-000000000000"}

    patch.setattr(response, "body", wrong)


def answers_without_an_id(patch: pytest.MonkeyPatch) -> None:
    body = response.body

    def empty(request: Any, outcome: Outcome, *, failure: str | None = None) -> dict[str, Any]:
        return body(request, Outcome("", outcome.attributes) if failure else outcome, failure=failure)

    patch.setattr(response, "body", empty)


def answers_at_any_length(patch: pytest.MonkeyPatch) -> None:
    for module in (ca_registration, device_registration):
        patch.setattr(module, "ensure_fits", lambda *_: None)

    patch.setattr(handler, "MAX_RESPONSE_BYTES", 10**6)


def reasons_at_any_length(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(response, "reason", lambda text: text + "." * 240)


def believes_the_private_ca_in_a_rollback(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(StackGateway, "id_before_update", lambda *_: None)


def asks_the_private_ca_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PrivateCaIdentity, "_registered_earlier", lambda *_: None)


def looks_for_nothing_by_its_tags(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PrivateCaIdentity, "made_now", lambda *_: iter(()))


def abandons_what_an_earlier_delivery_registered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CaCertificateRegistration, "remove_abandoned", lambda *_: None)


def needs_the_private_ca(patch: pytest.MonkeyPatch) -> None:
    def ask(identity: Any, request: Any, wanted: Any, old: Any) -> Any:
        return identity._of_private_ca(wanted)

    patch.setattr(PrivateCaIdentity, "_of_private_ca_or_kept", ask)


def answers_twice(patch: pytest.MonkeyPatch) -> None:
    once = CrHelperOnce._send

    def twice(crhelper: Any, *arguments: Any, **named: Any) -> None:
        once(crhelper, *arguments, **named)
        crhelper._answered = False
        once(crhelper, *arguments, **named)

    patch.setattr(CrHelperOnce, "_send", twice)


def says_create_failed_when_uncertain(patch: pytest.MonkeyPatch) -> None:
    def certain(event: Any, progress: Progress) -> str:
        marker = f"{CREATE_FAILED}/{event['RequestId']}"
        return str(event.get("PhysicalResourceId") or progress.registered or marker)

    patch.setattr(handler, "id_after_failure", certain)


def answers_a_failed_update_with_a_new_id(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(handler, "id_after_failure", lambda _, progress: progress.registered or f"{CREATE_FAILED}/new")


def hands_nothing_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(continuation, "is_worthwhile", lambda *_: False)


def hands_on_for_ever(patch: pytest.MonkeyPatch) -> None:
    """No thought of ServiceTimeout, neither when it hands on nor when it works."""
    patch.setattr(continuation, "is_worthwhile", lambda *_: True)
    patch.setattr(handler, "sent_at", lambda _: None)


def answers_what_it_hands_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CrHelperOnce, "leave_answer", lambda _, start: start())


def takes_no_answer_for_a_failure(patch: pytest.MonkeyPatch) -> None:
    publish = handler.Function.publish_failures
    patch.setattr(handler.Function, "publish_failures", lambda function, name, _: publish(function, name, 0))


DEFECTS = [
    Defect(
        "asks nobody who holds it",
        asks_nobody,
        scenarios.two_logical_ids_at_the_same_instant,
        "device",
        "I3: called iot.UpdateCertificate on a certificate that it did not make",
    ),
    Defect(
        "deletes without asking who holds it",
        deletes_without_asking_who_holds_it,
        scenarios.deleted_unnoticed_and_registered_by_another,
        "device",
        "I3: called iot.UpdateCertificate on a certificate that it did not make",
    ),
    Defect(
        "deletes without asking who holds it (CA)",
        deletes_without_asking_who_holds_it,
        scenarios.deleted_unnoticed_and_registered_by_another,
        "ca",
        "I3: called iot.UpdateCACertificate on a certificate that it did not make",
    ),
    Defect(
        "declares what others attached",
        declares_what_others_attached,
        adoption.adoption_of_what_others_attached_refused,
        "device",
        "I3: what others attached was declared",
    ),
    Defect(
        "takes old policies for new",
        takes_old_policies_for_new,
        adoption.refused_and_left,
        "device",
        "I3: a foreign certificate was changed",
    ),
    Defect(
        "forgets that the update failed",
        forgets_that_the_update_failed,
        adoption.updated_with_what_others_attached,
        "device",
        "I3: the rollback detached what others attached",
    ),
    Defect(
        "believes any date",
        believes_any_date,
        scenarios.somebody_elses,
        "device",
        "I3: called iot.DetachPolicy on a certificate that it did not make",
    ),
    Defect(
        "owns nothing",
        owns_nothing,
        scenarios.create_that_never_answers,
        "device",
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "believes no tags",
        believes_no_tags,
        scenarios.create_that_never_answers,
        "ca",
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "believes any tags",
        believes_any_tags,
        scenarios.two_logical_ids_one_after_the_other,
        "ca",
        "I3: called iot.UpdateCACertificate on a certificate that it did not make",
    ),
    Defect(
        "ignores OldResourceProperties",
        ignores_old_properties,
        scenarios.update_killed_after_registering,
        "ca",
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "ignores OldResourceProperties (CSR)",
        ignores_old_properties,
        scenarios.update_killed_after_registering,
        "csr",
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "looks not at its own row",
        looks_not_at_its_own_row,
        scenarios.delete_while_create_runs,
        "device",
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "undoes nothing",
        undoes_nothing,
        scenarios.delete_while_create_runs,
        "device",
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "forgets what it could not undo",
        forgets_what_it_could_not_undo,
        scenarios.failed_create_that_cannot_be_undone,
        "device",
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "sweeps before DISABLE",
        sweeps_before_disabling,
        scenarios.sweep_before_the_ca_goes,
        "ca",
        "premise: the stack was to be deleted: Out of time: 1 device certificates of the CA are left",
    ),
    Defect(
        "sweeps a replaced CA's devices",
        sweeps_when_replaced,
        scenarios.replaced_ca_whose_devices_stay,
        "ca",
        "I4: Device is not registered",
    ),
    Defect(
        "issues again in a rollback",
        issues_again_in_a_rollback,
        scenarios.rollback_to_a_certificate_that_still_exists,
        "csr",
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "believes the private CA in a rollback",
        believes_the_private_ca_in_a_rollback,
        scenarios.renewed_and_rolled_back,
        "private-ca",
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "asks the private CA again",
        asks_the_private_ca_again,
        scenarios.renewed_between_two_deliveries,
        "private-ca",
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "looks not by tags",
        looks_for_nothing_by_its_tags,
        scenarios.private_ca_that_ends,
        "private-ca",
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "looks not by tags in a rollback",
        looks_for_nothing_by_its_tags,
        scenarios.renewed_and_rolled_back,
        "private-ca",
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "abandons what an earlier delivery registered",
        abandons_what_an_earlier_delivery_registered,
        scenarios.delete_while_create_runs_and_dies,
        "ca",
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "needs the private CA", needs_the_private_ca, scenarios.private_ca_that_ends, "private-ca", "premise: in place"
    ),
    Defect(
        "never finds it repeated",
        never_finds_it_repeated,
        scenarios.redelivered_create,
        "csr",
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "fails when it is gone",
        fails_when_it_is_gone,
        scenarios.disappears,
        "device",
        "premise: the stack was to be deleted: DescribeCertificate of certificate",
    ),
    Defect(
        "deletes by the declared status",
        deletes_by_declared_status,
        scenarios.create_update_delete,
        "device",
        "premise: AWS: Certificate must be deactivated before deletion",
    ),
    Defect(
        "keeps the status",
        keeps_the_status_after_a_failure,
        scenarios.failed_delete,
        "device",
        "I4: the status was not put back",
    ),
    Defect(
        "keeps attachments",
        keeps_attachments,
        scenarios.rollback_to_a_certificate_that_still_exists,
        "device",
        "premise: AWS: Things must be detached before deletion",
    ),
    Defect(
        "deletes the old one in Update",
        deletes_the_old_in_update,
        scenarios.rollback_to_a_certificate_that_still_exists,
        "csr",
        "I4: Subject has another physical id after the rollback",
    ),
    Defect(
        "fails at REVOKED in a rollback",
        reports_revoked_as_a_failure,
        scenarios.rollback_that_meets_revoked,
        "device",
        "I4: no rollback",
    ),
    Defect(
        "answers with another request's id",
        answers_of_another_request,
        scenarios.create_update_delete,
        "ca",
        "I1: Create of Subject: RequestId is not the request's",
    ),
    Defect(
        "answers without a physical id",
        answers_without_an_id,
        scenarios.failed_create,
        "device",
        "I1: Create of Subject: physical id",
    ),
    Defect(
        "answers at any length",
        answers_at_any_length,
        scenarios.answer_that_is_too_large,
        "device",
        "I1: Create of Subject: the answer has 4846 bytes",
    ),
    Defect(
        "gives reasons of any length",
        reasons_at_any_length,
        scenarios.failed_create,
        "ca",
        "I1: Create of Subject: a reason of 349",
    ),
    Defect(
        "answers twice",
        answers_twice,
        scenarios.create_update_delete,
        "device",
        "I1: Create of Subject was answered 2 times",
    ),
    Defect(
        "says create-failed when uncertain",
        says_create_failed_when_uncertain,
        scenarios.failed_create_that_registers_late,
        "device",
        "I2: Subject left a certificate behind",
    ),
    Defect(
        "answers a failed Update with a new id",
        answers_a_failed_update_with_a_new_id,
        scenarios.failed_update,
        "device",
        "I1: Update of Subject: FAILED, with another id than the request's",
    ),
    Defect(
        "takes no answer for a failure",
        takes_no_answer_for_a_failure,
        scenarios.failed_create,
        "device",
        "I1: the metric Failures says [0]",
    ),
    Defect(
        "hands nothing on",
        hands_nothing_on,
        scenarios.sweep_that_takes_several_invocations,
        "ca",
        "premise: device certificates of the CA are left, and the CA is INACTIVE",
    ),
    Defect("hands on for ever", hands_on_for_ever, scenarios.sweep_that_never_fits, "ca", "I1: it cannot have fitted"),
    Defect(
        "answers what it hands on",
        answers_what_it_hands_on,
        scenarios.sweep_that_takes_several_invocations,
        "ca",
        "I1: Delete of Subject was answered, and handed on",
    ),
]


@pytest.mark.parametrize("defect", [pytest.param(each, id=each.name.replace(" ", "-")) for each in DEFECTS])
def test_is_caught(cloud: Cloud, defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        defect.plant(monkeypatch)
        cloud.forget_instances()
        with pytest.raises(AssertionError) as caught:
            defect.scenario(cloud, scenarios.KINDS[defect.kind])
    finally:
        monkeypatch.undo()
        cloud.forget_instances()
    is_caught_by(cloud, caught.value, defect.says)
