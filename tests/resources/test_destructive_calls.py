"""Every call that destroys, detaches, cancels, turns off, hands over, overwrites or relabels follows a decision.

The calls of the gateways are followed up: a function that makes one is an entrance, whose callers are followed in their
turn, or it asks first, or it touches only what the request itself, or its resource, has made. No other function makes
one: methods of one name are told apart by their class, and code outside a function is looked at as well.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PROVIDER = ROOT / "provider" / "iot_certificate_provider"
ROOMS = {"resources/": PROVIDER / "resources", "fleet/": PROVIDER / "fleet", "cli/": ROOT / "cli/iot_certificates_cli"}

DESTRUCTIVE = frozenset({
    "delete_certificate", "delete_ca_certificate", "delete_thing", "delete_registration_code",
    "detach_policy", "detach_thing", "untag",
    "update_certificate", "update_ca_certificate", "set_attributes",
    "transfer_certificate", "cancel_certificate_transfer", "accept_certificate_transfer", "reject_certificate_transfer",
    "put_pending", "make_current", "remove_pending",
})  # fmt: skip
"""The gateways' methods, of a receiver of any name."""

HARMLESS = frozenset({
    "was_unanswered", "waited", "registration_code", "after_detaching", "expecting_denial",
    "describe_ca_certificate", "find_ca_certificate", "newest_ca_certificates", "tags",
    "describe_certificate", "find_certificate", "newest_certificates", "certificates_of_ca", "outgoing_transfer",
    "attached_policies", "policy_targets", "attached_things", "principals", "time", "thing_exists",
    "text", "labels", "version",
    "register_ca_certificate", "register_certificate", "register_certificate_without_ca",
    "create_certificate_from_csr", "create_thing", "tag", "attach_policy", "attach_thing",
})  # fmt: skip
"""The others: they read, or make what was not there."""

GATEWAYS = ("iot.py", "iot_fleet.py", "secrets.py")

ENTRANCES = {
    "resources/removal/attachments.py:calls_of": r"calls_of",
    "resources/removal/attachments.py:detach": r"detach",
    "resources/removal/attachments.py:change_attachments": r"change_attachments",
    "resources/removal/device_certificate.py:DeviceCertificateRemoval.undo": r".*_removal\.undo",
    "resources/removal/device_certificate.py:DeviceCertificateRemoval.remove_and_release": r".*\.remove_and_release",
    "resources/removal/device_certificate.py:DeviceCertificateRemoval.remove_live": r".*\.remove_live",
    "resources/removal/device_certificate.py:DeviceCertificateRemoval._remove_detached": r".*\._remove_detached",
    "resources/removal/device_certificate.py:DeviceCertificateRemoval.detach_all": r".*\.detach_all",
    "resources/removal/device_certificate.py:DeviceCertificateRemoval.deactivate": r".*\.deactivate",
    "resources/removal/device_certificate.py:DeviceCertificateRemoval._delete": r"",
    "resources/ca/registration.py:CaCertificateRegistration.delete": r".*_registration\.delete",
    "resources/ca/registration.py:CaCertificateRegistration.turn_off": r".*\.turn_off",
    "resources/ca/registration.py:CaCertificateRegistration.deregister": r".*\.deregister",
    "resources/ca/change.py:CaCertificateChange._change_settings": r".*\._change_settings",
    "resources/ca/change.py:CaCertificateChange._change_tags": r".*\._change_tags",
    "resources/ca/change.py:CaCertificateChange.bring": r".*_change\.bring",
    "resources/ca/change.py:CaCertificateChange.change_owner": r".*\.change_owner",
    "resources/ca/deletion.py:CaCertificateDeletion._remove": r"self\._remove",
    "resources/ca/device_certificate_sweep.py:DeviceCertificateSweep.run": r".*_sweep\.run",
    "resources/ca/device_certificate_sweep.py:DeviceCertificateSweep._action": r".*\._action",
    "resources/ca/device_certificate_sweep.py:_keeping": r"sweep_one",
    "resources/keys/credentials.py:CredentialsStore.write": r".*_store\(\w+\)\.write",
    "resources/device/change.py:DeviceCertificateChange.set_status": r".*\.set_status",
    "resources/device/change.py:DeviceCertificateChange.bring": r".*_change\.bring",
    "resources/device/releasing.py:Releasing.release": r".*(_releasing|self)\.release",
    "resources/transfer/taking_back.py:TakingBack.cancel": r".*(_taking_back|self)\.cancel",
    "resources/transfer/taking_back.py:TakingBack.undo": r".*_taking_back\.undo",
    "resources/transfer/certificate_transfer.py:CertificateTransferResource._call_transfer": r".*\._call_transfer",
    "resources/transfer/certificate_transfer.py:CertificateTransferResource._transfer": r".*\._transfer",
    "resources/transfer/certificate_transfer.py:CertificateTransferResource._undo_transfer": r".*\._undo_transfer",
    "resources/transfer/certificate_transfer_decision.py:CertificateTransferDecisionResource._call_accept": (
        r".*\._call_accept"
    ),
    "resources/transfer/certificate_transfer_decision.py:CertificateTransferDecisionResource._call_reject": (
        r".*\._call_reject"
    ),
    "fleet/lines.py:LineWork._attach": r".*self\._attach",
    "fleet/lines.py:LineWork._bring": r".*self\._bring",
    "fleet/lines.py:LineWork._remove_live": r".*self\._remove_live",
    "fleet/lines.py:LineWork._delete_things": r".*self\._delete_things",
    "fleet/lines.py:LineWork._delete_thing": r".*self\._delete_thing",
}
"""Functions that lead to such a call, and what a mention of each is like: its callers are looked at."""

ASKING: dict[str, tuple[str, ...]] = {
    "resources/registration_code.py:RegistrationCodeResource.delete": ("_deletion",),
    "resources/removal/attachments.py:_attach_thing": ("attached_things",),
    "resources/ca/deletion.py:CaCertificateDeletion._of_own": ("deletion", "deletion_of_an_id"),
    "resources/ca/deletion.py:CaCertificateDeletion._of_leftovers": ("leftover",),
    "resources/ca/deletion.py:CaCertificateDeletion.remove_left_by_update": ("leftover",),
    "resources/ca/device_certificate_sweep.py:DeviceCertificateSweep._act_on_each": ("is_certificate",),
    "resources/ca/device_certificate_sweep.py:DeviceCertificateSweep._remove_with_things": ("is_thing", "principals"),
    "resources/ca/registration.py:CaCertificateRegistration._undo": ("undoing",),
    "resources/ca/registration.py:CaCertificateRegistration.remove_abandoned": ("undoing", "tagged_by_request"),
    "resources/device/deletion.py:DeviceCertificateDeletion.of_own": ("deletion", "deletion_of_an_id"),
    "resources/device/deletion.py:DeviceCertificateDeletion._leave": ("releasable",),
    "resources/device/deletion.py:DeviceCertificateDeletion._remove_leftover": ("leftover",),
    "resources/device/deletion.py:DeviceCertificateDeletion.of_adopted": ("is_registered_anew", "releasable"),
    "resources/device/adopted_device_certificate.py:AdoptedDeviceCertificate._attach_and_release": (
        "_check_not_attached",
        "detachable",
    ),
    "resources/device/adopted_device_certificate.py:AdoptedDeviceCertificate._detached_on_failure": ("releasable",),
    "resources/device/adopted_device_certificate.py:AdoptedDeviceCertificate._roll_back": (
        "_has_failed",
        "detachable",
    ),
    "resources/device/registration.py:DeviceCertificateRegistration._undo": ("undoing",),
    "resources/device/releasing.py:Releasing.release_new": ("_is_new",),
    "resources/issued/new_key_history.py:IssuedWithNewKey._make": ("check_writable",),
    "resources/ca/self_signed_ca_certificate.py:SelfSignedCaCertificateResource._make": ("check_writable",),
    "resources/keys/credentials.py:CredentialsStore.make_current": ("_replacing",),
    "resources/keys/credentials.py:CredentialsStore.settle": ("_is_dead", "_is_alive"),
    "resources/keys/credentials.py:CredentialsStore.give_up": ("labels",),
    "resources/transfer/acceptance.py:Acceptances.delete": ("_deletion",),
    "resources/transfer/acceptance.py:Acceptances.remove_leftover": ("leftover",),
    "resources/transfer/acceptance.py:Acceptances.undo": ("undoing",),
    "resources/transfer/taking_back.py:TakingBack.take_back": ("cancelling", "_is_over", "_is_off_by_transfer"),
    "resources/transfer/certificate_transfer.py:CertificateTransferResource._cancel": ("cancelling",),
    "resources/transfer/certificate_transfer.py:CertificateTransferResource._make_again": ("check_transferable",),
    "resources/transfer/certificate_transfer.py:CertificateTransferResource._held_or_new": (
        "check_transferable",
        "_check_no_sibling",
        "check_still_wanted",
    ),
    "resources/transfer/certificate_transfer_decision.py:CertificateTransferDecisionResource._accept": (
        "check_still_wanted",
    ),
    "resources/transfer/certificate_transfer_decision.py:CertificateTransferDecisionResource._reject": (
        "check_still_wanted",
    ),
    "resources/transfer/certificate_transfer_decision.py:CertificateTransferDecisionResource._change_status": (
        "_is_lost",
    ),
    "fleet/lines.py:LineWork._change": ("is_ours",),
    "fleet/lines.py:LineWork._complete": ("is_ours",),
    "fleet/lines.py:LineWork._remove": ("is_held", "is_ours"),
    "fleet/lines.py:LineWork._delete_thing": ("principals",),
    "cli/sweep.py:remove": ("describe_certificate",),
}
"""Functions that ask first, and the questions: each answer decides, in this function, whether or of what the call is
made. A check raises."""

OWN = {
    "resources/ca/ca_certificate.py:CaCertificateResource._change_registered": "an Update of its own, or adopted, CA",
    "resources/ca/ca_certificate.py:CaCertificateResource._register_or_return": "registered again by this request",
    "resources/ca/ca_certificate.py:CaCertificateResource.change_kept": "the CA that it keeps beside its own",
    "resources/ca/registration.py:CaCertificateRegistration._take_up": "registered by this request, by its tag",
    "resources/ca/self_signed_ca_certificate.py:SelfSignedCaCertificateResource._current": "make_current asks",
    "resources/issued/new_key_history.py:IssuedWithNewKey.registered": "make_current asks",
    "resources/device/adopted_device_certificate.py:AdoptedDeviceCertificate.update": "the Update declares it",
    "resources/device/device_certificate.py:DeviceCertificateResource._change_registered": "an Update of its own",
    "resources/device/device_certificate.py:DeviceCertificateResource._register_or_return": "this request has it",
    "resources/device/device_certificate.py:DeviceCertificateResource._update_issued": "an Update of its own",
    "resources/device/device_certificate.py:DeviceCertificateResource.change_kept": "what it keeps beside its own",
    "resources/device/registration.py:DeviceCertificateRegistration.issue": "issued a moment ago, for this request",
    "resources/device/registration.py:DeviceCertificateRegistration.take_up": "registered by this request",
    "resources/removal/attachments.py:Attachments.asked": "lists",
    "resources/transfer/taking_back.py:TakingBack._attach": "attaches",
    "fleet/lines.py:LineWork.act": "_remove asks",
}
"""Functions that need not ask, and why not."""


@dataclass(frozen=True)
class Mention:
    """A mention of a destructive call: called, or handed on to be called."""

    site: str
    function: ast.AST
    node: ast.expr

    @property
    def text(self) -> str:
        return ast.unparse(self.node)


@cache
def trees() -> dict[str, ast.Module]:
    return {
        room + path.relative_to(folder).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for room, folder in ROOMS.items()
        for path in sorted(folder.rglob("*.py"))
    }


def nodes() -> Iterator[Mention]:
    """Yield each name and attribute that is read, with the function, of a module or a class, that it is in."""
    for module, tree in trees().items():
        yield from _below(tree, module, [], tree)


def _below(node: ast.AST, module: str, names: list[str], function: ast.AST) -> Iterator[Mention]:
    for child in ast.iter_child_nodes(node):
        inside, within = names, function
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and function is _module(module):
            inside = [*names, child.name]
            within = function if isinstance(child, ast.ClassDef) else child
        if isinstance(child, ast.Attribute | ast.Name) and isinstance(child.ctx, ast.Load):
            yield Mention(f"{module}:{'.'.join(inside) or 'the module'}", within, child)
        yield from _below(child, module, inside, within)


def _module(name: str) -> ast.Module:
    return trees()[name]


@cache
def mentions() -> list[Mention]:
    """Return the mentions of what destroys, and of the functions that lead to it."""
    entrances = [re.compile(each) for each in ENTRANCES.values() if each]
    return [
        each
        for each in nodes()
        if (isinstance(each.node, ast.Attribute) and each.node.attr in DESTRUCTIVE)
        or any(pattern.fullmatch(each.text) for pattern in entrances)
    ]


@dataclass(frozen=True)
class Function:
    """A function that asks: its nodes, and what each is in."""

    node: ast.AST

    @property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {child: each for each in ast.walk(self.node) for child in ast.iter_child_nodes(each)}

    def asks(self, question: str) -> list[ast.Call]:
        """Return the calls of a question; one that is handed on, by its name, counts as the call that takes it."""
        return [
            each
            for each in ast.walk(self.node)
            if isinstance(each, ast.Call)
            and any(_is_named(inner, question) for inner in (each.func, *each.args, *(k.value for k in each.keywords)))
        ]

    def decides(self, asked: ast.Call, acts: set[ast.AST]) -> bool:
        """Whether the answer of a question is in a condition, or in what is acted upon, before an act or around it."""
        if ast.unparse(asked.func).rpartition(".")[2].lstrip("_").startswith("check"):
            return isinstance(self.parents[asked], ast.Expr)  # it raises
        return self._counts(asked, acts, set())

    def _counts(self, node: ast.AST, acts: set[ast.AST], seen: set[str]) -> bool:
        parents, within = self.parents, node
        while within in parents:
            above = parents[within]
            if isinstance(above, ast.If | ast.While | ast.IfExp) and within is above.test:
                return True
            if isinstance(above, ast.comprehension) and (within in above.ifs or within is above.iter):
                return True
            if isinstance(above, ast.For) and within is above.iter:
                return True
            if isinstance(above, ast.Call) and within is not above.func and acts & {*ast.walk(above)}:
                return True  # passed on to the act
            if isinstance(above, ast.Assign | ast.AnnAssign | ast.NamedExpr | ast.DictComp):
                targets = above.targets if isinstance(above, ast.Assign) else [getattr(above, "target", above)]
                names = {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
                if isinstance(above, ast.Assign | ast.AnnAssign | ast.NamedExpr):
                    return self._any_counts(names - seen, acts, seen | names)
            within = above
        return False

    def _any_counts(self, names: set[str], acts: set[ast.AST], seen: set[str]) -> bool:
        uses = (each for each in ast.walk(self.node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load))
        return any(self._counts(each, acts, seen) for each in uses if each.id in names)


def _is_named(node: ast.AST, name: str) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == name) or (isinstance(node, ast.Name) and node.id == name)


def test_a_gateway_has_no_other_method() -> None:
    found = {
        node.name
        for name in GATEWAYS
        for each in ast.parse((PROVIDER / "aws" / name).read_text(encoding="utf-8")).body
        if isinstance(each, ast.ClassDef)
        for node in each.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }
    assert found == DESTRUCTIVE | HARMLESS


def test_each_is_made_by_an_entrance_or_after_a_question_or_of_its_own() -> None:
    sites = {each.site for each in mentions()}
    listed = {*ENTRANCES, *ASKING, *OWN}
    assert sorted(sites - listed) == []
    assert sorted(listed - sites) == []
    assert not {*OWN} & {*ENTRANCES, *ASKING}, "one is listed twice"


@pytest.mark.parametrize("site", ASKING)
def test_the_answer_decides(site: str) -> None:
    made = [each for each in mentions() if each.site == site]
    function = Function(made[0].function)
    acts: set[ast.AST] = {each.node for each in made}
    last = max(each.node.lineno for each in made)
    for question in ASKING[site]:
        asked = [each for each in function.asks(question) if each.lineno <= last]
        assert asked, f"{question} is not asked before"
        assert any(function.decides(each, acts) for each in asked), f"the answer of {question} decides nothing"


IGNORED = """
def remove(self, request):
    decision = self._deletion(request)
    log(decision.reason)
    self._iot.delete_certificate(request.id)
"""
ASKED = """
def remove(self, request):
    decision = self._deletion(request)
    if not decision.proceeds:
        return
    self._iot.delete_certificate(request.id)
"""
PASSED_ON = """
def remove(self, request):
    own = self._deletion(request)
    self._iot.delete_certificate(own)
"""


@pytest.mark.parametrize(("text", "decides"), [(IGNORED, False), (ASKED, True), (PASSED_ON, True)])
def test_an_answer_that_is_ignored_decides_nothing(text: str, *, decides: bool) -> None:
    function = Function(ast.parse(text).body[0])
    acts: set[ast.AST] = {each for each in ast.walk(function.node) if _is_named(each, "delete_certificate")}
    (asked,) = function.asks("_deletion")
    assert function.decides(asked, acts) is decides
