"""Makes the certificates of a fleet: a CA, and as many devices as are asked for, each file a device.

python examples/fleet/make_fleet.py factory --devices 1000

writes ``factory/certificates/thermostat-0001.pem`` and so on, ``factory/ca.pem``, and ``factory/keys``. A factory makes
a key for each device, on the device; here ten keys serve all of them, because making keys takes longest. Never do that.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

KEYS = 10
NOW = datetime.now(UTC)


def main() -> None:
    """Read the command line, and write the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--devices", type=int, default=1000)
    arguments = parser.parse_args()
    make_fleet(arguments.folder, arguments.devices)


def make_fleet(folder: Path, devices: int) -> None:
    """Write a CA, the certificates of so many devices, and their keys."""
    certificates, keys = folder / "certificates", folder / "keys"
    for each in (certificates, keys):
        each.mkdir(parents=True, exist_ok=True)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = _name("Thermostat CA")
    ca = _certificate(ca_name, ca_name, ca_key.public_key(), ca_key, is_ca=True)
    (folder / "ca.pem").write_bytes(ca.public_bytes(Encoding.PEM))
    device_keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(KEYS)]
    for number, key in enumerate(device_keys):
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (keys / f"{number}.key").write_bytes(pem)
    for number, key in zip(range(1, devices + 1), cycle(device_keys), strict=False):
        name = f"thermostat-{number:04}"
        certificate = _certificate(_name(name), ca_name, key.public_key(), ca_key)
        (certificates / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    is_ca: bool = False,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


if __name__ == "__main__":
    main()
