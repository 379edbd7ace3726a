"""Every wait in the function's code has its row in the table of docs/operations.md, and each row its wait.

``test_longest_times`` plays how long they take.
"""

from __future__ import annotations

import ast
from pathlib import Path

import iot_certificate_provider
from resources.test_longest_times import table

PROVIDER = Path(iot_certificate_provider.__path__[0])
WAITING = {"pause", "attempts", "outlasting", "sleep", "_sleep", "pause_after", "turn", "turn_after_throttling"}
"""The methods that wait, or say how long to."""
MECHANISM = {"deadline.py", "aws/pace.py"}
WAITS: dict[str, set[str]] = {
    "aws/clients.py:AwsClients._before_call": {"throttling"},
    "aws/clients.py:AwsClients._when_throttled": {"throttling"},
    "aws/clients.py:AwsClients._when_refused": {"throttling", "the permissions of the function's role"},
    "aws/iot.py:IotGateway._until_role_can_be_assumed": {"a new `RoleArn` of `RegistrationConfig`"},
    "aws/iot.py:IotGateway.after_detaching": {"a thing's detachment, before an exclusive attachment"},
    "aws/iot.py:IotGateway.delete_certificate": {"a certificate's deactivation"},
    "aws/iot.py:IotGateway.delete_thing": {"a thing's detachment, `DELETE_WITH_THINGS`"},
    "fleet/earlier.py:end": {"a fleet's earlier run"},
    "fleet/earlier.py:wait": {"a fleet's earlier run"},
    "fleet/settle.py:Settlement._wait_for": {"a policy's detachment"},
    "resources/ca/device_certificate_sweep.py:DeviceCertificateSweep.run": {
        "the device certificates of a CA, in its sweep"
    },
    "resources/ca/device_certificate_sweep.py:_attempts_in_doubt": {
        "resources in progress that may have registered a device certificate of a CA, in its sweep"
    },
    "resources/keys/signers.py:PrivateCaSigner._wait": {"AWS Private CA, which issues a certificate"},
    "resources/lifecycle/adoption.py:Adoption._claiming": {
        "the resource that holds a certificate which is to be adopted"
    },
    "resources/lifecycle/inquiry.py:Inquiry._ask": {
        "other stacks in progress, in a rollback",
        "other stacks in progress, after a Create that never answered",
    },
    "resources/lifecycle/inquiry.py:Inquiry._taking": {
        "the owner of a certificate that this event may have registered"
    },
    "resources/lifecycle/inquiry.py:Inquiry._wait_for_answers": {"other stacks in progress, in a rollback"},
    "resources/lifecycle/inquiry.py:Inquiry._wait_until": {
        "resources that may have adopted the certificate a moment ago"
    },
    "resources/lifecycle/redelivery.py:wait_for_late_effects": {"a call that AWS has not answered"},
    "resources/lifecycle/redelivery.py:wait_for_late_registration": {"a call that AWS has not answered"},
    "resources/removal/device_certificate.py:DeviceCertificateRemoval._delete": {
        "a policy's or thing's detachment, by AWS IoT itself"
    },
    "resources/removal/device_certificate.py:DeviceCertificateRemoval._remove_detached": {
        "a certificate's deactivation"
    },
    "resources/removal/device_certificate.py:DeviceCertificateRemoval._wait": {
        "a thing's detachment",
        "a policy's detachment",
    },
    "resources/transfer/certificate_transfer.py:CertificateTransferResource._attached": {
        "attachments of a certificate to transfer, without `DetachOnTransfer`"
    },
    "resources/transfer/certificate_transfer.py:CertificateTransferResource._transfer": {
        "a policy's or thing's detachment, before a transfer"
    },
    "resources/transfer/certificate_transfer_decision.py:CertificateTransferDecisionResource._accept": {
        "a transfer that has not arrived"
    },
    "resources/transfer/certificate_transfer_decision.py:CertificateTransferDecisionResource._reject": {
        "a transfer that has not arrived"
    },
    "resources/transfer/ownership.py:CertificateTransferOwnership._asked_of_all": {"the owner of a pending transfer"},
    "resources/transfer/ownership.py:CertificateTransferOwnership._made_elsewhere": {"the owner of a pending transfer"},
}
"""The rows of each function that waits."""
OF_NO_EVENT = {
    "expiry.py:ExpiryPublication.run": "a schedule's function, which CloudFormation does not wait for",
    "renewal.py:Renewal._due": "likewise",
    "fleet/attempt.py:Attempt._is_first": "lists the attempts of a part, and does not wait",
    "protocol/delivery.py:Delivery.__call__": "the answer's delivery, five seconds in all, after the work",
}
"""Functions with such a call that no event's work waits in, and why."""


def _waits() -> dict[str, set[str]]:
    """Return the functions of the provider that wait, and by which methods."""
    found: dict[str, set[str]] = {}
    for path in sorted(PROVIDER.rglob("*.py")):
        module = path.relative_to(PROVIDER).as_posix()
        if module not in MECHANISM:
            _note_waits(ast.parse(path.read_text("utf-8")), f"{module}:", found)
    return found


def _note_waits(node: ast.AST, name: str, found: dict[str, set[str]]) -> None:
    for child in ast.iter_child_nodes(node):
        inner = name
        if isinstance(child, ast.ClassDef | ast.FunctionDef):
            inner += child.name if name.endswith(":") else f".{child.name}"
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Attribute) and child.func.attr in WAITING:
            found.setdefault(inner, set()).add(child.func.attr)
        _note_waits(child, inner, found)


def test_every_wait_in_the_source_is_in_the_table() -> None:
    found = _waits()
    assert found.keys() == WAITS.keys() | OF_NO_EVENT.keys()
    assert set().union(*WAITS.values()) == set(table())
