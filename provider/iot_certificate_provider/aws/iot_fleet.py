"""What a fleet asks AWS IoT for beside certificates: its clock, and things."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from iot_certificate_provider.aws.error_mapping import mapping_errors
from iot_certificate_provider.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_iot import IoTClient

    from iot_certificate_provider.aws.clients import AwsClients


class IotFleetGateway:
    """The date of an answer, and things of a name."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    @property
    def _iot(self) -> IoTClient:
        return self._clients.client("iot")

    def time(self, certificate_id: str) -> datetime:
        """DescribeCertificate, for the header Date of its answer, whatever it says: AWS IoT's time, in whole seconds.

        The time of here where the answer has no date.
        """
        with mapping_errors("AWS IoT's clock"):
            try:
                answer: Any = self._iot.describe_certificate(certificateId=certificate_id)
            except ClientError as error:
                answer = error.response
        date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        try:
            return parsedate_to_datetime(date).astimezone(UTC)
        except (TypeError, ValueError):
            return datetime.now(UTC).replace(microsecond=0)

    def thing_exists(self, name: str) -> bool:
        """DescribeThing: whether there is one of the name."""
        with suppress(NotFoundError), mapping_errors(f"thing {name}"):
            self._iot.describe_thing(thingName=name)
            return True
        return False

    def create_thing(self, name: str, attributes: Mapping[str, str]) -> None:
        """CreateThing: the same again is no error; AlreadyExistsError for one with other attributes."""
        with mapping_errors(f"thing {name}"):
            self._iot.create_thing(thingName=name, attributePayload={"attributes": dict(attributes)})

    def set_attributes(self, name: str, attributes: Mapping[str, str]) -> None:
        """UpdateThing: the thing has these attributes, and no others."""
        with mapping_errors(f"thing {name}"):
            self._iot.update_thing(thingName=name, attributePayload={"attributes": dict(attributes), "merge": False})
