"""The tags that a CA certificate declares, beside those by which the provider knows its own."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import OUR_TAG_PREFIX, OUR_TAGS, CaCertificateProperty
from iot_certificate_provider.errors import InvalidPropertyError, shown
from iot_certificate_provider.properties.reader import Reader, is_text
from iot_certificate_provider.properties.shapes import ALWAYS, Maps, Shape, Text, Update

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TAGS = 50 - len(OUR_TAGS)
"""AWS takes 50 tags a resource; a CA certificate also carries those by which the provider knows its own."""

MAX_TAG_KEY_CHARACTERS = 128
MAX_TAG_VALUE_CHARACTERS = 256


class TagProperty(StrEnum):
    """The properties of a tag."""

    KEY = "Key"
    VALUE = "Value"


_KEY = Text(
    TagProperty.KEY,
    about=f"not one that begins with `{OUR_TAG_PREFIX}`, and each once",
    required=ALWAYS,
    pattern=re.compile(rf"(?!{OUR_TAG_PREFIX})[\s\S]*"),
    shortest=1,
    longest=MAX_TAG_KEY_CHARACTERS,
)
_VALUE = Text(TagProperty.VALUE, about="may be empty", required=ALWAYS, shortest=0, longest=MAX_TAG_VALUE_CHARACTERS)

TAGS = Maps(
    CaCertificateProperty.TAGS,
    Shape((_KEY, _VALUE)),
    about="the tags of the CA certificate",
    update=Update.IN_PLACE,
    most=MAX_TAGS,
    too_many=f"At most {MAX_TAGS} are possible: AWS IoT takes 50, of which three are ours",
)


def read_tags(reader: Reader) -> Mapping[str, str]:
    """Read Tags, a list of Key and Value, each key once."""
    tags: dict[str, str] = {}
    for item in reader.items(TAGS):
        if not isinstance(item, dict) or set(item) != {*TAGS.shape.names} or not all(map(is_text, item.values())):
            raise InvalidPropertyError(TAGS.name, "an item is not a map of Key and Value", "Write {Key: …, Value: …}")
        key, value = item[TagProperty.KEY], item[TagProperty.VALUE]
        _check_tag(key, value)
        if key in tags:
            raise InvalidPropertyError(TAGS.name, f"the key {shown(key)} is there twice", "Use each key once")
        tags[key] = value
    reader.check_count(TAGS, tags)
    return tags


def _check_tag(key: str, value: str) -> None:
    if key.startswith(OUR_TAG_PREFIX):
        raise InvalidPropertyError(TAGS.name, f"the prefix {OUR_TAG_PREFIX} is taken", "Use another key")
    if not 1 <= len(key) <= MAX_TAG_KEY_CHARACTERS:
        raise InvalidPropertyError(TAGS.name, f"a key has {len(key)} characters", f"Use 1 to {MAX_TAG_KEY_CHARACTERS}")
    if len(value) > MAX_TAG_VALUE_CHARACTERS:
        raise InvalidPropertyError(
            TAGS.name, f"a value has {len(value)} characters", f"Use at most {MAX_TAG_VALUE_CHARACTERS}"
        )
