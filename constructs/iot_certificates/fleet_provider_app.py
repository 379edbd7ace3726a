"""The app of the fleets' provider stack: ``cdk deploy --app "python3 -m iot_certificates.fleet_provider_app"``.

Its context is that of ``iot_certificates.provider_app``.
"""

from __future__ import annotations

from aws_cdk import App

from iot_certificates.fleet_provider_stack import IotCertificateFleetProviderStack
from iot_certificates.provider_app import uploaded_code


def main() -> None:
    """Synthesise the stack into the folder that the CDK CLI names."""
    app = App(analytics_reporting=False)
    IotCertificateFleetProviderStack(app, "IotCertificateFleetProvider", **uploaded_code(app))
    app.synth()


if __name__ == "__main__":
    main()
