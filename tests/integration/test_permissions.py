"""Every permission is needed: without any one of them something fails. And all of them together are enough.

``PERMISSIONS=all`` in the environment tries each permission of each feature, and writes ``docs/permissions.md``.
Without it every third permission is tried, for one feature, and the table is compared with what the constructs ask for.
The requests are served in this process, as a user who has the policies of the synthesised stack.

Where MiniStack, with ``AUTH=true``, is not as AWS:

* ``cloudformation:DescribeStackResources`` by a physical id is evaluated on ``*``, for it names no stack; AWS's
  own refusals of it name no resource either.
* AWS Private CA is not there, and moto's does not enforce IAM: what only a CA there needs is not tried.
* ``secretsmanager:DescribeSecret`` comes with CDK's ``grant_read`` of a CA's key; the function has no use for it there.
* AWS IoT's actions are corrected where MiniStack evaluates them on other resources: ``strict/authorization.py``.
* What Lambda itself needs (``logs:CreateLogStream``, ``logs:PutLogEvents``, network interfaces) is in the role's own
  policies, and not tried here.
"""

from __future__ import annotations

import math
import os
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aws_cdk import App, RemovalPolicy, Stack
from aws_cdk import aws_acmpca as acmpca
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager

from integration import permission_probes as probes
from integration import transfer_probes
from integration.permissions import FUNCTION, Feature, Permission, permissions_of
from iot_certificates import (
    AcceptedCertificateOnDelete,
    AutoRegistration,
    CaCertificate,
    CertificateGeneration,
    CertificateIssuer,
    CertificateMode,
    CertificateTransfer,
    CertificateTransferDecision,
    DeviceCertificate,
    DeviceCertificatesOnDelete,
    ExistingCertificate,
    IotCertificateProvider,
    IssuedDeviceCertificate,
    ProofOfPossession,
    RegistrationCode,
    SelfSignedCaCertificate,
    TransferDecision,
)
from iot_certificates_local import EmbeddedAws, Strictness
from synthesised import Synthesised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from integration.permissions import Probe

    Declare = Callable[[Stack], object]
    Calls = dict[tuple[str, str], frozenset[str]]

TABLE = Path(__file__).parents[2] / "docs" / "permissions.md"
ALL = os.environ.get("PERMISSIONS") == "all"
SHARE = 3
SNI_ONLY = CertificateMode.SNI_ONLY
WITHOUT_USE = "nothing: it comes with CDK's `grant_read`"
UNTRIED = "not tried: no emulator of AWS Private CA enforces IAM"

pytestmark = pytest.mark.emulator


def ca(**properties: object) -> Declare:
    """Declare a CA, in SNI_ONLY mode unless it proves possession."""

    def declare(stack: Stack) -> None:
        given = {"certificate_mode": SNI_ONLY, **properties}
        CaCertificate(stack, "Ca", certificate_pem=probes.CA.pem, **given)  # type: ignore[arg-type]

    return declare


def swept(what: str) -> Declare:
    return ca(device_certificates_on_delete=DeviceCertificatesOnDelete(what))


def proving(stack: Stack) -> None:
    key = secretsmanager.Secret.from_secret_name_v2(stack, "Key", probes.KEY_SECRET)
    proof = ProofOfPossession.private_key_secret(key)
    ca(certificate_mode=CertificateMode.DEFAULT, proof_of_possession=proof)(stack)


def in_kms(stack: Stack) -> None:
    arn = stack.format_arn(service="kms", resource="key", resource_name=probes.KMS_KEY)
    proof = ProofOfPossession.kms_key(kms.Key.from_key_arn(stack, "Key", arn))
    ca(certificate_mode=CertificateMode.DEFAULT, proof_of_possession=proof)(stack)


def in_private_ca(stack: Stack) -> None:
    arn = stack.format_arn(service="acm-pca", resource="certificate-authority", resource_name="factory")
    private_ca = acmpca.CertificateAuthority.from_certificate_authority_arn(stack, "PrivateCa", arn)
    CaCertificate(stack, "Ca", proof_of_possession=ProofOfPossession.private_ca(private_ca))


def provisioning(stack: Stack) -> None:
    role = iam.Role.from_role_name(stack, "Role", probes.ROLE)
    ca(auto_registration=AutoRegistration(template_body=probes.TEMPLATE, role=role))(stack)


def device(stack: Stack) -> None:
    DeviceCertificate(stack, "Device", certificate_pem=probes.DEVICE.pem, policies=["telemetry"], things=["hall"])


def kept_secret(stack: Stack) -> secretsmanager.ISecret:
    return secretsmanager.Secret.from_secret_name_v2(stack, "Kept", probes.MADE_KEY_SECRET)


def issued(**properties: object) -> Declare:
    """Declare a certificate that a CA whose key is in a secret issues."""

    def declare(stack: Stack) -> None:
        key = secretsmanager.Secret.from_secret_name_v2(stack, "Key", probes.KEY_SECRET)
        given = {"subject": "pump", "credentials_secret": kept_secret(stack), **properties}
        issuer = CertificateIssuer.private_key_secret(probes.CA.pem, key)
        IssuedDeviceCertificate(stack, "Device", issuer=issuer, **given)  # type: ignore[arg-type]

    return declare


def adopted_device(stack: Stack) -> None:
    adopting = ExistingCertificate.ADOPT
    pem = probes.DEVICE.pem
    DeviceCertificate(stack, "Device", certificate_pem=pem, certificate_mode=SNI_ONLY, existing_certificate=adopting)


def transfer(*, detach: bool) -> Declare:
    def declare(stack: Stack) -> None:
        arn = stack.format_arn(service="iot", resource="cert", resource_name=probes.DEVICE_ID)
        device = DeviceCertificate.from_certificate_arn(stack, "Device", arn)
        account = transfer_probes.SOMEBODY
        CertificateTransfer(
            stack, "Transfer", certificate=device, target_aws_account=account, detach_on_transfer=detach
        )

    return declare


def decision(decision: TransferDecision, on_delete: AcceptedCertificateOnDelete | None = None) -> Declare:
    def declare(stack: Stack) -> None:
        certificate_id = probes.DEVICE_ID
        CertificateTransferDecision(
            stack, "Taken", certificate_id=certificate_id, decision=decision, on_delete=on_delete
        )

    return declare


FEATURES: dict[str, tuple[Declare, tuple[Probe, ...]]] = {
    "CA certificate, RETAIN": (ca(), probes.CA_PROBES),
    "CA certificate, key in a secret": (proving, (probes.ca_with_its_key_in_a_secret, *probes.CA_PROBES)),
    "CA certificate, key in KMS": (in_kms, (probes.ca_with_its_key_in_kms, *probes.CA_PROBES)),
    "CA certificate, Private CA": (in_private_ca, ()),
    "CA certificate, template body": (provisioning, (probes.ca_with_a_template, *probes.CA_PROBES)),
    **{
        f"CA certificate, {what}": (swept(what), (*of_the_sweep, *probes.CA_PROBES))
        for what, of_the_sweep in probes.SWEEP_PROBES.items()
    },
    "CA certificate, ADOPT": (
        ca(existing_certificate=ExistingCertificate.ADOPT),
        (probes.ca_left_by_another_stack, *probes.CA_PROBES),
    ),
    "CA certificate, self-signed": (
        lambda stack: SelfSignedCaCertificate(stack, "Ca", subject="Own CA", private_key_secret=kept_secret(stack)),
        (probes.self_signed_ca_lives, probes.self_signed_ca_of_an_earlier_generation, *probes.CA_PROBES),
    ),
    "device certificate, of a CA": (device, probes.DEVICE_PROBES),
    "device certificate, SNI_ONLY": (
        lambda stack: DeviceCertificate(stack, "Device", certificate_pem=probes.DEVICE.pem, certificate_mode=SNI_ONLY),
        probes.SNI_ONLY_PROBES,
    ),
    "device certificate, ADOPT": (
        adopted_device,
        (probes.device_left_by_another_stack, *probes.SNI_ONLY_PROBES),
    ),
    "device certificate, signing request": (
        lambda stack: DeviceCertificate(stack, "Device", certificate_signing_request=probes.CSR.pem),
        probes.ISSUED_PROBES,
    ),
    "device certificate, issued": (
        issued(policies=["telemetry"], things=["hall"]),
        (probes.device_is_issued, *probes.DEVICE_PROBES),
    ),
    "device certificate, issued for a request": (
        issued(subject=None, credentials_secret=None, certificate_signing_request=probes.CSR.pem),
        (
            probes.device_is_issued_for_a_request,
            probes.device_issued_by_a_function_that_died,
            probes.device_issued_is_renamed,
            *probes.declaring(probes.DEVICE_PROPERTIES),
        ),
    ),
    "registration code, RETAIN": (lambda stack: RegistrationCode(stack, "Code"), (probes.code_is_read,)),
    "registration code, DESTROY": (
        lambda stack: RegistrationCode(stack, "Code", removal_policy=RemovalPolicy.DESTROY),
        (probes.code_is_read, probes.code_is_deleted),
    ),
    "transfer": (transfer(detach=False), transfer_probes.TRANSFER_PROBES),
    "transfer, detaching": (transfer(detach=True), transfer_probes.DETACHING_PROBES),
    "transfer decision, REJECT": (decision(TransferDecision.REJECT), transfer_probes.REJECTING_PROBES),
    "transfer decision, ACCEPT": (decision(TransferDecision.ACCEPT), transfer_probes.ACCEPTING_PROBES),
    "transfer decision, DELETE": (
        decision(TransferDecision.ACCEPT, on_delete=AcceptedCertificateOnDelete.DELETE),
        transfer_probes.DELETING_PROBES,
    ),
    "generation of certificates": (
        lambda stack: CertificateGeneration(stack, "Generation", requested="1"),
        (probes.generation_is_kept_in_a_rollback,),
    ),
}


@pytest.fixture(scope="module")
def features() -> dict[str, Feature]:
    """Synthesise a stack for each."""
    found = {}
    for name, (declare, needed_by) in FEATURES.items():
        stack = Stack(App(analytics_reporting=False), "Stack")
        code = lambda_.Code.from_inline("handler = None")
        IotCertificateProvider(stack, IotCertificateProvider.__name__, code=code)
        declare(stack)
        found[name] = Feature(name, permissions_of(Synthesised(stack)), needed_by)
    return found


@pytest.fixture(scope="module")
def strict_aws() -> Iterator[EmbeddedAws]:
    """Give one that enforces IAM, does not throttle, and has each change show at once: it is not lag that is tried.

    Except for detachments, without whose lag nobody has to ask whether they are seen.
    """
    at_once = Strictness(
        requests_per_second=math.inf,
        detach_seconds=1,
        thing_detach_seconds=1,
        status_seconds=0,
        permission_seconds=0,
        role_seconds=0,
        stack_reads_per_second=math.inf,
        stack_index_seconds=0,
    )
    with EmbeddedAws(enforce_iam=True, strict=at_once) as aws:
        yield aws


@pytest.fixture(scope="module")
def calls(features: dict[str, Feature], strict_aws: EmbeddedAws) -> Calls:
    """Run the probes with all permissions of their feature: each has to pass. Return the actions that it called."""
    tried = {feature.name: feature for feature, _ in _tried(features)}
    return {
        (feature.name, probe.__name__): feature.play(strict_aws, probe).actions()
        for feature in tried.values()
        for probe in feature.probes
    }


def test_all_permissions_together_are_enough(calls: Calls) -> None:
    assert all(calls.values())


@pytest.mark.timeout(3600 if ALL else 300)
def test_each_permission_is_needed(features: dict[str, Feature], calls: Calls, strict_aws: EmbeddedAws) -> None:
    proofs: dict[Permission, list[str]] = defaultdict(list)
    unneeded = []
    for feature, permission in _tried(features):
        proof = _proof(strict_aws, feature, permission, calls)
        proofs[permission].append(proof)
        if not proof:
            unneeded.append(f"{feature.name} does without {permission}")
    assert proofs
    assert not unneeded, "\n".join(unneeded)
    if ALL:
        TABLE.write_text(_table(features, proofs), encoding="utf-8")


def test_one_that_is_not_needed_is_found_out(
    features: dict[str, Feature], calls: Calls, strict_aws: EmbeddedAws
) -> None:
    code = features["registration code, RETAIN"]
    superfluous = Permission("iot:GetPolicy", "*")
    permissions = {**code.permissions, superfluous: {}}
    assert not _proof(strict_aws, replace(code, permissions=permissions), superfluous, calls)


def test_the_table_in_the_documentation_has_them_all(features: dict[str, Feature]) -> None:
    rows = [line.split(" | ") for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    told = {(action.strip("| `"), resource.strip("`")): needed for action, resource, needed, _ in rows}
    assert told == {
        (permission.action, _shown(permission.resource)): _needed_by(features, permission)
        for permission in _by_permission(features)
    }


def _tried(features: dict[str, Feature]) -> list[tuple[Feature, Permission]]:
    """Return what this run tries."""
    triable = {name: feature for name, feature in features.items() if feature.probes}
    wanted = [item for item in _by_permission(triable).items() if not _is_without_use(item[0])]
    if ALL:
        return [(feature, permission) for permission, named in wanted for feature in named]
    return [(named[-1], permission) for permission, named in wanted[::SHARE]]


def _is_without_use(permission: Permission) -> bool:
    return permission.action == "secretsmanager:DescribeSecret" and probes.MADE_KEY_SECRET not in permission.resource


def _by_permission(features: dict[str, Feature]) -> dict[Permission, list[Feature]]:
    found: dict[Permission, list[Feature]] = defaultdict(list)
    for feature in features.values():
        for permission in feature.permissions:
            found[permission].append(feature)
    return dict(sorted(found.items()))


def _proof(aws: EmbeddedAws, feature: Feature, permission: Permission, calls: Calls) -> str:
    """Return what the first probe says that fails without the permission; nothing when all pass."""
    for probe in feature.probes:
        called = calls.get((feature.name, probe.__name__), frozenset())
        # A dependent action (iam:PassRole) is none of the calls.
        if permission.action in called or not any(permission.action in each for each in calls.values()):
            try:
                feature.play(aws, probe, without=[permission])
            except Exception:  # noqa: BLE001 - an assertion of the probe's, or AWS's refusal of what it does then
                return (probe.__doc__ or "").splitlines()[0].rstrip(".")
    return ""


_HEAD = """# Permissions of the function

Each line is a permission that the constructs grant, on resources of the stack's own account and Region. It was removed
from the policies of a synthesised stack, for each feature that the line names, and then a check failed, on an
AWS that enforces IAM. The last column has the first such check, or the reason for having none. Generated by
`PERMISSIONS=all pytest tests/integration/test_permissions.py`.

Not in the table, and so not tested in this way: `kms:Decrypt` and `kms:GenerateDataKey`, for a secret with a KMS key of
its own; and for a device's certificate the issuers in AWS KMS and AWS Private CA, which take the actions of such a CA.
The pages of [resources](resources/README.md) list what the constructs grant for each type.

| action | resource | needed by | proven by |
|---|---|---|---|
"""

_TAIL = """
The role itself allows `logs:CreateLogStream` and `logs:PutLogEvents` on the function's log group and, with a VPC, what
network interfaces need. Lambda itself needs these, and no emulator evaluates them. So are `xray:PutTraceSegments` and
`xray:PutTelemetryRecords` on `*`, with `tracing` only.

The function of the provider stack ([without the CDK](cloudformation.md)) serves stacks that are not known when it is
deployed. It has the table's permissions on certificates, policies, things and the function, with every stack
of the account and Region instead of this stack. It has the table's permissions on secrets, keys, private CAs and roles
only for those that the stack's parameters name.

## The function of the expiry schedule

It has a separate role ([monitoring](monitoring.md)), which beside its log group allows, in the stack's own account
and Region:

- `cloudformation:ListStackResources` on this stack
- `iot:DescribeCACertificate` on `cacert/*`
- `iot:DescribeCertificate` on `cert/*`

Without any one of them the function fails (`tests/integration/test_monitoring.py`).

## The functions and the state machine of a fleet

A [fleet](resources/device-certificate-fleet.md#permissions) has three roles for its functions, and one for its state
machine. `tests/constructs/test_fleet_permissions.py` withholds each action of the functions' roles, and
`tests/local/test_strict_state_machines.py` each of the machine's: something fails, and an answer, the history of the
execution, the fleet's bucket or the log names the action. Not tried: `s3:AbortMultipartUpload`, for an upload of more
than 8 MiB that fails.

## The function of the renewal

It has a role of its own ([renewal](renewal.md)), which beside its log group allows, in the stack's own account and
Region:

- `cloudformation:DescribeStacks`, `cloudformation:ListStackResources` on this stack
- `cloudformation:UpdateStack` on this stack, on condition that no role and no template's URL is named
  (`cloudformation:RoleArn`, `cloudformation:TemplateUrl`)
- `iot:DescribeCACertificate` on `cacert/*`
- `iot:DescribeCertificate` on `cert/*`

Without any one of them the function fails, and the stack stays as it is (`tests/integration/test_renewal.py`).
"""


def _table(features: dict[str, Feature], proofs: dict[Permission, list[str]]) -> str:
    lines = []
    for permission in _by_permission(features):
        proof = WITHOUT_USE if _is_without_use(permission) else [*proofs[permission], UNTRIED][0]
        shown = f"`{permission.action}`", f"`{_shown(permission.resource)}`", _needed_by(features, permission), proof
        lines.append(f"| {' | '.join(shown)} |\n")
    return _HEAD + "".join(lines) + _TAIL


def _shown(resource: str) -> str:
    """Shorten an ARN of the stack's own account to what tells resources apart."""
    named = {"${AWS::StackId}": "this stack", FUNCTION: "the function"}
    own = named.get(resource) or resource.rpartition("${AWS::AccountId}:")[2]
    return own.replace("arn:${AWS::Partition}:iot:${AWS::Region}:*:cert/*", "cert/*, of any account")


def _needed_by(features: dict[str, Feature], permission: Permission) -> str:
    """Name the features; of a kind of which every one needs it, the kind."""
    needing = [name for name, feature in features.items() if permission in feature.permissions]
    told = []
    for kind in dict.fromkeys(name.partition(", ")[0] for name in features):
        of_kind = [name for name in features if name.partition(", ")[0] == kind]
        found = [name for name in of_kind if name in needing]
        told += [f"every {kind}"] if found == of_kind else found
    return "; ".join(told)
