"""An error's sentence in the few characters of a Reason: AWS's words are cut first, then the problem, never the fix."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

import iot_certificate_provider
from iot_certificate_provider.aws.error_mapping import map_error
from iot_certificate_provider.contract import MAX_REASON_CHARACTERS
from iot_certificate_provider.errors import (
    InvalidPropertyError,
    KeyAccessDeniedError,
    ProviderError,
    UnusableError,
    attributing_to,
)

FIX = "Use the one, or leave out the other"
words = st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=400)


def test_a_short_one_has_all_its_parts() -> None:
    error = InvalidPropertyError("PolicyNames", "has a name that AWS refuses", FIX, "No such name")
    assert str(error) == f"PolicyNames: has a name that AWS refuses. {FIX}. AWS: No such name"
    assert error.within(240) == str(error)
    assert str(ProviderError("Nothing can be done")) == "Nothing can be done"


def test_aws_words_are_cut_first() -> None:
    error = ProviderError("AttachPolicy of policy telemetry: AWS does not accept the request", FIX, "word " * 100)
    within = error.within(MAX_REASON_CHARACTERS)
    assert within.startswith(f"AttachPolicy of policy telemetry: AWS does not accept the request. {FIX}. AWS: word")
    assert within.endswith("…")
    assert len(within) <= MAX_REASON_CHARACTERS


def test_where_only_a_stump_of_them_would_be_left_there_are_none() -> None:
    error = ProviderError("x" * (MAX_REASON_CHARACTERS - len(FIX) - 10), FIX, "word " * 100)
    assert error.within(MAX_REASON_CHARACTERS).endswith(f"x. {FIX}")


@pytest.mark.parametrize("kind", [ProviderError, UnusableError, KeyAccessDeniedError])
@given(problem=words, fix=words.filter(lambda text: len(text) < 150), said=words)
@settings(max_examples=100, deadline=None)
def test_the_fix_is_never_cut(kind: type[ProviderError], problem: str, fix: str, said: str) -> None:
    within = kind(problem, fix, said).within(MAX_REASON_CHARACTERS)
    assert len(within) <= MAX_REASON_CHARACTERS
    assert f". {fix}" in within
    assert len(within.splitlines()) == 1


@given(problem=words, said=words)
@settings(max_examples=100, deadline=None)
def test_without_a_fix_the_beginning_is_kept(problem: str, said: str) -> None:
    within = ProviderError(problem, said=said).within(MAX_REASON_CHARACTERS)
    assert len(within) <= MAX_REASON_CHARACTERS
    assert within.startswith(problem[:200])


def test_the_fix_survives_where_a_proof_is_a_cas_own_certificate() -> None:
    """AWS IoT quotes the common name that it found, which may be long."""
    said = (
        f"Certificate Common Name {'A factory with a long name ' * 5} does not match the registration code {'ab' * 32}"
    )
    response: Any = {"Error": {"Code": "RegistrationCodeValidationException", "Message": said}}
    with pytest.raises(InvalidPropertyError) as caught, attributing_to("VerificationCertificatePem"):
        raise map_error(ClientError(response, "RegisterCACertificate"), "the CA certificate")
    within = caught.value.within(MAX_REASON_CHARACTERS)
    assert within.startswith("VerificationCertificatePem: AWS IoT refused the CA certificate. Sign the verification ")
    assert caught.value.fix in within
    assert within.endswith("…")


_METHODS_OF_THE_CDK = {"override_logical_id"}


def _messages() -> list[str]:
    """Return the sentences, and the parts of sentences, that the function's code has beside its docstrings."""
    trees = [ast.parse(path.read_text("utf-8")) for path in Path(iot_certificate_provider.__path__[0]).rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    texts = [node for node in nodes if isinstance(node, ast.Constant) and id(node) not in docstrings]
    return [node.value for node in texts if isinstance(node.value, str) and " " in node.value]


def test_a_message_of_the_function_names_what_a_template_names() -> None:
    """Nobody who reads a template knows an argument of a construct."""
    names = {name for message in _messages() for name in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", message)}
    assert names <= _METHODS_OF_THE_CDK
