"""``python -m iot_certificates_local``: an embedded AWS without a line of code.

``start`` runs one in the foreground and prints the settings that lead to it; ``run -- COMMAND`` runs a command in one.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

from iot_certificates_local.cdk_cli import function_context
from iot_certificates_local.embedded_aws import DEFAULT_ACCOUNT, DEFAULT_REGION, EmbeddedAws
from iot_certificates_local.environment import context_environment
from iot_certificates_local.errors import EmbeddedAwsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PROGRAM = "python -m iot_certificates_local"
# As shells have it: for a command that is not there, or cannot be run.
_NOT_FOUND, _NOT_RUN = 127, 126


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    options = _parser().parse_args(arguments)
    # As Ctrl-C, so that everything is stopped in order.
    signal.signal(signal.SIGTERM, _interrupt)
    aws = EmbeddedAws(
        region=options.region,
        account=options.account,
        enforce_iam=options.enforce_iam,
        strict=not options.lax,
        port=options.port,
        mqtt_port=options.mqtt_port,
    )
    try:
        with aws:
            return _run(aws, options.command) if options.what == "run" else _start(aws)
    except EmbeddedAwsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM, description="An embedded AWS: AWS IoT with MQTT, CloudFormation, Lambda."
    )
    commands = parser.add_subparsers(dest="what", required=True)
    start = commands.add_parser("start", help="run an embedded AWS until Ctrl-C, and print the settings for it")
    run = commands.add_parser("run", help="run a command with an embedded AWS, and exit with the command's status")
    for command in (start, run):
        command.add_argument("--region", default=DEFAULT_REGION, help="(%(default)s)")
        command.add_argument("--account", default=DEFAULT_ACCOUNT, help="(%(default)s)")
        command.add_argument("--enforce-iam", action="store_true", help="evaluate the policies of IAM and of AWS IoT")
        command.add_argument("--lax", action="store_true", help="turn the strict layer off")
        command.add_argument("--port", type=int, default=0, help="port of the endpoint; by default a free one")
        command.add_argument("--mqtt-port", type=int, default=0, help="port of the MQTT broker; by default a free one")
    run.add_argument("command", nargs="+", metavar="COMMAND", help="the command and its arguments, after --")
    return parser


def _start(aws: EmbeddedAws) -> int:
    """Print the settings as a shell reads them, and wait for a signal."""
    for name, value in _settings(aws).items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    sys.stdout.flush()
    context = " ".join(f"-c {name}={value}" for name, value in function_context().items())
    sys.stderr.write(
        f"The embedded AWS runs: endpoint {aws.endpoint_url}, MQTT {aws.mqtt_host}:{aws.mqtt_port} "
        f"(CA certificate {aws.mqtt_ca_file}). Ctrl-C ends it.\n"
        f"In a shell that has read the lines above: cdk bootstrap aws://{aws.account}/{aws.region} once, "
        f"then cdk deploy {context}\n"
    )
    signal.pause()
    return 0


def _settings(aws: EmbeddedAws) -> dict[str, str]:
    """Return the variables in which the environment for a program differs from this process's."""
    changed = {name: value for name, value in aws.environment().items() if os.environ.get(name) != value}
    # A shell keeps its own PATH: what would be added is for machines without Node.js, and goes with the embedded AWS.
    return {name: changed[name] for name in sorted(changed) if name != "PATH"}


def _run(aws: EmbeddedAws, command: Sequence[str]) -> int:
    return _status_of(command, context_environment(aws.folder, function_context(), aws.environment()))


def _status_of(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command in the foreground: the terminal's keys reach it directly. Return its exit status, as shells do."""
    try:
        process = subprocess.Popen(command, env=dict(environment))
    except FileNotFoundError:
        sys.stderr.write(f"{command[0]}: command not found. Put it after --: {_PROGRAM} run -- COMMAND\n")
        return _NOT_FOUND
    except OSError as error:
        sys.stderr.write(f"{command[0]}: cannot be run ({error.strerror})\n")
        return _NOT_RUN
    # Ctrl-C reaches the command from the terminal, and it ends in its own time; a SIGTERM reaches us alone.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    status = process.wait()
    return status if status >= 0 else 128 - status


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
