"""An app with one ThingWithCert of cdk-iot-core-certificates-v3: ``python … OUTPUT``, with that on the path."""

from __future__ import annotations

import sys

from aws_cdk import App, Stack
from cdk_iot_core_certificates_v3 import ThingWithCert

app = App(outdir=sys.argv[1])
stack = Stack(app, "Stack")
ThingWithCert(stack, "Thing", thing_name="thermostat", save_to_param_store=True, param_prefix="devices")
app.synth()
