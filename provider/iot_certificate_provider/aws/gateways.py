"""The gateways of one function instance, one a service."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.cloudformation import StackGateway
from iot_certificate_provider.aws.iot import IotGateway

if TYPE_CHECKING:
    from iot_certificate_provider.aws.acm_pca import PrivateCaGateway
    from iot_certificate_provider.aws.clients import AwsClients
    from iot_certificate_provider.aws.functions import FunctionGateway
    from iot_certificate_provider.aws.iot_fleet import IotFleetGateway
    from iot_certificate_provider.aws.kms import KmsGateway
    from iot_certificate_provider.aws.s3 import S3Gateway
    from iot_certificate_provider.aws.secrets import SecretsGateway
    from iot_certificate_provider.aws.states import StatesGateway


class Gateways:
    """One gateway a service over the same clients, made when a resource first asks for it; how several calls are made.

    Every request needs AWS IoT and CloudFormation. A cold start imports the other gateways only where it needs them.
    """

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients
        self.at_once = clients.at_once
        self.act_on = clients.act_on
        self.paced = clients.paced

    @cached_property
    def iot(self) -> IotGateway:
        """AWS IoT Core."""
        return IotGateway(self._clients)

    @cached_property
    def stacks(self) -> StackGateway:
        """CloudFormation."""
        return StackGateway(self._clients)

    @cached_property
    def secrets(self) -> SecretsGateway:
        """AWS Secrets Manager."""
        from iot_certificate_provider.aws.secrets import SecretsGateway

        return SecretsGateway(self._clients)

    @cached_property
    def kms(self) -> KmsGateway:
        """AWS KMS."""
        from iot_certificate_provider.aws.kms import KmsGateway

        return KmsGateway(self._clients)

    @cached_property
    def private_ca(self) -> PrivateCaGateway:
        """AWS Private CA."""
        from iot_certificate_provider.aws.acm_pca import PrivateCaGateway

        return PrivateCaGateway(self._clients)

    @cached_property
    def functions(self) -> FunctionGateway:
        """AWS Lambda."""
        from iot_certificate_provider.aws.functions import FunctionGateway

        return FunctionGateway(self._clients)

    @cached_property
    def iot_fleet(self) -> IotFleetGateway:
        """AWS IoT Core, as far as only fleets need it."""
        from iot_certificate_provider.aws.iot_fleet import IotFleetGateway

        return IotFleetGateway(self._clients)

    @cached_property
    def s3(self) -> S3Gateway:
        """Amazon S3."""
        from iot_certificate_provider.aws.s3 import S3Gateway

        return S3Gateway(self._clients)

    @cached_property
    def states(self) -> StatesGateway:
        """AWS Step Functions."""
        from iot_certificate_provider.aws.states import StatesGateway

        return StatesGateway(self._clients)
