"""What a device certificate is attached to, by name."""

from __future__ import annotations

import re

from iot_certificate_provider.contract import DeviceCertificateProperty
from iot_certificate_provider.properties.shapes import Texts, Update

MAX_POLICIES = 10
"""Policies that can be attached to one certificate (AWS IoT Core quotas)."""

_ONLY_THE_DIFFERENCE = ": exactly the difference; what others attached stays, until Delete"

POLICY_NAMES = Texts(
    DeviceCertificateProperty.POLICY_NAMES,
    re.compile(r"[\w+=,.@-]{1,128}", re.ASCII),
    about="names of policies of AWS IoT",
    update=Update.IN_PLACE,
    exception=_ONLY_THE_DIFFERENCE,
    most=MAX_POLICIES,
    too_many=f"AWS IoT attaches at most {MAX_POLICIES}",
    once=True,
)
THING_NAMES = Texts(
    DeviceCertificateProperty.THING_NAMES,
    re.compile(r"[a-zA-Z0-9:_-]{1,128}"),
    about="names of things",
    update=Update.IN_PLACE,
    exception=_ONLY_THE_DIFFERENCE,
    once=True,
)
