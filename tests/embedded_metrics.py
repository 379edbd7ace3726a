"""What CloudWatch reads in the lines of a log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema

if TYPE_CHECKING:
    from collections.abc import Iterable

# Amazon CloudWatch User Guide, "Specification: Embedded metric format": its schema, of what is used here.
_NAME = {"type": "string", "minLength": 1, "maxLength": 255}
_DIRECTIVE = {
    "type": "object",
    "required": ["Namespace", "Dimensions", "Metrics"],
    "properties": {
        "Namespace": _NAME,
        "Dimensions": {"type": "array", "minItems": 1, "items": {"type": "array", "items": _NAME, "maxItems": 30}},
        "Metrics": {
            "type": "array",
            "maxItems": 100,
            "items": {"type": "object", "required": ["Name"], "properties": {"Name": _NAME}},
        },
    },
}
_SCHEMA = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {"type": "array", "items": _DIRECTIVE},
            },
        }
    },
}


def metrics_in(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Return the embedded metrics among lines of a log; each has to be as CloudWatch wants it."""
    metrics: list[dict[str, Any]] = [json.loads(line) for line in lines if '"_aws"' in line]
    for metric in metrics:
        jsonschema.validate(metric, _SCHEMA)
        for directive in metric["_aws"]["CloudWatchMetrics"]:
            # The names are references to members of the root: texts for dimensions, numbers for metrics.
            for name in (name for names in directive["Dimensions"] for name in names):
                assert isinstance(metric[name], str)
                assert 1 <= len(metric[name]) <= 1024
            for each in directive["Metrics"]:
                assert isinstance(metric[each["Name"]], (int, float))
    return metrics
