"""Cloud assemblies of the example apps and of everything there is, each looked at by cdk-nag as it was synthesised."""

from __future__ import annotations

import json
import runpy
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import aws_cdk
from aws_cdk import App, CloudFormationValidatePlugin, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from policy.everything import declare_everything

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
EXAMPLES = [
    ROOT / "app.py",
    *sorted(file for file in (ROOT / "examples").rglob("*.py") if "app.synth()" in file.read_text()),
]


@dataclass(frozen=True)
class Assembly:
    """What an app was synthesised to, in a folder."""

    folder: Path

    @property
    def templates(self) -> list[Path]:
        """The templates of its stacks."""
        return sorted(self.folder.glob("*.template.json"))

    def nag_findings(self) -> set[tuple[str, str]]:
        """Return what cdk-nag and the CDK's own validation found, as rules and paths of constructs."""
        report = json.loads((self.folder / "validation-report.json").read_text())
        return {
            (violation["ruleName"], construct["constructPath"])
            for pack in report["pluginReports"]
            for violation in pack["violations"]
            for construct in violation["violatingConstructs"]
        }


def synthesise_everything(folder: Path) -> tuple[Assembly, App]:
    """Synthesise all that the package declares; the app is for a look at its constructs."""
    app = CheckedApp(folder)
    declare_everything(app)
    app.synth()
    return Assembly(folder), app


def synthesise_example(file: Path, folder: Path) -> Assembly:
    """Run an example's program as the CDK CLI does, but in this process: jsii takes seconds to start."""
    with mock.patch.object(aws_cdk, "App", partial(CheckedApp, folder)):
        runpy.run_path(str(file), run_name="__main__")
    return Assembly(folder)


def policy_documents(template: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the policies that a template gives roles, by their logical ids."""
    for name, resource in json.loads(template.read_text())["Resources"].items():
        match resource:
            case {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": document}}:
                yield name, document
            case {"Type": "AWS::IAM::Role", "Properties": {"Policies": policies}}:
                for policy in policies:
                    yield f"{name}/{policy['PolicyName']}", policy["PolicyDocument"]


class CheckedApp(App):
    """An app that bundles nothing, and whose findings are in its report only."""

    def __init__(self, folder: Path) -> None:
        context = {"aws:cdk:bundling-stacks": [], "@aws-cdk/core:failSynthOnValidationErrors": False}
        super().__init__(outdir=str(folder), context=context, analytics_reporting=False)
        Validations.of(self).add_plugins(AwsSolutionsChecks(self), ServerlessChecks(self), _cdks_own())


@cache
def _cdks_own() -> CloudFormationValidatePlugin:
    """Return the CDK's own validation, once: it reads its rules for seconds."""
    return CloudFormationValidatePlugin()
