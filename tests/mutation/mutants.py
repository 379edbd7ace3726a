"""What is changed: one decision, one call or one number at a time, in the text of a module.

Not one of the usual tools: mutmut leaves functions with a decorator alone (what undoes a registration is one) and does
not notice a module that is executed under another name (``tests/protocol`` does that); cosmic-ray starts an interpreter
for each change, and removes no statements and no arguments, which is how this code typically would go wrong.
Left out: texts (messages are tested where they matter), type hints, decorators, and operators of another kind.
"""

from __future__ import annotations

import ast
import difflib
import itertools
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMPARISONS: dict[type[ast.cmpop], tuple[str, tuple[str, ...]]] = {
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: ("is not", ("is",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
    ast.Lt: ("<", ("<=", ">=")),
    ast.LtE: ("<=", ("<", ">")),
    ast.Gt: (">", (">=", "<=")),
    ast.GtE: (">=", (">", "<")),
}
_CALCULATIONS: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.Pow: ("**", "*"),
}
_COMMENT = re.compile(r"  # .*$", re.MULTILINE)
_NOT_EXECUTED = frozenset({"annotation", "returns", "decorator_list"})


@dataclass(frozen=True)
class Mutant:
    """One change of a module's text: what stands between two places becomes ``replacement``.

    ``name`` says what is changed in which function, without line numbers: a listed survivor is found again in a file
    that has grown. ``lines``: the first and the last of the statement, or of what stands before its block.
    """

    module: str
    definition: str
    start: int
    end: int
    replacement: str
    lines: tuple[int, int]
    name: str = ""

    def code(self, original: str) -> str:
        """Return the whole module as it is with the change."""
        return original[: self.start] + self.replacement + original[self.end :]


def mutants_of(module: str, source: str) -> list[Mutant]:
    """Return all mutants of a module that are Python, each with a name of its own."""
    changes = _Changes(source)
    seen: dict[str, Iterator[int]] = {}
    named = []
    for scope, start, end, replacement in changes.of(ast.parse(source), Scope()):
        mutant = Mutant(module, scope.definition, start, end, replacement, scope.lines)
        if not _compiles(mutant.code(source)):
            continue
        name = f"{module}:{scope.definition}: {_changed_lines(source, mutant)}"
        number = next(seen.setdefault(name, itertools.count(1)))
        named.append(replace(mutant, name=name if number == 1 else f"{name} #{number}"))
    return named


def _changed_lines(source: str, mutant: Mutant) -> str:
    first, last = source.rfind("\n", 0, mutant.start) + 1, source.find("\n", mutant.end)
    lines = source[first : None if last < 0 else last]
    changed = source[first : mutant.start] + mutant.replacement + lines[mutant.end - first :]
    before, after = (_COMMENT.sub("", text).splitlines() for text in (lines, changed))
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    spans = [span for span in matcher.get_opcodes() if span[0] != "equal"]
    old = " ".join(line.strip() for _, start, end, _, _ in spans for line in before[start:end])
    new = " ".join(line.strip() for _, _, _, start, end in spans for line in after[start:end])
    return f"{old} -> {new}"


MODULE = "module"
"""Where a change is that lies in no function."""


@dataclass(frozen=True)
class Scope:
    """Where a node is: the function around it, what the names of functions in it begin with, and its statement's lines.

    A statement with a block has the lines before the block.
    """

    definition: str = MODULE
    prefix: str = ""
    lines: tuple[int, int] = (0, 0)


Change = tuple[Scope, int, int, str]
"""Where it is, the two places, and the replacement."""


class _Changes:
    """Finds what can be changed in a tree whose text is known."""

    def __init__(self, source: str) -> None:
        self._source = source
        starts = itertools.accumulate((len(line) for line in source.splitlines(keepends=True)), initial=0)
        self._starts = list(starts)
        self._lines = source.splitlines(keepends=True)

    def of(self, node: ast.AST, scope: Scope) -> Iterator[Change]:
        """Yield the changes in a node and below."""
        for start, end, replacement in self._here(node):
            yield scope, start, end, replacement
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        for field, value in ast.iter_fields(node):
            if field not in _NOT_EXECUTED:
                for child in value if isinstance(value, list) else [value]:
                    if isinstance(child, ast.AST):
                        yield from self.of(child, _inside(child, scope))

    def _here(self, node: ast.AST) -> Iterator[tuple[int, int, str]]:
        yield from self._operators(node)
        yield from self._literals(node)
        yield from self._conditions(node)
        yield from self._arguments(node)
        yield from self._statements(node)
        yield from self._handlers(node)

    def _operators(self, node: ast.AST) -> Iterator[tuple[int, int, str]]:
        match node:
            case ast.Compare():
                yield from self._comparisons(node)
            case ast.BoolOp():
                word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
                for left, right in itertools.pairwise(node.values):
                    yield self._between(left, right, word, other)
            case ast.BinOp() if type(node.op) in _CALCULATIONS:
                yield self._between(node.left, node.right, *_CALCULATIONS[type(node.op)])
            case ast.UnaryOp(op=ast.Not()):
                yield self._instead(node, self._text(node.operand))

    def _literals(self, node: ast.AST) -> Iterator[tuple[int, int, str]]:
        match node:
            case ast.Constant(value=bool() as truth):
                yield self._instead(node, str(not truth))
            case ast.Constant(value=(int() | float()) as number):
                yield self._instead(node, str(number + 1))
                yield self._instead(node, f"({number - 1})")

    def _handlers(self, node: ast.AST) -> Iterator[tuple[int, int, str]]:
        """Have an ``except`` let one of its types through."""
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            types = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            yield from (self._instead(each, "()") for each in types)

    def _comparisons(self, node: ast.Compare) -> Iterator[tuple[int, int, str]]:
        for (left, right), operator in zip(itertools.pairwise([node.left, *node.comparators]), node.ops, strict=True):
            written, others = _COMPARISONS[type(operator)]
            for other in others:
                yield self._between(left, right, written, other)

    def _conditions(self, node: ast.AST) -> Iterator[tuple[int, int, str]]:
        """Negate a condition, unless that is what happens to the comparison or the ``not`` in it anyway."""
        tests = node.ifs if isinstance(node, ast.comprehension) else [getattr(node, "test", None)]
        for test in tests:
            if test is not None and not isinstance(test, ast.Compare | ast.UnaryOp) and not _is_for_types(test):
                yield self._instead(test, f"not ({self._text(test)})")

    def _statements(self, node: ast.AST) -> Iterator[tuple[int, int, str]]:
        match node:
            case ast.Expr(value=ast.Call()) | ast.Raise() | ast.Delete():
                yield self._instead(node, "pass")
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.AugAssign():
                yield self._instead(node, "pass")
            case ast.For() | ast.comprehension():
                yield self._instead(node.iter, "[]")
            case ast.Break():
                yield self._instead(node, "continue")
            case ast.Continue():
                yield self._instead(node, "break")

    def _arguments(self, node: ast.AST) -> Iterator[tuple[int, int, str]]:
        """Leave a keyword argument out; have ``suppress`` let everything through."""
        if not isinstance(node, ast.Call):
            return
        if isinstance(node.func, ast.Name) and node.func.id == "suppress":
            yield self._start(node.args[0]), self._end(node.args[-1]), ""
        places = [(self._start(each), self._end(each)) for each in (*node.args, *node.keywords)]
        for number, keyword in enumerate(node.keywords, len(node.args)):
            if keyword.arg is not None:
                first = places[number - 1][1] if number else places[number][0]
                last = places[number][1]
                if not number and len(places) > 1:
                    last = places[1][0]
                yield first, last, ""

    def _instead(self, node: ast.AST, text: str) -> tuple[int, int, str]:
        return self._start(node), self._end(node), text

    def _between(self, left: ast.AST, right: ast.AST, written: str, other: str) -> tuple[int, int, str]:
        """Replace an operator; nothing but brackets, comments and space stands between it and its operands."""
        first, last = self._end(left), self._start(right)
        between = self._source[first:last]
        at = between.index(written)
        return first, last, between[:at] + other + between[at + len(written) :]

    def _text(self, node: ast.AST) -> str:
        return self._source[self._start(node) : self._end(node)]

    def _start(self, node: ast.AST) -> int:
        return self._place(node.lineno, node.col_offset)  # type: ignore[attr-defined]

    def _end(self, node: ast.AST) -> int:
        return self._place(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def _place(self, line: int, column: int) -> int:
        # Columns count bytes of UTF-8.
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())


def _inside(child: ast.AST, scope: Scope) -> Scope:
    """Return the scope of a child: functions are called as the interpreter calls them (``__qualname__``)."""
    if isinstance(child, ast.stmt | ast.ExceptHandler):
        scope = replace(scope, lines=_lines_of(child))
    if isinstance(child, ast.FunctionDef):
        return replace(scope, definition=f"{scope.prefix}{child.name}", prefix=f"{scope.prefix}{child.name}.<locals>.")
    if isinstance(child, ast.ClassDef):
        return replace(scope, prefix=f"{scope.prefix}{child.name}.")
    return scope


def _lines_of(statement: ast.stmt | ast.ExceptHandler) -> tuple[int, int]:
    block = getattr(statement, "body", None) or getattr(statement, "cases", None)
    if not block:
        return statement.lineno, statement.end_lineno or statement.lineno
    first = block[0].pattern if isinstance(block[0], ast.match_case) else block[0]
    return statement.lineno, max(statement.lineno, first.lineno - 1)


def _is_for_types(test: ast.AST) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def _compiles(code: str) -> bool:
    try:
        compile(code, "mutant", "exec")
    except SyntaxError:
        return False
    return True
