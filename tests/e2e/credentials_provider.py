"""A double of AWS IoT's credentials provider: the embedded AWS has no role aliases.

Developer guide, "Authorizing direct calls to AWS services using AWS IoT Core credential provider": a device asks
``GET /role-aliases/<alias>/credentials`` over mutual TLS, and gets temporary credentials of the alias's role if its
certificate is registered and ACTIVE, and a policy of the certificate allows iot:AssumeRoleWithCertificate on the
alias. What is refused, is refused with 403. The credentials are those of the embedded AWS's STS.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import ssl
import threading
from typing import TYPE_CHECKING, Any

from iot_certificates_local.authority import CertificateAuthority
from iot_certificates_local.factory import write_secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import boto3

ALIAS = "read-own-secret"


class CredentialsProviderDouble:
    """Serves one role alias on ``localhost``; ``root_ca``: what its own certificate chains to."""

    def __init__(self, session: boto3.Session, role_arn: str, device_ca: Path, folder: Path) -> None:
        self._session = session
        self._role_arn = role_arn
        authority = CertificateAuthority("Credentials provider double")
        server = authority.issue_server(["localhost"])
        self.root_ca = authority.issued.certificate_pem
        chain, key = folder / "double.pem", folder / "double.key"
        chain.write_text(server.certificate_pem)
        write_secret(key, server.key_pem)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(chain, key)
        self._tls.verify_mode = ssl.CERT_REQUIRED
        self._tls.load_verify_locations(device_ca)

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        """Serve for as long as the block lasts; give the address, as CREDENTIALS_ENDPOINT has it."""
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler()) as server:
            server.socket = self._tls.wrap_socket(server.socket, server_side=True)
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f"localhost:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()

    def answer(self, path: str, der: bytes) -> tuple[int, dict[str, Any]]:
        """Return the status and the document for a request with a certificate."""
        if path != f"/role-aliases/{ALIAS}/credentials" or not self._is_allowed(hashlib.sha256(der).hexdigest()):
            return 403, {"message": "Access Denied"}
        sts = self._session.client("sts")
        given = sts.assume_role(RoleArn=self._role_arn, RoleSessionName="device")["Credentials"]
        return 200, {
            "credentials": {
                "accessKeyId": given["AccessKeyId"],
                "secretAccessKey": given["SecretAccessKey"],
                "sessionToken": given["SessionToken"],
                "expiration": given["Expiration"].isoformat(),
            }
        }

    def _is_allowed(self, certificate_id: str) -> bool:
        iot = self._session.client("iot")
        try:
            found = iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]
        except iot.exceptions.ResourceNotFoundException:
            return False
        policies = iot.list_attached_policies(target=found["certificateArn"])["policies"]
        documents = [iot.get_policy(policyName=each["policyName"])["policyDocument"] for each in policies]
        statements = [statement for each in documents for statement in json.loads(each)["Statement"]]
        allowed = any(
            "iot:AssumeRoleWithCertificate" in statement["Action"] and f"rolealias/{ALIAS}" in statement["Resource"]
            for statement in statements
        )
        return found["status"] == "ACTIVE" and allowed

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        double = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                connection: Any = self.connection
                status, document = double.answer(self.path, connection.getpeercert(binary_form=True))
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
