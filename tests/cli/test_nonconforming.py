"""The corpus of files that other tools refuse, in the lists of the command line, and swept by their subjects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iot_certificate_provider.pki import Certificate
from iot_certificates_cli.known_certificates import Said
from nonconforming import drafts
from nonconforming.cases import CASES, Case, Kind
from nonconforming.writing import PRINTABLE, common_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.conftest import Account, Ran

REGISTERED = [case for case in CASES if case.kind is not Kind.REQUEST and case.refusal is None]


@pytest.mark.parametrize("case", REGISTERED, ids=[case.name for case in REGISTERED])
def test_each_file_is_listed_with_its_name_and_dates(case: Case) -> None:
    said, certificate = Said.by(case.text), Certificate.from_pem(case.text)
    assert said.subject == certificate.subject != "(unreadable)"
    assert (said.not_before, said.not_after) == (certificate.not_before, certificate.not_after)


@pytest.mark.emulator
def test_such_a_certificate_is_listed_and_swept_by_its_subject(account: Account, run: Callable[..., Ran]) -> None:
    iot = account.iot
    iot.register_ca_certificate(caCertificate=drafts.CA.pem, certificateMode="SNI_ONLY", setAsActive=True)
    odd = drafts.Certificate(subject=common_name(b"dev_0001", PRINTABLE))
    plain = drafts.Certificate(subject=common_name(b"other-1"))
    ids = [iot.register_certificate(certificatePem=one.pem)["certificateId"] for one in (odd, plain)]

    listed = {entry["certificateId"]: entry for entry in run("inventory", "--expiry", "--format", "json").entries}
    assert listed[ids[0]]["subject"] == "CN=dev_0001"
    assert listed[ids[0]]["notAfter"] == "2054-01-01T00:00:00+00:00"

    assert run("sweep", "--subject", "CN=dev_*", "--yes").status == 0
    assert account.ids() == {ids[1]}
