"""The same app of the native types, without a check: ``python cfn_certificates.py CERTIFICATES OUTPUT``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import App, Stack
from aws_cdk import aws_iot as iot

if TYPE_CHECKING:
    from collections.abc import Sequence


def synthesise(ca_pem: str, pems: Sequence[str], output: str) -> None:
    """Declare the certificates and write the cloud assembly."""
    app = App(outdir=output)
    stack = Stack(app, "Factory")
    ca = iot.CfnCACertificate(stack, "Ca", ca_certificate_pem=ca_pem, certificate_mode="SNI_ONLY", status="ACTIVE")
    for number, pem in enumerate(pems):
        device = iot.CfnCertificate(
            stack, f"Device{number}", certificate_pem=pem, ca_certificate_pem=ca_pem, status="ACTIVE"
        )
        device.add_resource_dependency(ca)
    app.synth()


if __name__ == "__main__":
    certificates = json.loads(Path(sys.argv[1]).read_text())
    synthesise(certificates["ca"], certificates["devices"], sys.argv[2])
