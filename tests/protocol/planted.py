"""How a planted defect is caught: by the invariant that it must break, in its words, and not by an error of its own.

A defect that raises in the provider breaks everything, and shows nothing about the rule that it is to break.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from protocol.invariants import LEGEND

if TYPE_CHECKING:
    from protocol.function import Cloud

PREMISE = "premise"
"""In the place of an invariant: the sequence cannot go on, for a reason of the provider or of AWS IoT."""

_SAYS = re.compile(rf"({'|'.join((*LEGEND, PREMISE))}): (\S.*)")


def is_caught_by(cloud: Cloud, error: BaseException, says: str) -> None:
    """Raise AssertionError unless ``error`` is what a defect ``says``: ``I2: words``, or ``premise: words``."""
    expected = _SAYS.fullmatch(says)
    assert expected, f"{says!r} names no invariant with its words"
    invariant, words = expected.groups()
    broken = str(error)
    assert words in broken, f"caught by something else: {broken}"
    named = next((each for each in LEGEND if broken.startswith(f"{each} (")), PREMISE)
    assert named == invariant, f"it breaks {named}, not {invariant}: {broken}"
    fails_by_nothing_else(cloud)


def fails_by_nothing_else(cloud: Cloud) -> None:
    """Raise AssertionError where the provider itself raised what it does not expect."""
    answers = [answer for invocation in cloud.invocations for answer in invocation.answers]
    unexpected = [answer.body["Reason"] for answer in answers if "Unexpected" in str(answer.body.get("Reason", ""))]
    assert not unexpected, f"the defect fails by itself: {unexpected[0]}"
