"""A function that cannot start answers its custom resource at once: AWS, and MiniStack, would wait for an hour.

A bundle for another Python or processor is the usual reason: MiniStack runs functions with this machine's. The provider
imports its compiled modules with the first request only, so that its bundle is checked before the start. Any other
function fails when its handler is imported, before it could answer CloudFormation. Here the request fails with the
cause, and with what to do.

AWS invokes the function asynchronously (Lambda developer guide, "Asynchronous invocation": two more attempts), and
CloudFormation waits for the answer until the resource's ServiceTimeout, 3,600 seconds by default, and fails then.
"""

from __future__ import annotations

import io
import logging
import zipfile
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from iot_certificates_local.cdk_cli import function_context
from iot_certificates_local.compiled_modules import unloadable

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("lambda_start")

_NEVER_STARTED = "never-started/"
"""The physical id of what such a function did not make; its Delete has nothing to do."""

_PROVIDER = "iot_certificate_provider/"
"""In the bundle of the provider. All of its compiled modules are necessary; those of other functions may not be."""

_WAYS_OUT = (
    ". In DELETE_FAILED: give the function such a bundle (aws lambda update-function-code) and delete the stack again, "
    "or 'aws cloudformation delete-stack --retain-resources {}', or restart the embedded AWS"
)

Event = dict[str, Any]


class FunctionStartError(RuntimeError):
    """A function's process ended, or failed to import the handler, before it took a request."""


def fail_requests_to_functions_that_cannot_start() -> None:
    """Let MiniStack answer for them. The names that are bound anew are those that its own modules look up."""
    from ministack.core.lambda_runtime import Worker  # noqa: PLC0415 - reads its environment when imported
    from ministack.services import lambda_svc  # noqa: PLC0415
    from ministack.services.cloudformation import custom_resource  # noqa: PLC0415

    Worker._spawn = _named(Worker._spawn)  # noqa: SLF001 - MiniStack has no place for extensions
    execute = lambda_svc._execute_function_with_config_scope  # noqa: SLF001

    def execute_or_answer(function: dict[str, Any], event: Any) -> dict[str, Any]:
        result: dict[str, Any] = execute(function, event)
        reason = _start_error(result)
        if reason is not None and isinstance(event, dict) and "ResponseURL" in event:
            token = urlsplit(event["ResponseURL"]).path.rpartition("/")[2]
            custom_resource.deliver_response(token, answer_to(event, reason))
        return result

    lambda_svc._execute_function_with_config_scope = execute_or_answer  # noqa: SLF001


def answer_to(event: Event, reason: str) -> dict[str, Any]:
    """Return the answer to a request of CloudFormation's that a function with this start error did not take.

    A stack that fails to delete cannot be updated, so that the reason of a failed Delete names the ways out.
    """
    physical_id = event.get("PhysicalResourceId") or _NEVER_STARTED + event["RequestId"]
    is_delete = event["RequestType"] == "Delete"
    nothing_to_do = is_delete and physical_id.startswith(_NEVER_STARTED)
    if is_delete and not nothing_to_do:
        reason += _WAYS_OUT.format(event["LogicalResourceId"])
    answer = {"Status": "SUCCESS" if nothing_to_do else "FAILED", "PhysicalResourceId": physical_id, "Reason": reason}
    return answer | {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}


def check_bundle(bundle: bytes) -> None:
    """Raise ImportError for a provider's bundle with compiled modules for another Python or processor."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        is_of_the_provider = any(name.startswith(_PROVIDER) for name in archive.namelist())
    missing = unloadable(bundle) if is_of_the_provider else []
    if missing:
        raise ImportError(f"its bundle is for another Python or processor, without {', '.join(missing)} for this one")


def _named(spawn: Callable[[Any], None]) -> Callable[[Any], None]:
    def spawn_or_raise(worker: Any) -> None:
        try:
            check_bundle(worker.code_zip)
            spawn(worker)
        except Exception as error:
            logger.warning("function %s cannot start: %s", worker.func_name, error)
            raise FunctionStartError(_sentence(str(error))) from error

    return spawn_or_raise


def _start_error(result: dict[str, Any]) -> str | None:
    body = result.get("body")
    if result.get("error") and isinstance(body, dict) and body.get("errorType") == FunctionStartError.__name__:
        return str(body["errorMessage"])
    return None


def _sentence(error: str) -> str:
    words = " ".join(error.removeprefix("Worker init failed:").split())[-300:]
    context = function_context()
    options = " ".join(f"-c {name}={value}" for name, value in context.items())
    return (
        f"The function cannot start on this machine ({', '.join(context.values())}): {words}. Build its bundle for "
        f"this machine: deploy with EmbeddedAws.deploy, or with '{options}'"
    )
