"""Accounts in which CDK stacks are deployed: their templates as they are, with the function's role and its policies.

What the CDK CLI would do besides is left out: there is no bootstrap, and the function's code is in a bucket already.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aws_cdk import App, DefaultStackSynthesizer, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from integration.stacks import wait_for
from iot_certificates import IotCertificateFleetProviderStack, IotCertificateProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3

BUCKET = "code"
KEY = "function.zip"
FLEET_PROVIDER = "fleet-provider"


class Account:
    """One account of an AWS that enforces IAM. ``session`` is its root user's."""

    def __init__(self, session: boto3.Session, runtime: str, asset: bytes) -> None:
        self.session = session
        self.id = session.client("sts").get_caller_identity()["Account"]
        self.iot = session.client("iot")
        self._runtime = runtime
        self.role_arn = ""
        """CloudFormation's role for the stacks, which the CDK CLI always names."""
        self._bucket = f"{BUCKET}-{self.id}"
        objects = session.client("s3")
        objects.create_bucket(
            Bucket=self._bucket, CreateBucketConfiguration={"LocationConstraint": session.region_name}
        )
        objects.put_object(Bucket=self._bucket, Key=KEY, Body=asset)

    def app(self) -> App:
        """Return an app for ``stack``."""
        return App(analytics_reporting=False, context={"iot-certificates:runtime": self._runtime})

    def stack(self, app: App, name: str, tags: dict[str, str] | None = None) -> Stack:
        """Return a stack that needs no bootstrap."""
        synthesizer = DefaultStackSynthesizer(generate_bootstrap_version_rule=False)
        return Stack(app, name, synthesizer=synthesizer, tags=tags)

    def provider(self, stack: Stack) -> IotCertificateProvider:
        """Return a provider whose code is in the account's bucket."""
        bucket = s3.Bucket.from_bucket_name(stack, "Assets", self._bucket)
        return IotCertificateProvider(stack, "Provider", code=lambda_.Code.from_bucket(bucket, KEY))

    def deploy(self, declare: Callable[[Stack, IotCertificateProvider], object], name: str = "factory") -> Stack:
        """Deploy one stack with a provider of its own."""
        stack = self.stack(self.app(), name)
        declare(stack, self.provider(stack))
        self.deploy_stack(stack)
        return stack

    def deploy_stack(self, stack: Stack) -> None:
        """Create or update a stack; raise StackFailedError with the reasons of its events when that fails."""
        client, name = self.session.client("cloudformation"), stack.stack_name
        request: Any = {
            "StackName": name,
            "TemplateBody": json.dumps(Template.from_stack(stack).to_json()),
            "Capabilities": ["CAPABILITY_IAM"],
            **({"RoleARN": self.role_arn} if self.role_arn else {}),
        }
        if name in self.stacks():
            client.update_stack(**request)
            self._wait(name, "stack_update_complete")
        else:
            client.create_stack(**request)
            self._wait(name, "stack_create_complete")

    def deploy_fleet_provider(self, manifests: str, max_concurrency: int) -> None:
        """Deploy the fleets' provider stack, whose functions may read these manifests."""
        location = s3.Location(bucket_name=self._bucket, object_key=KEY)
        synthesizer = DefaultStackSynthesizer(generate_bootstrap_version_rule=False)
        stack = IotCertificateFleetProviderStack(
            self.app(), FLEET_PROVIDER, code_location=location, synthesizer=synthesizer
        )
        self.session.client("cloudformation").create_stack(
            StackName=FLEET_PROVIDER,
            TemplateBody=json.dumps(Template.from_stack(stack).to_json()),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[
                {"ParameterKey": "ManifestArns", "ParameterValue": manifests},
                {"ParameterKey": "MaxConcurrency", "ParameterValue": f"{max_concurrency}"},
            ],
        )
        self._wait(FLEET_PROVIDER, "stack_create_complete")

    def delete(self, name: str = "factory") -> None:
        """Delete a stack."""
        self.session.client("cloudformation").delete_stack(StackName=name)
        self._wait(name, "stack_delete_complete")

    def stacks(self) -> list[str]:
        """Return the names of the stacks that there are."""
        found = self.session.client("cloudformation").describe_stacks()["Stacks"]
        return [stack["StackName"] for stack in found]

    def physical_id(self, beginning: str, name: str = "factory") -> str:
        """Return the physical id of the custom resource whose logical id begins so."""
        rows = self.session.client("cloudformation").list_stack_resources(StackName=name)["StackResourceSummaries"]
        (row,) = (
            row
            for row in rows
            if row["LogicalResourceId"].startswith(beginning) and row["ResourceType"].startswith("Custom::")
        )
        return str(row["PhysicalResourceId"])

    def left(self) -> list[str]:
        """Return what is registered, of certificates of both kinds, policies and things."""
        return [
            *(ca["certificateId"] for ca in self.iot.list_ca_certificates()["certificates"]),
            *(device["certificateId"] for device in self.iot.list_certificates()["certificates"]),
            *(policy["policyName"] for policy in self.iot.list_policies()["policies"]),
            *(thing["thingName"] for thing in self.iot.list_things()["things"]),
        ]

    def _wait(self, name: str, what: str) -> None:
        wait_for(self.session.client("cloudformation"), name, what)
