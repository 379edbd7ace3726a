"""The physical ids of the resources: every form that one has, written and read here alone.

::

    <certificate id>                                  a certificate that is the resource's own
    <certificate id>/adopted                          a certificate that the resource uses, and does not own
    <certificate id>/adopted/<marks>                  … with marks of what others had attached to it
    <certificate id>/rejected                         a transfer that was rejected
    <certificate id>/transfer/<account>[/was-active]  a transfer to another account
    registration-code                                 the registration code
    create-failed/<request id>                        a Create that registered nothing
    create-unfinished/<request id>                    a Create that AWS did not answer in time
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

CREATE_FAILED = "create-failed"
"""Begins the physical id of a Create that registered nothing: not this delivery of it. The Delete looks for others'."""

CREATE_UNFINISHED = "create-unfinished"
"""Begins that of a Create that AWS did not answer in time: what it registered may be there only a moment later."""

ADOPTED = "/adopted"
"""In the physical id of a resource that uses a certificate which somebody else registered: Delete leaves it there."""

REGISTRATION_CODE_ID = "registration-code"
"""The physical id of every registration code: the code may change outside the stack, which is no replacement."""

REJECTED = "/rejected"
"""Ends the physical id of a transfer that was rejected: there is nothing to delete."""

_CERTIFICATE_ID = re.compile(r"[0-9a-f]{64}")
_ADOPTED_ID = re.compile(rf"([0-9a-f]{{64}}){ADOPTED}(?:/([0-9a-f.]+))?")


def is_certificate_id(physical_id: str) -> bool:
    """Whether a physical id is a certificate id: the lowercase hex SHA-256 of a DER certificate."""
    return _CERTIFICATE_ID.fullmatch(physical_id) is not None


def adopted_id(certificate_id: str, marks: Collection[str] = ()) -> str:
    """Return the physical id of an adopted certificate; ``marks`` say what was attached to it by somebody else."""
    return "/".join([certificate_id + ADOPTED, *([".".join(sorted(marks))] if marks else [])])


def is_adopted(physical_id: str) -> bool:
    """Whether a physical id is that of an adopted certificate."""
    return _ADOPTED_ID.fullmatch(physical_id) is not None


def certificate_id_in(physical_id: str) -> str:
    """Return the certificate id of a physical id, adopted or not; an invented one is returned as it is."""
    match = _ADOPTED_ID.fullmatch(physical_id)
    return physical_id if match is None else match.group(1)


def marks_in(physical_id: str) -> frozenset[str]:
    """Return the marks of the physical id of an adopted certificate; none of any other."""
    match = _ADOPTED_ID.fullmatch(physical_id)
    return frozenset() if match is None or match.group(2) is None else frozenset(match.group(2).split("."))


_TRANSFER_ID = re.compile(r"(?P<certificate>[0-9a-f]{64})/transfer/(?P<account>[0-9]{12})(?P<was_active>/was-active)?")


@dataclass(frozen=True)
class TransferIdentity:
    """A certificate, the account that it is transferred to, and whether it was ACTIVE before."""

    certificate_id: str
    account: str
    was_active: bool = False

    @classmethod
    def of(cls, physical_id: str) -> TransferIdentity | None:
        """Read a physical id; None for a marker or one that CloudFormation has invented."""
        match = _TRANSFER_ID.fullmatch(physical_id)
        return cls(match["certificate"], match["account"], match["was_active"] is not None) if match else None

    @property
    def physical_id(self) -> str:
        """The text that ``of`` reads."""
        return f"{self.certificate_id}/transfer/{self.account}" + ("/was-active" if self.was_active else "")
