"""What shortens a cold start; imported before anything that is slow to import."""

from __future__ import annotations

import gc

# Modules and boto3's data, megabytes of it, are made to stay: to look for garbage among them meanwhile finds none, and
# takes a seventh of the time.
gc.set_threshold(100_000)
