"""What a device certificate is attached to, by name."""

from __future__ import annotations

from iot_certificate_provider.contract import MAX_POLICIES, POLICY_NAME, THING_NAME, DeviceCertificateProperty
from iot_certificate_provider.properties.shapes import Texts, Update

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
