"""The SDK's descriptions of its services, read once a process: sessions share them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import botocore.session

if TYPE_CHECKING:
    from collections.abc import Callable

LOADER = botocore.session.get_session().get_component("data_loader")


def fake_session() -> boto3.Session:
    """Return a session with credentials that nobody accepts, and the descriptions that were read already."""
    core = botocore.session.get_session()
    core.register_component("data_loader", LOADER)
    core.set_credentials("fake", "fake")
    core.set_config_variable("region", "eu-west-1")
    core.register("creating-client-class", _resolving_once)
    return boto3.Session(botocore_session=core)


class _ResolvingOnce:
    """A client that resolves the endpoint of an operation once, not at each call: it took a tenth of a call's time.

    Only the endpoints of Amazon S3 depend on what a call is about: on its bucket.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        resolver = self._ruleset_resolver  # type: ignore[attr-defined]
        if self.meta.service_model.service_name != "s3":  # type: ignore[attr-defined]
            resolver.construct_endpoint = _once_per_operation(resolver.construct_endpoint)


def _resolving_once(**event: Any) -> None:
    event["base_classes"].insert(0, _ResolvingOnce)


def _once_per_operation(construct: Callable[..., Any]) -> Callable[..., Any]:
    resolved: dict[str, Any] = {}

    def construct_endpoint(operation_model: Any, call_args: Any, request_context: Any) -> Any:
        if operation_model.name not in resolved:
            resolved[operation_model.name] = construct(operation_model, call_args, request_context)
        return resolved[operation_model.name]

    return construct_endpoint
