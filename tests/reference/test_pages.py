"""The pages of the types have the tables that the code makes, and snippets that the schemas allow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from cfnlint.decode import cfn_yaml

from published_schemas import check_custom_resources
from reference.documented_types import TYPES
from reference.files import DOCS, pages
from reference.pages import filled

if TYPE_CHECKING:
    from pathlib import Path

PAGES = sorted((DOCS / "resources").glob("*.md"))


@pytest.mark.xdist_group("constructs")
def test_their_tables_are_those_of_the_code() -> None:
    from reference.granted import permissions_of_types  # noqa: PLC0415 - starts jsii

    made = pages(permissions_of_types())
    assert {path for path in PAGES if path.name != "README.md"} < set(made)
    assert {path: path.read_text(encoding="utf-8") for path in made} == made


def test_there_is_one_for_each_type_and_the_index_has_them_all() -> None:
    index = (DOCS / "resources" / "README.md").read_text(encoding="utf-8")
    assert {path.stem for path in PAGES} == {"README", *(each.page for each in TYPES)}
    assert [each.type for each in TYPES if f"[`{each.type}`]({each.page}.md)" not in index] == []


@pytest.mark.parametrize("page", [path for path in PAGES if path.name != "README.md"], ids=lambda path: path.stem)
def test_its_template_is_one(page: Path) -> None:
    (resource_type,) = [each.type for each in TYPES if each.page == page.stem]
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    template = cfn_yaml.loads(block)
    check_custom_resources(template)
    assert resource_type in [each["Type"] for each in template["Resources"].values()]


@pytest.mark.parametrize("page", ["", "<!-- a: x -->\n<!-- end of a -->\n" * 2])
def test_a_page_without_a_place_for_a_table_is_refused(page: str) -> None:
    with pytest.raises(LookupError, match="blocks 'a', not one"):
        filled(page, {"a": "table"})


def test_only_what_is_between_the_markers_is_made() -> None:
    page = "before\n<!-- a: made -->\nold\n<!-- end of a -->\nafter\n"
    assert filled(page, {"a": "new"}) == "before\n<!-- a: made -->\n\nnew\n\n<!-- end of a -->\nafter\n"
