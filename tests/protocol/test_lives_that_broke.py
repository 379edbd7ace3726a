"""Lives that once broke an invariant, made short: what was wrong, in the provider or in the referee, is in the name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from protocol.function import Fault
from protocol.in_use import AccountInUse
from protocol.neighbours import Again, Amend, Deploy, Destroy, Hand, Lag, Neighbourhood, Race, Wish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from protocol.function import Cloud
    from protocol.neighbours import Step

DEVICE, ISSUED, OWN_CA, DECISION, TRANSFER = (
    ("DeviceA", Wish()),
    ("IssuedA", Wish("issued")),
    ("OwnCaA", Wish("own-ca")),
    ("DecisionA", Wish("coming")),
    ("TransferA", Wish("leaving")),
)
REQUESTED = ("IssuedA", Wish("requested"))
ATTACHED = Wish(attached=("connect", "thermostat"))
OWNED, ADOPTER = Wish(retain="Retain"), ("DeviceA", Wish(adopt=True))

OF_NEIGHBOURS: dict[str, Sequence[Step]] = {
    "the referee takes for left behind what a rollback has taken up while the cancelled Create could not delete it": (
        Lag(seconds=0.5, status=3.0, denied="iot.RegisterCertificate", denied_seconds=2.0),
        Deploy(1, (("DeviceA", OWNED),)),
        Hand("delete"),
        Race(Deploy(2, (DEVICE,), "after 0.2"), Amend(1, "adopt"), later=0.3, slow=-1),
    ),
    "what undoes a cancelled Update takes its tags from a CA that the rollback has registered again": (
        Lag(status=0.5, detaching=2.0, denied="iot.RegisterCACertificate", denied_seconds=2.0),
        Deploy(1, (("CaA", Wish("ca", retain="Retain")),)),
        Deploy(2, (("CaA", Wish("ca", adopt=True)),)),
        Hand("delete", "ca"),
        Deploy(2, (("CaA", Wish("ca")),), "after 0.2"),
    ),
    "the referee wants detached what an adopter's Update attached to take ownership, whose answers are lost": (
        Lag(call=6.0),
        Deploy(1, (("DeviceA", OWNED),)),
        Deploy(2, (ADOPTER,)),
        Race(
            Deploy(
                2,
                (("DeviceA", ATTACHED),),
                faults=(Fault("mute", "cloudformation.DescribeStackResources", "before", times=4, invocation=2),),
            ),
            Destroy(1),
        ),
    ),
    "the referee wants detached by a rollback what an adopter may have attached that was deleted in that second": (
        Deploy(1, (("DeviceA", OWNED),)),
        Deploy(2, (ADOPTER,)),
        Race(Deploy(1, (("DeviceA", Wish(attached=("publish",))),), "last"), Destroy(2), later=0.3, slow=-1),
    ),
    "the referee dates a status from the answer, though a native resource that has lost it has set one before": (
        Lag(status=3.0, detaching=8.0, denied="iot.AttachPolicy", denied_seconds=8.0),
        Deploy(2, (("NativeA", Wish(native=True)),)),
        Hand("delete"),
        Race(Amend(2, "status", 1), Deploy(0, (("DeviceA", ATTACHED),)), later=1.0),
    ),
    "a rollback sets the status of another stack's certificate: an adopter was found, and so no owner was looked for": (
        Lag(call=6.0),
        Deploy(1, (("DeviceA", Wish(status="INACTIVE", retain="Retain")),)),
        Deploy(0, (("DeviceA", Wish(status="INACTIVE", adopt=True)),)),
        Hand("delete"),
        Race(Deploy(1, (DEVICE,)), Deploy(2, (DEVICE,)), later=1.0),
    ),
    "the referee wants undone by a cancelled Update what its role may not ask for, as long as the function runs": (
        Lag(status=6.0, denied="iot.AttachPolicy", denied_seconds=8.0),
        Deploy(1, (("DeviceA", Wish()),)),
        Deploy(
            1,
            (("DeviceA", Wish(attached=("publish",))),),
            "after 1.0",
            (Fault("deny", "cloudformation.DescribeStacks", times=4, invocation=0),),
        ),
    ),
    "the referee wants attached by the rollback of a failed replacement what a hand had detached before": (
        Deploy(0, (("DeviceA", Wish(attached=("publish",))),)),
        Hand("detach"),
        Deploy(0, (("DeviceA", Wish("under")),)),
    ),
    "the referee takes for an adoption that an adopter uses what a native resource has registered again": (
        Hand("register"),
        Deploy(1, (("DeviceA", Wish(attached=("connect",), adopt=True)),)),
        Hand("delete"),
        Deploy(2, (("NativeA", Wish(native=True)),)),
        Amend(1, "detach"),
    ),
    "the referee takes for a status that was set the rollback of an Update that was refused, since all is another's": (
        Deploy(1, (("DeviceA", Wish(retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish(adopt=True)),)),
        Hand("delete"),
        Race(Amend(1, "rename", breaks="first"), Amend(2, "status"), later=5.0, slow=1),
        Amend(1, "attach"),
    ),
    "the referee takes for registered what a rollback has registered again, and removed since it could not attach it": (
        Deploy(1, (("DeviceA", ATTACHED),)),
        Hand("delete"),
        Deploy(
            1,
            (("DeviceA", Wish("under")),),
            "first",
            (Fault("deny", "iot.AttachPolicy", "before", times=3, invocation=2),),
        ),
    ),
    "the referee wants removed what a cancelled Create leaves to an owner of before, whose rollback returns to it": (
        Deploy(1, (("CaA", Wish("ca", retain="Retain")),)),
        Hand("delete", "ca"),
        Race(Deploy(2, (("CaA", Wish("ca")),), "first"), Amend(1, "replace", 0, "cancel 0.2"), slow=1),
    ),
    "the referee takes for later than an adopter's status that of a registration which is answered later": (
        Deploy(1, (("DeviceA", Wish(retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish(adopt=True)),)),
        Hand("delete"),
        Race(Amend(1, "replace", 0, "first"), Amend(2, "status"), later=60.0),
    ),
    "a cancelled Create leaves a CA that it has registered without an answer: its Delete was served before": (
        Lag(call=1.0, denied="iot.RegisterCACertificate", denied_seconds=8.0),
        Deploy(2, (("CaA", Wish("ca")),), "after 0.1", (Fault("fail", "iot.RegisterCACertificate", times=3),)),
    ),
    "likewise of a device": (
        Lag(call=1.0, denied="iot.RegisterCertificate", denied_seconds=8.0),
        Deploy(2, (DEVICE,), "after 0.1", (Fault("fail", "iot.RegisterCertificate", times=3),)),
    ),
    "likewise of what AWS IoT issues": (
        Lag(call=1.0, denied="iot.CreateCertificateFromCsr", denied_seconds=8.0),
        Deploy(2, (("DeviceA", Wish("csr")),), "after 0.1", (Fault("fail", "iot.CreateCertificateFromCsr", times=3),)),
    ),
    "the referee wants registered what a native resource has deleted before its Create was answered": (
        Lag(call=0.3, denied="cloudformation.DescribeStackResource"),
        Deploy(1, (("NativeA", Wish(native=True)),)),
        Hand("delete"),
        Race(Deploy(2, (DEVICE,)), Destroy(1), later=20.0),
    ),
    "the referee wants the status from before an Update that takes ownership, sets it, and never answers": (
        Deploy(0, (("DeviceA", Wish("sni", retain="Retain")),)),
        Deploy(1, (("DeviceA", Wish("sni", adopt=True)),)),
        Deploy(0, (("DeviceA", Wish("sni", status="INACTIVE")),)),
        Destroy(0),
        Amend(1, "own", faults=(Fault("mute", 6, "before", times=3, invocation=2),)),
    ),
    "the referee does not know that a rollback sets the status of what its Update has registered again": (
        Deploy(1, (("DeviceA", Wish(retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish(adopt=True)),)),
        Hand("delete"),
        Race(Amend(1, "attach", 0, "after 0.2"), Amend(2, "status"), later=1.0, slow=1),
    ),
    "the referee wants undone a cancelled Update over which each delivery has died": (
        Deploy(0, (("CaA", Wish("ca")),)),
        Deploy(1, (("DeviceA", Wish("under")),)),
        Race(
            Deploy(
                0,
                (("DeviceA", Wish("under")),),
                faults=(Fault("fail", "iot.DescribeCertificate", times=4, invocation=0),),
            ),
            Amend(1, "status", 1, "cancel 0.3", (Fault("die", 5, "before", times=4, invocation=1),)),
            later=1.0,
        ),
    ),
    "a cancelled Create removes what an adopter takes ownership of, since CloudFormation names its own stack alone": (
        Deploy(1, (("DeviceA", Wish(retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish(adopt=True)),)),
        Hand("delete"),
        Race(Amend(1, "rename-adopting", 0, "after 10"), Deploy(2, (DEVICE,)), later=20.0),
    ),
    "the referee takes the rollback of an adopter for one that sets no status": (
        Deploy(1, (("DeviceA", Wish(retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish(adopt=True)),)),
        Hand("delete"),
        Race(Amend(1, "status"), Deploy(2, (("DeviceA", Wish(status="INACTIVE")),)), later=5.0, slow=1),
    ),
    "a cancelled Update of an adopter takes its cancellation for a failure of its own, and leaves what it attached": (
        Race(
            Deploy(1, (("DeviceA", Wish(retain="Retain")),), "last"),
            Deploy(2, (("DeviceA", Wish(attached=("publish",), adopt=True)),)),
            later=1.0,
            slow=1,
        ),
        Deploy(2, (("DeviceA", ATTACHED),), "first"),
    ),
    "a cancelled Update of an adopter does not attach again what it has detached after its rollback": (
        Lag(call=1.0),
        Hand("register"),
        Deploy(0, (("DeviceA", Wish(attached=("publish",), adopt=True)),)),
        Amend(0, "attach", 0, "cancel 3.0"),
    ),
    "the referee does not know whose a CA is that a cancelled Update has registered, and its rollback only uses": (
        Deploy(1, (("CaA", Wish("ca", retain="Retain")),)),
        Deploy(2, (("CaA", Wish("ca", adopt=True)),)),
        Hand("delete", "ca"),
        Race(
            Deploy(2, (("CaA", Wish("ca", status="INACTIVE")),), "first"),
            Amend(1, "replace", 0, "after 0.2"),
            later=0.3,
            slow=1,
        ),
        Amend(1, "status"),
    ),
    "a cancelled Update dies over a call that changes what its rollback has put back": (
        Deploy(0, (("DeviceA", ATTACHED),)),
        Race(
            Destroy(2),
            Deploy(0, (DEVICE,), "after 0.5", (Fault("hang", at=3, invocation=0),)),
            later=1.0,
            slow=1,
        ),
    ),
    "the rollback of another certificate that was cancelled sets the status that an adopter has changed": (
        Deploy(1, (("DeviceA", Wish(retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish(adopt=True)),)),
        Race(Amend(2, "status"), Amend(1, "replace", 0, "cancel 10"), later=5.0, slow=2),
    ),
    "likewise of a CA": (
        Deploy(1, (("CaA", Wish("ca", retain="Retain")),)),
        Deploy(2, (("CaA", Wish("ca", adopt=True)),)),
        Race(Amend(2, "status"), Amend(1, "replace", 0, "cancel 10"), later=5.0, slow=2),
    ),
    "a cancelled Update takes itself for its rollback, and takes the ownership from the one that has it": (
        Deploy(1, (("CaA", Wish("ca", retain="Retain")),)),
        Deploy(2, (("CaA", Wish("ca", adopt=True)),)),
        Race(Deploy(2, (("CaA", Wish("ca")),), "after 10"), Amend(1, "rename-adopting"), later=20.0, slow=2),
    ),
    "a rollback changes what another stack's Create has registered, and has not answered yet": (
        Lag(denied="iot.DescribeCertificate", denied_seconds=8.0),
        Deploy(1, (DEVICE,)),
        Hand("delete"),
        Race(Deploy(2, (("DeviceA", Wish(status="INACTIVE")),)), Amend(1, "adopt"), later=0.3),
    ),
    "a cancelled Update of an adopter takes itself for its rollback, and what it attaches stays": (
        Lag(call=1.0),
        Hand("register"),
        Deploy(0, (("DeviceA", Wish(attached=("publish",), adopt=True)),)),
        Amend(0, "attach", 0, "after 1.0"),
    ),
    "a cancelled Update and its rollback change what an adopter has registered again, and has not answered yet": (
        Lag(denied="cloudformation.DescribeStackResource"),
        Deploy(1, (("DeviceA", Wish(retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish(adopt=True)),)),
        Hand("delete"),
        Race(Deploy(1, (("DeviceA", Wish(attached=("publish",))),), "first"), Amend(2, "status"), later=5.0),
    ),
    "the rollback of an Update that hangs, and comes again when it has failed, undoes itself as a cancelled one": (
        Deploy(0, (("CaA", Wish("ca")),)),
        Amend(0, "replace", 0, "last", (Fault("hang", "iot.RegisterCACertificate", "before", invocation=1),)),
    ),
    "an Update that is cancelled goes on beside its rollback, and changes what that has put back": (
        Deploy(1, (("DeviceA", Wish(attached=("connect",))),)),
        Race(Deploy(2, (("DeviceA", Wish("under")),)), Deploy(1, (DEVICE,), "first"), slow=1),
    ),
    "likewise where an adopter takes the ownership, with another status": (
        Deploy(1, (("DeviceA", Wish(retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish(adopt=True)),)),
        Race(
            Deploy(2, (("DeviceA", Wish(status="INACTIVE")),), "after 0.2"),
            Amend(1, "detach"),
            later=5.0,
            slow=2,
        ),
    ),
    "likewise with the ownership of a CA, whose tags stay": (
        Deploy(1, (("CaA", Wish("ca", retain="Retain")),)),
        Deploy(2, (("CaA", Wish("ca", adopt=True)),)),
        Race(Amend(1, "rename-adopting"), Deploy(2, (("CaA", Wish("ca")),), "after 0.2"), later=5.0, slow=1),
    ),
    "a cancelled Update removes what it has registered again, and its rollback has taken": (
        Deploy(2, (("DeviceA", Wish(adopt=True)),)),
        Hand("delete"),
        Race(Amend(1, "detach"), Deploy(2, (DEVICE,), "cancel 10"), later=20.0, slow=2),
    ),
    "the referee does not know that what a cancelled update has registered is only used by its adopter afterwards": (
        Deploy(1, (("CaA", Wish("ca", retain="Retain")),)),
        Deploy(2, (("CaA", Wish("ca", adopt=True)),)),
        Hand("delete", "ca"),
        Deploy(2, (("CaA", Wish("ca")),), "after 0.2"),
    ),
    "a cancelled Update that takes the ownership leaves its attachment, in doubt, and does not name it": (
        Deploy(1, (("DeviceA", Wish(retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish(adopt=True)),)),
        Race(
            Deploy(2, (("DeviceA", Wish(attached=("publish",))),), "cancel 0.2"),
            Amend(1, "adopt"),
            later=60.0,
        ),
    ),
    "the referee does not know that a Delete leaves what a rollback has made and another template retains": (
        Deploy(1, (("DeviceA", Wish(retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish(adopt=True)),)),
        Hand("delete"),
        Race(Deploy(2, (DEVICE,), "cancel 0.2"), Amend(1, "remove"), later=1.0, slow=2),
    ),
    "the referee does not know that a stack which is at rest again was at work while a Delete asked": (
        Deploy(1, (DEVICE,)),
        Hand("delete"),
        Race(
            Deploy(2, (DEVICE,), "first"),
            Deploy(1, (("DeviceA", Wish(attached=("publish",))),)),
            later=20.0,
        ),
    ),
    "a rollback does not end where the certificate that it returns to, with ADOPT, is another stack's by now": (
        Deploy(0, (("DeviceA", Wish(adopt=True)),)),
        Hand("delete"),
        Deploy(2, (DEVICE,)),
        Amend(0, "replace", 1, "last"),
    ),
    "a rollback adopts what was its own, and a hand has registered since, and leaves its attachments there": (
        Deploy(1, (("DeviceA", Wish(attached=("connect", "thermostat"), adopt=True)),)),
        Hand("delete"),
        Hand("register"),
        Amend(1, "replace", 0, "first"),
    ),
    "what was adopted counts as another's, because the resource had it as its own before, and attachments stay": (
        Deploy(1, (("DeviceA", Wish(attached=("connect", "thermostat"), adopt=True)),)),
        Hand("delete"),
        Hand("register"),
        Amend(1, "replace"),
        Amend(1, "replace"),
    ),
    "likewise where it returns to a CA": (
        Deploy(0, (("CaA", Wish("ca", adopt=True)),)),
        Hand("delete", "ca"),
        Deploy(2, (("CaA", Wish("ca")),)),
        Amend(0, "replace", 1, "last"),
    ),
    "the referee does not know that an adoption whose answer was lost leaves attached what nobody can tell any more": (
        Hand("register"),
        Race(
            Deploy(1, (DEVICE,), faults=(Fault("mute", times=3, invocation=0),)),
            Deploy(2, (("DeviceA", Wish(attached=("publish", "boiler", "thermostat"), adopt=True)),)),
            later=20.0,
            slow=2,
        ),
    ),
    "the referee does not know that what a failed update has registered is only used by its adopter afterwards": (
        Deploy(1, (("DeviceA", Wish(retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish(adopt=True)),)),
        Hand("delete"),
        Deploy(2, (DEVICE,), "first"),
    ),
    "the referee does not expect a rollback to attach what the update's lost answer left attached": (
        Deploy(1, (DEVICE,)),
        Amend(1, "retain"),
        Amend(1, "rename-adopting", 1),
        Amend(1, "attach", faults=(Fault("mute", "iot.DeleteCertificate", "before", times=3, invocation=0),)),
    ),
    "an adoption that is refused at last detaches what the owner has declared meanwhile": (
        Deploy(1, (("DeviceA", Wish(retain="Retain")),)),
        Race(
            Deploy(0, (("DeviceA", Wish(attached=("connect",), adopt=True)),)),
            Deploy(1, (("DeviceA", Wish(attached=("connect",))),)),
            later=60.0,
            slow=0,
        ),
    ),
    "the referee does not know that what an adopter has attached stays where its template retains it": (
        Deploy(1, (("NativeA", Wish(retain="Retain", native=True)),)),
        Deploy(1, (("DeviceA", Wish(attached=("publish",), adopt=True, retain="Retain")),), "first"),
    ),
    "the referee does not hear that a Delete leaves attached what another one may have attached": (
        Deploy(1, (("NativeA", Wish(retain="Retain", native=True)),)),
        Deploy(1, (("DeviceA", Wish(attached=("publish",), adopt=True)),), "first"),
    ),
    "the referee does not know that a CA's template says what becomes of a device that was registered by hand": (
        Deploy(1, (("CaA", Wish("ca", sweep="DELETE")),)),
        Hand("register", "under"),
    ),
    "the referee takes the status for a stranger's that a native resource has set": (
        Deploy(0, (("NativeA", Wish(native=True)),)),
        Hand("delete"),
        Hand("register"),
        Amend(0, "status", 1),
    ),
    "the referee wants an adopter's attachments gone that its template retains": (
        Hand("register"),
        Deploy(0, (("DeviceA", replace(ATTACHED, adopt=True, retain="Retain")),), "last"),
    ),
    "the referee takes for an adopter's own what the rollback of the owner has left attached": (
        Deploy(1, (("DeviceA", Wish(retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish(adopt=True)),)),
        Race(
            Amend(1, "attach", 0, "last"),
            Deploy(2, (("DeviceA", Wish(status="INACTIVE")),)),
            later=1.0,
            slow=2,
        ),
    ),
    "a Delete that comes again removes what another stack has registered within seconds of the resource's good end": (
        Race(
            Deploy(0, (("DeviceA", Wish(attached=("connect",))),), "last", (Fault("die", 7, "before", invocation=0),)),
            Deploy(2, (DEVICE,)),
            later=12.0,
            slow=1,
        ),
    ),
    "a Delete that failed takes for its Create's orphan what is registered by hand long after that failed": (
        Race(Deploy(2, (DEVICE,)), Deploy(0, (("NativeA", Wish(native=True)),)), later=20.0),
        Deploy(
            1,
            (("DeviceA", Wish(adopt=True)),),
            faults=(Fault("hang", "cloudformation.ListStackResources", times=4, invocation=0),),
        ),
        Hand("delete"),
        Hand("register"),
    ),
    "the rollback to a certificate that was deleted by hand, and whose CA is gone, does not end": (
        Deploy(1, (("CaA", Wish("ca")),)),
        Deploy(1, (("DeviceA", Wish("under", adopt=True)),)),
        Hand("delete", "under"),
        Amend(1, "own"),
    ),
    "the referee does not know that a CA is its owner's again, which a sibling that is gone has registered": (
        Deploy(1, (("CaA", Wish("ca", retain="Retain")),)),
        Deploy(2, (("CaA", Wish("ca", adopt=True)),)),
        Hand("delete", "ca"),
        Race(Deploy(2, (("CaA", Wish("ca")),)), Amend(1, "rename", 0, "first")),
        Amend(1, "status"),
    ),
    "a cancelled Create does not undo what it has registered, because the owner of a deleted one is being updated": (
        Deploy(1, (("CaA", Wish("ca")),)),
        Hand("delete", "ca"),
        Race(Amend(1, "replace"), Deploy(2, (("CaA", Wish("ca")),), "first"), later=0.3),
    ),
    "a rollback that ends after another stack has retained what it registered is no proof": (
        Deploy(1, (DEVICE,)),
        Hand("delete"),
        Race(
            Deploy(1, (("DeviceA", Wish(attached=("publish",))),)),
            Deploy(2, (("DeviceA", Wish(retain="Retain")),), "last"),
            later=5.0,
        ),
    ),
    "the referee forgets an adopter of what was deleted by hand, when another stack has registered it again": (
        Deploy(1, (("DeviceA", Wish(retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish(adopt=True)),)),
        Hand("delete"),
        Deploy(0, (DEVICE,)),
    ),
    "the referee does not note the status that such an adopter sets": (
        Deploy(1, (("DeviceA", Wish(retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish(adopt=True)),)),
        Hand("delete"),
        Race(Deploy(1, (("DeviceA", Wish(attached=("publish",))),)), Amend(2, "status"), later=40.0),
    ),
    "an Update takes for its own what another stack registers behind its look, after a deletion by hand": (
        Deploy(1, (DEVICE,)),
        Hand("delete"),
        Race(Deploy(1, (("DeviceA", Wish(attached=("publish",))),)), Deploy(2, (DEVICE,)), later=0.3, slow=2),
    ),
    "a rollback sets the status of what another stack has registered while its Update failed": (
        Deploy(1, (DEVICE,)),
        Hand("delete"),
        Race(
            Deploy(1, (("DeviceA", Wish(attached=("publish",))),)),
            Deploy(2, (("DeviceA", Wish(status="INACTIVE")),)),
            later=0.3,
        ),
    ),
    "a rollback detaches what another stack has attached while its Update failed": (
        Deploy(1, (DEVICE,)),
        Hand("delete"),
        Race(
            Deploy(1, (("DeviceA", Wish(attached=("publish",))),)),
            Deploy(2, (("DeviceA", Wish(attached=("publish",))),)),
            later=0.3,
        ),
    ),
    "a Delete takes what another stack has registered while an Update failed, and has retained": (
        Deploy(1, (DEVICE,)),
        Hand("delete"),
        Race(
            Deploy(1, (("DeviceA", Wish(attached=("publish",))),)),
            Deploy(2, (("DeviceA", Wish(retain="Retain")),)),
        ),
        Destroy(2),
    ),
    "the Delete of a CA takes what another stack has registered while an Update failed, and has retained": (
        Deploy(1, (("CaA", Wish("ca")),)),
        Hand("delete", "ca"),
        Race(Deploy(1, (("CaA", Wish("ca", sweep="DEACTIVATE")),)), Deploy(2, (("CaA", Wish("ca", retain="Retain")),))),
        Destroy(2),
    ),
    "the Delete of a CA that is gone deletes what another stack registers meanwhile": (
        Deploy(1, (("CaA", Wish("ca", sweep="DELETE")),)),
        Hand("delete", "ca"),
        Race(Destroy(1), Deploy(2, (("CaA", Wish("ca")),)), slow=2),
    ),
    "the referee does not know that an owner sets the status while an adopter rolls back": (
        Deploy(1, (DEVICE,)),
        Amend(1, "retain"),
        Deploy(2, (("DeviceA", Wish(adopt=True)),)),
        Race(Deploy(2, (DEVICE,)), Deploy(1, (("DeviceA", Wish(status="INACTIVE")),)), later=20.0),
    ),
    "the rollback of an adopter does not say what it leaves attached, where the owner's template cannot be read": (
        Deploy(2, (("DeviceA", Wish(retain="Retain")),)),
        Deploy(1, (DEVICE,)),
        Deploy(0, (("DeviceA", Wish(adopt=True)),)),
        Amend(0, "attach-more", 1, breaks="last"),
    ),
    "the referee knows no native holder that deletes what a hand has registered again": (
        Deploy(0, (("NativeA", Wish(native=True)),)),
        Deploy(1, (DEVICE,)),
        Deploy(2, (DEVICE,)),
        Hand("delete"),
        Hand("register"),
    ),
    "a renamed construct takes what another stack registers meanwhile, behind its own that is gone": (
        Deploy(0, (DEVICE,)),
        Hand("delete"),
        Race(
            Deploy(2, (("DeviceA", Wish(attached=("connect", "thermostat"))),)),
            Amend(0, "rename", 1, faults=(Fault("mute", 6, "before", invocation=2),)),
            later=0.3,
            slow=2,
        ),
    ),
    "an Update that fails meets what another stack has registered, and the rollback comes back to it": (
        Deploy(0, (DEVICE,)),
        Hand("delete"),
        Race(
            Deploy(0, (("DeviceA", Wish(attached=("publish",))),)),
            Deploy(1, (DEVICE,)),
            later=5.0,
        ),
    ),
    "the referee has a native replacement registered again in its rollback": (
        Deploy(0, (("NativeA", Wish(native=True)),)),
        Amend(0, "replace", breaks="first"),
    ),
    "the referee takes a native resource for a holder of what it has lost": (
        Deploy(0, (("NativeA", Wish(native=True)),)),
        Amend(0, "retain"),
        Deploy(2, (("DeviceA", Wish(adopt=True)),)),
        Hand("delete"),
        Amend(0, "release"),
        Amend(2, "own", breaks="first"),
    ),
    "the referee remembers the status of a certificate that was deleted and registered again": (
        Deploy(2, (("DeviceA", Wish(status="INACTIVE")),), "first", (Fault("mute", 2, invocation=0),)),
        Race(
            Deploy(
                2,
                (("DeviceA", Wish(adopt=True)),),
                faults=(Fault("die", "cloudformation.DescribeStackResources", "before", invocation=1),),
            ),
            Deploy(0, (DEVICE,), "first"),
        ),
    ),
    "an Update takes what another stack has just registered for what it made itself, since it runs already": (
        Deploy(1, (("DeviceA", Wish(attached=("connect",))),)),
        Hand("delete"),
        Race(Deploy(1, (DEVICE,)), Deploy(0, (("DeviceA", Wish(attached=("connect", "thermostat"))),))),
    ),
    "a rollback from a request to a certificate leaves what was issued for the request": (
        Deploy(0, (DEVICE,)),
        Deploy(0, (("DeviceA", Wish("csr")),), faults=(Fault("mute", 1, "before", 3),)),
    ),
    "the referee knows no rollback that removes what two Creates have left": (
        Deploy(2, (("DeviceA", Wish("csr")),)),
        Race(
            Deploy(0, (("DeviceA", Wish("sni")),)),
            Deploy(2, (("DeviceA", Wish("sni")),), faults=(Fault("die", 1, times=4, invocation=0),)),
            later=0.3,
            slow=2,
        ),
    ),
    "a Delete names one of two certificates that it leaves in doubt": (
        Race(
            Deploy(2, (("DeviceA", Wish("csr")),), faults=(Fault("mute", "iot.TransferCertificate", "after", 4, 1),)),
            Deploy(0, (("DeviceA", Wish("csr")),)),
            later=1.0,
            slow=1,
        ),
    ),
    "a Create takes up what another stack had issued for the same request, whose Delete is about to remove it": (
        Race(
            Deploy(1, (("DeviceA", Wish("csr")),)),
            Deploy(
                2,
                (("DeviceA", Wish("csr")),),
                faults=(Fault("mute", "iot.RegisterCACertificate", "before", 3, 1),),
            ),
            later=20.0,
            slow=2,
        ),
    ),
    "a rollback takes what its Update has registered again, and not attached, for what it was before": (
        Deploy(0, (("DeviceA", ATTACHED),)),
        Hand("delete"),
        Amend(0, "status", faults=(Fault("hang", "iot.RegisterCertificate", invocation=0),)),
    ),
    "a redelivery of the Update that has registered it again attaches only what the Update changes": (
        Deploy(0, (("DeviceA", ATTACHED),)),
        Hand("delete"),
        Amend(0, "attach-more", faults=(Fault("die", "iot.RegisterCertificate", invocation=0),)),
    ),
    "likewise of an adopted certificate, which nobody owns then": (
        Hand("register"),
        Deploy(0, (("DeviceA", replace(ATTACHED, adopt=True)),)),
        Hand("delete"),
        Amend(0, "status", faults=(Fault("die", "iot.RegisterCertificate", invocation=0),)),
    ),
    "a rollback to an adopted certificate, which its Update has registered again": (
        Hand("register"),
        Deploy(0, (("DeviceA", replace(ATTACHED, adopt=True)),)),
        Hand("delete"),
        Amend(0, "attach-more", faults=(Fault("hang", "iot.RegisterCertificate", invocation=0),)),
    ),
    "whoever takes the ownership of what was registered again does not attach what was attached before": (
        Hand("register"),
        Deploy(0, (("DeviceA", replace(ATTACHED, adopt=True)),)),
        Hand("delete"),
        Hand("register"),
        Amend(0, "own"),
    ),
    "the referee knows no rollback that leaves in doubt, and names, what another stack takes up later": (
        Deploy(0, (DEVICE,)),
        Race(
            Deploy(0, (("DeviceA", Wish("sni")),), faults=(Fault("mute", 7, times=4, invocation=0),)),
            Deploy(1, (("DeviceA", Wish("sni")),)),
            later=0.3,
            slow=1,
        ),
    ),
    "the referee remembers the status of a certificate that a hand has registered again": (
        Deploy(0, (("NativeA", Wish(native=True)),)),
        Amend(0, "status"),
        Destroy(0),
        Hand("register"),
        Deploy(2, (("DeviceA", Wish(adopt=True)),)),
    ),
    "the referee wants a CA to spare what another stack has used, and uses no more": (
        Deploy(1, (("CaA", Wish("ca", sweep="DELETE")),)),
        Hand("register", "under"),
        Deploy(0, (("DeviceA", Wish("under", adopt=True)),)),
    ),
    "whoever takes the ownership of a CA does not set the status that its owner has changed": (
        Deploy(2, (("CaA", Wish("ca", status="INACTIVE")),)),
        Amend(2, "retain"),
        Deploy(1, (("CaA", Wish("ca", status="INACTIVE", adopt=True)),)),
        Amend(2, "status"),
        Destroy(2),
        Amend(1, "own"),
    ),
    "the referee wants a cancelled Create to undo a CA that its adopter uses again": (
        Deploy(
            0,
            (("CaA", Wish("ca", retain="Retain")),),
            "first",
            (Fault("mute", "cloudformation.DescribeStackEvents", "before", times=3, invocation=0),),
        ),
        Deploy(2, (("CaA", Wish("ca", adopt=True)),)),
        Hand("delete", "ca"),
        Deploy(0, (("CaA", Wish("ca")),), "first"),
    ),
    "the referee does not know that a holder looks alive whose own is gone, after an Update of it that failed": (
        Deploy(0, (("CaA", Wish("ca")),)),
        Hand("delete", "ca"),
        Deploy(1, (("CaA", Wish("ca")),)),
        Race(
            Deploy(0, (("CaA", Wish("ca", adopt=True)),)),
            Amend(1, "release"),
            later=0.2,
            slow=1,
            then=Amend(1, "replace"),
        ),
    ),
    "an adopter's Delete detaches what the owner declares as well: one that has lost the certificate hides the owner": (
        Deploy(2, (("DeviceA", OWNED),)),
        Hand("delete"),
        Deploy(1, (("DeviceA", OWNED),)),
        Deploy(0, (("DeviceA", Wish(adopt=True, attached=("connect",))),)),
        Deploy(1, (("DeviceA", Wish(retain="Retain", attached=("connect",))),)),
        Destroy(0),
    ),
    "an owner's Update detaches what an adopter has attached: another one, which does not declare it, hides that one": (
        Deploy(2, (("DeviceA", OWNED),)),
        Deploy(0, (("DeviceA", Wish(attached=("connect",), adopt=True)),)),
        Deploy(1, (("DeviceA", Wish(attached=("publish",), adopt=True)),)),
        Deploy(2, (("DeviceA", Wish(attached=("connect",), retain="Retain")),)),
        Amend(2, "detach"),
    ),
    "the sweep of a CA deletes what another stack's update has replaced, and is to return to": (
        Deploy(1, (("CaA", Wish("ca", sweep="DELETE")),)),
        Deploy(0, (("DeviceA", Wish("under")),)),
        Race(Deploy(0, (("DeviceA", Wish("sni")),), "after 60.0"), Destroy(1), later=20.0, slow=3),
    ),
    "two adopters take ownership at once, and the first Delete takes it away from the other": (
        Deploy(0, (("DeviceA", OWNED),)),
        Deploy(1, (ADOPTER,)),
        Deploy(2, (ADOPTER,)),
        Destroy(0),
        Race(Amend(1, "own"), Amend(2, "own"), later=0.2, slow=2),
        Destroy(1),
    ),
}
OF_ALL_TYPES: dict[str, Sequence[Step]] = {
    "the referee wants a status of a rollback, after which the cancelled Update, which may not ask, has set its own": (
        Lag(status=0.5, denied="iot.DescribeCertificate", denied_seconds=2.0),
        Deploy(0, (ISSUED,)),
        Amend(0, "status", breaks="first", faults=(Fault("deny", 7, times=4, invocation=0),)),
    ),
    "a cancelled Update of what was deleted by hand has another certificate issued when it undoes itself": (
        Deploy(1, (REQUESTED,)),
        Hand("delete", "requested"),
        Amend(1, "keep", 0, "cancel 0.2"),
    ),
    "an adopter detaches what the new owner attached, whom a sibling hides whose own was deleted by hand": (
        Deploy(2, (DECISION, ("DeviceA", Wish("brought", attached=("connect", "thermostat"))))),
        Hand("delete", "coming"),
        Deploy(0, (("DeviceA", Wish("brought", attached=("connect", "thermostat"))),)),
        Amend(2, "detach", 1),
    ),
    "a rotation that is cancelled registers its certificate after its rollback has looked for it": (
        Lag(call=1.0),
        Deploy(0, (ISSUED,)),
        Amend(0, "rotate", 0, "after 0.5"),
    ),
    "a cancelled Update has a certificate issued again that was deleted by hand, and its rollback another one": (
        Deploy(1, (REQUESTED,)),
        Hand("delete", "requested"),
        Race(Amend(1, "attach", 0, "cancel 0.2"), Amend(2, "status")),
    ),
    "a cancelled Update that comes again takes the rollback of a second later for itself": (
        Deploy(0, (ISSUED,)),
        Deploy(
            0,
            (("IssuedA", Wish("issued", attached=("connect", "thermostat"), secret=2)),),
            "after 0.2",
            (Fault("mute", "cloudformation.GetTemplate", invocation=2),),
        ),
    ),
    "the referee does not know that a cancelled Update has made the transfer of its rollback again": (
        Deploy(1, (TRANSFER,)),
        Race(Deploy(2, (TRANSFER,)), Amend(1, "other-secret", 0, "cancel 0.2"), later=60.0, slow=1),
    ),
    "a rollback after a rotation asks so many stacks that it has no time left": (
        Deploy(2, (("IssuedA", Wish("issued", keep="KEEP")),)),
        Amend(2, "rotate"),
        Race(Deploy(2, (ISSUED,)), Destroy(0, (Fault("mute", at=7, times=3, invocation=0),))),
    ),
    "a rotation whose secret another stack takes meanwhile leaves what it has registered": (
        Deploy(1, (ISSUED,)),
        Hand("delete", "issued"),
        Race(Amend(1, "rotate"), Deploy(2, (ISSUED,)), later=60.0),
    ),
    "a decision takes up what its owner deletes while CloudFormation is asked": (
        Deploy(1, (DECISION,)),
        Race(Deploy(2, (DECISION,)), Destroy(1), later=5.0),
    ),
    "a rollback is stuck whose certificate is gone, and whose key a hand has overwritten": (
        Deploy(1, (OWN_CA,)),
        Amend(1, "rotate", breaks="first"),
        Hand("delete", "own-ca"),
        Hand("write", "issued"),
        Hand("write", "issued"),
        Amend(1, "rotate"),
    ),
    "likewise of an issued device": (
        Deploy(1, (ISSUED,)),
        Amend(1, "rotate", breaks="first"),
        Hand("delete", "issued"),
        Hand("write", "issued"),
        Hand("write", "issued"),
        Amend(1, "rotate"),
    ),
    "the fake leaves AWSPREVIOUS where it is when a hand writes a value": (
        Deploy(1, (OWN_CA,)),
        Amend(1, "rotate", breaks="first"),
        Hand("delete", "own-ca"),
        Hand("write", "issued"),
        Amend(1, "rotate"),
    ),
    "the Delete of a failed Create cancels the transfer that another stack has made meanwhile": (
        Race(Deploy(2, (TRANSFER,), faults=(Fault("hang", 6, invocation=0),)), Deploy(0, (TRANSFER,))),
    ),
    "a Delete that may not list the stacks says that the Create has left no transfer": (
        Race(
            Deploy(0, (TRANSFER,), faults=(Fault("deny", 3, times=4, invocation=1),)),
            Deploy(2, (TRANSFER,), faults=(Fault("mute", "iot.AttachPolicy", invocation=2),)),
            later=1.0,
        ),
    ),
    "the referee wants a transfer to be over whose Delete was abandoned": (
        Deploy(1, (TRANSFER,)),
        Race(
            Deploy(
                2,
                (("DeviceA", Wish("sni")),),
                faults=(Fault("die", "iot.CancelCertificateTransfer", "before", 3, 2),),
            ),
            Deploy(1, (("DeviceA", Wish("sni")),)),
            later=1.0,
        ),
    ),
    "a decision uses what another one, whose Delete runs, is about to delete": (
        Race(
            Deploy(2, (DECISION,), "last", (Fault("throttle", 1, "before", 3, 1),)),
            Deploy(1, (("DecisionA", Wish("coming", on_delete="RETAIN")),)),
            later=20.0,
            slow=2,
        ),
    ),
    "the referee takes what a hand accepts for a former decision's": (
        Deploy(2, (DECISION,)),
        Destroy(2),
        Hand("send", "coming"),
        Hand("accept", "coming"),
    ),
    "the referee has a CA removed by a Create that was given up, and of which every delivery dies": (
        Deploy(
            0,
            (("CaA", Wish("ca")),),
            breaks="first",
            faults=(Fault("die", "cloudformation.ListStackResources", times=4, invocation=0),),
        ),
    ),
    "the referee knows no status that a decision sets, beside an adopter": (
        Deploy(0, (DECISION, ("DeviceA", Wish("brought")))),
        Deploy(0, (("DeviceA", Wish("under")),)),
        Amend(0, "status"),
    ),
    "the referee has an adopter have what is only on its way back": (
        Deploy(2, (DECISION, ("DeviceA", Wish("brought")))),
        Hand("delete", "coming"),
        Hand("send", "coming"),
        Amend(2, "attach", 1),
    ),
    "the rollback of a transfer takes the pending one of another stack, which was faster, for its own": (
        Deploy(2, (TRANSFER,)),
        Race(Amend(2, "rotate"), Deploy(1, (TRANSFER,)), later=20.0),
    ),
    "a Create takes what another one has made, whose answer was lost and which still runs": (
        Race(
            Deploy(2, (TRANSFER,)),
            Deploy(0, (TRANSFER,), faults=(Fault("mute", 0, times=3, invocation=0),)),
            slow=2,
        ),
    ),
    "the referee lets neither of two Creates without answer take back what one of them has transferred": (
        Race(
            Deploy(2, (TRANSFER,), faults=(Fault("mute", 0, times=4, invocation=0),)),
            Deploy(1, (TRANSFER,)),
            later=1.0,
            slow=2,
        ),
    ),
    "likewise, and its stack is deleted first": (
        Deploy(0, (TRANSFER,)),
        Race(Amend(0, "rotate"), Deploy(1, (TRANSFER,)), later=20.0),
    ),
    "likewise, and it is updated once more": (
        Deploy(0, (TRANSFER,)),
        Race(Amend(0, "rotate"), Deploy(1, (TRANSFER,)), later=20.0),
        Amend(0, "rotate"),
    ),
    "likewise, and its stack is updated and deleted": (
        Deploy(0, (TRANSFER, DEVICE)),
        Race(Amend(0, "rotate", 1), Deploy(1, (TRANSFER,)), later=20.0),
        Amend(0, "attach"),
        Destroy(0),
    ),
    "the rollback of a transfer, whose sibling has failed, meets another stack that is faster": (
        Deploy(0, (TRANSFER,)),
        Race(Amend(0, "rotate", breaks="last"), Deploy(1, (TRANSFER,)), later=84.0),
    ),
    "the rollback of an issued device, whose certificate its Update has registered again": (
        Deploy(0, (("IssuedA", Wish("issued", attached=("connect", "thermostat"))),)),
        Hand("delete", "issued"),
        Amend(0, "status", faults=(Fault("hang", "iot.RegisterCertificate", invocation=0),)),
    ),
    "the referee wants the status of a kept certificate, which another stack has adopted, to stay": (
        Deploy(2, (("IssuedA", Wish("issued", keep="KEEP")),)),
        Amend(2, "rotate"),
        Deploy(1, (("DeviceA", Wish("kin", adopt=True, generation=1)),)),
        Amend(2, "status"),
    ),
    "the referee reads of two certificates, which a Delete is about, what it says of the first one": (
        Deploy(1, (("IssuedA", Wish("issued", keep="KEEP")),)),
        Amend(1, "rotate"),
        Deploy(0, (("DeviceA", Wish("kin", adopt=True)),)),
        Hand("delete", "issued"),
        Amend(1, "rotate"),
        Amend(0, "attach"),
        Destroy(1),
    ),
    "the rollback of an adopter, whose update was refused, sets a status that the owner has changed": (
        Deploy(2, (("IssuedA", Wish("requested", retain="Retain", keep="KEEP")),)),
        Deploy(1, (("DeviceA", Wish("kin", adopt=True)),)),
        Amend(2, "rotate"),
        Amend(2, "status"),
        Amend(1, "attach"),
    ),
    "a rollback takes it for an answer that it may not describe a certificate, and leaves one": (
        Deploy(1, (("IssuedA", Wish("requested", keep="KEEP")),)),
        Amend(1, "rotate"),
        Race(
            Amend(1, "rotate", faults=(Fault("deny", 5, "before", 3, 0),)),
            Deploy(2, (("DeviceA", Wish("kin", adopt=True)),)),
            later=20.0,
            slow=2,
        ),
    ),
    "another stack adopts a kept certificate that a rotation is about to delete": (
        Deploy(2, (("IssuedA", Wish("issued", keep="KEEP")),)),
        Amend(2, "rotate"),
        Race(
            Amend(2, "rotate"),
            Deploy(1, (("DeviceA", Wish("kin", attached=("connect", "thermostat"), adopt=True, generation=1)),)),
            slow=2,
        ),
    ),
    "the Delete of a Create without answer takes a rotation of another stack, which keeps one, for its orphan": (
        Deploy(1, (("IssuedA", Wish("requested", keep="KEEP")),)),
        Race(
            Amend(1, "rotate"),
            Deploy(
                2,
                (("IssuedA", Wish("requested")),),
                faults=(Fault("die", "iot.RegisterCertificate", "before", 3, 1),),
            ),
            later=5.0,
        ),
    ),
    "a rollback to a certificate that was deleted by hand forgets what was kept beside it": (
        Deploy(0, (("IssuedA", Wish("requested", keep="KEEP")),)),
        Amend(0, "rotate"),
        Hand("delete", "requested"),
        Amend(0, "rotate", breaks="first"),
    ),
    "an Update takes up what another stack's Create, which was given up, could not undo": (
        Deploy(2, (("IssuedA", Wish("requested")),)),
        Race(
            Amend(2, "rotate", faults=(Fault("fail", 7, "before", 4, 0),)),
            Deploy(0, (("IssuedA", Wish("requested")),), breaks="first"),
            later=1.0,
        ),
    ),
    "another stack takes the ownership of a certificate whose owner keeps the one before": (
        Deploy(2, (("IssuedA", Wish("requested", retain="Retain", keep="KEEP")),)),
        Amend(2, "rotate"),
        Deploy(0, (("DeviceA", Wish("kin", adopt=True)),)),
        Amend(0, "own"),
        Amend(2, "attach"),
    ),
    "a rotation takes what another stack had issued for the same key, and has retained": (
        Deploy(0, (("IssuedA", Wish("requested")),)),
        Race(
            Amend(0, "rotate"),
            Deploy(1, (("IssuedA", Wish("requested", retain="Retain")),), breaks="last"),
            later=1.0,
        ),
    ),
    "the referee knows no attachments that the rollback of a kept certificate leaves to its adopter": (
        Deploy(2, (("IssuedA", Wish("requested", retain="Retain", keep="KEEP")),)),
        Deploy(0, (("DeviceA", Wish("kin", adopt=True)),)),
        Amend(2, "rotate"),
        Amend(2, "attach", faults=(Fault("mute", 1, times=3, invocation=0),)),
    ),
    "the referee wants nothing attached to a kept certificate that another stack adopts during a rollback": (
        Deploy(1, (("IssuedA", Wish("issued", keep="KEEP")),)),
        Amend(1, "rotate"),
        Race(
            Amend(1, "rotate", breaks="last"),
            Deploy(0, (("DeviceA", Wish("kin", attached=("publish",), adopt=True, generation=1)),)),
        ),
    ),
    "a rotation leaves the kept certificate to the stack that has adopted it": (
        Deploy(2, (("IssuedA", Wish("issued", keep="KEEP")),)),
        Amend(2, "rotate"),
        Deploy(1, (("DeviceA", Wish("kin", adopt=True, generation=1)),)),
        Amend(2, "rotate"),
        Again(),
        Destroy(2),
    ),
    "a rollback removes one of two certificates that answer its Update's request, and leaves its own": (
        Deploy(0, (("IssuedA", Wish("requested")),)),
        Race(
            Amend(0, "rotate", 1),
            Deploy(2, (("IssuedA", Wish("requested")),), faults=(Fault("mute", 0, "before", 4, 2),)),
            slow=2,
        ),
    ),
    "a rollback of a CA whose secret is out of reach leaves what its Update has registered with another secret": (
        Deploy(0, (OWN_CA,)),
        Hand("schedule", "own-ca"),
        Amend(0, "other-secret", 1, faults=(Fault("mute", 0, times=3, invocation=0),)),
    ),
    "likewise, and the CA is gone": (
        Deploy(0, (OWN_CA,)),
        Hand("delete", "own-ca"),
        Hand("schedule", "own-ca"),
        Amend(0, "other-secret", 1, faults=(Fault("mute", 0, times=3, invocation=0),)),
    ),
    "likewise of an issued device that is gone": (
        Deploy(0, (ISSUED,)),
        Hand("delete", "issued"),
        Hand("schedule", "issued"),
        Amend(0, "other-secret", 1, faults=(Fault("mute", 0, times=3, invocation=0),)),
    ),
    "a rollback to a certificate that was deleted by hand waits for ever for the failed Create of another stack": (
        Deploy(0, (("IssuedA", Wish("requested")),)),
        Hand("delete", "requested"),
        Race(
            Amend(0, "rotate", 1, faults=(Fault("mute", 0, times=3, invocation=0),)),
            Deploy(2, (("IssuedA", Wish("requested")),), faults=(Fault("mute", 0, "before", 4, 0),)),
            slow=1,
        ),
    ),
    "a Create takes up what another stack's rollback has come away from, and is about to delete": (
        Deploy(1, (("IssuedA", Wish("requested")),)),
        Race(
            Amend(1, "rotate", 1, breaks="first"),
            Deploy(2, (("IssuedA", Wish("requested")),), faults=(Fault("die", 1, times=3, invocation=1),)),
            later=20.0,
        ),
    ),
    "a Create takes up what another stack's rollback looks for, and leaves its own": (
        Deploy(2, (("IssuedA", Wish("requested")),)),
        Race(
            Amend(2, "rotate", 1, faults=(Fault("mute", 1, times=3, invocation=1),)),
            Deploy(0, (("IssuedA", Wish("requested")),)),
            later=20.0,
        ),
    ),
    "the referee wants what a hand detached from a kept certificate, and is declared, to stay detached": (
        Deploy(0, (("IssuedA", Wish("issued", attached=("publish",), keep="KEEP")),)),
        Hand("detach", "issued"),
        Amend(0, "rotate", 1),
        Amend(0, "attach", 1, breaks="last"),
    ),
    "the rollback of an adopter sets the status of a certificate that its owner has registered again since": (
        Deploy(1, (("IssuedA", Wish("issued", retain="Retain", keep="KEEP")),)),
        Deploy(0, (("DeviceA", Wish("kin", adopt=True)),)),
        Hand("delete", "issued"),
        Amend(1, "attach"),
        Amend(1, "rotate", 1),
        Amend(1, "status", 1),
        Amend(0, "remove", 1),
    ),
    "a rollback to KEEP forgets what was kept beside a certificate that was deleted by hand": (
        Deploy(0, (("IssuedA", Wish("requested", keep="KEEP")),)),
        Amend(0, "rotate"),
        Hand("delete", "requested"),
        Amend(0, "keep", breaks="first"),
    ),
    "a rollback that may not read the other secret says nothing of what its Update has registered": (
        Deploy(0, (("IssuedA", Wish("issued", attached=("publish",))),)),
        Amend(0, "other-secret", 1, faults=(Fault("deny", 6, times=4, invocation=0),)),
    ),
    "the referee knows no status that an owner whose present certificate was deleted has set of the kept one": (
        Deploy(0, (("IssuedA", Wish("issued", retain="Retain", keep="KEEP")),)),
        Amend(0, "rotate"),
        Deploy(1, (("DeviceA", Wish("kin", adopt=True, generation=1)),)),
        Hand("delete", "issued"),
        Amend(0, "status"),
    ),
    "an Update of an adopter sets its own status of what the owner has registered again since": (
        Deploy(1, (("IssuedA", Wish("issued", retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish("kin", attached=("publish",), adopt=True)),)),
        Hand("delete", "issued"),
        Amend(1, "status", 1),
        Amend(2, "detach"),
    ),
    "a kept certificate is adopted while the clean-up of a rotation is about to delete it": (
        Deploy(0, (("DeviceA", Wish()),)),
        Deploy(2, (("IssuedA", Wish("requested", keep="KEEP")),)),
        Amend(2, "rotate"),
        Amend(2, "rotate"),
        Race(
            Amend(2, "rotate", 1),
            Deploy(0, (("DeviceA", Wish("kin", adopt=True, generation=1)),)),
            slow=2,
        ),
    ),
    "the referee wants a kept certificate as it was, after the rollback of an Update that changed its attachments": (
        Deploy(0, (("IssuedA", Wish("issued")),)),
        Deploy(0, (("IssuedA", Wish("requested", attached=("publish",), keep="KEEP")),)),
        Amend(0, "attach", 1, breaks="last"),
    ),
    "the referee wants detached what an adoption attached whose answers were all lost": (
        Deploy(0, (("DecisionA", Wish("coming")),), breaks="first"),
        Hand("accept", "coming"),
        Deploy(
            1,
            (("DeviceA", Wish("brought", attached=("connect",))),),
            faults=(Fault("mute", "iot.DescribeCertificate", "before", 4, 1),),
        ),
    ),
    "an adopter goes, and detaches what the owner of a certificate that keeps another one declares as well": (
        Deploy(2, (("IssuedA", Wish("issued", retain="Retain", keep="KEEP")),)),
        Amend(2, "rotate"),
        Deploy(1, (("DeviceA", Wish("kin", attached=("connect", "thermostat"), adopt=True)),)),
        Amend(2, "attach", 1),
        Destroy(1),
    ),
    "an adopter leaves out what the owner of a certificate that keeps another one declares as well": (
        Deploy(2, (("IssuedA", Wish("issued", retain="Retain", keep="KEEP")),)),
        Amend(2, "rotate"),
        Deploy(1, (("DeviceA", Wish("kin", attached=("connect", "thermostat"), adopt=True)),)),
        Amend(2, "attach", 1),
        Amend(1, "detach"),
    ),
    "the referee wants a kept certificate left detached from what a hand detached, and a rollback attaches again": (
        Deploy(0, (("IssuedA", Wish("requested", attached=("publish",), keep="KEEP")),)),
        Hand("detach", "issued"),
        Amend(0, "rotate", 1),
        Amend(0, "detach", faults=(Fault("deny", "cloudformation.DescribeStackEvents", invocation=0),)),
    ),
    "the referee wants the status that a hand gave to a kept certificate": (
        Deploy(1, (("IssuedA", Wish("issued", keep="KEEP")),)),
        Hand("deactivate", "issued"),
        Amend(1, "rotate", 1),
        Amend(1, "status", 1, breaks="first"),
    ),
    "the referee wants an orphan spared that the rollback of another stack has left in doubt for the same key": (
        Deploy(0, (REQUESTED,)),
        Race(
            Amend(0, "rotate", 1, faults=(Fault("mute", "iot.AcceptCertificateTransfer", invocation=0),)),
            Deploy(2, (REQUESTED,), faults=(Fault("mute", invocation=2),)),
            slow=1,
        ),
    ),
    "a rollback runs out of time while it asks whose the certificates for one key are": (
        Deploy(0, (REQUESTED,)),
        Hand("delete", "requested"),
        Race(
            Amend(0, "keep", faults=(Fault("mute", invocation=4), Fault("mute", invocation=3))),
            Deploy(2, (REQUESTED,)),
            later=1.0,
            slow=2,
        ),
    ),
    "a rollback takes up one of two certificates for one key, and forgets the other": (
        Deploy(0, (REQUESTED,)),
        Hand("delete", "requested"),
        Race(
            Amend(0, "status"),
            Deploy(2, (REQUESTED,), faults=(Fault("mute", times=2, invocation=4), *(Fault("mute", invocation=0),) * 2)),
            later=60.0,
        ),
    ),
    "a Create takes up one of two certificates for one key, and forgets the other": (
        Deploy(0, (REQUESTED,)),
        Race(
            Deploy(2, (REQUESTED,)),
            Amend(0, "rotate", faults=(Fault("mute", invocation=1), Fault("mute", times=2, invocation=2))),
            later=60.0,
            slow=3,
        ),
    ),
    "an Update takes up one of two certificates for one key, and forgets the other": (
        Deploy(0, (REQUESTED,)),
        Deploy(2, (("IssuedA", Wish("requested", keep="KEEP")),)),
        Race(
            Amend(0, "rotate"),
            Amend(2, "rotate", faults=(Fault("mute", times=2), Fault("mute", invocation=2))),
            slow=2,
        ),
    ),
    "a Create takes up what another stack has made and deletes meanwhile, and forgets its own": (
        Deploy(0, (REQUESTED,)),
        Race(
            Amend(0, "rename", faults=(Fault("mute", invocation=0),)),
            Deploy(2, (REQUESTED,), "last"),
            later=20.0,
            slow=1,
        ),
    ),
    "the Delete of a transfer that had failed does not say that the certificate was ACTIVE, which another one left": (
        Deploy(1, (TRANSFER,)),
        Destroy(1, faults=(Fault("deny", "iot.UpdateCertificate", "before", times=4, invocation=0),)),
        Deploy(0, (TRANSFER,)),
    ),
    "the referee does not know that a transfer has become its owner's, which a Create without answer had left": (
        Race(
            Deploy(2, (TRANSFER,), faults=(Fault("mute", "iot.DeleteRegistrationCode", times=4, invocation=0),)),
            Deploy(0, (TRANSFER,)),
            later=20.0,
        ),
        Amend(2, "rotate", 1),
    ),
    "the referee takes for a decision's what a hand has registered in the place of what it had accepted": (
        Deploy(0, (("DecisionA", Wish("coming", status="INACTIVE")),)),
        Hand("delete", "coming"),
        Hand("register", "coming"),
        Amend(0, "status"),
    ),
    "the referee does not know that a transfer which a Delete has left in doubt has nobody any more": (
        Deploy(2, (TRANSFER,)),
        Race(
            Amend(2, "rotate", 1, faults=(Fault("mute", 7, times=3, invocation=2),)),
            Deploy(1, (TRANSFER,)),
            later=20.0,
        ),
    ),
    "the referee does not know that what nobody has attached is not attached by a rollback, either": (
        Deploy(1, (("IssuedA", Wish("requested", retain="Retain", keep="KEEP")),)),
        Deploy(2, (("DeviceA", Wish("kin", attached=("connect", "thermostat"), adopt=True)),), "last"),
        Amend(1, "rotate"),
        Amend(1, "attach", 0, "first"),
    ),
    "a rollback does not end where the certificate that it returns to, adopted, is on its way to this account": (
        Deploy(1, (DECISION, ("DeviceA", Wish("brought", attached=("publish",))))),
        Hand("delete", "coming"),
        Hand("send", "coming"),
        Deploy(1, (("DeviceA", Wish("sni")),), "last"),
    ),
    "a rollback that is continued does not attach what it had registered again before it failed": (
        Deploy(2, (("IssuedA", Wish("issued", attached=("publish",))),)),
        Hand("delete", "issued"),
        Amend(2, "rotate", 0, "last", (Fault("hang", "iot.AttachPolicy", "before", times=4, invocation=1),)),
    ),
    "a rollback to an adopted certificate, which a hand has registered again, attaches nothing": (
        Deploy(1, (DECISION, ("DeviceA", Wish("brought", attached=("connect", "thermostat"))))),
        Hand("delete", "coming"),
        Hand("register", "coming"),
        Deploy(1, (("DeviceA", Wish("csr")),), "first"),
    ),
    "a decision whose certificate is gone sets the status of what another stack registers at that moment": (
        Deploy(1, (DECISION,)),
        Hand("delete", "coming"),
        Race(Deploy(2, (("DeviceA", Wish("brought")),)), Amend(1, "status"), later=0.3, slow=2),
    ),
    "the referee does not know that without a permission the secret stays as it is": (
        Deploy(2, (ISSUED,)),
        Amend(2, "rotate", 0, "first", (Fault("deny", "secretsmanager.GetSecretValue", times=4, invocation=2),)),
    ),
    "the referee does not know that a rollback detaches from the kept certificate what its update was to attach": (
        Deploy(2, (("IssuedA", Wish("requested", attached=("connect", "thermostat"))),)),
        Deploy(2, (("IssuedA", Wish("issued", keep="KEEP")),)),
        Amend(2, "attach", 1, faults=(Fault("mute", "iot.TransferCertificate", times=4, invocation=0),)),
    ),
    "the referee does not know that what an adopter leaves attached may be of the resource that keeps it": (
        Deploy(1, (("IssuedA", Wish("requested", retain="Retain", keep="KEEP")),)),
        Amend(1, "rotate"),
        Deploy(0, (("DeviceA", Wish("kin", adopt=True, generation=1)),)),
        Amend(0, "attach-more", 1, "first"),
    ),
    "the referee forgets, in an update of something else, that another owner's transfer has overtaken one": (
        Deploy(1, (TRANSFER,)),
        Amend(1, "rotate"),
        Race(Amend(1, "rotate"), Deploy(2, (TRANSFER,)), later=20.0),
        Amend(1, "on-delete"),
    ),
    "the referee does not know that of what a rollback retains only that stack's events tell": (
        Deploy(1, (("IssuedA", Wish("requested", retain="Retain")),)),
        Race(
            Amend(1, "rotate", 0, "first", (Fault("die", 2, times=3, invocation=1),)),
            Deploy(0, (REQUESTED,)),
            later=5.0,
        ),
    ),
    "a Create overlooks its own certificate, because another one is deleted between two pages of the list": (
        Deploy(0, (REQUESTED,)),
        Hand("delete", "requested"),
        Race(
            Amend(0, "rotate", 0, "first", (Fault("mute", invocation=2),)),
            Deploy(2, (REQUESTED,)),
            later=20.0,
        ),
    ),
    "an Update that comes again after its rollback has another certificate issued, of which nobody hears": (
        Deploy(0, (("IssuedA", Wish("requested", attached=("publish",))),)),
        Hand("delete", "requested"),
        Amend(0, "attach", faults=(Fault("deny", "iot.AttachPolicy", "before", times=2, invocation=0),)),
        Again(),
    ),
    "what is left because the role may not list the stacks is not said to be in doubt": (
        Deploy(0, (("IssuedA", Wish("requested", attached=("publish",))),)),
        Race(
            Amend(0, "rotate", 0, "first", (Fault("deny", "cloudformation.ListStacks", invocation=2),)),
            Deploy(2, (REQUESTED,), faults=(Fault("mute", invocation=3),)),
            slow=3,
        ),
    ),
    "a rotation whose secret another stack takes at the last moment leaves what it has registered": (
        Deploy(1, (("IssuedA", Wish("issued", keep="KEEP")),)),
        Hand("delete", "issued"),
        Race(Amend(1, "rotate"), Deploy(2, (ISSUED,), "last"), later=0.3, slow=2),
    ),
    "a Delete takes for its own what another stack transfers a second after an Update that changes nothing": (
        Deploy(1, (TRANSFER,)),
        Hand("reject", "leaving"),
        Race(Amend(1, "on-delete"), Deploy(2, (TRANSFER,)), later=0.3, slow=-1),
    ),
    "the referee takes for a resource's own what another stack's Create transfers beside its Update": (
        Deploy(1, (TRANSFER,)),
        Hand("reject", "leaving"),
        Race(Deploy(2, (TRANSFER,), "last"), Amend(1, "on-delete"), later=0.3, slow=-1),
    ),
    "the referee takes for a resource's own what the Delete of another stack has not cancelled yet": (
        Deploy(1, (TRANSFER,)),
        Hand("cancel", "leaving"),
        Deploy(2, (TRANSFER,)),
        Race(Destroy(2), Amend(1, "rotate")),
    ),
    "the referee minds that an Update cancels what its maker has cancelled a second before": (
        Deploy(1, (TRANSFER,)),
        Hand("cancel", "leaving"),
        Race(Deploy(2, (TRANSFER,), "last"), Amend(1, "rotate"), later=0.3, slow=-1),
    ),
    "the referee wants a certificate put back by a Delete after which another stack transfers it": (
        Deploy(
            0,
            (TRANSFER,),
            "last",
            (Fault("deny", "iot.UpdateCertificate", "before", invocation=2),),
        ),
        Race(Deploy(1, (TRANSFER,)), Deploy(2, (TRANSFER,)), later=0.1),
    ),
    "the referee takes the status for a stranger's that an Update of a decision has set, as declared": (
        Hand("accept", "coming"),
        Deploy(1, (DECISION,)),
        Amend(1, "status"),
    ),
    "the referee takes a certificate for one that an earlier acceptance has brought, and that was deleted": (
        Deploy(0, (DECISION,), faults=(Fault("mute", 2, "before", times=3, invocation=2),)),
        Hand("send", "coming"),
        Deploy(2, (("DecisionA", Wish("coming", on_delete="RETAIN")),)),
    ),
    "the referee takes for a decision's own what another stack has registered, and a rollback leaves to it": (
        Deploy(1, (DECISION,)),
        Hand("delete", "coming"),
        Deploy(2, (("DeviceA", Wish("brought")),)),
        Race(Amend(1, "status"), Destroy(2), later=0.3, slow=1),
    ),
    "two stacks transfer one certificate in Updates of one moment, and a rollback leaves in doubt what was changed": (
        Deploy(1, (TRANSFER,)),
        Hand("cancel", "leaving"),
        Deploy(2, (TRANSFER,)),
        Race(
            Amend(1, "on-delete"), Deploy(2, (("TransferA", Wish("leaving", secret=1)),), "first"), later=1.0, slow=-1
        ),
    ),
    "the referee wants another message of a transfer that a rollback leaves in doubt": (
        Deploy(0, (TRANSFER,)),
        Race(
            Amend(0, "other-secret"),
            Deploy(1, (TRANSFER,), faults=(Fault("mute", "iot.DescribeCertificate", "before", times=4),)),
            later=0.3,
        ),
    ),
    "a Delete that comes again after another stack's transfer does not name what its own had detached": (
        Deploy(1, (TRANSFER,), "last", (Fault("fail", "iot.DescribeCertificate", "before", times=4, invocation=3),)),
        Deploy(0, (TRANSFER,)),
    ),
    "the referee wants a status undone that the owner set before an adopter tried to move to another certificate": (
        Deploy(2, (("IssuedA", Wish("issued", retain="Retain", keep="KEEP")),)),
        Deploy(0, (("DeviceA", Wish("kin", attached=("connect", "thermostat"), adopt=True)),)),
        Amend(2, "rotate"),
        Amend(2, "attach", 1),
        Amend(2, "status", 1),
        Amend(0, "status"),
    ),
    "an unfinished Create's key has lost AWSPENDING to another resource's, and the Delete leaves its certificate": (
        Deploy(1, (ISSUED,)),
        Hand("delete", "issued"),
        Race(
            Amend(1, "rotate", faults=(Fault("hang", "iot.RegisterCertificate", invocation=1),)),
            Deploy(0, (ISSUED,)),
            later=5.0,
            slow=2,
        ),
    ),
    "the referee takes for a move of a label one that is refused, because another resource has the label by now": (
        Deploy(1, (OWN_CA,)),
        Hand("delete", "own-ca"),
        Race(Amend(1, "rotate"), Deploy(2, (OWN_CA,)), later=1.0, slow=2),
    ),
    "the referee does not know that a decision is a holder, because of which a rollback leaves and names attachments": (
        Deploy(1, (DECISION,)),
        Deploy(2, (("DeviceA", Wish("brought")),)),
        Amend(2, "attach", 0, "first"),
    ),
    "a rollback gets stuck because it asks for an orphan's owners first, and has no time left for its secret": (
        Deploy(2, (("IssuedA", Wish("issued", attached=("connect", "thermostat"), keep="KEEP")),)),
        Amend(2, "rotate"),
        Hand("delete", "issued"),
        Race(Amend(2, "rotate"), Deploy(0, (ISSUED,)), later=1.0, slow=2),
    ),
    "a rotation is refused at its end, and has no time to remove its certificate, which no label leads to": (
        Deploy(2, (("IssuedA", Wish("issued", keep="KEEP")),)),
        Amend(2, "rotate"),
        Hand("delete", "issued"),
        Race(Amend(2, "rotate"), Deploy(0, (ISSUED,)), later=30.0, slow=2),
    ),
    "a rotation of a CA is refused at its end, and leaves its CA, which no label leads to": (
        Deploy(2, (("OwnCaA", Wish("own-ca", keep="KEEP")),)),
        Amend(2, "rotate"),
        Hand("delete", "own-ca"),
        Race(Amend(2, "rotate"), Deploy(0, (OWN_CA,)), later=30.0, slow=2),
    ),
    "the referee wants an orphan removed of an update that was cancelled, and over whose undoing the function died": (
        Lag(denied="cloudformation.DescribeStackEvents", denied_seconds=2.0),
        Deploy(2, (REQUESTED,)),
        Amend(
            2,
            "rotate",
            0,
            "first",
            (Fault("hang", "cloudformation.ListStackResources", "before", times=4, invocation=0),),
        ),
    ),
    "the referee wants a status back after a rollback that a decision on the certificate has set meanwhile": (
        Deploy(1, (DECISION,)),
        Deploy(2, (("DeviceA", Wish("brought")),)),
        Race(Deploy(2, (("DeviceA", Wish("brought")),), "after 0.2"), Amend(1, "status")),
    ),
    "the referee wants a label kept whose certificate, deleted by hand, comes back while the label is moved": (
        Deploy(2, (("IssuedA", Wish("issued", keep="KEEP")),)),
        Hand("delete", "issued"),
        Race(Amend(2, "rotate", 0, "cancel 0.2"), Deploy(0, (ISSUED,)), later=3.0, slow=2),
    ),
    "the referee wants put back what a transfer that was given up had changed, and was denied to put back": (
        Deploy(0, (TRANSFER,), "after 1.0", (Fault("deny", 7, times=4, invocation=0),)),
    ),
    "the Delete of a transfer that was never made sets ACTIVE what another one is to put back": (
        Deploy(0, (TRANSFER,)),
        Race(
            Deploy(1, (TRANSFER,), faults=(Fault("hang", "iot.DescribeCertificate", times=3, invocation=0),)),
            Destroy(0),
            later=20.0,
        ),
    ),
    "the referee takes the kept certificate for changed by the rollback of a rotation that registers the other again": (
        Deploy(0, (("IssuedA", Wish("issued", retain="Retain", keep="KEEP")),)),
        Deploy(2, (("DeviceA", Wish("kin", adopt=True)),)),
        Amend(2, "status"),
        Amend(0, "rotate"),
        Hand("delete", "issued"),
        Amend(0, "rotate", 1, "cancel 0.3"),
    ),
    "an adopter that attached to an earlier registration is taken for one that attached to what a hand registered": (
        Deploy(0, (DECISION, ("DeviceA", Wish("brought", attached=("connect", "thermostat"))))),
        Hand("delete", "coming"),
        Hand("register", "coming"),
        Amend(0, "rename", 1, "last"),
    ),
    "the referee wants ACTIVE what an Update that never answered has registered in place of another, and revoked": (
        Deploy(2, (REQUESTED,)),
        Hand("delete", "requested"),
        Amend(2, "revoke", faults=(Fault("mute", 5, times=3, invocation=2),)),
    ),
    "a rollback that failed takes its own failure for the Update's, and leaves what an adopter's Update attached": (
        Deploy(0, (DECISION, ("DeviceA", Wish("brought")))),
        Amend(0, "attach-more", 1, "last", (Fault("deny", 2, "before", times=3, invocation=2),)),
    ),
    "an adopter's Update is cancelled, and nothing names what it leaves attached since the owner may have, too": (
        Deploy(2, (("DeviceA", Wish(retain="Retain")),)),
        Deploy(1, (("DeviceA", Wish(adopt=True)),)),
        Race(
            Amend(2, "adopt"),
            Deploy(1, (("DeviceA", Wish(adopt=True, attached=("publish",))),), "cancel 0.2"),
            later=1.0,
            slow=-1,
        ),
    ),
    "likewise of one that fails": (
        Deploy(2, (("DeviceA", Wish(retain="Retain")),)),
        Deploy(1, (("DeviceA", Wish(adopt=True)),)),
        Race(
            Amend(2, "adopt"),
            Deploy(
                1,
                (("DeviceA", Wish(adopt=True, attached=("publish", "boiler"))),),
                faults=(Fault("deny", "iot.AttachThingPrincipal", "before", 9),),
            ),
            later=1.0,
            slow=-1,
        ),
    ),
    "a cancelled Update removes what its rollback has taken up in place of a certificate that is gone": (
        Lag(call=1.0),
        Deploy(1, (REQUESTED,)),
        Hand("delete", "requested"),
        Amend(1, "status", 0, "after 5.0", (Fault("deny", "cloudformation.DescribeStackResource", "before", 1, 0),)),
    ),
    "the referee wants a status put back that a decision has set for the first time": (
        Deploy(0, (DECISION,)),
        Deploy(1, (("DeviceA", Wish("brought", retain="Retain")),)),
        Race(
            Deploy(1, (("DeviceA", Wish("brought", adopt=True, retain="Retain", generation=1)),), "after 2.0"),
            Amend(0, "status"),
        ),
    ),
    "the referee wants a status put back that the resource has set which keeps the certificate": (
        Deploy(0, (("IssuedA", Wish("issued", retain="Retain", keep="KEEP")),)),
        Amend(0, "rotate"),
        Deploy(1, (("DeviceA", Wish("kin", adopt=True, generation=1)),)),
        Race(Deploy(1, (("DeviceA", Wish("kin")),)), Amend(0, "status"), later=0.3),
    ),
    "a cancelled Create leaves what it has registered without an answer: its Delete was served before": (
        Lag(call=1.0, denied="iot.RegisterCertificate", denied_seconds=8.0),
        Deploy(2, (DEVICE, REQUESTED), "after 0.1", (Fault("fail", 3, times=3, invocation=1),)),
    ),
    "the referee wants removed what a decision names, which was updated a second before the registration": (
        Deploy(1, (DECISION,)),
        Hand("delete", "coming"),
        Race(Amend(1, "status"), Deploy(2, (("DeviceA", Wish("brought")),), "after 10"), later=1.0, slow=1),
    ),
    "a cancelled Update takes itself for its rollback, and returns to the kept certificate": (
        Lag(seconds=0.5, call=1.0),
        Deploy(1, (("IssuedA", Wish("issued", keep="KEEP")),)),
        Amend(1, "rotate"),
        Deploy(1, (("IssuedA", Wish("issued", attached=("connect", "thermostat"))),), "first"),
    ),
    "what undoes a cancelled Update has another certificate issued": (
        Deploy(1, (("IssuedA", Wish("requested")),)),
        Hand("delete", "requested"),
        Race(
            Deploy(2, (("IssuedA", Wish("requested")),)),
            Amend(1, "status", 0, "after 0.2"),
            later=0.3,
            slow=1,
        ),
    ),
    "a rollback takes the transfer of its own cancelled Update for another owner's, and the Update changes it later": (
        Deploy(1, (TRANSFER,)),
        Lag(call=3.0),
        Deploy(1, (("TransferA", Wish("leaving", generation=1)),), "cancel 13.5"),
    ),
    "a rollback leaves to its own cancelled Update the transfer of what a hand had cancelled": (
        Deploy(1, (("TransferA", Wish("leaving", generation=1)),)),
        Hand("cancel", "leaving"),
        Lag(call=6.0),
        Deploy(1, (TRANSFER,), "after 20"),
    ),
    "a cancelled Update cancels a transfer that its rollback has found as it was": (
        Deploy(1, (TRANSFER,)),
        Lag(call=6.0),
        Deploy(1, (("TransferA", Wish("leaving", secret=1)),), "cancel 21"),
    ),
    "a cancelled Update asks all stacks whose a transfer is, and cancels it after its rollback has ended": (
        Deploy(1, (TRANSFER,)),
        Deploy(1, (("TransferA", Wish("leaving", secret=1)),)),
        Lag(call=2.0),
        Deploy(1, (TRANSFER,), "cancel 6.5"),
    ),
    "the rollback of a decision to another certificate sets a status that its Update never changed": (
        Deploy(1, (DECISION,)),
        Deploy(2, (("DeviceA", Wish("brought")),)),
        Amend(2, "status"),
        Deploy(1, (("DecisionA", Wish("coming", generation=1, status="INACTIVE")),)),
    ),
    "the rollback of a rotation that was refused sets the status, and turns on a device that was turned off": (
        Deploy(1, (("IssuedA", Wish("issued", retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish("kin", adopt=True)),)),
        Amend(2, "status"),
        Deploy(1, (("IssuedA", Wish("issued", generation=1, secret=2, retain="Retain")),)),
    ),
    "what undoes a cancelled rotation sets the status, and turns on a device that was turned off": (
        Deploy(1, (("IssuedA", Wish("issued", retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish("kin", adopt=True)),)),
        Amend(2, "status"),
        Amend(1, "rotate", 0, "cancel 0.2"),
    ),
    "the rollback of a rotation without a key sets the status, and turns on a device that was turned off": (
        Deploy(1, (("IssuedA", Wish("requested", retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish("kin", adopt=True)),)),
        Amend(2, "status"),
        Amend(1, "rotate", 0, "first"),
    ),
    "the rollback of a rotation that keeps the certificate before turns on a device that was turned off": (
        Deploy(1, (("IssuedA", Wish("issued", retain="Retain", keep="KEEP")),)),
        Deploy(2, (("DeviceA", Wish("kin", adopt=True)),)),
        Amend(2, "status"),
        Amend(1, "rotate", 0, "first"),
    ),
    "the referee wants a status put back by the rollback of a rotation that set another one": (
        Deploy(1, (("IssuedA", Wish("issued", retain="Retain")),)),
        Deploy(2, (("DeviceA", Wish("kin", adopt=True)),)),
        Amend(2, "status"),
        Deploy(1, (("IssuedA", Wish("issued", generation=1, status="INACTIVE", retain="Retain")),), "first"),
    ),
    "a cancelled rotation leaves its certificate where that before it, deleted by hand, is to be issued again": (
        Deploy(1, (REQUESTED,)),
        Hand("delete", "requested"),
        Deploy(1, (ISSUED,), "cancel 0.42"),
    ),
    "a rollback has another certificate issued for one deleted by hand, and leaves that of the failed rotation": (
        Deploy(1, (REQUESTED,)),
        Hand("delete", "requested"),
        Deploy(1, (ISSUED,), "", (Fault("mute", times=3),)),
    ),
    "a rollback makes another CA, whose secret has lost its key, and leaves that of the failed rotation": (
        Deploy(1, (OWN_CA,)),
        Hand("delete", "own-ca"),
        Deploy(2, (OWN_CA,)),
        Amend(2, "rotate"),
        Destroy(2),
        Deploy(1, (("OwnCaA", Wish("own-ca", secret=1)),), "", (Fault("mute", times=3),)),
    ),
    "a rollback has AWS IoT issue another certificate for one deleted by hand, and leaves that of the failed update": (
        Deploy(1, (("DeviceA", Wish("csr")),)),
        Hand("delete", "csr"),
        Deploy(1, (DEVICE,), "", (Fault("mute", times=3),)),
    ),
    "the sweep of a CA turns off what another stack's Create has registered and not answered yet": (
        Deploy(1, (("CaA", Wish("ca", sweep="DEACTIVATE")),)),
        Race(
            Deploy(0, (("DeviceA", Wish("under", attached=("publish",), adopt=True)),)),
            Destroy(1),
            later=20.0,
        ),
    ),
    "likewise of an Update": (
        Deploy(1, (("CaA", Wish("ca", sweep="DEACTIVATE")),)),
        Deploy(0, (DEVICE,)),
        Race(Deploy(0, (("DeviceA", Wish("under", attached=("publish",))),)), Destroy(1), later=10.0),
    ),
    "the sweep of a CA deletes what another stack's Create has registered and not answered yet": (
        Deploy(1, (("CaA", Wish("ca", sweep="DELETE")),)),
        Race(Deploy(0, (("DeviceA", Wish("under")),)), Destroy(1), later=10.0),
    ),
    "likewise with its things": (
        Deploy(1, (("CaA", Wish("ca", sweep="DELETE_WITH_THINGS")),)),
        Race(Deploy(0, (("DeviceA", Wish("under")),)), Destroy(1), later=10.0),
    ),
}
_CASES: list[Any] = [
    *(pytest.param(Neighbourhood, life, id=name) for name, life in OF_NEIGHBOURS.items()),
    *(pytest.param(AccountInUse, life, id=name) for name, life in OF_ALL_TYPES.items()),
]


@pytest.mark.parametrize(("account", "life"), _CASES)
def test_holds(cloud: Cloud, account: type[Neighbourhood], life: Sequence[Step]) -> None:
    account(cloud).play(list(life))
