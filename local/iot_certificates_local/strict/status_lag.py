"""A certificate that was just deactivated cannot be deleted yet.

API reference, DeleteCertificate: "A certificate cannot be deleted if it has a policy or IoT thing attached to it or if
its status is set to ACTIVE", CertificateStateException. CloudFormation's own handler of AWS::IoT::Certificate waits
three seconds between the deactivation and the deletion: what sees the old status refuses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificates_local.strict.messages import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_certificates_local.strict.messages import Answer, HandOn, Request


class StatusLag:
    """Remembers deactivations for ``seconds`` of the ``clock``."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._active_until: dict[tuple[tuple[str, str], str], float] = {}

    async def __call__(self, request: Request, hand_on: HandOn) -> Answer:
        """Refuse DeleteCertificate as long as the certificate still counts as ACTIVE."""
        if request.operation == "DeleteCertificate":
            self._check(request)
        if request.operation != "UpdateCertificate":
            return await hand_on(request)
        record = request.registry.certificate(request.path["certificateId"])
        was_active = record is not None and record["status"] == "ACTIVE"
        answer = await hand_on(request)
        record = request.registry.certificate(request.path["certificateId"])
        if was_active and answer.is_success and record is not None and record["status"] != "ACTIVE":
            self._active_until[_key(request)] = self._clock() + self._seconds
        return answer

    def _check(self, request: Request) -> None:
        if self._clock() < self._active_until.get(_key(request), float("-inf")):
            message = f"Certificate must be deactivated (not ACTIVE) before deletion. Id: {_key(request)[1]}"
            raise Refusal("CertificateStateException", message, 406)
        self._active_until.pop(_key(request), None)


def _key(request: Request) -> tuple[tuple[str, str], str]:
    return request.registry.place, request.path["certificateId"]
