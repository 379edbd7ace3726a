"""The provider stack, deployed once with the real CDK CLI to an AWS that enforces IAM."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from e2e.plain_stack import PlainStack
from less_patient import bundled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iot_certificates_local import EmbeddedAws

APP = shlex.join([sys.executable, "-m", "iot_certificates.provider_app"])
CA_KEY_SECRET = "factory/ca-key"


@pytest.fixture(scope="session")
def provider_parameters(guarded_aws: EmbeddedAws) -> dict[str, str]:
    """What its parameters name."""
    secrets = f"arn:aws:secretsmanager:{guarded_aws.region}:{guarded_aws.account}:secret:"
    return {
        "ReadableSecretArns": f"{secrets}{CA_KEY_SECRET}-??????",
        "KeptKeySecretArns": f"{secrets}iot-certificates/*",
    }


@pytest.fixture(scope="session")
def provider_stack(guarded_aws: EmbeddedAws, provider_parameters: dict[str, str]) -> Iterator[PlainStack]:
    with guarded_aws.deployed(APP, parameters=provider_parameters):
        stack = PlainStack(guarded_aws.session(), "IotCertificateProvider")
        # What a test denies stays denied.
        (function,) = stack.physical_ids("AWS::Lambda::Function").values()
        guarded_aws.session().client("lambda").update_function_code(FunctionName=function, ZipFile=bundled()[1])
        yield stack
