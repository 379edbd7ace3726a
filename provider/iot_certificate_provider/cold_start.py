"""What shortens a cold start; imported before anything that is slow to import."""

from __future__ import annotations

import gc
import os

# Modules and boto3's data, megabytes of it, are made to stay: to look for garbage among them meanwhile finds none, and
# takes a seventh of the time. In Lambda alone: another process that imports the function has habits of its own.
if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    gc.set_threshold(100_000)
