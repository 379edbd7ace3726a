"""What botocore does with less work here: dates, and the certificate authorities of a client's connections."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import pytest
from botocore.utils import parse_timestamp

from handler.endpoint import Endpoint, server_tls
from iot_certificate_provider.aws import session
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.concurrency import Asked

if TYPE_CHECKING:
    from pathlib import Path

AT_ONCE = 5


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-29T17:25:25.123Z",
        "2026-11-29T17:25:25Z",
        "2026-11-29T17:25:25.123456+00:00",
        "2026-11-29T17:25:25+02:00",
        "Sun, 29 Nov 2026 17:25:25 GMT",
        1764437125.5,
        1764437125,
        "1764437125",
    ],
)
def test_a_date_is_read_as_botocore_reads_it(value: Any) -> None:
    assert session._date(value) == parse_timestamp(value)
    assert session._date(value).tzinfo is not None


def test_no_date_is_refused_as_botocore_refuses_it() -> None:
    with pytest.raises(ValueError, match="Invalid timestamp"):
        session._date("The day before")


def test_the_clients_of_a_session_read_dates_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "parse_timestamp", None)
    core = botocore.session.get_session()
    session.read_dates_fast(core)
    parser = core.get_component("response_parser_factory").create_parser("query")
    operation = core.get_service_model("cloudformation").operation_model("DescribeStackEvents")
    event = "<member><Timestamp>2026-11-29T17:25:25.5Z</Timestamp></member>"
    result = f"<DescribeStackEventsResult><StackEvents>{event}</StackEvents></DescribeStackEventsResult>"
    body = f"<DescribeStackEventsResponse>{result}</DescribeStackEventsResponse>".encode()
    answer = parser.parse({"status_code": 200, "headers": {}, "body": body}, operation.output_shape)
    assert answer["StackEvents"][0]["Timestamp"] == datetime(2026, 11, 29, 17, 25, 25, 500_000, UTC)


def test_the_connections_of_a_client_load_the_certificate_authorities_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real connections: that botocore and urllib3 are built as ``load_authorities_once`` takes them to be."""
    tls, authorities = server_tls(tmp_path)
    endpoint = Endpoint(tls)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://{endpoint.address}")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authorities))
    loaded: list[tuple[Any, ...]] = []
    load = ssl.SSLContext.load_verify_locations

    def noting(context: ssl.SSLContext, *locations: Any) -> None:
        loaded.append(locations)
        load(context, *locations)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", noting)
    clients = AwsClients(boto3.Session("key", "secret", region_name="eu-west-1"))
    asked = [Asked(lambda: clients.client("iot").get_registration_code()) for _ in range(AT_ONCE)]
    clients.at_once(*asked)
    endpoint.close()
    assert [each.answer["ResponseMetadata"]["HTTPStatusCode"] for each in asked] == [200] * AT_ONCE
    assert [locations[0] for locations in loaded] == [str(authorities)]
