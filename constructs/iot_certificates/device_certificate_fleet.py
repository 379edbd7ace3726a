"""A fleet of device certificates as one resource: those of a manifest, registered, changed and removed in bulk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from aws_cdk import Duration, RemovalPolicy, Resource, Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from iot_certificate_provider.contract import DeviceCertificateFleetAttribute, MetricDimension, MetricName, ResourceType
from iot_certificate_provider.contract import DeviceCertificateFleetProperty as Name
from iot_certificate_provider.fleet import arithmetic
from iot_certificate_provider.pki import Certificate, UnusableError
from iot_certificate_provider.properties.fleet import (
    DEFAULT_RATE,
    MAX_REGISTRATIONS_PER_SECOND,
    TOLERATED_FAILURE_PERCENTAGE,
)
from iot_certificates.custom_resource import attribute, custom_resource
from iot_certificates.declared.arguments import SIGNATURE, Place, takes
from iot_certificates.declared.described import described
from iot_certificates.declared.kinds import FLAG, REMOVAL_POLICY, Having, Instance, ListOf
from iot_certificates.declared.state import is_known
from iot_certificates.device_certificate import CA_CERTIFICATE, resource_of
from iot_certificates.fleet_manifest import FleetManifest
from iot_certificates.fleet_provider import REGISTER_WITH_CA, REGISTER_WITHOUT_CA, FleetProvider
from iot_certificates.metrics import MetricOptions, published_metric
from iot_certificates.provider import PROVIDER, ProviderAsset

if TYPE_CHECKING:
    from aws_cdk import CfnResource, interfaces
    from aws_cdk import aws_iot as iot
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_stepfunctions as sfn
    from constructs import Construct

    from iot_certificate_provider.properties.shapes import DecimalNumber
    from iot_certificates.ca_certificate import ICaCertificate
    from iot_certificates.declared.kinds import Items
    from iot_certificates.fleet_manifest import ManifestLocation
    from iot_certificates.provider import IotCertificateProvider

_DECIMALS = 3
_METADATA = "iot-certificates:manifest-objects"


@dataclass(frozen=True)
class _NumberAtSynth:
    """A number as the property demands, known at synth: the machine's definition, or a check, depends on it."""

    like: DecimalNumber
    what: str

    def take(self, place: Place, value: Any) -> Any:
        """Return the number."""
        least, greatest = float(self.like.least), self.like.greatest
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        # A token that is a number is far below any least one.
        if not is_number or not least <= value <= greatest or round(value, _DECIMALS) != value:
            raise place.refuse(f"is {described(value)}", f"Give {self.what}, from {least:g} to {greatest:,}")
        return value


_RATE = _NumberAtSynth(MAX_REGISTRATIONS_PER_SECOND, "certificates a second")
_PERCENTAGE = _NumberAtSynth(TOLERATED_FAILURE_PERCENTAGE, "a percentage of certificates")


class DeviceCertificateFleet(Resource):
    """Registers the certificates of a manifest with AWS IoT Core, changes them by difference, and removes them.

    * ``manifest``: FleetManifest.from_file(folder), or FleetManifest.from_s3(bucket, prefix, count).
    * ``max_registrations_per_second``: 8 by default, of AWS's default quota of 10; raise the quota first.
    * ``tolerated_failure_percentage``: of certificates; more failures fail the request. 0 by default.
    * ``wait_for_completion``: with False, a Create or an Update answers when the work is planned, and only
      ``results_location`` and the metrics report later failures. A Delete always waits.
    * ``ca_certificate``: the CA that issued the certificates. It is registered before the fleet, deregistered after it.
    * ``policies``: policies of the app that the manifest attaches; they are created before the fleet, deleted after it.
    * ``removal_policy``: RETAIN keeps the certificates registered when the resource is deleted, and keeps its bucket.
    * ``provider``: the functions have its asset, runtime, architecture and tracing.

    CloudFormation waits at most an hour. A manifest that takes longer is refused at synth, with the calculation and the
    alternatives. Attributes: ``registered``, ``already_registered``, ``failed`` (numbers of certificates, as texts),
    ``results_location``; ``bucket``, ``state_machine``, ``functions`` by the names of the machine's states; and
    ``metric_registered``, ``metric_failed``, ``metric_throttled``, ``metric_rate_per_second``.
    Raises CertificateDeclarationError, which names the argument and the fix.
    """

    __signature__ = SIGNATURE

    @takes(
        manifest=Instance((FleetManifest,), "Give FleetManifest.from_file(…) or FleetManifest.from_s3(…)"),
        max_registrations_per_second=_RATE,
        tolerated_failure_percentage=_PERCENTAGE,
        wait_for_completion=FLAG,
        ca_certificate=CA_CERTIFICATE,
        policies=ListOf(Having(("node",), "Give an iot.CfnPolicy of the app"), "Give a list: [policy]"),
        removal_policy=REMOVAL_POLICY,
        provider=PROVIDER,
    )
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        manifest: FleetManifest,
        max_registrations_per_second: float = DEFAULT_RATE,
        tolerated_failure_percentage: float = 0,
        wait_for_completion: bool = True,
        ca_certificate: ICaCertificate | None = None,
        policies: Items[iot.CfnPolicy | interfaces.aws_iot.IPolicyRef] = (),
        removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
        provider: IotCertificateProvider | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        if wait_for_completion:
            self._check_hour(manifest.count, max_registrations_per_second)
        self._check_issuer(manifest, ca_certificate)
        location = manifest.bind(self)
        serving = FleetProvider(
            self,
            "Provider",
            asset=provider or ProviderAsset(self, "Asset"),
            manifests=[self._arn(location)],
            keys=location.keys,
            children=arithmetic.children(max_registrations_per_second),
            register=_register_actions(manifest),
            removal_policy=removal_policy,
        )
        self._serving = serving
        self.custom_resource: CfnResource = custom_resource(
            self,
            ResourceType.DEVICE_CERTIFICATE_FLEET,
            {
                Name.MANIFEST_BUCKET: location.bucket_name,
                Name.MANIFEST_PREFIX: location.prefix,
                Name.MAX_REGISTRATIONS_PER_SECOND: _unless(DEFAULT_RATE, max_registrations_per_second),
                Name.TOLERATED_FAILURE_PERCENTAGE: _unless(0, tolerated_failure_percentage),
                Name.WAIT_FOR_COMPLETION: None if wait_for_completion else "false",
            },
            provider=serving,
            permissions=serving.ready,
            after=[*policies, *([] if ca_certificate is None else [resource_of(ca_certificate)])],
            removal_policy=removal_policy,
        )
        if location.objects:
            # `cdk gc` deletes assets that no template names.
            self.custom_resource.add_metadata(_METADATA, list(location.objects))

    def apply_removal_policy(self, policy: RemovalPolicy) -> None:
        """Set whether the certificates, and the bucket that lists them, are kept when the resource is deleted."""
        super().apply_removal_policy(policy)
        self._serving.bucket.apply_removal_policy(policy)

    @property
    def bucket(self) -> s3.IBucket:
        """The bucket with the fleet's runs and their results."""
        return self._serving.bucket

    @property
    def state_machine(self) -> sfn.StateMachine:
        """The state machine that does the work."""
        return self._serving.state_machine

    @property
    def functions(self) -> dict[str, lambda_.Function]:
        """The functions, by the names of the machine's states, and Begin and Died."""
        return self._serving.functions

    @property
    def registered(self) -> str:
        """The number of certificates of the manifest that the fleet has registered, as a text."""
        return attribute(self.custom_resource, DeviceCertificateFleetAttribute.REGISTERED)

    @property
    def already_registered(self) -> str:
        """The number of certificates that another owner had registered and that were not changed, as a text."""
        return attribute(self.custom_resource, DeviceCertificateFleetAttribute.ALREADY_REGISTERED)

    @property
    def failed(self) -> str:
        """The number of certificates that failed, as a text."""
        return attribute(self.custom_resource, DeviceCertificateFleetAttribute.FAILED)

    @property
    def results_location(self) -> str:
        """The location of the results of the last run: ``s3://…``."""
        return attribute(self.custom_resource, DeviceCertificateFleetAttribute.RESULTS_LOCATION)

    def metric_registered(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return the metric of registered certificates: the sum over 5 minutes."""
        return self._metric(MetricName.REGISTERED, cloudwatch.Stats.SUM, options)

    def metric_failed(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return the metric of failed certificates: the sum over 5 minutes."""
        return self._metric(MetricName.FAILED, cloudwatch.Stats.SUM, options)

    def metric_throttled(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return the metric of calls that AWS refused as too fast, and that were repeated: the sum over 5 minutes."""
        return self._metric(MetricName.THROTTLED, cloudwatch.Stats.SUM, options)

    def metric_rate_per_second(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return the metric of certificates a second of one worker: the average over 5 minutes."""
        return self._metric(MetricName.RATE_PER_SECOND, cloudwatch.Stats.AVERAGE, options)

    def _metric(self, name: MetricName, statistic: str, options: MetricOptions) -> cloudwatch.Metric:
        dimensions = {MetricDimension.FUNCTION_NAME: self.functions["Work"].function_name}
        usual: MetricOptions = {"statistic": statistic, "period": Duration.minutes(5)}
        return published_metric(self, name, dimensions, usual, **options)

    def _check_hour(self, count: int, rate: float) -> None:
        fitting = arithmetic.fitting(rate)
        if count <= fitting:
            return
        needed = arithmetic.rate_needed(count)
        raise Place(self, "manifest").refuse(
            f"has {count:,} certificates, and at {rate:,g} a second {fitting:,} fit the hour of CloudFormation. "
            f"They take {arithmetic.seconds(count, rate) / 3600:.1f} h",
            f"Ask AWS to raise the quota of RegisterCertificate to {needed:,} a second, and give "
            f"max_registrations_per_second={needed}; or split the manifest into several fleets; or give "
            "wait_for_completion=False (a Delete is then repeated until nothing is left)",
        )

    def _check_issuer(self, manifest: FleetManifest, ca: ICaCertificate | None) -> None:
        """Refuse another CA than that of the manifest, as far as both are known."""
        place = Place(self, "ca_certificate")
        if ca is None or manifest.manifest is None:
            return
        declared, pem = ca.certificate_pem, manifest.manifest.defaults.ca_certificate_pem
        if pem is None:
            raise place.refuse(
                "was given, and the manifest registers its certificates without a CA",
                "Make the manifest with `--ca FILE`, or leave ca_certificate out",
            )
        if declared is None or not is_known(declared):
            return
        try:
            same = Certificate.from_pem(declared).id == Certificate.from_pem(pem).id
        except UnusableError as error:
            raise Place(self, "manifest").refuse(f"has a CA certificate that {error.problem}", error.fix) from None
        if not same:
            raise place.refuse("is not the CA of the manifest", "Make the manifest with the CA that is declared here")

    def _arn(self, location: ManifestLocation) -> str:
        stack = Stack.of(self)
        resource = f"{location.bucket_name}/{location.siblings}*"
        return stack.format_arn(service="s3", region="", account="", resource=resource)


def _register_actions(manifest: FleetManifest) -> list[str]:
    if manifest.manifest is None:
        return [REGISTER_WITH_CA, REGISTER_WITHOUT_CA]
    has_ca = manifest.manifest.defaults.ca_certificate_pem is not None
    return [REGISTER_WITH_CA if has_ca else REGISTER_WITHOUT_CA]


def _unless(default: float, value: float) -> str | None:
    return None if value == default else f"{value:.{_DECIMALS}f}".rstrip("0").rstrip(".")
