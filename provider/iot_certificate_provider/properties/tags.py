"""The tags that a CA certificate declares, beside those by which the provider knows its own."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import OUR_TAG_PREFIX, OUR_TAGS, CaCertificateProperty
from iot_certificate_provider.errors import InvalidPropertyError, shown
from iot_certificate_provider.properties.shapes import ALWAYS, Maps, Shape, Text, Update

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iot_certificate_provider.properties.reader import Reader

MAX_TAGS = 50 - len(OUR_TAGS)
"""AWS takes 50 tags a resource; a CA certificate also carries those by which the provider knows its own."""


class TagProperty(StrEnum):
    """The properties of a tag."""

    KEY = "Key"
    VALUE = "Value"


_KEY = Text(
    TagProperty.KEY,
    about=f"not one that begins with `{OUR_TAG_PREFIX}`, and each once",
    required=ALWAYS,
    pattern=re.compile(rf"(?!{OUR_TAG_PREFIX})[\s\S]*"),
    problem=f"has the reserved prefix {OUR_TAG_PREFIX}",
    fix="Use another key",
    shortest=1,
    longest=128,
)
_VALUE = Text(TagProperty.VALUE, about="may be empty", required=ALWAYS, shortest=0, longest=256)

TAGS = Maps(
    CaCertificateProperty.TAGS,
    Shape((_KEY, _VALUE)),
    about="the tags of the CA certificate",
    update=Update.IN_PLACE,
    most=MAX_TAGS,
    too_many=f"Give at most {MAX_TAGS}, because AWS IoT allows 50 and the provider needs three",
)


def read_tags(reader: Reader) -> Mapping[str, str]:
    """Read Tags, a list of Key and Value, each key once."""
    tags: dict[str, str] = {}
    for tag in reader.maps(TAGS):
        key = tag.text(_KEY)
        if key in tags:
            raise InvalidPropertyError(TAGS.name, f"the key {shown(key)} is declared twice", "Declare each key once")
        tags[key] = tag.text(_VALUE)
    return tags
