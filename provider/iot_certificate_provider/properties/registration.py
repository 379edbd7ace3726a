"""The properties of a registration: mode, existing certificate, attachments, signing request, id."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import (
    MAX_POLICIES,
    POLICY_NAME,
    THING_NAME,
    CaCertificateProperty,
    CertificateMode,
    CertificateTransferProperty,
    DeviceCertificateProperty,
    ExistingCertificate,
    ThingPrincipalType,
)
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.pki import SigningRequest
from iot_certificate_provider.properties.shapes import ALWAYS, Choice, Pem, Text, Texts, Update

if TYPE_CHECKING:
    from collections.abc import Collection


def _mode(about: str) -> Choice[CertificateMode]:
    return Choice(
        CaCertificateProperty.CERTIFICATE_MODE,
        CertificateMode,
        CertificateMode.DEFAULT,
        about=about,
        update=Update.REFUSED,
        exception=" for the same certificate: AWS IoT cannot change it",
    )


CA_CERTIFICATE_MODE = _mode("`SNI_ONLY` registers without proof of possession, and in several accounts if need be")
DEVICE_CERTIFICATE_MODE = _mode("`SNI_ONLY` registers without a CA")


EXISTING_CERTIFICATE = Choice(
    CaCertificateProperty.EXISTING_CERTIFICATE,
    ExistingCertificate,
    ExistingCertificate.FAIL,
    about="what to do when another owner has registered the certificate",
    update=Update.IN_PLACE,
)


_ONLY_THE_DIFFERENCE = ": exactly the difference; what others attached stays, until Delete"

POLICY_NAMES = Texts(
    DeviceCertificateProperty.POLICY_NAMES,
    POLICY_NAME,
    about="names of policies of AWS IoT",
    update=Update.IN_PLACE,
    exception=_ONLY_THE_DIFFERENCE,
    most=MAX_POLICIES,
    too_many=f"AWS IoT attaches at most {MAX_POLICIES}",
    once=True,
)
THING_NAMES = Texts(
    DeviceCertificateProperty.THING_NAMES,
    THING_NAME,
    about="names of things",
    update=Update.IN_PLACE,
    exception=_ONLY_THE_DIFFERENCE,
    once=True,
)
THING_PRINCIPAL = Choice(
    DeviceCertificateProperty.THING_PRINCIPAL_TYPE,
    ThingPrincipalType,
    ThingPrincipalType.NON_EXCLUSIVE_THING,
    about="`EXCLUSIVE_THING` attaches the certificate to one thing, and to no other",
    update=Update.IN_PLACE,
    exception=": attached again",
)


def check_one_thing(principal_type: ThingPrincipalType, thing_names: Collection[str]) -> None:
    """Raise InvalidPropertyError for several things with EXCLUSIVE_THING."""
    if principal_type is ThingPrincipalType.EXCLUSIVE_THING and len(thing_names) > 1:
        raise InvalidPropertyError(
            THING_PRINCIPAL.name,
            f"EXCLUSIVE_THING allows one thing, but ThingNames has {len(thing_names)}",
            "Name one thing, or use NON_EXCLUSIVE_THING",
        )


def signing_request(*, about: str, update: Update) -> Pem[SigningRequest]:
    """Return the property of a type that is ``about`` this use of it."""
    return Pem(
        DeviceCertificateProperty.CERTIFICATE_SIGNING_REQUEST,
        SigningRequest,
        about=about,
        update=update,
        exception=", unless it is the same request",
    )


_WHICH_CERTIFICATE = "Give the certificate's id: 64 hex digits in lower case, the last part of its ARN"

CERTIFICATE_ID = Text(
    CertificateTransferProperty.CERTIFICATE_ID,
    about="64 hex digits in lower case, the last part of the certificate's ARN",
    update=Update.REPLACEMENT,
    required=ALWAYS,
    missing=_WHICH_CERTIFICATE,
    pattern=re.compile(r"[0-9a-f]{64}"),
    fix=_WHICH_CERTIFICATE,
)
