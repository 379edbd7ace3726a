"""A policy that was detached shows for a while as attached, and cannot be deleted.

API reference, DetachPolicy and DeletePolicy: "Because of the distributed nature of Amazon Web Services, it can take up
to five minutes after a policy is detached before it's ready to be deleted."
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iot_certificates_local.strict.messages import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iot_certificates_local.strict.messages import Answer, HandOn, Request


@dataclass(frozen=True)
class _Detached:
    place: tuple[str, str]
    policy: str
    target: str


class DelayedDetach:
    """Remembers what was detached for ``seconds`` of the ``clock``."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._shown_until: dict[_Detached, tuple[float, str]] = {}

    async def __call__(self, request: Request, hand_on: HandOn) -> Answer:
        """Refuse DeletePolicy, and add to the lists, as long as a policy shows as attached."""
        if request.operation in ("AttachPolicy", "DetachPolicy"):
            return await self._change(request, hand_on)
        if request.operation == "DeletePolicy":
            self._check_ready(request)
        answer = await hand_on(request)
        if not answer.is_success:
            return answer
        if request.operation == "ListTargetsForPolicy":
            targets = [
                gone.target
                for gone, _ in self._shown(request.registry.place)
                if gone.policy == request.path["policyName"]
            ]
            return _with(answer, "targets", targets)
        if request.operation == "ListAttachedPolicies":
            policies = [
                _entry(gone, arn)
                for gone, arn in self._shown(request.registry.place)
                if gone.target == request.path["target"]
            ]
            return _with(answer, "policies", policies)
        return answer

    def shows_attached(self, request: Request, target: str) -> bool:
        """Whether a policy that was detached from the target still shows there."""
        return any(gone.target == target for gone, _ in self._shown(request.registry.place))

    def refusal(self, place: tuple[str, str], policy: str) -> Refusal | None:
        """Return what DeletePolicy answers as long as a policy shows as attached to anything; None when it does not."""
        if not any(gone.policy == policy for gone, _ in self._shown(place)):
            return None
        message = f"The policy cannot be deleted as the policy is attached to one or more principals (name={policy})"
        return Refusal("DeleteConflictException", message, 409)

    async def _change(self, request: Request, hand_on: HandOn) -> Answer:
        changed = _Detached(request.registry.place, request.path["policyName"], request.text("target"))
        policy = request.registry.policy(changed.policy)
        was_attached = policy is not None and changed.target in policy.get("targets", [])
        answer = await hand_on(request)
        if answer.is_success and request.operation == "AttachPolicy":
            self._shown_until.pop(changed, None)
        elif answer.is_success and was_attached and policy is not None:
            self._shown_until[changed] = (self._clock() + self._seconds, policy["policyArn"])
        return answer

    def _check_ready(self, request: Request) -> None:
        refusal = self.refusal(request.registry.place, request.path["policyName"])
        if refusal is not None:
            raise refusal

    def _shown(self, place: tuple[str, str]) -> Iterator[tuple[_Detached, str]]:
        """Yield what still shows as attached in an account and Region, with the policy's ARN."""
        now = self._clock()
        for gone, (until, arn) in list(self._shown_until.items()):
            if now >= until:
                del self._shown_until[gone]
            elif gone.place == place:
                yield gone, arn


def _entry(gone: _Detached, policy_arn: str) -> dict[str, str]:
    return {"policyName": gone.policy, "policyArn": policy_arn}


def _with(answer: Answer, member: str, more: list[Any]) -> Answer:
    document = answer.document
    listed = document.get(member, [])
    added = [entry for entry in more if entry not in listed]
    return answer.with_document({**document, member: [*listed, *added]}) if added else answer
