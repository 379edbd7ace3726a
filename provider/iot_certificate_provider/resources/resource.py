"""The interface of every resource type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.protocol.response import Outcome


class Resource(Protocol):
    """The lifecycle of one resource type.

    Each method may be called again with the same request, and after any crash:

    * ``create`` registers at most one certificate, and undoes what it did before it raises.
    * ``update`` changes in place where the identity is the same; otherwise it registers the new certificate
      and returns its id. It never deletes the old one: CloudFormation sends a Delete for it later.
    * ``delete`` succeeds when there is nothing to delete, and never needs valid properties.
    """

    def create(self, request: Request) -> Outcome:
        """Make what the properties describe."""
        ...

    def update(self, request: Request) -> Outcome:
        """Bring what exists from the old properties to the new ones."""
        ...

    def delete(self, request: Request) -> Outcome:
        """Remove what the physical id names, and what hangs on it."""
        ...
