"""The owner of a secret's current version: pure decisions, each with its reason.

A resource writes only to a secret that is empty, its own, or of a certificate that is not registered any more. It takes
the label AWSCURRENT from no registered key but the one that it rotates itself.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from iot_certificate_provider.resources.lifecycle.ownership import Action, Decision

if TYPE_CHECKING:
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.keys.secret_version import Credentials

EMPTY = Decision(Action.PROCEED, "The secret is empty")
UNKNOWN = Decision(Action.REFUSE, "the secret holds a value that no certificate resource wrote")
OF_ANOTHER = Decision(Action.REFUSE, "the secret holds the key of another resource, whose certificate is registered")
OWN = Decision(Action.PROCEED, "The secret's current version is this resource's")
DEAD = Decision(Action.PROCEED, "The certificate of the secret's current version is not registered any more")


def owner_digest(request: Request) -> str:
    """Return what identifies the resource in a version of a secret, whatever its properties are: hex SHA-256."""
    return hashlib.sha256(json.dumps([request.stack_id, request.logical_id]).encode("utf-8")).hexdigest()


def is_of(version: Credentials, request: Request) -> bool:
    """Whether a version is the resource's; one that version 0.1.0 wrote says so by its certificate alone."""
    if version.owner:
        return version.owner == owner_digest(request)
    return request.physical_id is not None and request.physical_id.startswith(version.certificate.id)


def replacing(version: Credentials | None, request: Request, *, registered: bool) -> Decision:
    """Decide whether a version may lose the label AWSCURRENT to one of this resource; None is a value of others."""
    if version is None:
        return UNKNOWN
    if is_of(version, request):
        return OWN
    return OF_ANOTHER if registered else DEAD


def fix_of(decision: Decision) -> str:
    """Return the fix of a refusal."""
    if decision == UNKNOWN:
        return "Name a secret that was created without a value, also without a generated one"
    return "Give each resource an empty secret of its own. Renamed? Keep its logical id (override_logical_id)"
