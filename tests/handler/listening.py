"""Listening to what a function logs, as somebody does who looks for an error."""

from __future__ import annotations

import json
import logging
import pkgutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import botocore
import urllib3

if TYPE_CHECKING:
    from collections.abc import Iterator

_OTHERS = (
    "",
    "crhelper",
    "crhelper.resource_helper",
    "crhelper.utils",
    "crhelper.log_helper",
    "iot_certificate_provider",
    "http.client",
    "asyncio",
    "concurrent.futures",
)


class Everything(logging.Handler):
    """Keeps each record as the most talkative formatter would write it."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.records: list[logging.LogRecord] = []
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(pathname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def text(self) -> str:
        return "\n".join(self.format(r) + repr(r.args) + repr(r.msg) for r in self.records)

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines about requests."""
        ours = [json.loads(r.getMessage()) for r in self.records if r.name == "iot_certificate_provider"]
        return [line for line in ours if "request" in line]


@contextmanager
def listening() -> Iterator[Everything]:
    """Give all loggers a level of their own, DEBUG, and keep what they write; put back the levels afterwards.

    Every module of the SDK has its logger, whether it is imported yet or not.
    """
    sdk = [each.name for package in (boto3, botocore, urllib3) for each in _modules(package)]
    everything = Everything()
    loggers = [logging.getLogger(name) for name in {*_OTHERS, *sdk, *logging.root.manager.loggerDict}]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    logging.getLogger().addHandler(everything)
    yield everything
    logging.getLogger().removeHandler(everything)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def _modules(package: Any) -> Iterator[pkgutil.ModuleInfo]:
    yield pkgutil.ModuleInfo(None, package.__name__, ispkg=True)  # type: ignore[arg-type]
    yield from pkgutil.walk_packages(package.__path__, f"{package.__name__}.", onerror=lambda _: None)
