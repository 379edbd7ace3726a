"""AWS Lambda: the function itself, invoked once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.aws.error_mapping import mapping_errors

if TYPE_CHECKING:
    from iot_certificate_provider.aws.clients import AwsClients


class FunctionGateway:
    """Invoke, asynchronously."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    def invoke_later(self, function_arn: str, payload: str) -> None:
        """Invoke with InvocationType Event: Lambda takes the payload, and delivers it on its own."""
        # The payload has the ResponseURL.
        with mapping_errors("the rest of the work", carries_secret=True):
            self._clients.client("lambda").invoke(
                FunctionName=function_arn, InvocationType="Event", Payload=payload.encode()
            )
