"""docs/monitoring.md: its snippet is a stack, and its table has the metrics that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import METRIC_NAMESPACE, MetricName

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import App, Stack

    from synthesised import Synthesised

PAGE = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text(encoding="utf-8")


def test_the_snippet_is_a_stack(new_app: Callable[..., App], synthesise: Callable[[Stack], Synthesised]) -> None:
    snippet = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[0]
    names: dict[str, Any] = {}
    exec(compile(snippet, "monitoring.md", "exec"), names)  # noqa: S102 - our own page
    synthesised = synthesise(names["Monitored"](new_app(), "Monitored"))
    assert len(synthesised.of_type("AWS::CloudWatch::Alarm")) == 5
    assert len(synthesised.of_type("AWS::CloudWatch::Dashboard")) == 1
    assert len(synthesised.of_type("AWS::Events::Rule")) == 1


def test_the_table_has_the_metrics_that_there_are() -> None:
    section = PAGE.partition("## Metrics\n")[2].partition("\n## ")[0]
    assert f"namespace `{METRIC_NAMESPACE}`" in section
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(MetricName)
