"""Whether the commands that the pages name exist: each program is asked by the thing that defines its commands."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import tomllib
from functools import cache
from typing import TYPE_CHECKING, Any

import typer.main
from botocore import xform_name
from botocore.session import get_session

from documentation.pages import ROOT
from iot_certificates_cli.application import app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_OPERATORS = frozenset(";&|()")
_REDIRECTIONS = frozenset("<>")
_OPTIONS_OF_EVERY_AWS_COMMAND = frozenset({"--region", "--profile", "--query", "--output", "--endpoint-url"})
_COMMANDS_OF_THE_AWS_CLI = frozenset({("cloudformation", "deploy"), ("s3", "cp")})
"""Its own: no operation of a service has these names."""
_OPTIONS_OF_THE_AWS_CLI = {("lambda", "create-function"): {"--zip-file"}}
"""Its own: no parameter of the operation has these names."""
_NOT_CHECKED = frozenset({".", "cat", "cd", "echo", "export", "head", "jq", "mkdir", "openssl", "rm", "terraform"})


def commands(text: str) -> Iterator[list[str]]:
    """Yield the simple commands of a shell script, without the variables that are set before them."""
    begun = ""
    for line in text.replace("\\\n", " ").splitlines():
        begun += f"{line}\n"
        try:
            found = list(_simple_commands(begun))
        except ValueError:
            continue  # within quotation marks, which a later line closes
        yield from found
        begun = ""


def _simple_commands(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    command: list[str] = []
    is_file = False
    for word in [*lexer, ";"]:
        if set(word) <= _REDIRECTIONS:
            is_file = True
        elif set(word) <= _OPERATORS:
            yield from [command] if command else []
            command = []
        elif is_file:
            is_file = False
        elif command or not re.fullmatch(r"\w+=.*", word):
            command.append(word)


def problem(command: Sequence[str]) -> str | None:
    """Say what is wrong with a command, if anything is; also of a program that nothing here knows."""
    program, *arguments = command
    name = program.rpartition("/")[2]
    if name in _NOT_CHECKED:
        return None
    check = _CHECKS.get(name)
    return f"no check for {name}" if check is None else check(arguments)


def _make(arguments: Sequence[str]) -> str | None:
    named = [word for word in arguments if "=" not in word]
    unknown = [word for word in named if word not in _make_targets()]
    unknown += [word for word in arguments if "=" in word and word.partition("=")[0] not in _make_variables()]
    return f"the Makefile has no {unknown}" if unknown else None


@cache
def _make_targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z-]+):", _makefile(), re.MULTILINE))


@cache
def _make_variables() -> frozenset[str]:
    return frozenset(re.findall(r"^([A-Z]+) \?=", _makefile(), re.MULTILINE))


@cache
def _makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")


def _iot_certificates(arguments: Sequence[str]) -> str | None:
    command: Any = typer.main.get_command(app)
    name = "iot-certificates"
    while arguments and not arguments[0].startswith("-") and hasattr(command, "commands"):
        if arguments[0] not in command.commands:
            return f"{name} has no command {arguments[0]}"
        name = f"{name} {arguments[0]}"
        command, arguments = command.commands[arguments[0]], arguments[1:]
    known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"-h", "--help"}
    return _unknown_options(arguments, known)


def _aws(arguments: Sequence[str]) -> str | None:
    """Ask botocore, whose models the AWS CLI has its commands from."""
    service, operation = (*arguments, "", "")[:2]
    if (service, operation) in _COMMANDS_OF_THE_AWS_CLI:
        return None
    if service not in get_session().get_available_services():
        return f"AWS has no service {service}"
    model = _service(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    if operation == "wait":
        return None if arguments[2] in _waiters(service) else f"{service} has no waiter {arguments[2]}"
    if operation not in names:
        return f"{service} has no operation {operation}"
    shape = model.operation_model(names[operation]).input_shape
    members = [] if shape is None else list(shape.members.items())
    known = {f"--{xform_name(name, '-')}" for name, _ in members}
    known |= {f"--no-{xform_name(name, '-')}" for name, member in members if member.type_name == "boolean"}
    known |= _OPTIONS_OF_THE_AWS_CLI.get((service, operation), set())
    return _unknown_options(arguments[2:], known | _OPTIONS_OF_EVERY_AWS_COMMAND)


@cache
def _service(name: str) -> Any:
    return get_session().get_service_model(name)


@cache
def _waiters(service: str) -> frozenset[str]:
    described: dict[str, Any] = get_session().get_component("data_loader").load_service_model(service, "waiters-2")
    return frozenset(xform_name(name, "-") for name in described["waiters"])


def _unknown_options(arguments: Sequence[str], known: set[str]) -> str | None:
    given = [word.partition("=")[0] for word in arguments if word.startswith("-")]
    unknown = [option for option in given if option not in known]
    return f"no option {', '.join(unknown)}" if unknown else None


def _npx(arguments: Sequence[str]) -> str | None:
    pinned = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    known = {f"{name}@{version}" for name, version in pinned.items()} | _programs_of_packages()
    named = [word for word in arguments if not word.startswith("-") and word != "install"]
    return None if named and named[0] in known else f"not pinned as in package.json: {named[:1]}"


def _programs_of_packages() -> set[str]:
    """Return what npx runs in a clone, where the packages are installed."""
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    return {program for package in packages.values() for program in package.get("bin", {})}


def _pip(arguments: Sequence[str]) -> str | None:
    extras = re.findall(r"\[([\w,-]+)\]$", " ".join(arguments))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    unknown = set(",".join(extras).split(",")) - {"", *project["optional-dependencies"]}
    return f"there is no extra {sorted(unknown)}" if unknown else None


def _python(arguments: Sequence[str]) -> str | None:
    if arguments and arguments[0] == "-m":
        if importlib.util.find_spec(arguments[1]) is None:
            return f"no module {arguments[1]}"
        return _pytest(arguments[2:]) if arguments[1] == "pytest" else None
    return _paths(arguments)


def _pytest(arguments: Sequence[str]) -> str | None:
    return None if "-p" in arguments else _paths(arguments)


def _paths(arguments: Sequence[str]) -> str | None:
    missing = [word for word in arguments if "/" in word and not (ROOT / word).exists()]
    return f"{', '.join(missing)} does not exist" if missing else None


_CHECKS: dict[str, Callable[[Sequence[str]], str | None]] = {
    "aws": _aws,
    "iot-certificates": _iot_certificates,
    "make": _make,
    "npm": _npx,
    "npx": _npx,
    "pip": _pip,
    "pytest": _pytest,
    "python": _python,
    "python3": _python,
}
