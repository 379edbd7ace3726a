"""Clients that AWS IoT's MQTT broker accepts: MiniStack serves clients without a certificate, and explains refusals.

AWS IoT developer guide, "Client authentication", X.509 client certificates: a device on port 8883 presents its own
certificate while the TLS connection is made. Troubleshooting and MiniStack's measurements: for a certificate that is
not ACTIVE the connection ends without a CONNACK, whatever the reason; the reason is in the log.

AWS IoT knows a registered certificate by itself ("AWS IoT Core custom client certificates": a CA need not even be
registered); a CA counts where it registers devices just in time. MiniStack's TLS takes any CA that was ever registered
for the issuer of a certificate that names it, also a stranger of the same name, and then refuses the device.
"""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING, Any

from iot_certificates_local.strict.registry import MiniStackRegistry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

logger = logging.getLogger("iot_mqtt")


def admit_as_aws_does() -> None:
    """Let MiniStack's broker ask for client certificates, refuse without an answer, and see every attached policy."""
    iot = _ministack()
    iot._mtls_build_ssl_context = _asking(iot._mtls_build_ssl_context)  # noqa: SLF001 - it has no setting for it
    iot._mtls_logger.setLevel(logging.DEBUG)  # noqa: SLF001 - why a handshake failed
    iot._mtls_trust_anchors = _known_now  # noqa: SLF001
    iot._mtls_context = _forgetting(iot._mtls_context)  # noqa: SLF001
    iot._mtls_refuse = _silently  # noqa: SLF001
    iot._mqtt_policy_allows = _with_attached_policies(iot._mqtt_policy_allows)  # noqa: SLF001


def _asking(build: Callable[[], ssl.SSLContext]) -> Callable[[], ssl.SSLContext]:
    def build_asking() -> ssl.SSLContext:
        context = build()
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    return build_asking


def _known_now() -> list[tuple[str, str]]:
    """Return id and PEM of what a device's certificate may be, or be issued by, at this moment."""
    iot = _ministack()
    devices = list(iot._certificates._data.values())  # noqa: SLF001
    cas = [
        record
        for (account, region, ca_id), record in list(iot._ca_certificates._data.items())  # noqa: SLF001
        if iot._mtls_auto_registering_ca(account, region, ca_id, "localhost")  # noqa: SLF001
    ]
    return [(record["certificateId"], record["certificatePem"]) for record in (*devices, *cas)]


def _forgetting(
    build: Callable[[], Awaitable[ssl.SSLContext | None]],
) -> Callable[[], Awaitable[ssl.SSLContext | None]]:
    """Return what makes the broker's TLS context, anew once it trusts what is no longer known."""

    async def build_without_what_went() -> ssl.SSLContext | None:
        iot = _ministack()
        if iot._mtls_loaded_anchors - {known for known, _ in _known_now()}:  # noqa: SLF001
            iot._mtls_ssl_context = None  # noqa: SLF001
        return await build()

    return build_without_what_went


async def _silently(_: object, certificate_id: str, __: int | None) -> None:
    """Log why; MiniStack closes the connection afterwards."""
    reason = _ministack()._mtls_refusal_reason(certificate_id)  # noqa: SLF001
    logger.warning("the device with certificate %s is refused: %s", certificate_id, reason)


def _with_attached_policies(allows: Callable[..., bool]) -> Callable[..., bool]:
    """Return the evaluation for policies as they are attached now, by whichever way.

    MiniStack reads a list of the certificate's, in which those of an AWS::IoT::PolicyPrincipalAttachment are missing.
    """

    def allows_attached(account: str, region: str, certificate_id: str, *request: Any, **more: Any) -> bool:
        registry = MiniStackRegistry(account, region)
        record = registry.certificate(certificate_id)
        if record is not None:
            record["attachedPolicies"] = registry.policies_of(record["certificateArn"])
        return allows(account, region, certificate_id, *request, **more)

    return allows_attached


def _ministack() -> Any:
    from ministack.services import iot  # noqa: PLC0415 - heavy, and MiniStack loads it when it needs it

    return iot
