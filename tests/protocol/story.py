"""What happened in a life, to be read: who did what, CloudFormation's events, the calls, and what AWS IoT had then."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakes.iot import CaRecord, CertificateRecord
    from protocol.function import Cloud, Invocation

_ID = 10


@dataclass
class _Moment:
    """The counts of everything when a step begins, and what is registered then."""

    step: object
    events: dict[str, int]
    invocations: int
    registered: list[str] = field(default_factory=list)


class Story:
    """Notes down little while a life is played; told only when something went wrong."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._moments: list[_Moment] = []

    def begins(self, step: object) -> None:
        """Note that a step begins."""
        self._moments.append(self._moment(step))

    def told(self) -> str:
        """Tell every step with what came of it."""
        moments = [*self._moments, self._moment("")]
        lines = ["", "What happened:"]
        for number, (now, then) in enumerate(itertools.pairwise(moments), 1):
            lines.append(f"{number}. {_words(now.step)}")
            lines += [f"     {event}" for event in self._events(now, then)]
            lines += [f"     {_served(each)}" for each in self._cloud.invocations[now.invocations : then.invocations]]
            lines.append(f"     AWS IoT has: {', '.join(then.registered) or 'nothing'}")
        return "\n".join(lines)

    def _moment(self, step: object) -> _Moment:
        events = {stack.name: len(stack.ledger.events) for stack in self._cloud.stacks}
        iot = self._cloud.iot
        attached = {arn for kind in (iot.policies, iot.things) for arns in kind.values() for arn in arns}
        records: list[CaRecord | CertificateRecord] = [*iot.cas.values(), *iot.certificates.values()]
        registered = [
            f"{each.id[:_ID]} {each.status}{' attached' if each.arn in attached else ''}"
            for each in records
            if each.id not in self._cloud.foreign
        ]
        return _Moment(step, events, len(self._cloud.invocations), registered)

    def _events(self, now: _Moment, then: _Moment) -> list[str]:
        told = []
        for stack in self._cloud.stacks:
            first, last = now.events.get(stack.name, 0), then.events.get(stack.name, 0)
            rows = stack.ledger.events[::-1][first:last]
            told += [(at, f"{stack.name}: {status} {name} {_short(held)}") for name, held, status, at in rows]
        return [f"{at:%H:%M:%S} {text}" for at, text in sorted(told, key=lambda row: row[0])]


def _served(invocation: Invocation) -> str:
    event = invocation.event
    said = [f"{each.body['Status']} {_short(each.body['PhysicalResourceId'])}" for each in invocation.answers]
    reason = "".join(f' "{each.body["Reason"]}"' for each in invocation.answers if each.body["Reason"])
    who = f"{event['StackId'].split('/')[1]}'s {event['LogicalResourceId']}"
    request = f"{event['RequestType']} {who} {_short(event.get('PhysicalResourceId', ''))}".rstrip()
    return f"{request}: {', '.join(invocation.log)} -> {', '.join(said) or 'no answer'}{reason}"


def _short(physical_id: str) -> str:
    head, _, rest = physical_id.partition("/")
    return (head[:_ID] if len(head) == 64 else head) + (f"/{rest}" if rest and len(head) == 64 else "")


def _words(step: object) -> str:
    return step if isinstance(step, str) else brief(step)


def brief(value: object) -> str:
    """Write a step as code, without what is as it is by default."""
    if isinstance(value, tuple):
        inner = ", ".join(map(brief, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if not is_dataclass(value) or isinstance(value, type):
        return repr(value)
    given = [each for each in fields(value) if getattr(value, each.name) != each.default]
    return f"{type(value).__name__}({', '.join(f'{each.name}={brief(getattr(value, each.name))}' for each in given)})"
