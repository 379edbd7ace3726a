"""CloudFormation as a custom resource meets it: what it sends, when, and what it makes of the answers.

Source: the CloudFormation User Guide on custom resources, and what CloudFormation does when answers fail to come. A
``Stack`` drives the real handler through a ``Cloud``, and keeps its ledger where the handler reads it.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from fakes.transfers import PENDING
from iot_certificate_provider.physical_id import certificate_id_in, is_certificate_id, without_kept
from iot_certificate_provider.resources.lifecycle.history import CLOCKS_DIFFER
from protocol import at_once as at_once_works
from protocol import function, invariants, native
from protocol.at_once import Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from fakes.cloudformation import FakeCloudFormation
    from protocol.function import Answer, Cloud, Owner

CA = "Custom::IotCaCertificate"
DEVICE = "Custom::IotDeviceCertificate"
SELF_SIGNED_CA = "Custom::IotSelfSignedCaCertificate"
ISSUED_DEVICE = "Custom::IotIssuedDeviceCertificate"
TRANSFER, DECISION = function.TRANSFER, function.DECISION
SERVICE_TIMEOUT = 1200.0
REDELIVERIES = (60.0, 120.0)
"""AWS Lambda Developer Guide, "Asynchronous invocation": twice more, after one minute and after two."""

ROLLBACK_BEGINS_SECONDS = 1.0
"""After a work was cancelled: between "Resource update cancelled" and the stack's rollback the events show a second."""

UNREAD = "because the function's role may not look for it, or remove it"
"""In the reason of what was not allowed to look for what it may leave."""

NAMED = 12
"""How much of a certificate's id names it in a reason, at least."""

Result = Literal["COMPLETE", "ROLLED_BACK", "ROLLBACK_FAILED", "DELETE_FAILED"]
Template = dict[str, "Declared"]


@dataclass(frozen=True)
class Declared:
    """A resource in a template."""

    type: str
    properties: Mapping[str, Any]
    after: tuple[str, ...] = ()
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"

    @property
    def policies(self) -> dict[str, str]:
        """Its attributes, as the template has them."""
        named = {"DeletionPolicy": self.deletion_policy, "UpdateReplacePolicy": self.update_replace_policy}
        return {name: policy for name, policy in named.items() if policy != "Delete"}

    @property
    def attributes(self) -> dict[str, Any]:
        """The resource in a template in JSON; a reference is resolved by now, and so is a text."""
        return {**self.policies, "Properties": dict(self.properties)}

    @property
    def is_native(self) -> bool:
        return self.type.startswith("AWS::")


def retained(declared: Declared) -> Declared:
    """Declare a resource with RemovalPolicy.RETAIN, as the CDK calls it."""
    return replace(declared, deletion_policy="Retain", update_replace_policy="Retain")


@dataclass(frozen=True)
class Live:
    """A resource of the stack: what CloudFormation believes to be there."""

    physical_id: str
    declared: Declared

    @property
    def certificate_ids(self) -> set[str]:
        """The certificates that its physical id names: the present one, and a kept one."""
        return {certificate_id_in(self.physical_id), without_kept(self.physical_id)[1]} - {""}


@dataclass
class _Rollback:
    """What is left to do to get back."""

    updates: list[tuple[str, str, Declared, Declared]] = field(default_factory=list)
    """Logical id, physical id now, its properties now, those to get back to."""
    cleanup: list[tuple[str, Live]] = field(default_factory=list)
    snapshot: invariants.Snapshot | None = None
    revoking: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    is_called_off: bool = False
    """Whether a user has cancelled the update."""


class Stack:
    """One stack."""

    def __init__(self, cloud: Cloud, name: str = "factory") -> None:
        self.cloud = cloud
        self.name = name
        self.ledger = _ledger(cloud, name)
        self.template: Template = {}
        self.live: dict[str, Live] = {}
        self.late_without_faults = False
        """Whether deliveries that come too late meet no faults: who could be told, when they leave something?"""
        self.is_yaml = False
        """Whether its author writes YAML: then the function reads no properties in what GetTemplate answers."""
        self.sent: list[dict[str, Any]] = []
        self._rollback = _Rollback()
        self._gone: dict[str, bool] = {}
        self._running: list[Work] = []
        """Of updates: also those that CloudFormation has cancelled, and that run on."""
        self._late: list[tuple[datetime, dict[str, Any], tuple[float, ...]]] = []
        cloud.stacks.append(self)

    @property
    def excused(self) -> set[str]:
        """Certificates that CloudFormation told its user it leaves behind."""
        return self.cloud.excuses.left_behind[self.ledger.stack_id]

    @property
    def is_at_work(self) -> bool:
        """Whether an operation runs: not on a stack that has never been created."""
        return bool(self.sent) and (self.ledger.status.endswith("_IN_PROGRESS") or self._has_cancelled_works)

    @property
    def _has_cancelled_works(self) -> bool:
        """Whether a function still works on what CloudFormation has cancelled."""
        return any(work.is_cancelled and not work.has_ended for work in self._running)

    @property
    def skipped(self) -> set[str]:
        """The resources that ContinueUpdateRollback was told to skip."""
        return self._rollback.skipped

    # What a user does

    def create(self, template: Template, *, parallel: bool = True) -> Result:
        """Create the stack; ROLLED_BACK when that failed and nothing is left of it."""
        self.ledger.status = "CREATE_IN_PROGRESS"
        self._gone = {}
        self._show(template)
        failed = False
        for level in _levels(template):
            if not failed:
                failed = not self._create_level(level, template, parallel=parallel)
        if failed:
            self.ledger.status = "ROLLBACK_IN_PROGRESS"
            return self._delete_all("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
        self.template = template
        return self._settle("CREATE_COMPLETE", "COMPLETE")

    def update(self, template: Template, *, at_once: bool = False, called_off_after: float | None = None) -> Result:
        """Update the stack; when that fails, roll it back.

        ``at_once``: resources that do not depend on each other run at the same time, as on AWS, and those that still
        run when one fails are cancelled; else one after the other. ``called_off_after``: so many seconds later a user
        cancels the update.
        """
        return self.cloud.clock.run(lambda: self._update(template, at_once=at_once, called_off_after=called_off_after))

    def _update(self, template: Template, *, at_once: bool, called_off_after: float | None) -> Result:
        self.ledger.status = "UPDATE_IN_PROGRESS"
        self.ledger.begin_update(self.cloud.clock.now)
        todo = self._rollback = _Rollback(snapshot=invariants.Snapshot.of(self))
        self._gone = {}
        self._show(template)
        if called_off_after is not None:
            self.cloud.clock.spawn(functools.partial(self._call_off, todo), after=called_off_after)
        replaced: list[tuple[str, Live]] = []
        for level in _levels(template):
            works = [work for each in level for work in self._works(each, template[each], replaced)]
            self._running += works
            done = (
                at_once_works.play(self.cloud.clock, works, lambda: todo.is_called_off)
                if at_once
                else at_once_works.play_in_turn(works)
            )
            if not done:
                if any(work.is_cancelled for work in works):
                    self.cloud.clock.sleep(ROLLBACK_BEGINS_SECONDS)
                return self._roll_back()
        self._take_attributes(template)
        order = [each for level in reversed(_levels(self.template)) for each in level]
        removed = [(each, self.live[each]) for each in order if each not in template]
        self.ledger.status = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
        self._clean_up([*replaced, *removed])
        self.template = template
        self._show(template)
        return self._settle("UPDATE_COMPLETE", "COMPLETE")

    def _works(self, logical_id: str, declared: Declared, replaced: list[tuple[str, Live]]) -> list[Work]:
        """Return what an update has to do about a resource, if anything."""
        live = self.live.get(logical_id)
        if live is None:
            create = functools.partial(self._create_in_update, logical_id, declared)
            return [Work(create, functools.partial(self._cancel_create, logical_id, declared), declared.is_native)]
        if dict(live.declared.properties) == dict(declared.properties):
            return []
        update = functools.partial(self._update_one, logical_id, live, declared, replaced)
        return [Work(update, functools.partial(self._cancel_update, logical_id, live, declared), declared.is_native)]

    def _call_off(self, todo: _Rollback) -> None:
        """Do as CancelUpdateStack does: it is taken only while the update is in progress."""
        if todo is self._rollback and self.ledger.status == "UPDATE_IN_PROGRESS":
            todo.is_called_off = True

    def _take_attributes(self, template: Template) -> None:
        """An attribute such as DeletionPolicy changes without an event."""
        for logical_id, declared in template.items():
            self.live[logical_id] = replace(self.live[logical_id], declared=declared)

    def _show(self, template: Template) -> None:
        """Have GetTemplate answer with a template: while an update runs with the one to come, and nothing of before.

        The API reference does not say which; after a rollback it is the previous one.
        """
        self.ledger.types.update({logical_id: declared.type for logical_id, declared in template.items()})
        self.ledger.policies = {
            logical_id: declared.policies if self.is_yaml else declared.attributes
            for logical_id, declared in template.items()
        }

    def continue_rollback(self, *, skip: bool = False) -> Result:
        """ContinueUpdateRollback, after UPDATE_ROLLBACK_FAILED; ``skip`` the resource that it failed at."""
        if skip:
            logical_id = self._rollback.updates.pop(0)[0]
            self._rollback.skipped.add(logical_id)
            self._abandon(logical_id)
            self.cloud.possessions.gives_up(self._owner(logical_id))
        self.ledger.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        return self._go_back()

    def delete(self) -> Result:
        """Delete the stack; COMPLETE when it is gone."""
        self.ledger.status = "DELETE_IN_PROGRESS"
        self._gone = {}
        return self._delete_all("DELETE_COMPLETE", "DELETE_FAILED")

    def duplicate(self, event: Mapping[str, Any]) -> Answer | None:
        """Deliver an event once more; CloudFormation has its answer already, and ignores another one."""
        return self._deliver(dict(event))

    # Create

    def _create_level(self, level: list[str], template: Template, *, parallel: bool) -> bool:
        running: set[str] = set()
        results: dict[str, bool] = {}
        works = [functools.partial(self._create_one, each, template[each], running, results) for each in level]
        if parallel:
            self.cloud.clock.together(*works)
        else:
            for work in works:
                if all(results.values()):
                    work()
        return all(results.get(each) for each in level)

    def _create_one(self, logical_id: str, declared: Declared, running: set[str], results: dict[str, bool]) -> None:
        if not all(results.values()):
            return  # a sibling failed before this one began
        running.add(logical_id)
        self._log(logical_id, "", "CREATE_IN_PROGRESS")
        answer = self._send("Create", logical_id, declared)
        if logical_id in self.live:
            self._excuse_given_up(logical_id, answer)
            return  # given up meanwhile: whatever it answers comes too late
        running.discard(logical_id)
        results[logical_id] = self._note_created(logical_id, declared, answer)
        if results[logical_id]:
            return
        for sibling in sorted(running):
            # Of its own types CloudFormation knows what they do: it waits for them, and deletes what there is then.
            if not _type_in(self.sent, sibling).startswith("AWS::"):
                self.give_up(sibling)
                running.discard(sibling)

    def _note_created(self, logical_id: str, declared: Declared, answer: Answer | None) -> bool:
        """Note what a Create has answered; return whether that is a success."""
        physical_id = self._invent(logical_id) if answer is None else answer.body["PhysicalResourceId"]
        self.live[logical_id] = Live(physical_id, declared)
        if answer is None or answer.body["Status"] != "SUCCESS":
            self._log(logical_id, physical_id, "CREATE_FAILED")
            return False
        self._excuse_named(logical_id, self.live[logical_id], answer, self._doubt(logical_id))
        self._log(logical_id, physical_id, "CREATE_IN_PROGRESS")
        self._log(logical_id, physical_id, "CREATE_COMPLETE")
        self.cloud.possessions.completed(self._owner(logical_id), physical_id, declared)
        return True

    def _create_in_update(self, logical_id: str, declared: Declared, work: Work) -> bool:
        self._log(logical_id, "", "CREATE_IN_PROGRESS")
        answer = self._send("Create", logical_id, declared)
        if work.is_cancelled:
            self._excuse_given_up(logical_id, answer)
            return False
        done = self._note_created(logical_id, declared, answer)
        self._rollback.cleanup.append((logical_id, self.live[logical_id]))
        return done

    def _cancel_create(self, logical_id: str, declared: Declared) -> None:
        """Note "Resource creation cancelled": its Delete comes in the clean-up, with an id that is invented."""
        self.live[logical_id] = Live(self._invent(logical_id), declared)
        self._log(logical_id, self.live[logical_id].physical_id, "CREATE_FAILED")
        self._rollback.cleanup.append((logical_id, self.live[logical_id]))

    def _excuse_given_up(self, logical_id: str, answer: Answer | None) -> None:
        """Excuse what a Create that was given up while it ran could not undo, or died over: nobody asks for it again.

        Only what this request registered. An undoing that fails has met a fault, or another resource that uses the
        certificate.
        """
        of_it = (each for each in reversed(self.sent) if each["LogicalResourceId"] == logical_id)
        event = next(each for each in of_it if each["RequestType"] == "Create")
        deliveries = [each for each in self.cloud.invocations if each.event["RequestId"] == event["RequestId"]]
        made = {each for each in self._made_by(logical_id) if self.cloud.requests.get(each) == event["RequestId"]}
        if answer is not None and answer.body["Status"] == "FAILED":
            named = made & {answer.body["PhysicalResourceId"]}
            is_hindered = any(each.faults for each in deliveries)
            used = self._used_and_lost() | self._named_by_void_holders(logical_id)
            self.excused.update(each for each in named if is_hindered or each in used or self._holders(each))
            if event["ResourceType"] == TRANSFER and is_hindered:
                # What it had changed for the transfer, only its answer says.
                changed = {event["ResourceProperties"]["CertificateId"]}
                self.cloud.excuses.forgotten |= changed
                self.cloud.excuses.detached_by_a_transfer |= changed
        # The delivery that comes again removes a CA, unless it is the last one that dies.
        is_lost = deliveries[-1].died if event["ResourceType"] == CA else any(each.died for each in deliveries)
        if is_lost:
            self.excused.update(made)

    def give_up(self, logical_id: str) -> None:
        """A sibling failed: the Create still runs, and its Delete comes already."""
        event = next(e for e in reversed(self.sent) if e["LogicalResourceId"] == logical_id)
        declared = Declared(event["ResourceType"], event["ResourceProperties"])
        self.live[logical_id] = Live(self._invent(logical_id), declared)
        self._log(logical_id, self.live[logical_id].physical_id, "CREATE_FAILED")
        self.cloud.clock.spawn(functools.partial(self._delete_one, logical_id, self.live[logical_id]), after=0.02)

    # Update

    def _cancel_update(self, logical_id: str, live: Live, declared: Declared) -> None:
        """Note "Resource update cancelled": what it answers comes too late, so the resource has the id from before."""
        self._log(logical_id, live.physical_id, "UPDATE_FAILED")
        self.cloud.possessions.failed(self._owner(logical_id))
        self._rollback.updates.append((logical_id, live.physical_id, declared, live.declared))

    def _update_one(
        self, logical_id: str, live: Live, declared: Declared, replaced: list[tuple[str, Live]], work: Work
    ) -> bool:
        self._log(logical_id, live.physical_id, "UPDATE_IN_PROGRESS")
        if _changes_service_token(live.declared, declared):
            # "Modifying service token is not allowed.": the function never hears of it.
            self._log(logical_id, live.physical_id, "UPDATE_FAILED")
            return False
        if declared.properties.get("Status") == "REVOKED":
            self._rollback.revoking.add(live.physical_id)
        answer = self._send("Update", logical_id, declared, live.physical_id, live.declared)
        self.cloud.possessions.note_revoked(live.physical_id, declared)
        if work.is_cancelled:
            self._note_cancelled(logical_id, live, answer)
            return False
        if answer is None or answer.body["Status"] == "FAILED":
            adopted = live.physical_id if answer is None else answer.body["PhysicalResourceId"]
            if answer is None:
                certificate_id = certificate_id_in(live.physical_id)
                self.cloud.possessions.took_over_without_answer(certificate_id, declared, live.declared)
            self._log(logical_id, adopted, "UPDATE_FAILED")
            self.cloud.possessions.failed(self._owner(logical_id))
            self._rollback.updates.append((logical_id, adopted, declared, live.declared))
            return False
        physical_id = answer.body["PhysicalResourceId"]
        if not declared.is_native:
            invariants.released(self, last_event(self, logical_id), certificate_id_in(physical_id))
        self._log(logical_id, physical_id, "UPDATE_COMPLETE")
        self.cloud.possessions.completed(self._owner(logical_id), physical_id, declared, live.declared)
        self._excuse_named(logical_id, Live(physical_id, declared), answer, self._doubt(logical_id))
        self._rollback.updates.append((logical_id, physical_id, declared, live.declared))
        if physical_id != live.physical_id:
            replaced.append((logical_id, live))
        self.live[logical_id] = Live(physical_id, declared)
        return True

    def _note_cancelled(self, logical_id: str, live: Live, answer: Answer | None) -> None:
        """Note what a cancelled Update has left, whose answer CloudFormation ignores: it has undone itself.

        Unless a delivery died over that: one that comes again finds that nobody waits for it. Or unless the role was
        not allowed to ask, or to undo, as long as the last delivery lasted.
        """
        self.cloud.possessions.arrangements.made_again(self._owner(logical_id))
        of_it = [each for each in self.cloud.invocations if each.owner == self._owner(logical_id)]
        before = live.declared.properties.items()
        deliveries = [each for each in of_it if before <= each.event.get("OldResourceProperties", {}).items()]
        requests = {each.event["RequestId"] for each in deliveries if each.died}
        made = {each for each in self._made_by(logical_id) if self.cloud.requests.get(each) in requests}
        self.excused.update(made - live.certificate_ids)
        if deliveries and (deliveries[-1].died or deliveries[-1].is_denied_to_its_end):
            # Lambda delivers it no more (docs/operations.md: "If the function ends before it has undone everything").
            self._rollback.skipped.add(logical_id)
            self.cloud.possessions.spoiled(self._owner(logical_id), set(live.certificate_ids))
        if answer is not None:
            self._excuse_attached(logical_id, live.physical_id, answer)

    def _roll_back(self) -> Result:
        self.ledger.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        order = [each for level in _levels(self.template) for each in level]
        self._rollback.updates.sort(key=lambda step: order.index(step[0]))
        return self._go_back()

    def _go_back(self) -> Result:
        todo = self._rollback
        while todo.updates:
            logical_id, physical_id, now, before = todo.updates[0]
            self._log(logical_id, physical_id, "UPDATE_IN_PROGRESS")
            doubt = self._doubt(logical_id)
            answer = self._send("Update", logical_id, before, physical_id, now)
            if answer is None or answer.body["Status"] == "FAILED":
                self._log(logical_id, physical_id, "UPDATE_FAILED")
                self._wait_for_cancelled()
                self._run_late()
                self.ledger.status = "UPDATE_ROLLBACK_FAILED"
                self.cloud.keys.check()
                return "ROLLBACK_FAILED"
            todo.updates.pop(0)
            back = answer.body["PhysicalResourceId"]
            if certificate_id_in(back) in self._made_by(logical_id):
                # In place of one that is gone, by the Update, which never answered: that has set it REVOKED, perhaps.
                self.cloud.possessions.note_revoked(back, now)
            self._log(logical_id, back, "UPDATE_COMPLETE")
            self._excuse_named(logical_id, Live(back, before), answer, doubt | self._doubt(logical_id))
            self._excuse_attached(logical_id, back, answer)
            self.cloud.possessions.completed(self._owner(logical_id), back, before, now)
            if logical_id in todo.skipped:
                # The Update that was cancelled, and could not be undone, may have set the status after this.
                self.cloud.possessions.spoiled(self._owner(logical_id), {certificate_id_in(back)})
            self._excuse_overtaken(logical_id, before, answer)
            if back != physical_id:
                todo.cleanup.append((logical_id, Live(physical_id, now)))
            self.live[logical_id] = Live(back, before)
        self.ledger.status = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
        self._clean_up(todo.cleanup)
        self._show(self.template)
        result = self._settle("UPDATE_ROLLBACK_COMPLETE", "ROLLED_BACK")
        assert todo.snapshot is not None
        invariants.rolled_back_to(self, todo.snapshot, todo.revoking, todo.skipped)
        return result

    # Delete

    def _clean_up(self, superfluous: Iterable[tuple[str, Live]]) -> None:
        for logical_id, live in superfluous:
            current = self.live.get(logical_id)
            replaced = current is not None and current.physical_id != live.physical_id
            policy = live.declared.update_replace_policy if replaced else live.declared.deletion_policy
            # What failed to be created is deleted all the same.
            if policy == "Retain" and is_certificate_id(certificate_id_in(live.physical_id)):
                self._leave(logical_id, live, replaced=replaced)
            elif not self._delete_one(logical_id, live, replaced=replaced):
                # It is abandoned, whatever the physical id stands for.
                self._abandon(logical_id, *([current.physical_id] if current and replaced else []))
            if not replaced:
                self.live.pop(logical_id, None)

    def _delete_all(self, well: str, badly: str) -> Result:
        order = _levels({each: live.declared for each, live in self.live.items()})
        for logical_id in [each for level in reversed(order) for each in level]:
            live = self.live[logical_id]
            if live.declared.deletion_policy == "Retain" and is_certificate_id(certificate_id_in(live.physical_id)):
                self._leave(logical_id, live)
                self._gone[logical_id] = True
            elif not self._gone.get(logical_id):
                self._delete_one(logical_id, live)
        left = [each for each in self.live if not self._gone.get(each)]
        self.live = {each: self.live[each] for each in left}
        if left:
            self._run_late()
            self.ledger.status = badly
            self.cloud.keys.check()
            return "ROLLBACK_FAILED" if badly.startswith("ROLLBACK") else "DELETE_FAILED"
        self.template = {}
        return self._settle(well, "ROLLED_BACK" if well.startswith("ROLLBACK") else "COMPLETE")

    def _leave(self, logical_id: str, live: Live, *, replaced: bool = False) -> None:
        """Skip a deletion, as the template says."""
        self.excused.update(live.certificate_ids)
        self.cloud.retained.update(live.certificate_ids)
        for each in live.certificate_ids & self.cloud.foreign.keys():
            # The template retains the changes and the attachments of an adopter as well.
            self.cloud.foreign[each] = invariants.picture(self.cloud, each)
        names = (*live.declared.properties.get("PolicyNames", ()), *live.declared.properties.get("ThingNames", ()))
        self.cloud.excuses.left_attached[self._owner(logical_id)] = frozenset(names)
        self._log(logical_id, live.physical_id, "DELETE_SKIPPED", moved=replaced)
        if not replaced:
            self.cloud.possessions.gives_up(self._owner(logical_id))

    def _delete_one(self, logical_id: str, live: Live, *, replaced: bool = False) -> bool:
        self._log(logical_id, live.physical_id, "DELETE_IN_PROGRESS", moved=replaced)
        if not replaced:
            self.cloud.possessions.gives_up(self._owner(logical_id))
        doubt, began = self._doubt(logical_id), self.cloud.clock.now
        if live.declared.type == DECISION and live.declared.properties.get("OnDelete") != "DELETE":
            self.excused.add(live.declared.properties["CertificateId"])
        answer = self._send("Delete", logical_id, live.declared, live.physical_id)
        done = answer is not None and answer.body["Status"] == "SUCCESS"
        if answer is not None and done:
            self._excuse_named(logical_id, live, answer, doubt | self._doubt(logical_id) | self._at_work_since(began))
            self._excuse_attached(logical_id, live.physical_id, answer)
            if live.declared.type == TRANSFER:
                self._excuse_overtaken(logical_id, live.declared, answer, goes=True)
        self._log(logical_id, live.physical_id, "DELETE_COMPLETE" if done else "DELETE_FAILED", moved=replaced)
        if not replaced:
            self._gone[logical_id] = done
        return done

    # Events and answers

    def _send(
        self,
        kind: str,
        logical_id: str,
        declared: Declared,
        physical_id: str | None = None,
        old: Declared | None = None,
    ) -> Answer | None:
        """Send one request; wait for its answer as long as CloudFormation does."""
        number = next(self.cloud.request_numbers)
        event: dict[str, Any] = {
            "RequestType": kind,
            "RequestId": f"{number:08x}-0000-4000-8000-000000000000",
            "ResponseURL": self.cloud.url(
                f"https://cloudformation.example/{self.name}/{logical_id}/{number}"
                f"?X-Amz-Date={self.cloud.clock.now:%Y%m%dT%H%M%SZ}&X-Amz-Signature=s"
            ),
            "ResourceType": declared.type,
            "LogicalResourceId": logical_id,
            "StackId": self.ledger.stack_id,
            "ResourceProperties": {"ServiceToken": "arn", "ServiceTimeout": "1200", **declared.properties},
        }
        if physical_id is not None:
            event["PhysicalResourceId"] = physical_id
        if old is not None:
            event["OldResourceProperties"] = {"ServiceToken": "arn", "ServiceTimeout": "1200", **old.properties}
        self.sent.append(event)
        answer = native.serve(self.cloud, event) if declared.is_native else self._deliver(event)
        if answer is None or answer.body["Status"] == "FAILED":
            self.cloud.notice_half_adopted(event, unheard=answer is None)
        return answer

    def _deliver(self, event: dict[str, Any], sent: datetime | None = None) -> Answer | None:
        sent = sent or self.cloud.clock.now
        for number, wait in enumerate((*REDELIVERIES, None)):
            invocation = self.cloud.invoke(event)
            invariants.answered_once(invocation, sent, SERVICE_TIMEOUT)
            if invocation.died and (invocation.answers or invocation.handed_on):
                # It answered before it died; that does not keep Lambda from trying again.
                self._late.append((self.cloud.clock.now, event, REDELIVERIES[number:]))
            if invocation.handed_on is not None:
                return self._deliver(dict(invocation.handed_on), sent)
            if invocation.answers:
                return invocation.answers[0]
            if wait is not None:
                self.cloud.clock.sleep(wait)
        left = SERVICE_TIMEOUT - (self.cloud.clock.now - sent).total_seconds()
        self.cloud.clock.sleep(max(0.0, left))
        return None

    def _run_late(self) -> None:
        """Deliver again what was answered by a function that then died, as often as Lambda does."""
        late, self._late = self._late, []
        if late and self.late_without_faults:
            self.cloud.arm()
        for since, event, waits in late:
            due, died = since, True
            for wait in waits:
                due += timedelta(seconds=wait)
                self.cloud.clock.sleep(max(0.0, (due - self.cloud.clock.now).total_seconds()))
                if died:
                    died = self.cloud.invoke(event).died
                due = self.cloud.clock.now
            if died:
                # Nobody asks the function any more: what it registered last, nobody can remove.
                self.excused.update(
                    each for each, request in self.cloud.requests.items() if request == event["RequestId"]
                )

    def _settle(self, status: str, result: Result) -> Result:
        """An operation is over: nothing runs any more, and every invariant can be looked at."""
        self.ledger.status = status
        self._wait_for_cancelled()
        self._run_late()
        invariants.check(self)
        return result

    def _wait_for_cancelled(self) -> None:
        """Wait until nothing works any more on what was cancelled: so long, nothing can be looked at."""
        if self._has_cancelled_works:
            self.cloud.clock.until(lambda: not self._has_cancelled_works)
        self._running = []

    # The ledger

    def _log(self, logical_id: str, physical_id: str, status: str, *, moved: bool = False) -> None:
        """Write a row; ``moved``: of a physical id that the resource has no more."""
        if moved:
            self.ledger.events.insert(0, (logical_id, physical_id, status, self.cloud.clock.now))
        else:
            self.ledger.log(logical_id, physical_id, status, self.cloud.clock.now)

    def _invent(self, logical_id: str) -> str:
        return f"{self.name}-{logical_id}-{len(self.sent):012X}"

    def _abandon(self, logical_id: str, *kept: str) -> None:
        """Excuse what CloudFormation told its user it leaves behind."""
        self.excused.update(self._made_by(logical_id) - {*kept})
        events = [event for event in self.sent if event["LogicalResourceId"] == logical_id]
        named = {event["ResourceProperties"].get("CertificateId", "") for event in events}
        current = self.live[logical_id].declared.properties.get("CertificateId", "") if kept else ""
        # Its transfer may be left as well, and nobody can say any more what the certificate was before.
        self.cloud.excuses.handled_outside |= named - {current, ""}
        self.cloud.excuses.forgotten |= named
        for certificate_id in named - {current, ""}:
            self._leave_pending(certificate_id)

    def _leave_pending(self, certificate_id: str) -> None:
        record = self.cloud.iot.certificates.get(certificate_id)
        if record is not None and record.status == PENDING:
            self.cloud.excuses.left_pending[certificate_id] = record.transfer

    def _owner(self, logical_id: str) -> Owner:
        return self.ledger.stack_id, logical_id

    def _doubt(self, logical_id: str) -> set[object]:
        """Return what can make it doubtful whose a certificate is: others at work, holders, faults that struck it."""
        me = self._owner(logical_id)
        busy = {each for each in self.cloud.stacks if each is not self and each.is_at_work}
        siblings = {name for name, (_, status) in self.ledger.resources.items() if status.endswith("_IN_PROGRESS")}
        # After a rollback it may only use, without owning it, a certificate that it has registered itself.
        possessions = self.cloud.possessions.held.items()
        held = {had.certificate_id for owner, had in possessions if owner != me or had.adopted}
        arrangements = self.cloud.possessions.arrangements
        held |= {certificate_id for owner, certificate_id in arrangements.accepted.items() if owner != me}
        held |= {certificate_id for owner, (certificate_id, _) in arrangements.transfers.items() if owner != me}
        held |= self._used_and_lost() | self._named_by_void_holders(logical_id)
        struck = [fault for each in self.cloud.invocations if each.owner == me for fault in each.faults]
        return {*busy, *(siblings - {logical_id}), *held, *struck}

    def _at_work_since(self, began: datetime) -> set[object]:
        """Return the other stacks that were at work meanwhile, though they are at rest again."""
        others = (each for each in self.cloud.stacks if each is not self)
        return {each for each in others if each.ledger.events and each.ledger.events[0][3] >= began}

    def _excuse_named(self, logical_id: str, live: Live, answer: Answer, doubt: set[object]) -> None:
        """Excuse what a Delete, or a rollback, leaves that might be another owner's: it names it, and has a doubt.

        The certificate that a Delete is about is named by its physical id; only the reason is to say why it stays.
        """
        reason = answer.body["Reason"]
        if live.declared.type == TRANSFER and doubt and reason.startswith("Left pending, in doubt"):
            self._leave_pending(live.declared.properties["CertificateId"])
        self._excuse_changed(logical_id, live, reason)
        # A role that may not look knows no name; and not to look without a denial is no doubt.
        is_denied = UNREAD in reason and any(str(each).startswith("deny") for each in doubt)
        for certificate_id in self._made_by(logical_id):
            said = _said_of(certificate_id, reason, is_only=certificate_id == live.physical_id)
            # That it made nothing is no doubt: of what it made it is wrong.
            is_doubted = said.startswith(("Left", "So is")) and "was not registered by" not in said
            is_held = certificate_id in live.certificate_ids or self.cloud.possessions.holders(certificate_id)
            is_unread = is_denied and not is_held
            # What a rollback has made is not proved to be its own: another template's Retain counts then.
            is_retained = certificate_id in self.cloud.retained and "was retained by" in said
            if is_unread or (is_doubted and (doubt or is_retained)):
                self.excused.add(certificate_id)
                if "in doubt" in reason and not self.cloud.possessions.holders(certificate_id):
                    self.cloud.excuses.left_in_doubt[certificate_id] = reason

    def _excuse_changed(self, logical_id: str, live: Live, reason: str) -> None:
        """Excuse a Delete that failed, and that finds another one's transfer when it comes again, and says so."""
        certificate_id = live.declared.properties.get("CertificateId", "")
        _, maker = self.cloud.transferred.get(certificate_id, (None, ()))
        _, _, before = reason.partition("was changed since. Before the transfer it was ")
        if maker in ((), self._owner(logical_id)):
            return
        if before.startswith("ACTIVE"):
            self.cloud.excuses.forgotten.add(certificate_id)
        if "attached to" in before:
            self.cloud.excuses.detached_by_a_transfer.add(certificate_id)

    def _excuse_attached(self, logical_id: str, physical_id: str, answer: Answer) -> None:
        """Excuse what a rollback, or a Delete, leaves attached and names, where another one uses the certificate.

        Or used it when the request was sent, and is deleted since.
        """
        me, certificate_id = self._owner(logical_id), certificate_id_in(physical_id)
        said = re.search(r"Left attached, because .* may have attached it: ([^.]+)", answer.body["Reason"])
        holders = [owner for each in (certificate_id, without_kept(physical_id)[1]) for owner in self._holders(each)]
        holders += invariants.keepers(self.cloud, certificate_id)
        began = max((each.started for each in self.cloud.invocations if each.owner == me), default=self.cloud.clock.now)
        given_up = self.cloud.possessions.given_up.items()
        holders += [owner for owner, (each, at) in given_up if each == certificate_id and at >= began]
        is_shared = any(owner != me for owner in holders)
        names = said[1].split(", ") if said is not None and is_shared else ()
        self.cloud.excuses.left_attached[me] = frozenset(names)

    def _excuse_overtaken(self, logical_id: str, declared: Declared, answer: Answer, *, goes: bool = False) -> None:
        """Excuse a rollback, or a Delete, that leaves another owner's transfer pending, and says so; if there is one.

        Nobody puts back what the transfer before has changed, since the certificate is on its way.
        """
        me, arrangements = self._owner(logical_id), self.cloud.possessions.arrangements
        certificate_id = declared.properties.get("CertificateId", "")
        is_named = answer.body["Reason"].startswith("Left pending: another owner transfers")
        if is_named and arrangements.is_transferred_by_another(me, certificate_id):
            excuses = self.cloud.excuses
            excuses.overtaken.update(set() if goes else {me})
            excuses.forgotten.add(certificate_id)
            excuses.detached_by_a_transfer.add(certificate_id)

    def _named_by_void_holders(self, logical_id: str) -> set[str]:
        """Return what this resource made, and another one names that lost it, and was updated since, or just before.

        CloudFormation shows that one as updated after the certificate was registered (its clock is another), and not
        that it changed nothing.
        """
        me = self._owner(logical_id)
        others = [
            (owner, certificate_id_in(live.physical_id))
            for stack in self.cloud.stacks
            for name, live in stack.live.items()
            if (owner := (stack.ledger.stack_id, name)) != me
        ]
        named = [*others, *self.cloud.possessions.lost]
        made = self._made_by(logical_id)
        return {each for owner, each in named if each in made and self._is_updated_since(owner, each)}

    def _is_updated_since(self, owner: Owner, certificate_id: str) -> bool:
        iot = self.cloud.iot
        record = iot.cas.get(certificate_id) or iot.certificates.get(certificate_id)
        ledgers = (each.ledger for each in self.cloud.stacks if each.ledger.stack_id == owner[0])
        rows = (row for ledger in ledgers for row in ledger.events if row[0] == owner[1] and row[1] == certificate_id)
        newest = next(rows, None)
        if record is None or newest is None or "COMPLETE" not in newest[2]:
            return False
        return bool(newest[3] > record.created - CLOCKS_DIFFER)

    def _used_and_lost(self) -> set[str]:
        """Return what was deleted by hand, and is used again when it is registered again.

        An adopter uses it, whichever owner registers it. An owner whose stack is at work, or rolls back, registers it
        itself.
        """
        at_work = {stack.ledger.stack_id for stack in self.cloud.stacks if stack is not self and stack.is_at_work}
        lost = self.cloud.possessions.lost.items()
        return {each for ((stack_id, _), each), had in lost if had.adopted or stack_id in at_work}

    def _holders(self, certificate_id: str) -> list[Owner]:
        return self.cloud.possessions.holders(certificate_id)

    def _made_by(self, logical_id: str) -> set[str]:
        return {each for each, owner in self.cloud.made.items() if owner == (self.ledger.stack_id, logical_id)}


def _ledger(cloud: Cloud, name: str) -> FakeCloudFormation:
    first = cloud.aws.cloudformation
    if cloud.stacks:
        return first.beside(name)
    first.stack_id = first.stack_id.replace(f"/{first.name}/", f"/{name}/")
    return first


def _said_of(certificate_id: str, reason: str, *, is_only: bool) -> str:
    """Return the sentence of a reason that names a certificate; the first one where it is about no other."""
    sentences = reason.split(". ")
    named = (each for each in sentences if certificate_id[:NAMED] in each)
    return next(named, sentences[0] if is_only else "")


def _type_in(events: list[dict[str, Any]], logical_id: str) -> str:
    """Return the type in the newest event of a resource; none of one that has not begun."""
    return next((str(each["ResourceType"]) for each in reversed(events) if each["LogicalResourceId"] == logical_id), "")


def _changes_service_token(before: Declared, now: Declared) -> bool:
    return now.properties.get("ServiceToken") != before.properties.get("ServiceToken")


def _levels(template: Mapping[str, Declared]) -> list[list[str]]:
    """Resources by how many others have to be there before them."""

    @functools.cache
    def depth(logical_id: str) -> int:
        return 1 + max((depth(each) for each in template[logical_id].after if each in template), default=0)

    deepest = max(map(depth, template), default=0)
    return [[each for each in template if depth(each) == level] for level in range(1, deepest + 1)]


def last_event(stack: Stack, logical_id: str) -> dict[str, Any]:
    """Return the last request that was sent for a resource."""
    return next(event for event in reversed(stack.sent) if event["LogicalResourceId"] == logical_id)
