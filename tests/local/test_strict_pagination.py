"""Every list comes in pages; who does not ask for the next one has 25 entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from issuing import make_ca, make_device

if TYPE_CHECKING:
    from boto3 import Session
    from types_boto3_iot import IoTClient

pytestmark = pytest.mark.emulator

POLICY = '{"Version": "2012-10-17", "Statement": []}'
MANY = 30


@pytest.fixture(scope="module")
def crowd(unthrottled_aws: Any) -> Crowd:
    return Crowd(unthrottled_aws.session(account="300000000000").client("iot"))


class Crowd:
    """An account with thirty of everything: certificates of one CA, policies and things of one certificate."""

    def __init__(self, iot: IoTClient) -> None:
        self.iot = iot
        ca = make_ca()
        self.ca_id = iot.register_ca_certificate(
            caCertificate=ca.pem,
            certificateMode="SNI_ONLY",
            setAsActive=True,
            tags=[{"Key": f"key-{number:02}", "Value": "v"} for number in range(MANY)],
        )["certificateId"]
        self.ca_arn = iot.describe_ca_certificate(certificateId=self.ca_id)["certificateDescription"]["certificateArn"]
        self.ca_ids = [self.ca_id, *(self._register_ca(number) for number in range(MANY - 1))]
        devices = [make_device(ca) for _ in range(MANY)]
        self.registered = [
            iot.register_certificate(certificatePem=each.pem, caCertificatePem=ca.pem) for each in devices
        ]
        self.certificate_arn = self.registered[0]["certificateArn"]
        self.names = [f"name-{number:02}" for number in range(MANY)]
        for name, other in zip(self.names, self.registered, strict=True):
            iot.create_policy(policyName=name, policyDocument=POLICY)
            iot.create_thing(thingName=name)
            iot.attach_thing_principal(thingName=name, principal=self.certificate_arn)
            iot.attach_policy(policyName=self.names[0], target=other["certificateArn"])
            iot.attach_thing_principal(thingName=self.names[0], principal=other["certificateArn"])

    def _register_ca(self, number: int) -> str:
        pem = make_ca(f"CA {number}").pem
        return self.iot.register_ca_certificate(caCertificate=pem, certificateMode="SNI_ONLY")["certificateId"]

    @property
    def ids(self) -> list[str]:
        """The ids of the certificates, oldest first."""
        return [each["certificateId"] for each in self.registered]

    @property
    def arns(self) -> list[str]:
        return [each["certificateArn"] for each in self.registered]


def lists(crowd: Crowd) -> dict[str, tuple[str, dict[str, Any], int]]:
    """Return for each operation the result's member, the arguments, and how many entries there are."""
    return {
        "list_certificates": ("certificates", {}, MANY),
        "list_ca_certificates": ("certificates", {}, MANY),
        "list_certificates_by_ca": ("certificates", {"caCertificateId": crowd.ca_id}, MANY),
        "list_targets_for_policy": ("targets", {"policyName": "name-00"}, MANY),
        "list_principal_things": ("things", {"principal": crowd.certificate_arn}, MANY),
        "list_thing_principals": ("principals", {"thingName": "name-00"}, MANY),
        "list_policies": ("policies", {}, MANY),
        "list_things": ("things", {}, MANY),
        "list_tags_for_resource": ("tags", {"resourceArn": crowd.ca_arn}, MANY),
    }


OPERATIONS = (
    "list_certificates",
    "list_ca_certificates",
    "list_certificates_by_ca",
    "list_targets_for_policy",
    "list_principal_things",
    "list_thing_principals",
    "list_policies",
    "list_things",
    "list_tags_for_resource",
)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_page_has_25_entries_and_the_paginator_finds_all(crowd: Crowd, operation: str) -> None:
    member, arguments, count = lists(crowd)[operation]
    first = getattr(crowd.iot, operation)(**arguments)
    assert len(first[member]) == 25
    pages = list(crowd.iot.get_paginator(operation).paginate(**arguments))  # type: ignore[call-overload]
    entries = [str(entry) for page in pages for entry in page[member]]
    assert len(pages) == 2
    assert len(set(entries)) == len(entries) == count
    assert "nextMarker" not in pages[-1]
    assert "nextToken" not in pages[-1]


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "list_tags_for_resource"])
def test_the_size_is_the_callers(crowd: Crowd, operation: str) -> None:
    member, arguments, count = lists(crowd)[operation]
    paginator: Any = crowd.iot.get_paginator(operation)  # type: ignore[call-overload]
    sizes = [len(page[member]) for page in paginator.paginate(**arguments, PaginationConfig={"PageSize": 7})]
    assert sizes == [7, 7, 7, 7, 2]
    [whole] = paginator.paginate(**arguments, PaginationConfig={"PageSize": 250})
    assert len(whole[member]) == count


def test_policies_of_a_certificate_come_in_pages_too(crowd: Crowd) -> None:
    certificate = crowd.arns[1]
    for name in crowd.names[1:5]:
        crowd.iot.attach_policy(policyName=name, target=certificate)
    pages = crowd.iot.get_paginator("list_attached_policies").paginate(
        target=certificate, PaginationConfig={"PageSize": 2}
    )
    assert [[policy["policyName"] for policy in page["policies"]] for page in pages] == [
        ["name-00", "name-01"],
        ["name-02", "name-03"],
        ["name-04"],
    ]


@pytest.mark.parametrize("size", [0, 251, -1])
@pytest.mark.parametrize("path", ["/certificates?pageSize={}", "/things?maxResults={}"])
def test_sizes_from_1_to_250(account: Session, path: str, size: int) -> None:
    # botocore checks the smallest size before it asks; not so a caller of another SDK.
    iot = account.client("iot")

    def ask_for_the_size(request: Any, **_: Any) -> None:
        request.url = "/".join(request.url.split("/")[:3]) + path.format(size)

    iot.meta.events.register("before-sign.iot", ask_for_the_size)
    with pytest.raises(iot.exceptions.InvalidRequestException, match="from 1 to 250"):
        iot.list_certificates()


@pytest.mark.parametrize("operation", ["list_certificates", "list_certificates_by_ca"])
def test_newest_first_unless_asked_otherwise(crowd: Crowd, operation: str) -> None:
    _, arguments, _ = lists(crowd)[operation]
    paginator: Any = crowd.iot.get_paginator(operation)  # type: ignore[call-overload]
    for more, expected in (
        ({}, crowd.ids[::-1]),
        ({"ascendingOrder": False}, crowd.ids[::-1]),
        ({"ascendingOrder": True}, crowd.ids),
    ):
        pages = paginator.paginate(**arguments, **more)
        assert [entry["certificateId"] for page in pages for entry in page["certificates"]] == expected


def test_ca_certificates_too(crowd: Crowd) -> None:
    oldest = crowd.iot.list_ca_certificates(ascendingOrder=True, pageSize=3)["certificates"]
    newest = crowd.iot.list_ca_certificates(pageSize=3)["certificates"]
    assert [entry["certificateId"] for entry in oldest] == crowd.ca_ids[:3]
    assert [entry["certificateId"] for entry in newest] == crowd.ca_ids[:-4:-1]


@pytest.mark.parametrize("marker", ["x", "bm90IG91cnM=", "WzEsMl0="])
def test_a_marker_that_is_none_is_refused(crowd: Crowd, marker: str) -> None:
    with pytest.raises(crowd.iot.exceptions.InvalidRequestException):
        crowd.iot.list_certificates(marker=marker)
    with pytest.raises(crowd.iot.exceptions.InvalidRequestException):
        crowd.iot.list_things(nextToken=marker)


def test_a_marker_is_of_one_operation(crowd: Crowd) -> None:
    marker = crowd.iot.list_certificates()["nextMarker"]
    with pytest.raises(crowd.iot.exceptions.InvalidRequestException):
        crowd.iot.list_ca_certificates(marker=marker)


def test_what_goes_between_two_pages_hides_nothing(account: Session) -> None:
    iot = account.client("iot")
    names = [f"thing-{number}" for number in range(6)]
    for name in names:
        iot.create_thing(thingName=name)
    first = iot.list_things(maxResults=3)
    for thing in first["things"]:
        iot.delete_thing(thingName=thing["thingName"])
    second = iot.list_things(maxResults=3, nextToken=first["nextToken"])
    assert [thing["thingName"] for thing in second["things"]] == names[3:]
