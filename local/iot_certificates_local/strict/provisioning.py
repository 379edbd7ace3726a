"""Just-in-time provisioning: MiniStack registers the certificate of an unknown device, and leaves its CA's template.

AWS IoT developer guide, "Just-in-time provisioning": "AWS IoT loads the template from the CA certificate and uses it to
call RegisterThing. The JITP workflow first registers a certificate with a status value of PENDING_ACTIVATION. When the
device provisioning flow is complete, the status of the certificate is changed to ACTIVE." MiniStack applies templates
to fleet provisioning; that code of its is used here, its checks of the role (with ``AUTH=true``) included.

AWS provisions while the device is on its way to its next try; here it is done when the first one ends.
"""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Register = Callable[..., Awaitable[bool]]

logger = logging.getLogger("iot_provisioning")

_PREFIX = "AWS::IoT::Certificate::"
_SUBJECT = {
    # Developer guide, "Just-in-time provisioning": the parameters that AWS IoT defines, besides the certificate's id.
    "Country": NameOID.COUNTRY_NAME,
    "Organization": NameOID.ORGANIZATION_NAME,
    "OrganizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "DistinguishedNameQualifier": NameOID.DN_QUALIFIER,
    "StateName": NameOID.STATE_OR_PROVINCE_NAME,
    "CommonName": NameOID.COMMON_NAME,
    "SerialNumber": NameOID.SERIAL_NUMBER,
}


class ProvisioningError(Exception):
    """A template does not fit the certificate. AWS logs it to CloudWatch; the certificate stays PENDING_ACTIVATION."""


def provision_just_in_time() -> None:
    """Let MiniStack, when it has registered a device's certificate just in time, apply the template of its CA."""
    iot = _ministack()
    iot._mtls_auto_register = _provisioning(iot._mtls_auto_register)  # noqa: SLF001


def _provisioning(register: Register) -> Register:
    async def register_and_provision(der: bytes, *connection: Any) -> bool:
        registered = await register(der, *connection)
        if registered:
            await _provision(der)
        return registered

    return register_and_provision


async def _provision(der: bytes) -> None:
    from ministack.core.responses import request_scope  # noqa: PLC0415 - reads its environment when imported

    iot = _ministack()
    ((account, region, certificate),) = iot._mtls_active_registrations(hashlib.sha256(der).hexdigest(), status=None)  # noqa: SLF001
    with request_scope(account, region):
        ca = iot._ca_certificates.get(certificate["caCertificateId"])  # noqa: SLF001
        configuration = ca.get("registrationConfig")
        if not configuration:
            return
        try:
            body, role = _template(iot, configuration)
            parameters = parameters_of(x509.load_der_x509_certificate(der), certificate["certificateId"])
            check_parameters(json.loads(body), parameters)
            plan = iot._provisioning_plan(_as_kept(body), parameters, certificate["certificateId"])  # noqa: SLF001
            await iot._apply_provisioning_plan(plan, certificate, role)  # noqa: SLF001
        except (ProvisioningError, ValueError, iot._ProvisioningRejected) as error:  # noqa: SLF001
            logger.warning("certificate %s is not provisioned: %s", certificate["certificateId"], error)


def _template(iot: Any, configuration: Mapping[str, str]) -> tuple[str, str]:
    """Return the body of the template and the ARN of the role: the CA's own, or those of the template it names."""
    name = configuration.get("templateName")
    if name is None:
        return configuration.get("templateBody", ""), configuration.get("roleArn", "")
    template = iot._provisioning_templates.get(name)  # noqa: SLF001
    if template is None or template.get("type") != "JITP" or not template.get("enabled"):
        # Developer guide, "Register CA using provisioning template name": the type of the template must be JITP.
        raise ProvisioningError(f"there is no template {name} of type JITP that is enabled")
    return iot._provisioning_template_body(template), template.get("provisioningRoleArn", "")  # noqa: SLF001


def parameters_of(certificate: x509.Certificate, certificate_id: str) -> dict[str, str]:
    """Return the parameters that a certificate has values for; of several values in its subject the first counts."""
    values = {f"{_PREFIX}Id": certificate_id}
    for name, oid in _SUBJECT.items():
        found = certificate.subject.get_attributes_for_oid(oid)
        if found:
            values[_PREFIX + name] = str(found[0].value)
    return values


def check_parameters(body: Mapping[str, Any], values: Mapping[str, str]) -> None:
    """Raise ProvisioningError for a parameter that is declared and has no value.

    Developer guide: "The certificate must contain values for all of the parameters in the template body."
    """
    for name, declared in body.get("Parameters", {}).items():
        if name not in values and "Default" not in declared:
            raise ProvisioningError(f"the certificate has no value for {name}")


def _as_kept(body: str) -> dict[str, Any]:
    """Return a template as MiniStack keeps one."""
    return {"templateName": "of the CA", "defaultVersionId": 1, "versions": {"1": {"templateBody": body}}}


def _ministack() -> Any:
    from ministack.services import iot  # noqa: PLC0415 - heavy, and MiniStack loads it when it needs it

    return iot
