"""How long AWS takes at most, in seconds, until a change shows: for so long its refusals and lists are not believed."""

from __future__ import annotations

PERMISSION_SECONDS = 60.0
"""A role's new policy, for all calls of a request together (IAM user guide, "Changes that I make are not always
immediately visible"; aws-cdk #37675)."""

ROLE_SECONDS = 60.0
"""A new role that AWS IoT is to assume: Terraform's provider tries two minutes (aws_iot_ca_certificate)."""

STATUS_SECONDS = 10.0
"""A deactivation: CloudFormation's own handler waits 3 s before the deletion (AWS::IoT::Certificate)."""

THING_SECONDS = 60.0
"""API reference, DetachThingPrincipal: "This call is asynchronous. It might take several seconds"."""

POLICY_SECONDS = 300.0
"""AWS IoT developer guide: a policy that was just detached may refuse its deletion for up to five minutes."""
