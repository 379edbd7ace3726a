"""The version of this distribution, which the descriptions of its functions contain."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def release() -> str:
    """Return the distribution with its version: ``iot-certificates doctor`` knows the functions by it."""
    name = "cdk-iot-certificates"
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return name  # copied into an app, and not installed
