"""``Custom::IotCertificateGeneration``: the greatest generation that was ever requested, kept in the physical id.

It stands between a parameter of the stack and the ``Generation`` of certificates. Tools that reset parameters which
they do not mention (CodePipeline, StackSets, update-stack) would rotate each certificate with every reset. A rotation
removes the certificate before it, which devices that were offline still have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.contract import CertificateGenerationAttribute
from iot_certificate_provider.physical_id import generation_id, generation_in
from iot_certificate_provider.properties.certificate_generation import CertificateGenerationProperties, is_later
from iot_certificate_provider.protocol.response import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.protocol.request import Request


class CertificateGenerationResource:
    """Remembers a generation; calls nothing of AWS IoT."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:  # noqa: ARG002 - as every resource
        self._stacks = aws.stacks

    def create(self, request: Request) -> Outcome:
        """Return the requested generation."""
        return _outcome(CertificateGenerationProperties.read(request.properties).requested)

    def update(self, request: Request) -> Outcome:
        """Return the greater of the present generation and the requested one; in a rollback the one from before."""
        requested = CertificateGenerationProperties.read(request.properties).requested
        present = generation_in(request.existing_id)
        if self._stacks.is_rolling_back(request.stack_id):
            before = self._stacks.id_before_update(request.stack_id, request.logical_id) or ""
            return _outcome(generation_in(before) or present or requested)
        if is_later(requested, present):
            return _outcome(requested)
        note = "" if requested == present else f"Generation {present} is kept: it never goes back to {requested}"
        return Outcome(request.existing_id, _outcome(present).attributes, note=note)

    def delete(self, request: Request) -> Outcome:
        """Do nothing: nothing is registered for a generation."""
        return Outcome(request.existing_id, note="Nothing to delete: a generation is only a value")


def _outcome(generation: str) -> Outcome:
    return Outcome(generation_id(generation), {CertificateGenerationAttribute.GENERATION: generation})
