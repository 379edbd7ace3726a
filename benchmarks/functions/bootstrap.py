"""What Lambda's runtime does: finds the function, imports it, and hands it an event.

Run by itself, in an isolated interpreter: ``bootstrap.py TASK RUNTIME HANDLER EVENT``. It imports hardly anything.
"""

import sys

task, runtime, name, event_file = sys.argv[1:]
sys.path[:] = [task, *[path for path in sys.path[1:] if "site-packages" not in path], runtime]

import importlib  # noqa: E402
import json  # noqa: E402


class Context:
    """Lambda's context, as far as it is looked at."""

    function_name = "provider"
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:provider"
    aws_request_id = "7b0c2f2e-0000-4000-8000-00000000000f"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left."""
        return 300_000


module, _, function = name.rpartition(".")
handler = getattr(importlib.import_module(module), function)
with open(event_file) as file:  # noqa: PTH123 - pathlib is an import that not every function needs
    handler(json.load(file), Context())
