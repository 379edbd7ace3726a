"""The provider stack: what it exports, what its function may do by itself, and what its parameters add."""

from __future__ import annotations

import inspect
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from every_type import declare_every_type
from integration.permissions import permissions_of
from iot_certificate_provider.aws import acm_pca, kms, secrets
from iot_certificates import SERVICE_TOKEN_EXPORT, IotCertificateProviderStack
from iot_certificates.provider_app import CODE_CONTEXT, uploaded_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import App, Stack

    from synthesised import Synthesised

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
KEY = "arn:aws:kms:eu-west-1:123456789012:"
PRIVATE_CA = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/0f6e3a54-0000-4000-8000-000000000000"
ROLE = "arn:aws-cn:iam::123456789012:role/"

SECRETS_MANAGER = "secretsmanager.${AWS::Region}.amazonaws.com"
CLIENT_AUTH, END_ENTITY = "EndEntityClientAuthCertificate/V1", "EndEntityCertificate/V1"
CLOUDFORMATION = "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}"

ALLOWS: dict[str, list[tuple[set[str], dict[str, Any]]]] = {
    "ReadableSecretArns": [({"secretsmanager:GetSecretValue"}, {})],
    "KeptKeySecretArns": [
        (
            {
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetSecretValue",
                "secretsmanager:PutSecretValue",
                "secretsmanager:UpdateSecretVersionStage",
            },
            {},
        )
    ],
    "SecretEncryptionKeyArns": [
        ({"kms:Decrypt", "kms:GenerateDataKey"}, {"StringEquals": {"kms:ViaService": SECRETS_MANAGER}})
    ],
    "SigningKeyArns": [({"kms:GetPublicKey", "kms:Sign"}, {})],
    "CertificateAuthorityArns": [
        ({"acm-pca:GetCertificate", "acm-pca:GetCertificateAuthorityCertificate"}, {}),
        *(
            (
                {"acm-pca:IssueCertificate"},
                {"StringLike": {"acm-pca:TemplateArn": f"arn:*:acm-pca:::template/{name}"}},
            )
            for name in (END_ENTITY, CLIENT_AUTH)
        ),
    ],
    "ProvisioningRoleArns": [({"iam:PassRole"}, {"StringEquals": {"iam:PassedToService": "iot.amazonaws.com"}})],
}
"""What each parameter adds: actions and their condition, on what it names."""

ACTIONS_OF_PARAMETERS = {action for allowed in ALLOWS.values() for actions, _ in allowed for action in actions}


@pytest.fixture(scope="module")
def template(new_app: Callable[..., App], synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    return synthesise(IotCertificateProviderStack(new_app(), "IotCertificateProvider"))


@pytest.fixture(scope="module")
def of_constructs(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    stack = new_stack()
    declare_every_type(stack)
    return synthesise(stack)


def test_the_service_token_is_exported_under_a_fixed_name(template: Synthesised) -> None:
    (output,) = template.raw["Outputs"].values()
    (function,) = template.of_type("AWS::Lambda::Function")
    assert output["Export"] == {"Name": SERVICE_TOKEN_EXPORT} == {"Name": "IotCertificateProviderServiceToken"}
    assert output["Value"] == {"Fn::GetAtt": [function, "Arn"]}


def test_by_itself_the_function_may_do_in_any_stack_what_all_constructs_ask_for(
    template: Synthesised, of_constructs: Synthesised
) -> None:
    by_itself = {(p.action, p.resource) for p in permissions_of(template) if "Arns}" not in p.resource}
    asked_for = {
        (p.action, p.resource.replace("${AWS::StackId}", f"{CLOUDFORMATION}:stack/*"))
        for p in permissions_of(of_constructs)
    }
    assert by_itself == {(action, resource) for action, resource in asked_for if action not in ACTIONS_OF_PARAMETERS}


def test_all_that_constructs_ask_for_is_in_the_stack_somewhere(
    template: Synthesised, of_constructs: Synthesised
) -> None:
    assert {p.action for p in permissions_of(template)} == {p.action for p in permissions_of(of_constructs)}
    assert set(template.raw["Parameters"]) == set(ALLOWS) | {"BootstrapVersion"}


def test_reasons_of_denied_access_name_parameters_that_there_are() -> None:
    """The template has those of ALLOWS and no others, as the test above says."""
    sources = "".join(inspect.getsource(gateway) for gateway in (acm_pca, kms, secrets))
    named = {*re.findall(r"the provider stack's (\w+)", sources)}
    assert named == {"CertificateAuthorityArns", "KeptKeySecretArns", "ReadableSecretArns", "SigningKeyArns"}
    assert named <= set(ALLOWS)


@pytest.mark.parametrize("name", ALLOWS)
def test_a_parameter_allows_what_it_names_and_an_empty_one_nothing(template: Synthesised, name: str) -> None:
    policy = template.named(f"{name}Policy", "AWS::IAM::Policy")
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    assert {statement["Resource"] for statement in statements} == {f"${{{name}}}"}
    assert [(set(listed(s["Action"])), s.get("Condition", {})) for s in statements] == ALLOWS[name]
    parameter = template.raw["Parameters"][name]
    assert (parameter["Type"], parameter["Default"]) == ("CommaDelimitedList", "")
    empty = {"Fn::Equals": [{"Fn::Join": ["", {"Ref": name}]}, ""]}
    assert template.raw["Conditions"][policy["Condition"]] == {"Fn::Not": [empty]}


def listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        (
            "ReadableSecretArns",
            ["", f"{SECRET}factory/ca-key-AbCdEf", f"{SECRET}factory/ca-key-??????", f"{SECRET}iot-certificates/*"],
            ["*", "factory/ca-key", f"{SECRET}*", f"{SECRET}??????", f"{KEY}key/0f6e3a54", SECRET],
        ),
        ("KeptKeySecretArns", [f"{SECRET}iot-certificates/*"], ["*", f"{SECRET}*", "iot-certificates/*"]),
        ("SecretEncryptionKeyArns", [f"{KEY}key/mrk-0f6e3a54"], ["*", f"{KEY}alias/mine", f"{KEY}key/*", "0f6e3a54"]),
        ("SigningKeyArns", ["", f"{KEY}key/0f6e3a54"], ["*", "alias/mine", f"{KEY}alias/mine", f"{KEY}key/*"]),
        ("CertificateAuthorityArns", ["", PRIVATE_CA], ["*", PRIVATE_CA.replace("0f6e", "*"), "0f6e3a54"]),
        ("ProvisioningRoleArns", ["", f"{ROLE}service-role/Jitp@2"], ["*", "Jitp", f"{ROLE}*", ROLE]),
    ],
)
def test_a_wrong_thing_is_refused_by_its_parameter(
    template: Synthesised, name: str, good: list[str], bad: list[str]
) -> None:
    parameter = template.raw["Parameters"][name]
    pattern = re.compile(parameter["AllowedPattern"])
    assert [value for value in good if not pattern.fullmatch(value)] == []
    assert [value for value in bad if pattern.fullmatch(value)] == []
    assert parameter["ConstraintDescription"].startswith("must be ARNs of ")


def test_iam_leaves_room_for_what_the_parameters_name(template: Synthesised) -> None:
    """10,240 characters for all policies of a role: whatever is in the template takes less than half."""
    policies = template.of_type("AWS::IAM::Policy").values()
    documents = [json.dumps(policy["Properties"]["PolicyDocument"], separators=(",", ":")) for policy in policies]
    assert sum(map(len, documents)) < 5_120


def test_code_that_is_uploaded_already_needs_no_bootstrap(
    new_app: Callable[..., App], synthesise: Callable[[Stack], Synthesised]
) -> None:
    app = new_app({CODE_CONTEXT: "s3://builds/provider/0f6e.zip"})
    template = synthesise(IotCertificateProviderStack(app, "IotCertificateProvider", **uploaded_code(app)))
    assert template.only("AWS::Lambda::Function")["Properties"]["Code"] == {
        "S3Bucket": "builds",
        "S3Key": "provider/0f6e.zip",
    }
    assert "BootstrapVersion" not in template.raw["Parameters"]


def test_code_somewhere_else_is_refused(new_app: Callable[..., App]) -> None:
    with pytest.raises(SystemExit, match=r"is no object in Amazon S3: 'builds/0f6e.zip'. Give s3://<bucket>/<key>"):
        uploaded_code(new_app({CODE_CONTEXT: "builds/0f6e.zip"}))


def test_the_functions_logical_id_never_changes(template: Synthesised) -> None:
    """Part of the public contract, as in test_provider.py: the exported ServiceToken has to stay what it is."""
    (logical_id,) = template.of_type("AWS::Lambda::Function")
    assert logical_id == "IotCertificateProviderFunction55570987"
