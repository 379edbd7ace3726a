"""The function's asset: built without Docker, reproducibly, and only when its input has changed.

Where a Python of the function's version is at hand, the asset has bytecode, which shortens cold starts. The function
does the same with and without: the key, by which a deployment sees whether it has changed, is one.
"""

from iot_certificates.bundling.asset import DEFAULT_TARGET, MAX_BYTES, PROVIDER_SOURCE, Bundle, Target, bundle
from iot_certificates.bundling.errors import BundlingError

__all__ = ["DEFAULT_TARGET", "MAX_BYTES", "PROVIDER_SOURCE", "Bundle", "BundlingError", "Target", "bundle"]
