"""The parts of the embedded CloudFormation by themselves: guards, lag, quota."""

from __future__ import annotations

import types
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from iot_certificates_local.strict.cloudformation.event_log import EventLog, Subject
from iot_certificates_local.strict.cloudformation.internals import MiniStackChangedError, replace
from iot_certificates_local.strict.cloudformation.read_quota import READS_PER_SECOND, ReadQuota
from iot_certificates_local.strict.cloudformation.resource_view import PhysicalIds, resources_of
from local.strict_stage import Clock

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _module() -> Any:
    module: Any = types.ModuleType("stacks")
    exec("def used(a, b=1): return a + b\ndef user(): return [(lambda: used(each))() for each in (1, 2)]", vars(module))  # noqa: S102
    return module


def test_what_ministack_uses_is_replaced() -> None:
    module = _module()
    replace(module, "used", "a b", lambda used: lambda a: used(a) * 10, used_by=["user"])
    assert module.user() == [20, 30]


@pytest.mark.parametrize(
    ("name", "parameters", "user"),
    [("renamed", "a b", "user"), ("used", "a", "user"), ("used", "a b c", "user"), ("used", "a b", "gone")],
)
def test_another_ministack_is_refused(name: str, parameters: str, user: str) -> None:
    with pytest.raises(MiniStackChangedError, match=r"^MiniStack changed: .* Adapt .*strict\.cloudformation"):
        replace(_module(), name, parameters, lambda function: function, used_by=[user])


def test_a_name_that_is_looked_up_no_more_is_refused() -> None:
    module = _module()
    exec("def user(): return 1", vars(module))  # noqa: S102
    with pytest.raises(MiniStackChangedError, match="user does not use used"):
        replace(module, "used", "a b", lambda function: function, used_by=["user"])


class _Stacks:
    """Two stacks of one account, and their events."""

    def __init__(self) -> None:
        self.now = NOW
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.stacks: dict[str, dict[str, Any]] = {
            name: {"StackId": f"id-{name}", "StackName": name, "StackStatus": "CREATE_COMPLETE", "CreationTime": at}
            for name, at in (("older", "2025"), ("newer", "2026"))
        }
        self.log = EventLog(self._write, self.stacks, self.events)

    def _write(self, stack_id: str, name: str, logical: str, of: str, status: str, *more: str) -> None:
        reason, physical_id, _ = more
        event = {
            "StackId": stack_id,
            "LogicalResourceId": logical,
            "PhysicalResourceId": physical_id,
            "ResourceType": of,
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
            "Timestamp": self.now.isoformat(timespec="milliseconds"),
        }
        self.events.setdefault(stack_id, []).append(event)

    def add(self, name: str, status: str, physical_id: str) -> None:
        about = Subject.resource(self.stacks[name], "One", "Custom::Declared")
        self.log.add(about, status, "why", physical_id)

    def seen(self, name: str) -> tuple[str, str] | None:
        found = resources_of(self.stacks[name], self.log).get("One")
        return None if found is None else (found["PhysicalResourceId"], found["ResourceStatus"])


def test_a_new_physical_id_is_found_after_a_while() -> None:
    stacks = _Stacks()
    ids = PhysicalIds(stacks.log, 5, lambda: stacks.now)
    stacks.add("older", "CREATE_COMPLETE", "one")
    stacks.now += timedelta(seconds=4)
    stacks.add("older", "UPDATE_COMPLETE", "one")
    assert ids.stack_of("one", stacks.stacks.values()) is None
    stacks.now += timedelta(seconds=1)
    assert ids.stack_of("one", stacks.stacks.values()) is stacks.stacks["older"]


def test_the_stack_that_is_under_way_answers_before_the_older_one() -> None:
    stacks = _Stacks()
    ids = PhysicalIds(stacks.log, 0)
    for name in ("newer", "older"):
        stacks.add(name, "CREATE_COMPLETE", "one")
    assert ids.stack_of("one", stacks.stacks.values()) is stacks.stacks["older"]
    stacks.stacks["newer"]["StackStatus"] = "UPDATE_IN_PROGRESS"
    assert ids.stack_of("one", stacks.stacks.values()) is stacks.stacks["newer"]


def test_a_resource_is_what_its_events_say() -> None:
    stacks = _Stacks()
    for status, physical_id, seen in [
        ("CREATE_IN_PROGRESS", "", ("", "CREATE_IN_PROGRESS")),
        ("CREATE_COMPLETE", "a", ("a", "CREATE_COMPLETE")),
        ("UPDATE_COMPLETE", "b", ("b", "UPDATE_COMPLETE")),
        ("DELETE_IN_PROGRESS", "a", ("b", "UPDATE_COMPLETE")),
        ("DELETE_COMPLETE", "a", ("b", "UPDATE_COMPLETE")),
        ("DELETE_IN_PROGRESS", "b", ("b", "DELETE_IN_PROGRESS")),
        ("DELETE_FAILED", "b", ("b", "DELETE_FAILED")),
        ("DELETE_IN_PROGRESS", "b", ("b", "DELETE_IN_PROGRESS")),
        ("DELETE_COMPLETE", "b", None),
        ("CREATE_IN_PROGRESS", "", ("", "CREATE_IN_PROGRESS")),
        ("CREATE_FAILED", "c", ("c", "CREATE_FAILED")),
        ("DELETE_SKIPPED", "c", None),
    ]:
        stacks.add("older", status, physical_id)
        assert stacks.seen("older") == seen


def test_reads_come_out_of_one_bucket_of_an_account() -> None:
    clock, place = Clock(), ["one"]
    quota = ReadQuota(None, lambda: (place[0], "eu-central-1"), clock)
    events = quota.within(lambda _: "e", lambda: "Rate exceeded")
    resources = quota.within(lambda _: "r", lambda: "Rate exceeded")
    answers = [read(None) for _ in range(6) for read in (events, resources)]
    assert answers == [*["e", "r"] * 5, "Rate exceeded", "Rate exceeded"]
    assert READS_PER_SECOND == 10
    place[0] = "two"
    assert events(None) == "e"
    place[0], clock.now = "one", 0.1
    assert [events(None), resources(None)] == ["e", "Rate exceeded"]
    quota.reset()
    assert resources(None) == "r"
