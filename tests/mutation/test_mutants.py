"""What is changed in a text, and how the changes are called."""

from __future__ import annotations

from textwrap import dedent

import pytest

from mutation.__main__ import listed_survivors
from mutation.mutants import mutants_of
from mutation.trial import PACKAGE, ROOT


def lines(source: str) -> list[str]:
    """Return the changed lines of all mutants."""
    return [mutant.name.partition(" -> ")[2] for mutant in mutants_of("m.py", source)]


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("a = b == c", ["a = b != c"]),
        ("a = b is not None", ["a = b is None"]),
        ("a = b not in c", ["a = b in c"]),
        ("a = b < c", ["a = b <= c", "a = b >= c"]),
        ("a = b and c and d", ["a = b or c and d", "a = b and c or d"]),
        ("a = not b", ["a = b"]),
        ("a = True", ["a = False"]),
        ("a = 7", ["a = 8", "a = (6)"]),
        ("a = b + c", ["a = b - c"]),
        ("a = b if c else d", ["a = b if not (c) else d"]),
        ("f(a, b=c)", ["pass", "f(a)"]),
        ("a = f(b=c, d=e)", ["a = f(d=e)", "a = f(b=c)"]),
        ("a.b = c", ["pass"]),
        ("a[b] = c", ["pass"]),
        ("raise", ["pass"]),
        ("for a in b: f(a)", ["for a in []: f(a)", "for a in b: pass"]),
        ("a = [b for b in c if d]", ["a = [b for b in c if not (d)]", "a = [b for b in [] if d]"]),
        ("with suppress(A, B): f()", ["with suppress(): f()", "with suppress(A, B): pass"]),
        ("a = 'é' + b", ["a = 'é' - b"]),
    ],
)
def test_a_line_and_what_becomes_of_it(source: str, changed: list[str]) -> None:
    assert lines(source) == changed


def test_each_type_of_an_except_clause_is_left_out() -> None:
    assert lines("try: a = b\nexcept A: a = c\nexcept (B, C): a = d") == [
        "except (): a = c",
        "except ((), C): a = d",
        "except (B, ()): a = d",
    ]


@pytest.mark.parametrize(
    "source",
    [
        "a: int | None = b",
        "def f(a: Literal[3]) -> Literal[4]: ...",
        "@dataclass(frozen=True)\nclass A: ...",
        "if TYPE_CHECKING:\n    from a import b\n    c = 1",
        "'''A docstring.'''",
    ],
)
def test_what_nothing_executes_is_left_alone(source: str) -> None:
    assert lines(source) == []


def test_functions_are_called_as_the_interpreter_calls_them() -> None:
    source = dedent("""
        a = 1
        class C:
            b = 2
            def m(self):
                def inner(): return 3
                return lambda: 4
        def f(): return 5
    """)
    definitions = list(dict.fromkeys(mutant.definition for mutant in mutants_of("m.py", source)))
    assert definitions == ["module", "C.m.<locals>.inner", "C.m", "f"]


def test_a_change_has_the_lines_of_its_statement_up_to_a_block() -> None:
    source = dedent("""
        def f(a=1):
            if (
                a > 2
            ):
                return g(
                    3,
                )
            try:
                h(4)
            except A:
                i(5)
    """)
    lines_of = {mutant.name.rpartition(" -> ")[2]: mutant.lines for mutant in mutants_of("m.py", source)}
    assert lines_of["def f(a=2):"] == (2, 2)
    assert lines_of["a >= 2"] == (3, 5)
    assert lines_of["4,"] == (6, 8)
    assert lines_of["h(5)"] == (10, 10)
    assert lines_of["except ():"] == (11, 11)


def test_names_have_no_line_numbers_and_are_distinct() -> None:
    source = "def f(): return a == b\ndef g():\n    if a == b: return\n    if a == b: return\n"
    names = [mutant.name for mutant in mutants_of("m.py", source)]
    commented = source.replace("return\n", "return  # so be it\n")
    assert [mutant.name for mutant in mutants_of("m.py", f"# A comment\n{commented}")] == names
    assert names[1:] == [
        "m.py:g: if a == b: return -> if a != b: return",
        "m.py:g: if a == b: return -> if a != b: return #2",
    ]


def test_every_mutant_of_a_module_is_python_of_its_own() -> None:
    module = "resources/transfer/certificate_transfer.py"
    source = (ROOT / "provider" / PACKAGE / module).read_text(encoding="utf-8")
    mutants = mutants_of(module, source)
    codes = [mutant.code(source) for mutant in mutants]
    assert len({mutant.name for mutant in mutants}) == len(set(codes)) == len(mutants) > 100
    assert source not in codes


def test_every_survivor_that_is_listed_is_a_change_of_a_line_that_there_is() -> None:
    """One whose line has changed explains nothing any more: the next run says whether its successor is killed."""
    listed = listed_survivors()
    modules = {name.partition(":")[0] for name in listed}
    sources = {module: (ROOT / "provider" / PACKAGE / module).read_text(encoding="utf-8") for module in modules}
    names = {mutant.name for module, source in sources.items() for mutant in mutants_of(module, source)}
    assert sorted(listed - names) == []
