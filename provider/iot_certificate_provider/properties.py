"""CloudFormation's strings, read once into typed, frozen values, or refused by name.

Everything arrives as text, lists and maps of text. What can be known without asking AWS and without a clock is known
after this: unknown or missing properties, values that the API does not have, certificates that cannot be registered.
"""

from __future__ import annotations

import difflib
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from iot_certificate_provider.contract import (
    AutoRegistrationStatus,
    CaCertificateProperty,
    CaCertificateStatus,
    CertificateMode,
    DeviceCertificateProperty,
    DeviceCertificatesOnDelete,
    DeviceCertificateStatus,
    ExistingCertificate,
)
from iot_certificate_provider.errors import CertificateRejectedError, InvalidPropertyError
from iot_certificate_provider.ownership import OUR_TAG_PREFIX, OUR_TAGS
from iot_certificate_provider.pki import Certificate, SigningRequest, check_ca, check_issued_by, check_registrable
from iot_certificate_provider.pki.fitness import shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

CLOUDFORMATIONS_OWN = frozenset({"ServiceToken", "ServiceTimeout"})

MAX_POLICIES = 10
"""Policies that can be attached to one certificate (AWS IoT Core quotas)."""
MAX_TAGS = 50 - len(OUR_TAGS)
"""AWS takes 50 tags a resource; a CA certificate also carries those by which the provider knows its own."""
MAX_TAG_KEY_CHARACTERS = 128
MAX_TAG_VALUE_CHARACTERS = 256
MAX_TEMPLATE_CHARACTERS = 10_240
"""``templateBody`` of RegistrationConfig (AWS IoT API)."""

_POLICY_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_THING_NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/\S+", re.ASCII)

_Choice = TypeVar("_Choice", bound=StrEnum)
_Value = TypeVar("_Value")


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Turn what is wrong with a certificate, a key or a secret into what is wrong with the property ``name``."""
    try:
        yield
    except CertificateRejectedError as error:
        raise InvalidPropertyError(name, error.problem, error.fix) from error


@dataclass(frozen=True)
class VerificationCertificate:
    """Proof of possession that somebody signed outside the deployment."""

    certificate: Certificate


@dataclass(frozen=True)
class VerificationSecret:
    """Proof of possession that the function signs with a key from Secrets Manager."""

    secret_arn: str
    json_field: str | None
    passphrase_secret_arn: str | None


Verification = VerificationCertificate | VerificationSecret


@dataclass(frozen=True)
class RegistrationConfig:
    """The provisioning template of just-in-time provisioning, by name or as text, and its role."""

    template_name: str | None
    template_body: str | None
    role_arn: str | None


@dataclass(frozen=True)
class CaCertificateProperties:
    """What a ``Custom::IotCaCertificate`` declares."""

    certificate: Certificate
    status: CaCertificateStatus
    mode: CertificateMode
    verification: Verification | None
    auto_registration: AutoRegistrationStatus
    registration_config: RegistrationConfig | None
    device_certificates_on_delete: DeviceCertificatesOnDelete
    tags: Mapping[str, str]

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> CaCertificateProperties:
        """Read the properties; raise InvalidPropertyError for the first that cannot work."""
        name = CaCertificateProperty
        reader = _Reader(raw, CaCertificateProperty)
        certificate = reader.certificate(name.CA_CERTIFICATE_PEM, check_ca)
        mode = reader.choice(name.CERTIFICATE_MODE, CertificateMode.DEFAULT)
        reader.refuse_adoption(name.EXISTING_CERTIFICATE)
        return cls(
            certificate=_required(certificate, name.CA_CERTIFICATE_PEM, "Give the PEM of the CA certificate"),
            status=reader.choice(name.STATUS, CaCertificateStatus.ACTIVE),
            mode=mode,
            verification=_verification(reader, certificate, mode),
            auto_registration=reader.choice(name.AUTO_REGISTRATION_STATUS, AutoRegistrationStatus.DISABLE),
            registration_config=_registration_config(reader),
            device_certificates_on_delete=reader.choice(
                name.DEVICE_CERTIFICATES_ON_DELETE, DeviceCertificatesOnDelete.RETAIN
            ),
            tags=_tags(reader),
        )


@dataclass(frozen=True)
class DeviceCertificateProperties:
    """What a ``Custom::IotDeviceCertificate`` declares; exactly one of certificate and signing_request is there."""

    certificate: Certificate | None
    signing_request: SigningRequest | None
    ca: Certificate | None
    mode: CertificateMode
    status: DeviceCertificateStatus
    policy_names: tuple[str, ...]
    thing_names: tuple[str, ...]

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> DeviceCertificateProperties:
        """Read the properties; raise InvalidPropertyError for the first that cannot work."""
        name = DeviceCertificateProperty
        reader = _Reader(raw, DeviceCertificateProperty)
        reader.refuse_adoption(name.EXISTING_CERTIFICATE)
        properties = cls(
            certificate=reader.certificate(name.CERTIFICATE_PEM, check_registrable),
            signing_request=reader.read_with(name.CERTIFICATE_SIGNING_REQUEST, SigningRequest.from_pem),
            ca=reader.certificate(name.CA_CERTIFICATE_PEM, check_ca),
            mode=reader.choice(name.CERTIFICATE_MODE, CertificateMode.DEFAULT),
            status=reader.choice(name.STATUS, DeviceCertificateStatus.ACTIVE),
            policy_names=reader.names(name.POLICY_NAMES, _POLICY_NAME),
            thing_names=reader.names(name.THING_NAMES, _THING_NAME),
        )
        _check_device(properties)
        return properties


def readable(read: Callable[[Mapping[str, Any]], _Value], raw: Mapping[str, Any]) -> _Value | None:
    """Read old properties, or return None when they are not valid.

    Invalid ones were refused before anything was written: an Update that rolls back from them finds nothing of theirs.
    """
    try:
        return read(raw)
    except InvalidPropertyError:
        return None


def declared_policy_names(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Read the names in PolicyNames as a Delete needs them: whatever else is wrong with the properties."""
    names = raw.get(DeviceCertificateProperty.POLICY_NAMES)
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()


def declared_device_certificates_on_delete(raw: Mapping[str, Any]) -> DeviceCertificatesOnDelete:
    """Read DeviceCertificatesOnDelete as a Delete needs it; RETAIN, which deletes nothing, when it is not valid."""
    try:
        return DeviceCertificatesOnDelete(raw.get(CaCertificateProperty.DEVICE_CERTIFICATES_ON_DELETE, ""))
    except ValueError:
        return DeviceCertificatesOnDelete.RETAIN


class _Reader:
    """Reads one property at a time; refuses, to begin with, those that the type does not have."""

    def __init__(self, raw: Mapping[str, Any], known: type[StrEnum], prefix: str = "") -> None:
        self._raw = raw
        self._prefix = prefix
        names = [str(name) for name in known]
        for name in raw:
            if name not in names and name not in CLOUDFORMATIONS_OWN:
                raise InvalidPropertyError(
                    prefix + shorten(name), "is not a property of this type", _nearest(name, names)
                )

    def given(self, name: StrEnum) -> bool:
        return name in self._raw

    def text(self, name: StrEnum) -> str | None:
        value = self._raw.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._error(name, f"is a {_kind(value)}, not a text", "Give one text")
        if not value.strip():
            raise self._error(name, "is empty", "Give it a value, or leave the property out")
        return value

    def read_with(self, name: StrEnum, read: Callable[[str], _Value]) -> _Value | None:
        text = self.text(name)
        if text is None:
            return None
        with naming(self._prefix + name):
            return read(text)

    def certificate(self, name: StrEnum, check: Callable[[Certificate], None]) -> Certificate | None:
        certificate = self.read_with(name, Certificate.from_pem)
        if certificate is not None:
            with naming(self._prefix + name):
                check(certificate)
        return certificate

    def choice(self, name: StrEnum, default: _Choice) -> _Choice:
        text = self.text(name)
        if text is None:
            return default
        choices = type(default)
        try:
            return choices(text)
        except ValueError as error:
            allowed = ", ".join(choices)
            raise self._error(name, f"{_shown(text)} is not a value it can have", f"Use one of {allowed}") from error

    def items(self, name: StrEnum) -> list[Any]:
        value = self._raw.get(name, [])
        if not isinstance(value, list):
            raise self._error(name, f"is a {_kind(value)}, not a list", "Give a list, also for one item")
        return value

    def names(self, name: StrEnum, pattern: re.Pattern[str]) -> tuple[str, ...]:
        names = self.items(name)
        for item in names:
            if not isinstance(item, str) or not pattern.fullmatch(item):
                raise self._error(name, f"{_shown(item)} is not a valid name", f"A name matches {pattern.pattern}")
        return tuple(dict.fromkeys(names))

    def mapping(self, name: StrEnum) -> Mapping[str, Any] | None:
        value = self._raw.get(name)
        if value is not None and not isinstance(value, dict):
            raise self._error(name, f"is a {_kind(value)}, not a map", "See its properties in the documentation")
        return value

    def nested(self, name: StrEnum, known: type[StrEnum]) -> _Reader | None:
        value = self.mapping(name)
        return None if value is None else _Reader(value, known, prefix=f"{self._prefix}{name}.")

    def required_text(self, name: StrEnum, fix: str) -> str:
        return _required(self.text(name), self._prefix + name, fix)

    def refuse_adoption(self, name: StrEnum) -> None:
        if self.choice(name, ExistingCertificate.FAIL) is not ExistingCertificate.FAIL:
            raise self._error(
                name, "ADOPT is not supported yet", "Use FAIL, and remove the registered certificate first"
            )

    def _error(self, name: StrEnum, problem: str, fix: str) -> InvalidPropertyError:
        return InvalidPropertyError(self._prefix + name, problem, fix)


class _VerificationKey(StrEnum):
    SECRET_ARN = "SecretArn"  # noqa: S105 - a property's name
    JSON_FIELD = "JsonField"
    PASSPHRASE_SECRET_ARN = "PassphraseSecretArn"  # noqa: S105 - a property's name
    KMS_KEY_ID = "KmsKeyId"
    CERTIFICATE_AUTHORITY_ARN = "CertificateAuthorityArn"


class _RegistrationConfig(StrEnum):
    TEMPLATE_NAME = "TemplateName"
    TEMPLATE_BODY = "TemplateBody"
    ROLE_ARN = "RoleArn"


def _verification(reader: _Reader, ca: Certificate | None, mode: CertificateMode) -> Verification | None:
    name = CaCertificateProperty
    given = [p for p in (name.VERIFICATION_CERTIFICATE_PEM, name.VERIFICATION_KEY) if reader.given(p)]
    if mode is CertificateMode.SNI_ONLY:
        if given:
            raise InvalidPropertyError(given[0], "is not used with CertificateMode SNI_ONLY", "Leave it out")
        return None
    if not given:
        raise InvalidPropertyError(
            "VerificationKey, VerificationCertificatePem",
            "one is needed as proof of possession of the CA's key",
            "Name the key's secret in VerificationKey.SecretArn, or use CertificateMode SNI_ONLY",
        )
    if len(given) > 1:
        raise InvalidPropertyError(
            "VerificationKey, VerificationCertificatePem",
            "both are given, one proof is enough",
            "Leave one of them out",
        )
    if name.VERIFICATION_KEY in given:
        return _verification_key(reader)
    return _verification_certificate(reader, ca)


def _verification_certificate(reader: _Reader, ca: Certificate | None) -> VerificationCertificate:
    name = CaCertificateProperty.VERIFICATION_CERTIFICATE_PEM

    def check_against_ca(certificate: Certificate) -> None:
        if ca is not None:
            check_issued_by(certificate, ca)

    certificate = reader.certificate(name, check_against_ca)
    return VerificationCertificate(_required(certificate, name, "Give the PEM of the verification certificate"))


def _verification_key(reader: _Reader) -> VerificationSecret:
    key = _VerificationKey
    nested = reader.nested(CaCertificateProperty.VERIFICATION_KEY, _VerificationKey)
    if nested is None:
        raise InvalidPropertyError("VerificationKey", "is empty", "Name the key's secret in VerificationKey.SecretArn")
    for unsupported in (key.KMS_KEY_ID, key.CERTIFICATE_AUTHORITY_ARN):
        if nested.given(unsupported):
            raise InvalidPropertyError(
                f"VerificationKey.{unsupported}", "is not supported yet", "Use VerificationKey.SecretArn"
            )
    return VerificationSecret(
        secret_arn=nested.required_text(key.SECRET_ARN, "Name the secret that holds the CA's private key as PEM"),
        json_field=nested.text(key.JSON_FIELD),
        passphrase_secret_arn=nested.text(key.PASSPHRASE_SECRET_ARN),
    )


def _registration_config(reader: _Reader) -> RegistrationConfig | None:
    nested = reader.nested(CaCertificateProperty.REGISTRATION_CONFIG, _RegistrationConfig)
    if nested is None:
        return None
    config = RegistrationConfig(
        template_name=nested.text(_RegistrationConfig.TEMPLATE_NAME),
        template_body=nested.text(_RegistrationConfig.TEMPLATE_BODY),
        role_arn=nested.text(_RegistrationConfig.ROLE_ARN),
    )
    if (config.template_name is None) == (config.template_body is None):
        raise InvalidPropertyError(
            "RegistrationConfig", "needs exactly one of TemplateName and TemplateBody", "Give one of them"
        )
    if config.template_body is not None:
        _check_template_body(config.template_body)
    _check_role(config)
    return config


def _check_role(config: RegistrationConfig) -> None:
    name = "RegistrationConfig.RoleArn"
    if config.role_arn is None:
        if config.template_body is not None:
            raise InvalidPropertyError(name, "is missing", "A TemplateBody needs the role that provisions with it")
    elif not _ROLE_ARN.fullmatch(config.role_arn):
        raise InvalidPropertyError(
            name,
            f"{_shown(config.role_arn)} is not the ARN of a role",
            "Give one like arn:aws:iam::123456789012:role/provisioning",
        )


def _check_template_body(text: str) -> None:
    name = "RegistrationConfig.TemplateBody"
    if len(text) > MAX_TEMPLATE_CHARACTERS:
        raise InvalidPropertyError(
            name, f"is {len(text):,} characters long, above {MAX_TEMPLATE_CHARACTERS:,}", "Use a template by name"
        )
    try:
        template = json.loads(text)
    except (ValueError, RecursionError):
        template = None
    if not isinstance(template, dict):
        raise InvalidPropertyError(name, "is not a JSON object", "Give the provisioning template as JSON text")


def _tags(reader: _Reader) -> Mapping[str, str]:
    name = CaCertificateProperty.TAGS
    tags: dict[str, str] = {}
    for item in reader.items(name):
        if not isinstance(item, dict) or set(item) != {"Key", "Value"} or not all(map(_is_text, item.values())):
            raise InvalidPropertyError(name, "an item is not a map of Key and Value", "Write {Key: …, Value: …}")
        _check_tag(item["Key"], item["Value"])
        if item["Key"] in tags:
            raise InvalidPropertyError(name, f"the key {_shown(item['Key'])} is there twice", "Use each key once")
        tags[item["Key"]] = item["Value"]
    if len(tags) > MAX_TAGS:
        raise InvalidPropertyError(
            name,
            f"there are {len(tags)}",
            f"At most {MAX_TAGS} are possible: AWS IoT takes 50, of which three are ours",
        )
    return tags


def _check_tag(key: str, value: str) -> None:
    name = CaCertificateProperty.TAGS
    if key.startswith(OUR_TAG_PREFIX):
        raise InvalidPropertyError(name, f"the prefix {OUR_TAG_PREFIX} is taken", "Use another key")
    if not 1 <= len(key) <= MAX_TAG_KEY_CHARACTERS:
        raise InvalidPropertyError(name, f"a key has {len(key)} characters", f"Use 1 to {MAX_TAG_KEY_CHARACTERS}")
    if len(value) > MAX_TAG_VALUE_CHARACTERS:
        raise InvalidPropertyError(
            name, f"a value has {len(value)} characters", f"Use at most {MAX_TAG_VALUE_CHARACTERS}"
        )


def _check_device(properties: DeviceCertificateProperties) -> None:
    name = DeviceCertificateProperty
    both = "CertificatePem, CertificateSigningRequest"
    if properties.certificate is None and properties.signing_request is None:
        raise InvalidPropertyError(both, "one of them is needed", "Give the certificate, or a request to issue one")
    if properties.certificate is not None and properties.signing_request is not None:
        raise InvalidPropertyError(both, "both are given", "Give the certificate, or a request to issue one")
    if properties.ca is not None:
        _check_device_ca(properties, properties.ca)
    if properties.signing_request is not None and properties.mode is CertificateMode.SNI_ONLY:
        raise InvalidPropertyError(
            name.CERTIFICATE_MODE, "SNI_ONLY does not go with CertificateSigningRequest", "Leave CertificateMode out"
        )
    if len(properties.policy_names) > MAX_POLICIES:
        count = len(properties.policy_names)
        raise InvalidPropertyError(name.POLICY_NAMES, f"there are {count}", f"AWS IoT attaches at most {MAX_POLICIES}")


def _check_device_ca(properties: DeviceCertificateProperties, ca: Certificate) -> None:
    name = DeviceCertificateProperty.CA_CERTIFICATE_PEM
    if properties.certificate is None:
        raise InvalidPropertyError(
            name, "does not go with CertificateSigningRequest, which AWS IoT signs", "Leave it out"
        )
    if properties.mode is CertificateMode.SNI_ONLY:
        raise InvalidPropertyError(
            name, "does not go with CertificateMode SNI_ONLY, which registers without a CA", "Leave one of them out"
        )
    with naming(DeviceCertificateProperty.CERTIFICATE_PEM):
        check_issued_by(properties.certificate, ca)


def _required(value: _Value | None, name: str, fix: str) -> _Value:
    if value is None:
        raise InvalidPropertyError(name, "is missing", fix)
    return value


def _nearest(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f"Did you mean {near[0]}?" if near else f"It has {', '.join(names)}"


def _shown(value: object) -> str:
    """Quote a short value; one that is long, or has several lines, may be a private key in the wrong place."""
    if not isinstance(value, str):
        return f"a {_kind(value)}"
    return f"'{value}'" if value == shorten(value) and value.isprintable() else f"a text of {len(value)} characters"


def _kind(value: object) -> str:
    return {"list": "list", "dict": "map", "str": "text"}.get(type(value).__name__, type(value).__name__)


def _is_text(value: object) -> bool:
    return isinstance(value, str)
