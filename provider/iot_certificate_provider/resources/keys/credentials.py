"""Keys that the function made, with their certificates: the versions of a secret.

A version's id identifies the request, and its digests the resource and the properties. A redelivery finds its own key,
a rollback finds the previous one, and the version that a killed request wrote first leads to its orphan.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.aws.secrets import CURRENT, PENDING, PREVIOUS
from iot_certificate_provider.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidPropertyError,
    ProviderError,
    UnusableError,
    UpstreamError,
    attributing_to,
)
from iot_certificate_provider.physical_id import CREATE_UNFINISHED
from iot_certificate_provider.resources.keys.ownership import EMPTY, fix_of, owner_digest, replacing
from iot_certificate_provider.resources.keys.secret_version import Credentials, read_version, version_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from iot_certificate_provider.aws.secrets import SecretsGateway
    from iot_certificate_provider.pki import Certificate
    from iot_certificate_provider.pki.private_key import CaPrivateKey
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.lifecycle.ownership import Decision


class SecretOutOfReachError(AccessDeniedError):
    """The role may not read a secret that a clean-up has to look into."""


class CredentialsStore:
    """The versions of one secret; ``name`` is the property that names it, for errors about it.

    ``is_registered`` is asked of certificate ids: of CAs if the store ``is_of_ca``, else of devices.
    """

    def __init__(
        self,
        secrets: SecretsGateway,
        secret_arn: str,
        name: str,
        is_registered: Callable[[str], bool],
        *,
        is_of_ca: bool = False,
    ) -> None:
        self._secrets = secrets
        self._secret_arn = secret_arn
        self._name = name
        self._is_registered = is_registered
        self._is_of_ca = is_of_ca

    def check_writable(self, request: Request) -> None:
        """Raise InvalidPropertyError unless the secret is empty, this resource's own, or that of a removed one."""
        with attributing_to(self._name):
            current = self._current()
        decision = EMPTY if current is None else self._replacing(request, current)
        if not decision.proceeds:
            raise InvalidPropertyError(self._name, decision.reason, fix_of(decision))

    def _replacing(self, request: Request, current: str) -> Decision:
        version = self._version(current)
        return replacing(version, request, registered=version is not None and self._may_be_registered(version))

    def _may_be_registered(self, version: Credentials) -> bool:
        # Of the other kind the function's role may not ask.
        return version.is_ca is not self._is_of_ca or self._is_registered(version.certificate.id)

    def of_request(self, request: Request) -> Credentials | None:
        """Return what an earlier delivery of the same request has written."""
        return self._version(_version_id(request))

    def labelled(self) -> Iterator[Credentials]:
        """Yield the versions that have a staging label, AWSCURRENT first; what is not ours is passed over."""
        with attributing_to(self._name):
            labels = self._secrets.labels(self._secret_arn)
        for version_id in dict.fromkeys(labels[label] for label in (CURRENT, PENDING, PREVIOUS) if label in labels):
            credentials = self._version(version_id)
            if credentials is not None:
                yield credentials

    def write(
        self, request: Request, digest: str, key: CaPrivateKey, certificate: Certificate, ca: Certificate | None = None
    ) -> Credentials:
        """Write a version under AWSPENDING, before its certificate is registered; the request's, if there is one."""
        credentials = Credentials(_version_id(request), digest, certificate, ca, key, owner_digest(request))
        try:
            with attributing_to(self._name):
                self._secrets.put_pending(self._secret_arn, credentials.version_id, version_text(credentials))
        except ConflictError as error:
            # Another delivery of the same request was faster: its key counts.
            written = self.of_request(request)
            if written is None:
                raise UpstreamError(f"{self._name}: the secret's version could not be read. Try again") from error
            return written
        return credentials

    def make_current(self, request: Request, version_id: str) -> str:
        """Make this version AWSCURRENT; return why not, where another resource's is current."""
        with attributing_to(self._name):
            current = self._current()
            if current == version_id:
                return ""
            decision = EMPTY if current is None else self._replacing(request, current)
            if not decision.proceeds:
                return f"{self._name}: {decision.reason}. {fix_of(decision)}"
            try:
                self._secrets.make_current(self._secret_arn, version_id, current)
            except UnusableError:
                if self._current() == current:
                    raise
            else:
                return ""
        # The label has moved by now: in an attempt whose answer was lost, or by another resource, whose version counts.
        return self.make_current(request, version_id)

    def settle(self) -> None:
        """Return AWSCURRENT to the newest version whose certificate is registered, where that of its own is not.

        After a certificate was removed. A secret that was deleted, or cannot be used, is left alone. A value
        that another principal has stored since stays current.
        """
        with suppress(ProviderError), self._secrets.expecting_denial(), attributing_to(self._name):
            labels = self._secrets.labels(self._secret_arn)
            current = labels.get(CURRENT)
            if current is None or not self._is_dead(current):
                return
            for label in (PENDING, PREVIOUS):
                version_id = labels.get(label, current)
                if version_id != current and self._is_alive(version_id):
                    self._secrets.make_current(self._secret_arn, version_id, current)
                    return

    def _is_dead(self, version_id: str) -> bool:
        version = self._version(version_id)
        is_of_kind = version is not None and version.is_ca is self._is_of_ca
        return version is not None and is_of_kind and not self._is_registered(version.certificate.id)

    def _is_alive(self, version_id: str) -> bool:
        version = self._version(version_id)
        return version is not None and version.is_ca is self._is_of_ca and self._is_registered(version.certificate.id)

    def give_up(self, request: Request) -> None:
        """Take AWSPENDING from what a request wrote that came to nothing: no reader is to wait for it."""
        with suppress(ProviderError), self._secrets.expecting_denial(), attributing_to(self._name):
            version_id = _version_id(request)
            labels = self._secrets.labels(self._secret_arn)
            if labels.get(PENDING) == version_id:
                self._secrets.remove_pending(self._secret_arn, version_id)

    def _current(self) -> str | None:
        return self._secrets.labels(self._secret_arn).get(CURRENT)

    def left(self, request: Request) -> Iterator[Credentials]:
        """Yield as ``labelled``, for a clean-up: of a secret that is gone nothing is left.

        The Delete of an unfinished Create finds that one's version also without a label, which another resource's
        version can have taken meanwhile: the physical id names the Create's request.

        SecretOutOfReachError where the role may not read it: then what is left is not known.
        """
        with suppress(InvalidPropertyError):
            try:
                # All at once: nothing else may run while a denial decides.
                with self._secrets.expecting_denial():
                    left = list(self.labelled())
                    created = _version_of_create(request)
                    if created and created not in {each.version_id for each in left}:
                        left += filter(None, [self._version(created)])
            except AccessDeniedError as error:
                raise SecretOutOfReachError(str(error)) from error
            yield from left

    def find(self, digest: str, accept: Callable[[Credentials], bool]) -> Credentials | None:
        """Return the version that was made from the properties of ``digest`` and is accepted."""
        return next((each for each in self.labelled() if each.digest == digest and accept(each)), None)

    def _version(self, version_id: str) -> Credentials | None:
        with attributing_to(self._name):
            text = self._secrets.version(self._secret_arn, version_id)
        return None if text is None else read_version(version_id, text)


def properties_digest(request: Request, identity: Mapping[str, Any]) -> str:
    """Return what tells a resource's certificate from any other that it could have: hex SHA-256."""
    told = json.dumps([request.stack_id, request.logical_id, dict(identity)], sort_keys=True)
    return hashlib.sha256(told.encode("utf-8")).hexdigest()


def _version_of_create(request: Request) -> str:
    marker, _, request_id = (request.physical_id or "").partition("/")
    return _version_id(replace(request, request_id=request_id)) if marker == CREATE_UNFINISHED else ""


def _version_id(request: Request) -> str:
    # API reference, PutSecretValue, ClientRequestToken: 32 to 64 characters, and becomes the version's id.
    told = json.dumps([request.stack_id, request.logical_id, request.request_id])
    return hashlib.sha256(told.encode("utf-8")).hexdigest()
