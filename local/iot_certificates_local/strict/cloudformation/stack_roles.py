"""The role that CloudFormation has for a stack: MiniStack takes it, and forgets it.

API reference, CreateStack, RoleARN: "CloudFormation always uses this role for all future operations on the stack";
UpdateStack: "If you don't specify a value, CloudFormation uses the role that was previously associated with the stack".
DescribeStacks shows it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[[Any], Any]

GIVING = ("CreateStack", "UpdateStack", "CreateChangeSet")
_STACK_ID = re.compile(r"<StackId>([^<]+)</StackId>")


class StackRoles:
    """The roles of stacks, by the stacks' ids. ``parameter``: one of a request's parameters, by its name."""

    def __init__(self, parameter: Callable[[Any, str], str]) -> None:
        self._parameter = parameter
        self._roles: dict[str, str] = {}

    def noting(self, handler: Handler) -> Handler:
        """Return the handler of an action that may give a stack its role."""

        def answer(parameters: Any) -> Any:
            answered = handler(parameters)
            found = _STACK_ID.search(answered[2].decode("utf-8"))
            role = self._parameter(parameters, "RoleARN")
            if found is not None and role:
                self._roles[found[1]] = role
            return answered

        return answer

    def showing(self, handler: Handler) -> Handler:
        """Return the handler of DescribeStacks, with the stacks' roles."""

        def answer(parameters: Any) -> Any:
            status, headers, body = handler(parameters)
            return status, headers, _STACK_ID.sub(self._with_role, body.decode("utf-8")).encode("utf-8")

        return answer

    def _with_role(self, stack_id: re.Match[str]) -> str:
        role = self._roles.get(stack_id[1], "")
        return f"{stack_id[0]}<RoleARN>{escape(role)}</RoleARN>" if role else stack_id[0]
