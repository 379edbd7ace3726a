"""AWS Private CA for the embedded AWS, which has none: the tests' fake, served over HTTP.

Beyond what ``fakes.acm_pca`` does, it creates private CAs, takes their certificates, disables and deletes them. Each
rule names its source in the API reference.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import uuid
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

import issuing
from fakes.acm_pca import FakeAcmPca, PrivateCa
from fakes.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

# ruff: noqa: N802, N803 - operations and parameters have AWS's names

_TARGET = "ACMPrivateCA."
_BLOBS = ("Csr", "Certificate", "CertificateChain")
_SHORTEST_RESTORE_DAYS = 7


class LivingPrivateCas(FakeAcmPca):
    """Private CAs from their creation to their deletion."""

    def __init__(self, account: str, region: str) -> None:
        super().__init__()
        self._prefix = f"arn:aws:acm-pca:{region}:{account}:certificate-authority/"
        self._configurations: dict[str, dict[str, Any]] = {}

    def CreateCertificateAuthority(
        self,
        CertificateAuthorityConfiguration: dict[str, Any],
        CertificateAuthorityType: str,
        UsageMode: str = "GENERAL_PURPOSE",
        Tags: list[dict[str, str]] | None = None,
    ) -> dict[str, Any]:
        assert CertificateAuthorityType == "SUBORDINATE"
        arn = f"{self._prefix}{uuid.uuid4()}"
        name = CertificateAuthorityConfiguration["Subject"]["CommonName"]
        # Its self-signed certificate is never returned: it holds the key until a certificate is imported.
        unsigned = issuing.make_ca(name, key=issuing.key_of("p256", arn))
        self.cas[arn] = PrivateCa(unsigned, UsageMode, "PENDING_CERTIFICATE")
        self._configurations[arn] = CertificateAuthorityConfiguration
        return {"CertificateAuthorityArn": arn}

    def GetCertificateAuthorityCsr(self, CertificateAuthorityArn: str) -> dict[str, Any]:
        issuer = self._ca(CertificateAuthorityArn).issuer
        request = x509.CertificateSigningRequestBuilder().subject_name(issuer.certificate.subject)
        signed = request.sign(issuer.key, hashes.SHA256())
        return {"Csr": signed.public_bytes(Encoding.PEM).decode()}

    def ImportCertificateAuthorityCertificate(
        self, CertificateAuthorityArn: str, Certificate: bytes, CertificateChain: bytes = b""
    ) -> dict[str, Any]:
        # API reference: the certificate's key must be the CA's, and a subordinate CA needs its chain.
        ca, certificate = self._ca(CertificateAuthorityArn), x509.load_pem_x509_certificate(Certificate)
        if certificate.public_key() != ca.issuer.certificate.public_key() or not CertificateChain:
            raise Refusal("CertificateMismatchException", "The certificate does not match the CA")
        ca.issuer, ca.status = issuing.Issued(certificate, ca.issuer.key), "ACTIVE"
        return {}

    def ListCertificateAuthorities(self, **_paging: Any) -> dict[str, Any]:
        return {"CertificateAuthorities": [self._described(arn) for arn in self.cas]}

    def DescribeCertificateAuthority(self, CertificateAuthorityArn: str) -> dict[str, Any]:
        self._ca(CertificateAuthorityArn)
        return {"CertificateAuthority": self._described(CertificateAuthorityArn)}

    def UpdateCertificateAuthority(self, CertificateAuthorityArn: str, Status: str) -> dict[str, Any]:
        ca = self._ca(CertificateAuthorityArn)
        if ca.status not in {"ACTIVE", "DISABLED"}:
            raise Refusal("InvalidStateException", f"The CA is {ca.status}")
        ca.status = Status
        return {}

    def DeleteCertificateAuthority(
        self, CertificateAuthorityArn: str, PermanentDeletionTimeInDays: int = 30
    ) -> dict[str, Any]:
        # API reference: "You must disable your CA first", and 7 to 30 days; one without a certificate can be deleted.
        ca = self._ca(CertificateAuthorityArn)
        if ca.status not in {"DISABLED", "PENDING_CERTIFICATE"}:
            raise Refusal("InvalidStateException", f"The CA is {ca.status}")
        if PermanentDeletionTimeInDays < _SHORTEST_RESTORE_DAYS:
            raise Refusal("InvalidArgsException", "7 to 30 days")
        ca.status = "DELETED"
        return {}

    def _described(self, arn: str) -> dict[str, Any]:
        status, configuration = self.cas[arn].status, self._configurations[arn]
        return {"Arn": arn, "Status": status, "CertificateAuthorityConfiguration": configuration}


@contextlib.contextmanager
def served(account: str, region: str) -> Iterator[str]:
    """Serve them on this machine; give the endpoint's URL."""
    cas, lock = LivingPrivateCas(account, region), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            operation = self.headers["X-Amz-Target"].removeprefix(_TARGET)
            parameters = {name: base64.b64decode(each) if name in _BLOBS else each for name, each in body.items()}
            try:
                with lock:
                    status, answer = HTTPStatus.OK, getattr(cas, operation)(**parameters)
            except Refusal as refusal:
                status, answer = HTTPStatus(refusal.status), {"__type": refusal.code, "message": refusal.message}
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
