"""What the readers of secrets find: invariant I6, kept beside the provider.

A secret whose AWSCURRENT was a registered certificate's has had a reader for whom that worked: from then on, and for as
long as that resource exists, it is to work at the end of every operation. And it is to be that resource's key that
works: no other resource takes the label from a certificate that is registered, at no time and for however short.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from iot_certificate_provider.physical_id import certificate_id_in
from protocol.invariants import require, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocol.function import Cloud, Owner
    from protocol.referee import Live, Stack

SECRETS = ("PrivateKeySecretArn", "CredentialsSecretArn")
"""The properties that name a secret that the function writes to."""


@dataclass
class CurrentKeys:
    """By secret: the resource whose registered certificate AWSCURRENT was of, and that certificate's id."""

    cloud: Cloud
    working: dict[str, tuple[Owner, str]] = field(default_factory=dict)
    writers: dict[str, Owner] = field(default_factory=dict)
    """By certificate: the resource that wrote its key. Who registered it last can be another one, a hand's or ours."""
    looked: int = 0
    """How many invocations there were at the last look."""
    overtaken: set[str] = field(default_factory=set)
    """Certificates that were registered again while the call was under way by which another resource took the label.

    docs/resources/issued-device-certificate.md, "The secret".
    """

    def check(self) -> None:
        """Require that what worked works; note what works now. While no operation runs."""
        if any(stack.is_at_work for stack in self.cloud.stacks):
            return
        registered = self._registered()
        for arn in {*self.working, *self._declared()}:
            found = certificate_in(self.cloud.current_text(arn))
            if found in registered and found in self.cloud.made:
                owner = self._owner_of(found)
                self._require_not_taken(arn, owner, found, registered)
                self.working[arn] = owner, found
            elif arn in self.working:
                self._require_gone(arn, found)
        self.looked = len(self.cloud.invocations)

    def written(self, text: str, owner: Owner) -> None:
        """Note whose key a version of a secret has."""
        certificate_id = certificate_in(text)
        if certificate_id is not None:
            self.writers.setdefault(certificate_id, owner)

    def moved(self, text: str | None, owner: Owner, seconds: float) -> None:
        """Note a violation where a resource has taken AWSCURRENT from another one's registered certificate.

        Not where that was registered again within the ``seconds`` of the call: no check can come later.
        """
        found = certificate_in(text)
        if found not in self.writers or self.writers[found] == owner or found not in self._registered():
            return
        record = self.cloud.iot.cas.get(found) or self.cloud.iot.certificates[found]
        if found in self.cloud.excuses.deleted_outside and record.created >= self.cloud.clock.now - timedelta(
            seconds=seconds
        ):
            self.overtaken.add(found)
        else:
            self.cloud.violations.append(said("I6", self._taken(owner, self.writers[found], found)))

    def _owner_of(self, certificate_id: str) -> Owner:
        return self.writers.get(certificate_id, self.cloud.made[certificate_id])

    def _registered(self) -> set[str]:
        return {*self.cloud.iot.certificates, *self.cloud.iot.cas}

    def _require_not_taken(self, arn: str, owner: Owner, found: str, registered: set[str]) -> None:
        """Require that a label has gone from one resource to another only where its certificate was removed."""
        before_owner, before = self.working.get(arn, (owner, found))
        if before_owner != owner and before in registered - self.overtaken:
            require(False, "I6", self._taken(owner, before_owner, before))

    @staticmethod
    def _taken(by: Owner, of: Owner, certificate_id: str) -> str:
        taker, owner = (f"{logical_id} of stack {stack_id.split('/')[1]}" for stack_id, logical_id in (by, of))
        return f"{taker} has taken the label from {owner}, whose certificate {certificate_id[:8]} is registered"

    def replaced_outside(self, arn: str) -> None:
        """Note that a hand has written to a secret, or has taken it away."""
        self.working.pop(arn, None)

    def _require_gone(self, arn: str, found: str | None) -> None:
        owner, before = self.working.pop(arn)
        stack = next((each for each in self.cloud.stacks if each.ledger.stack_id == owner[0]), None)
        live = None if stack is None else stack.live.get(owner[1])
        ids = {before, found, None if live is None else certificate_id_in(live.physical_id)}
        if stack is None or live is None or arn not in _secrets_of(live) or _is_going(stack, owner[1]):
            return  # gone, or it keeps its key elsewhere by now, or its deletion has failed half-way
        if ids & self.cloud.excuses.deleted_outside or self._is_denied(owner):
            return
        what = "no certificate" if found is None else f"certificate {found[:8]}, which is not registered"
        require(False, "I6", f"the secret of {owner[1]} of stack {owner[0].split('/')[1]} has the key of {what}")

    def _is_denied(self, owner: Owner) -> bool:
        """Whether the function was denied the secret since the last look.

        docs/resources/issued-device-certificate.md, "The secret".
        """
        for invocation in self.cloud.invocations[self.looked :]:
            for call, fault in pairwise(invocation.log):
                if invocation.owner == owner and "Secret" in call and fault.startswith("deny"):
                    return True
        return False

    def _declared(self) -> Iterator[str]:
        for stack in self.cloud.stacks:
            for live in stack.live.values():
                yield from _secrets_of(live)


def _is_going(stack: Stack, logical_id: str) -> bool:
    return stack.ledger.resources.get(logical_id, ("", ""))[1].startswith("DELETE_")


def _secrets_of(live: Live) -> list[str]:
    return [live.declared.properties[name] for name in SECRETS if name in live.declared.properties]


def certificate_in(text: str | None) -> str | None:
    """Return the id of the certificate whose key a value of a secret has; None for a value of another kind."""
    try:
        fields = json.loads(text or "")
        return str(fields["certificateId"])
    except (ValueError, TypeError, KeyError):
        return None
