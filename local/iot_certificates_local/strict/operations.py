"""The operations of AWS IoT that the rules know: how a request says which one it is, and how often it may be called.

Methods and paths are the API reference's request syntax. The rates are the transactions a second of "AWS IoT Core
endpoints and quotas", for each account and Region; an operation without one is not throttled here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Operation:
    """``path``: as botocore writes it, save that ``+`` marks a parameter that takes in slashes (an ARN, decoded)."""

    name: str
    method: str
    path: str
    rate: float | None = None

    @property
    def changes(self) -> bool:
        """Whether it changes anything."""
        return not self.name.startswith(("List", "Describe", "Get"))


OPERATIONS = (
    Operation("GetRegistrationCode", "GET", "/registrationcode", 10),
    Operation("DeleteRegistrationCode", "DELETE", "/registrationcode", 10),
    Operation("RegisterCACertificate", "POST", "/cacertificate", 10),
    Operation("DescribeCACertificate", "GET", "/cacertificate/{caCertificateId}", 10),
    Operation("UpdateCACertificate", "PUT", "/cacertificate/{caCertificateId}", 10),
    Operation("DeleteCACertificate", "DELETE", "/cacertificate/{caCertificateId}", 10),
    Operation("ListCACertificates", "GET", "/cacertificates", 10),
    Operation("RegisterCertificate", "POST", "/certificate/register", 10),
    Operation("RegisterCertificateWithoutCA", "POST", "/certificate/register-no-ca", 10),
    Operation("DescribeCertificate", "GET", "/certificates/{certificateId}", 10),
    Operation("UpdateCertificate", "PUT", "/certificates/{certificateId}", 10),
    Operation("DeleteCertificate", "DELETE", "/certificates/{certificateId}", 10),
    Operation("ListCertificates", "GET", "/certificates", 10),
    Operation("ListCertificatesByCA", "GET", "/certificates-by-ca/{caCertificateId}", 10),
    Operation("TransferCertificate", "PATCH", "/transfer-certificate/{certificateId}", 10),
    Operation("AcceptCertificateTransfer", "PATCH", "/accept-certificate-transfer/{certificateId}", 10),
    Operation("RejectCertificateTransfer", "PATCH", "/reject-certificate-transfer/{certificateId}", 10),
    Operation("CancelCertificateTransfer", "PATCH", "/cancel-certificate-transfer/{certificateId}", 10),
    Operation("ListOutgoingCertificates", "GET", "/certificates-out-going", 10),
    Operation("CreateCertificateFromCsr", "POST", "/certificates", 15),
    Operation("AttachPolicy", "PUT", "/target-policies/{policyName}", 15),
    Operation("DetachPolicy", "POST", "/target-policies/{policyName}", 15),
    Operation("ListAttachedPolicies", "POST", "/attached-policies/{target+}", 15),
    Operation("ListTargetsForPolicy", "POST", "/policy-targets/{policyName}"),
    Operation("ListPolicies", "GET", "/policies"),
    Operation("DeletePolicy", "DELETE", "/policies/{policyName}"),
    Operation("ListThings", "GET", "/things"),
    Operation("DeleteThing", "DELETE", "/things/{thingName}"),
    Operation("ListPrincipalThings", "GET", "/principals/things", 10),
    Operation("ListThingPrincipals", "GET", "/things/{thingName}/principals", 10),
    Operation("ListPrincipalThingsV2", "GET", "/principals/things-v2", 10),
    Operation("ListThingPrincipalsV2", "GET", "/things/{thingName}/principals-v2", 10),
    Operation("AttachThingPrincipal", "PUT", "/things/{thingName}/principals", 100),
    Operation("DetachThingPrincipal", "DELETE", "/things/{thingName}/principals", 100),
    Operation("ListTagsForResource", "GET", "/tags", 10),
    Operation("TagResource", "POST", "/tags", 10),
    Operation("UntagResource", "POST", "/untag", 10),
)


def operation_of(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """Return the operation and the parameters in the path, which is decoded; None for one that no rule knows."""
    for operation, pattern in _ROUTES:
        match = pattern.fullmatch(path) if operation.method == method else None
        if match is not None:
            return operation, match.groupdict()
    return None


def _pattern(path: str) -> re.Pattern[str]:
    whole = re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", path)
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", whole))


_ROUTES = tuple((operation, _pattern(operation.path)) for operation in OPERATIONS)
