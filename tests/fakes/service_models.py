"""The SDK's descriptions of its services, read once a process: sessions share them."""

from __future__ import annotations

import boto3
import botocore.session

LOADER = botocore.session.get_session().get_component("data_loader")


def fake_session() -> boto3.Session:
    """Return a session with credentials that nobody accepts, and the descriptions that were read already."""
    core = botocore.session.get_session()
    core.register_component("data_loader", LOADER)
    core.set_credentials("fake", "fake")
    core.set_config_variable("region", "eu-west-1")
    return boto3.Session(botocore_session=core)
