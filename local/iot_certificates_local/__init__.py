"""An AWS of your own: MiniStack over TLS, the real CDK CLI, real MQTT.

with EmbeddedAws() as aws:
    aws.deploy("path/to/app")
    aws.session().client("iot").list_certificates()
"""

from iot_certificates_local.cdk_cli import CdkCli
from iot_certificates_local.embedded_aws import EmbeddedAws
from iot_certificates_local.errors import CdkError, EmbeddedAwsError, MqttRefusedError
from iot_certificates_local.factory import Credentials, Factory
from iot_certificates_local.inventory import Inventory, take_inventory
from iot_certificates_local.mqtt_device import MqttDevice

__all__ = [
    "CdkCli",
    "CdkError",
    "Credentials",
    "EmbeddedAws",
    "EmbeddedAwsError",
    "Factory",
    "Inventory",
    "MqttDevice",
    "MqttRefusedError",
    "take_inventory",
]
