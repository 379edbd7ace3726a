"""The texts that errors can have, read from the source.

A text that is decided elsewhere is followed: to a constant, also an imported one; to a local name, branch by branch, so
that a problem keeps the fix of its branch; to a function's returns; to the callers of a function that takes the fix; to
the declarations of the properties.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

from iot_certificate_provider import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

VARIES = "…"
_FIELD = re.compile(r"\{\w+\}")
_DEEPEST = 6
_MOST_BRANCHES = 128

_PROBLEM_SECOND = frozenset({"InvalidPropertyError"})
_PROBLEM_THIRD = frozenset({"CertificateDeclarationError"})
_PROBLEM_FIRST = frozenset({
    "CommandError", "UsageError", "BundlingError",
    *(name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, errors.ProviderError)),
})  # fmt: skip
_PROBLEM_AT = {
    **dict.fromkeys(_PROBLEM_FIRST, 0),
    **dict.fromkeys(_PROBLEM_SECOND, 1),
    **dict.fromkeys(_PROBLEM_THIRD, 2),
}
"""Where each error's problem is among its arguments; its fix comes next."""
_FIX_AT = {"AlreadyExistsError": 3}
"""The errors whose fix does not come next."""

Named = dict[str, list[ast.expr]]


@dataclass(eq=False)
class Module:
    """A module of the source. ``name``: where it is, below its package."""

    name: str
    tree: ast.Module

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of its tree."""
        return list(ast.walk(self.tree))

    @cached_property
    def constants(self) -> Named:
        """The values that are assigned to its names."""
        return named(self.tree.body)

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        """Its functions and methods, by name."""
        return {each.name: each for each in self.nodes if isinstance(each, ast.FunctionDef)}

    @cached_property
    def calls(self) -> list[tuple[ast.Call, Scope]]:
        """Each call, once for each way through the function to it."""
        found: list[tuple[ast.Call, Scope]] = []
        seen: set[ast.Call] = set()
        for function in self.functions_of_all_names:
            for call, state in _ways(function):
                found.append((call, Scope(self, state, function)))
                seen.add(call)
        rest = (each for each in self.nodes if isinstance(each, ast.Call) and each not in seen)
        return found + [(call, Scope(self)) for call in rest]

    @property
    def functions_of_all_names(self) -> list[ast.FunctionDef]:
        """Its functions and methods, also several of one name."""
        return [each for each in self.nodes if isinstance(each, ast.FunctionDef)]


@dataclass(eq=False)
class Scope:
    """The values of the names in scope of a text."""

    module: Module
    local: Named = field(default_factory=dict)
    function: ast.FunctionDef | None = None


def named(nodes: Iterable[ast.AST]) -> Named:
    """Return what names are assigned, in the order of the assignments."""
    found: Named = {}
    for node in nodes:
        _assign(found, node)
    return found


def _assign(found: Named, node: ast.AST) -> None:
    if isinstance(node, ast.Assign):
        _assign_to(found, node.targets[0], node.value)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        _assign_to(found, node.target, node.value)


def _assign_to(found: Named, target: ast.expr, value: ast.expr) -> None:
    if isinstance(target, ast.Name):
        found.setdefault(target.id, []).append(value)
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for each, one in zip(target.elts, value.elts, strict=False):
            _assign_to(found, each, one)


def _ways(function: ast.FunctionDef) -> list[tuple[ast.Call, Named]]:
    """Return each call of a function with what names are there, for each way through the branches before it."""
    found: list[tuple[ast.Call, Named]] = []
    _follow(function.body, [{}], found)
    return found


def _follow(body: list[ast.stmt], states: list[Named], found: list[tuple[ast.Call, Named]]) -> list[Named]:
    for statement in body:
        own = (each for each in ast.iter_child_nodes(statement) if isinstance(each, ast.expr | ast.withitem))
        calls = [call for each in own for call in ast.walk(each) if isinstance(call, ast.Call)]
        found += [(call, state) for call in calls for state in states]
        states = _after(statement, states, found)
        if len(states) > _MOST_BRANCHES:
            states = [_merged(states)]
    return states


def _after(statement: ast.stmt, states: list[Named], found: list[tuple[ast.Call, Named]]) -> list[Named]:
    if isinstance(statement, ast.Return | ast.Raise | ast.Continue | ast.Break):
        return []
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        new: Named = {}
        _assign(new, statement)
        return [{**state, **new} for state in states]
    if isinstance(statement, ast.If | ast.For | ast.While):
        return _follow(statement.body, states, found) + _follow(statement.orelse, states, found)
    if isinstance(statement, ast.With):
        return _follow(statement.body, states, found)
    if isinstance(statement, ast.Try):
        after = _follow(statement.body, states, found)
        handled = [way for each in statement.handlers for way in _follow(each.body, [*states, *after], found)]
        return _follow(statement.finalbody, _follow(statement.orelse, after, found) + handled or states, found)
    return states


def _merged(states: list[Named]) -> Named:
    names = {name for state in states for name in state}
    return {name: list({id(one): one for state in states for one in state.get(name, [])}.values()) for name in names}


class Source:
    """All modules, and the texts of their errors."""

    def __init__(self, modules: dict[str, Path]) -> None:
        self.modules = [Module(name, ast.parse(path.read_text(encoding="utf-8"))) for name, path in modules.items()]

    def errors(self, module: Module) -> Iterator[tuple[str, str]]:
        """Yield the problems and fixes of the calls that make an error, or declare what a property refuses."""
        for call, scope in module.calls:
            yield from self._of_call(call, scope)

    def _of_call(self, call: ast.Call, scope: Scope) -> Iterator[tuple[str, str]]:
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        keywords = {each.arg: each.value for each in call.keywords}
        if name in _PROBLEM_AT:
            first = _PROBLEM_AT[name]
            for arguments in _unpacked(call.args[first:], scope):
                fix_at = _FIX_AT.get(name, first + 1) - first
                fix = arguments[fix_at] if len(arguments) > fix_at else keywords.get("fix")
                yield from self._pairs(arguments[0], fix, scope)
        elif isinstance(call.func, ast.Attribute) and call.func.attr == "_error" and len(call.args) > 1:
            yield from self._pairs(call.args[1], call.args[2] if len(call.args) > 2 else None, scope)
        elif name == "Decision" and isinstance(call.args[0], ast.Attribute) and call.args[0].attr == "REFUSE":
            yield from self._pairs(call.args[1], _fix_of_refusal(call, scope.module), scope)
        else:
            for of_problem, of_fix in (("problem", "fix"), ("several", "several_fix")):
                if of_problem in keywords:
                    fixes = self._fixes_declared(name, keywords.get(of_fix), scope)
                    yield from product(self.texts(keywords[of_problem], scope), fixes)

    def _fixes_declared(self, kind: str, given: ast.expr | None, scope: Scope) -> list[str]:
        """Return the fixes of what a property declares: given, by default, or what the reader of its kind gives."""
        if given is not None:
            return self.texts(given, scope)
        default = self.defaults.get((kind, "fix"))
        return [default] if default else self.fixes_of_kinds.get(kind, [""])

    @cached_property
    def defaults(self) -> dict[tuple[str, str], str]:
        """The texts that fields of the classes have by default, by class and field."""
        return {
            (each.name, field_.target.id): field_.value.value
            for module in self.modules
            for each in module.nodes
            if isinstance(each, ast.ClassDef)
            for field_ in each.body
            if isinstance(field_, ast.AnnAssign)
            and isinstance(field_.target, ast.Name)
            and isinstance(field_.value, ast.Constant)
            and isinstance(field_.value.value, str)
        }

    @cached_property
    def fixes_of_kinds(self) -> dict[str, list[str]]:
        """The fixes that a reader of one kind of property gives with the property's own problem."""
        found: dict[str, list[str]] = {}
        for module in self.modules:
            for call, scope in module.calls:
                is_error = isinstance(call.func, ast.Attribute) and call.func.attr == "_error" and len(call.args) > 2
                if is_error and "declared.problem" in ast.unparse(call):
                    kinds = [each.annotation for each in scope.function.args.args] if scope.function else []
                    for kind in (each.id for each in kinds if isinstance(each, ast.Name)):
                        found.setdefault(kind, []).extend(self.texts(call.args[2], scope))
        return found

    @cached_property
    def _keywords(self) -> dict[str, list[tuple[ast.expr, Scope]]]:
        found: dict[str, list[tuple[ast.expr, Scope]]] = {}
        for module in self.modules:
            for call in (each for each in module.nodes if isinstance(each, ast.Call)):
                for keyword in call.keywords:
                    found.setdefault(keyword.arg or "", []).append((keyword.value, Scope(module)))
        return found

    @cached_property
    def _callers(self) -> dict[str, list[tuple[ast.Call, Scope]]]:
        found: dict[str, list[tuple[ast.Call, Scope]]] = {}
        for module in self.modules:
            for call, scope in module.calls:
                if isinstance(call.func, ast.Name):
                    found.setdefault(call.func.id, []).append((call, scope))
        return found

    def _pairs(self, problem: ast.expr, fix: ast.expr | None, scope: Scope) -> list[tuple[str, str]]:
        # A parameter that is the problem stays what varies: its callers have the fix that belongs to each.
        fixes = [""] if fix is None else self.texts(fix, scope, parameters=not _is_parameter(problem, scope))
        return list(product(self.texts(problem, scope), fixes))

    def texts(self, value: ast.expr, scope: Scope, depth: int = 0, *, parameters: bool = False) -> list[str]:
        """Return what an expression can be as a text; ``…`` for what varies."""
        if depth > _DEEPEST:
            return [VARIES]
        if isinstance(value, ast.Constant):
            return [_FIELD.sub(VARIES, str(value.value))]
        if isinstance(value, ast.JoinedStr):
            parts = [
                [str(part.value)] if isinstance(part, ast.Constant) else self._formatted(part, scope, depth + 1)
                for part in value.values
            ]
            return ["".join(each) for each in product(*parts)]
        inner = self._where_decided(value, scope, parameters=parameters)
        found = [text for each, where in inner for text in self.texts(each, where, depth + 1, parameters=parameters)]
        return list(dict.fromkeys(found)) or [VARIES]

    def _where_decided(self, value: ast.expr, scope: Scope, *, parameters: bool) -> list[tuple[ast.expr, Scope]]:
        if isinstance(value, ast.IfExp):
            return [(value.body, scope), (value.orelse, scope)]
        if isinstance(value, ast.BoolOp):
            return [(each, scope) for each in value.values]
        if isinstance(value, ast.Name):
            return self._of_name(value.id, scope, parameters=parameters)
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            return _returns(scope.module, value.func.id)
        if isinstance(value, ast.Attribute) and ast.unparse(value.value) in {"declared", "ISSUER", "_COMMON_NAME"}:
            # A property's own text; one that is made from its other fields is a method.
            of_methods = [each for module in self.modules for each in _returns(module, value.attr, of_property=True)]
            return of_methods or self._keywords.get(value.attr, [])
        return []

    def _of_name(self, name: str, scope: Scope, *, parameters: bool) -> list[tuple[ast.expr, Scope]]:
        if name in scope.local:
            return [(each, scope) for each in scope.local[name]]
        if parameters and scope.function is not None and name in (each.arg for each in scope.function.args.args):
            return self._arguments(scope.function, name)
        if name in scope.module.constants:
            return [(each, Scope(scope.module)) for each in scope.module.constants[name]]
        return [(each, Scope(module)) for module in self._from(scope.module, name) for each in module.constants[name]]

    def _from(self, module: Module, name: str) -> list[Module]:
        """Return the module that a name is imported from."""
        for node in module.nodes:
            if isinstance(node, ast.ImportFrom) and any(each.name == name for each in node.names):
                path = (node.module or "").split(".", 1)[-1].replace(".", "/") + ".py"
                return [each for each in self.modules if each.name.endswith(path) and name in each.constants][:1]
        return []

    def _arguments(self, function: ast.FunctionDef, name: str) -> list[tuple[ast.expr, Scope]]:
        """Return what the callers of a function give for one of its parameters."""
        at = [each.arg for each in function.args.args].index(name)
        return [
            (call.args[at], scope)
            for call, scope in self._callers.get(function.name, [])
            if len(call.args) > at and scope.function is not function
        ]

    def _formatted(self, part: ast.expr, scope: Scope, depth: int) -> list[str]:
        # A choice of two words, a text that has a name, and the fix are written out; everything else varies.
        value = part.value if isinstance(part, ast.FormattedValue) else None
        if isinstance(value, ast.IfExp):
            return self.texts(value, scope, depth)
        if isinstance(value, ast.Name):
            given = [each for each, _ in self._of_name(value.id, scope, parameters=False)]
            is_text = value.id.isupper() and bool(given) and all(map(_is_text, given))
            return self.texts(value, scope, depth) if value.id == "fix" or is_text else [VARIES]
        return [VARIES]

    def returned(self, module: Module, function: str) -> list[str]:
        """Return the texts that a function returns."""
        return [text for value, scope in _returns(module, function) for text in self.texts(value, scope)]


def _is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _unpacked(arguments: list[ast.expr], scope: Scope) -> Iterator[list[ast.expr]]:
    if arguments and isinstance(arguments[0], ast.Starred):
        inner = arguments[0].value
        name = inner.id if isinstance(inner, ast.Name) else ""
        values = scope.local.get(name, []) or scope.module.constants.get(name, [])
        yield from (value.elts for value in values if isinstance(value, ast.Tuple))
    elif arguments:
        yield arguments


def _is_parameter(value: ast.expr, scope: Scope) -> bool:
    if not isinstance(value, ast.Name) or scope.function is None:
        return False
    return value.id not in scope.local and value.id in (each.arg for each in scope.function.args.args)


def _returns(module: Module, name: str, *, of_property: bool = False) -> list[tuple[ast.expr, Scope]]:
    """Return what a function of the module returns, with what names are there."""
    function = module.functions.get(name)
    if function is None or (of_property and not function.decorator_list):
        return []
    scope = Scope(module, named(ast.walk(function)), function)
    values = [each.value for each in ast.walk(function) if isinstance(each, ast.Return) and each.value is not None]
    return [(value, scope) for value in values]


def _fix_of_refusal(call: ast.Call, module: Module) -> ast.expr | None:
    """Return what the module's ``fix_of`` returns for a decision that has a name."""
    function = module.functions.get("fix_of")
    if function is None:
        return None
    name = next((name for name, values in module.constants.items() if call in values), "")
    for statement in function.body:
        is_its = isinstance(statement, ast.If) and name in ast.unparse(statement.test).split()
        answer = statement.body[0] if isinstance(statement, ast.If) and is_its else statement
        if isinstance(answer, ast.Return):
            return answer.value
    return None
