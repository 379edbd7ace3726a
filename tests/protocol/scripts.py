"""Random scripts of a stack's life, as Hypothesis draws them, and one in which every operation is called."""

from __future__ import annotations

from hypothesis import strategies as st

from protocol.function import Fault
from protocol.walk import KINDS, Again, Deploy, Destroy, Outside, Step, Wanted

REACHED = {
    (f"iot.{operation}", when)
    for operation in (
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
    )
    for when in ("before", "after")
} | {
    (f"cloudformation.{operation}", when)
    for operation in ("DescribeStackResource", "DescribeStackEvents")
    for when in ("before", "after")
}
"""Where the function has to have died at least once."""

_kinds = st.sampled_from(["die", "die", "die", "throttle", "fail", "fail", "deny", "hang", "mute"])
_faults = st.builds(
    Fault,
    kind=_kinds,
    at=st.one_of(st.integers(0, 9), st.sampled_from(sorted({name for name, _ in REACHED}))),
    when=st.sampled_from(["before", "after"]),
    times=st.sampled_from([1, 1, 3, 4]),
    invocation=st.integers(0, 4),
)
_wanted = st.builds(
    Wanted,
    kind=st.sampled_from([*KINDS[:-1] * 4, KINDS[-1]]),
    generation=st.integers(0, 1),
    status=st.sampled_from(["ACTIVE"] * 5 + ["INACTIVE"] * 3 + ["REVOKED"]),
    policies=st.sampled_from([(), ("connect",), ("publish", "shadow")]),
    things=st.sampled_from([(), ("thermostat",), ("boiler",)]),
)
_templates = st.lists(_wanted, min_size=1, max_size=4).map(tuple)
_some_faults = st.lists(_faults, max_size=2).map(tuple)
_deploys = st.builds(Deploy, _templates, _some_faults, st.booleans())
_steps: st.SearchStrategy[Step] = st.one_of(
    _deploys,
    _deploys,
    st.builds(Destroy, _some_faults),
    st.builds(Outside, st.sampled_from(["attach", "detach", "deactivate", "delete", "revoke"]), st.integers(0, 3)),
    st.builds(Again, st.integers(0, 2)),
)
scripts = st.builds(lambda first, rest: [first, *rest], _deploys, st.lists(_steps, min_size=1, max_size=5))


def everything(fault: Fault) -> list[Step]:
    """A life in which every operation is called, with one fault in each step."""
    first = tuple(Wanted(kind, 0, "ACTIVE", ("connect",), ("thermostat",)) for kind in KINDS[:-1])
    second = tuple(Wanted(kind, 0, "INACTIVE", ("publish",), ("boiler",)) for kind in KINDS[:-1])
    third = tuple(Wanted(kind, 1) for kind in KINDS[:-1])
    return [Deploy(first, (fault,)), Deploy(second, (fault,)), Deploy(third, (fault,)), Destroy((fault,))]
