"""AWS IoT, one method a call; what it answers as small frozen values."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.error_mapping import CA_IS_MISSING, mapping_errors
from iot_certificate_provider.aws.iot_descriptions import (
    CaCertificateDescription,
    DeviceCertificateDescription,
    DeviceCertificateEntry,
    Issued,
    OutgoingTransfer,
    Registered,
    as_aws_iot_takes_it,
)
from iot_certificate_provider.aws.propagation import ROLE_SECONDS, STATUS_SECONDS, THING_SECONDS
from iot_certificate_provider.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from types_boto3_iot import IoTClient
    from types_boto3_iot.type_defs import (
        AttachThingPrincipalRequestTypeDef,
        RegisterCACertificateRequestTypeDef,
        RegisterCertificateRequestTypeDef,
        RejectCertificateTransferRequestTypeDef,
        TransferCertificateRequestTypeDef,
        UpdateCACertificateRequestTypeDef,
    )

    from iot_certificate_provider.aws.clients import AwsClients
    from iot_certificate_provider.contract import (
        AutoRegistrationStatus,
        CaCertificateStatus,
        CertificateMode,
        DeviceCertificateStatus,
    )
    from iot_certificate_provider.registration_config import RegistrationConfig

__all__ = [
    "CaCertificateDescription",
    "DeviceCertificateDescription",
    "DeviceCertificateEntry",
    "IotGateway",
    "Issued",
    "OutgoingTransfer",
    "Registered",
]

PAGE_SIZE = 250
"""The most that AWS IoT's lists give at once."""


class IotGateway:
    """The calls of AWS IoT's API (2015-05-28) that this provider makes. Every error is a ProviderError."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    @property
    def _iot(self) -> IoTClient:
        return self._clients.client("iot")

    @property
    def _iot_once(self) -> IoTClient:
        return self._clients.client("iot", retry=False)

    @property
    def was_unanswered(self) -> bool:
        """Whether an attempt of this thread's last call went unanswered or failed at AWS."""
        return self._clients.was_unanswered

    @property
    def waited(self) -> float:
        """The seconds for which the last call was made again, until AWS had taken note of a change."""
        return self._clients.waited

    # Registration code

    def registration_code(self) -> str:
        """GetRegistrationCode: 64 hex digits, the same until it is deleted."""
        with mapping_errors("the registration code"):
            return self._iot.get_registration_code()["registrationCode"]

    def delete_registration_code(self) -> None:
        """DeleteRegistrationCode, of the account and Region; where there is none, that counts as deleted."""
        with _gone_is_done("the registration code"):
            self._iot.delete_registration_code()

    # CA certificates

    def register_ca_certificate(
        self,
        pem: str,
        *,
        verification_pem: str | None,
        mode: CertificateMode,
        status: CaCertificateStatus,
        auto_registration: AutoRegistrationStatus,
        config: RegistrationConfig | None,
        tags: Mapping[str, str],
    ) -> Registered:
        """RegisterCACertificate; AlreadyExistsError when it is registered in this account and Region."""
        request: RegisterCACertificateRequestTypeDef = {
            "caCertificate": pem,
            "setAsActive": status == "ACTIVE",
            "allowAutoRegistration": auto_registration == "ENABLE",
            "certificateMode": mode.value,
            "tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }
        if verification_pem is not None:
            request["verificationCertificate"] = verification_pem
        if config is not None:
            request["registrationConfig"] = as_aws_iot_takes_it(config)
        with mapping_errors("the CA certificate"), self._until_role_can_be_assumed(config):
            answer = self._iot.register_ca_certificate(**request)
        return Registered(answer["certificateId"], answer["certificateArn"])

    def update_ca_certificate(
        self,
        certificate_id: str,
        *,
        status: CaCertificateStatus | None = None,
        auto_registration: AutoRegistrationStatus | None = None,
        config: RegistrationConfig | None = None,
        remove_auto_registration: bool = False,
    ) -> None:
        """UpdateCACertificate with what is given, and nothing else."""
        request: UpdateCACertificateRequestTypeDef = {"certificateId": certificate_id}
        if status is not None:
            request["newStatus"] = status.value
        if auto_registration is not None:
            request["newAutoRegistrationStatus"] = auto_registration.value
        if config is not None:
            request["registrationConfig"] = as_aws_iot_takes_it(config)
        if remove_auto_registration:
            request["removeAutoRegistration"] = True
        with mapping_errors(f"CA certificate {certificate_id}"), self._until_role_can_be_assumed(config):
            self._iot.update_ca_certificate(**request)

    def _until_role_can_be_assumed(self, config: RegistrationConfig | None) -> AbstractContextManager[None]:
        """Wait for a role that AWS IoT cannot assume yet: an InvalidRequestException, in words that may change."""
        if config is None or config.role_arn is None:
            return nullcontext()
        return self._clients.outlasting("InvalidRequestException", ROLE_SECONDS)

    def describe_ca_certificate(self, certificate_id: str) -> CaCertificateDescription:
        """DescribeCACertificate; NotFoundError when it is not registered here."""
        with mapping_errors(f"CA certificate {certificate_id}"):
            answer = self._iot.describe_ca_certificate(certificateId=certificate_id)
        return CaCertificateDescription.of(answer)

    def find_ca_certificate(self, certificate_id: str) -> CaCertificateDescription | None:
        """DescribeCACertificate; None when it is not registered here."""
        with suppress(NotFoundError):
            return self.describe_ca_certificate(certificate_id)
        return None

    def newest_ca_certificates(self) -> Iterator[tuple[str, datetime]]:
        """ListCACertificates, newest first, as many pages as are asked for: ids and creation dates."""
        pages = self._iot.get_paginator("list_ca_certificates").paginate(
            ascendingOrder=False, PaginationConfig={"PageSize": PAGE_SIZE}
        )
        with mapping_errors("the CA certificates"):
            for page in pages:
                for entry in page["certificates"]:
                    yield entry["certificateId"], entry["creationDate"]

    def delete_ca_certificate(self, certificate_id: str) -> None:
        """DeleteCACertificate; ConflictError while it is ACTIVE."""
        with mapping_errors(f"CA certificate {certificate_id}"):
            self._iot.delete_ca_certificate(certificateId=certificate_id)

    def tags(self, arn: str) -> dict[str, str]:
        """ListTagsForResource, all pages; NotFoundError when the CA certificate is not registered here."""
        pages = self._iot.get_paginator("list_tags_for_resource").paginate(resourceArn=arn)
        with mapping_errors("the tags of the CA certificate"):
            return {tag["Key"]: tag.get("Value", "") for page in pages for tag in page["tags"]}

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """TagResource: adds the tags, and overwrites the values of those that are there."""
        with mapping_errors("the tags of the CA certificate"):
            self._iot.tag_resource(resourceArn=arn, tags=[{"Key": key, "Value": tags[key]} for key in tags])

    def untag(self, arn: str, keys: list[str]) -> None:
        """UntagResource: keys that are not there are passed over."""
        with mapping_errors("the tags of the CA certificate"):
            self._iot.untag_resource(resourceArn=arn, tagKeys=keys)

    # Device certificates

    def register_certificate(self, pem: str, *, ca_pem: str | None, status: DeviceCertificateStatus) -> Registered:
        """RegisterCertificate; AlreadyExistsError when it is registered in this account and Region."""
        request: RegisterCertificateRequestTypeDef = {"certificatePem": pem, "status": status.value}
        if ca_pem is not None:
            request["caCertificatePem"] = ca_pem
        with mapping_errors("the certificate", CA_IS_MISSING):
            answer = self._iot.register_certificate(**request)
        return Registered(answer["certificateId"], answer["certificateArn"])

    def register_certificate_without_ca(self, pem: str, *, status: DeviceCertificateStatus) -> Registered:
        """RegisterCertificateWithoutCA: the certificate is in SNI_ONLY mode afterwards."""
        with mapping_errors("the certificate"):
            answer = self._iot.register_certificate_without_ca(certificatePem=pem, status=status.value)
        return Registered(answer["certificateId"], answer["certificateArn"])

    def create_certificate_from_csr(self, pem: str, *, active: bool) -> Issued:
        """CreateCertificateFromCsr: another certificate each time, also for the same request.

        Never retried here: after a lost answer, another attempt would leave an unknown certificate.
        """
        with mapping_errors("the certificate signing request"):
            answer = self._iot_once.create_certificate_from_csr(certificateSigningRequest=pem, setAsActive=active)
        return Issued(answer["certificateId"], answer["certificateArn"], answer["certificatePem"])

    def describe_certificate(self, certificate_id: str) -> DeviceCertificateDescription:
        """DescribeCertificate: the live status; NotFoundError when it is not registered here."""
        with mapping_errors(f"certificate {certificate_id}"):
            found = self._iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]
        return DeviceCertificateDescription.of(found)

    def find_certificate(self, certificate_id: str) -> DeviceCertificateDescription | None:
        """DescribeCertificate; None when it is not registered here."""
        with suppress(NotFoundError):
            return self.describe_certificate(certificate_id)
        return None

    def update_certificate(self, certificate_id: str, status: DeviceCertificateStatus) -> None:
        """UpdateCertificate: the same status again is no error; REVOKED is final."""
        with mapping_errors(f"certificate {certificate_id}"):
            self._iot.update_certificate(certificateId=certificate_id, newStatus=status.value)

    def delete_certificate(self, certificate_id: str) -> None:
        """DeleteCertificate; InUseError while policies or things are attached, ConflictError while it is ACTIVE.

        For seconds AWS IoT takes a certificate for an ACTIVE one that was deactivated before this request, or by it.
        """
        with (
            mapping_errors(f"certificate {certificate_id}"),
            self._clients.outlasting("CertificateStateException", STATUS_SECONDS),
        ):
            self._iot.delete_certificate(certificateId=certificate_id)

    def newest_certificates(self) -> Iterator[tuple[str, datetime]]:
        """ListCertificates, newest first, as many pages as are asked for: ids and creation dates."""
        pages = self._iot.get_paginator("list_certificates").paginate(
            ascendingOrder=False, PaginationConfig={"PageSize": PAGE_SIZE}
        )
        with mapping_errors("the certificates"):
            for page in pages:
                for entry in page["certificates"]:
                    yield entry["certificateId"], entry["creationDate"]

    def certificates_of_ca(self, ca_certificate_id: str) -> list[DeviceCertificateEntry]:
        """ListCertificatesByCA, all pages: those registered under the CA, also just in time; not those in SNI_ONLY."""
        pages = self._iot.get_paginator("list_certificates_by_ca").paginate(
            caCertificateId=ca_certificate_id, PaginationConfig={"PageSize": PAGE_SIZE}
        )
        with mapping_errors(f"the certificates of CA {ca_certificate_id}"):
            return [
                DeviceCertificateEntry(
                    entry["certificateId"], entry["certificateArn"], entry["status"], entry["creationDate"]
                )
                for page in pages
                for entry in page["certificates"]
            ]

    # Transfers between accounts

    def transfer_certificate(self, certificate_id: str, account: str, message: str | None) -> None:
        """TransferCertificate; InUseError while something is attached, ConflictError unless it is INACTIVE.

        RefusedError for an account that AWS IoT does not take.
        """
        request: TransferCertificateRequestTypeDef = {"certificateId": certificate_id, "targetAwsAccount": account}
        if message is not None:
            request["transferMessage"] = message
        with mapping_errors(f"certificate {certificate_id}"):
            self._iot.transfer_certificate(**request)

    def cancel_certificate_transfer(self, certificate_id: str) -> None:
        """CancelCertificateTransfer: INACTIVE afterwards; TransferCompletedError or NotFoundError once it is over."""
        with mapping_errors(f"certificate {certificate_id}"):
            self._iot.cancel_certificate_transfer(certificateId=certificate_id)

    def accept_certificate_transfer(self, certificate_id: str, *, active: bool) -> None:
        """AcceptCertificateTransfer; NotFoundError before it has arrived, TransferCompletedError once it is over."""
        with mapping_errors(f"certificate {certificate_id}"):
            self._iot.accept_certificate_transfer(certificateId=certificate_id, setAsActive=active)

    def reject_certificate_transfer(self, certificate_id: str, reason: str | None) -> None:
        """RejectCertificateTransfer, with the errors of the acceptance."""
        request: RejectCertificateTransferRequestTypeDef = {"certificateId": certificate_id}
        if reason is not None:
            request["rejectReason"] = reason
        with mapping_errors(f"certificate {certificate_id}"):
            self._iot.reject_certificate_transfer(**request)

    def outgoing_transfer(self, certificate_id: str) -> OutgoingTransfer | None:
        """ListOutgoingCertificates, as many pages as it takes: the transfer that is pending, None when none is."""
        pages = self._iot.get_paginator("list_outgoing_certificates").paginate(PaginationConfig={"PageSize": PAGE_SIZE})
        with mapping_errors("the outgoing certificates"):
            for page in pages:
                for entry in page["outgoingCertificates"]:
                    if entry["certificateId"] == certificate_id:
                        # A message that was not given may come back as an empty one.
                        message = entry.get("transferMessage") or None
                        return OutgoingTransfer(certificate_id, entry["transferredTo"], message, entry["transferDate"])
        return None

    # Policies and things

    def attach_policy(self, policy_name: str, certificate_arn: str) -> None:
        """AttachPolicy: attaching again is no error; NotFoundError when either does not exist."""
        with mapping_errors(f"policy {policy_name}"):
            self._iot.attach_policy(policyName=policy_name, target=certificate_arn)

    def detach_policy(self, policy_name: str, certificate_arn: str) -> None:
        """DetachPolicy: what is not attached, or gone, counts as detached."""
        with _gone_is_done(f"policy {policy_name}"):
            self._iot.detach_policy(policyName=policy_name, target=certificate_arn)

    def attached_policies(self, certificate_arn: str) -> Iterator[str]:
        """ListAttachedPolicies, all pages: the names."""
        pages = self._iot.get_paginator("list_attached_policies").paginate(
            target=certificate_arn, PaginationConfig={"PageSize": PAGE_SIZE}
        )
        with _gone_is_done("the attached policies"):
            for page in pages:
                yield from (policy["policyName"] for policy in page["policies"])

    def policy_targets(self, policy_name: str) -> Iterator[str]:
        """ListTargetsForPolicy, all pages: the ARNs; none when the policy is gone."""
        pages = self._iot.get_paginator("list_targets_for_policy").paginate(
            policyName=policy_name, PaginationConfig={"PageSize": PAGE_SIZE}
        )
        with _gone_is_done(f"the targets of policy {policy_name}"):
            for page in pages:
                yield from page["targets"]

    def attach_thing(self, thing_name: str, certificate_arn: str, *, exclusively: bool = False) -> None:
        """AttachThingPrincipal: again is no error; NotFoundError without either, RefusedError beside exclusive ones."""
        request: AttachThingPrincipalRequestTypeDef = {"thingName": thing_name, "principal": certificate_arn}
        if exclusively:
            request["thingPrincipalType"] = "EXCLUSIVE_THING"
        with mapping_errors(f"thing {thing_name}"):
            self._iot.attach_thing_principal(**request)

    def after_detaching(self) -> AbstractContextManager[None]:
        """Make calls again, for a minute at most, that AWS IoT refuses because it still sees what was detached."""
        return self._clients.outlasting("InvalidRequestException", THING_SECONDS)

    def detach_thing(self, thing_name: str, certificate_arn: str) -> None:
        """DetachThingPrincipal: what is not attached, or gone, counts as detached."""
        with _gone_is_done(f"thing {thing_name}"):
            self._iot.detach_thing_principal(thingName=thing_name, principal=certificate_arn)

    def attached_things(self, certificate_arn: str) -> Iterator[str]:
        """ListPrincipalThings, all pages: the names."""
        pages = self._iot.get_paginator("list_principal_things").paginate(
            principal=certificate_arn, PaginationConfig={"PageSize": PAGE_SIZE}
        )
        with _gone_is_done("the attached things"):
            for page in pages:
                yield from page["things"]

    def principals(self, thing_name: str) -> Iterator[str]:
        """ListThingPrincipals, all pages: the ARNs, for seconds also of what was detached; none of a missing thing."""
        pages = self._iot.get_paginator("list_thing_principals").paginate(
            thingName=thing_name, PaginationConfig={"PageSize": PAGE_SIZE}
        )
        with _gone_is_done(f"thing {thing_name}"):
            for page in pages:
                yield from page["principals"]

    def delete_thing(self, thing_name: str) -> None:
        """DeleteThing: one that is gone counts as deleted; what was detached may be seen there for seconds."""
        with _gone_is_done(f"thing {thing_name}"), self._clients.outlasting("InvalidRequestException", THING_SECONDS):
            self._iot.delete_thing(thingName=thing_name)


@contextmanager
def _gone_is_done(what: str) -> Iterator[None]:
    """Map errors, and pass over that something does not exist (any more)."""
    with suppress(NotFoundError), mapping_errors(what):
        yield
