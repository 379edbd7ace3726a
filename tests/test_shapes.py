"""Each type's shape has the contract's properties, and its parser reads all of them, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from iot_certificate_provider.contract import (
    CaCertificateProperty,
    CertificateGenerationProperty,
    CertificateTransferDecisionProperty,
    CertificateTransferProperty,
    DeviceCertificateProperty,
    IssuedDeviceCertificateProperty,
    IssuerProperty,
    RegistrationCodeProperty,
    SelfSignedCaCertificateProperty,
    SubjectProperty,
)
from iot_certificate_provider.properties import (
    ca_certificate,
    certificate_generation,
    certificate_transfer,
    certificate_transfer_decision,
    device_certificate,
    issued_device_certificate,
    registration_code,
    self_signed_ca_certificate,
)
from iot_certificate_provider.properties.ca_key import CaKeyProperty
from iot_certificate_provider.properties.registration_config import RegistrationConfigProperty
from iot_certificate_provider.properties.shapes import Map, Maps, Shape, Update
from iot_certificate_provider.properties.tags import TagProperty
from samples import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from enum import StrEnum

SHAPES: list[tuple[Shape, type[StrEnum]]] = [
    (ca_certificate.SHAPE, CaCertificateProperty),
    (device_certificate.SHAPE, DeviceCertificateProperty),
    (self_signed_ca_certificate.SHAPE, SelfSignedCaCertificateProperty),
    (issued_device_certificate.SHAPE, IssuedDeviceCertificateProperty),
    (registration_code.SHAPE, RegistrationCodeProperty),
    (certificate_transfer.SHAPE, CertificateTransferProperty),
    (certificate_transfer_decision.SHAPE, CertificateTransferDecisionProperty),
    (certificate_generation.SHAPE, CertificateGenerationProperty),
]
MAPS: dict[str, type[StrEnum]] = {
    "Issuer": IssuerProperty,
    "RegistrationConfig": RegistrationConfigProperty,
    "Subject": SubjectProperty,
    "Tags": TagProperty,
    "VerificationKey": CaKeyProperty,
}


@pytest.mark.parametrize(("shape", "names"), SHAPES, ids=[names.__name__ for _, names in SHAPES])
def test_a_type_has_the_contracts_properties_in_its_order(shape: Shape, names: type[StrEnum]) -> None:
    assert shape.names == list(names)
    for each in shape.properties:
        assert each.update is not None
        if isinstance(each, Map | Maps):
            assert each.shape.names == list(MAPS[each.name])


class Spy(dict[str, Any]):
    """Properties that know which of them were asked for."""

    def __init__(self, raw: dict[str, Any]) -> None:
        super().__init__({name: Spy(value) if isinstance(value, dict) else value for name, value in raw.items()})
        self.asked: set[str] = set()

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)

    def with_maps(self, shape: Shape) -> Iterator[tuple[Spy, Shape]]:
        """Yield these properties and the maps in them, with their shapes."""
        yield self, shape
        for each in shape.properties:
            if isinstance(each, Map) and super().__contains__(each.name):
                yield from super().__getitem__(each.name).with_maps(each.shape)


@pytest.mark.parametrize("kind", SAMPLES, ids=lambda kind: kind.type.partition("Custom::")[2])
def test_a_parser_reads_the_properties_of_its_shape_and_no_others(kind: Any) -> None:
    asked: dict[Shape, set[str]] = {}
    for raw in kind.accepted:
        spy = Spy(raw)
        kind.read(spy)
        for properties, shape in list(spy.with_maps(kind.shape)):
            asked.setdefault(shape, set()).update(properties.asked)
    assert kind.shape in asked
    for shape, names in asked.items():
        assert names == {*shape.names}


@pytest.mark.parametrize("kind", SAMPLES[2:4], ids=["self-signed CA", "issued device certificate"])
def test_what_rotates_is_what_makes_another_certificate(kind: Any) -> None:
    identities = [kind.read(raw).identity() for raw in kind.accepted]
    rotating = {str(each.name) for each in kind.shape.properties if each.update is Update.ROTATION}
    assert {str(name) for identity in identities for name in identity} == rotating
