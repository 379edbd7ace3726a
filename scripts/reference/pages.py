"""The pages of the types: what stands between two markers is made, the rest is written by hand."""

from __future__ import annotations

import re


def filled(page: str, blocks: dict[str, str]) -> str:
    """Return a page with each block between its markers, ``<!-- name: … -->`` and ``<!-- end of name -->``.

    Raises LookupError where a page does not have a block's markers exactly once.
    """
    for name, content in blocks.items():
        markers = re.compile(rf"(<!-- {name}: [^>]*-->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        found = markers.findall(page)
        if len(found) != 1:
            raise LookupError(f"The page has {len(found)} blocks '{name}', not one")
        ((begin, end),) = found
        before, after = page.partition(begin)[0], page.partition(end)[2]
        page = f"{before}{begin}\n{content}\n\n{end}{after}"
    return page
