"""How long AWS takes until a change shows: the one knob of what lags in the fakes, off by default.

The rules and their sources are those of the strict layer of the embedded AWS: ``thing_detaching``, ``status_lag``,
``registration_configuration`` and ``role_watch`` in ``iot_certificates_local.strict``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable
    from datetime import datetime


@dataclass
class Lag:
    """A change does not show for so many looks at it, nor before so many seconds are over.

    ``looks`` suits tests whose clock stands still, ``seconds`` those with a clock of their own. ``of_kind``: other
    seconds for changes of a kind, such as ``status`` and ``thing``.
    """

    looks: int = 0
    seconds: float = 0
    of_kind: dict[str, float] = field(default_factory=dict)
    _begun: dict[Hashable, tuple[datetime, int]] = field(default_factory=dict)

    def begin(self, change: Hashable, now: datetime) -> None:
        """A change is made."""
        self._begun[change] = (now, self.looks)

    def begin_once(self, change: Hashable, now: datetime) -> None:
        """A change is met that nobody has announced: the first time it is new."""
        if change not in self._begun:
            self.begin(change, now)

    def forget(self, change: Hashable) -> None:
        """A change is undone."""
        self._begun.pop(change, None)

    def hides(self, change: Hashable, now: datetime) -> bool:
        """Look at a change; return whether it does not show yet."""
        if change not in self._begun:
            return False
        since, looks = self._begun[change]
        self._begun[change] = (since, max(0, looks - 1))
        return looks > 0 or now < since + timedelta(seconds=self._seconds(change))

    def _seconds(self, change: Hashable) -> float:
        kind = change[0] if isinstance(change, tuple) else ""
        return self.of_kind.get(kind, self.seconds)
