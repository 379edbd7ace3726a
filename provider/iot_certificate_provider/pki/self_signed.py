"""A CA from scratch: a certificate that certifies its own key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509

from iot_certificate_provider.pki.certificate import Certificate
from iot_certificate_provider.pki.certificate_signer import CLOCK_SKEW, hash_for_key
from iot_certificate_provider.pki.profiles import ca_profile, check_ca_profile

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from iot_certificate_provider.pki.private_key import CaPrivateKey


def self_signed_ca(key: CaPrivateKey, subject: x509.Name, now: datetime, validity: timedelta) -> Certificate:
    """Make a CA certificate of ``key``: one that issues for end entities only (path length 0).

    It is valid from a little before ``now`` (aware) for ``validity``, and checked against ``check_ca_profile``.
    """
    public_key = key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + validity)
    )
    for value, critical in ca_profile(public_key):
        builder = builder.add_extension(value, critical)
    certificate = Certificate.from_x509(builder.sign(key, hash_for_key(public_key)))
    check_ca_profile(certificate)
    return certificate
