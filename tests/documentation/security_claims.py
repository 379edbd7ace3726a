"""The claims of docs/security.md: a quotation of each, and the tests that show it; and what there claims nothing."""

from __future__ import annotations

_LOGS = "handler/test_logs.py::TestNothingSecretIsWritten"
_QUOTED = "handler/test_what_is_never_quoted.py"
_INSTALLER = "constructs/test_bundling_installer.py"
_ROLE = "policy/test_iam.py::test_the_policies_hold_nothing_else"
_NEEDED = "integration/test_permissions.py::test_each_permission_is_needed"
_FUZZED = "handler/test_fuzzed_events.py"
_UNSEEN = (
    "protocol/test_kept_keys.py::test_no_key_is_seen_outside_its_secret",
    "integration/test_kept_keys.py::test_no_key_is_seen_outside_its_secret",
)

CLAIMS: dict[str, tuple[str, ...]] = {
    # Where trust ends
    "the event's shape": (
        f"{_FUZZED}::test_whatever_a_member_of_the_event_is",
        f"{_FUZZED}::test_whatever_stands_at_a_place_of_the_properties",
    ),
    "each property (unknown ones fail by name)": (
        "test_properties.py::test_whatever_a_template_says_is_read_or_refused_by_name",
    ),
    "each PEM": ("pki/test_any_text.py::test_any_text_is_read_or_refused",),
    "each secret's text": ("pki/test_private_key.py::test_any_other_text_is_refused_by_what_it_is_and_not_repeated",),
    # Where keys are, and when
    "| your secret | written by the function": (
        "constructs/test_ca_certificate.py::test_a_key_secret_is_granted_on_that_secret",
    ),
    "never: the function sends a digest, or a request, to be signed": (
        "integration/test_keys_elsewhere.py::TestKms::test_cas_with_every_kind_of_key_prove_their_possession",
        "resources/test_signers.py::TestAPrivateCaThatIssuesForADevice::test_is_what_issues_in_the_deployment",
    ),
    "its secret: a version for each rotation, labelled AWSCURRENT, AWSPREVIOUS or AWSPENDING": (
        "protocol/test_kept_keys.py::test_the_rotation_timeline",
    ),
    "in a template, attribute, event, log or file": (
        *_UNSEEN,
        "constructs/test_self_signed_ca_certificate.py::test_the_template_holds_a_secret_without_a_value",
    ),
    "of an `IssuedDeviceCertificate`": (
        *_UNSEEN,
        "constructs/test_issued_device_certificate.py::test_the_template_holds_secrets_without_a_value_and_none_for_a_signing_request",
    ),
    "never: it is not sent": (
        "constructs/test_issued_device_certificate.py::test_with_a_signing_request_there_is_no_secret_to_read",
    ),
    "the function's log, also where every logger has the level DEBUG": (f"{_LOGS}::test_when_all_goes_well",),
    "The function logs no message at DEBUG": (
        f"{_LOGS}::test_when_the_sdk_itself_would_write_down_requests_and_responses",
    ),
    "No error quotes a value in the place of a PEM, a key": (
        f"{_QUOTED}::test_where_a_key_or_its_name_belongs",
        "constructs/test_quoted_values.py::test_in_the_place_of_a_key",
        "resources/test_nonconforming.py::test_a_name_that_is_no_secrets_is_not_shown_and_that_of_a_bad_key_is",
    ),
    "No error quotes a text that can be a part of a key, in any place": (
        f"{_QUOTED}::test_in_a_wrong_place",
        f"{_QUOTED}::test_as_the_name_of_a_property",
        "constructs/test_quoted_values.py::test_a_value",
    ),
    "errors have AWS's error code and not its words": (
        f"{_QUOTED}::test_of_a_key_that_was_made_when_its_secret_does_not_take_it",
        "aws/test_functions.py::test_an_error_has_the_code_and_none_of_the_payload",
    ),
    "A private key that is pasted where a certificate belongs is refused at `cdk synth`, unquoted": (
        "constructs/test_quoted_values.py::test_a_value",
        "constructs/test_quoted_values.py::test_a_private_key_in_the_place_of_a_certificate",
    ),
    "A `*` or `?` in the ARN of an imported secret": (
        "constructs/test_argument_values.py::test_a_value_that_cannot_work_is_refused_with_its_argument_and_a_fix",
    ),
    "the function refuses such a private key too": (
        "test_properties.py::test_a_key_in_the_wrong_place_is_not_repeated",
    ),
    "which the function can then use through Secrets Manager alone": (
        "constructs/test_self_signed_ca_certificate.py::test_the_key_of_the_secret_may_be_used_through_secrets_manager_only",
    ),
    # (a)
    "attach to them **any policy of the account**": (
        "resources/test_device_certificate.py::TestUpdate::test_attaches_and_detaches_exactly_the_difference",
    ),
    "have a device certificate issued for a key of theirs": (
        "resources/test_signers.py::TestAPrivateCaThatIssuesForADevice::test_is_what_issues_in_the_deployment",
    ),
    "up to REVOKED, which is final": ("resources/test_device_certificate.py::TestUpdate::test_revoked_is_final",),
    "Once no other resource owns it, they can take ownership": (
        "resources/test_adoption.py::TestLeavingAdoptOut::test_takes_the_certificate_over",
    ),
    "delete the account's registration code": (
        "constructs/test_registration_code.py::test_only_who_asked_for_it_may_delete_the_code",
        "protocol/test_in_use.py::test_a_code_stays_while_another_stack_declares_one",
    ),
    "no property makes the function answer with a secret's text": _UNSEEN,
    "use a secret, KMS key or private CA that no construct of the function's stacks was given": (
        "constructs/test_ca_certificate.py::test_a_key_secret_is_granted_on_that_secret",
        "constructs/test_proof_of_possession.py::test_exactly_two_actions_are_allowed_on_that_key",
        "constructs/test_proof_of_possession.py::test_only_that_private_ca_may_be_used_and_only_for_end_entities",
    ),
    "pass a role to AWS IoT that was not declared, or to any other service": (
        "constructs/test_ca_certificate.py::test_exactly_the_role_that_is_declared_can_be_passed",
    ),
    "adopt or delete a certificate that another stack owns without Retain": (
        "protocol/test_several_owners.py::test_everybody_keeps_what_is_theirs",
    ),
    "where a construct of the function's stacks makes transfers": (
        "constructs/test_certificate_transfer.py::test_a_transfers_permissions",
    ),
    "has the union of what they need in one role": (
        "constructs/test_provider.py::test_sharing_a_provider_between_stacks_is_no_cycle",
    ),
    "which is why they are empty by default": (
        "constructs/test_provider_stack.py::test_a_parameter_allows_what_it_names_and_an_empty_one_nothing",
    ),
    # (b)
    "over HTTPS with the certificate checked": (
        "handler/test_delivery.py::test_the_certificate_of_the_url_is_checked",
    ),
    "by PUT, five attempts at most": (
        "handler/test_answer.py::TestTheWire::test_it_is_one_put_without_a_content_type_and_with_its_length",
        "handler/test_delivery.py::test_delivery_is_abandoned_after_five_attempts",
    ),
    "a status, a reason, ids and attributes, and no secret": (
        "handler/test_answer.py::TestTheWire::test_it_has_exactly_the_members_of_the_protocol",
        "handler/test_answer.py::TestASuccess::test_needs_no_reason_and_nothing_in_it_is_secret",
    ),
    "unless another resource than the event names holds it": (
        "resources/test_device_certificate.py::TestDelete::test_leaves_a_certificate_that_another_owner_registered_since",
        "integration/test_in_use.py::TestACa::test_that_goes_leaves_what_another_stack_declares",
    ),
    "a CA certificate that carries the tags of another stack": (
        "resources/test_ca_certificate.py::TestDelete::test_leaves_what_another_resource_has_registered_since",
    ),
    "each a text, an event is ignored, and logged as such": (
        "handler/test_malformed_events.py::test_without_a_usable_envelope_nothing_is_answered_and_nothing_done",
        f"{_FUZZED}::test_what_is_no_event_is_ignored",
    ),
    "any other is answered, whatever its members are": (f"{_FUZZED}::test_whatever_a_member_of_the_event_is",),
    "holds the function for five seconds an attempt": (
        "handler/test_delivery.py::test_an_endpoint_that_drips_bytes_costs_no_more_than_one_that_hangs",
        "handler/test_delivery.py::test_an_endpoint_that_hangs_costs_no_more_than_the_sockets_timeout",
    ),
    "it has no URL, no trigger and no resource policy": (
        "constructs/test_provider.py::test_nothing_but_iam_lets_anybody_invoke_it",
    ),
    # (c)
    "No key, no secret's text, no presigned URL": (
        f"{_LOGS}::test_when_all_goes_well",
        f"{_LOGS}::test_when_something_unforeseen_happens",
        "handler/test_delivery.py::test_what_goes_wrong_is_logged_without_the_url",
        *_UNSEEN,
    ),
    "A log line has ids, counts, kinds of errors": (
        "handler/test_logs.py::TestTheLineOfARequest::test_says_what_was_asked_what_became_of_it_and_what_it_took",
        "handler/test_logs.py::TestTheLineOfARequest::test_is_written_for_a_failure_too_with_the_kind_of_error",
    ),
    "and the reason of a decision not to act": (
        "handler/test_answer.py::TestASuccess::test_has_a_note_as_its_reason_and_in_the_log_line",
    ),
    "are cut before any PEM": (f"{_LOGS}::test_when_aws_refuses",),
    # (d)
    "There is no key in it": ("documentation/test_security_page.py::test_the_repository_has_no_private_key",),
    "neither has a key": (
        "constructs/test_self_signed_ca_certificate.py::test_the_template_holds_a_secret_without_a_value",
        "constructs/test_bundling.py::test_what_is_in_it",
    ),
    # (e)
    "crhelper, cryptography (with cffi's compiled half) and pyasn1": (
        "constructs/test_bundling.py::test_what_is_in_it",
    ),
    "with `--require-hashes --no-deps --only-binary :all:` in an empty folder": (
        f"{_INSTALLER}::test_both_installers_take_wheels_alone_by_their_hashes",
        f"{_INSTALLER}::test_the_installer_works_in_an_empty_folder",
    ),
    "only those of the index, the proxy, certificates and the cache reach it": (
        f"{_INSTALLER}::test_only_settings_of_index_proxy_certificate_and_cache_pass",
        f"{_INSTALLER}::test_pip_knows_no_setting_but_those_that_pass",
    ),
    "and no configuration file": (f"{_INSTALLER}::test_the_shell_and_the_folder_change_nothing",),
    "a missing package, a further one, a changed file or a further file fails the build": (
        f"{_INSTALLER}::test_an_installer_that_ends_well_with_something_else_is_found_out",
    ),
    "**boto3** is not bundled": ("constructs/test_bundling.py::test_what_is_in_it",),
    "The asset is the same, byte for byte": (
        "constructs/test_bundling.py::test_it_is_reproducible",
        "constructs/test_bundling.py::test_pip_builds_the_same_bytes",
    ),
    "or whose packages are not those of the lock, is deleted and built again": (
        "constructs/test_bundling.py::test_a_cached_asset_that_does_not_verify_is_built_again",
    ),
    # (f)
    "control, escape and bidirectional characters of names are": (
        "handler/test_hostile_names.py::test_the_attributes_show_them_escaped_as_names_have_it",
        "handler/test_hostile_names.py::test_a_reason_that_quotes_names",
        "handler/test_hostile_names.py::test_the_log_line_of_an_event_with_such_a_member",
        "constructs/test_quoted_values.py::test_a_name_in_a_certificate",
        "cli/test_inventory.py::test_text_of_a_device_moves_no_cursor",
    ),
    "in `inventory`'s page markup is, too": ("cli/test_html_page.py::test_a_name_is_text_and_never_markup",),
    "From a signing request only its subject, its alternative names and its key are taken": (
        "pki/test_end_entity.py::test_nothing_but_the_alternative_names_is_passed_on",
    ),
    "a self-signed CA can issue no other CA (path length 0)": (
        "pki/test_end_entity.py::test_a_ca_of_ours_cannot_have_another_ca_below_it",
    ),
    "checked against its profile before it is registered": (
        "pki/test_end_entity.py::test_what_deviates_is_refused_by_what_is_wrong_with_it",
        "pki/test_end_entity.py::test_a_keeper_that_signs_with_another_key_is_found_out",
        "resources/test_signers.py::TestAPrivateCaThatIssuesForADevice::test_is_not_believed_when_the_certificate_is_anothers",
    ),
    # (g)
    "Another stack gets a certificate of yours neither by declaring it": (
        "resources/test_whose_it_is.py::TestACreateThatComesAgain::test_fails_when_another_resource_holds_the_certificate",
        "protocol/test_several_owners.py::test_everybody_keeps_what_is_theirs",
    ),
    "leaves the device certificates that resources of other stacks hold": (
        "integration/test_in_use.py::TestACa::test_that_goes_leaves_what_another_stack_declares",
    ),
    "an ambiguous certificate belongs to another owner": (
        "test_history.py::test_what_was_registered_after_the_resource_last_had_it_is_another_owners",
    ),
    # The role
    "Each construct adds what it needs, and nothing else": (_ROLE, _NEEDED),
    "AWS IoT defines no resource for them": (_ROLE,),
    "`cert/*`, `cacert/*`": (_ROLE,),
    "`thing/*`": (_ROLE,),
    "`policy/*` (`iot:ListTargetsForPolicy` only)": (_ROLE,),
    "`cert/*` of any account": (_ROLE, "constructs/test_certificate_transfer.py::test_a_transfers_permissions"),
    "`*`: `cloudformation:DescribeStackResources`, `cloudformation:ListStacks`": (_ROLE,),
    "`*`: network interfaces, in a VPC; X-Ray, with `tracing`": (
        "constructs/test_provider.py::test_in_a_vpc_the_role_may_manage_network_interfaces",
        "constructs/test_provider.py::test_with_tracing_the_role_may_write_to_x_ray",
    ),
    "`stack/*`: `cloudformation:ListStackResources`": (_ROLE,),
    "`stack/*` otherwise, in the provider stack only": (
        "constructs/test_provider_stack.py::test_by_itself_the_function_may_do_in_any_stack_what_all_constructs_ask_for",
    ),
    "`iam:PassRole` is for `iot.amazonaws.com` alone": (
        "constructs/test_ca_certificate.py::test_exactly_the_role_that_is_declared_can_be_passed",
    ),
    "AWS Private CA may be asked for end-entity certificates alone": (
        "constructs/test_proof_of_possession.py::test_only_that_private_ca_may_be_used_and_only_for_end_entities",
    ),
    "which can list its stack's resources and describe certificates, and nothing else": (
        "constructs/test_certificate_expiry_schedule.py::test_its_role_can_only_read",
        "integration/test_monitoring.py::test_each_permission_of_the_schedules_role_is_needed",
    ),
}
"""Each a text of the page, white space aside, with the tests that show it, by their ids below ``tests``."""

NO_CLAIMS: tuple[str, ...] = (
    # What the page is about, and what is at stake.
    "This page describes the assets",
    "a CA's private key | in Secrets Manager",
    "a device's private key | with the device",
    "the registration, status and attachments of certificates | AWS IoT",
    "the permissions of the function's role | IAM",
    "the presigned URL of a request",
    "are public, because they are in templates",
    # Heads of tables.
    "asset | place",
    "key | in the function's memory",
    "on | why not less",
    # Advice, and attackers as they are assumed.
    "**For production**",
    "This attacker can change a stack that has these resources",
    "The attacker **cannot**",
    "is **worth as much as its role**",
    "**On your machine**",
    "Least privilege is the remaining defence",
    "An administrator is trusted",
    # What is not defended against.
    "**The function's memory.**",
    "**An invoker who forges events**",
    "**A deployer who attaches broad policies**",
    "**Denial of service.**",
    "**Devices that are connected.**",
    "**Time between.**",
    "**AWS itself, and its emulation here.**",
)
"""What is said without a promise: each is in a paragraph, list item or row that has no claim."""
