"""Which hosts http(s) sources may name, and at which addresses they may live."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence

from consumer.media.source import refused, unresolved

Resolve = Callable[[str, int], list[str]]

_PUBLIC = ipaddress.ip_network("2000::/3")
"""What is handed out of IPv6 so far; the rest leads to inner networks, or carries an IPv4 address inside."""

_EXCEPT = (ipaddress.ip_network("2002::/16"), ipaddress.ip_network("3fff::/20"))
"""6to4, which carries an IPv4 address too, and what is for documents only."""

_OF_CLOUDS = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("168.63.129.16/32"))
"""Addresses that look public, and at which Oracle's and Azure's machines are told their secrets."""


def resolve(host: str, port: int) -> list[str]:
    """The host's addresses, in the system's order.

    Raises:
        TransientError: SOURCE_UNREACHABLE, the name cannot be resolved (now).
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise unresolved("video_url") from None
    return list(dict.fromkeys(str(address[4][0]) for address in found))


class HostRules:
    """ALLOWED_HOSTS: names, each with or without a port; `*.example.com` allows what lies below, `*` every public host.

    A host that is listed itself may live anywhere. One that only fits a pattern must have public addresses: else
    whoever controls a name below it could point it at this machine or its network.
    """

    def __init__(self, allowed: Sequence[str], resolve_host: Resolve = resolve) -> None:
        names = [name.lower().rstrip(".") for name in allowed]
        self._exact = frozenset(name for name in names if not name.startswith("*"))
        self._suffixes = tuple(name.removeprefix("*") for name in names if name.startswith("*"))
        self._resolve = resolve_host

    def addresses(self, host: str, port: int) -> list[str] | None:
        """The addresses that may be connected to; None: whatever the name resolves to.

        Raises:
            PermanentError: SOURCE_REFUSED, the host is not allowed.
            TransientError: SOURCE_UNREACHABLE, its name cannot be resolved.
        """
        host = host.lower().rstrip(".")
        if self._exact & {host, f"{host}:{port}", f"[{host}]", f"[{host}]:{port}"}:
            return None
        if not any(host.endswith(suffix) for suffix in self._suffixes):
            raise refused("The host of video_url must be listed in ALLOWED_HOSTS.")
        addresses = self._resolve(host, port)
        if not all(_is_public(address) for address in addresses):
            message = "The host of video_url has a private or local address and must itself be listed in ALLOWED_HOSTS."
            raise refused(message)
        return addresses


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif address not in _PUBLIC or any(address in network for network in _EXCEPT):
            return False
    if any(address in network for network in _OF_CLOUDS):
        return False
    return address.is_global and not address.is_multicast
