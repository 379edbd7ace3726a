"""The factory's certificates are such as AWS IoT registers, and its keys are nobody else's."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from iot_certificate_provider.pki import (
    Certificate,
    PrivateKeySigner,
    UnusableError,
    check_ca,
    check_issued_by,
    check_not_expired,
    check_registrable,
    load_private_key,
    verification_certificate,
)
from iot_certificates_local.authority import CertificateAuthority
from iot_certificates_local.factory import Factory

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path) -> Certificate:
    return Certificate.from_pem(path.read_text())


def test_certificates_are_fit_to_register(tmp_path: Path) -> None:
    factory = Factory(tmp_path)
    ca, device = read(factory.ca.certificate), read(factory.make_device("pump-1").certificate)
    now = datetime.now(UTC)
    check_ca(ca)
    check_registrable(device)
    check_issued_by(device, ca)
    for certificate in (ca, device):
        check_not_expired(certificate, now + timedelta(days=300))
        assert certificate.not_before < now
    with pytest.raises(UnusableError):
        check_ca(device)


def test_ca_may_sign_certificates_and_devices_may_not(tmp_path: Path) -> None:
    factory = Factory(tmp_path)
    usages = [
        read(file).parsed.extensions.get_extension_for_class(x509.KeyUsage).value
        for file in (factory.ca.certificate, factory.make_device("pump-1").certificate)
    ]
    assert [usage.key_cert_sign for usage in usages] == [True, False]


def test_cas_key_proves_its_possession(tmp_path: Path) -> None:
    factory = Factory(tmp_path)
    ca = read(factory.ca.certificate)
    signer = PrivateKeySigner(ca, load_private_key(factory.ca.key.read_text(), None))
    check_issued_by(verification_certificate(signer, "code", datetime.now(UTC)), ca)


def test_files_are_named_and_keys_are_private(tmp_path: Path) -> None:
    factory = Factory(tmp_path)
    credentials = factory.make_device("pump-1")
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "factory-ca.key",
        "factory-ca.pem",
        "pump-1.key",
        "pump-1.pem",
    ]
    for key in (factory.ca.key, credentials.key):
        assert key.stat().st_mode & 0o777 == 0o600
    private_key = load_pem_private_key(credentials.key.read_bytes(), None)
    assert private_key.public_key() == read(credentials.certificate).public_key


def test_renewing_replaces_the_files_with_another_certificate_and_key(tmp_path: Path) -> None:
    factory = Factory(tmp_path)
    first = factory.make_device("pump-1")
    before = first.key.read_text()
    second = factory.make_device("pump-1")
    assert second.certificate == first.certificate
    assert second.certificate_id != first.certificate_id
    assert read(second.certificate).id == second.certificate_id
    assert second.key.read_text() != before
    assert second.key.stat().st_mode & 0o777 == 0o600


def test_device_can_be_written_elsewhere(tmp_path: Path) -> None:
    factory = Factory(tmp_path / "factory")
    credentials = factory.make_device("pump-1", tmp_path / "field")
    assert credentials.certificate == tmp_path / "field" / "pump-1.pem"
    assert not list((tmp_path / "factory").glob("pump*"))


def test_server_certificate_passes_the_strictest_check(tmp_path: Path) -> None:
    authority = CertificateAuthority("Embedded AWS")
    server = authority.issue_server(["localhost", "127.0.0.1"])
    chain = tmp_path / "chain.pem"
    chain.write_text(server.certificate_pem + server.key_pem)
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Python 3.13 checks this strictly by default.
    trust.verify_flags |= ssl.VERIFY_X509_STRICT
    trust.load_verify_locations(cadata=authority.issued.certificate_pem)
    assert _handshake(trust, chain)


def _handshake(trust: ssl.SSLContext, chain: Path) -> bool:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        trust.wrap_bio(to_client, to_server, server_hostname="127.0.0.1"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    done: set[int] = set()
    for _ in range(10):
        for number, side in enumerate(sides):
            try:
                side.do_handshake()
                done.add(number)
            except ssl.SSLWantReadError:
                continue
    return len(done) == 2
