"""What a command says when it cannot go on.

::

    CommandError       exit status 1
    └── UsageError     exit status 2: another command line is needed
"""

from __future__ import annotations


class CommandError(Exception):
    """A failure that the operator can act on; ``str()`` is the sentence they read."""

    exit_status = 1


class UsageError(CommandError):
    """The command line, or the AWS configuration that it names, cannot be used."""

    exit_status = 2
