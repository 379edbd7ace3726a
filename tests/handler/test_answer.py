"""The one answer to a request: its shape, its echoes and its limits."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest

from handler.stage import CA, KEY_SECRET
from iot_certificate_provider.contract import CaCertificateAttribute, DeviceCertificateAttribute, ResourceType
from iot_certificate_provider.errors import ProviderError
from iot_certificate_provider.protocol.response import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    import issuing
    from handler.stage import Stage
    from iot_certificate_provider.protocol.request import Request


class Scripted:
    """A resource that does what a test says."""

    def __init__(self, act: Callable[[Request], Outcome]) -> None:
        self.create = self.update = self.delete = act


@pytest.fixture
def play(stage: Stage) -> Callable[[Callable[[Request], Outcome]], None]:
    """Put a scripted resource in the place of the device certificates'."""

    def put(act: Callable[[Request], Outcome]) -> None:
        stage.resources[ResourceType.DEVICE_CERTIFICATE] = lambda _aws, _now: Scripted(act)

    return put


def raising(error: BaseException) -> Callable[[Request], Outcome]:
    def act(_: Request) -> Outcome:
        raise error

    return act


class TestTheWire:
    def test_it_is_one_put_without_a_content_type_and_with_its_length(
        self, stage: Stage, device: issuing.Issued
    ) -> None:
        stage.invoke(stage.event("Create", {"CertificatePem": device.pem}))
        (received,) = stage.endpoint.received
        assert received.method == "PUT"
        assert received.headers["content-type"] == ""
        assert received.headers["content-length"] == str(len(received.body))
        assert "transfer-encoding" not in received.headers

    def test_path_and_query_of_the_presigned_url_are_kept_to_the_letter(
        self, stage: Stage, device: issuing.Issued
    ) -> None:
        event = stage.event("Create", {"CertificatePem": device.pem})
        stage.invoke(event)
        target = event["ResponseURL"].removeprefix(f"https://{stage.endpoint.address}")
        assert stage.endpoint.received[0].target == target
        assert "%7C" in target
        assert "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F2026" in target

    @pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
    def test_what_cloudformation_said_is_echoed_to_the_letter(self, stage: Stage, kind: str) -> None:
        event = stage.event(kind, StackId="arn:aws:…:stack/a b/\u00e9", RequestId=" r\u00e9q ", LogicalResourceId="Äß")
        answer = stage.invoke(event)
        for name in ("StackId", "RequestId", "LogicalResourceId"):
            assert answer[name] == event[name]

    def test_it_has_exactly_the_members_of_the_protocol(self, stage: Stage, device: issuing.Issued) -> None:
        answer = stage.invoke(stage.event("Create", {"CertificatePem": device.pem}))
        assert set(answer) == {
            "Status",
            "Reason",
            "PhysicalResourceId",
            "StackId",
            "RequestId",
            "LogicalResourceId",
            "NoEcho",
            "Data",
        }


class TestASuccess:
    def test_of_a_device_certificate_has_the_same_data_from_create_to_update(
        self, stage: Stage, device: issuing.Issued
    ) -> None:
        old = {"CertificatePem": device.pem}
        created = stage.invoke(stage.event("Create", old))
        assert created["Status"] == "SUCCESS"
        assert created["PhysicalResourceId"] == hashlib.sha256(device.der).hexdigest()
        updated = stage.invoke(
            stage.event(
                "Update",
                {**old, "Status": "INACTIVE"},
                PhysicalResourceId=created["PhysicalResourceId"],
                OldResourceProperties=old,
            )
        )
        assert updated["Status"] == "SUCCESS"
        assert updated["Data"] == created["Data"]
        assert set(created["Data"]) == set(DeviceCertificateAttribute)
        # Whose it is comes first: a certificate that was registered anew is another owner's. At last, whether the
        # update was cancelled meanwhile.
        assert stage.aws.names() == [
            "iot.DescribeCertificate",
            "cloudformation.DescribeStackEvents",
            "iot.UpdateCertificate",
            "cloudformation.DescribeStackResource",
        ]

    def test_of_a_ca_certificate_too_with_the_key_from_secrets_manager(
        self, stage: Stage, factory_ca: issuing.Issued
    ) -> None:
        stage.aws.secrets.values[KEY_SECRET] = factory_ca.key_pem()
        properties = {"CACertificatePem": factory_ca.pem, "VerificationKey": {"SecretArn": KEY_SECRET}}
        answer = stage.invoke(stage.event("Create", properties, resource_type=CA))
        assert set(answer["Data"]) == set(CaCertificateAttribute)
        deleted = stage.invoke(
            stage.event("Delete", properties, resource_type=CA, PhysicalResourceId=answer["PhysicalResourceId"])
        )
        assert deleted["Status"] == "SUCCESS"
        assert stage.iot.cas == {}

    def test_of_a_delete_keeps_its_id_and_has_no_data(self, stage: Stage, device: issuing.Issued) -> None:
        created = stage.invoke(stage.event("Create", {"CertificatePem": device.pem}))
        answer = stage.invoke(stage.event("Delete", PhysicalResourceId=created["PhysicalResourceId"]))
        assert (answer["Status"], answer["Data"]) == ("SUCCESS", {})
        assert answer["PhysicalResourceId"] == created["PhysicalResourceId"]
        assert stage.iot.certificates == {}

    def test_has_a_note_as_its_reason_and_in_the_log_line(
        self, stage: Stage, play: Callable[[Callable[[Request], Outcome]], None], caplog: pytest.LogCaptureFixture
    ) -> None:
        """A decision not to act is an answer too, and an operator reads it where they look first."""
        caplog.set_level(logging.INFO)
        play(lambda _: Outcome("ab" * 32, note="Left as it is: Other of stack b is its holder"))
        answer = stage.invoke(stage.event("Delete"))
        line = json.loads(caplog.messages[-1])
        assert answer["Status"] == "SUCCESS"
        assert answer["Reason"] == line["note"] == "Left as it is: Other of stack b is its holder"

    def test_needs_no_reason_and_nothing_in_it_is_secret(self, stage: Stage, device: issuing.Issued) -> None:
        answer = stage.invoke(stage.event("Create", {"CertificatePem": device.pem}))
        assert answer["Reason"] == ""
        assert answer["NoEcho"] is False

    def test_a_delete_does_not_sleep_for_two_minutes(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        naps: list[float] = []
        helper: Any = type(stage.function.crhelper)
        # crhelper binds time.sleep as a default argument: this is where it can be caught.
        monkeypatch.setattr(helper._wait_for_cwlogs, "__defaults__", (naps.append,))
        stage.invoke(stage.event("Delete"))
        assert naps == []


class TestAFailure:
    def test_says_why_and_has_no_data(self, stage: Stage) -> None:
        answer = stage.invoke(stage.event("Create", {"CertificatePem": "no certificate"}))
        assert (answer["Status"], answer["Data"]) == ("FAILED", {})
        assert answer["Reason"].startswith("CertificatePem: is not PEM")

    def test_of_a_create_that_registered_nothing_gets_a_marker_that_its_delete_ignores(self, stage: Stage) -> None:
        created = stage.invoke(stage.event("Create", {"Stauts": "ACTIVE"}))
        assert created["PhysicalResourceId"] == f"create-failed/{created['RequestId']}"
        deleted = stage.invoke(
            stage.event("Delete", {"Stauts": "ACTIVE"}, PhysicalResourceId=created["PhysicalResourceId"])
        )
        assert (deleted["Status"], deleted["PhysicalResourceId"]) == ("SUCCESS", created["PhysicalResourceId"])
        assert stage.aws.names() == []

    def test_of_a_create_that_left_a_certificate_behind_names_it_for_the_delete(
        self, stage: Stage, device: issuing.Issued
    ) -> None:
        def no_time_to_undo(call: Any) -> None:
            if call.name == "iot.AttachPolicy":
                stage.context.seconds = 5.0

        stage.iot.policies["telemetry"] = set()
        stage.aws.after = no_time_to_undo
        created = stage.invoke(
            stage.event("Create", {"CertificatePem": device.pem, "PolicyNames": ["telemetry", "more"]})
        )
        assert created["Status"] == "FAILED"
        assert created["PhysicalResourceId"] in stage.iot.certificates
        stage.context.seconds = 300.0
        stage.invoke(stage.event("Delete", PhysicalResourceId=created["PhysicalResourceId"]))
        assert stage.iot.certificates == {}

    def test_of_an_update_answers_with_the_old_id(self, stage: Stage, device: issuing.Issued) -> None:
        created = stage.invoke(stage.event("Create", {"CertificatePem": device.pem}))
        answer = stage.invoke(
            stage.event(
                "Update",
                {"CertificatePem": device.pem, "Status": "OFF"},
                PhysicalResourceId=created["PhysicalResourceId"],
                OldResourceProperties={"CertificatePem": device.pem},
            )
        )
        assert answer["Status"] == "FAILED"
        assert answer["PhysicalResourceId"] == created["PhysicalResourceId"]

    def test_keeps_the_beginning_of_a_long_reason_never_its_end(
        self, stage: Stage, play: Callable[[Callable[[Request], Outcome]], None]
    ) -> None:
        play(raising(ProviderError("The key fact. " + "More and more. " * 100 + "The very end.")))
        reason = stage.invoke(stage.event("Create"))["Reason"]
        assert reason.startswith("The key fact. More")
        assert len(reason) <= 240
        assert "truncated" not in reason
        assert "The very end" not in reason

    def test_an_unexpected_error_is_named_by_class_and_place_and_never_quoted(
        self, stage: Stage, play: Callable[[Callable[[Request], Outcome]], None]
    ) -> None:
        play(raising(KeyError("-----BEGIN PRIVATE KEY-----")))
        answer = stage.invoke(stage.event("Create"))
        assert answer["Status"] == "FAILED"
        line = raising.__code__.co_firstlineno + 2
        assert answer["Reason"].startswith(f"Unexpected KeyError at test_answer.py:{line} in the provider. ")
        assert "PRIVATE KEY" not in str(answer)

    @pytest.mark.parametrize("name", ["_cffi_backend", None])
    def test_a_bundle_for_another_runtime_is_named_with_what_to_do(
        self, stage: Stage, play: Callable[[Callable[[Request], Outcome]], None], name: str | None
    ) -> None:
        play(raising(ImportError("cannot load /var/task/-----BEGIN", name=name)))
        for kind in ("Create", "Delete"):
            reason = stage.invoke(stage.event(kind, PhysicalResourceId="0" * 64))["Reason"]
            runtime = f"python{sys.version_info.major}.{sys.version_info.minor}, "
            assert reason.startswith(f"The function's bundle does not fit its runtime ({runtime}")
            assert f"): {name or 'a module'} cannot be imported. Build it for this runtime" in reason
            assert reason.endswith(
                " (context keys iot-certificates:runtime, iot-certificates:architecture), and deploy again"
            )
            assert "BEGIN" not in reason

    def test_a_create_that_such_a_bundle_failed_can_be_deleted(
        self, stage: Stage, play: Callable[[Callable[[Request], Outcome]], None]
    ) -> None:
        play(raising(ImportError(name="_cffi_backend")))
        created = stage.invoke(stage.event("Create"))
        deleted = stage.invoke(stage.event("Delete", PhysicalResourceId=created["PhysicalResourceId"]))
        assert (created["Status"], deleted["Status"]) == ("FAILED", "SUCCESS")

    def test_a_missing_module_of_the_provider_is_to_be_reported(
        self, stage: Stage, play: Callable[[Callable[[Request], Outcome]], None]
    ) -> None:
        play(raising(ImportError(name="iot_certificate_provider.resources")))
        assert stage.invoke(stage.event("Create"))["Reason"].startswith("Unexpected ImportError at test_answer.py:")

    @pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
    def test_that_would_end_the_process_is_answered_all_the_same(
        self, stage: Stage, play: Callable[[Callable[[Request], Outcome]], None], error: BaseException
    ) -> None:
        play(raising(error))
        answer = stage.invoke(stage.event("Create"))
        assert answer["Status"] == "FAILED"
        assert type(error).__name__ in answer["Reason"]

    def test_never_sticks(self, stage: Stage, device: issuing.Issued) -> None:
        for event in (
            stage.event("Create", {"Nonsense": "1"}),
            stage.event("Create", RequestType=None),
            stage.event("Create", RequestType="Nonsense"),
        ):
            assert stage.invoke(event)["Status"] == "FAILED"
            fine = stage.invoke(stage.event("Create", {"CertificatePem": device.pem}))
            assert fine["Status"] == "SUCCESS"
            stage.invoke(stage.event("Delete", PhysicalResourceId=fine["PhysicalResourceId"]))


class TestATypeThatTheProviderDoesNotKnow:
    def test_is_refused_by_name(self, stage: Stage) -> None:
        answer = stage.invoke(stage.event("Create", resource_type="Custom::IotDeviceCertifcate"))
        assert answer["Status"] == "FAILED"
        assert answer["Reason"] == (
            "Type: 'Custom::IotDeviceCertifcate' is not a resource type of this provider. "
            "Did you mean Custom::IotDeviceCertificate?"
        )

    def test_that_resembles_none_is_refused_with_a_way_out(self, stage: Stage) -> None:
        answer = stage.invoke(stage.event("Create", resource_type="Custom::Unknown"))
        assert answer["Reason"] == (
            "Type: 'Custom::Unknown' is not a resource type of this provider. "
            "Check the name; a later version of the provider may serve it"
        )

    @pytest.mark.parametrize("physical_id", ["create-failed/a3a4", "factory-Certificate-1KJ2H3"])
    def test_can_always_be_deleted_again(self, stage: Stage, physical_id: str) -> None:
        answer = stage.invoke(stage.event("Delete", resource_type="Custom::Unknown", PhysicalResourceId=physical_id))
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", physical_id)
        assert stage.aws.names() == []

    def test_does_not_abandon_a_certificate_that_another_version_registered(self, stage: Stage) -> None:
        answer = stage.invoke(stage.event("Delete", resource_type="Custom::Unknown"))
        assert answer["Status"] == "FAILED"
        assert "Custom::Unknown" in answer["Reason"]


class TestTheLimitOf4096Bytes:
    def test_an_answer_that_would_be_larger_fails_with_its_size_and_attribute(
        self, stage: Stage, play: Callable[[Callable[[Request], Outcome]], None]
    ) -> None:
        play(lambda _: Outcome("ab" * 32, {"Arn": "x", "Subject": "y" * 4096}))
        answer = stage.invoke(stage.event("Create"))
        assert answer["Status"] == "FAILED"
        assert answer["Reason"].startswith("Attribute Subject: the answer to CloudFormation would have 4,")
        assert len(stage.endpoint.received[0].body) <= 4096

    def test_of_an_update_that_fails_so_has_the_old_id(
        self, stage: Stage, play: Callable[[Callable[[Request], Outcome]], None]
    ) -> None:
        play(lambda _: Outcome("cd" * 32, {"Subject": "y" * 4096}))
        answer = stage.invoke(stage.event("Update", PhysicalResourceId="ab" * 32))
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", "ab" * 32)

    def test_exactly_4096_bytes_go_through(
        self, stage: Stage, play: Callable[[Callable[[Request], Outcome]], None]
    ) -> None:
        play(lambda _: Outcome("ab" * 32, {"Subject": ""}))
        event = stage.event("Create")
        stage.invoke(event)
        room = 4096 - len(stage.endpoint.received[0].body)
        play(lambda _: Outcome("ab" * 32, {"Subject": "y" * room}))
        assert stage.invoke(event)["Status"] == "SUCCESS"
        assert len(stage.endpoint.received[1].body) == 4096
        play(lambda _: Outcome("ab" * 32, {"Subject": "y" * (room + 1)}))
        assert stage.invoke(event)["Status"] == "FAILED"

    def test_a_reason_in_any_script_stays_within_it(
        self, stage: Stage, play: Callable[[Callable[[Request], Outcome]], None]
    ) -> None:
        play(raising(ProviderError("\U0001f512" * 1000)))
        stage.invoke(stage.event("Create"))
        assert len(stage.endpoint.received[0].body) <= 4096


class TestAFunctionThatStaysWarm:
    def test_nothing_of_one_request_is_in_the_answer_to_the_next(
        self, stage: Stage, device: issuing.Issued, play: Callable[[Callable[[Request], Outcome]], None]
    ) -> None:
        def tamper(_: Request) -> Outcome:
            stage.function.crhelper.NoEcho = True
            stage.function.crhelper.Data = {"Left": "over"}
            stage.function.crhelper.Reason = "left over"
            raise ProviderError("planned")

        play(tamper)
        stage.invoke(stage.event("Create"))
        play(lambda _: Outcome("ab" * 32, {"Arn": "x"}))
        answer = stage.invoke(stage.event("Create"))
        assert (answer["NoEcho"], answer["Reason"], answer["Data"]) == (False, "", {"Arn": "x"})
        assert stage.invoke(stage.event("Create", RequestType=None))["Data"] == {}

    def test_no_echo_that_a_resource_sets_does_not_hide_its_own_attributes(
        self, stage: Stage, play: Callable[[Callable[[Request], Outcome]], None]
    ) -> None:
        def hide(_: Request) -> Outcome:
            stage.function.crhelper.NoEcho = True
            return Outcome("ab" * 32, {"Arn": "x"})

        play(hide)
        assert stage.invoke(stage.event("Create"))["NoEcho"] is False

    def test_it_serves_many_requests_one_after_another(self, stage: Stage, device: issuing.Issued) -> None:
        for _ in range(25):
            created = stage.invoke(stage.event("Create", {"CertificatePem": device.pem}))
            deleted = stage.invoke(stage.event("Delete", PhysicalResourceId=created["PhysicalResourceId"]))
            assert (created["Status"], deleted["Status"]) == ("SUCCESS", "SUCCESS")
        # That no thread of a timer is left is checked after every test, in conftest.py.
        assert len(stage.endpoint.received) == 50
