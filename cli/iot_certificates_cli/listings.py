"""AWS IoT's lists of a whole account and Region, a page at a time: no list is ever held whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.error_mapping import mapping_errors
from iot_certificate_provider.aws.iot import PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from types_boto3_iot import IoTClient
    from types_boto3_iot.type_defs import PaginatorConfigTypeDef

_PAGES: PaginatorConfigTypeDef = {"PageSize": PAGE_SIZE}


@dataclass(frozen=True)
class Listed:
    """A certificate, of a CA or of a device, in a list."""

    id: str
    arn: str
    status: str
    created: datetime


def list_ca_certificates(iot: IoTClient) -> Iterator[Listed]:
    """ListCACertificates, newest first."""
    pages = iot.get_paginator("list_ca_certificates").paginate(ascendingOrder=False, PaginationConfig=_PAGES)
    with mapping_errors("the CA certificates"):
        for page in pages:
            for entry in page["certificates"]:
                yield Listed(entry["certificateId"], entry["certificateArn"], entry["status"], entry["creationDate"])


def list_certificates(iot: IoTClient) -> Iterator[list[Listed]]:
    """ListCertificates, newest first: the pages."""
    pages = iot.get_paginator("list_certificates").paginate(ascendingOrder=False, PaginationConfig=_PAGES)
    with mapping_errors("the certificates"):
        for page in pages:
            yield [
                Listed(entry["certificateId"], entry["certificateArn"], entry["status"], entry["creationDate"])
                for entry in page["certificates"]
            ]


def list_certificate_ids_by_ca(iot: IoTClient, ca_certificate_id: str) -> Iterator[str]:
    """ListCertificatesByCA: all but those in SNI_ONLY mode, which AWS IoT files under no CA."""
    pages = iot.get_paginator("list_certificates_by_ca").paginate(
        caCertificateId=ca_certificate_id, PaginationConfig=_PAGES
    )
    with mapping_errors(f"the certificates of CA {ca_certificate_id}"):
        for page in pages:
            yield from (entry["certificateId"] for entry in page["certificates"])


def list_policy_names(iot: IoTClient) -> Iterator[str]:
    """ListPolicies."""
    pages = iot.get_paginator("list_policies").paginate(PaginationConfig=_PAGES)
    with mapping_errors("the policies"):
        for page in pages:
            yield from (policy["policyName"] for policy in page["policies"])
