"""Certificates, signing requests and keys: pure code that takes the time and the keys as arguments.

No AWS, no clock, no network. The CDK constructs use it too: synth refuses a bad PEM with the deployment's errors.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.pki.certificate import Certificate
from iot_certificate_provider.pki.fitness import (
    check_ca,
    check_issued_by,
    check_not_expired,
    check_registrable,
)
from iot_certificate_provider.pki.remote_private_key import remote_private_key
from iot_certificate_provider.pki.signing_request import SigningRequest

if TYPE_CHECKING:
    from iot_certificate_provider.pki.certificate_signer import (
        CertificateSigner,
        PrivateKeySigner,
        hash_for_key,
        verification_certificate,
    )
    from iot_certificate_provider.pki.private_key import generate_private_key, load_private_key, private_key_pem
    from iot_certificate_provider.pki.profiles import check_end_entity_profile
    from iot_certificate_provider.pki.self_signed import self_signed_ca

__all__ = [
    "Certificate",
    "CertificateSigner",
    "PrivateKeySigner",
    "SigningRequest",
    "UnusableError",
    "check_ca",
    "check_end_entity_profile",
    "check_issued_by",
    "check_not_expired",
    "check_registrable",
    "generate_private_key",
    "hash_for_key",
    "load_private_key",
    "private_key_pem",
    "remote_private_key",
    "self_signed_ca",
    "verification_certificate",
]

_OF_KEYS = {
    "certificate_signer": ("CertificateSigner", "PrivateKeySigner", "hash_for_key", "verification_certificate"),
    "private_key": ("generate_private_key", "load_private_key", "private_key_pem"),
    "profiles": ("check_end_entity_profile",),
    "self_signed": ("self_signed_ca",),
}


def __getattr__(name: str) -> Any:
    """Import what is about keys when it is first asked for (PEP 562): a device certificate is registered without."""
    for module, names in _OF_KEYS.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
