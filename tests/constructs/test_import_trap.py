"""An ``__init__.py`` in our folder ``constructs``, or a ``constructs.py``, would hide the CDK package of that name."""

from __future__ import annotations

from pathlib import Path

import constructs
import pytest

import iot_certificates

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["constructs/__init__.py", "constructs.py", "tests/constructs/__init__.py"])
def test_nothing_hides_the_cdk_package(name: str) -> None:
    assert not (ROOT / name).exists()


def test_constructs_is_the_cdk_package() -> None:
    assert hasattr(constructs, "Construct")


def test_every_public_name_is_there() -> None:
    assert all(hasattr(iot_certificates, name) for name in iot_certificates.__all__)
