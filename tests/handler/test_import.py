"""Importing the function's module: all that can fail there answers nothing at all."""

from __future__ import annotations

import io
import json
import logging
import os
import runpy
import subprocess
import sys

import pytest

from handler.stage import LambdaContext
from iot_certificate_provider import handler
from iot_certificate_provider.protocol import crhelper_once
from iot_certificate_provider.protocol.crhelper_once import CrHelperOnce

IMPORT_WITHOUT_AWS = """
import os, socket, logging
import botocore.session

def refuse(*_, **__):
    raise AssertionError("made while the module is imported")

botocore.session.Session.create_client = refuse
socket.socket.connect = refuse
from iot_certificate_provider import handler
function = handler.function
assert function.clients._clients == {}
assert function.clients._session is None
assert "AWS_SAM_LOCAL" not in os.environ
assert function.crhelper._sam_local is None
assert function.crhelper._init_failed is None
crhelper = function.crhelper
assert crhelper._poll_create_func is crhelper._poll_update_func is crhelper._poll_delete_func is None
assert logging.getLogger("botocore").level == logging.ERROR
print("imported")
"""


def test_makes_no_client_and_no_connection_and_leaves_the_environment_alone() -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_WITHOUT_AWS],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("imported\n", "")


def test_keeps_what_the_environment_says_about_running_locally() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os; from iot_certificate_provider import handler; print(os.environ['AWS_SAM_LOCAL'])",
        ],
        env={**os.environ, "AWS_SAM_LOCAL": "as it was"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "as it was\n"


@pytest.mark.parametrize("before", [None, "as it was"], ids=["unset", "set"])
def test_what_crhelper_is_made_to_believe_while_it_is_imported_is_forgotten_at_once(
    monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    if before is None:
        monkeypatch.delenv("AWS_SAM_LOCAL", raising=False)
    else:
        monkeypatch.setenv("AWS_SAM_LOCAL", before)
    runpy.run_path(crhelper_once.__file__)
    assert os.environ.get("AWS_SAM_LOCAL") == before


def test_crhelper_is_made_with_the_levels_and_the_format_that_the_function_wants() -> None:
    """Its own are DEBUG, of everybody's loggers, until the first request."""
    lambdas = logging.StreamHandler(io.StringIO())
    logging.getLogger().addHandler(lambdas)
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    try:
        CrHelperOnce()
    finally:
        logging.getLogger().removeHandler(lambdas)
    assert lambdas.formatter is None
    assert logging.getLogger().level == logging.INFO
    assert logging.getLogger("urllib3").level == logging.ERROR


@pytest.mark.parametrize(("of_lambda", "threshold"), [({"AWS_LAMBDA_FUNCTION_NAME": "f"}, 100_000), ({}, None)])
def test_garbage_is_not_looked_for_all_the_time_while_lambda_starts_the_function(
    of_lambda: dict[str, str], threshold: int | None
) -> None:
    """Nor does the import change anything for another process."""
    program = "import gc; before = gc.get_threshold()[0]; from iot_certificate_provider import handler; "
    command = [sys.executable, "-c", program + "print(before, gc.get_threshold()[0])"]
    done = subprocess.run(command, env={**os.environ, **of_lambda}, capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert after == (threshold or before)


def test_crhelpers_own_loggers_which_show_the_event_are_off() -> None:
    assert handler.function.crhelper is not None
    assert logging.getLogger("crhelper.resource_helper").disabled
    assert logging.getLogger("crhelper.utils").disabled


def test_lambda_calls_what_serves_the_requests(caplog: pytest.LogCaptureFixture) -> None:
    handler.handler({}, LambdaContext())
    assert json.loads(caplog.messages[-1])["outcome"] == "IGNORED"
