"""Subject alternative names (RFC 5280, 4.2.1.6) of the kinds that a device has: host, URI, IP address, mailbox."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cryptography import x509

from iot_certificate_provider.errors import UnusableError

if TYPE_CHECKING:
    from collections.abc import Callable

# "Preferred name syntax": RFC 1034, 3.5, with RFC 1123, 2.1. A name outside ASCII is written in its form xn--….
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
# RFC 3986, 2 and 3.1.
_ABSOLUTE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
# "Mailbox" with a "Dot-string": RFC 5321, 4.1.2; its lengths: 4.5.3.1.
_LOCAL_PART = re.compile(r"(?=.{1,64}$)[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_MAX_MAILBOX_CHARACTERS = 254

_PREFIXES = "Write DNS:host.example.com, URI:urn:dev:mac:…, IP:192.0.2.1 or email:name@example.com"


def alternative_name(text: str) -> x509.GeneralName:
    """Read a name as OpenSSL writes it: ``DNS:…``, ``URI:…``, ``IP:…`` or ``email:…``.

    Raises UnusableError, whose problem goes on from the text itself.
    """
    prefix, colon, value = text.partition(":")
    read = _READ.get(prefix) if colon else None
    if read is None:
        raise UnusableError("does not begin with DNS:, URI:, IP: or email:", _PREFIXES)
    return read(value)


def check_alternative_names(names: x509.SubjectAlternativeName) -> None:
    """Check that there are names, all of them of the kinds above and well-formed."""
    if not list(names):
        raise UnusableError(
            "has an empty list of alternative names", "Make the request again, with names or without the list"
        )
    for name in names:
        read = _READ_KIND.get(type(name))
        if read is None:
            raise UnusableError(
                f"has an alternative name of the kind {type(name).__name__}",
                "Leave DNS, URI, IP and email names only",
            )
        try:
            read(str(name.value))
        except UnusableError as error:
            raise UnusableError(
                f"has an alternative name of the kind {type(name).__name__} that {error.problem}", error.fix
            ) from error


def _dns_name(value: str) -> x509.GeneralName:
    if _is_ip_address(value):
        raise UnusableError("is an IP address, not a host name", "Write it as IP:…")
    if not _HOST.fullmatch(value):
        raise UnusableError(
            "is not a host name", "Write letters, digits, hyphens and dots, at most 63 between two dots; no wildcard"
        )
    return x509.DNSName(value)


def _uri(value: str) -> x509.GeneralName:
    if not _ABSOLUTE_URI.fullmatch(value):
        raise UnusableError(
            "is not an absolute URI", "Write a scheme first, like urn:, and anything outside ASCII as %XX"
        )
    if not _has_a_host_if_it_needs_one(value):
        raise UnusableError(
            "has no valid host after its //",
            "Name a host or an IP address there, or use a scheme without //, like urn:",
        )
    return x509.UniformResourceIdentifier(value)


def _has_a_host_if_it_needs_one(uri: str) -> bool:
    # RFC 5280, 4.2.1.6: a URI that has an authority names a host or an IP address in it.
    if not uri.partition(":")[2].startswith("//"):
        return True
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return host is not None and (_HOST.fullmatch(host) is not None or _is_ip_address(host))


def _ip_address(value: str) -> x509.GeneralName:
    if not _is_ip_address(value):
        raise UnusableError("is not an IP address", "Write one address, IPv4 or IPv6, without mask or zone")
    return x509.IPAddress(ipaddress.ip_address(value))


def _is_ip_address(value: str) -> bool:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return address.version == 4 or address.scope_id is None


def _mailbox(value: str) -> x509.GeneralName:
    local, _, host = value.rpartition("@")
    if len(value) > _MAX_MAILBOX_CHARACTERS or not _LOCAL_PART.fullmatch(local) or not _HOST.fullmatch(host):
        raise UnusableError("is not a mailbox", "Write name@example.com alone, in ASCII")
    return x509.RFC822Name(value)


_READ: dict[str, Callable[[str], x509.GeneralName]] = {
    "DNS": _dns_name,
    "URI": _uri,
    "IP": _ip_address,
    "email": _mailbox,
}
KINDS = tuple(_READ)
"""The kinds of names: the part before the colon."""

_READ_KIND: dict[type[x509.GeneralName], Callable[[str], x509.GeneralName]] = {
    x509.DNSName: _dns_name,
    x509.UniformResourceIdentifier: _uri,
    x509.IPAddress: _ip_address,
    x509.RFC822Name: _mailbox,
}
