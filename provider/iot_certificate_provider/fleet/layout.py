"""Where a fleet keeps what: the keys of its objects in its bucket.

::

    <prefix>/<name>/                                  a fleet; its name is a hash of StackId and LogicalResourceId
        state.json                                    what is known to be as a manifest has it, partition by partition
        ledger/<key>.jsonl                            what the fleet has registered: a header, then ascending by id
        runs/<RequestId>/                             one request of CloudFormation's
            event.json                                the event, with its presigned URL: read by the functions alone
            plan.json                                 what the run is to do, and by when
            held.jsonl                                certificate ids that resources of any stack hold
            work/<key>.json                           one item of the Distributed Map
            busy/<attempt>                            a Plan or a Settle that is at work, and until when at most
            applied.json                              partitions that are as the manifest has them
            folded                                    the ledger has all that the run has done
            parts/<key>/<number>.<attempt>.began      written before a part: what may come of it, and since when
            parts/<key>/<number>.jsonl                a header with counts, then the result of each line
            errors/<key>.json                         why a worker could not go on
            cancel                                    while it is there, no part is begun
            results.jsonl, failed.jsonl, summary.json  what became of each line, of those that failed, and in all
            answer.json, answered                     what CloudFormation is answered: decided once; and that it was

``<key>`` is a partition's bits, ``all`` where it has none. A part's number has eight digits: listings are in
order.
"""

from __future__ import annotations

import hashlib
import re

from iot_certificate_provider.frozen import dataclass

_ALL = "all"
_EXECUTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


def fleet_name(stack_id: str, logical_id: str) -> str:
    """Return a fleet's name, 32 hex digits: a Delete finds it also where the physical id is an invented one."""
    return hashlib.sha256(f"{stack_id}\n{logical_id}".encode()).hexdigest()[:32]


def run_name(request_id: str) -> str:
    """Return the name of a request's run, and of its execution: the request's id, which is a UUID."""
    if _EXECUTION_NAME.fullmatch(request_id):
        return request_id
    return hashlib.sha256(request_id.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class FleetKeys:
    """The keys of one fleet, below ``prefix``, which has no slash at its end."""

    prefix: str

    @classmethod
    def of(cls, prefix: str, stack_id: str, logical_id: str) -> FleetKeys:
        """Return the keys of a resource's fleet below FLEET_PREFIX, which may be empty."""
        name = fleet_name(stack_id, logical_id)
        stripped = prefix.strip("/")
        return cls(f"{stripped}/{name}" if stripped else name)

    @property
    def name(self) -> str:
        """The name of the fleet, as in its physical id."""
        return self.prefix.rsplit("/", 1)[-1]

    @property
    def state(self) -> str:
        """What is known to be as a manifest has it."""
        return f"{self.prefix}/state.json"

    @property
    def ledgers(self) -> str:
        """The prefix of all ledgers."""
        return f"{self.prefix}/ledger/"

    def ledger(self, key: str) -> str:
        """Return the key of a partition's ledger."""
        return f"{self.ledgers}{key or _ALL}.jsonl"

    @property
    def runs(self) -> str:
        """The prefix of all runs."""
        return f"{self.prefix}/runs/"

    def run(self, request_id: str) -> RunKeys:
        """Return the keys of a request's run."""
        return RunKeys(f"{self.runs}{run_name(request_id)}")


@dataclass(frozen=True)
class RunKeys:
    """The keys of one run, below ``prefix``, which is the ``run`` of the machine's input."""

    prefix: str

    @property
    def fleet(self) -> FleetKeys:
        """The keys of the fleet that the run belongs to."""
        return FleetKeys(self.prefix.rsplit("/", 2)[0])

    @property
    def name(self) -> str:
        """The name of the run, and of its execution."""
        return self.prefix.rsplit("/", 1)[1]

    @property
    def event(self) -> str:
        """The event, with its presigned URL."""
        return f"{self.prefix}/event.json"

    @property
    def plan(self) -> str:
        """What the run is to do."""
        return f"{self.prefix}/plan.json"

    @property
    def held(self) -> str:
        """What resources of any stack hold."""
        return f"{self.prefix}/held.jsonl"

    @property
    def items(self) -> str:
        """The prefix that the Distributed Map lists: one object is one child."""
        return f"{self.prefix}/work/"

    def item(self, key: str) -> str:
        """Return the key of one item of the map."""
        return f"{self.items}{key or _ALL}.json"

    @property
    def all_parts(self) -> str:
        """The prefix of all parts."""
        return f"{self.prefix}/parts/"

    def parts(self, key: str) -> str:
        """Return the prefix of a partition's parts."""
        return f"{self.all_parts}{key or _ALL}/"

    def part(self, key: str, number: int) -> str:
        """Return the key of a part's results."""
        return f"{self.parts(key)}{number:08}.jsonl"

    def began(self, key: str, number: int, attempt: str) -> str:
        """Return the key of what is written before an attempt at a part; ``attempt`` has hex digits."""
        return f"{self.parts(key)}{number:08}.{attempt}.began"

    @property
    def all_busy(self) -> str:
        """The prefix of what says that a function is at work on the run as a whole."""
        return f"{self.prefix}/busy/"

    @property
    def applied(self) -> str:
        """The partitions that are as the run's manifest has them."""
        return f"{self.prefix}/applied.json"

    @property
    def folded(self) -> str:
        """Says that the ledger has all that the run has done."""
        return f"{self.prefix}/folded"

    @property
    def errors(self) -> str:
        """The prefix of what keeps workers from going on."""
        return f"{self.prefix}/errors/"

    def error(self, key: str) -> str:
        """Return the key of what keeps a partition's worker from going on."""
        return f"{self.errors}{key or _ALL}.json"

    @property
    def cancel(self) -> str:
        """While it is there, no part is begun."""
        return f"{self.prefix}/cancel"

    @property
    def summary(self) -> str:
        """What became of the run."""
        return f"{self.prefix}/summary.json"

    @property
    def results(self) -> str:
        """What became of each line."""
        return f"{self.prefix}/results.jsonl"

    @property
    def failed(self) -> str:
        """The lines that failed."""
        return f"{self.prefix}/failed.jsonl"

    @property
    def answer(self) -> str:
        """What CloudFormation is answered."""
        return f"{self.prefix}/answer.json"

    @property
    def answered(self) -> str:
        """Says that CloudFormation took the answer."""
        return f"{self.prefix}/answered"


def key_in(name: str) -> str:
    """Return a partition's key from the last component of an object's key: ``…/work/0110.json`` is ``0110``."""
    key = name.rstrip("/").rsplit("/", 1)[-1].split(".", 1)[0]
    return "" if key == _ALL else key
