"""What AWS charges, and what it allows: each figure with its source and date. US East (N. Virginia), US dollars."""

from __future__ import annotations

from dataclasses import dataclass

LOOKED_UP = "2026-11-29"


@dataclass(frozen=True)
class Figure:
    """A number that somebody else has set. ``source`` is where it is published; ``is_aws`` whether AWS says so."""

    value: float
    unit: str
    source: str
    is_aws: bool = True

    def __str__(self) -> str:
        whose = "" if self.is_aws else ", a third party's figure"
        return f"{_plain(self.value)} {self.unit}: {self.source}{whose} (as of {LOOKED_UP})"


def _plain(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".")


TRANSITION = Figure(0.025 / 1000, "USD a state transition", "https://aws.amazon.com/step-functions/pricing/")
GB_SECOND = Figure(0.0000166667, "USD a GB-second of Lambda (x86)", "https://aws.amazon.com/lambda/pricing/")
INVOCATION = Figure(0.20 / 1e6, "USD an invocation of Lambda", "https://aws.amazon.com/lambda/pricing/")
S3_PUT = Figure(0.005 / 1000, "USD a PUT or LIST of S3", "https://c3x.dev/blog/s3-request-fees-explained", is_aws=False)
S3_GET = Figure(0.0004 / 1000, "USD a GET of S3", "https://c3x.dev/blog/s3-request-fees-explained", is_aws=False)
REGISTRY_OPERATION = Figure(
    1.25 / 1e6, "USD an operation on things", "no page was found that can be cited", is_aws=False
)
BULK_THING = Figure(
    0.10 / 1000, "USD a thing of a bulk registration task", "no page was found that can be cited", is_aws=False
)

REGISTRATION = Figure(
    0,
    "USD a registration: AWS's list of metered registry operations has none on certificates",
    "https://aws.amazon.com/iot-core/pricing/additional-details/",
)

QUOTA = Figure(
    10,
    "a second of RegisterCertificate, UpdateCertificate or DeleteCertificate by default",
    "https://docs.aws.amazon.com/general/latest/gr/iot-core.html#throttling-limits",
)
ONE_HOUR = Figure(
    3600,
    "seconds that CloudFormation waits for a custom resource at most",
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-cloudformation-customresource.html",
)
