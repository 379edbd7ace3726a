"""Using a certificate that somebody else registered, and taking it over: what both kinds of certificate share.

The physical id of an adopted certificate's resource is ``<certificate id>/adopted``, followed by marks of what it
declares and somebody else had attached already. That alone makes Delete leave the certificate registered, and attached
to these: a Delete is told nothing else of what was there before. A resource goes from one id to the other when ADOPT is
left out of the template, and back when that update is rolled back; the Delete of the id that it does not have any more
then does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import CaCertificateProperty, ExistingCertificate
from iot_certificate_provider.errors import AlreadyExistsError, InvalidPropertyError
from iot_certificate_provider.physical_id import certificate_id_in, is_adopted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackGateway, StackResource
    from iot_certificate_provider.protocol.request import Request

_PROPERTY = CaCertificateProperty.EXISTING_CERTIFICATE


@dataclass(frozen=True)
class Difference:
    """A property that says another thing than what is registered; ``live`` and ``declared`` are short texts."""

    name: str
    live: str
    declared: str


class Adoption:
    """Decides which of its two ids a resource has, from what CloudFormation knows of it."""

    def __init__(self, stacks: StackGateway) -> None:
        self._stacks = stacks

    def held_id(self, request: Request, certificate_id: str) -> str | None:
        """Return the physical id under which the resource adopted the certificate, unless it gave that up since."""
        for row in self._stacks.rows(request.stack_id, request.logical_id):
            if row.settled and is_adopted(row.physical_id) and certificate_id_in(row.physical_id) == certificate_id:
                return None if row.status.startswith("DELETE_") else row.physical_id
        return None

    def physical_id(self, request: Request, existing: ExistingCertificate, certificate_id: str) -> str:
        """Return the id that an Update of a resource of this certificate answers with.

        Without ADOPT that is the plain one: the resource takes the certificate over, unless somebody else holds it. A
        certificate that is the resource's own stays so, except in a rollback to an adopted one.
        """
        adopted = is_adopted(request.existing_id)
        if existing is ExistingCertificate.FAIL:
            if adopted:
                self._check_nobody_holds(certificate_id)
            return certificate_id
        return request.existing_id if adopted else self.held_id(request, certificate_id) or certificate_id

    def _check_nobody_holds(self, certificate_id: str) -> None:
        for holder in self._stacks.holders(certificate_id):
            raise InvalidPropertyError(
                _PROPERTY,
                f"cannot be left out: {holder.name} holds the certificate",
                "Remove it there first, with RETAIN",
            )


def is_superseded(request: Request, current: StackResource | None) -> bool:
    """Whether the resource has the other of the certificate's two ids by now: a Delete of this one is to do nothing."""
    return (
        current is not None
        and current.physical_id != request.existing_id
        and certificate_id_in(current.physical_id) == certificate_id_in(request.existing_id)
    )


def check_adoptable(differences: Iterable[Difference]) -> None:
    """Raise InvalidPropertyError for the first difference: adopting changes nothing."""
    for difference in differences:
        raise InvalidPropertyError(
            difference.name,
            f"{difference.declared} is declared, and the registered certificate has {difference.live}",
            "Adopting changes nothing: declare what it has first, and change it with the next deployment",
        )


def registered_already(arn: str, certificate_id: str, status: str, created: datetime) -> AlreadyExistsError:
    """Return the error for a certificate that this resource did not make, with the ways out."""
    return AlreadyExistsError(
        f"Registered already by somebody else ({status}, {created:%Y-%m-%d}): {arn}. "
        f"Use it with {_PROPERTY} {ExistingCertificate.ADOPT}, or delete it first",
        certificate_id,
        arn,
    )
