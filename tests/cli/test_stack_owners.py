"""Whose a certificate is, from what CloudFormation's API answers (its own response shapes, checked by botocore)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from iot_certificate_provider.errors import ProviderError
from iot_certificates_cli.stack_owners import StackOwners, find_stack_owners

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID, OTHER = "ab" * 32, "cd" * 32
DOES_NOT_EXIST = "Stack with id arn:stack/gone does not exist"
DENIED = "User is not authorized to perform: cloudformation:ListStackResources"


class CloudFormation:
    """Answers in the order that they were given."""

    def __init__(self) -> None:
        self.client: Any = boto3.client(
            "cloudformation", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        self.stubber = Stubber(self.client)

    def lists(self, **stacks: str) -> None:
        summaries = [
            {"StackName": name, "StackId": f"arn:stack/{name}", "CreationTime": NOW, "StackStatus": status}
            for name, status in stacks.items()
        ]
        self.stubber.add_response("list_stacks", {"StackSummaries": summaries})

    def has(self, *resources: tuple[str, str, str], more: str | None = None) -> None:
        rows = [
            {
                "LogicalResourceId": "Device",
                "ResourceType": kind,
                "PhysicalResourceId": physical_id,
                "ResourceStatus": status,
                "LastUpdatedTimestamp": NOW,
            }
            for kind, physical_id, status in resources
        ]
        next_token = {} if more is None else {"NextToken": more}
        self.stubber.add_response("list_stack_resources", {"StackResourceSummaries": rows, **next_token})

    def refuses(self, code: str, message: str, status: int = 400) -> None:
        self.stubber.add_client_error("list_stack_resources", code, message, status)

    def owners(self) -> StackOwners:
        with self.stubber:
            return find_stack_owners(self.client)


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    cloudformation = CloudFormation()
    yield cloudformation
    cloudformation.stubber.assert_no_pending_responses()
    cloudformation.client.close()


@pytest.mark.parametrize(
    ("kind", "physical_id"),
    [
        ("Custom::IotCaCertificate", ID),
        ("Custom::IotDeviceCertificate", f"{ID}/adopted"),
        ("Custom::IotCertificateTransfer", f"{ID}/transfer/123456789012"),
        ("AWS::IoT::Certificate", f"arn:aws:iot:eu-west-1:123456789012:cert/{ID}"),
        ("AWS::IoT::CACertificate", ID),
        ("Custom::AWS", ID),
        ("AWS::CloudFormation::CustomResource", ID),
        ("AWS::IoT::Certificate", ID.upper()),
        ("Acme::IoT::DeviceCertificate", f"factory|{ID}"),
        ("Acme::Fleet::Device::MODULE", ID.upper()),
    ],
)
def test_a_resource_names_its_certificate(cloudformation: CloudFormation, kind: str, physical_id: str) -> None:
    cloudformation.lists(factory="CREATE_COMPLETE")
    cloudformation.has((kind, physical_id, "CREATE_COMPLETE"), ("AWS::IoT::Policy", OTHER, "CREATE_COMPLETE"))
    owners = cloudformation.owners()
    assert owners.stacks_of == {ID: ["factory"]}
    assert [stack.name for stack, _ in owners.served] == (["factory"] if kind.startswith("Custom::Iot") else [])
    assert owners.are_known


def test_a_certificate_that_was_adopted_has_several_stacks_each_once(cloudformation: CloudFormation) -> None:
    cloudformation.lists(factory="CREATE_COMPLETE", telemetry="CREATE_COMPLETE")
    adopted = ("Custom::IotCaCertificate", f"{ID}/adopted", "CREATE_COMPLETE")
    cloudformation.has(("AWS::IoT::CACertificate", ID, "CREATE_COMPLETE"))
    cloudformation.has(adopted, adopted)
    assert cloudformation.owners().stacks_of == {ID: ["factory", "telemetry"]}


@pytest.mark.parametrize("status", ["DELETE_COMPLETE", "DELETE_SKIPPED"])
def test_what_a_stack_let_go_of_is_not_its_own(cloudformation: CloudFormation, status: str) -> None:
    cloudformation.lists(factory="UPDATE_COMPLETE")
    cloudformation.has(("AWS::IoT::Certificate", ID, status))
    owners = cloudformation.owners()
    assert (owners.stacks_of, owners.are_known) == ({}, True)


def test_what_a_stack_failed_to_delete_is_its_own(cloudformation: CloudFormation) -> None:
    cloudformation.lists(factory="DELETE_FAILED")
    cloudformation.has(("AWS::IoT::Certificate", ID, "DELETE_FAILED"))
    assert cloudformation.owners().stacks_of == {ID: ["factory"]}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDenied", DENIED),
        ("AccessDeniedException", DENIED),
        ("ValidationError", "The security token included in the request is expired"),
        ("ExpiredToken", "The security token included in the request is expired"),
        ("InternalFailure", "Stack with id arn:stack/secret does not exist"),
    ],
)
def test_a_stack_that_cannot_be_read_may_own_anything(cloudformation: CloudFormation, code: str, message: str) -> None:
    cloudformation.lists(secret="CREATE_COMPLETE")
    cloudformation.refuses(code, message, 500 if code == "InternalFailure" else 403)
    owners = cloudformation.owners()
    assert ([*owners.unreadable], owners.are_known) == (["secret"], False)
    assert isinstance(owners.unreadable["secret"], ProviderError)


def test_the_second_page_of_a_live_stack_is_not_taken_for_no_page(cloudformation: CloudFormation) -> None:
    cloudformation.lists(factory="UPDATE_COMPLETE")
    cloudformation.has(("AWS::IoT::Certificate", OTHER, "CREATE_COMPLETE"), more="token")
    cloudformation.refuses("ValidationError", "Invalid token: it is expired. Ask for the stack again")
    owners = cloudformation.owners()
    assert ([*owners.unreadable], owners.are_known) == (["factory"], False)


def test_so_may_all_when_none_may_be_listed(cloudformation: CloudFormation) -> None:
    cloudformation.stubber.add_client_error("list_stacks", "AccessDenied", DENIED, 403)
    owners = cloudformation.owners()
    assert ([*owners.unreadable], owners.are_known) == (["every stack"], False)


def test_a_stack_that_is_gone_since_it_was_listed_owns_nothing(cloudformation: CloudFormation) -> None:
    cloudformation.lists(gone="DELETE_IN_PROGRESS")
    cloudformation.refuses("ValidationError", DOES_NOT_EXIST)
    assert cloudformation.owners() == StackOwners()


@pytest.mark.parametrize(
    ("status", "changing"),
    [
        ("CREATE_IN_PROGRESS", True),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", True),
        ("UPDATE_FAILED", True),
        ("UPDATE_ROLLBACK_FAILED", True),
        ("REVIEW_IN_PROGRESS", False),
        ("UPDATE_COMPLETE", False),
    ],
)
def test_a_stack_that_is_being_changed_may_own_more(
    cloudformation: CloudFormation, status: str, changing: bool
) -> None:
    cloudformation.lists(factory=status)
    cloudformation.has(("Custom::IotDeviceCertificate", ID, "CREATE_COMPLETE"))
    owners = cloudformation.owners()
    assert (owners.stacks_of, owners.changing) == ({ID: ["factory"]}, ["factory"] if changing else [])


@pytest.mark.parametrize(
    ("kind", "changing"),
    [
        ("Custom::AcmeCertificate", True),
        ("AWS::CloudFormation::CustomResource", True),
        ("Acme::IoT::Certificate", True),
        ("AWS::IoT::Certificate", True),
        ("AWS::IoT::Policy", False),
    ],
)
def test_so_may_one_whose_resources_others_make(cloudformation: CloudFormation, kind: str, changing: bool) -> None:
    """While CloudFormation waits for a resource, it has no physical id yet."""
    cloudformation.lists(factory="CREATE_IN_PROGRESS")
    cloudformation.has((kind, "", "CREATE_IN_PROGRESS"))
    assert cloudformation.owners().changing == (["factory"] if changing else [])
