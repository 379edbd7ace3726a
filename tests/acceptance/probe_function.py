"""The function of the probe resource: it answers with what it was sent, without the values that nobody may see."""

import json
import urllib.parse
import urllib.request
from typing import Any


def handler(event: dict[str, Any], _context: object) -> None:
    """Answer SUCCESS with facts of the event: its members, the types of its properties, the query of its URL."""
    url = urllib.parse.urlsplit(event["ResponseURL"])
    query = dict(urllib.parse.parse_qsl(url.query))
    facts = {
        "members": sorted(event),
        "properties": {name: value for name, value in event["ResourceProperties"].items() if name != "ServiceToken"},
        "query": sorted(query),
        "date": len(query.get("X-Amz-Date", "")),
        "scheme": url.scheme,
    }
    body = {
        "Status": "SUCCESS",
        "PhysicalResourceId": event.get("PhysicalResourceId", "probe"),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": {"Facts": json.dumps(facts, sort_keys=True)},
    }
    content = json.dumps(body).encode()
    request = urllib.request.Request(event["ResponseURL"], content, {"Content-Type": ""}, method="PUT")  # noqa: S310
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - CloudFormation's URL
