"""The page of all messages: the texts that the code gives to its errors, read from the source.

A message is ``<property>: <problem>. <fix>.``; ``…`` stands for what varies. A problem that is decided elsewhere in the
module, as a constant or in a branch, is followed to its texts.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from iot_certificate_provider import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[2]
PROVIDER = ROOT / "provider" / "iot_certificate_provider"
CONSTRUCTS = ROOT / "constructs" / "iot_certificates"

_VARIES = "…"
_FIELD = re.compile(r"\{\w+\}")
_PROBLEM_SECOND = frozenset({"InvalidPropertyError"})
_PROBLEM_THIRD = frozenset({"CertificateDeclarationError"})
_PROBLEM_FIRST = frozenset(
    name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, errors.ProviderError)
)
_PROBLEM_AT = {
    **dict.fromkeys(_PROBLEM_FIRST, 0),
    **dict.fromkeys(_PROBLEM_SECOND, 1),
    **dict.fromkeys(_PROBLEM_THIRD, 2),
}
"""Where each error's problem is among its arguments; its fix comes next."""

_AREAS = (
    ("Certificates, keys and requests", ("pki/",)),
    ("Properties", ("properties/", "protocol/envelope.py", "handler.py")),
    ("Secrets, keys and AWS", ("aws/", "resources/keys/")),
    ("Transfers", ("resources/transfer/",)),
    (
        "In use, and registered already",
        ("resources/lifecycle/", "resources/device/", "resources/issued/", "resources/removal/"),
    ),
    ("CA certificates", ("resources/ca/",)),
    ("Fleets", ("fleet/",)),
    ("At synthesis", ("constructs/",)),
)
_WITH_PAIRS = ("aws/", "pki/key_text", "properties/issuance")
"""Modules whose pairs of texts are a problem and its fix."""
_AWS_ERRORS = "aws/error_mapping.py"
"""The module whose constants are what AWS's errors mean."""
_OTHERS = "Time, answers and others"


@dataclass(frozen=True, order=True)
class Message:
    """A text that an error can have: problem and fix, with ``…`` for what varies; ``file`` gives it."""

    problem: str
    fix: str
    file: str

    @property
    def area(self) -> str:
        """The part of the page that has it."""
        return next((title for title, folders in _AREAS if self.file.startswith(folders)), _OTHERS)

    @property
    def pattern(self) -> re.Pattern[str]:
        """What a problem is like that this message is of.

        What a property refuses is quoted before the words; AWS's error code, the CA and the fix can come after them.
        """
        return re.compile(
            "(.* )?" + ".*".join(map(re.escape, self.problem.split(_VARIES))) + r"( \(.*\)|\. .*)*", re.DOTALL
        )


def messages() -> list[Message]:
    """Return all messages of the function and of the constructs, each problem once with each of its fixes."""
    found = {
        (message.problem, message.fix): message
        for folder, prefix in ((PROVIDER, ""), (CONSTRUCTS, "constructs/"))
        for path in sorted(folder.rglob("*.py"))
        for message in _of_file(path, prefix + path.relative_to(folder).as_posix())
        if len(re.findall(r"[^\W\d_]{2,}", message.problem)) > 1 and not message.problem.isupper()
    }
    return sorted(found.values())


def messages_page(all_messages: Iterable[Message]) -> str:
    """Return the page: a heading for each problem, and its fixes below."""
    areas: dict[str, dict[str, list[str]]] = {}
    for message in all_messages:
        fixes = areas.setdefault(message.area, {}).setdefault(message.problem, [])
        if message.fix and message.fix not in fixes:
            fixes.append(message.fix)
    parts = [_HEAD]
    for title in (*(title for title, _ in _AREAS), _OTHERS):
        parts += [f"## {title}\n"] if title in areas else []
        for problem, fixes in areas.get(title, {}).items():
            parts.append(f"### {_escaped(problem.removeprefix(f'{_VARIES}: '))}\n")
            parts += [f"{_escaped(fix)}.\n" for fix in fixes if fix.strip(f"{_VARIES} ")]
    return "\n".join(parts)


_HEAD = """\
# Messages

Every message of the function and the constructs, by its first words, with the fix that it names. `…` stands for names,
values and numbers. In CloudFormation's events a message begins with the property, such as
`CertificatePem: holds a private key`; at synthesis it begins with the construct's path. To find a message, search
this site for its words. AWS's own words come last, and are shortened.

[Operations](operations.md) explains stacks that do not move, and
[why an event left a certificate](operations.md#why-an-event-left-it).
"""


def _escaped(text: str) -> str:
    """Return a text as Markdown shows it: what looks like mark-up is escaped."""
    text = re.sub(r"([\\`*_<>\\[\\]|])", r"\\\\\\1", text.strip())
    return re.sub(r"^(\\d+)\\.", r"\\1\\\\.", text)


def _of_file(path: Path, name: str) -> Iterator[Message]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    within = {call: function for function in functions for call in ast.walk(function) if isinstance(call, ast.Call)}
    constants = _named(each for each in tree.body)
    locals_of = {function: _named(ast.walk(function)) for function in functions}
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        local = locals_of[within[call]] if call in within else {}
        for problem, fix in _Texts({**constants, **local}).of_error(call):
            yield Message(problem, fix.rstrip("."), name)
    texts = _Texts(constants)
    if name == _AWS_ERRORS:
        meanings = (each for values in constants.values() for each in values if isinstance(each, ast.Constant))
        yield from (Message(f"{_VARIES}: {each.value}", "", name) for each in meanings if isinstance(each.value, str))
    for default in (node for node in ast.walk(tree) if isinstance(node, ast.AnnAssign)):
        if isinstance(default.target, ast.Name) and default.target.id == "problem" and default.value is not None:
            yield from (Message(problem, "", name) for problem in texts.texts(default.value))
    for pair in (node for node in ast.walk(tree) if isinstance(node, ast.Tuple) and len(node.elts) == 2):
        for problem, fix in texts.of_pair(pair, of_texts=name.startswith(_WITH_PAIRS)):
            yield Message(problem, fix.rstrip("."), name)


_Named = dict[str, list[ast.expr]]


def _named(nodes: Iterable[ast.AST]) -> _Named:
    """Return what names are assigned, in the order of the assignments."""
    named: _Named = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            _assign(named, node.targets[0], node.value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            _assign(named, node.target, node.value)
    return named


def _assign(named: _Named, target: ast.expr, value: ast.expr) -> None:
    if isinstance(target, ast.Name):
        named.setdefault(target.id, []).append(value)
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for each, one in zip(target.elts, value.elts, strict=False):
            _assign(named, each, one)


@dataclass(frozen=True)
class _Texts:
    """What expressions can be as texts, where names have been assigned literals."""

    named: _Named

    def of_error(self, call: ast.Call) -> Iterator[tuple[str, str]]:
        """Yield the problems and fixes of a call that makes an error, or that declares what a property refuses."""
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        keywords = {each.arg: each.value for each in call.keywords}
        if name in _PROBLEM_AT:
            for arguments in self._unpacked(call.args[_PROBLEM_AT[name] :]):
                yield from self._pairs(arguments[0], arguments[1] if len(arguments) > 1 else None)
        elif isinstance(call.func, ast.Attribute) and call.func.attr == "_error" and len(call.args) > 1:
            yield from self._pairs(call.args[1], call.args[2] if len(call.args) > 2 else None)
        elif name == "Decision" and isinstance(call.args[0], ast.Attribute) and call.args[0].attr == "REFUSE":
            yield from self._pairs(call.args[1], None)
        else:
            for problem, fix in (("problem", "fix"), ("several", "several_fix")):
                if problem in keywords:
                    yield from self._pairs(keywords[problem], keywords.get(fix))

    def of_pair(self, pair: ast.Tuple, *, of_texts: bool) -> Iterator[tuple[str, str]]:
        """Yield what a table has as pairs: an error's class and its meaning; of AWS's codes the problem and the fix."""
        first, second = pair.elts
        if isinstance(first, ast.Name) and first.id in _PROBLEM_FIRST:
            yield from ((f"{_VARIES}: {meaning}", "") for meaning in self.texts(second))
        elif of_texts and all(isinstance(each, ast.Constant | ast.JoinedStr) for each in pair.elts):
            yield from self._pairs(first, second)

    def _pairs(self, problem: ast.expr, fix: ast.expr | None) -> list[tuple[str, str]]:
        problems = self.texts(problem)
        fixes = [""] if fix is None else self.texts(fix)
        # Two names that are assigned together, in several branches, belong together.
        together = isinstance(problem, ast.Name) and isinstance(fix, ast.Name) and len(problems) == len(fixes)
        return list(zip(problems, fixes, strict=True)) if together else list(product(problems, fixes))

    def _unpacked(self, arguments: list[ast.expr]) -> Iterator[list[ast.expr]]:
        if arguments and isinstance(arguments[0], ast.Starred):
            inner = arguments[0].value
            values = self.named.get(inner.id, []) if isinstance(inner, ast.Name) else []
            yield from (value.elts for value in values if isinstance(value, ast.Tuple))
        elif arguments:
            yield arguments

    def texts(self, value: ast.expr) -> list[str]:
        if isinstance(value, ast.Constant):
            return [_FIELD.sub(_VARIES, str(value.value))]
        if isinstance(value, ast.JoinedStr):
            parts = [
                [str(part.value)] if isinstance(part, ast.Constant) else self._formatted(part) for part in value.values
            ]
            return ["".join(each) for each in product(*parts)]
        if isinstance(value, ast.IfExp):
            return [*self.texts(value.body), *self.texts(value.orelse)]
        if isinstance(value, ast.Name) and value.id in self.named:
            texts = [text for one in self.named[value.id] if not isinstance(one, ast.Name) for text in self.texts(one)]
            return texts or [_VARIES]
        return [_VARIES]

    def _formatted(self, part: ast.expr) -> list[str]:
        # A choice of two words is written out; everything else varies.
        chosen = part.value if isinstance(part, ast.FormattedValue) else None
        return self.texts(chosen) if isinstance(chosen, ast.IfExp) else [_VARIES]
