"""A resource in the template of a stack: whether CloudFormation would leave what it stands for."""

from __future__ import annotations

from typing import Any

import pytest

from iot_certificate_provider.resources.lifecycle.template import declared_in

IN_YAML = """
AWSTemplateFormatVersion: 2010-09-09
Resources:
  Other:
    Type: AWS::IoT::Certificate
    DeletionPolicy: Delete
  Pump:  # the one that is looked for
    Type: "Custom::IotDeviceCertificate"
    DeletionPolicy: Retain

    'UpdateReplacePolicy': 'RetainNot' # as text
    Properties:
      DeletionPolicy: Delete
      PolicyNames:
        - publish
      Text: |
        Resources:
          Pump:
            DeletionPolicy: Delete
    DependsOn: Other
  Last:
    Type: AWS::IoT::Certificate
    DeletionPolicy: Delete
Outputs:
  Pump:
    DeletionPolicy: Delete
"""


def test_of_yaml_the_attributes_at_the_resources_own_indentation_are_read() -> None:
    pump = declared_in(IN_YAML, "Pump")
    assert pump.attributes == {
        "Type": "Custom::IotDeviceCertificate",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "RetainNot",
        "DependsOn": "Other",
    }
    assert pump.properties is None
    assert pump.is_declared
    assert not pump.is_left
    assert not declared_in(IN_YAML, "Valve").is_declared


def test_of_json_what_is_literal_is_read() -> None:
    policy = {"Ref": "Policy"}
    declared = {"Type": "Custom::IotDeviceCertificate", "DeletionPolicy": policy, "Properties": {"PolicyNames": "x"}}
    pump = declared_in({"Resources": {"Pump": declared}}, "Pump")
    assert pump.attributes == {"Type": "Custom::IotDeviceCertificate"}
    assert pump.properties == {"PolicyNames": "x"}


@pytest.mark.parametrize(
    ("declared", "is_declared"), [({"Type": "T"}, True), ({"Properties": {}}, True), ({"Properties": []}, False)]
)
def test_a_resource_is_declared_by_whatever_can_be_read_of_it(declared: dict[str, Any], is_declared: bool) -> None:
    assert declared_in({"Resources": {"Pump": declared}}, "Pump").is_declared is is_declared


@pytest.mark.parametrize("template", [{}, {"Resources": []}, {"Resources": {}}, {"Resources": {"Pump": "text"}}, None])
def test_what_is_not_found_says_nothing(template: object) -> None:
    pump = declared_in(template, "Pump")
    assert (pump.attributes, pump.properties, pump.is_declared, pump.is_left) == ({}, None, False, False)


@pytest.mark.parametrize(
    ("on_delete", "on_replace", "is_left"),
    [
        ("Retain", "Retain", True),
        ("RetainExceptOnCreate", "Retain", True),
        ("Delete", "Retain", False),
        ("Retain", "Delete", False),
        ("Retain", None, False),
        (None, "Retain", False),
    ],
)
def test_a_resource_is_left_by_both_policies(on_delete: str | None, on_replace: str | None, is_left: bool) -> None:
    declared = {"DeletionPolicy": on_delete, "UpdateReplacePolicy": on_replace}
    assert declared_in({"Resources": {"Pump": declared}}, "Pump").is_left is is_left
