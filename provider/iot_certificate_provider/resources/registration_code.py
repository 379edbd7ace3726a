"""``Custom::IotRegistrationCode``: the code that a verification certificate has as its common name.

AWS IoT has one code for an account and Region, makes it when it is first asked for, and gives the same one until it is
deleted. So there is nothing to register and nothing to own: many resources of many stacks read one code. Deleting it
makes every verification certificate that was signed for it worthless, and is done only where that was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.contract import RegistrationCodeAttribute, RegistrationCodeOnDelete
from iot_certificate_provider.physical_id import REGISTRATION_CODE_ID
from iot_certificate_provider.properties.registration_code import RegistrationCodeProperties, declared_on_delete
from iot_certificate_provider.protocol.response import Outcome, ensure_fits

if TYPE_CHECKING:
    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.aws.iot import IotGateway
    from iot_certificate_provider.protocol.request import Request


class RegistrationCodeResource:
    """Reads the registration code; deletes it with the resource where that is declared."""

    def __init__(self, iot: IotGateway, stacks: StackGateway) -> None:
        self._iot = iot
        self._stacks = stacks

    def create(self, request: Request) -> Outcome:
        """Return the account's code, which AWS IoT makes where there is none."""
        RegistrationCodeProperties.read(request.properties)
        outcome = Outcome(
            REGISTRATION_CODE_ID, {RegistrationCodeAttribute.REGISTRATION_CODE: self._iot.registration_code()}
        )
        ensure_fits(request, outcome)
        return outcome

    def update(self, request: Request) -> Outcome:
        """Return the code that the account has now: somebody may have deleted the one that the stack has read."""
        return self.create(request)

    def delete(self, request: Request) -> Outcome:
        """Delete the code if that is declared and nothing speaks against it; say what does."""
        if request.existing_id != REGISTRATION_CODE_ID:
            return Outcome(request.existing_id)  # of a Create that failed, or that CloudFormation never heard of again
        if declared_on_delete(request.properties) is RegistrationCodeOnDelete.RETAIN:
            return Outcome(request.existing_id)
        objection = self._objection(request)
        if objection:
            return Outcome(request.existing_id, note=f"The registration code is kept: {objection}")
        self._iot.delete_registration_code()
        return Outcome(request.existing_id)

    def _objection(self, request: Request) -> str:
        """Say why the code is not to go after all; nothing where it is."""
        newest = next(self._stacks.rows(request.stack_id, request.logical_id), None)
        if newest is not None and newest.status != "DELETE_IN_PROGRESS":
            # Lambda delivers an event again when an answer got lost on its way. The code may be another one by now.
            return "CloudFormation does not wait for this Delete any more"
        if self._stacks.is_rolling_back(request.stack_id):
            # What a failed deployment declared was never in force; and the code may be older than the stack.
            return "the stack is rolling back"
        others = self._stacks.holders_in(request.stack_id, REGISTRATION_CODE_ID)
        for other in others:
            # A logical id that was renamed: the attribute of the new one has this code.
            if other.logical_id != request.logical_id and not other.is_going:
                return f"{other.logical_id} of the stack has it too"
        return ""
