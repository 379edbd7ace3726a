"""The registered resources of one account and Region, on which the rules decide.

MiniStack's own records are read, in its process. Its API would not do: a request of ours would need the caller's
signature, count as one of the caller's, and be refused where the caller's role may not list.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

Record = dict[str, Any]
"""A certificate, CA certificate or policy as MiniStack keeps it: the members of the API and a few more."""


class Registry(Protocol):
    """Of one account and Region."""

    @property
    def place(self) -> tuple[str, str]:
        """The account and the Region."""

    def ca_certificates(self) -> list[Record]:
        """Return the CA certificates: ``certificateId``, ``certificatePem``, ``certificateMode``."""

    def ca_certificates_of_all_accounts(self) -> list[tuple[str, Record]]:
        """Return the CA certificates of every account, in the same Region, with their accounts."""

    def ca_certificate(self, certificate_id: str) -> Record | None:
        """Return one of them; a change to it is a change to what is registered."""

    def certificate(self, certificate_id: str) -> Record | None:
        """Return a device certificate: ``status``; a change to it is a change to what is registered."""

    def device_certificates(self) -> list[Record]:
        """Return the device certificates."""

    def certificates_of_all_accounts(self) -> list[Record]:
        """Return those of every account, in the same Region."""

    def put_certificate(self, record: Record) -> None:
        """Register a device certificate."""

    def remove_certificate(self, certificate_id: str) -> None:
        """Deregister one."""

    def elsewhere(self, account: str) -> Registry:
        """Return the registry of another account, in the same Region."""

    def policy(self, name: str) -> Record | None:
        """Return a policy: ``policyName``, ``policyArn``, and ``targets``, to which it is attached."""

    def policies_of(self, target: str) -> list[str]:
        """Return the names of the policies that are attached to a target."""

    def principals_of(self, thing: str) -> list[str]:
        """Return the ARNs of what is attached to a thing; none when there is no such thing."""

    def things_of(self, principal: str) -> set[str]:
        """Return the names of the things that a principal is attached to."""


Registries = Callable[[Mapping[str, str], Mapping[str, list[str]]], Registry]
"""Takes a request's headers and query to the registry of its account and Region."""


class MiniStackRegistry:
    """MiniStack's, of one account and Region."""

    def __init__(self, account: str, region: str) -> None:
        self.place: tuple[str, str] = (account, region)

    @classmethod
    def of_request(cls, headers: Mapping[str, str], query: Mapping[str, list[str]]) -> MiniStackRegistry:
        """Return that of the account and Region that a request is signed for."""
        from ministack.core.router import extract_region  # noqa: PLC0415 - reads its environment when imported

        account = contextvars.copy_context().run(_account, headers, query)
        return cls(account, extract_region(headers, query))

    def elsewhere(self, account: str) -> MiniStackRegistry:
        """Return that of another account."""
        return MiniStackRegistry(account, self.place[1])

    def ca_certificates(self) -> list[Record]:
        """Return them all."""
        with self._scope():
            return list(_iot()._ca_certificates.values())  # noqa: SLF001

    def ca_certificates_of_all_accounts(self) -> list[tuple[str, Record]]:
        """Return those of the Region."""
        entries = _iot()._ca_certificates.all_items()  # noqa: SLF001
        return [(account, record) for (account, region, _), record in entries if region == self.place[1]]

    def ca_certificate(self, certificate_id: str) -> Record | None:
        """Return MiniStack's own record, not a copy."""
        record: Record | None = _iot()._ca_certificates.get_scoped(*self.place, certificate_id)  # noqa: SLF001
        return record

    def certificate(self, certificate_id: str) -> Record | None:
        """Return the record of a device certificate, not a copy."""
        record: Record | None = _iot()._certificates.get_scoped(*self.place, certificate_id)  # noqa: SLF001
        return record

    def device_certificates(self) -> list[Record]:
        """Return them all."""
        return list(_iot()._certificates.values_scoped(*self.place))  # noqa: SLF001

    def certificates_of_all_accounts(self) -> list[Record]:
        """Return those of the Region."""
        entries = _iot()._certificates.all_items()  # noqa: SLF001
        return [record for (_, region, _), record in entries if region == self.place[1]]

    def put_certificate(self, record: Record) -> None:
        """Register it here, attached to nothing."""
        unattached = {**record, "attachedThings": [], "attachedPolicies": []}
        _iot()._certificates.set_scoped(*self.place, record["certificateId"], unattached)  # noqa: SLF001

    def remove_certificate(self, certificate_id: str) -> None:
        """Take it away."""
        _iot()._certificates.pop_scoped(*self.place, certificate_id, None)  # noqa: SLF001

    def policy(self, name: str) -> Record | None:
        """Return the record of a policy."""
        record: Record | None = _iot()._policies.get_scoped(*self.place, name)  # noqa: SLF001
        return record

    def policies_of(self, target: str) -> list[str]:
        """Ask the policies: a certificate's own list leaves out what CloudFormation attached."""
        with self._scope():
            policies = list(_iot()._policies.values())  # noqa: SLF001
        return [policy["policyName"] for policy in policies if target in policy.get("targets", [])]

    def principals_of(self, thing: str) -> list[str]:
        """Return them from the thing's record."""
        record = _iot()._things.get_scoped(*self.place, thing)  # noqa: SLF001
        return list(record.get("principals", [])) if record is not None else []

    def things_of(self, principal: str) -> set[str]:
        """Ask the things."""
        with self._scope():
            things = list(_iot()._things.values())  # noqa: SLF001
        return {thing["thingName"] for thing in things if principal in thing.get("principals", [])}

    def _scope(self) -> AbstractContextManager[None]:
        from ministack.core.responses import request_scope  # noqa: PLC0415

        scope: AbstractContextManager[None] = request_scope(*self.place)
        return scope


def _account(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> str:
    """Find the account as MiniStack does; it sets a context variable, hence a context of its own."""
    from ministack import app  # noqa: PLC0415
    from ministack.core.responses import get_account_id, set_request_account_id  # noqa: PLC0415
    from ministack.core.router import extract_access_key_id  # noqa: PLC0415

    key = extract_access_key_id(headers, query)
    set_request_account_id(app._request_account_scope(key) if app.AUTH and key else key)  # noqa: SLF001
    account: str = get_account_id()
    return account


def _iot() -> Any:
    from ministack.services import iot  # noqa: PLC0415 - heavy, and MiniStack loads it when it needs it

    return iot
