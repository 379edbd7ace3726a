"""Random scripts of two stacks' lives, as Hypothesis draws them, and one in which every operation is called."""

from __future__ import annotations

from hypothesis import strategies as st

from protocol.function import Fault
from protocol.walk import KINDS, Again, Deploy, Destroy, Outside, Step, Wanted

_OPERATIONS = {
    "iot": (
        "RegisterCACertificate",
        "RegisterCertificate",
        "RegisterCertificateWithoutCA",
        "CreateCertificateFromCsr",
        "UpdateCertificate",
        "UpdateCACertificate",
        "DeleteCertificate",
        "DeleteCACertificate",
        "AttachPolicy",
        "DetachPolicy",
        "AttachThingPrincipal",
        "DetachThingPrincipal",
        "DescribeCertificate",
        "ListAttachedPolicies",
        "ListPrincipalThings",
        "GetRegistrationCode",
    ),
    "cloudformation": ("DescribeStackResource", "DescribeStackEvents"),
    "acm-pca": ("GetCertificateAuthorityCertificate", "IssueCertificate", "GetCertificate"),
    "secretsmanager": ("GetSecretValue", "PutSecretValue", "DescribeSecret", "UpdateSecretVersionStage"),
}
REACHED = {
    (f"{service}.{operation}", when)
    for service, operations in _OPERATIONS.items()
    for operation in operations
    for when in ("before", "after")
}
"""Where the function has to have died at least once."""

_OUTSIDE = ("attach", "detach", "deactivate", "delete", "revoke", "renew", "renew", "switch", "connect", "connect")
_kinds = st.sampled_from(["die", "die", "die", "throttle", "fail", "fail", "deny", "hang", "mute"])
_faults = st.builds(
    Fault,
    kind=_kinds,
    at=st.one_of(st.integers(0, 9), st.sampled_from(sorted({name for name, _ in REACHED}))),
    when=st.sampled_from(["before", "after"]),
    times=st.sampled_from([1, 1, 3, 4]),
    invocation=st.integers(0, 4),
)
_some_faults = st.lists(_faults, max_size=2).map(tuple)
_stack = st.sampled_from([0, 0, 0, 1])


def scripts_of(*kinds: str, generations: int = 2, keeps: float = 0.5) -> st.SearchStrategy[list[Step]]:
    """Draw scripts in which resources of these kinds are declared; the last kind, somebody else's, more seldom.

    ``keeps``: the share of rotations that keep the certificate before.
    """
    kept = round(4 * keeps)
    wanted = st.builds(
        Wanted,
        kind=st.sampled_from([*kinds[:-1] * 4, kinds[-1]]),
        generation=st.integers(0, generations - 1),
        status=st.sampled_from(["ACTIVE"] * 5 + ["INACTIVE"] * 3 + ["REVOKED"]),
        policies=st.sampled_from([(), ("connect",), ("publish", "shadow")]),
        things=st.sampled_from([(), ("thermostat",), ("boiler",)]),
        existing=st.sampled_from(["FAIL"] * 3 + ["ADOPT"]),
        sweep=st.sampled_from(["RETAIN", "RETAIN", "DEACTIVATE", "DELETE", "DELETE_WITH_THINGS"]),
        previous=st.sampled_from(["DELETE"] * (4 - kept) + ["KEEP"] * kept),
    )
    templates = st.lists(wanted, min_size=1, max_size=4).map(tuple)
    deploys = st.builds(Deploy, templates, _some_faults, st.booleans(), _stack)
    steps: st.SearchStrategy[Step] = st.one_of(
        deploys,
        deploys,
        st.builds(Destroy, _some_faults, _stack),
        st.builds(Outside, st.sampled_from(_OUTSIDE), st.integers(0, 3), _stack),
        st.builds(Again, st.integers(0, 2)),
    )
    return st.builds(lambda first, rest: [first, *rest], deploys, st.lists(steps, min_size=1, max_size=5))


scripts = st.one_of(scripts_of(*KINDS), scripts_of(*KINDS), scripts_of(*KINDS[-4:], generations=4, keeps=0.75))
"""Of any kinds; every third of those that rotate, most of which keep the certificate before."""


def everything(fault: Fault) -> list[Step]:
    """A life in which every operation is called, with one fault in each step."""
    first = tuple(Wanted(kind, 0, "ACTIVE", ("connect",), ("thermostat",)) for kind in KINDS[:-1])
    second = tuple(Wanted(kind, 0, "INACTIVE", ("publish",), ("boiler",)) for kind in KINDS[:-1])
    third = tuple(Wanted(kind, 1) for kind in KINDS[:-1])
    return [Deploy(first, (fault,)), Deploy(second, (fault,)), Deploy(third, (fault,)), Destroy((fault,))]
