"""Reading the envelope of an event: everything of it but what the properties say."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import MAX_PHYSICAL_ID_CHARACTERS
from iot_certificate_provider.deadline import sent_at
from iot_certificate_provider.errors import InvalidPropertyError, kind_of, shorten
from iot_certificate_provider.protocol.request import AwsEnvironment, Request, RequestType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iot_certificate_provider.deadline import Deadline
    from iot_certificate_provider.protocol.request import Progress

_ECHOED = ("StackId", "RequestId", "LogicalResourceId")
_REQUIRED = (*_ECHOED, "ResponseURL")

_MAX_ECHOED_CHARACTERS = 2048
"""Half an answer. CloudFormation's are a few hundred: an ARN, a UUID, and a logical id of 255 characters."""

MAX_LEVELS = 20
"""How deep lists and maps of a property may be nested; no property of this provider has more than three levels.

Python gives up, with a RecursionError, at hundreds.
"""


def is_usable(event: object) -> bool:
    """Whether the event says where its answer goes to, and what CloudFormation knows the answer by."""
    return isinstance(event, dict) and all(_is_text(event.get(name)) for name in _REQUIRED)


def described(event: Mapping[str, Any], name: str) -> str | None:
    """Return a member of the event for the log: None where it is missing, and where it is no text what it is."""
    value = event.get(name)
    return value if value is None or isinstance(value, str) else f"a {kind_of(value)}"


def properties(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the properties; empty ones where there is no map, and None for each that is nested too deep.

    None is what no property can be.
    """
    given = event.get(name)
    if not isinstance(given, dict):
        return {}
    return {each: None if _is_too_deep(value) else value for each, value in given.items()}


def read(event: Mapping[str, Any], context: Any, deadline: Deadline, progress: Progress) -> Request:
    """Return the request of an event that is usable.

    Raises InvalidPropertyError for what CloudFormation does not send. A Delete needs no valid properties.
    """
    _check_echoed(event)
    request_type = _request_type(event.get("RequestType"))
    if request_type is not RequestType.CREATE:
        _check_physical_id(event, request_type)
    if not _is_text(event.get("ResourceType")):
        raise _unreadable(event, "ResourceType", "text", "Send the resource's type, like Custom::IotCaCertificate")
    if request_type is not RequestType.DELETE:
        _check_properties(event)
    return Request(
        type=request_type,
        resource_type=event["ResourceType"],
        request_id=event["RequestId"],
        stack_id=event["StackId"],
        logical_id=event["LogicalResourceId"],
        physical_id=physical_id(event),
        properties=properties(event, "ResourceProperties"),
        old_properties=properties(event, "OldResourceProperties"),
        home=AwsEnvironment.of_function_arn(context.invoked_function_arn),
        deadline=deadline,
        progress=progress,
        sent=sent_at(event["ResponseURL"]),
    )


def physical_id(event: Mapping[str, Any]) -> str | None:
    """Return the physical id of the event; None where there is none that CloudFormation could have sent."""
    given = event.get("PhysicalResourceId")
    return given if isinstance(given, str) and 0 < len(given) <= MAX_PHYSICAL_ID_CHARACTERS else None


def _check_echoed(event: Mapping[str, Any]) -> None:
    for name in _ECHOED:
        if len(ascii(event[name])) > _MAX_ECHOED_CHARACTERS:
            raise InvalidPropertyError(
                name, f"has {len(event[name]):,} characters, too many for the answer", "Send a shorter one"
            )


def _request_type(value: object) -> RequestType:
    fix = f"Send {', '.join([*RequestType][:-1])} or {[*RequestType][-1]}"
    if not _is_text(value):
        raise _unreadable({"RequestType": value}, "RequestType", "text", fix)
    text = str(value)
    if text in [*RequestType]:
        return RequestType(text)
    near = difflib.get_close_matches(text[:20].title(), RequestType, n=1)
    raise InvalidPropertyError(
        "RequestType",
        f"'{shorten(text, 20)}' is not one of CloudFormation's request types",
        f"Did you mean {near[0]}? Upper and lower case matter" if near else fix,
    )


def _check_physical_id(event: Mapping[str, Any], request_type: RequestType) -> None:
    value = event.get("PhysicalResourceId")
    fix = f"Every {request_type} has the id that the resource's Create, or last Update, answered with"
    if not _is_text(value):
        raise _unreadable(event, "PhysicalResourceId", "text", fix)
    if len(str(value)) > MAX_PHYSICAL_ID_CHARACTERS:
        problem = f"has {len(str(value)):,} characters, above CloudFormation's limit of {MAX_PHYSICAL_ID_CHARACTERS:,}"
        raise InvalidPropertyError("PhysicalResourceId", problem, fix)


def _check_properties(event: Mapping[str, Any]) -> None:
    fix = "Send a map of the properties"
    if not isinstance(event.get("ResourceProperties"), dict):
        raise _unreadable(event, "ResourceProperties", "map", fix)
    if not isinstance(event.get("OldResourceProperties", {}), dict):
        raise _unreadable(event, "OldResourceProperties", "map", fix)
    for name, value in event["ResourceProperties"].items():
        if _is_too_deep(value):
            problem = f"has lists or maps that are nested more than {MAX_LEVELS} levels deep"
            raise InvalidPropertyError(shorten(name), problem, "See the documentation of the property")


def _unreadable(event: Mapping[str, Any], name: str, wanted: str, fix: str) -> InvalidPropertyError:
    value = event.get(name)
    missing = value is None or value == ""
    return InvalidPropertyError(name, "is missing" if missing else f"is a {kind_of(value)}, not a {wanted}", fix)


def _is_too_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_LEVELS):
        level = [inner for each in level for inner in _items(each)]
        if not level:
            return False
    return any(isinstance(each, dict | list) for each in level)


def _items(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)
