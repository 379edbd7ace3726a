"""Certificates to measure with: as many distinct ones as it takes, of one CA."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field

import issuing


@dataclass(frozen=True)
class DeviceCertificate:
    """A device's certificate, and the id that AWS IoT gives it. Not parsed here: the function is to meet it as new."""

    pem: str
    id: str


@dataclass
class Factory:
    """A CA, and the certificates that it issues."""

    ca: issuing.Issued = field(default_factory=issuing.make_ca)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def device(self) -> DeviceCertificate:
        """Issue one more."""
        issued = issuing.make_device(self.ca, f"device {next(self._numbers)}")
        return DeviceCertificate(issued.pem, hashlib.sha256(issued.der).hexdigest())
