"""The layer's table of operations is botocore's model of AWS IoT."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from iot_certificates_local.strict.operations import OPERATIONS, Operation, operation_of
from iot_certificates_local.strict.pagination import LISTINGS

_SESSION = botocore.session.Session()
MODEL = _SESSION.get_service_model("iot")
PAGINATORS: dict[str, Any] = vars(_SESSION.get_paginator_model("iot"))["_paginator_config"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_method_and_path_are_the_models(operation: Operation) -> None:
    http = MODEL.operation_model(operation.name).http
    assert (operation.method, operation.path.replace("+}", "}")) == (http["method"], http["requestUri"])


@pytest.mark.parametrize("name", LISTINGS)
def test_pages_are_as_the_paginator_expects(name: str) -> None:
    listing, paginator = LISTINGS[name], PAGINATORS[name]
    assert listing.member == paginator["result_key"]
    assert (listing.marker, listing.next_marker) == (paginator["input_token"], paginator["output_token"])
    assert listing.size == paginator.get("limit_key")
    shape = MODEL.operation_model(name).input_shape
    assert shape is not None
    for parameter in filter(None, (listing.marker, listing.size)):
        assert shape.members[parameter].serialization == {"location": "querystring", "name": parameter}


def test_an_arn_in_the_path_is_one_parameter() -> None:
    arn = "arn:aws:iot:eu-west-1:123456789012:cert/abc"
    found = operation_of("POST", f"/attached-policies/{arn}")
    assert found is not None
    assert (found[0].name, found[1]) == ("ListAttachedPolicies", {"target": arn})


@pytest.mark.parametrize("path", ["/policies/a/version", "/things/a/b/principals", "/cacertificate/", "/certificatesx"])
def test_a_path_that_only_begins_like_one_is_another(path: str) -> None:
    assert operation_of("GET", path) is None
    assert operation_of("DELETE", path) is None
