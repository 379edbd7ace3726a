"""Every call that destroys, detaches, cancels, overwrites or relabels is made in a few modules, after a decision."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

RESOURCES = Path(__file__).parents[2] / "provider" / "iot_certificate_provider" / "resources"

DESTRUCTIVE: dict[str, set[str]] = {
    "delete_certificate": {"removal/device_certificate.py"},
    "delete_ca_certificate": {"ca/registration.py"},
    "delete_thing": {"ca/device_certificate_sweep.py"},
    "delete_registration_code": {"registration_code.py"},
    "detach_policy": {"removal/attachments.py", "removal/device_certificate.py"},
    "detach_thing": {"removal/attachments.py", "removal/device_certificate.py", "ca/device_certificate_sweep.py"},
    "cancel_certificate_transfer": {"transfer/taking_back.py"},
    "put_pending": {"keys/credentials.py"},
    "make_current": {"keys/credentials.py"},
    "remove_pending": {"keys/credentials.py"},
    "untag": {"ca/change.py"},
}
"""The gateways' methods, and the modules that may call them on a gateway."""

GATEWAYS = frozenset({"iot", "_iot", "_secrets"})

DECIDED: dict[str, dict[str, set[str]]] = {
    "registration_code.py": {"delete_registration_code": {"_deletion"}},
    "keys/credentials.py": {"make_current": {"_replacing", "_is_alive"}, "remove_pending": {"labels"}},
}
"""Functions that make such a call, and what they have to ask first, in the same function."""

ENTRANCES: dict[str, dict[str, set[str]]] = {
    "remove_live": {
        "transfer/acceptance.py": {"delete", "remove_leftover"},
        "ca/device_certificate_sweep.py": set(),
        "removal/device_certificate.py": set(),
    },
    "remove_and_release": {"device/deletion.py": {"of_own", "_remove_leftover"}},
    "take_back": {"transfer/certificate_transfer.py": {"_undo_earlier_delivery", "_take_back"}},
    "_undo_earlier_delivery": {"transfer/certificate_transfer.py": {"_take_up"}},
    "cancel": {"transfer/certificate_transfer.py": {"_cancel"}, "transfer/taking_back.py": {"take_back"}},
    "settle": {"ca/self_signed_ca_certificate.py": {"delete"}, "issued/new_key_history.py": {"removed"}},
    "write": {"ca/self_signed_ca_certificate.py": {"_make"}, "issued/new_key_history.py": {"_make"}},
}
"""Our own methods that lead to such a call, and the functions that may call them; an empty set: any of the module."""

ASKED: dict[tuple[str, str], set[str]] = {
    ("transfer/acceptance.py", "delete"): {"_deletion"},
    ("transfer/acceptance.py", "remove_leftover"): {"leftover"},
    ("transfer/acceptance.py", "undo"): {"undoing"},
    ("transfer/taking_back.py", "take_back"): {"cancelling"},
    ("transfer/certificate_transfer.py", "_cancel"): {"cancelling"},
    ("transfer/certificate_transfer.py", "_take_up"): {"own"},
    ("lifecycle/undo.py", "undone_if_abandoned"): {"check_still_wanted"},
    ("device/deletion.py", "of_own"): {"deletion"},
    ("device/deletion.py", "_remove_leftover"): {"leftover"},
    ("ca/self_signed_ca_certificate.py", "_make"): {"check_writable"},
    ("issued/new_key_history.py", "_make"): {"check_writable"},
}
"""What each of these functions asks before it acts: a decision of ``ownership``, or a check that raises."""


@cache
def functions(module: str) -> dict[str, ast.FunctionDef]:
    tree = ast.parse((RESOURCES / module).read_text(encoding="utf-8"))
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def modules() -> list[str]:
    return [path.relative_to(RESOURCES).as_posix() for path in sorted(RESOURCES.rglob("*.py"))]


def called(node: ast.AST, name: str) -> list[ast.Attribute]:
    """Return the mentions of a method of any object: called, or handed on to be called."""
    return [each for each in ast.walk(node) if isinstance(each, ast.Attribute) and each.attr == name]


def of_gateway(mention: ast.Attribute) -> bool:
    owner = mention.value
    return (isinstance(owner, ast.Attribute) and owner.attr in GATEWAYS) or (
        isinstance(owner, ast.Name) and owner.id in GATEWAYS
    )


@pytest.mark.parametrize("method", DESTRUCTIVE)
def test_a_gateways_method_is_called_in_its_modules_alone(method: str) -> None:
    found = {
        module
        for module in modules()
        for function in functions(module).values()
        if any(of_gateway(each) for each in called(function, method))
    }
    assert found == DESTRUCTIVE[method]


def test_every_destructive_method_of_the_gateways_is_listed() -> None:
    gateways = RESOURCES.parent / "aws"
    begin = ("delete_", "detach_", "cancel_", "untag", "remove_", "make_", "put_")
    methods = {
        node.name
        for name in ("iot.py", "secrets.py")
        for node in ast.walk(ast.parse((gateways / name).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith(begin)
    }
    assert methods == set(DESTRUCTIVE)


@pytest.mark.parametrize("method", ENTRANCES)
def test_what_leads_to_it_is_called_from_the_listed_functions_alone(method: str) -> None:
    allowed = ENTRANCES[method]
    for module in modules():
        for name, function in functions(module).items():
            if called(function, method) and not any(of_gateway(each) for each in called(function, method)):
                assert module in allowed, f"{name} of {module} calls {method}"
                assert not allowed[module] or name in allowed[module], f"{name} of {module} calls {method}"


@pytest.mark.parametrize(("module", "name"), ASKED)
def test_a_decision_comes_first(module: str, name: str) -> None:
    function = functions(module)[name]
    acts = (
        "remove_live",
        "remove_and_release",
        "undo",
        "undo_now",
        "cancel",
        "take_back",
        "_undo_earlier_delivery",
        "write",
    )
    asked = [line for each in ASKED[module, name] if (line := _line(function, each)) is not None]
    acted = [line for act in acts if (line := _line(function, act)) is not None]
    assert acted
    assert asked, f"{name} asks nothing"
    assert min(asked) < min(acted)


@pytest.mark.parametrize(
    ("module", "method"), [(module, method) for module, methods in DECIDED.items() for method in methods]
)
def test_a_decision_comes_first_in_the_function_that_calls_the_gateway(module: str, method: str) -> None:
    callers = [each for each in functions(module).values() if any(of_gateway(m) for m in called(each, method))]
    assert callers
    for caller in callers:
        asked = [line for name in DECIDED[module][method] if (line := _line(caller, name)) is not None]
        acted = min(each.lineno for each in called(caller, method) if of_gateway(each))
        assert asked, f"{caller.name} asks nothing"
        assert min(asked) < acted


def _line(function: ast.FunctionDef, name: str) -> int | None:
    mentioned = [each.lineno for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == name]
    return min([each.lineno for each in called(function, name)] + mentioned, default=None)
