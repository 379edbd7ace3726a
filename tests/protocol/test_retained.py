"""A CA certificate that the template of a stack has retained stays registered, whatever the stack does next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iot_certificate_provider.pki import Certificate
from protocol.in_use import AccountInUse
from protocol.neighbours import Amend, Deploy, Neighbourhood, Wish, properties_of, template_of

if TYPE_CHECKING:
    from protocol.function import Cloud

CA = Wish("ca", retain="Retain")

# Of what a template has retained, the referee lets everything pass (``Excuses.left_behind``): so these look themselves.

GIVEN = Certificate.from_pem(properties_of("ca")["CACertificatePem"]).id


def test_the_rollback_of_a_refused_update_leaves_the_ca(cloud: Cloud) -> None:
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


def test_the_rollback_of_a_refused_adoption_leaves_the_ca(cloud: Cloud) -> None:
    """Likewise with ADOPT, and a status that it does not have."""
    again = Wish("ca", adopt=True, status="INACTIVE", retain="Retain")
    Neighbourhood(cloud).play([Deploy(1, (("CaA", CA),)), Amend(1, "replace"), Deploy(1, (("CaA", again),))])
    assert GIVEN in cloud.iot.cas


@pytest.mark.parametrize("kind", ["ca", "own-ca"])
def test_the_delete_of_a_cancelled_create_leaves_the_ca_and_its_devices(cloud: Cloud, kind: str) -> None:
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
