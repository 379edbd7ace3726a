"""The definition of a fleet's state machine: JSONPath and literals, which every implementation reads alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    State = dict[str, Any]

LABEL = "Shards"
"""Names the executions of the children: ``…:execution:<machine>/Shards:<id>``."""

FUNCTION_SECONDS = 900
"""The longest that Lambda runs a function, and that of Plan, Work and Settle."""

# To start a function, and to answer, takes seconds more.
_TASK_SECONDS = FUNCTION_SECONDS + 30
_INVOKE = "arn:aws:states:::lambda:invoke"
_LIST = "arn:aws:states:::s3:listObjectsV2"


def fleet_definition(
    functions: Mapping[str, str], bucket: str, children: int | str, *, partition: str = "aws"
) -> State:
    """Return the definition.

    * ``functions``: ARNs of the functions by the names of their states: Plan, Work, Settle, Answer.
    * ``bucket``: of the fleet; its items are listed there. ``children``: how many shards are worked on at once;
      a token is a text.
    """
    invoke = _INVOKE.replace("arn:aws:", f"arn:{partition}:", 1)
    on_error = _caught("Settle")

    def task(name: str, **more: Any) -> State:
        parameters = {"FunctionName": functions[name], "Payload.$": "$"}
        return {
            "Type": "Task",
            "Resource": invoke,
            "Parameters": parameters,
            "TimeoutSeconds": _TASK_SECONDS,
            "Retry": _retry(),
            **more,
        }

    children_of = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Work",
        "States": {
            "Work": task("Work", ResultSelector={"more.$": "$.Payload.more"}, ResultPath="$.worked", Next="More?"),
            "More?": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.worked.more", "BooleanEquals": True, "Next": "Work"}],
                "Default": "Done",
            },
            # All children's outputs together have 256 KiB, also where ResultPath drops them.
            "Done": {"Type": "Pass", "Result": {}, "End": True},
        },
    }
    shards: State = {
        "Type": "Map",
        "Label": LABEL,
        "ItemReader": {
            "Resource": _LIST.replace("arn:aws:", f"arn:{partition}:", 1),
            "Parameters": {"Bucket": bucket, "Prefix.$": "States.Format('{}/work/', $.run)"},
        },
        "ItemSelector": {"bucket.$": "$.bucket", "run.$": "$.run", "shard.$": "$$.Map.Item.Value.Key"},
        "ItemProcessor": children_of,
        "MaxConcurrency": children,
        "ToleratedFailurePercentage": 0,
        "ResultPath": None,
        # The role may be seconds old.
        "Retry": [{"ErrorEquals": ["States.ItemReaderFailed"], "IntervalSeconds": 2, "MaxAttempts": 4}],
        "Catch": on_error,
        "Next": "Settle",
    }
    return {
        "Comment": "Registers, changes or removes the certificates of a fleet, a shard of its manifest at a time.",
        "StartAt": "Plan",
        "States": {
            "Plan": task("Plan", OutputPath="$.Payload", Catch=on_error, Next="Any?"),
            "Any?": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.items", "NumericGreaterThan": 0, "Next": LABEL}],
                "Default": "Settle",
            },
            LABEL: shards,
            "Settle": task("Settle", OutputPath="$.Payload", Catch=_caught("Answer"), Next="Answer"),
            "Answer": task("Answer", OutputPath="$.Payload", End=True),
        },
    }


def _caught(following: str) -> list[State]:
    return [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": following}]


def _retry() -> list[State]:
    # A killed worker, a throttled invocation, a role that is seconds old: each state may be run again at any time.
    return [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "MaxAttempts": 5, "BackoffRate": 2.0}]
