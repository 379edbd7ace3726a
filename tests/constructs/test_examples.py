"""The apps under examples/, each as it is; all in this process, since jsii takes seconds to start."""

from __future__ import annotations

import importlib.util
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk
import pytest
from aws_cdk import App, Stack

from published_schemas import check_custom_resources

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthesised import Synthesised

EXAMPLES = Path(__file__).parents[2] / "examples"
CA = "Custom::IotCaCertificate"

SAYS: dict[str, dict[str, Any]] = {
    "key_in_kms": {"VerificationKey": {"KmsKeyId": "${CaKeyArn}"}},
    "key_in_secret": {
        "VerificationKey": {
            "SecretArn": "factory/ca-key",
            "PassphraseSecretArn": "factory-ca-passphrase",
        }
    },
    "private_ca": {"VerificationKey": {"CertificateAuthorityArn": "${PrivateCaArn}"}},
    "signed_outside": {"VerificationCertificatePem": "${VerificationCertificate}"},
    "sni_only": {"CertificateMode": "SNI_ONLY"},
}
SECRET = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret"


def stack_class(name: str) -> type[Stack]:
    """Import an example, and return its one stack."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (found,) = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == spec.name]
    assert issubclass(found, Stack)
    return found


@pytest.mark.parametrize("name", SAYS)
def test_it_declares_its_proof(
    new_app: Callable[..., App], synthesise: Callable[[Stack], Synthesised], name: str
) -> None:
    template = synthesise(stack_class(name)(new_app(), "Example"))
    declared = template.declared("FactoryCa", CA)
    declared.pop("CACertificatePem", None)
    assert str(declared).replace(SECRET, "${secret}") == str(SAYS[name])


@pytest.mark.parametrize(
    "name",
    [
        "ca_cross_over",
        "integration_test/app",
        "just_in_time_registration/app",
        "renewal/app",
        "transfer/source/app",
        "transfer/target/app",
    ],
)
def test_an_apps_custom_resources_are_as_the_schemas_say(
    new_app: Callable[..., App], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(aws_cdk, "App", lambda: new_app({"target_account": "210987654321"}))
    app = runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")["app"]
    templates = [stack.template for stack in app.synth().stacks]
    assert any("Custom::Iot" in str(template) for template in templates)
    for template in templates:
        check_custom_resources(template)


def test_each_way_to_own_a_ca_has_one() -> None:
    """Where an example of something else is added, it has a test of its own."""
    apps = {file.stem for file in EXAMPLES.glob("*.py")}
    assert set(SAYS) <= apps
    readme = (EXAMPLES / "README.md").read_text()
    assert [name for name in sorted(apps) if f"({name}.py)" not in readme] == []
