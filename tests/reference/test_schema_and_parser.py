"""A schema and the parser of its type agree on all that can be said without looking into a certificate."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import reduce
from operator import getitem
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.properties.shapes import (
    Choice,
    DecimalNumber,
    Flag,
    Map,
    Maps,
    Pem,
    Property,
    Shape,
    Text,
    Texts,
    WholeNumber,
)
from published_schemas import refusals
from samples import CA, CSR, DEVICE, PROOF, SAMPLES, Samples

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
"""What fails is short enough to be read as it is."""

OWN = {"ServiceToken": "arn:aws:lambda:eu-west-1:123456789012:function:provider", "ServiceTimeout": "900"}
IDS = [kind.type.removeprefix("Custom::Iot") for kind in SAMPLES]

every_kind = pytest.mark.parametrize("kind", SAMPLES, ids=IDS)


def is_read(kind: Samples, raw: Mapping[str, Any]) -> bool:
    try:
        kind.read({**OWN, **raw})
    except InvalidPropertyError:
        return False
    return True


def is_allowed(kind: Samples, raw: Mapping[str, Any]) -> bool:
    return refusals(kind.type, {**OWN, **raw}) == []


# What can be


texts = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=20)
by_name: dict[str, st.SearchStrategy[Any]] = {
    "SubjectAlternativeNames": st.lists(st.sampled_from(["DNS:a.example", "IP:192.0.2.1", "email:a@b", "URI:urn:a:b"])),
    "TemplateBody": st.sampled_from(["{}", '{"Resources": {}}', "[]"]),
    "CACertificatePem": st.sampled_from([CA.pem, DEVICE.pem]),
    "VerificationCertificatePem": st.sampled_from([PROOF.pem, CA.pem]),
    "CertificatePem": st.sampled_from([DEVICE.pem, CA.pem]),
    "CertificateSigningRequest": st.sampled_from([CSR.pem, DEVICE.pem]),
}


def values_of(declared: Property) -> st.SearchStrategy[Any]:
    """Values of a property's kind, most of which its shape allows."""
    if declared.name in by_name:
        return by_name[declared.name]
    match declared:
        case Text():
            return texts if declared.pattern is None else st.from_regex(declared.pattern, fullmatch=True)
        case Choice():
            return st.sampled_from([str(value) for value in declared.values])
        case Flag():
            return st.sampled_from(["true", "false"])
        case WholeNumber() | DecimalNumber():
            return _numbers_of(declared)
        case Texts():
            return st.lists(st.from_regex(declared.pattern, fullmatch=True), max_size=12)
        case Maps():
            return st.lists(maps_of(declared.shape), max_size=3)
    assert isinstance(declared, Map)
    maps = maps_of(declared.shape)
    return maps.flatmap(_with_empty_texts) if declared.empty_is_left_out else maps


def _numbers_of(declared: WholeNumber | DecimalNumber) -> st.SearchStrategy[str]:
    if isinstance(declared, WholeNumber):
        return st.integers(0, declared.greatest + 1).map(str)
    return st.decimals(0, declared.greatest + 1, places=3).map(lambda number: f"{number:f}")


def maps_of(shape: Shape) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={str(each.name): values_of(each) for each in shape.properties})


def _with_empty_texts(raw: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({name: st.sampled_from([value, ""]) for name, value in raw.items()})


@st.composite
def variants(draw: st.DrawFn, kind: Samples) -> dict[str, Any]:
    """A sample, with some properties of another value, and some left out."""
    raw = dict(draw(st.sampled_from(kind.accepted)))
    for each in draw(st.lists(st.sampled_from(kind.shape.properties), max_size=3)):
        raw[each.name] = draw(values_of(each))
    for name in draw(st.lists(st.sampled_from(kind.shape.names), max_size=1)):
        raw.pop(name, None)
    return raw


def as_written(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Booleans and numbers as an author may write them."""
    return {name: _as_written(name, value) for name, value in raw.items()}


def _as_written(name: str, value: Any) -> Any:
    if name == "DetachOnTransfer" and value in ("true", "false"):
        return value == "true"
    if name in ("ValidityDays", "Generation", "ServiceTimeout") and re.fullmatch(r"[1-9][0-9]*", str(value)):
        return int(value)
    return value


@every_kind
def test_whatever_is_read_is_allowed_as_text_and_as_it_may_be_written(kind: Samples) -> None:
    @given(raw=variants(kind))
    @settings(max_examples=60, deadline=None, phases=QUICK)
    def check(raw: dict[str, Any]) -> None:
        assume(is_read(kind, raw))
        assert refusals(kind.type, {**OWN, **raw}) == []
        assert refusals(kind.type, as_written({**OWN, **raw})) == []

    check()


# What goes with what


def mixtures(raw: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Properties with one left out, or one of another's taken over; the same of the maps in them."""
    for name in raw:
        yield {each: value for each, value in raw.items() if each != name}
    for name, value in other.items():
        yield {**raw, name: value}
        if isinstance(value, dict) and isinstance(raw.get(name), dict):
            yield from ({**raw, name: inner} for inner in mixtures(raw[name], value))


@every_kind
def test_what_goes_with_what_is_the_same_to_both(kind: Samples) -> None:
    tried = [each for raw in kind.accepted for other in kind.accepted for each in mixtures(raw, other)]
    assert [each for each in tried if is_read(kind, each) != is_allowed(kind, each)] == []


# What an intrinsic function stands for


INTRINSIC: list[dict[str, Any]] = [{"Ref": "Other"}, {"Fn::ImportValue": "Exported"}, {"Fn::If": ["Is", "a", "b"]}]
NOT_INTRINSIC: list[dict[str, Any]] = [{}, {"ref": "Other"}, {"Fn::": ""}, {"Ref": "Other", "Fn::Sub": "text"}]


@every_kind
def test_an_intrinsic_function_stands_for_any_value(kind: Samples) -> None:
    for raw in kind.accepted:
        # An empty text, where it counts as left out, is the one value that none stands for.
        for path in [each for each, _ in places(raw, kind.shape) if value_at(raw, each) != ""]:
            assert [each for each in INTRINSIC if not is_allowed(kind, changed(raw, path, each))] == []
            assert [each for each in NOT_INTRINSIC if is_allowed(kind, changed(raw, path, each))] == []


@pytest.mark.parametrize(
    ("names", "allowed"),
    [
        ([{"Ref": "Policy"}, "other"], True),
        ({"Fn::Split": [",", "a,b"]}, True),
        ([{"ref": "Policy"}, "other"], False),
        ([{"Ref": "Policy"}, "no name!"], False),
    ],
)
def test_also_for_a_list_and_for_an_item_of_it(names: Any, allowed: bool) -> None:
    assert is_allowed(SAMPLES[1], {"CertificatePem": DEVICE.pem, "PolicyNames": names}) is allowed


@pytest.mark.parametrize(
    ("tag", "allowed"),
    [
        ({"Ref": "Tag"}, True),
        ({"Key": "stage", "Value": {"Ref": "Stage"}}, True),
        ({"Key": "stage", "Value": {"ref": "Stage"}}, False),
        ({"Key": {"Ref": "Stage"}}, False),
    ],
)
def test_also_for_a_map_in_a_list_and_what_is_in_it(tag: dict[str, Any], allowed: bool) -> None:
    sample = SAMPLES[0]
    assert is_allowed(sample, {**sample.accepted[0], "Tags": [tag]}) is allowed


# What cannot be


WRONG_KINDS: list[Any] = ["text", {"a": "b"}, ["a"]]


def wrong_values_of(declared: Property) -> list[Any]:
    """Return values that a property's shape does not allow, whatever else there is."""
    match declared:
        case Text():
            too_long = [] if declared.longest is None else ["x" * (declared.longest + 1)]
            return [*too_long, *(["", " "] if declared.shortest is None else []), *WRONG_KINDS[1:]]
        case Pem():
            return ["ca.pem", CA.key_pem(), "x" * (declared.of.FORM.longest + 1), " ", *WRONG_KINDS[1:]]
        case WholeNumber():
            return ["0", "-1", "1.5", "x", "", str(declared.greatest + 1), "01", *WRONG_KINDS[1:]]
        case DecimalNumber():
            below = ["0", "0.09", "0.0"] if declared.least == "0.1" else []
            above = [f"{declared.greatest}.001", str(declared.greatest + 1)]
            return [*below, *above, "-1", "1.2345", "1.", ".5", "1e1", "x", "", "01", *WRONG_KINDS[1:]]
        case Texts():
            begin = "DNS:a" if declared.name == "SubjectAlternativeNames" else "a"
            too_many = [] if declared.most is None else [[f"{begin}{n}" for n in range(declared.most + 1)]]
            return [[["a"]], *too_many, *WRONG_KINDS[:2]]
        case Maps():
            too_many_tags = [{"Key": f"k{n}", "Value": ""} for n in range((declared.most or 0) + 1)]
            return [too_many_tags, [{"Key": "k"}], [{"Key": "k", "Value": "v", "Other": ""}], *WRONG_KINDS]
        case Map():
            return [{"Nonsense": "x"}, "text", ["a"]]
    return WRONG_KINDS


def wrong_texts_of(declared: Property) -> st.SearchStrategy[Any]:
    """Any texts of which a property's shape does not allow a single one."""
    match declared:
        case Text(pattern=re.Pattern() as pattern):
            return st.text().filter(lambda text: not pattern.fullmatch(text))
        case Texts():
            return st.text().filter(lambda text: not declared.pattern.fullmatch(text)).map(lambda text: [text])
        case Choice():
            values = [str(value) for value in declared.values]
            return st.text().filter(lambda text: text not in values)
        case Flag():
            return st.text().filter(lambda text: text not in ("true", "false"))
        case WholeNumber():
            return st.text().filter(lambda text: not re.fullmatch("[0-9]+", text))
        case DecimalNumber():
            return st.text().filter(lambda text: not re.fullmatch("[0-9.]+", text))
    return st.sampled_from(wrong_values_of(declared))


def places(raw: Mapping[str, Any], shape: Shape) -> Iterator[tuple[tuple[str, ...], Property]]:
    """Yield the path to each property that is there, in the maps as well, and what it is."""
    for each in shape.properties:
        if each.name in raw:
            yield (str(each.name),), each
            if isinstance(each, Map):
                for path, inner in places(raw[each.name], each.shape):
                    yield (str(each.name), *path), inner


def value_at(raw: Any, path: tuple[str, ...]) -> Any:
    return reduce(getitem, path, raw)


def changed(raw: Mapping[str, Any], path: tuple[str, ...], value: object) -> dict[str, Any]:
    name, *rest = path
    return {**raw, name: changed(raw[name], tuple(rest), value) if rest else value}


def is_left_out(shape: Shape, path: tuple[str, ...], value: object) -> bool:
    """Whether a value in that place counts as none."""
    (holder,) = (each for each in shape.properties if each.name == path[0])
    return value == "" and len(path) == 2 and isinstance(holder, Map) and holder.empty_is_left_out


@every_kind
def test_what_the_shape_does_not_allow_is_refused_by_both(kind: Samples) -> None:
    for raw in kind.accepted:
        for path, declared in places(raw, kind.shape):
            for value in wrong_values_of(declared):
                if is_left_out(kind.shape, path, value):
                    continue
                wrong = changed(raw, path, value)
                assert not is_read(kind, wrong)
                assert not is_allowed(kind, wrong)


@every_kind
def test_any_text_that_the_shape_does_not_allow_is_refused_by_both(kind: Samples) -> None:
    @given(data=st.data())
    @settings(max_examples=5, deadline=None, phases=QUICK)
    def check(data: st.DataObject) -> None:
        for raw in kind.accepted:
            for path, declared in places(raw, kind.shape):
                value = data.draw(wrong_texts_of(declared), label=".".join(path))
                if is_left_out(kind.shape, path, value):
                    continue
                wrong = changed(raw, path, value)
                assert not is_read(kind, wrong)
                assert not is_allowed(kind, wrong)

    check()


def test_an_empty_text_that_counts_as_left_out_does_so_to_both() -> None:
    tried = [
        (kind, changed(raw, path, ""), changed(raw, path[:-1], {n: v for n, v in raw[path[0]].items() if n != path[1]}))
        for kind in SAMPLES
        for raw in kind.accepted
        for path, _ in places(raw, kind.shape)
        if is_left_out(kind.shape, path, "")
    ]
    verdicts = [
        {judge(kind, raw) for judge in (is_read, is_allowed) for raw in (empty, without)}
        for kind, empty, without in tried
    ]
    assert [len(each) for each in verdicts] == [1] * len(tried)
    assert {True} in verdicts
    assert {False} in verdicts


@every_kind
def test_an_unknown_name_is_refused_by_both(kind: Samples) -> None:
    for raw in kind.accepted:
        for path in [("Nonsense",), *((*each, "Nonsense") for each, what in places(raw, kind.shape) if _is_map(what))]:
            wrong = changed(raw, path, "x")
            assert not is_read(kind, wrong)
            assert not is_allowed(kind, wrong)


def _is_map(declared: Property) -> bool:
    return isinstance(declared, Map)


def test_a_schema_that_forgets_something_is_found_out() -> None:
    """The tests above can fail: here the schema of another type is asked."""
    ca, device = SAMPLES[0], SAMPLES[1]
    assert not is_allowed(replace(ca, type=device.type), ca.accepted[0])
