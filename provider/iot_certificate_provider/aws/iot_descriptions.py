"""Answers and arguments of AWS IoT, as small frozen values. Dates are aware."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.contract import CertificateMode
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.registration_config import RegistrationConfig

if TYPE_CHECKING:
    from datetime import datetime

    from types_boto3_iot.type_defs import (
        CertificateDescriptionTypeDef,
        DescribeCACertificateResponseTypeDef,
        RegistrationConfigTypeDef,
    )


@dataclass(frozen=True)
class Registered:
    """The answer of AWS IoT to a registration."""

    id: str
    arn: str


@dataclass(frozen=True)
class Issued(Registered):
    """The answer of AWS IoT to a signing request."""

    pem: str


@dataclass(frozen=True)
class DeviceCertificateEntry:
    """A device certificate in a list; the status is any that AWS has, PENDING_ACTIVATION among them."""

    id: str
    arn: str
    status: str
    created: datetime


@dataclass(frozen=True)
class DeviceCertificateDescription(DeviceCertificateEntry):
    """A device certificate as DescribeCertificate has it."""

    pem: str
    mode: str
    modified: datetime | None = None
    previous_owner: str | None = None
    """The account that it was transferred from."""
    transferred: datetime | None = None
    accepted: datetime | None = None
    rejected: datetime | None = None
    """When its last transfer was made, was accepted here, or came back rejected."""
    owner: str | None = None
    """The account that has it."""

    @property
    def is_incoming(self) -> bool:
        """Whether it is another account's still, and on its way to this one: AWS IoT describes it to both."""
        return self.status == "PENDING_TRANSFER" and self.owner not in (None, self.arn.split(":")[4])

    @classmethod
    def of(cls, found: CertificateDescriptionTypeDef) -> DeviceCertificateDescription:
        """Return the description in DescribeCertificate's answer."""
        transfer = found.get("transferData", {})
        return cls(
            found["certificateId"],
            found["certificateArn"],
            found["status"],
            found["creationDate"],
            found["certificatePem"],
            found.get("certificateMode", CertificateMode.DEFAULT),
            found.get("lastModifiedDate"),
            found.get("previousOwnedBy"),
            transfer.get("transferDate"),
            transfer.get("acceptDate"),
            transfer.get("rejectDate"),
            found.get("ownedBy"),
        )


@dataclass(frozen=True)
class OutgoingTransfer:
    """A certificate that is on its way to another account, as ListOutgoingCertificates has it."""

    certificate_id: str
    account: str
    message: str | None
    made: datetime


@dataclass(frozen=True)
class CaCertificateDescription:
    """A CA certificate as DescribeCACertificate has it."""

    id: str
    arn: str
    status: str
    mode: str
    auto_registration: str
    config: RegistrationConfig | None
    created: datetime
    pem: str

    @classmethod
    def of(cls, answer: DescribeCACertificateResponseTypeDef) -> CaCertificateDescription:
        """Return what DescribeCACertificate answers."""
        found, config = answer["certificateDescription"], answer.get("registrationConfig") or {}
        return cls(
            found["certificateId"],
            found["certificateArn"],
            found["status"],
            # API reference: the mode of a CA from before there were modes is "optional", and means DEFAULT.
            found.get("certificateMode", CertificateMode.DEFAULT),
            found["autoRegistrationStatus"],
            RegistrationConfig(config.get("templateName"), config.get("templateBody"), config.get("roleArn"))
            if config
            else None,
            found["creationDate"],
            found["certificatePem"],
        )


def as_aws_iot_takes_it(config: RegistrationConfig) -> RegistrationConfigTypeDef:
    """Return the member ``registrationConfig`` of a request; AWS IoT takes no empty texts."""
    request: RegistrationConfigTypeDef = {}
    if config.template_name is not None:
        request["templateName"] = config.template_name
    if config.template_body is not None:
        request["templateBody"] = config.template_body
    if config.role_arn is not None:
        request["roleArn"] = config.role_arn
    return request
