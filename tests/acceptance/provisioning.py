"""What just-in-time provisioning needs: a template, and a role that AWS IoT assumes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acceptance.stage import Stage

COMMON_NAME, CERTIFICATE_ID = "AWS::IoT::Certificate::CommonName", "AWS::IoT::Certificate::Id"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
PROVISIONING = "policy/service-role/AWSIoTThingsRegistration"


def template_body(policy: str = "") -> dict[str, Any]:
    """Return a provisioning template: a thing with the certificate's common name, and the certificate ACTIVE."""
    certificate = {"CertificateId": {"Ref": CERTIFICATE_ID}, "Status": "ACTIVE"}
    resources: dict[str, Any] = {
        "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": COMMON_NAME}}},
        "certificate": {"Type": "AWS::IoT::Certificate", "Properties": certificate},
    }
    if policy:
        resources["policy"] = {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": policy}}
    return {"Parameters": {name: {"Type": "String"} for name in (COMMON_NAME, CERTIFICATE_ID)}, "Resources": resources}


def make_role(stage: Stage, what: str) -> str:
    """Make a role that AWS IoT can assume; return its ARN."""
    made = stage.client("iam").create_role(RoleName=stage.name(what), AssumeRolePolicyDocument=json.dumps(TRUST))
    return str(made["Role"]["Arn"])


def role(name: str, partition: str) -> dict[str, Any]:
    """Return the role as a stack declares it; its name is known before, so that the function may pass it."""
    properties = {
        "RoleName": name,
        "AssumeRolePolicyDocument": TRUST,
        "ManagedPolicyArns": [f"arn:{partition}:iam::aws:{PROVISIONING}"],
    }
    return {"Type": "AWS::IAM::Role", "Properties": properties}
