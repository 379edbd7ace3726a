"""Changing a registered CA certificate: its settings in one call, its tags in another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import (
    OUR_TAGS,
    REQUEST_TAG,
    AutoRegistrationStatus,
    CaCertificateAttribute,
    CaCertificateProperty,
    CaCertificateStatus,
)
from iot_certificate_provider.errors import shorten
from iot_certificate_provider.resources.lifecycle.adoption import Difference
from iot_certificate_provider.resources.lifecycle.cancellation import BACK
from iot_certificate_provider.resources.lifecycle.certificate_mode import check_mode
from iot_certificate_provider.resources.lifecycle.ownership import tagged_by, tags_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot import CaCertificateDescription
    from iot_certificate_provider.properties.ca_certificate import CaCertificateProperties
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.protocol.response import Outcome


def differs(old: CaCertificateProperties | None, wanted: CaCertificateProperties) -> bool:
    """Whether there is anything to do about a CA that is registered as ``old`` says."""
    if old is None or old.existing is not wanted.existing or old.mode is not wanted.mode:
        return True
    return _settings(old) != _settings(wanted) or dict(old.tags) != dict(wanted.tags)


def as_registered(
    old: CaCertificateProperties,
    wanted: CaCertificateProperties,
    live: CaCertificateDescription,
    tags: Mapping[str, str],
) -> CaCertificateProperties:
    """Return ``old`` with what is registered: its owner may have changed it since it was adopted."""
    names = (*old.tags, *wanted.tags)
    return replace(
        old,
        status=CaCertificateStatus(live.status),
        auto_registration=AutoRegistrationStatus(live.auto_registration),
        registration_config=live.config,
        tags={name: tags[name] for name in names if name in tags},
    )


class CaCertificateChange:
    """Brings a registered CA to what is declared."""

    def __init__(self, aws: Gateways) -> None:
        self._iot = aws.iot

    def bring(self, wanted: CaCertificateProperties, old: CaCertificateProperties | None, outcome: Outcome) -> None:
        """Bring a registered CA from ``old`` to ``wanted``, in one call and one for tags; from anything without old."""
        if old is not None and old.mode is not wanted.mode:
            check_mode(self._iot.describe_ca_certificate(outcome.physical_id).mode, wanted.mode)
        if old is None or _settings(old) != _settings(wanted):
            self._change_settings(wanted, old, outcome.physical_id)
        self._change_tags(wanted, old, outcome.attributes[CaCertificateAttribute.ARN])

    def change_owner(self, request: Request, outcome: Outcome, tags: Mapping[str, str], *, taken: bool) -> None:
        """Tag the CA as this resource's; or, in a rollback, take those tags away again.

        What undoes a cancelled Update leaves those of the rollback, which may have registered the CA anew.
        """
        arn, own = outcome.attributes[CaCertificateAttribute.ARN], tagged_by(request, tags)
        if taken and not own:
            self._iot.tag(arn, tags_of(request))
        is_rollbacks = request.progress.is_way_back and tags.get(REQUEST_TAG) != request.request_id.removesuffix(BACK)
        if own and not taken and not is_rollbacks:
            self._iot.untag(arn, sorted(OUR_TAGS))

    def _change_settings(
        self, wanted: CaCertificateProperties, old: CaCertificateProperties | None, certificate_id: str
    ) -> None:
        had_config = old is None or old.registration_config is not None
        if wanted.registration_config is None and had_config:
            # The only way to clear the configuration. It turns auto-registration off too, so that is set afterwards.
            self._iot.update_ca_certificate(certificate_id, status=wanted.status, remove_auto_registration=True)
            if wanted.auto_registration is AutoRegistrationStatus.ENABLE:
                self._iot.update_ca_certificate(certificate_id, auto_registration=wanted.auto_registration)
            return
        self._iot.update_ca_certificate(
            certificate_id,
            status=wanted.status,
            auto_registration=wanted.auto_registration,
            config=wanted.registration_config,
        )

    def _change_tags(self, wanted: CaCertificateProperties, old: CaCertificateProperties | None, arn: str) -> None:
        before = {} if old is None else old.tags
        changed = {key: value for key, value in wanted.tags.items() if before.get(key) != value}
        removed = [key for key in before if key not in wanted.tags]
        # Room first: there may be as many tags as AWS takes.
        if removed:
            self._iot.untag(arn, removed)
        if changed:
            self._iot.tag(arn, changed)


def differences(
    live: CaCertificateDescription, tags: Mapping[str, str], wanted: CaCertificateProperties
) -> Iterator[Difference]:
    """Yield what an adoption would have to change; tags that are not declared may stay."""
    name = CaCertificateProperty
    for property_name, has, declared in (
        (name.CERTIFICATE_MODE, live.mode, wanted.mode),
        (name.STATUS, live.status, wanted.status),
        (name.AUTO_REGISTRATION_STATUS, live.auto_registration, wanted.auto_registration),
    ):
        if has != declared:
            yield Difference(property_name, has, declared)
    if live.config != wanted.registration_config:
        yield Difference(
            name.REGISTRATION_CONFIG,
            "another one" if live.config else "none",
            "one" if wanted.registration_config else "none",
        )
    for key, value in wanted.tags.items():
        if tags.get(key) != value:
            yield Difference(
                name.TAGS,
                f"{shorten(key)}={shorten(tags[key])}" if key in tags else "no such tag",
                f"{shorten(key)}={shorten(value)}",
            )


def _settings(properties: CaCertificateProperties) -> tuple[object, ...]:
    return properties.status, properties.auto_registration, properties.registration_config
