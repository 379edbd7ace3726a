"""The invocation of the function itself: its payload has the presigned URL, which no error repeats."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fakes.aws import FakeAws
from fakes.refusal import Refusal
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.functions import FunctionGateway
from iot_certificate_provider.errors import ProviderError

if TYPE_CHECKING:
    from fakes.aws import Call

URL = "https://bucket.s3.amazonaws.com/x?X-Amz-Signature=5ea1c0ffee"


@pytest.mark.parametrize("code", ["InvalidRequestContentException", "AccessDeniedException", "ServiceException"])
def test_an_error_has_the_code_and_none_of_the_payload(code: str) -> None:
    def refuse(call: Call) -> None:
        raise Refusal(code, f"Could not parse {call.parameters['Payload']!r}")

    aws = FakeAws()
    aws.before = refuse
    with pytest.raises(ProviderError) as caught:
        FunctionGateway(AwsClients(aws.session())).invoke_later("provider", json.dumps({"ResponseURL": URL}))
    assert "5ea1c0ffee" not in str(caught.value)
    assert code in str(caught.value) or "does not allow it" in str(caught.value)
