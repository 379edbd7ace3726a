"""The numbers of accounts that nobody has used, one after the other."""

from __future__ import annotations

import itertools

ACCOUNTS = itertools.count(200000000000)
