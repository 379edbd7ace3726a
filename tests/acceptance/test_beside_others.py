"""A run beside what others have in the account: all of it is the same afterwards, byte for byte."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

import issuing
from acceptance import places
from acceptance.clean_up import CleanUp, NotOursError
from acceptance.holdings import Holding, Holdings
from acceptance.runner import Runner
from acceptance.stacks import DOCUMENT, policy, thing
from acceptance.state import State
from acceptance.step import Kind
from acceptance.steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from acceptance.places import Place
    from iot_certificates_local import EmbeddedAws

PREFIX = "beside-1a2b"
NEARLY = f"{PREFIX}c"
"""Begins with the prefix, and is another name."""

PLAYED = (1, 5, 7, 9, 99)
_CHANGES_BY_ITSELF = frozenset({"LastAccessedDate", "ResponseMetadata"})


def make_others(place: Place, session: Any) -> None:
    iot = session.client("iot")
    ca, code = issuing.make_ca(NEARLY), iot.get_registration_code()["registrationCode"]
    proof = issuing.make_verification_certificate(ca, code).pem
    iot.register_ca_certificate(caCertificate=ca.pem, verificationCertificate=proof, setAsActive=True)
    iot.create_policy(policyName=f"{NEARLY}-policy", policyDocument=json.dumps(DOCUMENT))
    iot.create_thing(thingName=f"{NEARLY}-thing", attributePayload={"attributes": {"of": "others"}})
    for name in (PREFIX, f"{NEARLY}-device", f"x-{PREFIX}-device"):
        device = issuing.make_device(ca, name)
        arn = iot.register_certificate(certificatePem=device.pem, status="ACTIVE")["certificateArn"]
        iot.attach_policy(policyName=f"{NEARLY}-policy", target=arn)
        iot.attach_thing_principal(thingName=f"{NEARLY}-thing", principal=arn)
    secrets = session.client("secretsmanager")
    for name in (NEARLY, f"x/{PREFIX}-secret"):
        secrets.create_secret(Name=name, SecretString=f"the secret of {name}")
    stack = {"Resources": {"Thing": thing(f"{NEARLY}-of-a-stack"), "Policy": policy(f"{NEARLY}-of-a-stack")}}
    cloudformation = session.client("cloudformation")
    cloudformation.create_stack(StackName=NEARLY, TemplateBody=json.dumps(stack))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=NEARLY, WaiterConfig={"Delay": 0.2})
    session.client("iam").create_role(RoleName=NEARLY, AssumeRolePolicyDocument=json.dumps(DOCUMENT))
    key = session.client("kms").create_key(Description="of others")["KeyMetadata"]["KeyId"]
    session.client("kms").create_alias(AliasName=f"alias/{NEARLY}", TargetKeyId=key)
    location: Any = {"LocationConstraint": place.region}
    session.client("s3").create_bucket(Bucket=f"{NEARLY}-code", CreateBucketConfiguration=location)
    session.client("s3").put_object(Bucket=f"{NEARLY}-code", Key="an/object", Body=b"content")


def remove_others(session: Any) -> None:
    iot = session.client("iot")
    for each in iot.list_certificates()["certificates"]:
        arn, _certificate_id = each["certificateArn"], each["certificateId"]
        for attached in iot.list_attached_policies(target=arn)["policies"]:
            iot.detach_policy(policyName=attached["policyName"], target=arn)
        for name in iot.list_principal_things(principal=arn)["things"]:
            iot.detach_thing_principal(thingName=name, principal=arn)
    session.client("cloudformation").delete_stack(StackName=NEARLY)


def snapshot(session: Any) -> dict[str, str]:
    """Return everything that can be read of the account, by what it is."""
    return {name: json.dumps(_lasting(value), sort_keys=True, default=str) for name, value in _read(session)}


def _read(session: Any) -> Iterator[tuple[str, Any]]:
    yield from _of_iot(session.client("iot"))
    yield from _of_stacks(session.client("cloudformation"))
    secrets, objects = session.client("secretsmanager"), session.client("s3")
    for each in secrets.list_secrets()["SecretList"]:
        yield f"secret {each['ARN']}", each
        yield f"value of {each['ARN']}", secrets.get_secret_value(SecretId=each["ARN"])
    for bucket in objects.list_buckets()["Buckets"]:
        for each in objects.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            body = objects.get_object(Bucket=bucket["Name"], Key=each["Key"])["Body"].read()
            yield f"object {bucket['Name']}/{each['Key']}", body.hex()
    yield "roles", session.client("iam").list_roles()["Roles"]
    yield "aliases", session.client("kms").list_aliases()["Aliases"]
    yield "keys", session.client("kms").list_keys()["Keys"]
    yield "functions", session.client("lambda").list_functions()["Functions"]


def _of_iot(iot: Any) -> Iterator[tuple[str, Any]]:
    yield "registration code", iot.get_registration_code()
    for each in iot.list_certificates(pageSize=250)["certificates"]:
        yield each["certificateArn"], iot.describe_certificate(certificateId=each["certificateId"])
        yield f"policies of {each['certificateArn']}", iot.list_attached_policies(target=each["certificateArn"])
    for each in iot.list_ca_certificates(pageSize=250)["certificates"]:
        yield each["certificateArn"], iot.describe_ca_certificate(certificateId=each["certificateId"])
    for each in iot.list_things()["things"]:
        yield f"thing {each['thingName']}", iot.describe_thing(thingName=each["thingName"])
        yield f"principals of {each['thingName']}", iot.list_thing_principals(thingName=each["thingName"])
    for each in iot.list_policies()["policies"]:
        yield f"policy {each['policyName']}", iot.get_policy(policyName=each["policyName"])


def _of_stacks(cloudformation: Any) -> Iterator[tuple[str, Any]]:
    for each in cloudformation.describe_stacks()["Stacks"]:
        stack_id = each["StackId"]
        yield f"stack {stack_id}", each
        yield f"template of {stack_id}", cloudformation.get_template(StackName=stack_id)["TemplateBody"]
        yield f"resources of {stack_id}", cloudformation.list_stack_resources(StackName=stack_id)
        yield f"events of {stack_id}", cloudformation.describe_stack_events(StackName=stack_id)


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _lasting(each) for name, each in value.items() if name not in _CHANGES_BY_ITSELF}
    return [_lasting(each) for each in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def beside(guarded_aws: EmbeddedAws) -> Iterator[Place]:
    """Give an account in which others have much, to a run and to what is planted after it."""
    session = guarded_aws.session()
    with places.embedded(PREFIX, guarded_aws) as place:
        make_others(place, session)
        yield place
    remove_others(session)


def test_what_others_have_is_the_same_afterwards(guarded_aws: EmbeddedAws, beside: Place) -> None:
    session = guarded_aws.session()
    before = snapshot(session)
    assert len(before) > len(("certificates", "things", "secrets", "stacks")) * 4
    state = State(beside.state_file)
    outcome = Runner(beside, state).run([step for step in STEPS if step.number in PLAYED])
    assert outcome.left == []
    assert {name: each.verdict.kind for name, each in state.finished.items()} == {
        f"{number:02}": Kind.HOLDS for number in PLAYED
    }
    assert snapshot(session) == before


def test_the_runs_policy_refuses_what_would_harm_others(beside: Place) -> None:
    client = beside.session.client
    key = next(each["TargetKeyId"] for each in client("kms").list_aliases()["Aliases"] if NEARLY in each["AliasName"])
    harmful: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("iot", "delete_registration_code", {}),
        ("iot", "delete_thing", {"thingName": f"{NEARLY}-thing"}),
        ("iot", "delete_policy", {"policyName": f"{NEARLY}-policy"}),
        ("kms", "schedule_key_deletion", {"KeyId": key}),
        ("kms", "create_key", {"Description": "without the run's tag"}),
        ("kms", "decrypt", {"KeyId": key, "CiphertextBlob": b"of others"}),
        ("secretsmanager", "get_secret_value", {"SecretId": NEARLY}),
        ("secretsmanager", "delete_secret", {"SecretId": f"x/{PREFIX}-secret"}),
        ("cloudformation", "delete_stack", {"StackName": NEARLY}),
        ("iam", "delete_role", {"RoleName": NEARLY}),
        ("s3", "delete_object", {"Bucket": f"{NEARLY}-code", "Key": "an/object"}),
    )
    for service, operation, parameters in harmful:
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(client(service), operation)(**parameters)


PLANTED: dict[str, tuple[type, str, Callable[..., bool], str]] = {
    "certificates of anybody": (Holdings, "is_our_certificate", lambda _here, _pem, _id: True, "cert/"),
    "names that have the prefix inside": (
        Holdings,
        "has_prefix",
        lambda here, name: here.place.prefix in name,
        "secret",
    ),
}
"""Defects of the clean-up, and a word that is in the name of what they harm."""


@pytest.mark.parametrize("defect", PLANTED)
def test_a_clean_up_that_removes_what_others_have_is_noticed(
    guarded_aws: EmbeddedAws, beside: Place, monkeypatch: pytest.MonkeyPatch, defect: str
) -> None:
    session = guarded_aws.session()
    before = snapshot(session)
    place, name, planted, harmed = PLANTED[defect]
    monkeypatch.setattr(place, name, planted)
    # As an administrator: the run's own policy would refuse most of it.
    unlimited = replace(beside, session=session)
    CleanUp(unlimited, State(beside.state_file)).remove_all(seconds=1)
    gone = before.keys() - snapshot(session).keys()
    assert [each for each in gone if harmed in each]


def test_it_stops_before_it_removes_what_is_not_its_own(guarded_aws: EmbeddedAws) -> None:
    with places.embedded(PREFIX, guarded_aws) as place:
        clean_up = CleanUp(place, State(place.state_file))
        foreign = Holding("secret", f"{NEARLY}-secret", is_ours=False, fingerprint="", key="somebody's")
        with pytest.raises(NotOursError, match=f"secret {NEARLY}-secret"):
            clean_up._try(foreign)
