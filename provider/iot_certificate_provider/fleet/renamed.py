"""A rename that would take a fleet off line: the old resource removes what the new one has found registered."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.errors import AccessDeniedError, NotFoundError, RefusedError
from iot_certificate_provider.resources.lifecycle.template import declared_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iot_certificate_provider.aws.cloudformation import StackGateway

logger = logging.getLogger("iot_certificate_provider")

KEEP = "Renamed? Keep its logical id (override_logical_id). Else remove it in an update of its own"


def removed_fleet(stacks: StackGateway, event: Mapping[str, Any]) -> str:
    """Return the logical id of a fleet that the update which a Create belongs to removes; empty where there is none.

    Empty also where CloudFormation may not be asked, which is no reason to refuse: the log says so.
    """
    stack_id, own = event["StackId"], event["LogicalResourceId"]
    try:
        with stacks.expecting_denial():
            if not stacks.is_being_updated(stack_id):
                return ""
            fleets = [
                each.logical_id
                for each in stacks.resources(stack_id)
                if each.type == ResourceType.DEVICE_CERTIFICATE_FLEET and each.logical_id != own and not each.is_going
            ]
            template = stacks.template(stack_id) if fleets else {}
    except (AccessDeniedError, NotFoundError, RefusedError) as error:
        logger.warning(json.dumps({"fleet": own, "renameNotChecked": str(error)}))
        return ""
    return next((each for each in fleets if not declared_in(template, each).is_declared), "")
