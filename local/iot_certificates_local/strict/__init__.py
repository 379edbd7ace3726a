"""A layer over MiniStack that refuses what AWS IoT refuses and MiniStack does not: one module a family of rules.

Its twin, written from the documentation without it, is ``tests/fakes``: where they disagree, one of them is wrong.
"""

from iot_certificates_local.strict.application import StrictAws, Strictness

__all__ = ["StrictAws", "Strictness"]
