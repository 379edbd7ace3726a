"""Refusals that keep no stack from being deleted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aws_cdk import Annotations, Stack

if TYPE_CHECKING:
    from constructs import Construct

    from iot_certificates.declared.declaration_error import CertificateDeclarationError

REFUSED_WARNING = "cdk-iot-certificates:refused"
"""The id of the warning, for ``Annotations.acknowledge_warning``."""

# The CDK CLI sets it for every app that it runs (aws-cdk-lib/cx-api, "CLI_VERSION_ENV").
_RUN_BY_THE_CLI = "CDK_CLI_VERSION"


def refuse(scope: Construct, error: CertificateDeclarationError) -> None:
    """Raise the error of a certificate or a file; where the stack is not deployed, warn of it.

    ``cdk destroy`` runs the app as well, and must be able to delete a stack whose files have changed since.
    """
    if not _is_not_deployed(scope):
        raise error
    Annotations.of(scope).add_warning_v2(REFUSED_WARNING, f"{error.name} {error.problem}. {error.fix}")


def _is_not_deployed(scope: Construct) -> bool:
    # The CLI asks for no assets with the commands that deploy nothing: destroy, list.
    return _RUN_BY_THE_CLI in os.environ and not Stack.of(scope).bundling_required
