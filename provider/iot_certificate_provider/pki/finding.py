"""A rule that a certificate or a signing request breaks, though it can be read."""

from __future__ import annotations

from iot_certificate_provider.frozen import dataclass


@dataclass(frozen=True)
class Finding:
    """One broken rule.

    * ``rule``: where the rule stands, like ``RFC 5280, 4.1.2.4``.
    * ``problem``: a clause whose subject is the certificate, like ``has '_' in a PrintableString of its subject``.

    The certificate is public: ``problem`` can quote it.
    """

    rule: str
    problem: str

    def __str__(self) -> str:
        return f"{self.problem} ({self.rule})"


CONSEQUENCE = "AWS IoT and each device's library decide whether to accept it. Issue it again if you can"
"""The consequence of findings, for the reader of the message."""


def described(findings: tuple[Finding, ...], most: int = 3) -> str:
    """Return what the findings say, in one clause that begins with ``breaks``; of many, the first ``most``."""
    more = f", and {len(findings) - most} more" if len(findings) > most else ""
    return f"breaks rules: it {'; it '.join(map(str, findings[:most]))}{more}"
