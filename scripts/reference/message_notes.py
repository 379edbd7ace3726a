"""Sentences of the page of messages, in Markdown, under headings whose message names no fix, or leaves it to a page.

A heading is the problem without the property and without the fix. A test refuses a note whose heading is not on the
page.
"""

from __future__ import annotations

_DEPLOY_AGAIN = "Nothing is left registered. Deploy again."
_REPORT = "This is an error of the provider. Please report it."
_INSTEAD = "or pass a prebuilt asset to IotCertificateProvider(code=…)"
_ADOPTING = (
    "[Using a certificate that is registered already]"
    "(resources/README.md#using-a-certificate-that-is-registered-already)"
)
_SAID = "AWS's own words follow in the message, and name the value."

NOTES: dict[str, str] = {
    # Certificates, properties
    "has an alternative name of the kind … that …": (
        "The message ends with the fix for the kind of name, such as that of `is not a host name` below."
    ),
    "is not one": "The property's table in [Resources](resources/README.md) has the form of its values.",
    # Registered already
    "Registered already: …": (
        "The certificate is registered. The event names its owner and the fix: "
        "[when it fails](resources/README.md#when-it-fails)."
    ),
    "Registered already by …": (
        f"{_ADOPTING} "
        "has the steps; each type's page has a section *Renamed or moved*, such as "
        "[that of device certificates](resources/device-certificate.md#renamed-or-moved)."
    ),
    "Registered already by another owner (…, …): …": (
        f"{_ADOPTING} "
        "explains ADOPT."
    ),
    "… was not registered by this resource": (
        "Another owner registered the certificate; the function leaves it. "
        "[Whose certificate it is](resources/README.md#whose-certificate-it-is) has the rules."
    ),
    "This … was answered before, and its certificate was deleted since": (
        "Lambda delivered an old request again, and the function changed nothing. No action is needed."
    ),
    "CloudFormation no longer waits for this …": (
        "Lambda delivered an old request again. No action is needed."
    ),
    "CloudFormation cancelled the update of the resource while it ran": (
        "Another resource of the stack failed, or a user cancelled the update. The reason of the first failed resource "
        "in the stack's events has the cause. The function's log has this sentence, CloudFormation does not show it."
    ),
    "CloudFormation cancelled the resource while it was created": (
        "Another resource of the stack failed first: its event has the reason. Mend that, and deploy again."
    ),
    "AWS IoT returned an id that is not the SHA-256 of the certificate's DER": _DEPLOY_AGAIN,
    "AWS IoT returned an id that is not the SHA-256 of the CA certificate's DER": _DEPLOY_AGAIN,
    "…. Deploy again when that is complete": (
        "The message begins with the resource that may have registered the certificate, and is in progress."
    ),
    "… device certificates of the CA are left, and the CA is INACTIVE. The first: …": (
        "The message ends with the fix for the first of them. [A stack that is not deleted]"
        "(operations.md#a-stack-that-is-not-deleted) has the steps."
    ),
    # Errors of AWS
    "AWS IoT refused …": (
        "- Check the certificate, and that its CA is registered and ACTIVE.\n"
        "- Sign the verification certificate again: its common name must be the account's "
        "registration code in this Region."
    ),
    "Access denied: …": (
        "The message names the action. Allow it to the function's role: [permissions](permissions.md). The constructs "
        "grant it, so look for a permissions boundary, a service control policy, or the policy of the KMS key."
    ),
    "access denied, …": (
        "The message names the action, the secret, key or private CA, and how to allow it. "
        "The provider stack has [parameters](cloudformation.md#what-the-function-may-do) for them."
    ),
    "object … exists already": (
        "Two runs of one fleet wrote the same object. The one that came second continues with the first one's object."
    ),
    "it exists already": "Another request made it at the same time. Deploy again.",
    "AWS answered a dry run": _REPORT,
    "AWS answered …": "The provider has no sentence for this error code; AWS's own words follow in the message.",
    "AWS could not issue the certificate": (
        "AWS Private CA failed, for the reason that follows in the message. Check the private CA, and deploy again."
    ),
    "AWS does not accept its ARN": "Check the ARN: its Region, its account and its spelling.",
    "AWS does not accept the certificate signing request": "Make the request again with the device's key.",
    "AWS does not accept the function's credentials": (
        "Lambda's credentials of the function are not valid in this Region. Enable the Region in the account, and "
        "deploy again."
    ),
    "AWS does not accept the policy": "Check the policy document that the message names.",
    "AWS does not accept the request": f"{_SAID} After a permission or a role was created, deploy again.",
    "AWS's API does not accept a value": (
        "A value is longer than the API allows, or has other characters. Compare the properties with the type's page "
        "in [Resources](resources/README.md)."
    ),
    "a quota of the account is used up": (
        "Have the quota that the message names raised in Service Quotas, or remove what is no longer used: "
        "[quotas](operations.md#quotas)."
    ),
    "does not exist": (
        "The message names the operation and its object. Create the object in this account and Region, or correct its "
        "name; within a stack, add DependsOn."
    ),
    "… of … certificates failed, … may. The first: …": (
        "`results.jsonl` has each line's outcome. "
        "[When it fails](resources/device-certificate-fleet.md#when-it-fails) has the causes."
    ),
    "… of … certificates were not reached": (
        "[When it fails](resources/device-certificate-fleet.md#when-it-fails) has the causes."
    ),
    "policies or things are still attached": (
        "AWS IoT can take five minutes to see a detachment. Deploy again after that. A Delete detaches again by itself."
    ),
    "it is being deleted": "Wait until it is deleted, and deploy again.",
    "it is disabled": "Enable the KMS key that the message names, and deploy again.",
    "its status does not allow this": (
        "Look at the status of the key, the secret or the private CA that the message names; enable or restore it."
    ),
    "its transfer is already complete": (
        "The other account has accepted the certificate. [Certificates that change hands]"
        "(resources/certificate-transfer.md#certificates-that-change-hands) has the way back."
    ),
    "the KMS key has another key usage": (
        "A CA's key must have the usage SIGN_VERIFY; a secret's key must have ENCRYPT_DECRYPT."
    ),
    "the account has not opted in to the service or the Region": "Enable the Region in the account's settings.",
    "the bucket has another type of encryption": "Remove the header of the upload, or change the bucket's encryption.",
    "the function's credentials have expired": "Deploy again: a new environment of the function has new ones.",
    "the function's role cannot use the KMS key that encrypts it": (
        "Grant the role kms:Decrypt on the key: [permissions](permissions.md). With the provider stack, name the key "
        "in [SecretEncryptionKeyArns](cloudformation.md#what-the-function-may-do)."
    ),
    "the function's role does not allow it": (
        "The message names the action. Allow it to the function's role: [permissions](permissions.md)."
    ),
    "the request was signed too long ago": "Deploy again.",
    "the request's signature is incomplete": _REPORT,
    "the status of the certificate, or of its CA, does not allow this": (
        "AWS's own words follow in the message. A certificate must be INACTIVE before it is deleted, and a CA must be "
        "ACTIVE before a certificate is registered: [how long an event takes](operations.md#how-long-an-event-takes)."
    ),
    # Fleets
    "Cancelled before anything was registered": (
        "`iot-certificates fleet cancel` ended the run. Deploy again to start another."
    ),
    "AWS failed for each of … certificates. The first: …": (
        "The message ends with the reason of the first certificate. Deploy again: the run continues with what is left."
    ),
    "CloudFormation did not accept the answer": (
        "The state machine of the fleet answers again. If CloudFormation still waits after an hour, delete the stack "
        "again."
    ),
    "another principal deleted the certificate during its registration": (
        "Another owner works with the same certificate. Deploy again when that is complete."
    ),
    # At synthesis
    "cannot be used": (
        "The message ends with what can: python3.11 or newer as runtime, x86_64 or arm64 as architecture."
    ),
    f"The function's dependencies could not be installed: …. …, {_INSTEAD}": (
        "The message has the installer's last words and the fix for them: those that begin with `The package index`, "
        "`The installer` and `The disk` are in this section."
    ),
    f"…. Set XDG_CACHE_HOME to a folder that can be written, {_INSTEAD}": (
        "The message begins with the folder that could not be written."
    ),
    # The command line
    "--fleet: stack … has no fleet …. …": "The message lists the stack's fleets. Name one of them.",
    "--older-than: … is too long ago for a date": "Give a shorter time, such as 365d.",
    "--previous is allowed with a manifest only, not with --certificates": "Remove one of the two.",
    "Give either a manifest, or a number of --certificates": "[fleet plan](cli.md#fleet-plan) shows both.",
    "The run … of … is complete, so that there is nothing to cancel": "No action is needed.",
    "There is no run of … yet, or its Delete has removed all of them": "A run begins with a deployment of the fleet.",
    "Nothing is deleted, because stacks that cannot be read may own certificates: …. Of …: …": (
        "The message ends with the reason, such as a permission that is missing: "
        "[sweep](cli.md#sweep) lists the permissions."
    ),
    "it was … when it was listed, and is … now": (
        "A device may have begun to use the certificate. Nothing was changed. Run the command again to list it anew."
    ),
    "… could not be written: …": "Check the permissions of the folder, and the room on its disk.",
    "… has neither certificatePem nor certificateFile. …": (
        "Name one column so: [fleet manifest](cli.md#fleet-manifest) has the columns."
    ),
    "…. Check --profile and the AWS configuration": (
        "The message begins with the words of the AWS SDK, such as `The config profile (dev) could not be found`."
    ),
    "…. Check --region and --endpoint-url": "The message begins with the words of the AWS SDK.",
}  # fmt: skip
