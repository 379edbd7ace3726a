"""The extra ``cli``: the operator's command, as the wheel installs it."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

VERSION = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["version"]


def test_the_command_tells_what_it_can_do_and_its_version(environment_with_extras: Path) -> None:
    command = environment_with_extras.with_name("iot-certificates")
    told = subprocess.run([str(command), "--help"], capture_output=True, text=True, check=True).stdout
    assert [name for name in ("inventory", "sweep", "doctor") if name not in told] == []
    assert (
        subprocess.run([str(command), "--version"], capture_output=True, text=True, check=True).stdout == f"{VERSION}\n"
    )
