"""The errors of a command.

::

    CommandError       exit status 1
    └── UsageError     exit status 2: another command line is needed
"""

from __future__ import annotations

from iot_certificate_provider.printable import printable
from iot_certificates_cli.aws_failures import explain


class CommandError(Exception):
    """A failure that the operator can act on; ``str()`` is the sentence they read."""

    exit_status = 1


class UsageError(CommandError):
    """The command line, or the AWS configuration that it names, cannot be used."""

    exit_status = 2


def sentence_of(error: Exception) -> str:
    """Return what is wrong, to its reader: the gateways speak of the function, which is not who calls here."""
    text = printable(explain(error.__cause__) or str(error))
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."
