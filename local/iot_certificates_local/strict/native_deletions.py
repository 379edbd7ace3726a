"""AWS::IoT::Thing and AWS::IoT::Policy cannot be deleted while what was detached from them shows.

CloudFormation's resource handlers: that of AWS::IoT::Thing makes one DeleteThing and takes InvalidRequestException as
final; that of AWS::IoT::Policy maps DeleteConflictException to ResourceConflict. MiniStack deletes both by its own
functions, which no request comes by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_certificates_local.strict.messages import Refusal

    Check = Callable[[tuple[str, str], str], Refusal | None]


def refuse_native_deletions(checks: dict[str, Check]) -> None:
    """Let MiniStack's CloudFormation ask, by resource type, before it deletes a resource of that type.

    A check takes the account and Region, and the name; it returns what AWS IoT would refuse the deletion with.
    """
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415 - reads its environment when imported

    for resource_type, check in checks.items():
        handlers = provisioners._RESOURCE_HANDLERS[resource_type]  # noqa: SLF001 - it has no other place for them
        handlers["delete"] = _checked(handlers["delete"], check)


def _checked(delete: Callable[..., None], check: Check) -> Callable[..., None]:
    from ministack.core.responses import get_account_id, get_region  # noqa: PLC0415

    def delete_when_allowed(physical_id: str, properties: dict[str, Any]) -> None:
        refusal = check((get_account_id(), get_region()), physical_id)
        if refusal is not None:
            raise ValueError(f"{refusal.message} ({refusal.code})")
        delete(physical_id, properties)

    return delete_when_allowed
