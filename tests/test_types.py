"""mypy on all that ``[tool.mypy]`` names: a test, so that others are run meanwhile. ``make check`` runs it alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.xdist_group("types")  # with what else fills or reads mypy's cache
@pytest.mark.timeout(900)
def test_types() -> None:
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
