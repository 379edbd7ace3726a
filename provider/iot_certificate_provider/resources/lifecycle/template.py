"""A resource in a stack's template: whether the resource would be retained, and its attachments.

A template is JSON, or the YAML that its author wrote (API reference, GetTemplate, TemplateStage). Of YAML
only the attributes of a resource in block style are read. A value that is not literal counts as absent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_RETAINS_ON_DELETE = frozenset({"Retain", "RetainExceptOnCreate"})
_KEY = re.compile(
    r"""(?P<indent> *)(?P<quote>["']?)(?P<key>[\w:-]+)(?P=quote)\s*:(?:\s+(?P<value>[^#]*?))?\s*(?:#.*)?"""
)


@dataclass(frozen=True)
class DeclaredResource:
    """The literal content of a template's resource; ``properties`` are None where they cannot be read."""

    attributes: Mapping[str, str]
    properties: Mapping[str, Any] | None

    @property
    def is_declared(self) -> bool:
        """Whether the template has the resource at all."""
        return bool(self.attributes) or self.properties is not None

    @property
    def is_left(self) -> bool:
        """Whether CloudFormation leaves what the resource stands for, when it is deleted and when it is replaced."""
        on_delete, on_replace = self.attributes.get("DeletionPolicy"), self.attributes.get("UpdateReplacePolicy")
        return on_delete in _RETAINS_ON_DELETE and on_replace == "Retain"


def declared_in(template: object, logical_id: str) -> DeclaredResource:
    """Find a resource in a template, which is a mapping or a text in YAML; one that is not found says nothing."""
    if isinstance(template, str):
        return DeclaredResource(dict(_attributes(template, logical_id)), None)
    declared: Any = template
    for name in ("Resources", logical_id):
        declared = declared.get(name) if isinstance(declared, dict) else None
    if not isinstance(declared, dict):
        return DeclaredResource({}, None)
    properties = declared.get("Properties")
    attributes = {name: value for name, value in declared.items() if isinstance(value, str)}
    return DeclaredResource(attributes, properties if isinstance(properties, dict) else None)


def _attributes(text: str, logical_id: str) -> Iterator[tuple[str, str]]:
    """Yield the attributes of a resource in YAML, block style: at the indentation of its first one."""
    path: list[tuple[int, str]] = []
    at: int | None = None
    for line in text.splitlines():
        match = _KEY.fullmatch(line)
        if match is None:
            continue
        indent = len(match["indent"])
        while path and path[-1][0] >= indent:
            path.pop()
        if [key for _, key in path] == ["Resources", logical_id]:
            at = indent if at is None else at
            if indent == at and match["value"]:
                yield match["key"], match["value"].strip("\"'")
        # What a text of several lines says is deeper than its key, and so is never taken for one.
        path.append((indent, match["key"]))
