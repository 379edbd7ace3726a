"""A certificate as it was given to ``fleet manifest``, before anything is known about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Given:
    """A certificate in a file, or in a row of a CSV file.

    * ``place``: the file's name; ``devices.csv:12`` for a row that begins in line 12.
    * ``content``: PEM, perhaps with its chain, or DER.
    * ``status``, ``thing_name``: empty where nothing was said. ``policy_names``, ``attributes``: as they were said.
    """

    place: str
    content: bytes = field(repr=False)
    status: str = ""
    thing_name: str = ""
    policy_names: tuple[str, ...] | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """A file or a row that cannot be in the manifest, and why: a sentence with the fix."""

    place: str
    problem: str
