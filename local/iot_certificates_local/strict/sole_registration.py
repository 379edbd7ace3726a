"""In DEFAULT mode one account in a Region can have a CA certificate.

Developer guide, "Manage your CA certificates": a CA certificate in DEFAULT mode can be registered by only one account
in an AWS Region; SNI_ONLY lets several accounts of the Region register one. What the second account is answered is not
documented. ResourceAlreadyExistsException is assumed, the worst for who asks, because a Describe in that account finds
nothing; and that a certificate in SNI_ONLY mode elsewhere prevents nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificates_local.strict.certificates import parsed
from iot_certificates_local.strict.messages import Refusal

if TYPE_CHECKING:
    from iot_certificates_local.strict.messages import Answer, HandOn, Request

_SNI_ONLY = "SNI_ONLY"


async def one_account_of_the_region(request: Request, hand_on: HandOn) -> Answer:
    """Refuse a CA certificate in DEFAULT mode that another account of the Region has in DEFAULT mode."""
    if request.operation == "RegisterCACertificate" and request.members.get("certificateMode") != _SNI_ONLY:
        certificate = parsed(request.text("caCertificate"))
        if certificate is not None:
            _check(request, certificate.id)
    return await hand_on(request)


def _check(request: Request, ca_id: str) -> None:
    account, region = request.registry.place
    for owner, record in request.registry.ca_certificates_of_all_accounts():
        is_it = (record["certificateId"], record.get("certificateMode") != _SNI_ONLY) == (ca_id, True)
        if is_it and owner != account:
            arn = f"arn:aws:iot:{region}:{account}:cacert/{ca_id}"
            message = "The CA certificate is already registered in DEFAULT mode."
            raise Refusal(
                "ResourceAlreadyExistsException", message, 409, members={"resourceId": ca_id, "resourceArn": arn}
            )
