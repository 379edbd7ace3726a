"""A fleet of thermostats as one resource: README.md has the commands.

The certificates are registered without their CA, so that any account can have them: devices have to send SNI.
"""

from pathlib import Path

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_iot as iot
from constructs import Construct

from iot_certificates import DeviceCertificateFleet, FleetManifest

SAMPLE = Path(__file__).parent / "manifest"
POLICY = "thermostats"
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"},
        {"Effect": "Allow", "Action": "iot:Publish", "Resource": "*"},
    ],
}


class ThermostatFleet(Stack):
    """The policy that the manifest attaches, and the fleet.

    Context: ``manifest``, the folder that ``iot-certificates fleet manifest`` wrote; ``rate``, certificates a second.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        folder = Path(self.node.try_get_context("manifest") or SAMPLE)
        policy = iot.CfnPolicy(self, "Policy", policy_name=POLICY, policy_document=DOCUMENT)
        fleet = DeviceCertificateFleet(
            self,
            "Thermostats",
            manifest=FleetManifest.from_file(folder),
            max_registrations_per_second=int(self.node.try_get_context("rate") or 8),
            policies=[policy],
        )
        CfnOutput(self, "Registered", value=fleet.registered)
        CfnOutput(self, "Results", value=fleet.results_location)


if __name__ == "__main__":
    app = App()
    ThermostatFleet(app, "ThermostatFleet")
    app.synth()
