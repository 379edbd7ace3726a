"""A fleet of device certificates as one resource: those of a manifest, registered, changed and removed in bulk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import RemovalPolicy, Resource, Stack

from iot_certificate_provider.contract import DeviceCertificateFleetAttribute, ResourceType
from iot_certificate_provider.contract import DeviceCertificateFleetProperty as Name
from iot_certificate_provider.fleet import arithmetic
from iot_certificate_provider.pki import Certificate, UnusableError
from iot_certificates.custom_resource import attribute, custom_resource
from iot_certificates.declared.arguments import SIGNATURE, Place, takes
from iot_certificates.declared.described import described
from iot_certificates.declared.kinds import FLAG, REMOVAL_POLICY, Having, Instance, ListOf
from iot_certificates.declared.state import is_known
from iot_certificates.device_certificate import CA_CERTIFICATE, resource_of
from iot_certificates.fleet_manifest import FleetManifest
from iot_certificates.fleet_provider import FleetProvider
from iot_certificates.provider import PROVIDER, IotCertificateProvider

if TYPE_CHECKING:
    from aws_cdk import CfnResource, interfaces
    from aws_cdk import aws_iot as iot
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_stepfunctions as sfn
    from constructs import Construct

    from iot_certificates.ca_certificate import ICaCertificate
    from iot_certificates.declared.kinds import Items
    from iot_certificates.fleet_manifest import ManifestLocation

_METADATA = "iot-certificates:manifest-objects"
_RATE = 8
_PERCENT = 100
_WITH_CA, _WITHOUT_CA = "iot:RegisterCertificate", "iot:RegisterCertificateWithoutCA"


class _Rates:
    """Certificates a second: the number of children depends on it, so that it is known at synth."""

    def take(self, place: Place, value: Any) -> Any:
        """Return the number."""
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not is_known(value) or value <= 0:
            raise place.refuse(f"is {described(value)}", "Give certificates a second, a number greater than 0")
        return value


class _Percentages:
    """From 0 to 100, of certificates."""

    def take(self, place: Place, value: Any) -> Any:
        """Return the number."""
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or (is_known(value) and not 0 <= value <= _PERCENT):
            raise place.refuse(f"is {described(value)}", "Give a percentage of certificates, from 0 to 100")
        return value


class DeviceCertificateFleet(Resource):
    """Registers the certificates of a manifest with AWS IoT Core, changes them by difference, and removes them.

    * ``manifest``: FleetManifest.from_file(folder), or .from_s3(bucket, prefix, count).
    * ``max_registrations_per_second``: 8 by default, of AWS's default quota of 10; raise the quota first.
    * ``tolerated_failure_percentage``: of certificates; more failures fail the request. 0 by default.
    * ``wait_for_completion``: with False, a Create and an Update answer when the work is planned, and what fails later
      is in ``results_location`` and in the metrics alone. A Delete always waits.
    * ``ca_certificate``: the CA that issued the certificates. It is registered before the fleet, deregistered after it.
    * ``policies``: those of the app that the manifest attaches: they are there before the fleet, and go after it.
    * ``removal_policy``: RETAIN leaves the certificates registered when the resource goes, and its bucket.
    * ``provider``: whose asset, runtime, architecture and tracing the functions have.

    CloudFormation waits an hour at most. A manifest that takes longer is refused at synth, with the arithmetic and the
    ways out. Attributes: ``registered``, ``already_registered``, ``failed`` (numbers of certificates, as texts),
    ``results_location``; ``bucket``, ``state_machine``, ``functions`` by the names of the machine's states.
    Raises CertificateDeclarationError, which names the argument and the fix.
    """

    __signature__ = SIGNATURE

    @takes(
        manifest=Instance((FleetManifest,), "Give FleetManifest.from_file(…) or FleetManifest.from_s3(…)"),
        max_registrations_per_second=_Rates(),
        tolerated_failure_percentage=_Percentages(),
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
        max_registrations_per_second: float = _RATE,
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
            provider=provider or IotCertificateProvider.get_or_create(scope),
            manifests=[self._arn(location)],
            rate=max_registrations_per_second,
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
                Name.MAX_REGISTRATIONS_PER_SECOND: _unless(_RATE, max_registrations_per_second),
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
        """How many certificates of the manifest the fleet has registered."""
        return attribute(self.custom_resource, DeviceCertificateFleetAttribute.REGISTERED)

    @property
    def already_registered(self) -> str:
        """How many were registered by another owner, and were left alone."""
        return attribute(self.custom_resource, DeviceCertificateFleetAttribute.ALREADY_REGISTERED)

    @property
    def failed(self) -> str:
        """How many failed."""
        return attribute(self.custom_resource, DeviceCertificateFleetAttribute.FAILED)

    @property
    def results_location(self) -> str:
        """Where the last run's results are: ``s3://…``."""
        return attribute(self.custom_resource, DeviceCertificateFleetAttribute.RESULTS_LOCATION)

    def _check_hour(self, count: int, rate: float) -> None:
        fitting = arithmetic.fitting(rate)
        if count <= fitting:
            return
        needed = arithmetic.rate_needed(count)
        raise Place(self, "manifest").refuse(
            f"has {count:,} certificates, and at {rate:g} a second {fitting:,} fit the hour that CloudFormation waits: "
            f"they take {arithmetic.seconds(count, rate) / 3600:.1f} h",
            f"Have AWS raise the quota of RegisterCertificate to {needed:,} a second, and give "
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
            raise Place(self, "manifest").refuse(f"has a CA that {error.problem}", error.fix) from None
        if not same:
            raise place.refuse("is not the CA of the manifest", "Make the manifest with the CA that is declared here")

    def _arn(self, location: ManifestLocation) -> str:
        stack = Stack.of(self)
        resource = f"{location.bucket_name}/{location.siblings}*"
        return stack.format_arn(service="s3", region="", account="", resource=resource)


def _register_actions(manifest: FleetManifest) -> list[str]:
    if manifest.manifest is None:
        return [_WITH_CA, _WITHOUT_CA]
    return [_WITHOUT_CA if manifest.manifest.defaults.ca_certificate_pem is None else _WITH_CA]


def _unless(default: float, value: float) -> str | None:
    return None if value == default else f"{value:g}"
