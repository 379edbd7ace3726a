"""What ``fleet status`` and ``fleet results`` make of the objects that the functions of a fleet have written."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from fleet import stage
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.gateways import Gateways
from iot_certificates_cli.fleet.deployed import DeployedFleet
from iot_certificates_cli.fleet.report import progress_lines
from iot_certificates_cli.fleet.runs import Progress, find_run, read_progress, results


def connected(fleet: stage.Stage) -> tuple[Any, DeployedFleet]:
    clients = AwsClients(fleet.aws.session())
    connection = SimpleNamespace(aws=Gateways(clients), clients=clients)
    return connection, DeployedFleet("factory/Fleet", stage.BUCKET, fleet.fleet, stage.MACHINE)


def test_a_run_that_is_over() -> None:
    fleet = stage.Stage()
    lines = [stage.line(number) for number in range(30)]
    answer = fleet.request("Create", fleet.upload([*lines, stage.line(99, policy_names=("nobody-s",))]))
    connection, found = connected(fleet)
    run = find_run(connection, found, None)
    assert run.name == answer.request_id
    progress = read_progress(connection, found, run)
    assert (progress.operation, progress.total, progress.done) == ("Create", 31, 31)
    assert progress.counts == {"Registered": 30, "Failed": 1}
    assert progress.has_failed
    assert progress.is_answered
    said = "\n".join(progress_lines(found, progress))
    assert "Create, FAILED, answered" in said
    assert "1 of 31 certificates failed" in said
    assert len(list(results(connection, found, run, failed=False))) == 31
    (failed,) = map(json.loads, results(connection, found, run, failed=True))
    assert failed["outcome"] == "Failed"


def test_a_run_that_is_under_way_counts_what_is_written() -> None:
    fleet = stage.Stage()
    event = fleet.event("Create", fleet.upload([stage.line(number) for number in range(40)]))
    fleet.begin(event)
    run = fleet.fleet.run(event["RequestId"])
    given = {"bucket": stage.BUCKET, "run": run.prefix}
    fleet.functions.plan(given, stage.Context(fleet.time))
    first, *_ = sorted(key for key in fleet.objects if key.startswith(run.items))
    fleet.functions.work({**given, "shard": first}, stage.Context(fleet.time))
    connection, found = connected(fleet)
    progress: Progress = read_progress(connection, found, run)
    assert (progress.total, progress.execution) == (40, "RUNNING")
    assert 0 < progress.counts["Registered"] == progress.done < 40
    assert not progress.is_over
    assert not progress.has_failed
