"""Every kind of value for the arguments of every construct: what is refused, and what the template has."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Template
from constructs import Construct

import iot_certificates
from argument_values import ACCOUNT, REGION, TABLE, Refused, Row, Written, made, other_arguments
from iot_certificates import CertificateDeclarationError

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = {f"Row{number}": row for number, row in enumerate(TABLE)}
REFUSED = {name: row for name, row in ROWS.items() if isinstance(row[3], Refused)}
WRITTEN = {name: row for name, row in ROWS.items() if isinstance(row[3], Written)}
CONSTRUCTS = {
    name: value
    for name, value in vars(iot_certificates).items()
    if inspect.isclass(value) and issubclass(value, Construct)
}
ENVIRONMENT = Environment(account=ACCOUNT, region=REGION)


def title(row: Row) -> str:
    return f"{row[0]}-{row[1]}-{row[2]!r:.30}"


@pytest.fixture(scope="module")
def stack(new_app: Callable[..., App]) -> Stack:
    return Stack(new_app(), "Stack", env=ENVIRONMENT)


def declare(stack: Stack, name: str, row: Row) -> None:
    construct, argument, value, verdict = row
    also = verdict.also if isinstance(verdict, Written) else {}
    target: Any = iot_certificates
    for part in construct.split("."):
        target = getattr(target, part)
    given = value.make(stack, name) if isinstance(value, made) else value
    target(stack, name, **{**other_arguments(construct, stack, name), **also, argument: given})


def test_the_table_has_every_construct() -> None:
    assert {row[0].partition(".")[0] for row in TABLE} == set(CONSTRUCTS)
    assert len(TABLE) >= 80


@pytest.mark.parametrize("name", REFUSED, ids=[title(row) for row in REFUSED.values()])
def test_a_value_that_cannot_work_is_refused_with_its_argument_and_a_fix(stack: Stack, name: str) -> None:
    row = REFUSED[name]
    with pytest.raises(CertificateDeclarationError) as caught:
        declare(stack, name, row)
    expected = f"Stack/{name}: {row[3].message}"  # type: ignore[union-attr]
    assert str(caught.value)[: len(expected)] == expected
    assert caught.value.fix


@pytest.fixture(scope="module")
def template(new_app: Callable[..., App]) -> dict[str, Any]:
    stack = Stack(new_app(), "Stack", env=ENVIRONMENT)
    for name, row in WRITTEN.items():
        declare(stack, name, row)
    return dict(Template.from_stack(stack).to_json()["Resources"])


@pytest.mark.parametrize("name", WRITTEN, ids=[title(row) for row in WRITTEN.values()])
def test_a_value_is_in_the_template_as_it_is_known(template: dict[str, Any], name: str) -> None:
    verdict = WRITTEN[name][3]
    assert isinstance(verdict, Written)
    if not verdict.property:
        return
    (resource,) = (each for logical_id, each in template.items() if re.fullmatch(rf"{name}[0-9A-F]{{8}}", logical_id))
    found: Any = resource["Properties"]
    for part in verdict.property.split("."):
        found = found.get(part)
    assert matches(found, placed(verdict.value, name)), found


ARGUMENTS = [
    (name, argument)
    for name, construct in CONSTRUCTS.items()
    for argument, parameter in inspect.signature(construct).parameters.items()
    if argument not in ("scope", "construct_id") and parameter.kind is not inspect.Parameter.VAR_KEYWORD
]


@pytest.mark.parametrize(("construct", "argument"), ARGUMENTS)
def test_no_argument_takes_anything(stack: Stack, construct: str, argument: str) -> None:
    """And Python's own errors never reach a caller: an object of no kind at all is refused at every door."""
    name = f"{construct}-{argument}"
    with pytest.raises(CertificateDeclarationError) as caught:
        declare(stack, name, (construct, argument, object(), Refused("")))
    assert str(caught.value).startswith(f"Stack/{name}: {argument} is an object")


@pytest.mark.parametrize(
    ("scope", "construct_id", "message"),
    [
        ("Stack", "Device", ": scope is 'Stack'. Give the construct that it belongs to"),
        (None, "Device", ": scope is None. Give the construct that it belongs to"),
        ("a stack", 7, "Stack: construct_id is 7, not a text. Give a text"),
    ],
)
def test_scope_and_id_are_checked_as_well(stack: Stack, scope: Any, construct_id: Any, message: str) -> None:
    with pytest.raises(CertificateDeclarationError) as caught:
        iot_certificates.RegistrationCode(stack if scope == "a stack" else scope, construct_id)
    assert str(caught.value).startswith(message)


def placed(value: Any, name: str) -> Any:
    if isinstance(value, str):
        return value.replace("{row}", name)
    if isinstance(value, list):
        return [placed(item, name) for item in value]
    return {key: placed(item, name) for key, item in value.items()} if isinstance(value, dict) else value


def matches(found: Any, expected: Any) -> bool:
    """Whether a value is the expected one, of whose texts one that ends in ``*`` is only a beginning."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(matches(found.get(key), expected[key]) for key in expected | found)
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(matches, found, expected))
    if isinstance(expected, str) and expected.endswith("*"):
        return isinstance(found, str) and found.startswith(expected[:-1])
    return bool(found == expected)
