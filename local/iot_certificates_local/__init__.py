"""An AWS of your own: MiniStack over TLS, the real CDK CLI, real MQTT.

with EmbeddedAws() as aws, aws.deployed("path/to/app") as outputs:
    aws.session().client("iot").list_certificates()
    with aws.device(outputs["Stack"]["PumpCredentials"]) as pump:
        pump.publish("devices/pump/status", "up")

In tests with pytest the fixture ``embedded_aws`` is there once this is installed, with its extra ``local``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iot_certificates_local.cdk_cli import CdkCli
    from iot_certificates_local.embedded_aws import EmbeddedAws
    from iot_certificates_local.errors import CdkError, EmbeddedAwsError, MqttRefusedError
    from iot_certificates_local.factory import Credentials, Factory
    from iot_certificates_local.inventory import Inventory, take_inventory
    from iot_certificates_local.mqtt_device import MqttDevice
    from iot_certificates_local.strict import Strictness

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
    "Strictness",
    "take_inventory",
]

_MODULES = {
    "CdkCli": "cdk_cli",
    "CdkError": "errors",
    "Credentials": "factory",
    "EmbeddedAws": "embedded_aws",
    "EmbeddedAwsError": "errors",
    "Factory": "factory",
    "Inventory": "inventory",
    "MqttDevice": "mqtt_device",
    "MqttRefusedError": "errors",
    "Strictness": "strict",
    "take_inventory": "inventory",
}


def __getattr__(name: str) -> Any:
    # With the first use: pytest loads the plugin in every run, also where the extra ``local`` is not installed.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
