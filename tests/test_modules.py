"""The size of the provider's modules, so that a reader finds a thing by the name of its file."""

from __future__ import annotations

from pathlib import Path

PROVIDER = Path(__file__).parents[1] / "provider"
MAX_LINES = 400


def test_no_module_of_the_provider_has_more_than_400_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PROVIDER.rglob("*.py")}
    assert lengths
    assert {str(path.relative_to(PROVIDER)): lines for path, lines in lengths.items() if lines > MAX_LINES} == {}
