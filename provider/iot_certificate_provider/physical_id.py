"""The physical ids of the resources: all forms, written and read only here.

::

    <certificate id>                                  a certificate that is the resource's own
    <certificate id>/keeps/<certificate id>           its own, and the kept previous one
    <certificate id>/adopted                          a certificate that the resource uses without owning it
    <certificate id>/adopted/<marks>                  … as version 0.1.0 wrote it: read, and never written
    <certificate id>/rejected                         a transfer that was rejected
    <certificate id>/transfer/<account>[/was-active][/policy/<name>…][/thing/<name>…]
                                                      a transfer to another account, and its detachments
    registration-code                                 the registration code
    generation/<value>                                the generation of a stack's certificates
    fleet/<name>                                      a fleet of device certificates
    create-failed/<request id>                        a Create that registered nothing
    create-unfinished/<request id>                    a Create that may have registered something
"""

from __future__ import annotations

import re

from iot_certificate_provider.frozen import dataclass

CREATE_FAILED = "create-failed"
"""Begins the physical id of a Create that registered nothing, in any delivery of it: its Delete looks for nothing."""

CREATE_UNFINISHED = "create-unfinished"
"""Begins that of a Create of which it is not known: AWS did not answer in time, or an earlier delivery came to its end.

What it registered may be there only a moment later: its Delete waits, and looks.
"""

ADOPTED = "/adopted"
"""In the physical id of a resource that uses a certificate which another owner registered: Delete leaves it."""

REGISTRATION_CODE_ID = "registration-code"
"""The physical id of every registration code: the code may change outside the stack, which is no replacement."""

_GENERATION = "generation/"
_FLEET = "fleet/"

REJECTED = "/rejected"
"""Ends the physical id of a transfer that was rejected: there is nothing to delete."""

_CERTIFICATE_ID = re.compile(r"[0-9a-f]{64}")
_KEEPING_ID = re.compile(r"([0-9a-f]{64})/keeps/([0-9a-f]{64})")
_ADOPTED_ID = re.compile(rf"([0-9a-f]{{64}}){ADOPTED}(?:/([0-9a-f.]+))?")


def is_certificate_id(physical_id: str) -> bool:
    """Whether a physical id is a certificate id: the lowercase hex SHA-256 of a DER certificate."""
    return _CERTIFICATE_ID.fullmatch(physical_id) is not None


def adopted_id(certificate_id: str) -> str:
    """Return the physical id of an adopted certificate: CloudFormation finds its holders by exactly this text."""
    return certificate_id + ADOPTED


def is_adopted(physical_id: str) -> bool:
    """Whether a physical id is that of an adopted certificate."""
    return _ADOPTED_ID.fullmatch(physical_id) is not None


def certificate_id_in(physical_id: str) -> str:
    """Return the certificate id of a physical id, adopted or not; an invented one is returned as it is."""
    match = _ADOPTED_ID.fullmatch(physical_id) or _KEEPING_ID.fullmatch(physical_id)
    return physical_id if match is None else match.group(1)


def keeping_id(physical_id: str, kept_id: str) -> str:
    """Return the physical id of a resource that keeps a certificate beside its own; its own where it keeps none."""
    return f"{physical_id}/keeps/{kept_id}" if kept_id else physical_id


def without_kept(physical_id: str) -> tuple[str, str]:
    """Return what ``keeping_id`` was given: an id that names no kept certificate as it is, with an empty text."""
    match = _KEEPING_ID.fullmatch(physical_id)
    return (physical_id, "") if match is None else (match.group(1), match.group(2))


def generation_id(generation: str) -> str:
    """Return the physical id of a generation: CloudFormation keeps the value in it, and nothing else does."""
    return _GENERATION + generation


def generation_in(physical_id: str) -> str:
    """Return the generation that a physical id has; an empty text for a marker, or an id that CloudFormation made."""
    return physical_id.removeprefix(_GENERATION) if physical_id.startswith(_GENERATION) else ""


def fleet_id(name: str) -> str:
    """Return the physical id of a fleet, which stays the same while the resource exists."""
    return _FLEET + name


def is_fleet_id(physical_id: str) -> bool:
    """Whether a physical id is that of a fleet."""
    return physical_id.startswith(_FLEET)


MAX_PHYSICAL_ID_BYTES = 1024
"""CloudFormation User Guide, "Custom resource response objects", PhysicalResourceId: "up to 1 KB in size"."""

_TRANSFER_ID = re.compile(
    r"(?P<certificate>[0-9a-f]{64})/transfer/(?P<account>[0-9]{12})(?P<was_active>/was-active)?"
    r"(?P<policies>(?:/policy/[^/]+)*)(?P<things>(?:/thing/[^/]+)*)"
)


@dataclass(frozen=True)
class TransferIdentity:
    """A certificate, the account that it is transferred to, whether it was ACTIVE before, and what was detached."""

    certificate_id: str
    account: str
    was_active: bool = False
    policy_names: tuple[str, ...] = ()
    thing_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, physical_id: str) -> TransferIdentity | None:
        """Read a physical id; None for a marker or one that CloudFormation has invented."""
        match = _TRANSFER_ID.fullmatch(physical_id)
        if match is None:
            return None
        policies, things = (tuple(match[each].split("/")[2::2]) for each in ("policies", "things"))
        return cls(match["certificate"], match["account"], match["was_active"] is not None, policies, things)

    @property
    def physical_id(self) -> str:
        """The text that ``of`` reads. Neither a policy's nor a thing's name has a slash."""
        policies = "".join(f"/policy/{each}" for each in self.policy_names)
        things = "".join(f"/thing/{each}" for each in self.thing_names)
        return f"{self.certificate_id}/transfer/{self.account}{'/was-active' * self.was_active}{policies}{things}"

    @property
    def fits(self) -> bool:
        """Whether CloudFormation takes the physical id."""
        return len(self.physical_id.encode()) <= MAX_PHYSICAL_ID_BYTES
