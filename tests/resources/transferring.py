"""Certificates that leave this account, or come to it: what the tests of transfers begin with."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import issuing

if TYPE_CHECKING:
    from resources.stage import Stage

HERE = "123456789012"


def leaving(stage: Stage) -> str:
    """Register a certificate of another owner, ACTIVE for an hour, attached to a policy and a thing; return its id."""
    answer = stage.iot.RegisterCertificateWithoutCA(issuing.make_device(issuing.make_ca()).pem, "ACTIVE")
    stage.iot.certificates[answer["certificateId"]].created -= timedelta(hours=1)
    stage.iot.policies["telemetry"] = {answer["certificateArn"]}
    stage.iot.things["hall"] = {answer["certificateArn"]}
    return str(answer["certificateId"])


def coming(stage: Stage) -> str:
    """Have the other account transfer a certificate to this one; return its id."""
    answer = stage.other.RegisterCertificateWithoutCA(issuing.make_device(issuing.make_ca()).pem)
    certificate_id = str(answer["certificateId"])
    stage.other.certificates[certificate_id].created -= timedelta(hours=1)
    stage.other.TransferCertificate(certificate_id, HERE)
    return certificate_id
