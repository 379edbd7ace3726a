"""The physical id of a transfer: ``<certificate id>/transfer/<account>``, and whether the certificate was ACTIVE.

CloudFormation keeps it, and a Delete has nothing else to go by: which transfer to cancel, which status to put back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PHYSICAL_ID = re.compile(r"(?P<certificate>[0-9a-f]{64})/transfer/(?P<account>[0-9]{12})(?P<was_active>/was-active)?")


@dataclass(frozen=True)
class TransferIdentity:
    """A certificate, the account that it is transferred to, and whether it was ACTIVE before."""

    certificate_id: str
    account: str
    was_active: bool = False

    @classmethod
    def of(cls, physical_id: str) -> TransferIdentity | None:
        """Read a physical id; None for a marker or one that CloudFormation has invented."""
        match = _PHYSICAL_ID.fullmatch(physical_id)
        return cls(match["certificate"], match["account"], match["was_active"] is not None) if match else None

    @property
    def physical_id(self) -> str:
        """The text that ``of`` reads."""
        return f"{self.certificate_id}/transfer/{self.account}" + ("/was-active" if self.was_active else "")
