"""DescribeEndpoint: the address of the MQTT broker, by a name that every machine resolves.

MiniStack answers with AWS's form below ``localhost``, which only some resolvers know, and with the port of its HTTP
endpoint. AWS's answer has no port, because devices know 8883; here the port belongs to the address unless it is that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HOST = "localhost"
AWS_PORT = 8883

_DATA = "iot:Data-ATS"

Answer = tuple[int, dict[str, str], bytes]


def give_the_brokers_address(port: int) -> None:
    """Let MiniStack's DescribeEndpoint answer with the broker's address."""
    from ministack.core.responses import json_response  # noqa: PLC0415 - reads its environment when imported
    from ministack.services import iot  # noqa: PLC0415

    describe: Callable[[Mapping[str, Any]], Answer] = iot._describe_endpoint  # noqa: SLF001 - no setting for it

    def describe_endpoint(query: Mapping[str, Any]) -> Answer:
        if query.get("endpointType", _DATA) != _DATA:
            return describe(query)
        answer: Answer = json_response({"endpointAddress": HOST if port == AWS_PORT else f"{HOST}:{port}"})
        return answer

    iot._describe_endpoint = describe_endpoint  # noqa: SLF001
