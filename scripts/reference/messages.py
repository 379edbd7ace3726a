"""The page of all messages: the texts that the code gives to its errors, read from the source.

A message is ``<property>: <problem>. <fix>.``; ``…`` stands for what varies.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from iot_certificate_provider import errors
from reference.message_notes import NOTES
from reference.message_source import VARIES, Module, Scope, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[2]
PROVIDER = ROOT / "provider" / "iot_certificate_provider"
CONSTRUCTS = ROOT / "constructs" / "iot_certificates"
COMMAND_LINE = ROOT / "cli" / "iot_certificates_cli"

_PROVIDER_ERRORS = frozenset(
    name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, errors.ProviderError)
)
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
    ("The command line", ("cli/",)),
)
_WITH_PAIRS = ("aws/", "pki/key_text", "properties/issuance")
"""Modules whose pairs of texts are a problem and its fix."""
_WITH_MEANINGS = {"aws/error_mapping.py": ast.Constant, "constructs/bundling/errors.py": ast.Dict}
"""Modules whose constants, or the values of whose tables, are what the errors of others mean."""
_RETURNING = {
    "handler.py": ("_failure",),
    "fleet/settle.py": ("_problem", "_left"),
    "cli/aws_failures.py": ("explain", "_explain_answer", "_explain_connection"),
}
"""Functions that return whole messages."""
_OTHERS = "Time, answers and others"

_LAST_SENTENCE = re.compile(r"(?P<problem>.*\w.*?)\. (?P<fix>[A-Z][^.]*(?:\.[^ ][^.]*)*)\.?", re.DOTALL)
_INSTRUCTION = re.compile(
    r"(?P<problem>.+?)[;:] (?P<fix>(?:try again|restore it|detach them|declare|allow|deploy again)\b.*)", re.DOTALL
)


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
    def parts(self) -> tuple[str, str]:
        """The problem and the fix; where the problem has the fix in it, as its end, the two apart."""
        if self.fix:
            return self.problem, self.fix
        ours = self.problem.removesuffix(f". AWS: {VARIES}")
        found = _LAST_SENTENCE.fullmatch(ours) or _INSTRUCTION.fullmatch(ours)
        if found is None or not _words(found["problem"]) or found["fix"].endswith(f": {VARIES}"):
            return self.problem, ""
        return found["problem"], found["fix"][:1].upper() + found["fix"][1:]

    @property
    def heading(self) -> str:
        """The problem as the page has it: without the fix, and without what is before the property's colon."""
        return self.parts[0].removeprefix(f"{VARIES}: ")

    @property
    def pattern(self) -> re.Pattern[str]:
        """What a problem is like that this message is of.

        What a property refuses is quoted before the words; AWS's error code, the CA and the fix can come after them.
        """
        return re.compile(
            "(.* )?" + ".*".join(map(re.escape, self.problem.split(VARIES))) + r"( \(.*\)|\. .*)*", re.DOTALL
        )


@cache
def messages() -> list[Message]:
    """Return all messages of function, constructs and command line, each problem once with each of its fixes."""
    source = Source(
        {
            prefix + path.relative_to(folder).as_posix(): path
            for folder, prefix in ((PROVIDER, ""), (CONSTRUCTS, "constructs/"), (COMMAND_LINE, "cli/"))
            for path in sorted(folder.rglob("*.py"))
        }
    )
    found = {
        (message.problem, message.fix): message
        for module in source.modules
        for message in _of_module(source, module)
        if _words(message.problem) > 1 and not message.problem.isupper()
    }
    return sorted(found.values())


def _words(text: str) -> int:
    return len(re.findall(r"[^\W\d_]{2,}", text))


def messages_page(all_messages: Iterable[Message]) -> str:
    """Return the page: a heading for each problem, and its fixes below."""
    areas: dict[str, dict[str, list[str]]] = {}
    for message in all_messages:
        fix = message.parts[1]
        fixes = areas.setdefault(message.area, {}).setdefault(message.heading, [])
        text = fix if fix.endswith("?") else f"{fix}."
        if fix.strip(f"{VARIES} ") and text not in fixes:
            fixes.append(text)
    parts = [_HEAD]
    for title in (*(title for title, _ in _AREAS), _OTHERS):
        parts += [f"## {title}\n"] if title in areas else []
        for problem, fixes in areas.get(title, {}).items():
            parts.append(f"### {escaped(problem)}\n")
            parts += ["".join(f"- {escaped(fix)}\n" for fix in fixes)] if len(fixes) > 1 else []
            parts += [f"{escaped(fix)}\n" for fix in fixes if len(fixes) == 1]
            parts += [f"{NOTES[problem]}\n"] if problem in NOTES else []
    return "\n".join(parts)


_HEAD = """\
# Messages

Every message of the function, the constructs and the command line, by its first words, with its fix. `…` stands for
names, values and numbers. In CloudFormation's events a message begins with the property, such as
`CertificatePem: holds a private key`; at synthesis it begins with the construct's path, and names arguments of Python
(`certificate_pem` for `CertificatePem`). To find a message, search this site for its words. AWS's own words come last,
and are shortened. Where several fixes are listed, the message itself has the one for its case.

[Operations](operations.md) explains stacks that do not move, and
[why an event left a certificate](operations.md#why-an-event-left-it).
"""


def escaped(text: str) -> str:
    """Return a text as Markdown shows it: mark-up is escaped, and a name like SNI_ONLY stays as it is."""
    text = re.sub(r"([\\`*\[\]]|(?<!\w)_|_(?!\w))", r"\\\1", text.strip()).replace("<", "&lt;")
    return re.sub(r"^(\d+)\.", r"\1\\.", text)


def _of_module(source: Source, module: Module) -> Iterator[Message]:
    name, scope = module.name, Scope(module)
    for problem, fix in source.errors(module):
        yield Message(problem, fix.rstrip("."), name)
    for function in _RETURNING.get(name, ()):
        yield from (Message(text, "", name) for text in source.returned(module, function))
    if name in _WITH_MEANINGS:
        constants = [each for values in module.constants.values() for each in values]
        meanings = [value for each in constants if isinstance(each, _WITH_MEANINGS[name]) for value in _values(each)]
        texts = [text for each in meanings for text in source.texts(each, scope)]
        yield from (Message(f"{VARIES}: {text}", "", name) for text in texts)
    for default in (node for node in module.nodes if isinstance(node, ast.AnnAssign)):
        if isinstance(default.target, ast.Name) and default.target.id == "problem" and default.value is not None:
            yield from (Message(problem, "", name) for problem in source.texts(default.value, scope))
    for pair in (node for node in module.nodes if isinstance(node, ast.Tuple) and len(node.elts) == 2):
        yield from _of_pair(source, pair, scope)


def _values(constant: ast.expr) -> list[ast.expr]:
    return constant.values if isinstance(constant, ast.Dict) else [constant]


def _of_pair(source: Source, pair: ast.Tuple, scope: Scope) -> Iterator[Message]:
    """Yield what a table has as pairs: an error's class and its meaning; of AWS's codes the problem and the fix."""
    name = scope.module.name
    first, second = pair.elts
    if isinstance(first, ast.Name) and first.id in _PROVIDER_ERRORS:
        yield from (Message(f"{VARIES}: {meaning}", "", name) for meaning in source.texts(second, scope))
    elif name.startswith(_WITH_PAIRS) and all(isinstance(each, ast.Constant | ast.JoinedStr) for each in pair.elts):
        for problem in source.texts(first, scope):
            yield from (Message(problem, fix.rstrip("."), name) for fix in source.texts(second, scope))
