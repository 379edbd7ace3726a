"""RegistrationConfig of AWS IoT's API: what the properties declare, and what the gateway sends and receives."""

from __future__ import annotations

from iot_certificate_provider.frozen import dataclass


@dataclass(frozen=True)
class RegistrationConfig:
    """The provisioning template of just-in-time provisioning, by name or as text, and its role."""

    template_name: str | None
    template_body: str | None
    role_arn: str | None
