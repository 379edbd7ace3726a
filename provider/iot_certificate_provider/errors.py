"""The errors of the provider.

::

    ProviderError                 what CloudFormation's event shows
    ├── InvalidPropertyError      the template is wrong: property, problem, fix
    ├── UnusableError             a certificate, signing request, key or secret is not fit for its purpose
    ├── NotFoundError             AWS does not have it
    ├── ConflictError             AWS has it already, or it is in a state that refuses the call
    │   ├── AlreadyExistsError    … registered already: names the certificate
    │   ├── InUseError            … policies or things are still attached
    │   ├── InProgressError       … still being issued: try again
    │   └── TransferCompletedError … the transfer of the certificate is over
    ├── RefusedError              AWS does not accept the request as it is
    ├── LimitExceededError        a quota that waiting does not lift
    ├── AccessDeniedError         the function's role lacks a permission
    │   └── KeyAccessDeniedError   … for a secret, a key or a private CA that a property names
    ├── ThrottledError            AWS asked to slow down, longer than the deadline allows
    ├── UpstreamError             AWS failed, or gave an undocumented answer
    ├── BundleError               the function's bundle is for another Python or processor
    └── DeadlineError             no time left for the rest of the work
        └── UnfinishedError       … which another invocation can continue

A message is a sentence with the most important words first and the fix last, and never has a
key, a PEM or a secret's text: it is the Reason in CloudFormation's events, which many people can read.
A Reason has few characters, so an error has its parts: AWS's words are cut first, then the problem, never the fix.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from iot_certificate_provider.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_Value = TypeVar("_Value")

_LONGEST_QUOTATION = 48
_LIKE_A_NAME = re.compile(r"[A-Za-z]{1,32}")

_SHORTEST_QUOTATION = 24
"""Fewer characters of AWS's words say nothing."""


class ProviderError(Exception):
    """A failure that a template's author or an operator can act on; ``str()`` is the sentence they read.

    * ``problem``: what failed. ``fix``: what to do; empty where the problem says it, or where nothing can be done.
    * ``said``: AWS's own words; empty where it said nothing.
    """

    def __init__(self, problem: str, fix: str = "", said: str = "") -> None:
        self.problem = problem
        self.fix = fix
        self.said = said
        super().__init__(one_line(_quoting(self._ours(), said)))

    def within(self, characters: int) -> str:
        """Return the sentence in one line of at most so many characters."""
        text, ours, fix = (one_line(each) for each in (str(self), self._ours(), self.fix))
        if len(text) <= characters:
            return text
        if len(ours) + len(_quoting("", "x" * _SHORTEST_QUOTATION)) <= characters:
            return _cut(text, characters)
        if len(ours) <= characters:
            return ours
        problem = one_line(self._problem())
        room = characters - len(f". {fix}")
        return f"{_cut(problem, room)}. {fix}" if fix and room > characters // 4 else _cut(ours, characters)

    def _problem(self) -> str:
        return self.problem

    def _ours(self) -> str:
        return f"{self._problem()}. {self.fix}" if self.fix else self._problem()


def one_line(text: str) -> str:
    """Return the text in one line, all of which can be printed: it may quote a name that a device has chosen."""
    return printable(" ".join(text.split()))


def _quoting(ours: str, said: str) -> str:
    return f"{ours}. AWS: {said}" if said else ours


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


class InvalidPropertyError(ProviderError):
    """A property of the resource is missing, unknown, or has a value that cannot work."""

    def __init__(self, name: str, problem: str, fix: str, said: str = "") -> None:
        self.name = name
        super().__init__(problem, fix, said)

    def _problem(self) -> str:
        return f"{self.name}: {self.problem}"


class UnusableError(ProviderError):
    """A certificate, signing request, key or secret is unreadable, or unfit for what it is declared as."""


class NotFoundError(ProviderError):
    """AWS does not have the certificate, policy, thing, secret or stack that a call named."""


class ConflictError(ProviderError):
    """The state of something in AWS refuses the call."""


class AlreadyExistsError(ConflictError):
    """The certificate is registered already; ``certificate_id`` and ``certificate_arn`` name it."""

    def __init__(self, problem: str, certificate_id: str, certificate_arn: str, fix: str = "") -> None:
        super().__init__(problem, fix)
        self.certificate_id = certificate_id
        self.certificate_arn = certificate_arn


class CancelledError(ConflictError):
    """CloudFormation cancelled the operation while it ran; it was undone."""


class InUseError(ConflictError):
    """Policies or things are still attached, so that the certificate cannot be deleted or transferred."""


class TransferCompletedError(ConflictError):
    """The transfer was accepted already (TransferAlreadyCompletedException)."""


class InProgressError(ConflictError):
    """The requested certificate is still being issued (RequestInProgressException)."""


class RefusedError(ProviderError):
    """AWS does not accept the request as it is, for a reason that only AWS can know."""


class LimitExceededError(ProviderError):
    """A quota is used up and waiting does not help."""


class AccessDeniedError(ProviderError):
    """The function's role lacks a permission; the message names the action as AWS does."""


class KeyAccessDeniedError(AccessDeniedError):
    """The function's role may not use a secret, a key or a private CA; which property names it, its reader knows."""

    def _problem(self) -> str:
        return f"Access denied: {self.problem}"

    def of_property(self, name: str) -> AccessDeniedError:
        """Return the error with the property's name before everything else."""
        return AccessDeniedError(f"{name}: access denied, {self.problem}", self.fix, self.said)


class ThrottledError(ProviderError):
    """AWS went on throttling for as long as the function may wait."""


class UpstreamError(ProviderError):
    """AWS failed, could not be reached, or gave an answer that its API does not have."""


class BundleError(ProviderError):
    """A module of the function's bundle, built for another Python or processor, cannot be imported."""


class DeadlineError(ProviderError):
    """The time that is left does not allow another call to AWS."""


class UnfinishedError(DeadlineError):
    """The time did not do for all of the work; what is left can be done by the same request, delivered again."""


def bundle_error(error: ImportError) -> BundleError | None:
    """Return the error of a bundle that does not fit its runtime; None for a missing module of the provider itself."""
    if (error.name or "").startswith("iot_certificate_provider"):
        return None
    version, machine = sys.version_info, os.uname().machine
    runtime = f"python{version.major}.{version.minor}, {'arm64' if machine == 'aarch64' else machine}"
    return BundleError(
        f"The function's bundle does not fit its runtime ({runtime}): {error.name or 'a module'} cannot be imported",
        "Build it for this runtime (context keys iot-certificates:runtime, iot-certificates:architecture), and deploy "
        "again",
    )


@contextmanager
def attributing_to(name: str) -> Iterator[None]:
    """Attribute what is wrong with a certificate, a key or a secret to the property ``name``.

    An UnusableError becomes an InvalidPropertyError; a KeyAccessDeniedError becomes an AccessDeniedError.
    """
    try:
        yield
    except UnusableError as error:
        raise InvalidPropertyError(name, error.problem, error.fix, error.said) from error
    except KeyAccessDeniedError as error:
        raise error.of_property(name) from error


def readable(read: Callable[[Mapping[str, Any]], _Value], raw: Mapping[str, Any]) -> _Value | None:
    """Return what ``read`` makes of the properties, or None where they are not valid.

    Invalid ones were refused before anything was written: an Update that rolls back from them finds nothing of theirs.
    """
    try:
        return read(raw)
    except InvalidPropertyError:
        return None


def shorten(text: str, characters: int = 48) -> str:
    """Cut a name so that an error's sentence stays readable."""
    return text if len(text) <= characters else text[: characters - 1] + "…"


_MAY_BE_A_KEY = re.compile(r"-----|[A-Za-z0-9+/=]{20}")
"""A mark of PEM, or what can be base64 or hex: a key of 128 bits has 22 characters, a line of a PEM at most 76."""


def shown(value: object) -> str:
    """Quote a short value; another one, and one that may be a part of a key in the wrong place, by its length."""
    if not isinstance(value, str):
        return f"a {kind_of(value)}"
    may_be_a_key = len(value) > _LONGEST_QUOTATION or _MAY_BE_A_KEY.search(value) or not value.isprintable()
    return described_text(value) if may_be_a_key else f"'{value}'"


def described_text(value: str) -> str:
    """Describe a text without quoting it, such as one in the place of a key or a secret."""
    return f"a text of {len(value):,} characters"


def shown_name(name: str) -> str:
    """Return the name of a property that there is not: as it is where it reads like one, else as values are shown."""
    return name if _LIKE_A_NAME.fullmatch(name) else shown(name)


def kind_of(value: object) -> str:
    """Return what CloudFormation calls the type of a property's value, and JSON that of another."""
    kinds = {str: "text", list: "list", dict: "map", bool: "boolean", int: "number", float: "number"}
    return kinds.get(type(value), "null")
