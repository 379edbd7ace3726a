"""AWS IoT's certificates in memory, with the rules that AWS enforces.

Each rule names its source: the operation's page in the API reference, or the developer guide where that is said.
Methods are operations, with the SDK's parameter names.
"""

from __future__ import annotations

import base64
import hashlib
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from fakes.lag import Lag
from fakes.refusal import Refusal
from fakes.transfers import Transfer, Transfers
from iot_certificate_provider.pki import Certificate, SigningRequest, UnusableError

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT = "123456789012"
REGION = "eu-west-1"
PAGE = 2
"""Small, so that whoever forgets the second page is found out; AWS's default is 25."""
EXCLUSIVE = "EXCLUSIVE_THING"

# ruff: noqa: N802, N803 - operations and parameters have AWS's names


@dataclass
class CaRecord:
    id: str
    pem: str
    status: str
    auto_registration: str
    mode: str
    config: dict[str, str] | None
    tags: dict[str, str]
    created: datetime
    account: str = ACCOUNT

    @property
    def arn(self) -> str:
        return f"arn:aws:iot:{REGION}:{self.account}:cacert/{self.id}"

    @property
    def parsed(self) -> x509.Certificate:
        return _parsed(self.pem)

    @property
    def certificate(self) -> Certificate:
        return Certificate.from_pem(self.pem)


@dataclass
class CertificateRecord:
    id: str
    pem: str
    status: str
    mode: str
    ca_id: str | None
    created: datetime
    account: str = ACCOUNT
    modified: datetime | None = None
    previous_owner: str | None = None
    transfer: Transfer | None = None
    """Its last one: on its way, or over."""

    @property
    def arn(self) -> str:
        return f"arn:aws:iot:{REGION}:{self.account}:cert/{self.id}"


@dataclass
class FakeIot(Transfers):
    """One account and Region. The dictionaries are the state; tests look at them, and change them "from outside"."""

    account: str = ACCOUNT
    neighbours: dict[str, FakeIot] = field(default_factory=dict)
    """The other accounts that there are, by their ids."""

    registration_code: str = "c0de" * 16
    has_registration_code: bool = True
    cas: dict[str, CaRecord] = field(default_factory=dict)
    certificates: dict[str, CertificateRecord] = field(default_factory=dict)
    policies: dict[str, set[str]] = field(default_factory=dict)
    things: dict[str, set[str]] = field(default_factory=dict)
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of things."""
    exclusive: set[tuple[str, str]] = field(default_factory=set)
    """Things and principals that are attached as EXCLUSIVE_THING."""
    slow_detach: int = 0
    """How many looks a detached policy still shows its target: "a detach can take minutes to be seen"."""
    lag: Lag = field(default_factory=Lag)
    """What AWS does in time: things show detached certificates, deactivated ones count as ACTIVE, roles are new."""
    page: int = PAGE
    """Certificates in a page of ListCertificatesByCA."""
    answer_wrong_ids: bool = False
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Dates what is created."""
    _shadows: dict[tuple[str, str], int] = field(default_factory=dict)
    _detached: set[tuple[str, str]] = field(default_factory=set)

    # Registration code

    def GetRegistrationCode(self) -> dict[str, Any]:
        self.has_registration_code = True
        return {"registrationCode": self.registration_code}

    def DeleteRegistrationCode(self) -> dict[str, Any]:
        # API reference: ResourceNotFoundException is one of its errors; the next GetRegistrationCode makes another.
        if not self.has_registration_code:
            raise Refusal("ResourceNotFoundException", "There is no registration code.", 404)
        self.has_registration_code = False
        self.registration_code = hashlib.sha256(self.registration_code.encode()).hexdigest()
        return {}

    # CA certificates

    def RegisterCACertificate(
        self,
        caCertificate: str,
        verificationCertificate: str | None = None,
        setAsActive: bool = False,
        allowAutoRegistration: bool = False,
        registrationConfig: dict[str, str] | None = None,
        tags: list[dict[str, str]] | None = None,
        certificateMode: str = "DEFAULT",
    ) -> dict[str, Any]:
        parsed = _certificate(caCertificate, self.now)
        _refuse_unless_ca(parsed)
        self._refuse_new_role(registrationConfig)
        self._check_proof(parsed, verificationCertificate, certificateMode)
        ca_id = _id(caCertificate)
        record = CaRecord(
            ca_id,
            caCertificate,
            "ACTIVE" if setAsActive else "INACTIVE",
            "ENABLE" if allowAutoRegistration else "DISABLE",
            certificateMode,
            registrationConfig,
            {tag["Key"]: tag["Value"] for tag in tags or []},
            self.clock(),
            self.account,
        )
        if ca_id in self.cas or (certificateMode == "DEFAULT" and self._is_elsewhere(ca_id)):
            raise _exists(record.id, record.arn)
        self.cas[ca_id] = record
        return self._registered(record.id, record.arn)

    def _is_elsewhere(self, ca_id: str) -> bool:
        # Developer guide, "Manage your CA certificates": in DEFAULT mode one account in a Region can have it. That the
        # second one is answered "already exists" is assumed.
        found = [account.cas[ca_id] for account in self.neighbours.values() if ca_id in account.cas]
        return any(ca.mode == "DEFAULT" for ca in found)

    def _refuse_new_role(self, config: dict[str, str] | None) -> None:
        # A role that cannot be assumed yet is an InvalidRequestException: Terraform's aws_iot_ca_certificate
        # retries it for two minutes.
        role = (config or {}).get("roleArn")
        if role is not None:
            self.lag.begin_once(("role", role), self.clock())
            if self.lag.hides(("role", role), self.clock()):
                raise Refusal(
                    "InvalidRequestException",
                    "The role included in the RegistrationConfig does not exist or cannot be assumed by AWS IoT",
                )

    def _check_proof(self, ca: Certificate, verification: str | None, mode: str) -> None:
        # API reference, RegisterCACertificate: "certificateMode" says when the verification certificate is needed.
        if mode == "SNI_ONLY":
            if verification is not None:
                raise Refusal("InvalidRequestException", "SNI_ONLY takes no verification certificate")
            return
        if verification is None:
            raise Refusal("InvalidRequestException", "DEFAULT mode needs a verification certificate")
        proof = _certificate(verification, self.now)
        _refuse_unless_issued_by(proof, ca)
        if proof.subject_name.values(NameOID.COMMON_NAME) != (self.registration_code,):
            # API reference, RegisterCACertificate: RegistrationCodeValidationException.
            raise Refusal("RegistrationCodeValidationException", "The registration code is invalid.")

    def DescribeCACertificate(self, certificateId: str) -> dict[str, Any]:
        ca = self._ca(certificateId)
        description = {
            "certificateArn": ca.arn,
            "certificateId": ca.id,
            "status": ca.status,
            "autoRegistrationStatus": ca.auto_registration,
            "certificateMode": ca.mode,
            "certificatePem": ca.pem,
            "creationDate": ca.created.replace(microsecond=0),
        }
        return {"certificateDescription": description, "registrationConfig": ca.config or {}}

    def UpdateCACertificate(
        self,
        certificateId: str,
        newStatus: str | None = None,
        newAutoRegistrationStatus: str | None = None,
        registrationConfig: dict[str, str] | None = None,
        removeAutoRegistration: bool = False,
    ) -> dict[str, Any]:
        ca = self._ca(certificateId)
        self._refuse_new_role(registrationConfig)
        ca.status = newStatus or ca.status
        ca.auto_registration = newAutoRegistrationStatus or ca.auto_registration
        ca.config = registrationConfig or ca.config
        if removeAutoRegistration:
            # API reference, UpdateCACertificate: "If true, removes auto registration", and with it its configuration.
            ca.auto_registration, ca.config = "DISABLE", None
        return {}

    def DeleteCACertificate(self, certificateId: str) -> dict[str, Any]:
        if self._ca(certificateId).status == "ACTIVE":
            # API reference, DeleteCACertificate: it must not be ACTIVE. Its device certificates stay.
            raise Refusal("CertificateStateException", "CA certificate must be deactivated before deletion", 406)
        del self.cas[certificateId]
        return {}

    def ListCACertificates(
        self, pageSize: int = PAGE, marker: str | None = None, ascendingOrder: bool = True
    ) -> dict[str, Any]:
        cas = sorted(self.cas.values(), key=lambda ca: ca.created)
        # Creation dates may have whole seconds only.
        entries = [
            {
                "certificateArn": ca.arn,
                "certificateId": ca.id,
                "status": ca.status,
                "creationDate": ca.created.replace(microsecond=0),
            }
            for ca in cas
        ]
        return _page("certificates", entries if ascendingOrder else entries[::-1], marker, "nextMarker")

    def TagResource(self, resourceArn: str, tags: list[dict[str, str]]) -> dict[str, Any]:
        self._tagged(resourceArn).update({tag["Key"]: tag["Value"] for tag in tags})
        return {}

    def ListTagsForResource(self, resourceArn: str, nextToken: str | None = None) -> dict[str, Any]:
        tags = [{"Key": key, "Value": value} for key, value in self._tagged(resourceArn).items()]
        return _page("tags", tags, nextToken, "nextToken")

    def UntagResource(self, resourceArn: str, tagKeys: list[str]) -> dict[str, Any]:
        for key in tagKeys:
            self._tagged(resourceArn).pop(key, None)
        return {}

    # Device certificates

    def RegisterCertificate(
        self, certificatePem: str, caCertificatePem: str | None = None, status: str = "INACTIVE"
    ) -> dict[str, Any]:
        parsed = _certificate(certificatePem, self.now)
        ca = self._issuer(parsed, caCertificatePem)
        if ca.status != "ACTIVE":
            # API reference, RegisterCertificate: CertificateStateException; the CA has to be ACTIVE.
            raise Refusal("CertificateStateException", "The CA certificate is not active", 406)
        return self._add(certificatePem, status, ca.mode, ca.id)

    def _issuer(self, parsed: Certificate, ca_pem: str | None) -> CaRecord:
        candidates = [ca for ca in self.cas.values() if ca.certificate.subject_name.matches(parsed.issuer_name)]
        if ca_pem is not None:
            candidates = [ca for ca in candidates if ca.id == _id(ca_pem)]
        elif len(candidates) > 1:
            # API reference, RegisterCertificate: CertificateConflictException when several CAs have the subject.
            raise Refusal("CertificateConflictException", "Several CA certificates have the subject; name one", 409)
        if not candidates:
            raise Refusal("CertificateStateException", "No CA certificate exists for the given certificate", 406)
        _refuse_unless_issued_by(parsed, candidates[0].certificate)
        return candidates[0]

    def RegisterCertificateWithoutCA(self, certificatePem: str, status: str = "INACTIVE") -> dict[str, Any]:
        _certificate(certificatePem, self.now)
        return self._add(certificatePem, status, "SNI_ONLY", None)

    def CreateCertificateFromCsr(self, certificateSigningRequest: str, setAsActive: bool = False) -> dict[str, Any]:
        # API reference: "Reusing the same certificate signing request results in a distinct certificate."
        pem = _issue_like_aws(certificateSigningRequest, self.now)
        answer = self._add(pem, "ACTIVE" if setAsActive else "INACTIVE", "DEFAULT", None)
        return {**answer, "certificatePem": pem}

    def DescribeCertificate(self, certificateId: str) -> dict[str, Any]:
        found = self._certificate_or_incoming(certificateId)
        description = {
            **_entry(found, self.account),
            "certificatePem": found.pem,
            "certificateMode": found.mode,
            "ownedBy": found.account,
            "lastModifiedDate": found.modified or found.created,
        }
        more = {"previousOwnedBy": found.previous_owner, "transferData": found.transfer and found.transfer.data}
        description |= {name: value for name, value in more.items() if value}
        return {"certificateDescription": description}

    def UpdateCertificate(self, certificateId: str, newStatus: str) -> dict[str, Any]:
        found = self._certificate(certificateId)
        self._refuse_on_its_way(found)
        if newStatus in ("PENDING_TRANSFER", "PENDING_ACTIVATION"):
            # API reference, UpdateCertificate, newStatus: these two "will result in an exception being thrown".
            raise Refusal("InvalidRequestException", f"{newStatus} cannot be set")
        if found.status == "REVOKED" and newStatus != "REVOKED":
            # Developer guide, "Revoke a client certificate": it cannot be reactivated.
            raise Refusal("CertificateStateException", "The certificate is revoked", 406)
        if found.status == "ACTIVE" and newStatus != "ACTIVE":
            self.lag.begin(("status", certificateId), self.clock())
        found.status, found.modified = newStatus, self.clock()
        return {}

    def DeleteCertificate(self, certificateId: str, forceDelete: bool = False) -> dict[str, Any]:
        found = self._certificate(certificateId)
        self._refuse_on_its_way(found)
        if found.status == "ACTIVE" or self.lag.hides(("status", certificateId), self.clock()):
            raise Refusal("CertificateStateException", "Certificate must be deactivated before deletion", 406)
        if any(found.arn in principals for principals in self.things.values()):
            raise Refusal("DeleteConflictException", "Things must be detached before deletion", 409)
        if not forceDelete and self._policies_of(found.arn):
            raise Refusal("DeleteConflictException", "Certificate policies must be detached before deletion", 409)
        del self.certificates[certificateId]
        return {}

    def ListCertificatesByCA(
        self, caCertificateId: str, pageSize: int = PAGE, marker: str | None = None
    ) -> dict[str, Any]:
        # API reference: a CA that is not registered is no error, the list is empty.
        entries = [_entry(c) for c in self.certificates.values() if c.ca_id == caCertificateId]
        return _page("certificates", entries, marker, "nextMarker", self.page)

    def ListCertificates(
        self, pageSize: int = PAGE, marker: str | None = None, ascendingOrder: bool = True
    ) -> dict[str, Any]:
        # API reference, AcceptCertificateTransfer: ListCertificates shows the transfers that are pending.
        certificates = [*self.certificates.values(), *self._incoming().values()]
        entries = [_entry(c, self.account) for c in sorted(certificates, key=lambda c: c.created)]
        return _page("certificates", entries if ascendingOrder else entries[::-1], marker, "nextMarker")

    # Policies and things

    def CreatePolicy(self, policyName: str, policyDocument: str) -> dict[str, Any]:
        self.policies[policyName] = set()
        return {}

    def CreateThing(self, thingName: str, attributePayload: dict[str, Any] | None = None) -> dict[str, Any]:
        attributes = (attributePayload or {}).get("attributes", {})
        if thingName in self.things and self.attributes.get(thingName, {}) != attributes:
            # API reference, CreateThing: "with the same thing name but different configuration a
            # ResourceAlreadyExistsException is thrown"; the same again succeeds.
            raise _exists(thingName, f"arn:aws:iot:{REGION}:{self.account}:thing/{thingName}")
        self.things.setdefault(thingName, set())
        self.attributes[thingName] = dict(attributes)
        return {}

    def DescribeThing(self, thingName: str) -> dict[str, Any]:
        self._thing(thingName)
        return {"thingName": thingName, "attributes": dict(self.attributes.get(thingName, {}))}

    def UpdateThing(self, thingName: str, attributePayload: dict[str, Any]) -> dict[str, Any]:
        self._thing(thingName)
        kept = self.attributes.get(thingName, {}) if attributePayload.get("merge") else {}
        self.attributes[thingName] = {**kept, **attributePayload.get("attributes", {})}
        return {}

    def AttachPolicy(self, policyName: str, target: str) -> dict[str, Any]:
        self._policy(policyName)
        self._certificate(target.rpartition("/")[2])
        if len(self._policies_of(target) | {policyName}) > 10:
            # AWS IoT Core quotas: at most 10 policies a certificate.
            raise Refusal("LimitExceededException", "The maximum number of policies is attached", 410)
        self.policies[policyName].add(target)
        return {}

    def DetachPolicy(self, policyName: str, target: str) -> dict[str, Any]:
        targets = self.policies.get(policyName, set())
        if target in targets and self.slow_detach:
            self._shadows[policyName, target] = self.slow_detach
        targets.discard(target)
        return {}

    def ListAttachedPolicies(
        self, target: str, pageSize: int = PAGE, marker: str | None = None, recursive: bool = False
    ) -> dict[str, Any]:
        self._certificate(target.rpartition("/")[2])
        entries = [
            {"policyName": name, "policyArn": f"arn:policy/{name}"} for name in sorted(self._policies_of(target))
        ]
        return _page("policies", entries, marker, "nextMarker")

    def ListTargetsForPolicy(self, policyName: str, pageSize: int = PAGE, marker: str | None = None) -> dict[str, Any]:
        targets = set(self._policy(policyName))
        for (name, target), looks in list(self._shadows.items()):
            if name == policyName and looks > 0:
                targets.add(target)
                self._shadows[name, target] = looks - 1
        return _page("targets", sorted(targets), marker, "nextMarker")

    def AttachThingPrincipal(
        self, thingName: str, principal: str, thingPrincipalType: str = "NON_EXCLUSIVE_THING"
    ) -> dict[str, Any]:
        self._certificate(principal.rpartition("/")[2])
        self._thing(thingName)
        self._refuse_beside_exclusive(thingName, principal, thingPrincipalType)
        self._thing(thingName).add(principal)
        if thingPrincipalType == EXCLUSIVE:
            self.exclusive.add((thingName, principal))
        self.lag.forget(("thing", thingName, principal))
        self._detached.discard((thingName, principal))
        return {}

    def DetachThingPrincipal(self, thingName: str, principal: str) -> dict[str, Any]:
        # API reference, DetachThingPrincipal: "This call is asynchronous. It might take several seconds …"
        if principal in self._thing(thingName):
            self.lag.begin(("thing", thingName, principal), self.clock())
            self._detached.add((thingName, principal))
        self._thing(thingName).discard(principal)
        return {}

    def _refuse_beside_exclusive(self, thing: str, principal: str, kind: str) -> None:
        # Developer guide, "Associating an AWS IoT thing to an MQTT client connection": "When a certificate is
        # associated with an exclusive thing, this certificate can only be associated with other things if you detach it
        # from the exclusive thing." By which error is not documented, nor whether an attachment's type can be changed.
        things = self.things.items()
        shown = {name for name, principals in things if principal in principals | self._still_shown(name)}
        self.exclusive = {each for each in self.exclusive if each[1] != principal or each[0] in shown}
        types = {name: EXCLUSIVE if (name, principal) in self.exclusive else "NON_EXCLUSIVE_THING" for name in shown}
        others = [types[name] for name in shown - {thing}]
        if types.get(thing, kind) != kind or (others and EXCLUSIVE in (kind, *others)):
            raise Refusal("InvalidRequestException", "The principal is attached to a thing exclusively, or to be")

    def ListPrincipalThings(
        self, principal: str, maxResults: int = PAGE, nextToken: str | None = None
    ) -> dict[str, Any]:
        self._certificate(principal.rpartition("/")[2])
        names = sorted(name for name, principals in self.things.items() if principal in principals)
        return _page("things", names, nextToken, "nextToken")

    def ListThingPrincipals(
        self, thingName: str, maxResults: int = PAGE, nextToken: str | None = None
    ) -> dict[str, Any]:
        shown = self._thing(thingName) | self._still_shown(thingName)
        return _page("principals", sorted(shown), nextToken, "nextToken", self.page)

    def _still_shown(self, thing: str) -> set[str]:
        now = self.clock()
        return {who for name, who in self._detached if name == thing and self.lag.hides(("thing", name, who), now)}

    def DeleteThing(self, thingName: str) -> dict[str, Any]:
        if self.things.get(thingName) or self._still_shown(thingName):
            # API reference, DeleteThing: detach all principals first.
            raise Refusal("InvalidRequestException", "Cannot delete: thing is still attached to one or more principals")
        self.things.pop(thingName, None)
        self.attributes.pop(thingName, None)
        return {}

    # What tests do from outside

    def bring_in_just_in_time(self, pem: str, ca_id: str) -> CertificateRecord:
        """Register as a device does that connects with an unknown certificate of a CA with auto-registration."""
        ca = self.cas[ca_id]
        assert ca.status == "ACTIVE"
        assert ca.auto_registration == "ENABLE"
        self._add(pem, "PENDING_ACTIVATION", ca.mode, ca_id)
        return self.certificates[_id(pem)]

    # Looking things up

    def _add(self, pem: str, status: str, mode: str, ca_id: str | None) -> dict[str, Any]:
        if status == "PENDING_ACTIVATION" and ca_id is None:
            raise Refusal("CertificateStateException", "Not allowed with PENDING_ACTIVATION status", 406)
        record = CertificateRecord(_id(pem), pem, status, mode, ca_id, self.clock(), self.account)
        if self.answer_wrong_ids:
            record.id = record.id[::-1]
        if record.id in self.certificates:
            raise _exists(record.id, record.arn)
        self.certificates[record.id] = record
        return self._registered(record.id, record.arn)

    def _registered(self, certificate_id: str, arn: str) -> dict[str, Any]:
        if self.answer_wrong_ids and certificate_id in self.cas:
            ca = self.cas.pop(certificate_id)
            ca.id = certificate_id[::-1]
            self.cas[ca.id] = ca
            return {"certificateId": ca.id, "certificateArn": ca.arn}
        return {"certificateId": certificate_id, "certificateArn": arn}

    def _ca(self, certificate_id: str) -> CaRecord:
        if certificate_id not in self.cas:
            raise Refusal("ResourceNotFoundException", f"CA certificate {certificate_id} does not exist", 404)
        return self.cas[certificate_id]

    def _certificate(self, certificate_id: str) -> CertificateRecord:
        if certificate_id not in self.certificates:
            raise Refusal("ResourceNotFoundException", f"The certificate {certificate_id} does not exist", 404)
        return self.certificates[certificate_id]

    def _tagged(self, arn: str) -> dict[str, str]:
        # Device certificates take no tags (developer guide, "Tagging your AWS IoT resources").
        return self._ca(arn.rpartition("cacert/")[2]).tags

    def _policy(self, name: str) -> set[str]:
        if name not in self.policies:
            raise Refusal("ResourceNotFoundException", f"Policy {name} does not exist", 404)
        return self.policies[name]

    def _thing(self, name: str) -> set[str]:
        if name not in self.things:
            raise Refusal("ResourceNotFoundException", f"Thing {name} does not exist", 404)
        return self.things[name]

    def _policies_of(self, arn: str) -> set[str]:
        return {name for name, targets in self.policies.items() if arn in targets}


def _id(pem: str) -> str:
    """Return the SHA-256 of all that the PEM encodes: of bytes behind the certificate, too, which nobody may send."""
    return hashlib.sha256(base64.b64decode("".join(pem.splitlines()[1:-1]))).hexdigest()


def _parsed(pem: str) -> x509.Certificate:
    # cryptography warns of what it will refuse one day (a serial number of zero, say): no AWS rule that we know of.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x509.load_pem_x509_certificate(pem.encode())


def _entry(record: CertificateRecord, account: str = ACCOUNT) -> dict[str, Any]:
    return {
        # AWS CLI reference, transfer-certificate: on its way, it has the target's.
        "certificateArn": f"arn:aws:iot:{REGION}:{account}:cert/{record.id}",
        "certificateId": record.id,
        "status": record.status,
        # Creation dates may have whole seconds only.
        "creationDate": record.created.replace(microsecond=0),
    }


def _exists(certificate_id: str, arn: str) -> Refusal:
    # botocore's service model: AlreadyExists carries resourceId and resourceArn at the top level of the error.
    return Refusal(
        "ResourceAlreadyExistsException", "It already exists.", 409, resourceId=certificate_id, resourceArn=arn
    )


def _certificate(pem: str, now: datetime) -> Certificate:
    """Developer guide, "Create your own client certificates": what AWS IoT accepts.

    How strict AWS IoT reads is not documented; it is taken to read what OpenSSL reads.
    """
    try:
        certificate = Certificate.from_pem(pem)
        key = certificate.public_key
    except UnusableError as error:
        raise Refusal("CertificateValidationException", "Not a PEM certificate") from error
    strong = (isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048) or (
        isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in ("secp256r1", "secp384r1", "secp521r1")
    )
    digest = certificate.signature.hash
    if not strong or digest is None or digest.name not in ("sha256", "sha384", "sha512"):
        raise Refusal("CertificateValidationException", "The key or the signature is not accepted")
    if certificate.not_after < now:
        raise Refusal("CertificateValidationException", "The certificate has expired")
    return certificate


def _refuse_unless_ca(certificate: Certificate) -> None:
    if not certificate.is_ca:
        raise Refusal("CertificateValidationException", "Not a CA certificate")


def _refuse_unless_issued_by(certificate: Certificate, ca: Certificate) -> None:
    # RFC 5280, 7.1, for the names.
    if not certificate.issuer_name.matches(ca.subject_name) or not certificate.signature.is_of(ca.public_key):
        raise Refusal("CertificateValidationException", "Not signed by the CA")


def _page(name: str, entries: list[Any], marker: str | None, marker_name: str, size: int = PAGE) -> dict[str, Any]:
    start = int(base64.b64decode(marker)) if marker else 0
    more = {}
    if start + size < len(entries):
        more = {marker_name: base64.b64encode(str(start + size).encode()).decode()}
    return {name: entries[start : start + size], **more}


_AWS_KEY = ec.generate_private_key(ec.SECP256R1())
_AWS_NAME = x509.Name.from_rfc4514_string(
    "OU=Amazon Web Services O\\=Amazon.com Inc. L\\=Seattle ST\\=Washington C\\=US"
)


def _issue_like_aws(csr_pem: str, now: datetime) -> str:
    request = SigningRequest.from_pem(csr_pem)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(request.subject_name)
        .issuer_name(_AWS_NAME)
        .public_key(request.public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=9_000))
        .sign(_AWS_KEY, SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()
