"""The examples as apps that the CDK CLI runs."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def application(name: str) -> str:
    """Return the command that runs an example."""
    return shlex.join([sys.executable, str(EXAMPLES / f"{name}.py")])
