"""The tags that a CA certificate declares, beside those by which the provider knows its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.contract import CaCertificateProperty
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.ownership import OUR_TAG_PREFIX, OUR_TAGS
from iot_certificate_provider.properties.reader import Reader, is_text, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TAGS = 50 - len(OUR_TAGS)
"""AWS takes 50 tags a resource; a CA certificate also carries those by which the provider knows its own."""

MAX_TAG_KEY_CHARACTERS = 128
MAX_TAG_VALUE_CHARACTERS = 256


def read_tags(reader: Reader) -> Mapping[str, str]:
    """Read Tags, a list of Key and Value, each key once."""
    name = CaCertificateProperty.TAGS
    tags: dict[str, str] = {}
    for item in reader.items(name):
        if not isinstance(item, dict) or set(item) != {"Key", "Value"} or not all(map(is_text, item.values())):
            raise InvalidPropertyError(name, "an item is not a map of Key and Value", "Write {Key: …, Value: …}")
        _check_tag(item["Key"], item["Value"])
        if item["Key"] in tags:
            raise InvalidPropertyError(name, f"the key {shown(item['Key'])} is there twice", "Use each key once")
        tags[item["Key"]] = item["Value"]
    if len(tags) > MAX_TAGS:
        raise InvalidPropertyError(
            name,
            f"there are {len(tags)}",
            f"At most {MAX_TAGS} are possible: AWS IoT takes 50, of which three are ours",
        )
    return tags


def _check_tag(key: str, value: str) -> None:
    name = CaCertificateProperty.TAGS
    if key.startswith(OUR_TAG_PREFIX):
        raise InvalidPropertyError(name, f"the prefix {OUR_TAG_PREFIX} is taken", "Use another key")
    if not 1 <= len(key) <= MAX_TAG_KEY_CHARACTERS:
        raise InvalidPropertyError(name, f"a key has {len(key)} characters", f"Use 1 to {MAX_TAG_KEY_CHARACTERS}")
    if len(value) > MAX_TAG_VALUE_CHARACTERS:
        raise InvalidPropertyError(
            name, f"a value has {len(value)} characters", f"Use at most {MAX_TAG_VALUE_CHARACTERS}"
        )
