"""The synthesis of many device certificates against as many of the native type, which checks nothing."""

from __future__ import annotations

import importlib
import itertools
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.certificates import Factory
from benchmarks.measuring import in_turn, ratios, timed
from benchmarks.report import Row, Section, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TITLE = "Synthesis"
PROCESS_LIMIT = 1.5
WARM_LIMIT = 3.0
RESOURCES_LIMIT = 1.0
ROUNDS = 9
WARM_ROUNDS = 15
CERTIFICATES = 200

_APPS = Path(__file__).with_name("apps")
_SIDES = ("device_certificates", "cfn_certificates")
_REMARKS = (
    (
        f"An app of a CA and {CERTIFICATES} DeviceCertificates, whose distinct PEMs are read and checked against the "
        f"CA's, divided by one of {CERTIFICATES} CfnCertificates, whose PEMs are not. The function's asset has been "
        "built before, as it is from an app's first synthesis on."
    ),
    (
        "A profile shows the rest: a DeviceCertificate asks Node four times, where a CfnCertificate asks twice (its "
        "Resource, its CfnResource, the removal policy, what it depends on), more than half of its time; to read and "
        "check its PEM and the CA's takes less than a fifth. Without the removal policy it would ask three times, and "
        "the CDK's MissingRemovalPolicies would apply its default to the certificate."
    ),
)


def run(say: Callable[[str], None]) -> Section:
    """Measure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        factory = Factory()
        pems = [factory.device().pem for _ in range(CERTIFICATES)]
        certificates = folder / "certificates.json"
        certificates.write_text(json.dumps({"ca": factory.ca.pem, "devices": pems}))
        assemblies = _Assemblies(folder)
        whole = {side: assemblies.of_process(side, certificates) for side in _SIDES}
        process = in_turn(whole, ROUNDS, lambda told: say(f"whole process, {told}"))
        warm = in_turn(
            {side: assemblies.of_call(side, factory.ca.pem, pems) for side in _SIDES},
            WARM_ROUNDS,
            lambda told: say(f"warm, {told}"),
        )
        each = {side: assemblies.each_certificate(side, factory.ca.pem, pems) for side in _SIDES}
    ours, native = (each[side] for side in _SIDES)
    remark = (
        f"A DeviceCertificate takes {ours.resources:g} resource and {ours.characters:,.0f} bytes of the template, "
        f"a CfnCertificate {native.resources:g} and {native.characters:,.0f}."
    )
    return Section(
        TITLE,
        (
            Row("whole process", ratios(process[_SIDES[0]], process[_SIDES[1]]), PROCESS_LIMIT),
            Row("construct and synth, warm", ratios(warm[_SIDES[0]], warm[_SIDES[1]]), WARM_LIMIT),
            counted("resources of a certificate", ours.resources / native.resources, RESOURCES_LIMIT),
            counted("template bytes of a certificate", ours.characters / native.characters),
        ),
        (*_REMARKS, remark),
    )


@dataclass(frozen=True)
class _Each:
    """What one certificate adds to a template."""

    resources: float
    characters: float


class _Assemblies:
    """Cloud assemblies, each in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()

    def of_process(self, side: str, certificates: Path) -> Callable[[], float]:
        """Return what runs an app as the CDK CLI does, and tells how long that took."""

        def act() -> float:
            command = [sys.executable, str(_APPS / f"{side}.py"), str(certificates), self._new()]
            return timed(lambda: subprocess.run(command, check=True, capture_output=True))

        return act

    def of_call(self, side: str, ca_pem: str, pems: Sequence[str]) -> Callable[[], float]:
        """Return what synthesises in this process, and tells how long that took."""
        app = importlib.import_module(f"benchmarks.apps.{side}")
        return lambda: timed(lambda: app.synthesise(ca_pem, pems, self._new()))

    def each_certificate(self, side: str, ca_pem: str, pems: Sequence[str]) -> _Each:
        """Count what the second half of the certificates adds to a template of the first."""
        app, half = importlib.import_module(f"benchmarks.apps.{side}"), len(pems) // 2
        templates = []
        for count in (half, len(pems)):
            output = self._new()
            app.synthesise(ca_pem, pems[:count], output)
            templates.append(Path(output, "Factory.template.json").read_text())
        fewer, more = (len(json.loads(template)["Resources"]) for template in templates)
        added = len(pems) - half
        return _Each((more - fewer) / added, (len(templates[1]) - len(templates[0])) / added)

    def _new(self) -> str:
        return str(self._folder / f"assembly-{next(self._numbers)}")
