"""The errors of the embedded AWS, as one tree.

EmbeddedAwsError            the embedded AWS does not start, or does not answer
├── CdkError                the CDK CLI is missing, or a command of it failed
├── MqttRefusedError        the broker let a device in no further
└── StoryError              the demo saw something else than it should have

Each message is a sentence for the person at the screen: what happened, and what to do.
"""

from __future__ import annotations


class EmbeddedAwsError(Exception):
    """The embedded AWS does not start, or does not answer."""


class CdkError(EmbeddedAwsError):
    """The CDK CLI is missing, or a command of it failed; ``output`` is what that has printed."""

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


class MqttRefusedError(EmbeddedAwsError):
    """The broker let a device in no further; ``reason`` is its own word, or what was seen of the connection."""

    def __init__(self, device: str, reason: str) -> None:
        super().__init__(f"The broker refused {device}: {reason}")
        self.reason = reason


class StoryError(EmbeddedAwsError):
    """The demo saw something else than it should have."""
