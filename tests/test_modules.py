"""The provider's modules: how long one is, and that a reader can read them one after the other."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

PROVIDER = Path(__file__).parents[1] / "provider"
MAX_LINES = 400


def test_no_module_of_the_provider_has_more_than_400_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PROVIDER.rglob("*.py")}
    assert lengths
    assert {str(path.relative_to(PROVIDER)): lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


def _modules() -> dict[str, Path]:
    parts = {path.relative_to(PROVIDER).with_suffix("").parts: path for path in PROVIDER.rglob("*.py")}
    return {".".join(names).removesuffix(".__init__"): path for names, path in parts.items()}


def _imported(path: Path, modules: dict[str, Path]) -> set[str]:
    statements = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)]
    names = [(node.module, f"{node.module}.{alias.name}") for node in statements for alias in node.names]
    return {module if module in modules else parent for parent, module in names if parent in modules}


def test_no_module_of_the_provider_imports_one_that_imports_it_not_even_for_its_types() -> None:
    modules = _modules()
    assert len(modules) > 100
    TopologicalSorter({name: _imported(path, modules) - {name} for name, path in modules.items()}).prepare()
