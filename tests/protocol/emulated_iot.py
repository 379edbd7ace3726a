"""AWS IoT of the embedded AWS, looked at and changed from outside, in the shape of ``fakes.iot.FakeIot``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from botocore import xform_name

from fakes.iot import CaRecord, CertificateRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DETACH_SECONDS = 0.02
"""How long the embedded AWS shows a policy that was detached: to be waited for, really. Likewise things, a status."""

LAG_SECONDS = 5.0
"""As long is DETACH_SECONDS on the referee's clock, because AWS lags by seconds."""

CALL_SECONDS = 0.25
"""How long a call may be on its way on a busy machine: the detaching is noted when it is sent."""

_FIXED = ("certificatePem", "certificateMode", "caCertificateId")


class EmulatedIot:
    """Looks anew after every change: call ``changed`` for those that come from elsewhere.

    Operations are methods with AWS's names, and take the SDK's parameters. ``settle`` waits for what is on its way;
    ``registered`` is told what is registered from outside, and ``seen`` the device certificates at every look.
    """

    def __init__(
        self,
        client: Any,
        settle: Callable[[], None],
        registered: Callable[[str], None],
        seen: Callable[[Mapping[str, str]], None],
    ) -> None:
        self._client = client
        self._settle = settle
        self._registered = registered
        self._seen = seen
        self._looked: dict[str, Any] = {}
        self._described: dict[tuple[str, Any], dict[str, Any]] = {}
        self._detached_at = 0.0

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        if not operation[0].isupper():
            raise AttributeError(operation)
        call = getattr(self._client, xform_name(operation))

        def act(**parameters: Any) -> dict[str, Any]:
            if operation == "DeleteCertificate":
                time.sleep(DETACH_SECONDS)  # a hand waits until its deactivation is seen
            answer: dict[str, Any] = call(**parameters)
            self.changed(operation)
            if operation.startswith(("Register", "CreateCertificate")):
                self._registered(answer["certificateId"])
            return answer

        return act

    def changed(self, operation: str) -> None:
        """Say that somebody calls an operation that changes something."""
        self._looked.pop(_part_of(operation), None)
        if operation == "DetachPolicy":
            self._detached_at = time.monotonic()

    @property
    def has_registration_code(self) -> bool:
        """True: the question for one that was deleted makes another, as on AWS, so that it is not the same."""
        return True

    @property
    def registration_code(self) -> str:
        code: str = self._client.get_registration_code()["registrationCode"]
        return code

    @property
    def cas(self) -> dict[str, CaRecord]:
        found: dict[str, CaRecord] = self._look("cas", self._all_cas)
        return found

    @property
    def certificates(self) -> dict[str, CertificateRecord]:
        found: dict[str, CertificateRecord] = self._look("certificates", self._all_certificates)
        return found

    @property
    def policies(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = self._look("policies", self._all_policies)
        return found

    @property
    def things(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = self._look("things", self._all_things)
        return found

    def ids(self) -> set[str]:
        """Return the ids of what is registered at this moment, whatever is on its way."""
        entries = self._entries()
        self._seen({entry["certificateId"]: self._fixed(entry)["certificatePem"] for entry in entries})
        return {entry["certificateId"] for entry in [*entries, *self._ca_entries()]}

    def _fixed(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Return what never changes of a registered certificate."""
        key = entry["certificateId"], entry["creationDate"]
        if key not in self._described:
            found = self._client.describe_certificate(certificateId=entry["certificateId"])["certificateDescription"]
            self._described[key] = {name: found.get(name) for name in _FIXED}
        return self._described[key]

    def _look(self, part: str, look: Callable[[], Any]) -> Any:
        """Look at a part of the account, unless nothing has changed it since."""
        if part not in self._looked:
            self._settle()
            self._looked[part] = look()
        return self._looked[part]

    def _all_cas(self) -> dict[str, CaRecord]:
        return {entry["certificateId"]: self._ca(entry) for entry in self._ca_entries()}

    def _all_certificates(self) -> dict[str, CertificateRecord]:
        found = {entry["certificateId"]: self._certificate(entry) for entry in self._entries()}
        self._seen({each.id: each.pem for each in found.values()})
        return found

    def _all_policies(self) -> dict[str, set[str]]:
        shown_until = self._detached_at + CALL_SECONDS + DETACH_SECONDS
        time.sleep(max(0.0, shown_until - time.monotonic()))
        names = [entry["policyName"] for entry in self._pages("list_policies", "policies")]
        return {name: set(self._pages("list_targets_for_policy", "targets", policyName=name)) for name in names}

    def _all_things(self) -> dict[str, set[str]]:
        names = [entry["thingName"] for entry in self._pages("list_things", "things")]
        return {name: set(self._pages("list_thing_principals", "principals", thingName=name)) for name in names}

    def _entries(self) -> list[dict[str, Any]]:
        return self._pages("list_certificates", "certificates")

    def _ca_entries(self) -> list[dict[str, Any]]:
        return self._pages("list_ca_certificates", "certificates")

    def _pages(self, operation: str, member: str, **parameters: Any) -> list[Any]:
        pages = self._client.get_paginator(operation).paginate(**parameters)
        return [entry for page in pages for entry in page[member]]

    def _certificate(self, entry: dict[str, Any]) -> CertificateRecord:
        pem, mode, ca_id = (self._fixed(entry)[name] for name in _FIXED)
        return CertificateRecord(entry["certificateId"], pem, entry["status"], mode, ca_id, entry["creationDate"])

    def _ca(self, entry: dict[str, Any]) -> CaRecord:
        answer = self._client.describe_ca_certificate(certificateId=entry["certificateId"])
        found = answer["certificateDescription"]
        return CaRecord(
            found["certificateId"],
            found["certificatePem"],
            found["status"],
            found["autoRegistrationStatus"],
            found["certificateMode"],
            answer.get("registrationConfig") or None,
            {
                tag["Key"]: tag["Value"]
                for tag in self._pages("list_tags_for_resource", "tags", resourceArn=entry["certificateArn"])
            },
            found["creationDate"],
        )


def _part_of(operation: str) -> str:
    """Return what of the account an operation changes."""
    if "CACertificate" in operation or operation in ("TagResource", "UntagResource"):
        return "cas"
    if "Policy" in operation:
        return "policies"
    return "things" if "Thing" in operation else "certificates"
