"""Keys that are made in the function: whoever reads the secret can use what it finds, and nobody else sees a key."""

from __future__ import annotations

import base64
import json
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from protocol import kept_keys, material, scenarios
from protocol.referee import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from protocol.function import Cloud
    from protocol.scenarios import Kind

KINDS = [pytest.param(scenarios.KINDS[name], id=name) for name in ("self-signed", "issued")]
SCENARIOS = [pytest.param(each, id=each.__name__) for each in kept_keys.ALL]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_kept_key(cloud: Cloud, scenario: Callable[[Cloud, Kind], None], kind: Kind) -> None:
    try:
        scenario(cloud, kind)
    finally:
        cloud.aws.after = cloud._after


@pytest.mark.parametrize("kind", KINDS)
def test_the_rotation_timeline(cloud: Cloud, kind: Kind) -> None:
    stack = Stack(cloud)
    stack.create({"Subject": kind()})
    timeline = kept_keys.Timeline(cloud, kind)
    timeline.watch()
    stack.update({"Subject": kind(1)})
    cloud.aws.after = cloud._after
    order = [call for call, _, _ in timeline.found]
    moved = next(n for n, (_, found, _) in enumerate(timeline.found) if found != timeline.found[0][1])
    assert order[moved] == "secretsmanager.UpdateSecretVersionStage"
    assert order.index(kind.registration) < moved < order.index(kind.deletion)
    for call, certificate_id, status in timeline.found:
        print(f"  {call:44} AWSCURRENT {certificate_id[:8]} {status}")  # noqa: T201


def test_no_key_is_seen_outside_its_secret(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    """Everything that leaves the function, or comes to it, but the secret itself: searched for any line of any key."""
    caplog.set_level(logging.DEBUG)
    everything = {
        "Ca": material.self_signed_ca(DeviceCertificatesOnDelete="DELETE"),
        "Device": material.issued_here(PolicyNames=["publish"]),
    }
    stack = Stack(cloud)
    assert stack.create(everything) == "COMPLETE"
    assert stack.update({"Ca": material.self_signed_ca(1), "Device": material.issued_here(1)}) == "COMPLETE"
    broken = {**stack.template, "Device": material.issued_here(2), "Broken": kept_keys.BROKEN}
    assert stack.update({**broken, "Ca": material.self_signed_ca(2)}) == "ROLLED_BACK"
    assert stack.delete() == "COMPLETE"
    seen = seen_outside(cloud, caplog)
    lines = key_lines(cloud)
    assert len(lines) >= 6 * 2, "there are to be keys to look for"
    for line in lines:
        assert line not in seen
    assert "PRIVATE KEY" not in seen
    print(json.dumps({"lines of keys": len(lines), "characters searched": len(seen)}))  # noqa: T201


def key_lines(cloud: Cloud) -> list[str]:
    """Return the lines of every private key, but those that are a part of its public key."""
    texts = [json.loads(text) for held in cloud.aws.secrets.versions.values() for text in held.values()]
    return [line for each in texts for line in _private_lines(each["privateKey"], each["certificatePem"])]


def _private_lines(key: str, certificate: str) -> Iterator[str]:
    public = x509.load_pem_x509_certificate(certificate.encode()).public_bytes(Encoding.DER)
    for line in key.splitlines():
        if not line.startswith("-----") and base64.b64decode(line) not in public:
            yield line


def seen_outside(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> str:
    told: list[Any] = [invocation.event for invocation in cloud.invocations]
    told += [answer.raw.decode() for invocation in cloud.invocations for answer in invocation.answers]
    told += [
        {name: value for name, value in call.parameters.items() if name != "SecretString"} for call in cloud.aws.calls
    ]
    told += [event for stack in cloud.stacks for event in stack.ledger.events]
    text = "\n".join(map(repr, told))
    # botocore shows its parameters at DEBUG, and parsed answers: the function's own level is INFO.
    records = [record for record in caplog.records if not re.match(r"boto|urllib3|crhelper", record.name)]
    return text + "\n".join(record.getMessage() + str(record.exc_info or "") for record in records)
