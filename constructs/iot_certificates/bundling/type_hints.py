"""Sources without what only type checkers read, which is a tenth of the function's own, and a fifth of compiling them.

That is the annotations of signatures, and the imports under ``if TYPE_CHECKING``. The annotations of classes stay,
because dataclasses read them. Every line keeps its number.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, order=True)
class _Span:
    """A part of a source: lines are counted from 1, columns in bytes from 0, as ``ast`` does."""

    line: int
    column: int
    end_line: int
    end_column: int


def without_annotations(source: str) -> str:
    """Return ``source``, whose annotations nothing may evaluate, without those of signatures."""
    lines = [line.encode() for line in source.split("\n")]
    for span in sorted(_unneeded(ast.parse(source), lines), reverse=True):
        first, last = span.line - 1, span.end_line - 1
        before, after = lines[first][: span.column], lines[last][span.end_column :]
        between = [b""] * (last - first - 1)
        lines[first : last + 1] = [before + after] if first == last else [before, *between, after]
    return b"\n".join(lines).decode()


def _unneeded(tree: ast.Module, lines: list[bytes]) -> Iterator[_Span]:
    for statement in tree.body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING" and not statement.orelse:
            yield _Span(statement.lineno, 0, *_end(statement))
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            yield from _after(b":", (node.lineno, node.col_offset + len(node.arg.encode())), node.annotation, lines)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
            yield from _returned(node.returns, lines)


def _returned(annotation: ast.expr, lines: list[bytes]) -> Iterator[_Span]:
    """Yield the span from the arrow; an annotation of several lines stays, because a signature may not end in one."""
    before = lines[annotation.lineno - 1][: annotation.col_offset]
    arrow = before.rfind(b"->")
    if arrow >= 0 and annotation.lineno == annotation.end_lineno:
        yield from _after(b"->", (annotation.lineno, len(before[:arrow].rstrip())), annotation, lines)


def _after(mark: bytes, start: tuple[int, int], annotation: ast.expr, lines: list[bytes]) -> Iterator[_Span]:
    """Yield the span from ``start`` to the annotation's end, if there is nothing but ``mark`` before it: no bracket."""
    line, column = start
    if line == annotation.lineno and lines[line - 1][column : annotation.col_offset].strip() == mark:
        yield _Span(line, column, *_end(annotation))


def _end(node: ast.stmt | ast.expr) -> tuple[int, int]:
    if node.end_lineno is None or node.end_col_offset is None:
        raise AssertionError("ast.parse knows where every part ends")
    return node.end_lineno, node.end_col_offset
