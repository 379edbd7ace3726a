"""The manifest of a fleet: a folder that ``iot-certificates fleet manifest`` wrote, or its uploaded location."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_cdk import AssetStaging, FileAssetPackaging, NestedStack, Stack, Token

from iot_certificate_provider.fleet.manifest import Manifest
from iot_certificate_provider.pki import UnusableError
from iot_certificates.declared.arguments import Place
from iot_certificates.declared.described import described
from iot_certificates.declared.kinds import has_members
from iot_certificates.declared.state import is_known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_s3 as s3
    from constructs import Construct

MANIFEST = "manifest.json"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_UPLOADING = "Uploading"
_ASSETS = "iot-certificate-fleets"
"""The folder of manifests in the bucket of the CDK's assets."""

_MAKE = "Make it with `iot-certificates fleet manifest … --out FOLDER`, and give the folder that has manifest.json"
_UPLOAD = "Upload the folder with `iot-certificates fleet manifest --upload s3://…`, and give FleetManifest.from_s3(…)"


@dataclass(frozen=True)
class ManifestLocation:
    """The location of a manifest after the app is deployed.

    * ``bucket_name``: may be a token. ``prefix``: ends with ``/``.
    * ``objects``: their keys, as far as the app uploads them. ``keys``: ARNs of KMS keys that encrypt them.
    """

    bucket_name: str
    prefix: str
    objects: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def siblings(self) -> str:
        """The prefix of this manifest, of the one before and of the next: an update reads two of them."""
        head, slash, _ = self.prefix.rstrip("/").rpartition("/")
        return f"{head}{slash}"


@dataclass(frozen=True)
class FleetManifest:
    """The certificates of a fleet, as ``iot-certificates fleet manifest`` wrote them.

    ``FleetManifest.from_file(folder)`` is for a folder of this machine, which the deployment uploads like assets;
    ``FleetManifest.from_s3(bucket, prefix, count)`` is for an uploaded manifest. ``count``: number of certificates.
    """

    count: int
    folder: Path | None = None
    manifest: Manifest | None = field(default=None, repr=False)
    location: ManifestLocation | None = None

    @classmethod
    def from_file(cls, folder: str | Path) -> FleetManifest:
        """Read the manifest in a folder; the deployment uploads it to the bucket of the CDK's assets, under its hash.

        Raises CertificateDeclarationError for a folder without a manifest, and a shard that is missing or was changed.
        """
        place = Place(None, "folder")
        path = _taken_folder(place, folder)
        try:
            content = (path / MANIFEST).read_bytes()
        except OSError as error:
            raise place.refuse(f"'{path}' has no {MANIFEST} that can be read: {error.strerror}", _MAKE) from None
        try:
            manifest = Manifest.from_json(content)
        except UnusableError as error:
            raise place.refuse(f"'{path}': {error.problem}", error.fix) from None
        if content != manifest.to_json():
            raise place.refuse(f"'{path / MANIFEST}' was changed by hand", _MAKE)
        _check_shards(place, path, manifest)
        return cls(manifest.count, folder=path, manifest=manifest)

    @classmethod
    def from_s3(
        cls, bucket: s3.IBucket | str, prefix: str, count: int, *, encryption_key: kms.IKey | None = None
    ) -> FleetManifest:
        """Refer to an uploaded manifest of ``count`` certificates: ``prefix`` ends with the SHA-256 of manifest.json.

        * ``bucket``: of the app, imported, or its name; may be a token. ``prefix`` and ``count`` are known at synth.
        * ``encryption_key``: your key of AWS KMS that encrypts the bucket; a bucket of the app passes its own key on.
          The key's policy must leave the decision to IAM, as the keys of the CDK do.

        Raises CertificateDeclarationError.
        """
        keys = _key_arns(bucket if encryption_key is None else None, encryption_key)
        prefix = f"{_taken_prefix(prefix).strip('/')}/"
        return cls(_taken_count(count), location=ManifestLocation(_bucket_name(bucket), prefix, keys=keys))

    def bind(self, scope: Construct) -> ManifestLocation:
        """Return where the manifest will be; a folder becomes assets of the stack of ``scope``."""
        if self.location is not None:
            return self.location
        uploaded = _upload(scope, self._files())
        bucket_name, first = uploaded[0]
        if not is_known(first) or not first.endswith(f"/{MANIFEST}"):
            raise Place(scope, "manifest").refuse("cannot be uploaded by the synthesizer of this stack", _UPLOAD)
        return ManifestLocation(bucket_name, first.removesuffix(MANIFEST), tuple(key for _, key in uploaded))

    def _files(self) -> Iterator[tuple[Path, str]]:
        """Yield each file, and its place below the bucket's folder of assets, without its extension."""
        if self.folder is None or self.manifest is None:
            return
        beginning = f"{_ASSETS}/{self.manifest.sha256}"
        for file in [MANIFEST, *(partition.file for partition in self.manifest.partitions)]:
            yield self.folder / file, f"{beginning}/{Path(file).with_suffix('')}"


def _upload(scope: Construct, files: Iterable[tuple[Path, str]]) -> list[tuple[str, str]]:
    """Make assets that are uploaded under names of their own; return the bucket and the key of each.

    An Asset would have its key made of a hash, and a folder be zipped: here the manifest's hash is in the name already.
    """
    stack = Stack.of(scope)
    # Of a stack that was given a synthesizer jsii returns that very object, which knows no stack: the CDK binds a copy
    # of it. A nested stack hands its assets on to the copy, and is gone before the synthesis.
    nested = NestedStack(scope, _UPLOADING)
    locations = []
    for path, name in files:
        staged = AssetStaging(scope, f"Asset{name.rpartition('/')[2]}", source_path=str(path.resolve()))
        locations.append(
            nested.synthesizer.add_file_asset(
                source_hash=name, file_name=staged.relative_staged_path(stack), packaging=FileAssetPackaging.FILE
            )
        )
    for construct_id in (_UPLOADING, f"{_UPLOADING}.NestedStack"):
        scope.node.try_remove_child(construct_id)
    return [(location.bucket_name, location.object_key) for location in locations]


def _check_shards(place: Place, folder: Path, manifest: Manifest) -> None:
    for partition in manifest.partitions:
        file = folder / partition.file
        if not file.is_file():
            raise place.refuse(f"'{file}' is missing", _MAKE)
        with file.open("rb") as shard:
            digest = hashlib.file_digest(shard, "sha256").hexdigest()
        if digest != partition.sha256:
            raise place.refuse(f"'{file}' was changed: its SHA-256 is not that of {MANIFEST}", _MAKE)


def _taken_folder(place: Place, folder: Any) -> Path:
    if not isinstance(folder, (str, Path)):
        raise place.refuse(f"is {described(folder)}", _MAKE)
    return Path(folder)


def _taken_prefix(prefix: Any) -> str:
    last = prefix.rstrip("/").rpartition("/")[2] if isinstance(prefix, str) else ""
    if not _SHA256.fullmatch(last):
        raise Place(None, "prefix").refuse(
            f"is {described(prefix)}, not the prefix of a manifest, …/<sha256 of manifest.json>/",
            "Give the prefix that `iot-certificates fleet manifest --upload` printed",
        )
    return str(prefix)


def _taken_count(count: Any) -> int:
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise Place(None, "count").refuse(f"is {described(count)}", "Give the number of certificates, a whole number")
    return count


def _key_arns(bucket: Any, key: Any) -> tuple[str, ...]:
    """Return the ARN of the key that was given, or that a bucket has."""
    if key is None and has_members(bucket, "encryption_key"):
        key = bucket.encryption_key
    if key is None:
        return ()
    if not has_members(key, "key_arn"):
        raise Place(None, "encryption_key").refuse(f"is {described(key)}", "Give the key: kms.Key.from_key_arn(…)")
    return (str(key.key_arn),)


def _bucket_name(bucket: Any) -> str:
    if isinstance(bucket, str) and bucket:
        return bucket
    if has_members(bucket, "bucket_name"):
        return str(bucket.bucket_name)
    if Token.is_unresolved(bucket):
        return Token.as_string(bucket)
    raise Place(None, "bucket").refuse(f"is {described(bucket)}", "Give the bucket, or its name")
