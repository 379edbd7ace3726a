"""A layer over MiniStack that refuses what AWS IoT refuses and MiniStack does not: one module a family of rules."""

from iot_certificates_local.strict.application import StrictAws, Strictness

__all__ = ["StrictAws", "Strictness"]
