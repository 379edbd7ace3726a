"""Every test vector in every property that takes a certificate, a request or a key: Create events for the function.

The whole way: CloudFormation's event in, its answer out, the fake AWS behind. Each vector is accepted, or refused in a
sentence that names the property and says what to do, and nothing is left in AWS; OpenSSL says which it has to be.
"""

from __future__ import annotations

import json
import logging
import re
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import issuing
import vectors
from fakes.cloudformation import FakeCloudFormation
from fakes.iot import FakeIot
from handler.stage import CA, DEVICE, KEY_SECRET, Stage
from iot_certificate_provider import handler
from iot_certificate_provider.contract import MAX_REASON_CHARACTERS, MAX_RESPONSE_BYTES
from time_limit import limited_to
from vectors import needs_openssl, telling_words
from vectors_explained import NOT_ISSUED_FOR_US

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

pytestmark = needs_openssl
PASSPHRASE_SECRET = KEY_SECRET.replace("ca-key", "ca-passphrase")


@dataclass(frozen=True)
class Trial:
    """One Create: whose properties, what is there before, and which property is tried with which text."""

    text: str
    resource_type: str
    properties: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)
    registration_code: str = FakeIot.registration_code
    registered_ca: str = ""


class _Nowhere:
    """In place of the presigned URL's server: the answers are taken before they are sent."""

    def url(self, presigned: str) -> str:
        return presigned


class Desk:
    """The function, and what it answers."""

    def __init__(self) -> None:
        nowhere: Any = _Nowhere()
        self.stage = Stage(nowhere, self.deliver)
        self.bodies: list[bytes] = []
        self.logged: list[str] = []

    def deliver(self, url: str, body: bytes) -> bool:
        self.bodies.append(body)
        return True

    def create(self, trial: Trial) -> Mapping[str, Any]:
        """Send the Create; return the one answer, after a look at what must never be in one."""
        self._prepare(trial)
        self.bodies.clear()
        self.logged.clear()
        event = self.stage.event("create", resource_type=trial.resource_type, ResourceProperties=trial.properties)
        self.stage.function(event, self.stage.context)
        (body,) = self.bodies
        assert len(body) <= MAX_RESPONSE_BYTES
        answer: dict[str, Any] = json.loads(body)
        said = " ".join([answer["Reason"], *self.logged])
        assert not [w for secret in trial.secrets.values() for w in telling_words(secret) if w in said]
        assert not [w for w in telling_words(trial.text) if w in said]
        if answer["Status"] == "FAILED":
            left = {*self.stage.iot.cas, *self.stage.iot.certificates}
            assert len(left) == bool(trial.registered_ca), "something is left behind"
        return answer

    def _prepare(self, trial: Trial) -> None:
        self.stage.aws.iot = self.stage.iot = FakeIot(registration_code=trial.registration_code)
        self.stage.aws.cloudformation = FakeCloudFormation()
        self.stage.aws.secrets.values = dict(trial.secrets)
        if trial.registered_ca:
            self.stage.iot.RegisterCACertificate(trial.registered_ca, setAsActive=True, certificateMode="SNI_ONLY")


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    desk = Desk()
    listener = logging.Handler()
    listener.emit = lambda record: desk.logged.append(record.getMessage())  # type: ignore[method-assign]
    with pytest.MonkeyPatch.context() as patch:
        # A logger of its own, that pytest does not know: nobody would find what failed behind a line a trial.
        logger = logging.Logger("provider")
        logger.addHandler(listener)
        patch.setattr(handler, "logger", logger)
        yield desk


@pytest.fixture(scope="module")
def try_all(desk: Desk) -> Callable[..., vectors.Findings]:
    """Send all Creates of one kind, each with a second of processor time; check every refusal for its form."""

    def run(trials: Mapping[str, Trial], *properties: str) -> vectors.Findings:
        findings = vectors.Findings()
        for name, trial in trials.items():
            started = time.perf_counter()
            with limited_to(1.0):
                answer = desk.create(trial)
            findings.timed(name, time.perf_counter() - started)
            if answer["Status"] == "SUCCESS":
                findings.accepted[name] = answer["PhysicalResourceId"]
            else:
                findings.refused[name] = answer["Reason"]
                _check_sentence(name, answer["Reason"], properties)
        print(f"\n{properties[0]}\n{findings.table()}")  # noqa: T201 - for whoever runs it with -s
        return findings

    return run


def _check_sentence(name: str, reason: str, properties: tuple[str, ...]) -> None:
    assert len(reason) <= MAX_REASON_CHARACTERS
    named, _, rest = reason.partition(": ")
    problem, _, fix = rest.partition(". ")
    assert named in properties, f"{name}: {reason}"
    assert problem, f"{name}: {reason}"
    assert fix, f"{name}: {reason}"
    assert not fix.endswith("…"), f"{name}: {reason}"


def _fit(*, ca: bool) -> dict[str, str]:
    """Return the ids of the certificates that can be registered today, by OpenSSL's verdict."""
    return {n: j.id for n, j in vectors.fit_certificates().items() if j.current and (j.ca or not ca)}


def test_ca_certificate_pem(try_all: Callable[..., vectors.Findings]) -> None:
    trials = {
        name: Trial(text, CA, {"CACertificatePem": text, "CertificateMode": "SNI_ONLY"})
        for name, text in vectors.certificate_texts().items()
    }

    findings = try_all(trials, "CACertificatePem")

    assert findings.accepted == _fit(ca=True)


def test_certificate_pem(try_all: Callable[..., vectors.Findings]) -> None:
    trials = {
        name: Trial(text, DEVICE, {"CertificatePem": text, "CertificateMode": "SNI_ONLY"})
        for name, text in vectors.certificate_texts().items()
    }

    findings = try_all(trials, "CertificatePem")

    assert findings.accepted == _fit(ca=False)


def test_certificate_signing_request(try_all: Callable[..., vectors.Findings]) -> None:
    trials = {
        name: Trial(text, DEVICE, {"CertificateSigningRequest": text}) for name, text in vectors.request_texts().items()
    }

    findings = try_all(trials, "CertificateSigningRequest")

    assert findings.accepted.keys() == {name for name, fit in vectors.judged_requests().items() if fit}


def test_verification_certificate_pem(try_all: Callable[..., vectors.Findings]) -> None:
    trials = {name: _verified_by(name, text) for name, text in vectors.certificate_texts().items()}

    findings = try_all(trials, "VerificationCertificatePem", "CACertificatePem, VerificationCertificatePem")

    expected = {name for name in vectors.issuers() if name in _fit(ca=False) and _common_name(name)}
    assert findings.accepted.keys() == expected - NOT_ISSUED_FOR_US.keys()


def _verified_by(name: str, text: str) -> Trial:
    """Declare the CA that issued it, in an account whose registration code happens to be the certificate's name."""
    ca = vectors.issuers().get(name, issuing.make_ca("Factory CA").pem)
    code = _common_name(name) or FakeIot.registration_code
    return Trial(text, CA, {"CACertificatePem": ca, "VerificationCertificatePem": text}, registration_code=code)


def _common_name(name: str) -> str:
    """Return the one common name that OpenSSL prints of a certificate, if any."""
    judged = vectors.judged_certificates().get(name)
    names = [] if judged is None else re.findall(r"(?:^|, )CN ?= ?([^,/]*)", judged.subject[0])
    return names[0] if len(names) == 1 else ""


def test_ca_certificate_pem_of_a_device_certificate(try_all: Callable[..., vectors.Findings]) -> None:
    devices = {ca: name for name, ca in vectors.issuers().items() if name in _fit(ca=False).keys() - NOT_ISSUED_FOR_US}
    trials = {name: _issued_by(text, devices.get(text)) for name, text in vectors.certificate_texts().items()}

    findings = try_all(trials, "CACertificatePem", "CertificatePem")

    assert findings.accepted.keys() == {name for name, text in vectors.certificate_texts().items() if text in devices}


def _issued_by(ca: str, device: str | None) -> Trial:
    """Declare a device certificate that the CA issued, if there is any: then the CA is registered, too."""
    if device is None:
        stranger = issuing.make_device(issuing.make_ca("Factory CA"), "thermostat")
        return Trial(ca, DEVICE, {"CertificatePem": stranger.pem, "CACertificatePem": ca})
    properties = {"CertificatePem": vectors.certificate_texts()[device], "CACertificatePem": ca}
    return Trial(ca, DEVICE, properties, registered_ca=ca)


def test_private_key(try_all: Callable[..., vectors.Findings]) -> None:
    trials = {
        vectors.with_passphrase(name, passphrase): _signed_with(text, passphrase)
        for passphrase in (None, *vectors.PASSPHRASES)
        for name, text in vectors.key_texts().items()
        if passphrase is None or ("PRIVATE KEY" in text and not name.endswith(" as PRIVATE KEY"))
    }

    key = "VerificationKey"
    findings = try_all(trials, f"{key}.SecretArn", f"{key}.PassphraseSecretArn", "CACertificatePem")

    assert findings.accepted.keys() == vectors.fit_keys()


def _signed_with(text: str, passphrase: str | None) -> Trial:
    key, secrets = {"SecretArn": KEY_SECRET}, {KEY_SECRET: text}
    if passphrase is not None:
        key["PassphraseSecretArn"] = PASSPHRASE_SECRET
        secrets[PASSPHRASE_SECRET] = passphrase
    properties = {"CACertificatePem": _ca_with_key(text, passphrase), "VerificationKey": key}
    return Trial("", CA, properties, secrets)


def _ca_with_key(text: str, passphrase: str | None) -> str:
    """Return the certificate of a CA that has the key; that of another CA where cryptography makes none of it."""
    if "PRIVATE KEY" in text:
        with suppress(ValueError, TypeError, UnsupportedAlgorithm), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            key = load_pem_private_key(text.encode(), None if passphrase is None else passphrase.encode())
            if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
                return issuing.make_ca("Owner of the vector", key=key).pem
    return issuing.make_ca("Factory CA").pem
