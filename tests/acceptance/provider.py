"""The function that serves the run's stacks: the provider stack, under the run's names."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from acceptance.answers import patient_client_of
from acceptance.step import NotTriedError

if TYPE_CHECKING:
    from aws_cdk import App, DefaultStackSynthesizer, Stack
    from aws_cdk import aws_lambda as lambda_

    from acceptance.places import Place

STACK = "provider"
_KEY = "function.zip"
_PERMISSION_SECONDS = {True: 1.5, False: 15.0}
"""How long the roles' policies are given to take effect: on the embedded AWS, on AWS."""


def bucket_of(prefix: str, account: str) -> str:
    """Return the name of the bucket that has the function's code."""
    return f"{prefix}-code-{account}"


class Provider:
    """Deployed with the first stack that asks for it, and deleted when the run ends. Steps that need none have none."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._token = ""
        self._parameters: dict[str, str] = {}

    @property
    def stack_name(self) -> str:
        """The name of the function's stack."""
        return f"{self._place.prefix}-{STACK}"

    def service_token(self) -> str:
        """Return the service token; deploy the stack first where there is none."""
        if not self._token:
            self._token = self._outputs().get("ServiceToken", "") or self._deploy()
        return self._token

    def function_name(self) -> str:
        """Return the function's name."""
        return self.service_token().rpartition(":")[2]

    def allow(self, **parameters: str) -> None:
        """Give parameters of the stack another value: ``SigningKeyArns``, ``ProvisioningRoleArns``."""
        self.service_token()
        client = patient_client_of(self._place.session, "cloudformation")
        self._parameters |= parameters
        client.update_stack(
            StackName=self.stack_name,
            UsePreviousTemplate=True,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=self._listed(),
        )
        self._wait()

    def forget(self) -> None:
        """Forget the stack, which was deleted."""
        self._token, self._parameters = "", {}

    def _deploy(self) -> str:
        place = self._place
        self._upload()
        client = patient_client_of(place.session, "cloudformation")
        self._parameters |= {"KeptKeySecretArns": self._secrets()}
        client.create_stack(
            StackName=self.stack_name,
            TemplateBody=json.dumps(template(place)),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=self._listed(),
        )
        self._wait()
        return self._outputs()["ServiceToken"]

    def ensure_bucket(self) -> str:
        """Make the run's bucket, unless there is one; return its name."""
        place = self._place
        objects: Any = patient_client_of(place.session, "s3")
        bucket = bucket_of(place.prefix, place.account)
        where: dict[str, Any] = {"CreateBucketConfiguration": {"LocationConstraint": place.region}}
        try:
            objects.create_bucket(Bucket=bucket, **({} if place.region == "us-east-1" else where))
        except ClientError as error:
            if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
                raise
        return bucket

    def _upload(self) -> None:
        from iot_certificates.bundling import DEFAULT_TARGET, Target, bundle  # noqa: PLC0415 - the CDK takes seconds to import

        place = self._place
        target = Target(place.runtime, place.architecture) if place.runtime else DEFAULT_TARGET
        bucket, objects = self.ensure_bucket(), patient_client_of(place.session, "s3")
        objects.put_object(Bucket=bucket, Key=_KEY, Body=bundle(target).path.read_bytes())

    def _wait(self) -> None:
        while (status := self._described().get("StackStatus", "")).endswith("_IN_PROGRESS"):
            time.sleep(self._place.poll_seconds)
        if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            raise NotTriedError(f"the function's stack is {status}")
        time.sleep(_PERMISSION_SECONDS[self._place.is_embedded])

    def _described(self) -> dict[str, Any]:
        client = patient_client_of(self._place.session, "cloudformation")
        try:
            stack: dict[str, Any] = client.describe_stacks(StackName=self.stack_name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return {}
            raise
        return stack if stack["StackStatus"] != "DELETE_COMPLETE" else {}

    def _outputs(self) -> dict[str, str]:
        return {each["OutputKey"]: each["OutputValue"] for each in self._described().get("Outputs", [])}

    def _secrets(self) -> str:
        place = self._place
        return f"arn:{place.partition}:secretsmanager:{place.region}:{place.account}:secret:{place.prefix}-*"

    def _listed(self) -> list[dict[str, str]]:
        return [{"ParameterKey": name, "ParameterValue": value} for name, value in self._parameters.items()]


def export_of(place: Place) -> str:
    """Return the name that the service token is exported under."""
    return f"{place.prefix}-service-token"


def app_for(place: Place) -> App:
    """Return an app for this place's functions."""
    from aws_cdk import App  # noqa: PLC0415 - the CDK takes seconds to import

    runtime = {"iot-certificates:runtime": place.runtime, "iot-certificates:architecture": place.architecture}
    return App(analytics_reporting=False, context=runtime if place.runtime else {})


def code_for(stack: Stack, place: Place) -> lambda_.Code:
    """Return the function's code, in the run's bucket."""
    from aws_cdk import aws_s3 as s3  # noqa: PLC0415 - the CDK takes seconds to import

    from iot_certificates.provider_stack import code_at  # noqa: PLC0415

    return code_at(stack, s3.Location(bucket_name=bucket_of(place.prefix, place.account), object_key=_KEY))


def template(place: Place) -> dict[str, Any]:
    """Return the provider stack's template. Its export is the run's: the account's owner may have the usual one."""
    from aws_cdk import aws_s3 as s3  # noqa: PLC0415 - the CDK takes seconds to import
    from aws_cdk.assertions import Template  # noqa: PLC0415

    from iot_certificates.provider_stack import IotCertificateProviderStack  # noqa: PLC0415

    stack = IotCertificateProviderStack(
        app_for(place),
        f"{place.prefix}-{STACK}",
        code_location=s3.Location(bucket_name=bucket_of(place.prefix, place.account), object_key=_KEY),
        synthesizer=unbootstrapped(),
    )
    found: dict[str, Any] = dict(Template.from_stack(stack).to_json())
    found["Outputs"]["ServiceToken"]["Export"]["Name"] = export_of(place)
    for each in found["Resources"].values():
        if place.private_cas and each["Type"] == "AWS::Lambda::Function":
            variables = each["Properties"].setdefault("Environment", {}).setdefault("Variables", {})
            variables["AWS_ENDPOINT_URL_ACM_PCA"] = place.private_cas
    return found


def unbootstrapped() -> DefaultStackSynthesizer:
    """Return what makes a template that asks for no bootstrap."""
    from aws_cdk import DefaultStackSynthesizer  # noqa: PLC0415 - the CDK takes seconds to import

    return DefaultStackSynthesizer(generate_bootstrap_version_rule=False)
