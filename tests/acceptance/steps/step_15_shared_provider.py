"""Step 15: a function for a stack, its nested stack and a stack that imports its service token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acceptance.another_python import NoOtherPythonError, another_python
from acceptance.cdk import CdkFailedError, PlayedApp
from acceptance.provider import export_of
from acceptance.stacks import PlayedStack, device
from acceptance.step import Reliance, Step

if TYPE_CHECKING:
    from acceptance.stage import Stage

APP = '''"""A function that a stack and its nested stack share; the resources are called the same in both."""

from pathlib import Path

from aws_cdk import App, NestedStack, Stack

from iot_certificates import CertificateMode, DeviceCertificate, IotCertificateProvider

app = App()
stack = Stack(app, {stack!r})
provider = IotCertificateProvider(stack, "Provider")
for scope, name in ((stack, "one"), (NestedStack(stack, "Nested"), "two")):
    DeviceCertificate(
        scope,
        "Device",
        certificate_pem=Path(f"{{name}}.pem").read_text(),
        certificate_mode=CertificateMode.SNI_ONLY,
        provider=provider,
    )
app.synth()
'''


def play(stage: Stage) -> None:
    """Deploy, compare, import, and delete in the order that CloudFormation asks for."""
    stack = PlayedStack(stage, "shared")
    app = PlayedApp(stage, "app", APP.format(stack=stack.name))
    names = {"one": "alone:1", "two": "alone:2"}
    for file, name in names.items():
        (app.folder / f"{file}.pem").write_text(stage.material[name], encoding="ascii")
    try:
        app.deploy()
    except CdkFailedError as error:
        stage.check(False, f"a stack, its nested stack and their function: {error}")
        return
    for name in names.values():
        _is(stage, name, "ACTIVE")
    _compare(stage, app)
    _compare_from_another_python(stage, app)
    _import(stage)
    status = stack.delete()
    stage.check(status == "DELETE_COMPLETE", f"deletion: {status}, {stack.reasons()}")
    for name in names.values():
        _is(stage, name, "")


def _import(stage: Stage) -> None:
    """Import the service token of the provider stack, as plain templates do."""
    stage.run.provider.service_token()
    stack = PlayedStack(stage, "importing")
    resource = device(stage.material["alone:3"], ServiceToken={"Fn::ImportValue": export_of(stage.place)})
    status = stack.create({"Device": resource})
    stage.check(status == "CREATE_COMPLETE", f"a stack that imports the service token: {status}, {stack.reasons()}")
    _is(stage, "alone:3", "ACTIVE")
    stack.delete()
    _is(stage, "alone:3", "")


def _compare(stage: Stage, app: PlayedApp) -> None:
    """The same app synthesises the same template, asset's name included."""
    try:
        app.diff()
    except CdkFailedError as error:
        stage.check(False, f"cdk diff right after cdk deploy: {error}")


def _compare_from_another_python(stage: Stage, app: PlayedApp) -> None:
    """A colleague's Python, or that of continuous integration, synthesises the same template, too."""
    try:
        python = another_python(app.folder)
    except NoOtherPythonError as error:
        stage.leave_out("cdk diff from another Python", str(error))
        return
    try:
        app.diff(python)
    except CdkFailedError as error:
        stage.check(False, f"cdk diff from {python.resolve().name} right after cdk deploy: {error}")


def _is(stage: Stage, name: str, status: str) -> None:
    found = stage.ask("iot", "DescribeCertificate", certificateId=stage.material.id(name))
    shown = found.members.get("certificateDescription", {}).get("status", "")
    stage.check(shown == status, f"{name} is {shown or found.code}")


STEP = Step(
    number=15,
    settles="a function for several stacks",
    assumption=(
        "A nested stack and a stack that imports the service token are served; `cdk diff` after `cdk deploy` is empty, "
        "also from another Python"
    ),
    relies_on=(
        Reliance("iot_certificates.provider:IotCertificateProvider", "one function for several stacks"),
        Reliance("iot_certificates.bundling:bundle", "the asset has the same name each time"),
    ),
    if_false="Change constructs/iot_certificates/provider.py, or what the name of the asset is made of.",
    play=play,
    minutes=5,
    dollars=0.02,
    timeout_minutes=25,
)
