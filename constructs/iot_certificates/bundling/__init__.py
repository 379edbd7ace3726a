"""The function's asset: built without Docker, the same bytes from the same input, and only when that has changed."""

from iot_certificates.bundling.asset import DEFAULT_TARGET, MAX_BYTES, PROVIDER_SOURCE, Bundle, Target, bundle
from iot_certificates.bundling.wheels import BundlingError

__all__ = ["DEFAULT_TARGET", "MAX_BYTES", "PROVIDER_SOURCE", "Bundle", "BundlingError", "Target", "bundle"]
