"""``Custom::IotRegistrationCode``: the code that a verification certificate has as its common name.

AWS IoT has one code for an account and Region, creates it with the first request, and returns it until it is deleted.
Nothing is registered or owned, because many resources of many stacks read one code. Its deletion invalidates every
verification certificate that was signed for it, and happens only where it is declared.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import RegistrationCodeAttribute, RegistrationCodeOnDelete, ResourceType
from iot_certificate_provider.errors import NotFoundError, ProviderError, RefusedError
from iot_certificate_provider.physical_id import REGISTRATION_CODE_ID
from iot_certificate_provider.properties.registration_code import RegistrationCodeProperties, declared_on_delete
from iot_certificate_provider.protocol.response import Outcome, ensure_fits
from iot_certificate_provider.resources.lifecycle.ownership import Action, Decision, among

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackResource
    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.protocol.request import Request


class RegistrationCodeResource:
    """Reads the registration code; deletes it with the resource where that is declared."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:  # noqa: ARG002 - as every resource
        self._iot = aws.iot
        self._stacks = aws.stacks

    def create(self, request: Request) -> Outcome:
        """Return the account's code, which AWS IoT makes where there is none."""
        RegistrationCodeProperties.read(request.properties)
        outcome = Outcome(
            REGISTRATION_CODE_ID, {RegistrationCodeAttribute.REGISTRATION_CODE: self._iot.registration_code()}
        )
        ensure_fits(request, outcome)
        return outcome

    def update(self, request: Request) -> Outcome:
        """Return the account's current code: the one that the stack has read may have been deleted since."""
        return self.create(request)

    def delete(self, request: Request) -> Outcome:
        """Delete the code if that is declared and nothing prevents it; else return the reason."""
        if request.existing_id != REGISTRATION_CODE_ID:
            # Of a Create that failed, or that CloudFormation never heard of again.
            return Outcome(request.existing_id, note=_kept("this resource never read one").reason)
        decision = self._deletion(request)
        if not decision.proceeds:
            return Outcome(request.existing_id, note=decision.reason)
        self._iot.delete_registration_code()
        return Outcome(request.existing_id)

    def _deletion(self, request: Request) -> Decision:
        """Decide on the deletion of the code, which all stacks of the account and Region share."""
        if declared_on_delete(request.properties) is RegistrationCodeOnDelete.RETAIN:
            return _kept("OnDelete is RETAIN")
        newest = next(self._stacks.rows(request.stack_id, request.logical_id), None)
        if newest is not None and newest.status != "DELETE_IN_PROGRESS":
            # Lambda delivers an event again when an answer got lost on its way. The code may be another one by now.
            return _kept("CloudFormation no longer waits for this Delete any more")
        if self._stacks.is_rolling_back(request.stack_id):
            # What a failed deployment declared was never in force; and the code may be older than the stack.
            return _kept("the stack is rolling back")
        try:
            with self._stacks.expecting_denial():
                user = next(self._users(request), None)
        except ProviderError:
            return _kept(
                "CloudFormation did not list its other users in time, or the function's role is not allowed to ask"
            )
        if user is not None:
            return _kept(f"{among([user], request)} declares it too")
        return Decision(Action.PROCEED, "No other resource of the account has the registration code")

    def _users(self, request: Request) -> Iterator[StackResource]:
        """Yield the other resources that have the code, or are about to read it, and are not deleted themselves.

        A sibling first: a logical id that was renamed. DescribeStackResources answers with one stack, perhaps the own
        one, which proves nothing about others: so all are asked.
        """
        yield from _using(request, self._stacks.all_resources(request.stack_id))
        answer = self._stacks.holding(REGISTRATION_CODE_ID)
        if answer is not None:
            yield from _using(request, answer.resources)
        for stack_id in self._stacks.stack_ids():
            if stack_id != request.stack_id:
                yield from self._in_stack(request, stack_id)

    def _in_stack(self, request: Request, stack_id: str) -> Iterator[StackResource]:
        # CloudFormation has one code, ValidationError, for a stack that does not exist any more.
        with suppress(NotFoundError, RefusedError):
            yield from _using(request, self._stacks.all_resources(stack_id))


def _using(request: Request, resources: Iterable[StackResource]) -> Iterator[StackResource]:
    for each in resources:
        has_code = each.physical_id == REGISTRATION_CODE_ID or each.type == ResourceType.REGISTRATION_CODE
        if has_code and not each.is_going and not each.is_of(request.stack_id, request.logical_id):
            yield each


def _kept(why: str) -> Decision:
    return Decision(Action.LEAVE, f"The registration code is kept: {why}")
