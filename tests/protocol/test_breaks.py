"""Lives that break an invariant: what is wrong in the provider is in the name. Each fails, until it is mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from iot_certificate_provider.pki import Certificate
from protocol.in_use import AccountInUse
from protocol.neighbours import Amend, Deploy, Destroy, Hand, Neighbourhood, Race, Wish, properties_of, template_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from protocol.function import Cloud
    from protocol.neighbours import Step

DEVICE, OWNED, ADOPTER = ("DeviceA", Wish()), Wish(retain="Retain"), ("DeviceA", Wish(adopt=True))
CA = Wish("ca", retain="Retain")
AT_ANY_SPEED, SLOW = 3, 2
"""None of the two is slow; both are."""

OF_NEIGHBOURS: dict[str, Sequence[Step]] = {
    "ownership is taken of what another stack's update has replaced, and returns to: the first Delete takes it away": (
        Deploy(1, (("DeviceA", OWNED),)),
        Deploy(0, (ADOPTER,)),
        Race(Amend(1, "replace", 0, "after 60.0"), Amend(0, "own"), later=20.0, slow=AT_ANY_SPEED),
        Destroy(0),
    ),
    "likewise of a native resource's": (
        Deploy(1, (("NativeA", Wish(retain="Retain", native=True)),)),
        Deploy(0, (ADOPTER,)),
        Race(Amend(1, "replace", 0, "after 60.0"), Amend(0, "own"), later=20.0, slow=AT_ANY_SPEED),
        Destroy(0),
    ),
    "likewise of a CA, which its rollback finds to be another owner's": (
        Deploy(1, (("CaA", CA),)),
        Deploy(0, (("CaA", Wish("ca", adopt=True)),)),
        Race(Amend(1, "replace", 0, "after 60.0"), Amend(0, "own"), later=20.0, slow=AT_ANY_SPEED),
    ),
    "two adopters take ownership at once, and the first Delete takes it away from the other": (
        Deploy(0, (("DeviceA", OWNED),)),
        Deploy(1, (ADOPTER,)),
        Deploy(2, (ADOPTER,)),
        Destroy(0),
        Race(Amend(1, "own"), Amend(2, "own"), later=0.2, slow=SLOW),
        Destroy(1),
    ),
    "an adopter takes ownership of what another stack's Create has registered and not answered yet": (
        Deploy(1, (("DeviceA", OWNED),)),
        Deploy(0, (ADOPTER,)),
        Hand("delete"),
        Race(Deploy(2, (DEVICE,)), Amend(0, "own"), later=9.0, slow=0),
        Destroy(0),
    ),
    "a Delete takes away what an adopter's update has replaced, and is to return to": (
        Deploy(1, (("DeviceA", OWNED),)),
        Deploy(0, (ADOPTER,)),
        Amend(1, "release"),
        Race(Amend(0, "replace", 0, "after 60.0"), Destroy(1), later=20.0, slow=AT_ANY_SPEED),
    ),
    "likewise of a CA": (
        Deploy(1, (("CaA", CA),)),
        Deploy(0, (("CaA", Wish("ca", adopt=True)),)),
        Amend(1, "release"),
        Race(Amend(0, "replace", 0, "after 60.0"), Destroy(1), later=20.0, slow=AT_ANY_SPEED),
    ),
    "one that has lost its certificate counts as an owner again after a failed update, and hides the native owner": (
        Deploy(2, (("DeviceA", OWNED),)),
        Hand("delete"),
        Deploy(1, (("NativeA", Wish(native=True)),)),
        Deploy(2, (("DeviceA", Wish(retain="Retain", status="INACTIVE")),)),
        Deploy(0, (ADOPTER,)),
    ),
    "an adopter's Delete detaches what the owner declares as well: one that has lost the certificate hides the owner": (
        Deploy(2, (("DeviceA", OWNED),)),
        Hand("delete"),
        Deploy(1, (("DeviceA", OWNED),)),
        Deploy(0, (("DeviceA", Wish(adopt=True, attached=("connect",))),)),
        Deploy(1, (("DeviceA", Wish(retain="Retain", attached=("connect",))),)),
        Destroy(0),
    ),
}
OF_ALL_TYPES: dict[str, Sequence[Step]] = {
    "the Delete of a decision takes away what an adopter's update has replaced, and is to return to": (
        Deploy(1, (("DecisionA", Wish("coming")),)),
        Deploy(2, (("DeviceA", Wish("brought")),)),
        Race(Deploy(2, (DEVICE,), "after 60.0"), Destroy(1), later=20.0, slow=AT_ANY_SPEED),
    ),
}
_CASES: list[Any] = [
    *(pytest.param(Neighbourhood, life, id=name) for name, life in OF_NEIGHBOURS.items()),
    *(pytest.param(AccountInUse, life, id=name) for name, life in OF_ALL_TYPES.items()),
]


@pytest.mark.parametrize(("account", "life"), _CASES)
def test_holds(cloud: Cloud, account: type[Neighbourhood], life: Sequence[Step]) -> None:
    account(cloud).play(list(life))


# Of what a template has retained, the referee lets everything pass (``Excuses.left_behind``): so these look themselves.

GIVEN = Certificate.from_pem(properties_of("ca")["CACertificatePem"]).id


def test_the_rollback_of_a_refused_update_deletes_the_ca_that_the_stack_has_retained(cloud: Cloud) -> None:
    """A CA with RETAIN is replaced by another one, and the user goes back: "Registered already"."""
    Neighbourhood(cloud).play([Deploy(1, (("CaA", CA),)), Amend(1, "replace"), Amend(1, "replace")])
    assert GIVEN in cloud.iot.cas


def test_likewise_of_a_self_signed_ca(cloud: Cloud) -> None:
    """Generation 0, 1, and 0 again, in a template with UpdateReplacePolicy Retain."""
    account, own = AccountInUse(cloud), [Wish("own-ca", retain="Retain", generation=each) for each in (0, 1, 0)]
    stack = account.stacks[1]
    assert stack.create({"Ca": account.write(own[0])}) == "COMPLETE"
    retained = stack.live["Ca"].physical_id
    for each in own[1:]:
        cloud.clock.sleep(90)
        stack.update({"Ca": account.write(each)})
    assert retained in cloud.iot.cas


def test_the_rollback_of_a_refused_adoption_deletes_the_ca_that_the_stack_has_retained(cloud: Cloud) -> None:
    """Likewise with ADOPT, and a status that it does not have."""
    again = Wish("ca", adopt=True, status="INACTIVE", retain="Retain")
    Neighbourhood(cloud).play([Deploy(1, (("CaA", CA),)), Amend(1, "replace"), Deploy(1, (("CaA", again),))])
    assert GIVEN in cloud.iot.cas


@pytest.mark.parametrize("kind", ["ca", "own-ca"])
def test_the_delete_of_a_cancelled_create_sweeps_the_ca_that_the_stack_has_retained(cloud: Cloud, kind: str) -> None:
    """A CA with RETAIN is removed, and declared again under its logical id, in a deployment in which another fails."""
    ca, swept = Wish(kind, retain="Retain"), Wish(kind, sweep="DELETE")
    account = AccountInUse(cloud)
    stack = account.stacks[1]
    template = {"Ca": account.write(ca), "Device": account.write(Wish())}
    assert stack.create(template) == "COMPLETE"
    retained = stack.live["Ca"].physical_id
    cloud.clock.sleep(90)
    assert stack.update({"Device": account.write(Wish())}) == "COMPLETE"
    cloud.bring_in_device(retained)
    cloud.clock.sleep(90)
    again = template_of({"Ca": swept, "Device": Wish()}, "first", account.write)
    assert stack.update(again, at_once=True) == "ROLLED_BACK"
    assert retained in cloud.iot.cas
    assert any(each.ca_id == retained for each in cloud.iot.certificates.values())
