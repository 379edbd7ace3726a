"""The fleets' provider stack: what it exports, what its parameter adds, and that it has no function nobody needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from iot_certificates import FLEET_SERVICE_TOKEN_EXPORT, IotCertificateFleetProviderStack
from iot_certificates.provider_app import CODE_CONTEXT, uploaded_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import App, Stack

    from synthesised import Synthesised

HANDLERS = {"begin", "plan", "work", "settle", "answer", "died"}


@pytest.fixture(scope="module")
def template(new_app: Callable[..., App], synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    return synthesise(IotCertificateFleetProviderStack(new_app(), "IotCertificateFleetProvider"))


def test_the_service_token_is_begin_under_a_fixed_name(template: Synthesised) -> None:
    (output,) = template.raw["Outputs"].values()
    (begin,) = (name for name in template.of_type("AWS::Lambda::Function") if name.startswith("FleetsBegin"))
    assert (
        output["Export"] == {"Name": FLEET_SERVICE_TOKEN_EXPORT} == {"Name": "IotCertificateFleetProviderServiceToken"}
    )
    assert output["Value"] == {"Fn::GetAtt": [begin, "Arn"]}


def test_begins_logical_id_never_changes(template: Synthesised) -> None:
    """CloudFormation refuses another ServiceToken: part of the public contract, as for the provider stack."""
    (begin,) = (name for name in template.of_type("AWS::Lambda::Function") if name.startswith("FleetsBegin"))
    assert begin == "FleetsBegin479404FA"


def test_it_has_the_six_functions_and_no_other(template: Synthesised) -> None:
    handlers = [each["Properties"]["Handler"] for each in template.of_type("AWS::Lambda::Function").values()]
    assert sorted(handlers) == sorted(f"iot_certificate_provider.fleet.handlers.{name}" for name in HANDLERS)


def test_its_fleets_are_of_any_stack(template: Synthesised) -> None:
    allowed = template.allowed("FleetsBeginPermissions")
    ((resource, actions),) = allowed.items()
    assert resource.endswith(":stack/*")
    assert actions == {"cloudformation:DescribeStackEvents"}


def test_as_many_shards_at_a_time_as_the_parameter_says(template: Synthesised) -> None:
    parameter = template.raw["Parameters"]["MaxConcurrency"]
    assert (parameter["Default"], parameter["MinValue"], parameter["MaxValue"]) == (1, 1, 400)
    definition = template.only("AWS::StepFunctions::StateMachine")["Properties"]["DefinitionString"]
    assert '"MaxConcurrency": ${MaxConcurrency},' in definition
    begin = template.named("FleetsBegin", "AWS::Lambda::Function")["Properties"]
    assert begin["Environment"]["Variables"]["FLEET_MAX_CONCURRENCY"] == "${MaxConcurrency}"


def test_the_parameter_allows_all_roles_to_read_what_it_names_and_an_empty_one_nothing(template: Synthesised) -> None:
    policy = template.named("ManifestArnsPolicy", "AWS::IAM::Policy")
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("s3:GetObject", "${ManifestArns}")
    assert len(policy["Properties"]["Roles"]) == 3
    empty = {"Fn::Equals": [{"Fn::Join": ["", {"Ref": "ManifestArns"}]}, ""]}
    assert template.raw["Conditions"][policy["Condition"]] == {"Fn::Not": [empty]}


def test_keys_that_encrypt_manifests_may_be_used_through_s3(template: Synthesised) -> None:
    policy = template.named("ManifestKeyArnsPolicy", "AWS::IAM::Policy")
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("kms:Decrypt", "${ManifestKeyArns}")
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": "s3.${AWS::Region}.amazonaws.com"}}
    assert len(policy["Properties"]["Roles"]) == 3
    assert policy["Condition"] == "ManifestKeyArnsGiven"
    pattern = re.compile(template.raw["Parameters"]["ManifestKeyArns"]["AllowedPattern"])
    assert all(map(pattern.fullmatch, ["", "arn:aws:kms:eu-west-1:123456789012:key/mrk-0f6e"]))
    assert not any(map(pattern.fullmatch, ["*", "arn:aws:kms:eu-west-1:123456789012:key/*", "alias/x"]))


def test_the_parameter_takes_objects_below_a_prefix(template: Synthesised) -> None:
    pattern = re.compile(template.raw["Parameters"]["ManifestArns"]["AllowedPattern"])
    assert all(map(pattern.fullmatch, ["", "arn:aws:s3:::bucket/north/*", "arn:aws-cn:s3:::b.c/a/b_c/*"]))
    assert not any(map(pattern.fullmatch, ["*", "arn:aws:s3:::bucket/*", "arn:aws:s3:::*/a/*", "bucket/north/*"]))


def test_code_that_is_uploaded_already_needs_no_bootstrap(
    new_app: Callable[..., App], synthesise: Callable[[Stack], Synthesised]
) -> None:
    app = new_app({CODE_CONTEXT: "s3://builds/provider/0f6e.zip"})
    template = synthesise(IotCertificateFleetProviderStack(app, "Fleets", **uploaded_code(app)))
    codes = [each["Properties"]["Code"] for each in template.of_type("AWS::Lambda::Function").values()]
    assert codes == [{"S3Bucket": "builds", "S3Key": "provider/0f6e.zip"}] * len(HANDLERS)
    assert "BootstrapVersion" not in template.raw["Parameters"]
