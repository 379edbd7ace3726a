"""An app of a CA and many DeviceCertificates: ``python device_certificates.py CERTIFICATES OUTPUT``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import App, Stack

from iot_certificates import CaCertificate, CertificateMode, DeviceCertificate

if TYPE_CHECKING:
    from collections.abc import Sequence


def synthesise(ca_pem: str, pems: Sequence[str], output: str) -> None:
    """Declare the certificates and write the cloud assembly."""
    app = App(outdir=output)
    stack = Stack(app, "Factory")
    ca = CaCertificate(stack, "Ca", certificate_pem=ca_pem, certificate_mode=CertificateMode.SNI_ONLY)
    for number, pem in enumerate(pems):
        DeviceCertificate(stack, f"Device{number}", certificate_pem=pem, ca_certificate=ca)
    app.synth()


if __name__ == "__main__":
    certificates = json.loads(Path(sys.argv[1]).read_text())
    synthesise(certificates["ca"], certificates["devices"], sys.argv[2])
