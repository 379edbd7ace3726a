"""The sweep of a CA's device certificates at its limits of time, and past what refuses, is gone or does not answer."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.cloudformation import DESCRIBED
from fakes.refusal import Refusal
from iot_certificate_provider.contract import DeviceCertificatesOnDelete
from iot_certificate_provider.deadline import UNDO_SECONDS
from iot_certificate_provider.errors import AccessDeniedError, ConflictError, UnfinishedError, UpstreamError
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.resources.ca import device_certificate_sweep
from iot_certificate_provider.resources.ca.device_certificate_sweep import RETURNING, DeviceCertificateSweep, Held

if TYPE_CHECKING:
    from datetime import datetime

    from fakes.aws import Call
    from fakes.cloudformation import FakeCloudFormation
    from resources.stage import Stage

CA_ID, OTHER_ID = "ab" * 32, "cd" * 32
DEVICES = [issuing.make_device(None, f"thermostat-{number}") for number in range(3)]


class Swept:
    """A CA with three device certificates, each with a thing, that is deleted with them."""

    def __init__(self, stage: Stage, ca: issuing.Issued) -> None:
        self.stage = stage
        self._properties = {"CACertificatePem": ca.pem, "CertificateMode": "SNI_ONLY"}
        self._ca_id = stage.create(stage.ca, self._properties).physical_id
        self.ids: list[str] = []
        for number, device in enumerate(DEVICES):
            answer = stage.iot.RegisterCertificateWithoutCA(device.pem, status="ACTIVE")
            stage.iot.certificates[answer["certificateId"]].ca_id = self._ca_id
            stage.iot.things[f"thing-{number}"] = {answer["certificateArn"]}
            self.ids.append(answer["certificateId"])

    def delete(self, what: str = "DELETE") -> str:
        """Delete the CA, and its devices so; return the note."""
        properties = {**self._properties, "DeviceCertificatesOnDelete": what}
        return self.stage.delete(self.stage.ca, self._ca_id, properties).note

    @property
    def left(self) -> list[int]:
        """Which of the certificates are left."""
        return [number for number, each in enumerate(self.ids) if each in self.stage.iot.certificates]

    def refuse(self, name: str, number: int, refusal: Refusal) -> None:
        """Refuse the calls of this name for one of the certificates, and what was refused before."""
        before = self.stage.aws.before

        def check(call: Call) -> None:
            before(call)
            if call.name == name and self.ids[number] in str(call.parameters):
                raise refusal

        self.stage.aws.before = check

    def leave_seconds(self, seconds: dict[str, float]) -> None:
        """Have so many seconds left for the work after the first call of each name."""
        waiting = dict(seconds)

        def check(call: Call) -> None:
            if call.name in waiting:
                self.stage.clock.left = UNDO_SECONDS + waiting.pop(call.name)

        self.stage.aws.after = check


@pytest.fixture
def swept(stage: Stage, factory_ca: issuing.Issued) -> Swept:
    return Swept(stage, factory_ca)


class TestTime:
    @pytest.mark.parametrize(
        ("at_its_start", "then", "is_begun"),
        [
            (280.0, 30.5, True),
            (280.0, 30.0, False),
            (24.0, 13.5, True),
            (24.0, 12.5, False),
            (8.0, 7.0, True),
            (8.0, 6.0, False),
        ],
        ids=str,
    )
    def test_a_certificate_is_begun_while_enough_is_left_beside_what_is_kept_back(
        self, stage: Stage, at_its_start: float, then: float, *, is_begun: bool
    ) -> None:
        """Five seconds beside 25; of a shorter time, half of it at most beside a third."""
        for device in DEVICES[:2]:
            stage.iot._add(device.pem, "ACTIVE", "SNI_ONLY", CA_ID)
        request = stage.request(RequestType.DELETE, {}, CA_ID)
        stage.clock.left = UNDO_SECONDS + at_its_start

        def pass_time(call: Call) -> None:
            if call.name == "iot.UpdateCertificate":
                stage.clock.left = UNDO_SECONDS + then

        stage.aws.after = pass_time
        sweep = DeviceCertificateSweep(stage.gateways, stage._time)
        with nullcontext() if is_begun else pytest.raises(UnfinishedError, match="1 device certificates of the CA"):
            sweep.run(CA_ID, DeviceCertificatesOnDelete.DEACTIVATE, request)
        statuses = [each.status for each in stage.iot.certificates.values()]
        assert statuses == ["INACTIVE", "INACTIVE" if is_begun else "ACTIVE"]

    def test_without_time_to_list_once_more_it_is_unfinished_also_where_nothing_is_left(self, swept: Swept) -> None:
        """Others may have come in just in time."""

        def pass_time(_: Call) -> None:
            if swept.left == []:
                # Less than the shortest pause, and enough for the call that would delete the CA.
                swept.stage.clock.left = UNDO_SECONDS + 0.05

        swept.stage.aws.after = pass_time
        with pytest.raises(UnfinishedError, match="Out of time: device certificates of the CA may be left"):
            swept.delete()
        assert [each.status for each in swept.stage.iot.cas.values()] == ["INACTIVE"]

    @pytest.mark.parametrize("what", ["DELETE", "DELETE_WITH_THINGS"])
    def test_one_that_is_seen_attached_for_ever_costs_a_minute(self, swept: Swept, what: str) -> None:
        swept.refuse("iot.DeleteCertificate", 0, Refusal("DeleteConflictException", "Things must be detached", 409))
        with pytest.raises(ConflictError):
            swept.delete(what)
        assert swept.left == [0]
        assert 50 < sum(swept.stage.clock.slept) < 61

    def test_a_thing_is_not_touched_where_there_is_no_time_to_detach_it(self, swept: Swept) -> None:
        swept.leave_seconds({"iot.ListPrincipalThings": 20.0})
        with pytest.raises(UnfinishedError):
            swept.delete("DELETE_WITH_THINGS")
        assert [name for name in swept.stage.aws.writes() if "Principal" in name] == []

    def test_who_holds_what_is_asked_again_after_a_minute(self, stage: Stage) -> None:
        began = stage.now()
        held = Held(stage.gateways.stacks, stage._time, stage.request(RequestType.DELETE, {}, CA_ID).deadline)
        asked = []
        for seconds in (0, 30, 60, 60.001, 120):
            stage.aws.calls.clear()
            later = began + timedelta(seconds=seconds)
            stage.now = lambda later=later: later  # type: ignore[misc]
            assert held.holder("certificate") is None
            asked.append("cloudformation.ListStacks" in stage.aws.names())
        assert asked == [True, False, False, True, False]


class TestWhatResourcesDeclare:
    @pytest.mark.parametrize("what", ["DELETE", "DELETE_WITH_THINGS", "DEACTIVATE"])
    def test_is_spared_and_named_with_its_resource(self, swept: Swept, what: str) -> None:
        plant = swept.stage.aws.cloudformation.beside("plant")
        plant.log("Pump", swept.ids[0], "CREATE_COMPLETE")
        swept.stage.aws.cloudformation.log("Hall", "thing-1", "CREATE_COMPLETE")
        note = swept.delete(what)
        certificate = f"certificate {swept.ids[0][:16]}… (Pump of stack plant)"
        with_things = what == "DELETE_WITH_THINGS"
        count = f"{2 if with_things else 1} of the CA's device certificates and things"
        thing = ", thing thing-1 (Hall of this stack)" if with_things else ""
        assert sorted(note.partition(": ")[2].split(", ")) == sorted((certificate + thing).split(", "))
        assert note.startswith(f"Left {count}, because resources declare them: ")
        assert swept.left == ([0, 1, 2] if what == "DEACTIVATE" else [0])
        assert swept.stage.iot.certificates[swept.ids[0]].status == "ACTIVE"
        assert set(swept.stage.iot.things) == ({"thing-0", "thing-1"} if with_things else set(swept.stage.iot.things))

    @pytest.mark.parametrize(("count", "more"), [(3, ""), (4, " and 1 more"), (7, " and 4 more")])
    def test_of_many_the_first_are_named(self, swept: Swept, count: int, more: str) -> None:
        for number in range(count - len(DEVICES)):
            device = issuing.make_device(None, f"pump-{number}")
            answer = swept.stage.iot.RegisterCertificateWithoutCA(device.pem, status="ACTIVE")
            swept.stage.iot.certificates[answer["certificateId"]].ca_id = swept._ca_id
            swept.ids.append(answer["certificateId"])
        for number, each in enumerate(swept.ids):
            swept.stage.aws.cloudformation.log(f"Pump{number}", each, "CREATE_COMPLETE")
        note = swept.delete()
        assert note.startswith(f"Left {count} of the CA's device certificates and things, because resources declare ")
        assert note.count(" of this stack)") == 3
        assert note.endswith(f" of this stack){more}")

    def test_where_there_is_nothing_the_note_is_empty(self, swept: Swept) -> None:
        assert swept.delete("DELETE_WITH_THINGS") == ""


class TestWhatAResourceAtWorkMayHaveRegistered:
    """The pump's Create runs for a minute, and registered the first certificate; the others are hours old."""

    @pytest.fixture
    def pump(self, swept: Swept) -> Pump:
        stage, began = swept.stage, swept.stage.now()
        # Time passes only when somebody sleeps.
        stage.now = lambda: began + timedelta(seconds=sum(stage.clock.slept))
        for each in swept.ids[1:]:
            stage.iot.certificates[each].created = began - timedelta(hours=2)
        return Pump(swept)

    @pytest.mark.parametrize("what", ["DELETE", "DELETE_WITH_THINGS", "DEACTIVATE"])
    def test_is_left_in_doubt_and_named_after_two_minutes(self, swept: Swept, pump: Pump, what: str) -> None:
        note = swept.delete(what)
        assert note == (
            "Left 1 of the CA's device certificates, in doubt. If nobody uses them: iot-certificates sweep. "
            f"Resources in progress may have registered them: certificate {swept.ids[0][:16]}… (Pump of stack plant)"
        )
        assert 110 < sum(swept.stage.clock.slept) <= 121
        assert pump.has_its_certificate
        assert "thing-0" in swept.stage.iot.things
        statuses = [each.status for each in swept.stage.iot.certificates.values()]
        assert statuses == (["ACTIVE", "INACTIVE", "INACTIVE"] if what == "DEACTIVATE" else ["ACTIVE"])
        assert not swept.stage.iot.cas

    def test_asks_only_the_stacks_at_work_again(self, swept: Swept, pump: Pump) -> None:
        stage = swept.stage
        stage.aws.cloudformation.beside("office")
        swept.delete()
        asked = [call.parameters["StackName"] for call in stage.aws.calls if call.name.endswith("ListStackResources")]
        assert asked.count(stage.aws.cloudformation.stack_id.replace("/factory/", "/office/")) <= 2
        assert asked.count(pump.stack.stack_id) > 20

    @pytest.mark.parametrize(("left", "longest"), [(100.0, 55.0), (46.0, 15.7), (30.0, 5.0)])
    def test_is_waited_for_no_longer_than_there_is_time(
        self, swept: Swept, pump: Pump, left: float, longest: float
    ) -> None:
        swept.stage.clock.left = left
        swept.ids = swept.ids[:1]
        assert "in doubt" in swept.delete("DEACTIVATE")
        assert longest / 2 < sum(swept.stage.clock.slept) < longest + 0.2
        assert pump.has_its_certificate

    def test_is_its_own_once_it_has_answered(self, swept: Swept, pump: Pump) -> None:
        pump.ends_after(40.0, swept.ids[0], "CREATE_COMPLETE")
        note = swept.delete()
        assert note.startswith("Left 1 of the CA's device certificates and things, because resources declare them")
        assert 40 <= sum(swept.stage.clock.slept) < 51
        assert swept.left == [0]

    def test_is_swept_once_it_has_failed(self, swept: Swept, pump: Pump) -> None:
        pump.ends_after(40.0, "create-failed/1", "CREATE_FAILED")
        assert swept.delete() == ""
        assert 40 <= sum(swept.stage.clock.slept) < 51
        assert swept.left == []

    def test_is_swept_once_it_has_failed_though_another_is_at_work(self, swept: Swept, pump: Pump) -> None:
        """The other began long after the first certificate was registered, and before the second."""
        pump.ends_after(40.0, "create-failed/1", "CREATE_FAILED")
        certificates, now = swept.stage.iot.certificates, swept.stage.now()
        pump.stack.log("Valve", "", "CREATE_IN_PROGRESS", now)
        certificates[swept.ids[0]].created = now - timedelta(minutes=1)
        certificates[swept.ids[1]].created = now
        assert "(Valve of stack plant)" in swept.delete()
        assert swept.left == [1]

    def test_does_not_let_what_others_hold_be_forgotten(self, swept: Swept, pump: Pump) -> None:
        """Only the stacks at work are asked again, and the others still hold what they held."""
        swept.stage.aws.cloudformation.beside("office").log("Hall", swept.ids[1], "CREATE_COMPLETE")
        pump.ends_after(40.0, "create-failed/1", "CREATE_FAILED")
        assert "(Hall of stack office)" in swept.delete()
        assert swept.left == [1]

    def test_is_swept_where_it_had_failed_before(self, swept: Swept, pump: Pump) -> None:
        """Its Delete, if one is still to come, finds nothing, which is what the sweep is for."""
        pump.stack.log("Pump", "", "CREATE_FAILED", swept.stage.now() - timedelta(minutes=1))
        assert swept.delete() == ""
        assert swept.left == []
        assert sum(swept.stage.clock.slept) < 1

    def test_is_swept_where_it_began_later(self, swept: Swept, pump: Pump) -> None:
        swept.stage.iot.certificates[swept.ids[0]].created -= timedelta(seconds=91)
        assert swept.delete() == ""
        assert swept.left == []

    def test_is_left_also_where_it_began_after_the_stacks_were_asked(self, swept: Swept, pump: Pump) -> None:
        """The second listing has a certificate of an operation that the sweep has not heard of."""
        stage = swept.stage
        pump.ends_after(0.0, swept.ids[0], "CREATE_COMPLETE")
        valve = issuing.make_device(None, "valve")

        def register(call: Call) -> None:
            if call.name == "iot.DeleteCertificate" and "Valve" not in pump.stack.resources:
                stage.clock.sleep(5.0)
                pump.stack.log("Valve", "", "CREATE_IN_PROGRESS", stage.now())
                made = stage.iot.RegisterCertificateWithoutCA(valve.pem, status="ACTIVE")
                swept.ids.append(made["certificateId"])
                stage.iot.certificates[swept.ids[-1]].ca_id = swept._ca_id
                stage.clock.sleep(5.0)

        stage.aws.after = register
        assert f"certificate {swept.ids[0][:16]}…" in (note := swept.delete())
        assert "(Valve of stack plant)" in note
        assert swept.left == [0, 3]


class Pump:
    """A resource of another stack, in CREATE_IN_PROGRESS for a minute."""

    def __init__(self, swept: Swept) -> None:
        self._swept = swept
        self.stack = swept.stage.aws.cloudformation.beside("plant")
        self.stack.status = "CREATE_IN_PROGRESS"
        self.stack.log("Pump", "", "CREATE_IN_PROGRESS", swept.stage.now() - timedelta(minutes=1))

    def ends_after(self, seconds: float, physical_id: str, status: str) -> None:
        """Have it answer once so many seconds have been slept."""
        clock = self._swept.stage.clock

        def answer(_: Call) -> None:
            if sum(clock.slept) >= seconds and self.stack.resources["Pump"][0] != physical_id:
                self.stack.log("Pump", physical_id, status, self._swept.stage.now())

        self._swept.stage.aws.before = answer

    @property
    def has_its_certificate(self) -> bool:
        certificate = self._swept.stage.iot.certificates.get(self._swept.ids[0])
        return certificate is not None and certificate.status == "ACTIVE"


class TestWhatAnUpdateMayReturnTo:
    """The pump of another stack had the first certificate before its update, an hour ago, and has another one now."""

    @pytest.fixture
    def plant(self, swept: Swept) -> FakeCloudFormation:
        plant = swept.stage.aws.cloudformation.beside("plant")
        plant.log("Pump", swept.ids[0], "CREATE_COMPLETE", self._ago(swept, 120))
        self._replace(swept, plant)
        return plant

    @staticmethod
    def _ago(swept: Swept, minutes: float) -> datetime:
        return swept.stage.now() - timedelta(minutes=minutes)

    def _replace(self, swept: Swept, plant: FakeCloudFormation) -> None:
        plant.begin_update(self._ago(swept, 62))
        plant.log("Pump", swept.ids[0], "UPDATE_IN_PROGRESS", self._ago(swept, 61))
        plant.log("Pump", OTHER_ID, "UPDATE_COMPLETE", self._ago(swept, 60))

    @pytest.mark.parametrize("status", sorted(RETURNING))
    @pytest.mark.parametrize("what", ["DELETE", "DEACTIVATE"])
    def test_is_left_and_named(self, swept: Swept, plant: FakeCloudFormation, status: str, what: str) -> None:
        plant.status = status
        note = swept.delete(what)
        assert f"resources declare them: certificate {swept.ids[0][:16]}… (Pump of stack plant)" in note
        assert swept.stage.iot.certificates[swept.ids[0]].status == "ACTIVE"
        assert len([each for each in swept.stage.iot.certificates.values() if each.status == "ACTIVE"]) == 1

    @pytest.mark.parametrize(
        "status", ["UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"]
    )
    def test_is_swept_once_the_stack_does_not_return_to_it(
        self, swept: Swept, plant: FakeCloudFormation, status: str
    ) -> None:
        plant.status = status
        assert swept.delete() == ""
        assert swept.left == []

    def test_is_left_where_the_update_began_after_the_stacks_were_listed(
        self, swept: Swept, plant: FakeCloudFormation
    ) -> None:
        plant.status = "UPDATE_COMPLETE"
        plant.log("Valve", OTHER_ID, "UPDATE_COMPLETE", swept.stage.now())
        swept.delete()
        assert swept.left == [0]

    def test_is_a_thing_as_well(self, swept: Swept, plant: FakeCloudFormation) -> None:
        plant.log("Hall", "thing-1", "UPDATE_IN_PROGRESS", self._ago(swept, 60))
        plant.log("Hall", "thing-new", "UPDATE_COMPLETE", self._ago(swept, 60))
        plant.status = "UPDATE_ROLLBACK_FAILED"
        assert "thing thing-1 (Hall of stack plant)" in swept.delete("DELETE_WITH_THINGS")
        assert set(swept.stage.iot.things) >= {"thing-0", "thing-1"}
        assert "thing-2" not in swept.stage.iot.things

    @pytest.mark.parametrize(("ended", "left"), [("UPDATE_FAILED", [0]), ("UPDATE_COMPLETE", [])])
    def test_is_of_the_updates_since_the_stack_last_ended_well(
        self, swept: Swept, plant: FakeCloudFormation, ended: str, left: list[int]
    ) -> None:
        """An update that has failed and is deployed again, all without a rollback, returns to what was before both."""
        plant.events.insert(0, (plant.name, plant.stack_id, ended, self._ago(swept, 59)))
        plant.begin_update(self._ago(swept, 50))
        plant.status = "UPDATE_FAILED"
        swept.delete()
        assert swept.left == left

    def test_fails_where_the_role_may_not_ask(self, swept: Swept, plant: FakeCloudFormation) -> None:
        plant.status = "UPDATE_FAILED"

        def deny(call: Call) -> None:
            if call.name == "cloudformation.DescribeStackEvents" and call.parameters["StackName"] == plant.stack_id:
                raise Refusal("AccessDenied", "No", 403)

        swept.stage.aws.before = deny
        with pytest.raises(AccessDeniedError):
            swept.delete()
        assert swept.left == [0, 1, 2]


class TestWhatADeletedStackHasRetained:
    """A stack with the first certificate was deleted ten minutes ago; all certificates are an hour old."""

    @pytest.fixture
    def plant(self, swept: Swept) -> FakeCloudFormation:
        now = swept.stage.now()
        for each in swept.ids:
            swept.stage.iot.certificates[each].created = now - timedelta(hours=1)
        return retained_by(swept, "plant", swept.ids[0])

    def test_is_left_and_named(self, swept: Swept, plant: FakeCloudFormation) -> None:
        plant.log("Valve", swept.ids[1], "DELETE_COMPLETE", swept.stage.now() - timedelta(minutes=10))
        assert f"certificate {swept.ids[0][:16]}… (Pump of stack plant)" in swept.delete()
        assert swept.left == [0]

    @pytest.mark.usefixtures("plant")
    def test_is_swept_where_it_was_registered_again_since(self, swept: Swept) -> None:
        swept.stage.iot.certificates[swept.ids[0]].created = swept.stage.now()
        assert swept.delete() == ""
        assert swept.left == []

    @pytest.mark.usefixtures("plant")
    def test_is_left_where_one_of_two_retained_it_after_it_was_registered_again(self, swept: Swept) -> None:
        swept.stage.iot.certificates[swept.ids[0]].created = swept.stage.now() - timedelta(minutes=5)
        retained_by(swept, "hall", swept.ids[0], minutes=2)
        assert "(Pump of stack hall)" in swept.delete()
        assert swept.left == [0]

    def test_is_left_also_where_the_clocks_differ(self, swept: Swept) -> None:
        """CloudFormation's date of the deletion lies twenty seconds before AWS IoT's of the registration."""
        now = swept.stage.now()
        for each in swept.ids:
            swept.stage.iot.certificates[each].created = now - timedelta(hours=1)
        retained_by(swept, "plant", swept.ids[0], minutes=60 + 1 / 3)
        assert "(Pump of stack plant)" in swept.delete()
        assert swept.left == [0]

    def test_a_stack_that_was_deleted_before_the_oldest_is_not_asked(self, swept: Swept) -> None:
        earlier = retained_by(swept, "earlier", OTHER_ID, minutes=60)
        swept.delete()
        asked = [call.parameters for call in swept.stage.aws.calls if call.name.endswith("ListStackResources")]
        assert {"StackName": earlier.stack_id} not in asked

    def test_is_known_also_of_a_stack_that_is_deleted_while_the_sweep_runs(self, swept: Swept) -> None:
        stage = swept.stage
        plant = stage.aws.cloudformation.beside("plant")
        plant.status = "CREATE_COMPLETE"
        plant.log("Pump", swept.ids[0], "CREATE_COMPLETE")
        held = Held(stage.gateways.stacks, stage._time, stage.request(RequestType.DELETE, {}, CA_ID).deadline)
        assert held.holder(swept.ids[0]) is not None
        plant.log("Pump", swept.ids[0], "DELETE_SKIPPED")
        plant.status = "DELETE_COMPLETE"
        began = stage.now()
        for minutes in (2, 4):
            stage.now = lambda minutes=minutes: began + timedelta(minutes=minutes)  # type: ignore[misc]
            holder = held.holder(swept.ids[0])
            assert holder is not None
            assert holder.status == "DELETE_SKIPPED"

    @pytest.mark.usefixtures("plant")
    @pytest.mark.parametrize(("at_its_start", "most"), [(800.0, 61), (280.0, 36), (8.0, 2)])
    def test_is_asked_for_a_minute_and_an_eighth_of_the_time_at_most(
        self, swept: Swept, at_its_start: float, most: int
    ) -> None:
        """Each question takes a second; the certificates are swept all the same."""
        stage = swept.stage
        stage.aws.cloudformation.page = 200
        for number in range(100):
            retained_by(swept, f"deleted-{number}", OTHER_ID).page = 200
        asked: list[Call] = []

        def take_a_second(call: Call) -> None:
            if call.name == "cloudformation.ListStackResources" and call.parameters["StackName"] != own:
                asked.append(call)
                stage.clock.left -= 1.0

        own = stage.aws.cloudformation.stack_id
        stage.aws.after = take_a_second
        stage.clock.left = UNDO_SECONDS + at_its_start
        swept.delete()
        assert most - 2 <= len(asked) <= most
        assert swept.left == [0]


def retained_by(swept: Swept, name: str, physical_id: str, minutes: float = 10) -> FakeCloudFormation:
    """Have a stack that was deleted some minutes ago, and has retained its resource."""
    stack = swept.stage.aws.cloudformation.beside(name)
    stack.status = "DELETE_COMPLETE"
    stack.log("Pump", physical_id, "DELETE_SKIPPED", swept.stage.now() - timedelta(minutes=minutes))
    return stack


class TestWhatIsAdoptedWhileTheSweepRuns:
    """The certificates are hours old; another stack adopts one of them, in a second, as the first one is deleted."""

    @pytest.fixture
    def adopted(self, swept: Swept) -> list[str]:
        adopted: list[str] = []

        def adopt(call: Call) -> None:
            if call.name == "iot.DeleteCertificate" and not adopted:
                adopted.extend(each for each in swept.ids if each in swept.stage.iot.certificates)
                plant = swept.stage.aws.cloudformation.beside("plant")
                plant.status = "UPDATE_COMPLETE"
                plant.log("Pump", f"{adopted[-1]}/adopted", "CREATE_COMPLETE", swept.stage.now())

        for each in swept.ids:
            swept.stage.iot.certificates[each].created = swept.stage.now() - timedelta(hours=2)
        swept.stage.aws.after = adopt
        return adopted

    def test_is_left_and_named(self, swept: Swept, adopted: list[str]) -> None:
        note = swept.delete()
        assert f"certificate {adopted[-1][:16]}… (Pump of stack plant)" in note
        assert [swept.ids[each] for each in swept.left] == adopted[-1:]

    def test_is_left_also_where_its_resource_is_not_among_the_first_hundred(
        self, swept: Swept, adopted: list[str]
    ) -> None:
        stack = swept.stage.aws.cloudformation.beside("large")
        for number in range(DESCRIBED):
            stack.log(f"Other{number}", f"other-{number}", "CREATE_COMPLETE", swept.stage.now() - timedelta(hours=1))
        adopt = swept.stage.aws.after

        def adopt_in_the_large(call: Call) -> None:
            adopt(call)
            if adopted and "Pump" not in stack.resources:
                stack.log("Pump", f"{adopted[0]}/adopted", "CREATE_COMPLETE", swept.stage.now())

        swept.stage.aws.after = adopt_in_the_large
        note = swept.delete()
        assert f"certificate {adopted[0][:16]}… (a resource of stack large)" in note
        assert len(swept.left) == 2

    def test_is_not_asked_for_where_there_are_too_many(
        self, swept: Swept, adopted: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """CloudFormation's quotas: docs/operations.md names the limit."""
        monkeypatch.setattr(device_certificate_sweep, "ASKED_EACH", 2)
        swept.delete()
        assert adopted
        asked = [
            call.parameters["PhysicalResourceId"]
            for call in swept.stage.aws.calls
            if call.name == "cloudformation.DescribeStackResources"
        ]
        assert not {f"{each}/adopted" for each in swept.ids} & {*asked}
        assert swept.left == []

    def test_is_not_left_to_one_that_gave_it_up_before_it_was_registered(self, swept: Swept) -> None:
        """The adopter's stack cannot be deleted, and has retained an earlier registration of the certificate."""
        plant = swept.stage.aws.cloudformation.beside("plant")
        plant.status = "DELETE_FAILED"
        plant.log("Pump", f"{swept.ids[0]}/adopted", "DELETE_SKIPPED", swept.stage.now() - timedelta(minutes=5))
        assert swept.delete() == ""
        assert swept.left == []


class TestWhatRefuses:
    def test_is_reported_as_it_is_where_it_is_one(self, swept: Swept) -> None:
        swept.refuse("iot.DeleteCertificate", 1, Refusal("InternalFailureException", "planned", 500))
        with pytest.raises(UpstreamError) as caught:
            swept.delete()
        assert "device certificates of the CA are left" not in str(caught.value)
        assert swept.left == [1]

    def test_is_counted_and_the_first_is_named_where_it_is_several(self, swept: Swept) -> None:
        swept.refuse("iot.UpdateCertificate", 0, Refusal("CertificateStateException", "the one", 406))
        swept.refuse("iot.UpdateCertificate", 2, Refusal("CertificateStateException", "the other", 406))
        with pytest.raises(ConflictError, match=r"^2 device certificates of the CA are left") as caught:
            swept.delete()
        assert "the one" in str(caught.value)
        assert "the other" not in str(caught.value)
        assert swept.left == [0, 2]

    def test_may_have_been_detached_late_before_it_is_attached_again(self, swept: Swept) -> None:
        """An attachment that is made before the detachment takes effect would be lost, and the thing's name with it."""
        swept.refuse("iot.DetachThingPrincipal", 0, Refusal("InternalFailureException", "planned", 500))
        slept_before_attaching: list[float] = []

        def note(call: Call) -> None:
            if call.name == "iot.AttachThingPrincipal":
                slept_before_attaching.extend(swept.stage.clock.slept)

        swept.stage.aws.after = note
        with pytest.raises(UpstreamError):
            swept.delete("DELETE_WITH_THINGS")
        assert 10.0 in slept_before_attaching


def test_one_that_another_caller_deletes_is_no_failure_where_it_is_to_be_deactivated(swept: Swept) -> None:
    gone = swept.ids[1]

    def delete(call: Call) -> None:
        if call.name == "iot.UpdateCertificate" and call.parameters["certificateId"] == gone:
            del swept.stage.iot.certificates[gone]

    swept.stage.aws.before = delete
    swept.delete("DEACTIVATE")
    certificates: list[Any] = list(swept.stage.iot.certificates.values())
    assert [each.status for each in certificates] == ["INACTIVE", "INACTIVE"]
