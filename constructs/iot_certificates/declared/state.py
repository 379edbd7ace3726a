"""When a value is known: at synth, at deployment, or once the CDK CLI has looked it up.

A value of the wrong type has none of these states: its kind (kinds.py) refuses it.
"""

from __future__ import annotations

from enum import Enum, auto

from aws_cdk import Token

# AWS CDK Developer Guide, "String-encoded tokens", "List-encoded tokens" and "Number-encoded tokens".
_TEXT_TOKEN = "${Token["  # noqa: S105 - no password
_LIST_TOKEN = "#{Token["  # noqa: S105
_NUMBER_TOKENS_BELOW = -1e280
# The value that the CDK gives until its CLI has made the lookup, ``ssm.StringParameter.value_from_lookup`` for one.
_LOOKUP = "dummy-value-for-"


class State(Enum):
    """When a value of the right type is known."""

    LITERAL = auto()
    TOKEN = auto()
    LOOKUP = auto()


def state_of(value: object) -> State:
    """Return when a value, a text, number, list or anything that the CDK resolves, is known."""
    if isinstance(value, str):
        if _LOOKUP in value:
            return State.LOOKUP
        # Only a text that looks like a token needs the question, which is asked in another process.
        return State.TOKEN if _TEXT_TOKEN in value and Token.is_unresolved(value) else State.LITERAL
    if isinstance(value, float) and value < _NUMBER_TOKENS_BELOW:
        return State.TOKEN
    return State.TOKEN if is_list_token(value) or is_resolvable(value) else State.LITERAL


def is_known(value: object) -> bool:
    """Whether a value is known at synth."""
    return state_of(value) is State.LITERAL


def is_list_token(value: object) -> bool:
    """Whether a list is known only at deployment, as a whole: ``value_as_list`` of a parameter, ``Fn.split``."""
    return isinstance(value, (list, tuple)) and len(value) == 1 and has_list_token(value[0])


def has_list_token(item: object) -> bool:
    """Whether an item of a list stands for a whole list."""
    return isinstance(item, str) and _LIST_TOKEN in item


def is_resolvable(value: object) -> bool:
    """Whether the CDK resolves the value (``IResolvable``): ``Fn.get_att``, ``Lazy.any``."""
    # Asked of the class: of the object, a property is a question to the CDK. What jsii returns for IResolvable is of a
    # class without members, and a method of it needs no question.
    kind = type(value)
    of_an_interface = kind.__name__ == "InterfaceDynamicProxy"
    return (hasattr(kind, "resolve") and hasattr(kind, "creation_stack")) or (
        of_an_interface and hasattr(value, "resolve")
    )
