"""A certificate's serial number, as text."""

from __future__ import annotations


def whole_bytes(serial_number: int) -> str:
    """Return a serial number in hex: whole bytes, upper case, with its sign."""
    digits = f"{abs(serial_number):X}"
    return ("-" if serial_number < 0 else "") + digits.zfill(len(digits) + len(digits) % 2)
