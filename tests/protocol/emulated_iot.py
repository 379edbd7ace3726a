"""AWS IoT of the embedded AWS, looked at and changed from outside, in the shape of ``fakes.iot.FakeIot``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore import xform_name

from fakes.iot import CaRecord, CertificateRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DETACH_SECONDS = 0.02
"""How long the embedded AWS shows a policy that was detached: to be waited for, really."""

_FIXED = ("certificatePem", "certificateMode", "caCertificateId")


@dataclass(frozen=True)
class _Account:
    """What is registered, as of one look."""

    cas: dict[str, CaRecord]
    certificates: dict[str, CertificateRecord]
    policies: dict[str, set[str]]
    things: dict[str, set[str]]


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
        self._looked: _Account | None = None
        self._described: dict[tuple[str, Any], dict[str, Any]] = {}
        self._detached_at = 0.0

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        if not operation[0].isupper():
            raise AttributeError(operation)
        call = getattr(self._client, xform_name(operation))

        def act(**parameters: Any) -> dict[str, Any]:
            answer: dict[str, Any] = call(**parameters)
            self.changed(operation)
            if operation.startswith(("Register", "CreateCertificate")):
                self._registered(answer["certificateId"])
            return answer

        return act

    def changed(self, operation: str) -> None:
        """Say that somebody calls an operation that changes something."""
        self._looked = None
        if operation == "DetachPolicy":
            self._detached_at = time.monotonic()

    @property
    def registration_code(self) -> str:
        code: str = self._client.get_registration_code()["registrationCode"]
        return code

    @property
    def cas(self) -> dict[str, CaRecord]:
        return self._account.cas

    @property
    def certificates(self) -> dict[str, CertificateRecord]:
        return self._account.certificates

    @property
    def policies(self) -> dict[str, set[str]]:
        return self._account.policies

    @property
    def things(self) -> dict[str, set[str]]:
        return self._account.things

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

    @property
    def _account(self) -> _Account:
        if self._looked is None:
            self._settle()
            time.sleep(max(0.0, self._detached_at + DETACH_SECONDS - time.monotonic()))
            self._looked = self._look()
            self._seen({each.id: each.pem for each in self._looked.certificates.values()})
        return self._looked

    def _look(self) -> _Account:
        policies = [entry["policyName"] for entry in self._pages("list_policies", "policies")]
        things = [entry["thingName"] for entry in self._pages("list_things", "things")]
        return _Account(
            cas={entry["certificateId"]: self._ca(entry) for entry in self._ca_entries()},
            certificates={entry["certificateId"]: self._certificate(entry) for entry in self._entries()},
            policies={
                name: set(self._pages("list_targets_for_policy", "targets", policyName=name)) for name in policies
            },
            things={name: set(self._pages("list_thing_principals", "principals", thingName=name)) for name in things},
        )

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
