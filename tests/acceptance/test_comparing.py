"""The differences that matter between a recording and the present answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from acceptance.comparing import differences
from acceptance.recording import AWS, NOT_TRIED, Asked, Call, Recording
from acceptance.step import Kind, Verdict

PART = Verdict(Kind.HOLDS, (f"2 of 3 certificates{NOT_TRIED}the run is short)",))


def call(number: int, operation: str = "DescribeCertificate", **members: Any) -> Call:
    asked = Asked("iot", operation, {"certificateId": f"<id of alone:{number}>"})
    return Call(asked, [{"status": 200, "members": members}], "at once")


def of_aws() -> Recording:
    calls = [
        call(number, operation) for operation in ("RegisterCertificate", "DeleteCertificate") for number in range(3)
    ]
    return Recording("07", AWS, calls, {"order": ["a"], "only on AWS": 1}, {"longest": "seconds"}, Verdict(Kind.HOLDS))


def of_the_embedded(*, said: bool = True) -> Recording:
    calls = [call(0, "RegisterCertificate"), call(0, "DeleteCertificate")]
    return Recording("07", "a fake, NOT AWS", calls, {"order": ["a"]}, {}, PART if said else Verdict(Kind.HOLDS))


def test_where_a_part_is_played_that_part_is_compared() -> None:
    assert differences(of_aws(), of_the_embedded()) == []
    other = of_the_embedded()
    other.calls[1] = replace(
        other.calls[1], answers=[{"status": 406, "code": "CertificateStateException", "members": {}}]
    )
    (text,) = differences(of_aws(), other)
    assert text.startswith("step 07, question 2, iot:DeleteCertificate:")
    other = of_the_embedded()
    other.observed["order"] = ["b"]
    (text,) = differences(of_aws(), other)
    assert text.startswith("step 07, order:")


def test_fewer_questions_than_recorded_differ_unless_that_is_said() -> None:
    found = differences(of_aws(), of_the_embedded(said=False))
    assert found[0] == "step 07: 6 questions were recorded, 2 are asked"
    assert any("only on AWS" in text for text in found)


def test_a_question_that_was_not_recorded_differs() -> None:
    fresh = of_the_embedded()
    fresh.calls.append(call(0, "UpdateCertificate"))
    (text,) = differences(of_aws(), fresh)
    assert "now iot:UpdateCertificate is asked" in text


def test_a_slower_machine_is_no_difference() -> None:
    one, other = of_aws(), of_aws()
    other.timings["longest"] = "within a minute"
    other.calls[0] = replace(other.calls[0], took="minutes")
    assert differences(one, other) == []
