"""The answer to CloudFormation: decided once, and sent until CloudFormation accepts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import MAX_REASON_CHARACTERS
from iot_certificate_provider.errors import UpstreamError, shorten
from iot_certificate_provider.fleet.layout import fleet_name
from iot_certificate_provider.fleet.outcome import FAILURES, LineOutcome
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.physical_id import fleet_id
from iot_certificate_provider.protocol import response
from iot_certificate_provider.protocol.response import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iot_certificate_provider.fleet.layout import RunKeys
    from iot_certificate_provider.fleet.store import Store

OURS = (LineOutcome.REGISTERED, LineOutcome.UPDATED, LineOutcome.UNCHANGED)
"""Outcomes of lines whose certificates are registered by the fleet."""

UNKNOWN: Mapping[str, str] = {"Registered": "", "AlreadyRegistered": "", "Failed": ""}
"""The attributes of a request that is answered before its work is done."""


@dataclass(frozen=True)
class Answering:
    """Answer one run. ``deliver`` takes a presigned URL and a body, and returns whether CloudFormation accepted it."""

    store: Store
    run: RunKeys
    deliver: Callable[[str, bytes], bool]

    def accept(self) -> None:
        """Answer that the request is accepted, before its work is done."""
        self._answer({"status": "SUCCESS", "reason": ""}, UNKNOWN)

    def answer(self, summary: Mapping[str, Any]) -> None:
        """Answer with a summary, and delete the objects of a fleet whose Delete succeeded.

        Raises UpstreamError if CloudFormation cannot be reached.
        """
        is_gone = summary["operation"] == "Delete" and summary["status"] == "SUCCESS"
        if is_gone:
            # The event last: a crash before that is answered by the next try. Nothing may be left when CloudFormation
            # deletes the bucket, some seconds after the answer.
            self._delete_others()
        self._answer(summary, _attributes(summary["counts"]))
        if is_gone:
            self.store.s3.delete(self.store.bucket, [self.run.answer, self.run.answered, self.run.summary])
            self.store.s3.delete(self.store.bucket, [self.run.event])

    def _answer(self, summary: Mapping[str, Any], attributes: Mapping[str, str]) -> None:
        if self.store.exists(self.run.answered):
            return
        kept = self.store.json(self.run.event)
        if kept is None:
            return  # answered, and removed
        event = kept["event"]
        location = f"s3://{self.store.bucket}/{self.run.prefix}/"
        outcome = Outcome(
            fleet_id(fleet_name(event["StackId"], event["LogicalResourceId"])),
            {**attributes, "ResultsLocation": location},
        )
        body = response.body(event, outcome, failure=_failure(summary, location))
        if not self.store.put_new_json(self.run.answer, body):
            # Another invocation has decided before.
            body = self.store.json(self.run.answer) or body
        if not self.deliver(event["ResponseURL"], response.encode(body)):
            raise UpstreamError("CloudFormation did not accept the answer")
        self.store.put_json(self.run.answered, {})

    def _delete_others(self) -> None:
        kept = {self.run.event, self.run.answer, self.run.answered, self.run.summary}
        keys = (each for each in list(self.store.keys(f"{self.run.fleet.prefix}/")) if each not in kept)
        self.store.s3.delete(self.store.bucket, keys)


def _failure(summary: Mapping[str, Any], location: str) -> str | None:
    if summary["status"] == "SUCCESS":
        return None
    where = f" See {location}"
    room = MAX_REASON_CHARACTERS - len(where)
    reason = f"{summary['reason']}."
    # Of the two, the reason is the more important.
    return shorten(reason, room) + where if room > MAX_REASON_CHARACTERS // 3 else reason


def _attributes(counts: Mapping[str, int]) -> dict[str, str]:
    return {
        "Registered": str(sum(counts.get(each.value, 0) for each in OURS)),
        "AlreadyRegistered": str(counts.get(LineOutcome.ALREADY_REGISTERED.value, 0)),
        "Failed": str(sum(counts.get(each.value, 0) for each in FAILURES)),
    }
