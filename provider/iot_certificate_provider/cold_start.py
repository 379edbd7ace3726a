"""Settings that shorten a cold start; imported before any slow import."""

from __future__ import annotations

import gc
import os

_USUAL = gc.get_threshold()
_MEANWHILE = (100_000, *_USUAL[1:])

# Modules and boto3's data, megabytes of it, are made to stay: to look for garbage among them meanwhile finds none, and
# takes a seventh of the time. In Lambda alone: another process that imports the function has habits of its own.
if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    gc.set_threshold(*_MEANWHILE)


def end() -> None:
    """Look for garbage as usual from now on, and leave alone what is there already: there are calls by the hundred.

    Each call of botocore's leaves objects in circles: 15 MB before a hundred thousand of them are looked at.
    """
    if gc.get_threshold() == _MEANWHILE:
        gc.freeze()
        gc.set_threshold(*_USUAL)
