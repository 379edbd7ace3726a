"""All files of the reference, as they have to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from reference.documented_types import TYPES
from reference.json_schema import schema_of_type
from reference.messages import messages, messages_page
from reference.pages import filled
from reference.tables import attributes_table, permissions_table, properties_table
from reference.typescript import typescript

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reference.granted import Grant

DOCS = Path(__file__).parents[2] / "docs"


def interfaces() -> Mapping[Path, str]:
    """Return the text of the file with the TypeScript interfaces."""
    return {DOCS / "typescript" / "properties.ts": typescript(TYPES)}


def schemas() -> Mapping[Path, str]:
    """Return the text of each schema's file."""
    return {
        DOCS / "schema" / each.schema_file: json.dumps(schema_of_type(each), indent=2, ensure_ascii=False) + "\n"
        for each in TYPES
    }


def pages(permissions: Mapping[str, list[Grant]]) -> Mapping[Path, str]:
    """Return the text of each page: as it is there, with its tables made anew; and the page of the messages."""
    found = {}
    for each in TYPES:
        path = DOCS / "resources" / f"{each.page}.md"
        blocks = {
            "properties": properties_table(each.shape),
            "attributes": attributes_table(each.ref, each.attributes),
            "permissions": permissions_table(permissions[each.type]),
        }
        found[path] = filled(path.read_text(encoding="utf-8"), blocks)
    return {**found, DOCS / "messages.md": messages_page(messages())}
