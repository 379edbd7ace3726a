"""checkov on all templates: what fails is skipped in the template's metadata, with the reason."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aws_cdk import App

    from policy.assemblies import Assembly

BARE = "without-metadata"

_ACTIVATING = "examples/just_in_time_registration/app/JustInTimeRegistration.template.json"
ACCEPTED_IN_EXAMPLES = {
    (
        _ACTIVATING,
        "CKV_AWS_115",
    ): "a reservation is taken from all of the account's functions: it is for the app to give",
    (_ACTIVATING, "CKV_AWS_116"): "Lambda tries twice more, and what is left PENDING_ACTIVATION is in the registry",
    (_ACTIVATING, "CKV_AWS_117"): "all that it talks to is AWS IoT's own public endpoint, over TLS",
    (_ACTIVATING, "CKV_AWS_158"): "CloudWatch Logs encrypts every log, and no key is in this one",
    (_ACTIVATING, "CKV_AWS_173"): "a certificate's id and a policy's name are no secrets",
}
"""What fails in an app that is an example and not ours, with the reason, as in test_cdk_nag."""


@pytest.fixture(scope="module")
def report(
    policy_tools: Path, assemblies: dict[str, Assembly], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What checkov says of all templates, and of those of everything as they would be without skips."""
    folder = tmp_path_factory.mktemp("templates")
    for name, assembly in assemblies.items():
        for template in assembly.templates:
            content = json.loads(template.read_text())
            _write(folder / name / template.name, content)
            if name == "everything":
                _write(folder / BARE / template.name, _bare(content))
    checkov = [str(policy_tools / "checkov"), "--framework", "cloudformation", "--output", "json", "--soft-fail"]
    done = subprocess.run(
        # Not to look up, over the network, what its makers say of each check.
        [*checkov, "--skip-download", "--directory", str(folder)],
        env={**os.environ, "LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


def test_nothing_fails(report: dict[str, Any]) -> None:
    assert report["summary"]["passed"] > 300
    assert report["summary"]["parsing_errors"] == 0
    failed = {(file, check) for file, _, check in _checks(report, "failed_checks") if not file.startswith(BARE)}
    assert failed == set(ACCEPTED_IN_EXAMPLES)


def test_each_skip_answers_a_failure(report: dict[str, Any], everything: tuple[Assembly, App]) -> None:
    failed = {each for each in _checks(report, "failed_checks") if each[0].startswith(BARE)}
    skipped = {
        (f"{BARE}/{template.name}", f"{resource['Type']}.{name}", skip["id"])
        for template in everything[0].templates
        for name, resource in json.loads(template.read_text())["Resources"].items()
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
        if skip["comment"]
    }
    assert failed == skipped


def _checks(report: dict[str, Any], result: str) -> Iterator[tuple[str, str, str]]:
    for check in report["results"][result]:
        yield check["file_path"].removeprefix("/"), check["resource"], check["check_id"]


def _bare(template: dict[str, Any]) -> dict[str, Any]:
    resources = {
        name: {key: value for key, value in resource.items() if key != "Metadata"}
        for name, resource in template["Resources"].items()
    }
    return {**template, "Resources": resources}


def _write(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1))
