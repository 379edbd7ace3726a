"""CloudFormation refuses to update or create anew a stack by its status, where MiniStack takes it.

User guide, "Stack status codes": in ROLLBACK_COMPLETE, "only a delete operation can be performed"; of ROLLBACK_FAILED,
"Delete the stack"; in DELETE_FAILED, "you can't work with or update the stack"; in UPDATE_ROLLBACK_FAILED, "you can
delete the stack or continue rollback". The words are AWS's, as users report them of UpdateStack and CreateChangeSet:

* "Stack:<ARN> is in ROLLBACK_FAILED state and can not be updated." (data-lakes-on-aws, issue 109), the same of
  UPDATE_ROLLBACK_FAILED (amplify-cli, issue 1364) and of ROLLBACK_COMPLETE (aws-cli, issue 6216), and while an
  operation is running.
* "Stack [<name>] already exists and cannot be created again with the changeSet [<name>]."

CREATE_FAILED and UPDATE_FAILED are none of them: "troubleshoot resources in a CREATE_FAILED or UPDATE_FAILED status,
and then resume provisioning" (user guide, "Choose how to handle failures when provisioning resources").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iot_certificates_local.strict.cloudformation.event_log import Stack

    Handler = Callable[[Any], Any]

CHANGING = ("CreateStack", "UpdateStack", "CreateChangeSet")

_NOT_UPDATED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED")
_REVIEWED = "REVIEW_IN_PROGRESS"


def refusal(action: str, parameters: Mapping[str, str], stack: Stack | None) -> tuple[str, str] | None:
    """Return code and message with which CloudFormation refuses one of CHANGING; None where it does not.

    * ``parameters``: the request's StackName, ChangeSetName and ChangeSetType.
    * ``stack``: the one of that name, None where there is none.
    """
    status = "DELETE_COMPLETE" if stack is None else stack["StackStatus"]
    if stack is None or status == "DELETE_COMPLETE":
        return None
    if action == "CreateStack":
        exists = status == "ROLLBACK_COMPLETE"  # MiniStack refuses the others
        return ("AlreadyExistsException", f"Stack [{stack['StackName']}] already exists") if exists else None
    if parameters.get("ChangeSetType") == "CREATE":
        again = f"and cannot be created again with the changeSet [{parameters['ChangeSetName']}]."
        return (
            None if status == _REVIEWED else ("ValidationError", f"Stack [{stack['StackName']}] already exists {again}")
        )
    if status in _NOT_UPDATED or (status.endswith("_IN_PROGRESS") and status != _REVIEWED):
        return "ValidationError", f"Stack:{stack['StackId']} is in {status} state and can not be updated."
    return None


def refusing(
    action: str,
    handler: Handler,
    parameter: Callable[[Any, str], str],
    stack_of: Callable[[str], Stack | None],
    error: Callable[[str, str], Any],
) -> Handler:
    """Return MiniStack's handler of an action of CHANGING, that refuses what CloudFormation refuses.

    * ``parameter``: one of a request's parameters, by its name; ``stack_of``: the stack of a name or an id.
    * ``error``: MiniStack's answer with a code and a message.
    """

    def answer(parameters: Any) -> Any:
        names = ("StackName", "ChangeSetName", "ChangeSetType")
        given = {name: parameter(parameters, name) for name in names}
        found = refusal(action, given, stack_of(given["StackName"]))
        return handler(parameters) if found is None else error(*found)

    return answer
