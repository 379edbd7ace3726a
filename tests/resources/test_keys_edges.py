"""The versions of a secret, one by one: which are read, which label moves, and what is left alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.contract import CredentialsField
from iot_certificate_provider.errors import InvalidPropertyError, ProviderError, UpstreamError
from iot_certificate_provider.pki import Certificate, load_private_key
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.resources.keys.credentials import (
    CredentialsStore,
    SecretOutOfReachError,
    properties_digest,
)
from iot_certificate_provider.resources.keys.ownership import DEAD, OF_ANOTHER, OWN, UNKNOWN, is_of, replacing
from iot_certificate_provider.resources.keys.secret_version import Credentials, read_version, version_text
from resources.stage import KEY_SECRET

if TYPE_CHECKING:
    from fakes.aws import Call
    from iot_certificate_provider.protocol.request import Request
    from resources.stage import Stage

SECRET = KEY_SECRET.replace("factory/ca-key", "kept")
CA = issuing.make_ca("Edges")
HAND = "0" * 32


def v(sign: str) -> str:
    """Return a version's id, which has 32 characters at least."""
    return sign * 32


def made(name: str, sign: str = "v", *, is_ca: bool = False, owner: str = "") -> Credentials:
    """Return a version with a key of its own."""
    device = issuing.make_device(CA, name)
    ca = None if is_ca else Certificate.from_pem(CA.pem)
    key: Any = load_private_key(device.key_pem(), None)
    return Credentials(v(sign), f"digest of {name}", Certificate.from_pem(device.pem), ca, key, owner)


class Shelf:
    """One secret, its store for devices, and the certificates that are registered."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.secrets = stage, stage.aws.secrets
        self.secrets.add_empty(SECRET)
        self.registered: set[str] = set()
        self.asked: list[str] = []
        self.store = CredentialsStore(stage.gateways.secrets, SECRET, "Property", self._is_registered)

    def _is_registered(self, certificate_id: str) -> bool:
        self.asked.append(certificate_id)
        return certificate_id in self.registered

    def put(self, version: Credentials, *labels: str, registered: bool = False) -> None:
        self.secrets.versions[SECRET][version.version_id] = version_text(version)
        self.label(version.version_id, *labels)
        if registered:
            self.registered.add(version.certificate.id)

    def label(self, version_id: str, *labels: str) -> None:
        assert len(version_id) >= 32
        self.secrets.labels[SECRET].update(dict.fromkeys(labels, version_id))

    def request(self, number: int = 1) -> Request:
        return replace(self.stage.request(RequestType.CREATE, {}), request_id=f"request-{number}")

    @property
    def labels(self) -> dict[str, str]:
        return {label: version_id[:1] for label, version_id in self.secrets.labels[SECRET].items()}

    def order(self) -> str:
        return "".join(each.version_id[0] for each in self.store.labelled())


@pytest.fixture
def shelf(stage: Stage) -> Shelf:
    return Shelf(stage)


class TestReading:
    def test_returns_what_was_written(self) -> None:
        for version in (made("one", owner="ours"), made("two", is_ca=True)):
            read = read_version("v", version_text(version))
            assert read is not None
            assert (read.version_id, read.digest, read.owner) == ("v", version.digest, version.owner)
            assert (read.certificate.id, read.is_ca) == (version.certificate.id, version.is_ca)
            assert json.loads(version_text(read)) == json.loads(version_text(version))

    @pytest.mark.parametrize(
        "text",
        [
            *("", "nonsense", "null", "[]", "7", '"text"', "{}", "[" * 100_000),
            *(
                json.dumps(
                    {name: value for name, value in json.loads(version_text(made("one"))).items() if name != gone}
                )
                for gone in ("propertiesDigest", CredentialsField.CERTIFICATE_PEM, CredentialsField.PRIVATE_KEY)
            ),
            *(
                json.dumps({**json.loads(version_text(made("one"))), name: "no PEM"})
                for name in ("certificatePem", "caCertificatePem", "privateKey")
            ),
        ],
        ids=range(14),
    )
    def test_passes_over_what_is_none_of_ours(self, text: str) -> None:
        assert read_version("v", text) is None


def test_a_version_that_was_read_does_not_show_its_key() -> None:
    version = read_version(v("1"), version_text(made("one")))
    assert version is not None
    assert repr(version.key) not in repr(version)
    assert repr(version).startswith(f"Credentials(version_id={version.version_id!r}, ")


class TestTheLabelled:
    def test_come_in_the_order_of_their_labels_and_once(self, shelf: Shelf) -> None:
        shelf.put(made("one", "1"), "AWSPREVIOUS")
        shelf.put(made("two", "2"), "AWSCURRENT", "AWSPENDING")
        assert shelf.order() == "21"
        shelf.label(v("1"), "AWSPENDING")
        assert shelf.order() == "21"

    def test_do_not_include_values_of_another_principal(self, shelf: Shelf) -> None:
        shelf.put(made("one", "1"), "AWSPREVIOUS")
        shelf.secrets.versions[SECRET][HAND] = "a password"
        shelf.label(HAND, "AWSCURRENT")
        assert shelf.order() == "1"

    def test_are_found_by_their_digest_where_they_are_accepted(self, shelf: Shelf) -> None:
        shelf.put(made("one", "1"), "AWSCURRENT")
        assert shelf.store.find("digest of one", lambda _: True) is not None
        assert shelf.store.find("digest of one", lambda _: False) is None
        assert shelf.store.find("another", lambda _: True) is None

    def test_are_none_for_a_clean_up_where_the_secret_is_gone(self, shelf: Shelf) -> None:
        self._refuse(shelf, "InvalidRequestException")
        assert list(shelf.store.left(shelf.request())) == []
        with pytest.raises(ProviderError):
            list(shelf.store.labelled())

    def test_are_not_known_to_a_clean_up_that_may_not_read_the_secret(self, shelf: Shelf) -> None:
        self._refuse(shelf, "AccessDeniedException")
        with pytest.raises(SecretOutOfReachError):
            list(shelf.store.left(shelf.request()))

    def test_and_the_version_of_the_unfinished_create_that_is_deleted_are_left(self, shelf: Shelf) -> None:
        version = made("one")
        created = shelf.store.write(shelf.request(), version.digest, version.key, version.certificate, version.ca)
        unfinished, failed = (
            replace(shelf.request(2), physical_id=f"{marker}/{shelf.request().request_id}")
            for marker in ("create-unfinished", "create-failed")
        )
        # Once, where it has a label as well.
        assert [each.version_id for each in shelf.store.left(unfinished)] == [created.version_id]
        shelf.secrets.labels[SECRET].clear()
        assert [each.version_id for each in shelf.store.left(unfinished)] == [created.version_id]
        assert list(shelf.store.left(failed)) == []
        unknown = replace(shelf.request(2), physical_id="create-unfinished/another")
        assert list(shelf.store.left(unknown)) == []

    def _refuse(self, shelf: Shelf, code: str) -> None:
        def refuse(call: Call) -> None:
            if call.name.startswith("secretsmanager."):
                raise Refusal(code, "planned", 400)

        shelf.put(made("one", "1"), "AWSCURRENT")
        assert [each.version_id for each in shelf.store.left(shelf.request())] == [v("1")]
        shelf.stage.aws.before = refuse


class TestWriting:
    def write(self, shelf: Shelf, name: str = "one") -> Credentials:
        version = made(name)
        return shelf.store.write(shelf.request(), version.digest, version.key, version.certificate, version.ca)

    def test_is_pending_and_says_whose_it_is(self, shelf: Shelf) -> None:
        version = self.write(shelf)
        assert shelf.labels == {"AWSPENDING": version.version_id[0], "AWSCURRENT": version.version_id[0]}
        assert is_of(version, shelf.request(2))
        found = shelf.store.of_request(shelf.request())
        assert found is not None
        assert found.certificate.id == version.certificate.id
        assert shelf.store.of_request(shelf.request(2)) is None

    def test_takes_what_another_delivery_has_written(self, shelf: Shelf) -> None:
        first = self.write(shelf, "one")
        assert self.write(shelf, "two").certificate.id == first.certificate.id

    def test_fails_where_that_cannot_be_read(self, shelf: Shelf) -> None:
        first = self.write(shelf)
        shelf.secrets.versions[SECRET][first.version_id] = "damaged"
        with pytest.raises(UpstreamError, match=r"^Property: the secret's version could not be read"):
            self.write(shelf)


class TestTheLabelAwscurrent:
    def test_moves_from_nothing_and_from_ones_own(self, shelf: Shelf) -> None:
        request = shelf.request()
        shelf.put(made("one", "1"))
        assert shelf.store.make_current(request, v("1")) == ""
        assert shelf.labels["AWSCURRENT"] == "1"
        shelf.put(made("two", "2", owner="another"))
        assert shelf.store.make_current(request, v("2")) == ""
        assert shelf.labels == {"AWSCURRENT": "2", "AWSPREVIOUS": "1"}
        shelf.stage.aws.calls.clear()
        assert shelf.store.make_current(request, v("2")) == ""
        assert shelf.stage.aws.writes() == []

    def test_stays_on_a_registered_key_of_another_resource(self, shelf: Shelf) -> None:
        shelf.put(made("one", "1", owner="another"), "AWSCURRENT", registered=True)
        shelf.put(made("two", "2"))
        assert shelf.store.make_current(shelf.request(), v("2")).startswith(
            "Property: the secret holds the key of another"
        )
        assert shelf.labels["AWSCURRENT"] == "1"

    def test_that_is_refused_fails_unless_it_has_moved(self, shelf: Shelf) -> None:
        def refuse(call: Call) -> None:
            if call.name == "secretsmanager.UpdateSecretVersionStage":
                raise Refusal("InvalidParameterException", "planned", 400)

        shelf.put(made("one", "1"), "AWSCURRENT")
        shelf.put(made("two", "2"))
        shelf.stage.aws.before = refuse
        with pytest.raises(InvalidPropertyError, match=r"^Property: "):
            shelf.store.make_current(shelf.request(), v("2"))

        def move(call: Call) -> None:
            if call.name == "secretsmanager.UpdateSecretVersionStage":
                shelf.label(v("2"), "AWSCURRENT")
                refuse(call)

        shelf.stage.aws.before = move
        assert shelf.store.make_current(shelf.request(), v("2")) == ""

    @pytest.mark.parametrize("registered", [True, False])
    def test_that_another_resource_moves_meanwhile_stays_there_only_where_its_certificate_is_registered(
        self, shelf: Shelf, registered: bool
    ) -> None:
        def be_faster(call: Call) -> None:
            if call.name == "secretsmanager.UpdateSecretVersionStage":
                shelf.stage.aws.before = lambda call: None
                shelf.put(made("three", "3", owner="another"), "AWSCURRENT", registered=registered)

        shelf.put(made("one", "1"), "AWSCURRENT")
        shelf.put(made("two", "2"))
        shelf.stage.aws.before = be_faster
        objection = shelf.store.make_current(shelf.request(), v("2"))
        assert objection.startswith("Property: the secret holds the key of another") is registered
        assert shelf.labels["AWSCURRENT"] == ("3" if registered else "2")


class TestSettling:
    def put(self, shelf: Shelf, current: bool, pending: bool, previous: bool) -> None:
        shelf.put(made("current", "c"), "AWSCURRENT", registered=current)
        shelf.put(made("pending", "p"), "AWSPENDING", registered=pending)
        shelf.put(made("previous", "o"), "AWSPREVIOUS", registered=previous)

    @pytest.mark.parametrize(
        ("registered", "current"),
        [
            ((True, True, True), "c"),
            ((False, True, True), "p"),
            ((False, False, True), "o"),
            ((False, False, False), "c"),
        ],
    )
    def test_returns_the_label_to_the_newest_registered_key(
        self, shelf: Shelf, registered: tuple[bool, bool, bool], current: str
    ) -> None:
        self.put(shelf, *registered)
        shelf.store.settle()
        assert shelf.labels["AWSCURRENT"] == current

    def test_does_nothing_to_an_empty_secret_or_one_with_one_version(self, shelf: Shelf) -> None:
        shelf.store.settle()
        assert shelf.labels == {}
        shelf.put(made("one", "1"), "AWSCURRENT", "AWSPENDING")
        shelf.store.settle()
        assert shelf.labels == {"AWSCURRENT": "1", "AWSPENDING": "1"}
        assert shelf.stage.aws.writes() == []

    def test_asks_nothing_of_the_other_kind(self, shelf: Shelf) -> None:
        shelf.put(made("current", "c"), "AWSCURRENT")
        shelf.put(made("previous", "o", is_ca=True), "AWSPREVIOUS", registered=True)
        shelf.store.settle()
        assert shelf.labels["AWSCURRENT"] == "c"
        assert made("previous").certificate.id not in shelf.asked

    @pytest.mark.parametrize("text", ["a password", version_text(made("CA", is_ca=True))])
    def test_keeps_a_value_that_another_principal_made_current(self, shelf: Shelf, text: str) -> None:
        shelf.put(made("previous", "o"), "AWSPREVIOUS", registered=True)
        shelf.secrets.versions[SECRET][HAND] = text
        shelf.label(HAND, "AWSCURRENT")
        shelf.store.settle()
        assert shelf.labels["AWSCURRENT"] == HAND[0]
        assert shelf.stage.aws.writes() == []

    def test_of_a_secret_that_is_gone_succeeds(self, shelf: Shelf) -> None:
        del shelf.secrets.values[SECRET]
        shelf.store.settle()
        shelf.store.give_up(shelf.request())


class TestGivingUp:
    def test_takes_the_label_from_what_the_request_wrote(self, shelf: Shelf) -> None:
        shelf.put(made("old", "o"), "AWSCURRENT")
        version = made("one")
        shelf.store.write(shelf.request(), "d", version.key, version.certificate, version.ca)
        shelf.store.give_up(shelf.request(2))
        assert "AWSPENDING" in shelf.labels
        shelf.store.give_up(shelf.request())
        assert shelf.labels == {"AWSCURRENT": "o"}


class TestWhoseItIs:
    def test_a_version_without_an_owner_is_of_the_resource_that_has_its_certificate(self, shelf: Shelf) -> None:
        version, request = made("one"), shelf.request()
        assert not is_of(version, request)
        assert is_of(version, replace(request, physical_id=version.certificate.id))
        assert is_of(version, replace(request, physical_id=f"{version.certificate.id}/keeps/{'ab' * 32}"))
        assert not is_of(version, replace(request, physical_id="cd" * 32))
        assert not is_of(replace(version, owner="another"), replace(request, physical_id=version.certificate.id))

    def test_what_may_be_replaced(self, shelf: Shelf) -> None:
        other, request = made("one", owner="another"), shelf.request()
        assert replacing(None, request, registered=False) == UNKNOWN
        assert replacing(other, request, registered=True) == OF_ANOTHER
        assert replacing(other, request, registered=False) == DEAD
        own = replace(made("one"), owner="")
        having = replace(request, physical_id=own.certificate.id)
        assert replacing(own, having, registered=True) == OWN

    def test_a_digest_tells_stacks_resources_and_properties_apart(self, shelf: Shelf) -> None:
        request = shelf.request()
        digests = {
            properties_digest(request, {"a": 1, "b": 2}),
            properties_digest(request, {"b": 2, "a": 1}),
            properties_digest(request, {"a": 1}),
            properties_digest(replace(request, logical_id="Other"), {"a": 1}),
            properties_digest(replace(request, stack_id="other"), {"a": 1}),
        }
        assert len(digests) == 4
