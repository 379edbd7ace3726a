"""Options of several commands, and the text about their exit statuses."""

from __future__ import annotations

from typing import Annotated

import typer

EXIT_STATUSES = """
Exit status: 0, done and all is well; 1, something was found (a sweep's dry run, doctor, a fleet's difference) or
failed; 2, the command line or the configuration cannot be used; 130, interrupted.
"""

Profile = Annotated[str | None, typer.Option(help="Profile of the AWS configuration. Default: boto3's.")]
Region = Annotated[str | None, typer.Option(help="AWS Region. Default: the configured one.")]
EndpointUrl = Annotated[str | None, typer.Option(help="Endpoint of an emulator of AWS. Default: AWS_ENDPOINT_URL.")]
Rate = Annotated[
    float,
    typer.Option(min=0.1, help="Calls a second of each AWS operation; the quota (mostly 10) is shared by the account."),
]
