"""boto3 sessions that can reach the embedded AWS only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.session import Session

from iot_certificates_local.environment import ACCESS_KEY

if TYPE_CHECKING:
    from pathlib import Path


def session_for(
    endpoint: str, ca_file: Path, *, access_key: str, region: str, secret_key: str = ACCESS_KEY
) -> boto3.Session:
    """Return a session whose clients and resources use ``endpoint``, with its certificate verified.

    ``secret_key``: of an IAM user's access key; a root user's is not checked.

    Nothing of the user's own configuration is read: neither profiles nor endpoints nor proxies.
    """
    inner = _EmulatorSession(
        session_vars={"profile": (None, [], None, None), "config_file": (None, [], str(ca_file.parent / "none"), None)}
    )
    inner.point_at(endpoint, ca_file)
    return boto3.Session(
        aws_access_key_id=access_key, aws_secret_access_key=secret_key, region_name=region, botocore_session=inner
    )


class _EmulatorSession(Session):
    """A botocore session with an endpoint: as a configuration variable botocore takes it from the user's alone."""

    def point_at(self, endpoint: str, ca_file: Path) -> None:
        self._endpoint, self._ca_file = endpoint, str(ca_file)
        self.set_default_client_config(Config(proxies={}))

    def create_client(self, *args: Any, **options: Any) -> Any:
        """Make a client of the emulator's, unless the caller names another endpoint."""
        for name, value in (("endpoint_url", self._endpoint), ("verify", self._ca_file)):
            if options.get(name) is None:
                options[name] = value
        return super().create_client(*args, **options)
